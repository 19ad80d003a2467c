"""A closed-loop HTTP/1.1 load generator: so many connections, each asks again as soon as it is answered.

It measures a server on this machine and nothing else: only loopback addresses are accepted. Closed loop means that
a slow server is asked less often, so `per_second` is what the server can do and the percentiles are those of a
server that is exactly busy; they say nothing about a crowd that keeps coming while it is slow.
"""

import asyncio
import os
from array import array
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from benchmarks.answers import parse_answer

T = TypeVar("T")

# What a run may cost at most, whatever its caller asks for: an unattended run ends by itself.
SECONDS_AT_MOST = 600.0
REQUESTS_AT_MOST = 5_000_000  # one latency is eight bytes: 40 MB
CONNECTIONS_AT_MOST = 4_096
GRACE_SECONDS = 5.0  # for the answers still under way when the time is over


Body = bytes | tuple[bytes, bytes]
"""A body, or header lines of its own (each ending in CR LF) and a body."""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one run saw. `unanswered` counts requests whose connection ended or whose grace ran out."""

    requests: int
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    statuses: Counter[int]
    unanswered: int

    @property
    def per_second(self) -> float:
        """Answered requests per second of wall-clock time."""
        return self.requests / self.seconds if self.seconds else 0.0


async def run(
    url: str,
    requests: Iterator[Body] | Callable[[], Body],
    *,
    connections: int = 64,
    seconds: float = 5.0,
    requests_at_most: int = 1_000_000,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    answered: Callable[[int, bytes], None] | None = None,
) -> LoadResult:
    """Ask `url` for `seconds`, or until `requests` (bodies) run out, or `requests_at_most` were asked.

    `answered(status, body)` is called for every answer, in the order of arrival; it runs between two requests, so
    what it costs is taken from the load. Raises ValueError for a host that is not this machine and for bounds
    beyond the module's own, OSError when nobody listens.
    """
    host, port, path = _here(url)
    if not (0 < seconds <= SECONDS_AT_MOST and 0 < connections <= CONNECTIONS_AT_MOST):
        raise ValueError(f"at most {SECONDS_AT_MOST:.0f} s and {CONNECTIONS_AT_MOST} connections")
    loop = asyncio.get_running_loop()
    lines = {"host": urlsplit(url).netloc, "content-type": "application/json", **(headers or {})}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    crowd = _Crowd(
        head=head.encode("latin-1") + b"content-length: ",
        bodies=iter(requests, None) if callable(requests) else requests,
        left=min(requests_at_most, REQUESTS_AT_MOST),
        answered=answered,
        finished=loop.create_future(),
        connect=partial(loop.create_connection, host=host, port=port),
    )
    await asyncio.gather(*(crowd.connect(partial(_Connection, crowd)) for _ in range(connections)))
    started = perf_counter()
    crowd.start()
    timer = loop.call_later(seconds, crowd.stop)
    with suppress(TimeoutError):
        await asyncio.wait_for(crowd.finished, seconds + GRACE_SECONDS)
    elapsed = (crowd.last_at or perf_counter()) - started
    timer.cancel()
    crowd.close()
    latencies = sorted(crowd.latencies)
    return LoadResult(
        requests=len(latencies),
        seconds=elapsed,
        p50_ms=_percentile(latencies, 0.50) * 1000,
        p95_ms=_percentile(latencies, 0.95) * 1000,
        p99_ms=_percentile(latencies, 0.99) * 1000,
        statuses=crowd.statuses,
        unanswered=crowd.asked - len(latencies),
    )


def run_alone(load: Coroutine[Any, Any, T]) -> T:
    """The coroutine's answer from a loop of its own: uvloop's where it is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(load)
    return uvloop.run(load)


class HasPid(Protocol):
    """subprocess.Popen, multiprocessing.Process, psutil.Process."""

    pid: int


def pin(process: HasPid | int, core: int) -> bool:
    """Keep a process, its threads and its children on one core; False where the system cannot (macOS).

    Threads and children born later inherit the core. Pinning an already pinned process changes nothing.
    """
    return _keep_on(process, {core})


def unpin(process: HasPid | int) -> bool:
    """Let a process, its threads and its children run wherever there is room again."""
    return _keep_on(process, set(range(os.cpu_count() or 1)))


