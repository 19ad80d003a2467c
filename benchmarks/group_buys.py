"""How long leaders and shoppers wait for each screen of group-buys, where 9,100 leaders have 1.1 million people: real
answers of a real API process over HTTP, one after the other.

    python -m benchmarks.group_buys --people 1100000

The people, their groups and their orders are made up (`neighbourhoods`). One leader has led thousands of groups, one shopper
sits in hundreds: they are among those who ask, and the first of them is measured alone as well.
"""

import argparse
import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from sqlalchemy import text

from benchmarks import claims, load
from benchmarks.figures import Figure, show
from benchmarks.neighbourhood_load import fill
from benchmarks.neighbourhoods import Size
from cli.house import House
from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.foundation import clock, logs
from domain.foundation.ids import encode
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings

RANDOM = 200
"""So many who ask are drawn by chance; those with the most come on top."""
WORST = 5
WARM_UP = 30
TARGET = "< 50"

GROUP = "id state seats taken paid seatsLeft isJoinable expiresAt serverTime"
OPEN_GROUP = "groupBuyId seats paid seatsLeft expiresAt leaderName"
MEMBERS = "members { number name state isLeader isYou }"
CAMPAIGN = "id title seats closesAt items { id title groupPrice { amount } soloPrice { amount } unitsLeft }"
MY_GROUPS = f"""{{ myGroupBuys(first: 20) {{ nodes {{
    groupBuy {{ {GROUP} }} unpaid members {{ number name state quantity heldAt paidAt }} }}
    pageInfo {{ hasNextPage endCursor }} }} myGroupBuyFigures {{ open filled expired membersPaid membersUnpaid }} }}"""
HAND_OVER = """{ ordersToHandOver(first: 20) { nodes {
    orderNumber state fulfilment groupBuyId seat member lines { title quantity } } pageInfo { hasNextPage endCursor } } }"""
LINKS = """{ myShareLinks(first: 20) { nodes {
    id url target { kind id } channel createdAt funnel { opened signedIn joined paid } } pageInfo { hasNextPage } } }"""
ONE_GROUP = f"""query ($id: ID!) {{ groupBuy(id: $id) {{ {GROUP} {MEMBERS} mySeat {{ id number state }}
    campaign {{ {CAMPAIGN} productId image {{ url }} }} }} }}"""
OPEN_GROUPS = f"""query ($id: ID!) {{ groupBuyCampaign(id: $id) {{ {CAMPAIGN}
    openGroups(first: 20) {{ nodes {{ {OPEN_GROUP} }} pageInfo {{ hasNextPage }} }} }} }}"""
MY_SEATS = f"""{{ myGroupBuySeats(first: 20) {{ nodes {{
    id number state heldAt payBy item {{ title }} groupBuy {{ {GROUP} campaign {{ title }} }}
    order {{ number state total {{ amount }} }}
    }} pageInfo {{ hasNextPage endCursor }} }} }}"""
PRODUCT = f"""query ($id: ID!) {{ product(id: $id) {{ title bodyHtml images {{ url }} lowestPrice {{ amount }}
    skus {{ id code price {{ amount }} available }}
    groupBuyCampaigns {{ {CAMPAIGN} openGroups(first: 5) {{ nodes {{ {OPEN_GROUP} }} }} }} }} }}"""

_LED = "SELECT leader_id FROM group_buys GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :most"
_SAT = "SELECT shopper_id FROM group_buy_seats GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT :most"
_FULL = "SELECT id FROM group_buys ORDER BY taken DESC, id LIMIT :most"
_BY_CHANCE = {
    "leaders": "SELECT leader_id FROM group_buys GROUP BY 1 ORDER BY md5(CAST(leader_id AS text)) LIMIT :most",
    "shoppers": "SELECT id FROM accounts ORDER BY md5(CAST(id AS text)) LIMIT :most",
    "groups": "SELECT id FROM group_buys ORDER BY md5(CAST(id AS text)) LIMIT :most",
}


@dataclass(frozen=True)
class Screen:
    """A screen, who asks for it, and what about."""

    name: str
    query: str
    shopper_ids: Sequence[UUID]
    ids: Sequence[str] = ("",)

    def bodies(self, tokens: "Tokens") -> Iterator[load.Body]:
        """Everybody's question once, or everything's that it is about."""
        for number in range(max(len(self.shopper_ids), len(self.ids))):
            who, id = self.shopper_ids[number % len(self.shopper_ids)], self.ids[number % len(self.ids)]
            line = f"authorization: Bearer {tokens.of(who)}\r\n"
            yield line.encode(), orjson.dumps({"query": self.query, "variables": {"id": id} if id else {}})


