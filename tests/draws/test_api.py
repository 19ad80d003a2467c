"""Draws over HTTP: a host opens one, viewers enter, everybody checks who has won, and the winner collects the prize."""

import asyncio
import io
import runpy
from datetime import timedelta
from pathlib import Path

import pytest

from domain.accounts.rules import Role
from domain.draws.rules import Prize
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from tests.api.conftest import api, app, ask, post
from tests.audit import assert_clean
from tests.given import Given
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

REFUSED = "... on UserError { code message }"
PROMISED = """id state isOpen openTo title prizes { name value { amount } pieces } pieces entrants chance closesAt drawBy
  prizesUntil store { id } commitment seed entriesDigest reason drawnAt calledOffAt"""
OPEN = f"""mutation ($input: OpenLuckyDrawInput!) {{ openLuckyDraw(input: $input) {{ __typename
  ... on LuckyDraw {{ {PROMISED} }} {REFUSED} }} }}"""
ENTER = f"mutation ($id: ID!) {{ enterLuckyDraw(id: $id) {{ __typename ... on LuckyDrawEntry {{ number entryId }} {REFUSED} }} }}"
DRAW = f"mutation ($id: ID!) {{ drawLuckyDraw(id: $id) {{ __typename ... on LuckyDraw {{ {PROMISED} }} {REFUSED} }} }}"
CALL_OFF = f"""mutation ($input: CallOffLuckyDrawInput!) {{ callOffLuckyDraw(input: $input) {{ __typename
  ... on LuckyDraw {{ state reason }} {REFUSED} }} }}"""
HAND_OVER = f"""mutation ($input: HandOverPrizeInput!) {{ handOverPrize(input: $input) {{ __typename
  ... on HandedOverPrize {{ drawTitle rank prize {{ name }} }} {REFUSED} }} }}"""
MINE = "query ($id: ID!) { luckyDraw(id: $id) { myEntry { number entryId } myPrize { id } } }"
PRIZES = """{ myPrizes { nodes { id luckyDrawId drawTitle rank state code handedOverAt prizesUntil store { id }
  prize { name value { amount } } } } }"""
OF_ROOM = """query ($roomId: ID!) { roomDraws(roomId: $roomId) { nodes { id store { name } myEntry { number } myPrize { code }
  prizes { name } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
VERIFY = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "verify_draw.py"))


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def fetched(post, monkeypatch):
    """`await fetched(draw)`: what the published script fetches, by its own hands, over this market's own HTTP."""

    async def fetched(draw):
        loop = asyncio.get_running_loop()

        def urlopen(request):
            answer = asyncio.run_coroutine_threadsafe(post(request.data), loop).result(10)
            return io.BytesIO(answer.body)

        monkeypatch.setattr("urllib.request.urlopen", urlopen)
        return await asyncio.to_thread(VERIFY["fetch"], "http://market/graphql", encode("luckydraw", draw.id))

    return fetched


async def closed(given, room, *, entrants=0, prizes=None):
    """A draw that has just closed, with so many in it; opened a while ago, as nobody waits in a test."""
    now, given.now = given.now, given.now - timedelta(minutes=6)
    draw = await given.lucky_draw(room, entrants=entrants, **({"prizes": prizes} if prizes else {}))
    given.now = now
    return draw


