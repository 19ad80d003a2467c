"""Faults of ours, failures, outages and refusals on their way to the log: a crowd of a kind is written in few lines."""

import hashlib
from time import monotonic
from types import TracebackType
from typing import Any

import structlog

log = structlog.get_logger(__name__)

FULL_AGAIN_SECONDS = 60.0
WINDOW_SECONDS = 10.0
LINES_IN_A_WINDOW = 5
MOST_KINDS = 1_000
"""Kinds remembered. Their number is that of the lines of code that fail; should something make more, all are forgotten."""

_faults: dict[str, tuple[float, str]] = {}
_windows: dict[str, tuple[float, int]] = {}


def report(error: BaseException, reference: str, operation: str, **facts: Any) -> None:
    """Write one fault of ours to the log: with its traceback when none like it was written within a minute.

    Later ones name the reference of that one: what fails for everyone must not fill the disk as well.
    """
    kind = fingerprint(error)
    same_as = _written_before(kind, reference)
    if same_as is None:
        log.error("internal error", reference=reference, operation=operation, fingerprint=kind, exc_info=error, **facts)
    else:
        log.error("internal error", reference=reference, operation=operation, fingerprint=kind, same_as=same_as)


def note_failure(event: str, error: BaseException, **facts: Any) -> None:
    """Write that something failed which is tried again, as often as it takes: with its traceback when none like it was
    written within a minute, else in a short line, five times in ten seconds for each event.
    """
    kind = fingerprint(error)
    if _written_before(f"{event} {kind}", kind) is None:
        log.warning(event, **facts, fingerprint=kind, exc_info=error)
    elif (unwritten := _unwritten(event, LINES_IN_A_WINDOW)) is not None:
        log.warning(event, **facts, fingerprint=kind, error=repr(error)[:300], unwritten=unwritten)


def note_outage(error: BaseException, operation: str) -> None:
    """Write that something does not answer: once in ten seconds for each kind of error, and how often it was met before."""
    kind = type(error).__qualname__
    unwritten = _unwritten(kind, 1)
    if unwritten is not None:
        log.error("unavailable", error=kind, why=str(error)[:300], operation=operation, unwritten=unwritten)


def note_refusal(event: str, **facts: Any) -> None:
    """Write that a letter at one of our doors was refused: five times in ten seconds for each event, for anybody may knock."""
    unwritten = _unwritten(event, LINES_IN_A_WINDOW)
    if unwritten is not None:
        log.warning(event, **facts, unwritten=unwritten)


def _written_before(kind: str, reference: str) -> str | None:
    """The reference under which a fault of this kind was written within a minute; None when this is now the one."""
    now = monotonic()
    written = _faults.get(kind)
    if written is not None and now < written[0] + FULL_AGAIN_SECONDS:
        return written[1]
    if len(_faults) >= MOST_KINDS:
        _faults.clear()
    _faults[kind] = (now, reference)
    return None


def _unwritten(kind: str, at_most: int) -> int | None:
    """How many of a kind the last window left unwritten; None when this window has its lines already."""
    now = monotonic()
    since, times = _windows.get(kind, (now, 0))
    if now >= since + WINDOW_SECONDS:
        _windows[kind] = (now, 1)
        return max(times - at_most, 0)
    _windows[kind] = (since, times + 1)
    return 0 if times < at_most else None


def fingerprint(error: BaseException) -> str:
    """The same for errors of one class that came the same way: its class and the lines of code it passed."""
    digest = hashlib.sha256(type(error).__qualname__.encode())
    step: TracebackType | None = error.__traceback__
    while step is not None:
        digest.update(f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}".encode())
        step = step.tb_next
    return digest.hexdigest()[:10]


def forget() -> None:
    """Write the next of each kind in full."""
    _faults.clear()
    _windows.clear()
