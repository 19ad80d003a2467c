"""What the server of live sockets does not do by itself: it waits for nobody's request for ever, and keeps no end of it."""

import asyncio
from contextlib import suppress

import pytest
from starlette.responses import PlainTextResponse
from websockets.exceptions import ConnectionClosed

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


@pytest.mark.parametrize(
    "begun",
    [
        HEAD + b"X-Long: ",
        HEAD + b"X-Short: ",
        b"GET /",
        b"POST / HTTP/1.1\r\nHost: market\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
    ],
    ids=["a header", "headers", "the path", "what follows a body"],
)
async def test_a_head_without_end_ends_the_connection(settings, begun):
    more = b"a\r\nX-Short: " * 1_000 if b"X-Short" in begun else b"a" * 10_000
    async with served(application, settings) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(begun)
        for _ in range(10 * live.HEADER_BYTES // len(more)):
            writer.write(more)

        async with asyncio.timeout(3):
            with suppress(ConnectionResetError):
                while await reader.read(1_000):
                    pass


async def test_a_body_of_any_length_is_no_head(settings):
    body = b"a" * (3 * live.HEADER_BYTES)
    async with served(application, settings) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(HEAD.replace(b"GET", b"POST") + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")


async def test_pings_and_parts_of_a_message_come_in_bounded_numbers(open_socket):
    socket = await open_socket()

    async with socket() as talk, socket() as pinging, socket() as in_parts:
        for each in (talk, pinging, in_parts):
            await each.greet()
        for _ in range(3):  # a message in between begins the count anew
            await asyncio.gather(*[await talk.socket.ping() for _ in range(live.FRAMES_AT_ONCE - 1)])
            await talk.say({"type": "pong"})
        with pytest.raises(ConnectionClosed):
            for _ in range(live.FRAMES_AT_ONCE + 1):
                await pinging.socket.ping()
            await pinging.hear()
        with pytest.raises(ConnectionClosed):
            await in_parts.socket.send("" for _ in range(live.FRAMES_AT_ONCE + 10))
            await in_parts.hear()

        assert "data" in await talk.answer("{ serverTime }")
