"""A collector of traces: takes OTLP/HTTP as a real one does, and remembers the spans."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from domain.foundation import tracing


@dataclass(frozen=True)
class Taken:
    """A span as it came over the wire; ids in hexadecimal."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    facts: dict[str, str | int]
    is_error: bool


@dataclass
class Collector:
    """What has been taken so far, in the order of arrival."""

    url: str = ""
    spans: list[Taken] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def named(self, name: str) -> list[Taken]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    async def sent(self) -> None:
        """Wait until this process has sent all it has; it traces nothing from then on."""
        await asyncio.to_thread(tracing.shut_down)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            )
            for scope in resource.scope_spans:
                for span in scope.spans:
                    facts = {
                        each.key: each.value.string_value or each.value.int_value or str(each.value.bool_value)
                        for each in span.attributes
                    }
                    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                    self.spans.append(Taken(service, span.name, *ids, facts, span.status.code == 2))
        return web.Response(body=b"", content_type="application/x-protobuf")


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on a port of its own. Afterwards nothing is traced."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await collector.sent()
        await runner.cleanup()
