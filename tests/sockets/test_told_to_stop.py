"""A server that is asked to stop while sockets are open: every one of them is told, and the process is soon gone."""

import asyncio
import signal
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from api.app import Api
from api.serving import SocketsFirst
from tests.sockets.talking import talk
from tests.sockets.test_slow_readers import ask_without_reading, not_reading

SOCKETS = 50
EVENTS = "subscription ($id: ID!) { flashSaleTicketEvents(id: $id) { __typename } }"


async def test_every_socket_is_told_1012_and_the_process_is_soon_gone(servers, claimed):
    await asyncio.gather(*(_stop(server, claimed) for server in servers.values()))


async def _stop(server, claimed):
    async with AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(talk(server.url)) for _ in range(SOCKETS)]
        for each in talks[1:]:
            await each.greet(claimed.token)
        for each in talks[1:20]:
            await each.ask(EVENTS, {"id": claimed.ticket_id})
            await each.hear()
        deaf = await not_reading(stack, server.url)
        asking = asyncio.create_task(ask_without_reading(deaf))
        started = monotonic()
        server.member.ask_to_stop()

        codes = await asyncio.gather(*(each.ending() for each in talks))
        told = monotonic() - started
        while server.member.is_running and monotonic() < started + 15:
            await asyncio.sleep(0.05)
        gone = monotonic() - started
        await asking

    assert codes == [1012] * SOCKETS
    assert told < 4
    assert gone < 8
    assert server.member.process.returncode in {0, -15}


async def test_the_server_stops_even_if_its_sockets_could_not_be_told(settings, monkeypatch):
    class Unable:
        async def drain(self):
            raise RuntimeError("no")

    raised = []
    api = Api(settings)
    api.sockets = Unable()
    monkeypatch.setattr(signal, "raise_signal", raised.append)

    with pytest.raises(RuntimeError):
        await SocketsFirst(api)._drain()

    assert raised == [signal.SIGINT]
