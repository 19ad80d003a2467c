"""Structured logs: one event a line, with the request's id wherever one is being served, and nobody's secrets."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from domain.foundation import tracing
from domain.foundation.redaction import redact_all

MOST_CHARACTERS = 8_000
"""Of a traceback, and of any other text in an event. A traceback keeps its end, where the error is."""
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
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            event[key] = f"... {value[-MOST_CHARACTERS:]}" if key == "exception" else f"{value[:MOST_CHARACTERS]} ..."
    return event


def _redact(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    return redact_all(event)


def _tame(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """No text begins a line of its own, which might be a forged one, or speaks to the terminal."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = value.translate(_CONTROLS_OF_A_TRACEBACK if key == "exception" else _CONTROLS)
    return event
