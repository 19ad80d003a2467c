"""Structured logs: one event a line, with the request's id wherever one is being served, and nobody's secrets."""

import logging
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from domain.foundation import tracing
from domain.foundation.redaction import redact_all

MOST_CHARACTERS = 8_000
"""Of a traceback, and of any other text in an event. A traceback keeps its end, where the error is."""
MOST_WITHIN = 1_000
"""Of each text within a list or a mapping."""
MOST_MEMBERS = 100
DEEPEST = 3
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROLS_OF_A_TRACEBACK = {code: written for code, written in _CONTROLS.items() if chr(code) not in "\t\n"}


def configure(*, level: str = "INFO", as_json: bool = False) -> None:
    """Send structlog and the standard library's loggers to standard error in one format. Call once per process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        # plain tracebacks: the fancy ones print local variables, and those may be somebody's token
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _shorten,
                _redact,  # last: whatever becomes text on the way has become it
                *(() if as_json else (_tame,)),
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def _add_trace(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    if (traceparent := tracing.traceparent()) is not None:
        event["trace_id"] = traceparent.split("-")[1]
    return event


def _shorten(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if key != "exception" or not isinstance(value, str):
            event[key] = _short(value, MOST_CHARACTERS, DEEPEST)
        elif len(value) > MOST_CHARACTERS:
            event[key] = f"... {value[-MOST_CHARACTERS:]}"
    return event


def _short(value: Any, at_most: int, depth: int) -> Any:
    """The value with its texts cut, and no more than the first members of what is in it. Too deep within, it is a text."""
    if isinstance(value, Mapping) and depth:
        return {key: _short(each, MOST_WITHIN, depth - 1) for key, each in islice(value.items(), MOST_MEMBERS)}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_short(each, MOST_WITHIN, depth - 1) for each in islice(value, MOST_MEMBERS)]
    text = value if isinstance(value, str) else repr(value)
    return value if len(text) <= at_most else f"{text[:at_most]} ..."


def _redact(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    return redact_all(event)


def _tame(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """No text begins a line of its own, which might be a forged one, or speaks to the terminal."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = value.translate(_CONTROLS_OF_A_TRACEBACK if key == "exception" else _CONTROLS)
    return event