class Tokens:
    """Access tokens of made-up people."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._now = settings, clock.now()

    def of(self, shopper_id: UUID) -> str:
        """One's token."""
        return issue(self._settings, Principal(shopper_id, frozenset({Role.SHOPPER})), now=self._now).text


async def measure(house: House, market: Market, *, tell: Console) -> list[Figure]:
    """Every screen, asked by everybody who was drawn for it; then by whoever has the most."""
    tokens, figures = Tokens(house.settings), list[Figure]()
    for screen in await screens(market):
        tell.print(f"{screen.name} ...")
        await _ask(house, itertools.islice(screen.bodies(tokens), WARM_UP))  # what is the same for everybody
        result = await _ask(house, screen.bodies(tokens))
        figures += [
            Figure(f"{screen.name}, p50", result.p50_ms, "ms"),
            Figure(f"{screen.name}, p95 of {result.requests}", result.p95_ms, "ms", target=TARGET),
        ]
        most = replace(screen, shopper_ids=screen.shopper_ids[:1], ids=screen.ids[:1])
        alone = await _ask(house, itertools.chain.from_iterable(most.bodies(tokens) for _ in range(WARM_UP)))
        figures.append(Figure(f"{screen.name}, p95 of whoever has the most", alone.p95_ms, "ms"))
    return figures


async def screens(market: Market) -> list[Screen]:
    """The screens with those who have the most first, and then many by chance."""

    async def drawn(worst: str, by_chance: str) -> list[UUID]:
        first = await market.db.column(text(worst), {"most": WORST})
        return [*first, *await market.db.column(text(_BY_CHANCE[by_chance]), {"most": RANDOM})]

    leaders, shoppers, groups = (
        await drawn(_LED, "leaders"),
        await drawn(_SAT, "shoppers"),
        await drawn(_FULL, "groups"),
    )
    campaigns = await market.db.rows(text("SELECT id, product_id FROM group_buy_campaigns"))
    return [
        Screen("leader: my groups with members, 20", MY_GROUPS, leaders),
        Screen("leader: orders to hand over, 20", HAND_OVER, leaders),
        Screen("leader: my links with their funnels, 20", LINKS, leaders),
        Screen("shopper: a group with its members", ONE_GROUP, shoppers, [encode("groupbuy", id) for id in groups]),
        Screen(
            "shopper: open groups of a campaign, 20",
            OPEN_GROUPS,
            shoppers,
            [encode("campaign", c.id) for c in campaigns],
        ),
        Screen("shopper: my seats with their orders, 20", MY_SEATS, shoppers),
        Screen(
            "shopper: a product with its campaigns",
            PRODUCT,
            shoppers,
            [encode("product", c.product_id) for c in campaigns],
        ),
    ]


async def _ask(house: House, bodies: Iterator[load.Body]) -> load.LoadResult:
    """One question after the other. Raises AssertionError for an answer that is not whole."""
    wrong: list[bytes] = []

    def check(status: int, body: bytes) -> None:
        if status != 200 or b'"errors"' in body:
            wrong.append(body[:500])

    result = await load.run(f"{house.url}/graphql", bodies, connections=1, seconds=60, answered=check)
    assert not wrong, wrong[0]
    return result


async def run(house: House, *, size: Size, tell: Console) -> list[Figure]:
    """Fill the market if nobody lives there yet, and measure."""
    market = Market.open(house.settings)
    try:
        if not await market.db.value(text("SELECT EXISTS (SELECT FROM group_buys)")):
            with _progress(tell) as progress:
                task = progress.add_task("people", total=size.people)
                url = house.settings.database_url.get_secret_value()
                await fill(url, size=size, now=clock.now(), progress=lambda n: progress.update(task, completed=n))
        return await measure(house, market, tell=tell)
    finally:
        await market.close()


def _progress(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure in a market of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.group_buys", description=__doc__)
    parser.add_argument("--people", type=int, default=110_000, help="how many there are (1,000 to 5,000,000)")
    parser.add_argument("--keep", type=Path, help="a folder to keep them in, for another run")
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    given = parser.parse_args(arguments)
    if not 1_000 <= given.people <= 5_000_000:
        parser.error("--people: 1,000 to 5,000,000")
    logs.configure(level="WARNING")
    folder = given.keep or Path(tempfile.mkdtemp(prefix="nm-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)  # as root, the engines run as another user who must pass through
    settings = Settings(data_dir=folder, port=0, rate_limits=False, log_level="WARNING")
    try:
        with House(settings, logs=folder) as house:
            claims.stop_workers(house)
            load.pin(os.getpid(), claims.ASKING_CORE)
            figures = asyncio.run(run(house, size=Size.of(given.people), tell=Console(stderr=True)))
        show(figures, as_json=given.json)
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
