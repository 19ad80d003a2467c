"""Servers of both kinds, each a process of its own, and one within the test whose terms a test may change."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from api import live
from api.app import Api
from api.wire import ASGIApp
from cli.house import Member, answers, environment_of, free_port
from domain.foundation import clock
from domain.foundation.ids import encode
from domain.foundation.processes import LEAVE_WITH_PARENT
from domain.foundation.settings import Settings
from tests.given import Given
from tests.given.flash_sales import OneItem
from tests.sockets.talking import talk

KINDS = ("api", "live")


class Server:
    """One that runs as a process."""

    def __init__(self, kind: str, settings: Settings, logs: Path) -> None:
        port = free_port("127.0.0.1", 0)
        name = {"api": "port", "live": "live_port"}[kind]
        environment = {
            **os.environ,
            **environment_of(settings.model_copy(update={name: port})),
            LEAVE_WITH_PARENT: "1",
        }
        self.member = Member(kind, [sys.executable, "-m", "cli.main", kind], environment, logs / f"{kind}.log")
        self.home = f"http://127.0.0.1:{port}"
        self.url = f"ws://127.0.0.1:{port}/graphql"

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.member.log.read_text()

    def wait(self) -> None:
        """Until it is ready."""
        for _ in range(1500):
            if answers(f"{self.home}/readyz") == 200:
                return
            assert self.member.is_running
            time.sleep(0.02)


@pytest.fixture(scope="session")
def all_servers(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """A server of each kind, for all tests of this process."""
    logs = tmp_path_factory.mktemp("servers")
    servers = {kind: Server(kind, settings, logs) for kind in KINDS}
    yield servers
    for server in servers.values():
        server.member.ask_to_stop()
    for server in servers.values():
        server.member.wait(10)


@pytest.fixture
def servers(all_servers: dict[str, Server]) -> dict[str, Server]:
    """A server of each kind, started where none runs: a test before may have stopped it."""
    gone = [server for server in all_servers.values() if not server.member.is_running]
    for server in gone:
        server.member.start()
    for server in gone:
        server.wait()
    return all_servers


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    """A server of either kind."""
    return servers[request.param]


@pytest.fixture
def socket(server: Server):
    """`async with socket() as talk`."""
    return lambda **options: talk(server.url, **options)


@asynccontextmanager
async def served(application: ASGIApp, settings: Settings) -> AsyncIterator[int]:
    """This application on the server of live sockets, within the test; its port."""
    port = free_port("127.0.0.1", 0)
    server = live.server_of(application, settings.model_copy(update={"live_port": port}))
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await serving


@pytest.fixture
async def open_socket(settings: Settings, clean: None):
    """`await open_socket(ping_seconds=0.2)`: an opener of sockets on a server whose terms are these."""
    async with AsyncExitStack() as stack:

        async def open_socket(*, knobs: dict[str, Any] | None = None, **terms: Any):
            api = Api(settings.model_copy(update=knobs or {}))
            api.sockets._terms = replace(api.sockets._terms, **terms)
            port = await stack.enter_async_context(served(api.app, settings))
            return lambda **options: talk(f"ws://127.0.0.1:{port}/graphql", **options)

        yield open_socket


@dataclass(frozen=True)
class Claimed:
    """A ticket in the queue of a sale, and its shopper's token."""

    sale: OneItem
    shopper_id: UUID
    token: str
    ticket_id: str


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: on a socket nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
async def claimed(given) -> Claimed:
    """A ticket in the queue, in the first place of one."""
    sale, shopper_id = await given.flash_sale(units=3), await given.shopper()
    claim = await given.desk().claim(
        leave=given.leave(sale.item, shopper_id),
        shopper_id=shopper_id,
        quantity=1,
        request_id="claim-0001",
        now=given.now,
    )
    return Claimed(sale, shopper_id, given.token(shopper_id), encode("ticket", claim.ticket_id))
