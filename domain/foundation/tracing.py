"""Traces: what one request caused, in whichever process; sent by OTLP/HTTP where an address is set.

While no address is set, the sender is not imported and nothing but a look at one name is paid. Spans carry names, counts
and outcomes, never parameters, texts of errors or anybody's data.
"""

import random
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

Attribute = str | int | float | bool

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None
_ratio = 1.0
_NOTHING: AbstractContextManager[None] = nullcontext()


def configure(*, url: str, service: str, ratio: float = 1.0) -> None:
    """Send the spans of this process to `url`, the collector's base address; `ratio` of all traces begun here are kept.

    An empty url: none. To be called after the last fork, once per process: spans are sent by a thread of it.
    """
    global _provider, _tracer, _ratio
    if not url or _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    exporter = OTLPSpanExporter(endpoint=url.rstrip("/") + "/v1/traces", timeout=5)
    # a parent that was kept keeps its children: whoever lets a stranger's parent in asks `resampled` first
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"nightmarket-{service}"}),
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _provider, _tracer, _ratio = provider, provider.get_tracer("nightmarket"), ratio


def shut_down() -> None:
    """Send what is left, and be off; it may take as long as the collector takes to answer."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


def is_on() -> bool:
    """Whether spans are sent."""
    return _tracer is not None


def span(
    name: str, *, parent: str | None = None, kind: str = "internal", **attributes: Attribute
) -> AbstractContextManager[object]:
    """A span around the block, child of the current one or of `parent`, a W3C traceparent.

    `kind` is internal, server, client, producer or consumer. A block left by an exception is an error of the
    exception's class.
    """
    if _tracer is None:
        return _NOTHING
    return _OneSpan(_tracer, name, parent, kind, attributes)


def within(name: str, *, kind: str = "internal") -> AbstractContextManager[object]:
    """A span within the current one where that is kept; nothing elsewhere: what comes round all day begins no trace."""
    if _tracer is None:
        return _NOTHING
    from opentelemetry.trace import get_current_span

    return span(name, kind=kind) if get_current_span().is_recording() else _NOTHING


def describe(name: str | None = None, **attributes: Attribute) -> None:
    """Name the current span, once it is known what it is about, and say more of it."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span

    current = get_current_span()
    if name is not None:
        current.update_name(name)
    current.set_attributes(attributes)


def traceparent() -> str | None:
    """The current span for another process, as W3C Trace Context writes it; None where nothing is traced."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def resampled(given: bytes) -> str | None:
    """A stranger's traceparent with our own decision whether to keep the trace: theirs would be at our expense."""
    text = given.decode("latin-1")
    if _parsed(text) is None:
        return None
    is_kept = random.random() < _ratio  # noqa: S311 - nobody's secret
    return f"{text[:53]}{'01' if is_kept else '00'}"


def _parsed(text: str) -> tuple[int, int, int] | None:
    """Trace id, span id and flags of a traceparent of version 00; None for anything else."""
    parts = text.split("-")
    if [len(part) for part in parts] != [2, 32, 16, 2] or parts[0] != "00" or not text.isascii():
        return None
    if not all(character in "0123456789abcdef-" for character in text):
        return None
    trace_id, span_id, flags = (int(part, 16) for part in parts[1:])
    return (trace_id, span_id, flags) if trace_id and span_id else None


class _OneSpan(AbstractContextManager["Span"]):
    """What `with span(...)` enters. Not OpenTelemetry's own, which writes to the exceptions that pass: refusals are frozen."""

    def __init__(
        self, tracer: "Tracer", name: str, parent: str | None, kind: str, attributes: dict[str, Attribute]
    ) -> None:
        self._tracer, self._name, self._parent, self._kind = tracer, name, parent, kind
        self._attributes = attributes

    def __enter__(self) -> "Span":
        from opentelemetry import context, trace

        current = None
        if self._parent is not None and (parsed := _parsed(self._parent)) is not None:
            trace_id, span_id, flags = parsed
            remote = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))
            current = trace.set_span_in_context(trace.NonRecordingSpan(remote), context.Context())
        kind = trace.SpanKind[self._kind.upper()]
        self._span = self._tracer.start_span(
            self._name, current, kind, self._attributes, record_exception=False, set_status_on_exception=False
        )
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(self, kind: type[BaseException] | None, *raised: Any) -> None:
        from opentelemetry import context, trace

        context.detach(self._token)
        if kind is not None:
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()
