"""Checks a lucky draw of a Night Market with nothing but what it publishes: Python's own library, none of the market's code.

python3 verify_draw.py https://market.example/graphql luckydraw_01h...
"""

import hashlib
import json
import sys
import urllib.request

DRAW = """query ($id: ID!, $entries: String, $winners: String) { luckyDraw(id: $id) {
  commitment seed entriesDigest entrants prizes { name pieces }
  entries(first: 100, after: $entries) { nodes { number entryId } pageInfo { hasNextPage endCursor } }
  winners(first: 100, after: $winners) { nodes { rank entry { entryId } prize { name } } pageInfo { hasNextPage endCursor } } } }"""


def check(draw, entries, winners):
    """Raises AssertionError with what is wrong; `entries` are in the order of their numbers, `winners` of their ranks."""
    assert draw["seed"], "it is not drawn yet: the seed is still secret"
    seed, digest = bytes.fromhex(draw["seed"]), bytes.fromhex(draw["commitment"])
    assert hashlib.sha256(seed).digest() == digest, "the seed is not the one that was committed to"
    assert [entry["number"] for entry in entries] == list(range(1, draw["entrants"] + 1)), "an entry is missing"
    for entry in entries:
        digest = hashlib.sha256(digest + bytes.fromhex(entry["entryId"])).digest()
    assert digest.hex() == draw["entriesDigest"], "the entries are not those of the digest"
    ids = [entry["entryId"] for entry in entries]
    ranked = sorted(ids, key=lambda each: hashlib.sha256(seed + digest + bytes.fromhex(each)).digest())
    promised = [prize["name"] for prize in draw["prizes"] for _ in range(prize["pieces"])]
    told = [(winner["entry"]["entryId"], winner["prize"]["name"]) for winner in winners]
    assert told == list(zip(ranked, promised, strict=False)), "others should have won"


def fetch(url, id):
    """The draw with all its entries and winners."""
    draw, entries, winners, ends = None, [], [], {"entries": None, "winners": None}
    while ends:
        body = json.dumps({"query": DRAW, "variables": {"id": id, **ends}}).encode()
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            draw = json.load(answer)["data"]["luckyDraw"]
        for name, kept in (("entries", entries), ("winners", winners)):
            kept += draw[name]["nodes"] if name in ends else []
        ends = {name: draw[name]["pageInfo"]["endCursor"] for name in ends if draw[name]["pageInfo"]["hasNextPage"]}
    return draw, entries, winners


if __name__ == "__main__":
    draw, entries, winners = fetch(*sys.argv[1:])
    check(draw, entries, winners)
    print(f"{len(winners)} of {len(entries)} entries have won, as the seed says")
