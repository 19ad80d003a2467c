"""The load generator counts what a server answers, and loads nothing but this machine."""

import asyncio
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from benchmarks.answers import Answer, parse_answer
from benchmarks.load import pin, run


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Answer(200, b"{}", closes=False)),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:0\r\n\r\n", Answer(200, b"", closes=True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", closes=False)),
        (
            b"HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            Answer(413, b"{}0123456789", closes=False),
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-trailer: y\r\n\r\n",
            Answer(200, b"a", closes=False),
        ),
    ],
)
def test_an_answer_is_complete_with_its_last_byte_and_not_before(received: bytes, answer: Answer) -> None:
    assert parse_answer(received) == answer
    assert all(parse_answer(received[:ends]) is None for ends in range(len(received)))


def test_what_is_not_http_is_said_so() -> None:
    with pytest.raises(ValueError, match="HTTP"):
        parse_answer(b"SSH-2.0\r\n\r\n")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "http://10.0.0.1/",
        "https://127.0.0.1/",
        "http://127.0.0.1.example.org/",
        "http://0.0.0.0/",
    ],
)
async def test_only_this_machine_is_loaded(url: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        await run(url, itertools.repeat(b""), seconds=0.1)


@pytest.mark.parametrize("more", [{"seconds": 3600.0}, {"connections": 10_000}, {"seconds": 0.0}])
async def test_a_run_is_bounded(more: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at most"):
        await run("http://127.0.0.1:9/", itertools.repeat(b""), **more)  # type: ignore[arg-type]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server that says what it was sent, in halves; `close` ends the connection, `drop` ends it unanswered."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                if body == b"drop":
                    break
                closes = b"connection: close\r\n" if body == b"close" else b""
                writer.write(b"HTTP/1.1 %d OK\r\n%bcontent-length: %d\r\n\r\n" % (200 + len(body), closes, len(body)))
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(body)
                if closes:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://localhost:{server.sockets[0].getsockname()[1]}/graphql?x=1"
    server.close()


async def test_every_answer_is_counted(url: str) -> None:
    seen: list[tuple[int, bytes]] = []
    bodies = [b"a", b"bb", b"close"] * 20

    result = await run(url, iter(bodies), connections=4, seconds=20, answered=lambda *answer: seen.append(answer))

    assert (result.requests, result.unanswered) == (60, 0)
    assert result.statuses == Counter({201: 20, 202: 20, 205: 20})
    assert sorted(seen) == sorted((200 + len(body), body) for body in bodies)
    assert 0 < result.p50_ms <= result.p95_ms <= result.p99_ms <= result.seconds * 1000
    assert result.per_second == result.requests / result.seconds


async def test_a_dropped_request_is_unanswered_and_the_run_goes_on(url: str) -> None:
    result = await run(url, iter([b"a", b"drop", b"a", b"a"]), connections=1, seconds=20)

    assert (result.requests, result.unanswered) == (3, 1)


async def test_a_run_ends_after_its_count_or_its_time(url: str) -> None:
    counted = await run(url, lambda: b"a", connections=2, seconds=20, requests_at_most=10)
    timed = await run(url, lambda: b"a", connections=2, seconds=0.1)

    assert (counted.requests, counted.unanswered) == (10, 0)
    assert 0.1 <= timed.seconds < 2
    assert timed.unanswered == 0


async def test_a_run_ends_when_nothing_more_is_to_be_asked(url: str) -> None:
    async with asyncio.timeout(10):
        result = await run(url, iter([b"a", b"bb", b"a"]), connections=2, seconds=60)

    assert (result.requests, result.unanswered) == (3, 0)


async def test_a_run_against_nobody_says_so(unused_tcp_port: int) -> None:
    with pytest.raises(OSError, match=str(unused_tcp_port)):
        await run(f"http://127.0.0.1:{unused_tcp_port}/", lambda: b"", connections=2, seconds=1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin")
async def test_a_process_is_pinned_with_its_children() -> None:
    core = min(os.sched_getaffinity(0))
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", "sleep 30 & echo $!; wait", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(await process.stdout.readline())

    assert pin(process.pid, core) is True

    assert os.sched_getaffinity(process.pid) == os.sched_getaffinity(child) == {core}
    process.kill()
    os.kill(child, 9)
    await process.wait()
