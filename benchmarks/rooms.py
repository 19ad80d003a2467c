"""5,922 viewers of one room on one process: how soon they know that an item is on air, and what that costs.

The server has one core for itself. The other one has the 5,922 clients, PostgreSQL and the gate's Valkey, and whoever puts
the item on air; a receipt is noted when the client's process reads it, so what waits there counts as the server's delay.

A bare Starlette application on the same server, with the same settings, sends the very same bytes from a list of its sockets.
Both take turns.
"""

import argparse
import asyncio
import itertools
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psutil
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from api import live
from benchmarks import load
from benchmarks.claims import SERVER_CORE
from benchmarks.figures import Figure
from benchmarks.viewers import Crowd
from cli.house import House, answers, environment_of, free_port
from domain.accounts import actions as accounts
from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.foundation.processes import LEAVE_WITH_PARENT, leave_with_parent
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
from domain.live_rooms import actions, queries, running
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import Duty, NewRoom, Room, ShelfItem
from domain.products.rules import Kept, Listing, Variant
from domain.products.writing import write

VIEWERS = 5_922
NON_READERS = 200
ROUNDS = 20
WARM_VIEWERS = 100
"""Before memory is counted: what is made only once is made."""
ITEM = "item { id pitch isOnAir livePrices { skuId price { amount } } product { id title } }"
EVENTS = f"""
subscription ($room: ID!, $since: Long) {{
  roomEvents(roomId: $room, since: $since) {{
    __typename
    ... on RoomNews {{ lastEvent counters {{ viewers likes buying }} events {{ number kind {ITEM} }} }}
    ... on RoomPersonalNews {{ tickets {{ id state }} orders {{ id state }} groupBuys {{ id }} }}
    ... on BannedFromRoom {{ code }}
  }}
}}
"""
FAT = EVENTS.replace("{ id title }", "{ id title bodyHtml }")
BODY = "<p>夜市好物</p>" * 1_000
"""Some 20 kB: what fills the buffers of somebody who does not read within some events."""


@dataclass(frozen=True)
class Show:
    """A room that is on, with two items that take turns on air, and who runs it."""

    market: Market
    room: Room
    item_ids: Sequence[UUID]
    host: Principal
    turns: Iterator[int] = field(default_factory=itertools.count)

    async def put_on_air(self) -> None:
        """Put one item on air, and then the other."""
        now, item_id = clock.now(), self.item_ids[next(self.turns) % 2]
        await running.put_on_air(
            self.market.db, LiveBus(self.market.gate), room_id=self.room.id, item_id=item_id, by=self.host, now=now
        )

    async def next_on_air(self) -> int:
        """The number that the next item's going on air will have: first, the one before leaves it."""
        return (await queries.by_ids(self.market.db, [self.room.id]))[self.room.id].events + 2