async def test_a_host_opens_a_draw_and_everybody_reads_what_is_promised(ask, given):
    room, store_id = await given.live_room(), await given.pickup_store()
    closes_at = given.now + timedelta(minutes=5)
    wish = {
        "roomId": encode("room", room.id),
        "title": "整点抽奖",
        "prizes": [{"name": "空气炸锅", "valueMinor": 29900}, {"name": "优惠礼包", "valueMinor": 1990, "pieces": 2}],
        "closesAt": closes_at.isoformat(),
        "storeId": encode("store", store_id),
        "prizesUntil": (closes_at + timedelta(days=7)).isoformat(),
        "idempotencyKey": "open-0001",
    }
    host, roles = room.host.account_id, [Role.HOST]

    opened = await ask(OPEN, {"input": wish}, by=host, roles=roles)
    again = await ask(OPEN, {"input": wish}, by=host, roles=roles)
    stranger = await ask(OPEN, {"input": wish}, by=await given.shopper())
    too_dear = {**wish, "prizes": [{"name": "汽车", "valueMinor": 5_000_001}], "idempotencyKey": "open-0002"}
    dear = await ask(OPEN, {"input": too_dear}, by=host, roles=roles)
    seen = await ask(f"query ($id: ID!) {{ luckyDraw(id: $id) {{ {PROMISED} }} }}", {"id": opened.data["id"]})

    promised = opened.data | {"__typename": "LuckyDraw"}
    assert again.data == promised
    assert seen.data == {name: value for name, value in promised.items() if name != "__typename"}
    told = ("state", "isOpen", "openTo", "pieces", "entrants", "chance", "seed")
    assert [promised[name] for name in told] == ["OPEN", True, "EVERYBODY", 3, 0, None, None]
    assert promised["prizes"][0] == {"name": "空气炸锅", "value": {"amount": "299.00"}, "pieces": 1}
    assert promised["entriesDigest"] == promised["commitment"] and len(promised["commitment"]) == 64
    assert (stranger.codes, dear.codes) == (["FORBIDDEN"], ["BAD_USER_INPUT"])


async def test_viewers_enter_and_only_they_know_which_entry_is_theirs(ask, given):
    draw, shoppers = await given.lucky_draw(), await given.shoppers(2)
    id = {"id": encode("luckydraw", draw.id)}

    first, second, again = [await ask(ENTER, id, by=shopper) for shopper in (*shoppers, shoppers[0])]
    nobody = await ask(ENTER, id)
    missing = await ask(ENTER, {"id": encode("luckydraw", new_id())}, by=shoppers[0])
    mine, guests = await ask(MINE, id, by=shoppers[0]), await ask(MINE, id)

    assert (first.data["number"], second.data["number"], again.data) == (1, 2, first.data)
    assert (nobody.codes, missing.data["code"]) == (["UNAUTHENTICATED"], "NOT_FOUND")
    assert mine.data == {
        "myEntry": {name: first.data[name] for name in ("number", "entryId")},
        "myPrize": None,
    }
    assert guests.data == {"myEntry": None, "myPrize": None}
    host = (await ask(ENTER, id, by=(await given.live_room()).host.account_id)).data
    assert host["number"] == 3  # of another room


async def test_who_has_won_can_be_checked_by_anybody_with_the_published_script(ask, given, fetched):
    room = await given.live_room()
    draw = await closed(given, room, entrants=230, prizes=(Prize("空气炸锅", 29_900, 1), Prize("优惠礼包", 1_990, 120)))
    with pytest.raises(AssertionError, match="not drawn yet"):
        VERIFY["check"](*await fetched(draw))

    drawn = await ask(DRAW, {"id": encode("luckydraw", draw.id)}, by=room.host.account_id, roles=[Role.HOST])
    about, entries, winners = await fetched(draw)

    assert (drawn.data["state"], drawn.data["isOpen"], len(entries), len(winners)) == ("DRAWN", False, 230, 121)
    VERIFY["check"](about, entries, winners)
    others = {"seed": "00" * 32}, {"entriesDigest": "00" * 32}, {"entrants": 231}
    for changed in others:
        with pytest.raises(AssertionError):
            VERIFY["check"](about | changed, entries, winners)
    for torn in (winners[1:], [winners[1], winners[0], *winners[2:]]):
        with pytest.raises(AssertionError, match="others should have won"):
            VERIFY["check"](about, entries, torn)
    with pytest.raises(AssertionError, match="not those of the digest"):
        VERIFY["check"](about, [*entries[:-1], entries[-1] | {"entryId": "00" * 16}], winners)