def _keep_on(process: HasPid | int, cores: set[int]) -> bool:
    if not hasattr(os, "sched_setaffinity"):
        return False
    waiting = [process if isinstance(process, int) else process.pid]
    while waiting:
        pid = waiting.pop() or os.getpid()
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError, FileNotFoundError):  # a thread may end while we look
                os.sched_setaffinity(int(thread.name), cores)
                waiting.extend(map(int, (thread / "children").read_text().split()))
    return True


class _Crowd:
    """What all connections share: where bodies come from and where answers are counted."""

    def __init__(
        self,
        *,
        head: bytes,
        bodies: Iterator[Body],
        left: int,
        answered: Callable[[int, bytes], None] | None,
        finished: asyncio.Future[None],
        connect: Callable[[Callable[[], asyncio.Protocol]], Coroutine[Any, Any, Any]],
    ) -> None:
        self.head, self.bodies, self.left, self.answered = head, bodies, left, answered
        self.finished, self.connect = finished, connect
        self.connections: set[_Connection] = set()
        self.reconnects: set[asyncio.Task[Any]] = set()
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.asked = self.under_way = 0
        self.last_at = 0.0

    def start(self) -> None:
        for connection in tuple(self.connections):
            connection.ask()
        self._finish_if_idle()

    def next_request(self) -> bytes | None:
        """Head and body of the next request, or None when there is nothing more to ask."""
        if self.left <= 0 or (body := next(self.bodies, None)) is None:
            self.stop()
            return None
        self.left -= 1
        self.asked += 1
        self.under_way += 1
        if isinstance(body, tuple):
            lines, body = body
            return b"%b%d\r\n%b\r\n%b" % (self.head, len(body), lines, body)
        return b"%b%d\r\n\r\n%b" % (self.head, len(body), body)

    def count(self, status: int, body: bytes, asked_at: float) -> None:
        self.last_at = perf_counter()
        self.latencies.append(self.last_at - asked_at)
        self.statuses[status] += 1
        self.under_way -= 1
        if self.answered is not None:
            self.answered(status, body)
        self._finish_if_idle()

    def lost(self, connection: "_Connection") -> None:
        """A connection ended: its open request stays unanswered, and another connection takes its place."""
        self.connections.discard(connection)
        if connection.asked_at:
            self.under_way -= 1
        if self.left > 0:
            task = asyncio.ensure_future(self.connect(partial(_Connection, self, at_work=True)))
            self.reconnects.add(task)
            task.add_done_callback(self._reconnected)
        self._finish_if_idle()

    def stop(self) -> None:
        """Ask no more; what is under way may still be answered."""
        self.left = 0
        self._finish_if_idle()

    def close(self) -> None:
        self.left = 0
        for task in self.reconnects:
            task.cancel()
        for connection in tuple(self.connections):
            connection.transport.abort()

    def _reconnected(self, task: asyncio.Task[Any]) -> None:
        self.reconnects.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self.finished.done():
            self.finished.set_exception(error)  # nobody listens any more: the run is over

    def _finish_if_idle(self) -> None:
        if self.left <= 0 and self.under_way == 0 and not self.finished.done():
            self.finished.set_result(None)


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    transport: asyncio.Transport

    def __init__(self, crowd: _Crowd, at_work: bool = False) -> None:
        self.crowd, self.at_work = crowd, at_work
        self.received = b""
        self.asked_at = 0.0  # zero while nothing is under way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP transport reads and writes
        self.crowd.connections.add(self)
        if self.at_work:
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.lost(self)

    def ask(self) -> None:
        if (request := self.crowd.next_request()) is None:
            return
        self.asked_at = perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.received:
            data = self.received + data
        answer = parse_answer(data)
        if answer is None:
            self.received = data
            return
        self.received = b""
        asked_at, self.asked_at = self.asked_at, 0.0
        self.crowd.count(answer.status, answer.body, asked_at)
        if answer.closes:
            self.transport.close()
        else:
            self.ask()


def _here(url: str) -> tuple[str, int, str]:
    """Host, port and path of a URL on this machine."""
    parts = urlsplit(url)
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname or ""
    try:
        at_home = ip_address(host).is_loopback
    except ValueError:
        at_home = False
    if parts.scheme != "http" or not at_home:
        raise ValueError(f"only http on a loopback address is loaded, not {url}")
    return host, parts.port or 80, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