async def measure(house: House, market: Market) -> list[Figure]:
    """All figures of a room."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    show, shopper_ids = await show_of(market), await shoppers(market)
    async with served(house, "live") as (port, process), served(house, "bare") as (bare_port, bare_process):
        crowd, bare = Crowd(), Crowd()
        await crowd.open(port, WARM_VIEWERS, first=_first(market, show, shopper_ids), until=b'"RoomNews"')
        await asyncio.sleep(1)
        before = process.memory_info().rss
        await crowd.open(
            port,
            VIEWERS - WARM_VIEWERS,
            first=_first(market, show, shopper_ids[WARM_VIEWERS:]),
            until=b'"RoomNews"',
        )
        await asyncio.sleep(2)
        held = (process.memory_info().rss - before) / (VIEWERS - WARM_VIEWERS) / 1000
        await bare.open(bare_port, VIEWERS)

        delays, spent, bare_spent = [], 0.0, 0.0
        used, bare_used, crowd.messages = _core_seconds(process), _core_seconds(bare_process), 0
        for _ in range(ROUNDS):
            told = await on_air(crowd, show)
            delays += told
            spent += max(told)
            bare_spent += await broadcast(bare, crowd.last_text)
        used, bare_used = _core_seconds(process) - used, _core_seconds(bare_process) - bare_used
        messages = crowd.messages  # those of the counters too
        bare.close()
        beside = await with_non_readers(market, show, crowd, port, shopper_ids)
        lost = crowd.lost
        crowd.close()
    assert not lost, f"{lost} viewers were dropped"
    delays.sort()
    return [
        Figure(f"on air at {VIEWERS:,} viewers, median", _at(delays, 0.5) * 1000, "ms"),
        Figure(f"on air at {VIEWERS:,} viewers, p99", _at(delays, 0.99) * 1000, "ms", target="< 250"),
        Figure(f"the same beside {NON_READERS} who do not read, p99", _at(beside, 0.99) * 1000, "ms", target="< 250"),
        Figure(
            "messages to viewers",
            VIEWERS * ROUNDS / spent,
            "messages/s",
            VIEWERS * ROUNDS / bare_spent,
            target="ratio >= 0.5",
        ),
        Figure(
            "messages for a second of the server's core",
            messages / used,
            "messages",
            VIEWERS * ROUNDS / bare_used,
            target="ratio >= 0.5",
        ),
        Figure("memory of an idle viewer, signed in", held, "kB", target="<= 40"),
    ]


async def on_air(crowd: Crowd, show: Show) -> list[float]:
    """Seconds from the wish to put an item on air until each of the viewers knows."""
    crowd.expect(b'"number":%d,' % await show.next_on_air())
    started = time.perf_counter()
    await show.put_on_air()
    await crowd.all_heard()
    return [at - started for at in crowd.received_at]


async def broadcast(bare: Crowd, text: bytes) -> float:
    """Seconds that the bare application takes to send this text to as many, from the wish to the last receipt."""
    bare.expect(text)
    started = time.perf_counter()
    bare.viewers[0].say(text)
    await bare.all_heard()
    return bare.received_at[-1] - started


async def with_non_readers(
    market: Market, show: Show, crowd: Crowd, port: int, shopper_ids: Sequence[UUID]
) -> list[float]:
    """As `on_air`, while others ask for forty times as much and read nothing of it: it piles up until they are dropped."""
    others = Crowd()
    lazy = await others.open(
        port, NON_READERS, first=_first(market, show, shopper_ids, FAT), until=b'"RoomNews"', reads=False
    )
    delays: list[float] = []
    for _ in range(ROUNDS):
        delays += await on_air(crowd, show)
    for viewer in lazy:
        viewer.is_leaving = True
        viewer.transport.abort()
    return sorted(delays)


def _first(
    market: Market, show: Show, shopper_ids: Sequence[UUID], document: str = EVENTS
) -> Callable[[int], Sequence[dict[str, Any]]]:
    """What each viewer says: who they are, and what they want to hear."""
    now, variables = clock.now(), {"room": encode("room", show.room.id), "since": None}

    def first(number: int) -> Sequence[dict[str, Any]]:
        token = issue(market.settings, Principal(shopper_ids[number], frozenset({Role.SHOPPER})), now=now).text
        return [
            {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}},
            {"type": "subscribe", "id": str(number), "payload": {"query": document, "variables": variables}},
        ]

    return first


@asynccontextmanager
async def served(house: House, kind: str) -> AsyncIterator[tuple[int, psutil.Process]]:
    """A server of live sockets as a process on the server's core: the market's, or the bare one; its port."""
    port = free_port("127.0.0.1", 0)
    limits = {"live_port": port, "sockets": 100_000, "sockets_per_address": 100_000, "rate_limits": False}
    environment = {**os.environ, **environment_of(house.settings.model_copy(update=limits)), LEAVE_WITH_PARENT: "1"}
    command = ["-m", "cli.main", "live"] if kind == "live" else ["-m", "benchmarks.rooms", "--serve", str(port)]
    process = subprocess.Popen([sys.executable, *command], env=environment)
    try:
        while answers(f"http://127.0.0.1:{port}/readyz") is None:
            assert process.poll() is None, f"the {kind} server has ended"
            await asyncio.sleep(0.05)
        load.pin(process, SERVER_CORE)
        yield port, psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait(15)


async def show_of(market: Market) -> Show:
    """A room that is on, with two items on its shelf."""
    now, by, bus = clock.now(), new_id(), LiveBus(market.gate)
    goods = []
    for number in (1, 2):
        variants = (Variant(("默认",), 1990),)
        listing = Listing(f"bench-{new_id()}", f"压测商品 {number}", variants, body_html=BODY, option_names=("款",))
        goods.append(Kept(new_id(), (new_id(),), listing))
    async with market.db.transaction() as tx:
        await write(tx, goods, now=now)
    [host_id] = await _people(market, 1)
    wish = NewRoom(title="压测", starts_at=now, crew={host_id: Duty.HOST})
    room = await actions.create(market.db, wish, by=by, idempotency_key=str(new_id()), now=now)
    shelf = [ShelfItem(kept.id) for kept in goods]
    items = await actions.set_shelf(market.db, bus, room_id=room.id, shelf=shelf, by=by, now=now)
    host = Principal(host_id, frozenset({Role.SHOPPER, Role.HOST}))
    room = await running.go_live(market.db, bus, room_id=room.id, by=host, now=now)
    show = Show(market, room, [item.id for item in items], host)
    await show.put_on_air()
    return show


async def shoppers(market: Market) -> list[UUID]:
    """As many people as there are viewers."""
    return await _people(market, VIEWERS)


async def _people(market: Market, count: int) -> list[UUID]:
    async with market.db.transaction() as tx:
        names = [str(new_id()) for _ in range(count)]
        return await accounts.open_many(tx, provider="development", subjects=names, now=clock.now())


def _core_seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def bare_application() -> Starlette:
    """Every socket hears what any of them says; nothing else."""
    sockets: set[WebSocket] = set()

    async def serve(socket: WebSocket) -> None:
        await socket.accept(subprotocol="graphql-transport-ws")
        sockets.add(socket)
        try:
            while True:
                text = await socket.receive_text()
                for each in list(sockets):
                    await each.send_text(text)
        except WebSocketDisconnect:
            pass
        finally:
            sockets.discard(socket)

    return Starlette(routes=[WebSocketRoute("/graphql", serve)])


def main() -> None:
    """Serve the bare application; the measuring itself is part of `make bench`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", type=int, required=True, metavar="PORT")
    leave_with_parent()
    live.server_of(bare_application(), Settings(live_port=parser.parse_args().serve)).run()


if __name__ == "__main__":
    main()
