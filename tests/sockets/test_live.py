"""What the server of live sockets does not do by itself: it waits for nobody's request for ever."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse

from api import live
from tests.sockets.conftest import served

HEAD = b"GET / HTTP/1.1\r\nHost: market\r\n"


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{stage}.complete"})
    else:
        await PlainTextResponse("here")(scope, receive, send)


@pytest.fixture
async def connection(settings, monkeypatch):
    """A connection to a server that waits for the head of a request a moment only."""
    monkeypatch.setattr(live, "HEADER_SECONDS", 0.2)
    async with served(application, settings) as port:
        yield await asyncio.open_connection("127.0.0.1", port)


async def is_cut(reader: asyncio.StreamReader) -> bool:
    """Whether the other side lets go, without another word."""
    async with asyncio.timeout(3):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


@pytest.mark.parametrize("sent", [b"", HEAD], ids=["nothing", "half"])
async def test_a_head_that_does_not_come_ends_the_connection(connection, sent):
    reader, writer = connection
    writer.write(sent)

    assert await is_cut(reader)


async def test_nor_is_the_rest_of_a_second_one_waited_for(connection):
    reader, writer = connection
    writer.write(HEAD + b"\r\n")
    answer = await reader.readuntil(b"here")
    await asyncio.sleep(0.4)  # between two requests there is more time
    writer.write(HEAD)

    assert answer.startswith(b"HTTP/1.1 200")
    assert await is_cut(reader)