async def test_a_winner_shows_a_code_at_the_store_and_nobody_else_sees_it(ask, given, market):
    room, shopper, merchandiser = await given.live_room(), await given.shopper("林听澜"), new_id()
    draw = await closed(given, room)
    await given.entered(draw, [shopper], now=draw.opened_at)
    await given.drawn(draw)

    winners = await ask(
        "query ($id: ID!) { luckyDraw(id: $id) { winners { nodes { rank name entry { number } prize { name } } } } }",
        {"id": encode("luckydraw", draw.id)},
    )
    [won] = (await ask(PRIZES, by=shopper)).data["nodes"]
    others = (await ask(PRIZES, by=await given.shopper())).data["nodes"]
    seen = [(await ask(NODE, {"id": won["id"]}, by=by)).data for by in (shopper, room.host.account_id, merchandiser)]

    async def hand_over(code, *, roles, key="counter-1"):
        wish = {"storeId": won["store"]["id"], "code": code, "idempotencyKey": key}
        return await ask(HAND_OVER, {"input": wish}, by=merchandiser, roles=roles)

    refused = await hand_over(won["code"], roles=[Role.HOST])
    wrong = await hand_over("0" * 9, roles=[Role.MERCHANDISER], key="counter-0")
    handed = [await hand_over(won["code"], roles=[Role.MERCHANDISER]) for _ in range(2)]
    late = await hand_over(won["code"], roles=[Role.MERCHANDISER], key="counter-2")
    [then] = (await ask(PRIZES, by=shopper)).data["nodes"]

    expected = {"rank": 1, "name": "林**", "entry": {"number": 1}, "prize": {"name": "空气炸锅"}}
    assert winners.data["winners"]["nodes"] == [expected]
    assert (won["state"], won["drawTitle"], won["handedOverAt"], others) == ("TO_COLLECT", "整点抽奖", None, [])
    assert seen == [{"__typename": "WonPrize", "id": won["id"]}, None, None]
    assert refused.codes == ["FORBIDDEN"]
    assert [answer.data.get("code") for answer in (wrong, late)] == ["WRONG_PRIZE_CODE", "PRIZE_HANDED_OVER"]
    assert handed[0].data == handed[1].data
    assert handed[0].data == {
        "__typename": "HandedOverPrize",
        "drawTitle": "整点抽奖",
        "rank": 1,
        "prize": {"name": "空气炸锅"},
    }
    assert then["state"] == "HANDED_OVER"
    await assert_clean(market)


async def test_a_draw_is_not_drawn_before_it_closes_and_is_called_off_with_a_reason(ask, given):
    room = await given.live_room()
    draw = await given.lucky_draw(room)
    id, as_host = encode("luckydraw", draw.id), {"by": room.host.account_id, "roles": [Role.HOST]}

    early = await ask(DRAW, {"id": id}, **as_host)
    off = await ask(CALL_OFF, {"input": {"drawId": id, "reason": "奖品破损"}}, **as_host)
    over = await ask(DRAW, {"id": id}, **as_host)

    assert (early.data["code"], over.data["code"]) == ("LUCKY_DRAW_STILL_OPEN", "LUCKY_DRAW_OVER")
    assert off.data == {"__typename": "LuckyDraw", "state": "CALLED_OFF", "reason": "奖品破损"}


async def test_the_draws_of_a_room_cost_as_many_statements_as_one(api, ask, given):
    room, shopper = await given.live_room(), await given.shopper()
    sent = []
    for _ in range(2):
        draw = await closed(given, room)
        await given.entered(draw, [shopper], now=draw.opened_at)
        await given.drawn(draw)
        with count_statements(api.market.db) as statements:
            answer = await ask(OF_ROOM, {"roomId": encode("room", room.id)}, by=shopper)
        sent.append(len(statements))

    assert sent[0] == sent[1] <= 7
    assert {draw["myEntry"]["number"] for draw in answer.data["nodes"]} == {1}
    assert len({draw["myPrize"]["code"] for draw in answer.data["nodes"]}) == 2
