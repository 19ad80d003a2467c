"""The API process: GraphQL, the gateways' notices, and health."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from api import access, console, graphiql, rates, schema, trusted
from api.answering import Answering
from api.context import Context
from api.endpoint import GraphQLEndpoint
from api.exports import activation_codes_csv, orders_csv, room_comments_csv, segment_members_csv, statement_csv
from api.faults import UNAVAILABLE, internal_error
from api.forwarded import Forwarded, device_of
from api.front import Front
from api.landing import landing_page
from api.languages import language_of
from api.operations import Operation
from api.payments import take_notice
from api.posters import poster_png
from api.readiness import Readiness
from api.reading_time import ReadingTime
from api.renewals import take_contract_notice
from api.room_streams import NGINX_HOOK, SRS_HOOK, take_nginx_hook, take_srs_hook
from api.services import Services
from api.shipments import take_tracking_notice
from api.socket_connection import Greeting, Terms
from api.sockets import Sockets
from api.supplier_doors import settlement_csv, take_feed, take_parcels
from api.wire import RequestHead
from domain.foundation import clock, logs, metrics, tracing, wechat_platform
from domain.foundation.errors import ClientFault, NotSignedIn
from domain.foundation.processes import leave_with_parent
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings, settings
from domain.memberships.contracts import contract_notice_path
from domain.payments.gateways import gateways_of, hang_up
from domain.payments.rules import notice_path
from domain.shipments.tracking import NOTICE_PATH

STOP_SECONDS = 3.0
"""For what runs besides requests to come to its end, before the connections that it uses are closed."""


class Api:
    """One process of the API. `app` is its ASGI application; `role` is what its traces are told by."""

    def __init__(self, settings: Settings, *, role: str = "api") -> None:
        self._settings, self._role = settings, role
        self._forwarded = Forwarded(settings.trusted_proxies)
        self.market: Market | None = None
        self._services: Services | None = None
        self._readiness: Readiness | None = None
        self._answering = Answering(
            schema.build(),
            client_errors=(ClientFault,),
            seconds=settings.operation_seconds,
            introspection=settings.introspection,
            suggestions=settings.suggestions,
            documents={**trusted.load(settings), **(console.documents() if settings.console else {})},
            adhoc=settings.adhoc_documents,
            public_seconds=lambda field: settings.public_answer_seconds if access.is_public(field) else 0,
            admit=self._admit,
            reading_time=ReadingTime() if settings.rate_limits else None,
        )
        graphql = GraphQLEndpoint(
            self._answering,
            make_context=self._context,
            body_bytes=settings.request_bytes,
            ide=graphiql.app if settings.graphiql else None,
            on_operation=_observe,
            shares_answers=True,
            language=language_of,
            address=self._address,
        )
        self.sockets = Sockets(
            self._answering,
            terms=Terms(
                message_bytes=settings.socket_message_bytes,
                queue_bytes=settings.socket_queue_bytes,
                subscriptions=settings.socket_subscriptions,
                ping_seconds=settings.socket_ping_seconds,
            ),
            at_most=settings.sockets,
            per_address=settings.sockets_per_address,
            make_context=self._socket_context,
            make_public_context=self._public_context,
            address=self._address,
            on_operation=_observe,
        )
        self._starlette = Starlette(
            routes=[
                *(graphiql.routes if settings.graphiql else []),
                *(console.routes if settings.console else []),
                Route(notice_path("{gateway}"), take_notice, methods=["POST"]),
                Route(contract_notice_path("{gateway}"), take_contract_notice, methods=["POST"]),
                Route("/exports/orders.csv", orders_csv),
                Route("/exports/statement.csv", statement_csv),
                Route("/exports/room-comments.csv", room_comments_csv),
                Route("/exports/activation-codes.csv", activation_codes_csv),
                Route("/exports/segment-members.csv", segment_members_csv),
                Route(NOTICE_PATH, take_tracking_notice, methods=["POST"]),
                Route("/suppliers/{code}/feed", take_feed, methods=["POST"]),
                Route("/suppliers/{code}/shipments", take_parcels, methods=["POST"]),
                Route("/suppliers/{code}/settlement.csv", settlement_csv),
                Route(SRS_HOOK, take_srs_hook, methods=["POST"]),
                Route(NGINX_HOOK, take_nginx_hook, methods=["POST"]),
                Route("/s/{token}", landing_page),
                Route("/posters/{token}.png", poster_png),
                Route("/livez", self._live),
                Route("/readyz", self._ready),
                WebSocketRoute("/graphql", self.sockets),
            ],
            exception_handlers={Exception: _failed},
            lifespan=self._lifespan,
        )
        is_https = settings.home.startswith("https:")
        self.app = Front(graphql, self._starlette, origins=settings.allowed_origins, is_https=is_https)

    def started(self) -> AbstractAsyncContextManager[Any]:
        """The application between its start and its end; a server does this through ASGI's lifespan."""
        return self._starlette.router.lifespan_context(self._starlette)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        gateways_of(self._settings)  # a merchant's key that cannot be read is told now, not to the first who pays
        metrics.serve(self._settings.host, self._settings.metrics_port)
        tracing.configure(url=self._settings.otlp_url, service=self._role, ratio=self._settings.trace_ratio)
        self.market = app.state.market = Market.open(self._settings)
        self._services = app.state.services = Services.of(self.market)
        app.state.address_of = self._forwarded.address
        self._readiness = Readiness(self._settings)
        await self._services.revocations.try_to_look()
        runners = (self._services.revocations, self._services.presence, self._services.ban_watch)
        running = [asyncio.create_task(runner.run()) for runner in runners]
        _settle_garbage()
        try:
            async with self.sockets.running(self._services.revocations):
                yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=STOP_SECONDS)  # while what they use is still there
            await hang_up()
            await wechat_platform.hang_up()
            await self._services.room_watch.close()
            await self._services.likes.close()
            await self._services.likers.close()
            await self._services.revocations.close()
            await self._readiness.close()
            await self.market.close()
            await asyncio.to_thread(tracing.shut_down)

    async def _admit(self, context: Context, operation: Operation, variables: dict[str, Any]) -> None:
        if context.refused is not None and not rates.signs_in(operation):
            raise context.refused
        if self._settings.rate_limits:
            await rates.admit(context, operation, variables)

    def _address(self, head: RequestHead) -> str:
        return self._forwarded.address(head.scope)

    def _context(self, head: RequestHead) -> Context:
        language, device = head.header("accept-language"), head.header("x-device-id")
        try:
            return self._new_context(head, head.header("authorization"), language, device)
        except NotSignedIn as refused:  # raised when it is known what for the token came along
            context = self._new_context(head, "", language, device)
            context.refused = refused
            return context

    def _socket_context(self, greeting: Greeting) -> Context:
        head = greeting.head
        return self._new_context(
            head,
            greeting.authorization,
            greeting.language or head.header("accept-language"),
            greeting.device or head.header("x-device-id"),
        )

    def _public_context(self, language: str) -> Context:
        assert self.market is not None and self._services is not None
        return Context(self.market, self._services, clock.now(), language=language)

    def _new_context(self, head: RequestHead, authorization: str, language: str, device: str) -> Context:
        assert self.market is not None and self._services is not None
        now = clock.now()
        principal = None
        if authorization:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise NotSignedIn("the Authorization header must read `Bearer <access token>`")
            principal = self._services.verifier.principal(token.strip(), now=now)
        return Context(
            self.market,
            self._services,
            now,
            principal,
            language_of(language.encode()),
            self._address(head),
            device_of(device),
            head.header("user-agent"),
        )

    async def _live(self, request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def _ready(self, request: Request) -> Response:
        """Ready when ledger and gate answer: a proxy takes this process out of its rota otherwise."""
        assert self._readiness is not None
        checks = await self._readiness.look()
        is_ready = set(checks.values()) == {"ok"}
        return JSONResponse({"status": "ready" if is_ready else "not ready", **checks}, 200 if is_ready else 503)


async def _failed(request: Request, error: Exception) -> Response:
    """What is told of a fault of ours, or of an outage, at a door that is not GraphQL's."""
    entry = internal_error(error, request.url.path[:100])
    facts = entry["extensions"]
    if facts["code"] != UNAVAILABLE:
        return JSONResponse({"message": entry["message"], **facts}, 500)
    return JSONResponse({"message": entry["message"], **facts}, 503, {"retry-after": str(facts["retryAfter"])})


def _settle_garbage() -> None:
    """Leave what was loaded at the start out of every collection, and collect less often: p99 44 -> 9 ms when measured."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _observe(field: str, kind: str, seconds: float, outcome: str) -> None:
    metrics.operations.labels(field, outcome).observe(seconds)
    tracing.describe(f"{kind} {field}", outcome=outcome)


def create(*, role: str = "api") -> Api:
    """The API of this process, from its environment."""
    current = settings()
    logs.configure(level=current.log_level, as_json=current.log_json)
    leave_with_parent()
    return Api(current, role=role)
