"""The company as merchants know it: the doors of its API, and the webhooks that tell what has happened."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import BaseRoute

from simulators.couriers import Behaviour, Couriers
from simulators.stripe.books import Books, Object, Refused, shown
from simulators.stripe.wire import Doors, listed, sign

REFUND_SECONDS = 0.2
API_VERSION = "2026-10-28.endive"


@dataclass
class Endpoint:
    """Where a merchant takes webhooks, with the secret that signs them and those who carry them."""

    url: str
    secret: str
    couriers: Couriers

    @classmethod
    def at(cls, url: str, secret: str) -> "Endpoint":
        """An endpoint with couriers of its own."""

        def headers(_: str, body: bytes) -> dict[str, str]:
            return {"content-type": "application/json", "stripe-signature": sign(secret, body, int(time.time()))}

        return cls(url, secret, Couriers(headers))


class Company:
    """Its books, its doors, and the endpoints it tells."""

    def __init__(self, api_key: str, *, webhook_url: str = "", webhook_secret: str = "") -> None:
        self._webhook = webhook_url, webhook_secret
        self._errands: set[asyncio.Task[None]] = set()
        self.books = Books()
        self.doors = Doors(api_key)
        self.endpoints: dict[str, Endpoint] = {}
        self.behaviour = Behaviour()
        self.refunds_become = "succeeded"

    @property
    def routes(self) -> list[BaseRoute]:
        """The API."""
        door = self.doors.door
        return [
            door("POST", "/v1/checkout/sessions", self.open_session),
            door("GET", "/v1/checkout/sessions/{id}", self.session),
            door("POST", "/v1/checkout/sessions/{id}/expire", self.expire),
            door("POST", "/v1/refunds", self.refund),
            door("GET", "/v1/refunds", self.refunds),
            door("GET", "/v1/balance_transactions", self.balance_transactions),
            door("POST", "/v1/webhook_endpoints", self.add_endpoint),
            door("DELETE", "/v1/webhook_endpoints/{id}", self.drop_endpoint),
        ]

    @asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """From opening to closing time."""
        if self._webhook[0]:
            self.endpoints["we_0"] = Endpoint.at(*self._webhook)
        yield
        for errand in self._errands:
            errand.cancel()
        for endpoint in self.endpoints.values():
            await endpoint.couriers.stop()

    async def open_session(self, request: Request, wish: dict[str, Any]) -> Object:
        """A page where a shopper pays."""
        session = self.books.open_session(wish, str(request.base_url))
        session["_behaviour"] = self.behaviour
        return shown(self.books, session)

    async def session(self, request: Request, wish: dict[str, Any]) -> Object:
        """How a session stands."""
        session = self.books.find("checkout.session", request.path_params["id"])
        self.books.tick(session)
        return shown(self.books, session, listed(wish.get("expand")))

    async def expire(self, request: Request, wish: dict[str, Any]) -> Object:
        """Close an open session."""
        session = self.books.find("checkout.session", request.path_params["id"])
        self.books.expire(session)
        self.tell("checkout.session.expired", session, session)
        return shown(self.books, session)

    async def refund(self, request: Request, wish: dict[str, Any]) -> Object:
        """Give money back: at once, or, as the company was told, a little later, in vain or never."""
        status = "succeeded" if self.refunds_become == "succeeded" else "pending"
        refund = self.books.refund(wish, status)
        session = self._session_of(refund)
        self.tell("refund.created", refund, session)
        self.tell("charge.refunded", self.books.objects[refund["charge"]], session)
        if self.refunds_become in {"pending", "failed"}:
            self._send(self._finish_refund(refund, session, failed=self.refunds_become == "failed"))
        return shown(self.books, refund)

    async def refunds(self, request: Request, wish: dict[str, Any]) -> Object:
        """The refunds of a payment intent, newest first."""
        every = reversed(self.books.of_kind("refund"))
        return self._page([found for found in every if found["payment_intent"] == wish["payment_intent"]], wish)

    async def balance_transactions(self, request: Request, wish: dict[str, Any]) -> Object:
        """What has changed the balance, newest first."""
        since, until = int(wish["created"]["gte"]), int(wish["created"]["lt"])
        every = reversed(self.books.transactions)
        return self._page([found for found in every if since <= found["created"] < until], wish)

    async def add_endpoint(self, request: Request, wish: dict[str, Any]) -> Object:
        """Webhooks go to this address too from now on."""
        id, secret = f"we_{secrets.token_hex(12)}", f"whsec_{secrets.token_hex(16)}"
        self.endpoints[id] = Endpoint.at(wish["url"], secret)
        return {"id": id, "object": "webhook_endpoint", "url": wish["url"], "secret": secret, "status": "enabled"}

    async def drop_endpoint(self, request: Request, wish: dict[str, Any]) -> Object:
        """And not any more, not even those underway."""
        endpoint = self.endpoints.pop(request.path_params["id"], None)
        if endpoint is None:
            raise Refused(404, "No such webhook endpoint", code="resource_missing")
        await endpoint.couriers.stop()
        return {"id": request.path_params["id"], "object": "webhook_endpoint", "deleted": True}

    def pay(self, session: Object, method: str, behaviour: Behaviour) -> None:
        """Take a shopper's money, or of a bank the promise of it; a second tap on the button takes none."""
        if session["status"] == "complete":
            return
        intent = self.books.complete(session)
        session["_behaviour"] = behaviour
        if method == "card":
            charge = self.books.charge(session, intent)
            self.tell("charge.succeeded", charge, session)
            self.tell("payment_intent.succeeded", intent, session)
        self.tell("checkout.session.completed", session, session)

    def settle(self, session: Object, *, succeeds: bool) -> None:
        """What a bank has promised arrives, or does not."""
        intent = self.books.find("payment_intent", session["payment_intent"])
        if succeeds:
            self.books.charge(session, intent)
        else:
            self.books.decline(intent)
        ending = "succeeded" if succeeds else "failed"
        self.tell(f"checkout.session.async_payment_{ending}", session, session)

    def tell(self, type: str, about: Object, session: Object) -> None:
        """Have a webhook carried to every endpoint, in the way that the session's payer has chosen."""
        event = self.event(type, shown(self.books, about))
        for endpoint in self.endpoints.values():
            endpoint.couriers.notify(endpoint.url, event["id"], orjson.dumps(event), session["_behaviour"])

    def event(self, type: str, about: Object) -> Object:
        """What a webhook says."""
        head = {"id": f"evt_{secrets.token_hex(12)}", "object": "event", "api_version": API_VERSION, "livemode": False}
        return {**head, "created": self.books.now, "type": type, "data": {"object": about}}

    async def _finish_refund(self, refund: Object, session: Object, *, failed: bool) -> None:
        await asyncio.sleep(REFUND_SECONDS)
        self.books.finish_refund(refund, "failed" if failed else "succeeded")
        self.tell("refund.failed" if failed else "refund.updated", refund, session)

    def _page(self, found: list[Object], wish: dict[str, Any]) -> Object:
        """A page of a list, as `limit`, `starting_after` and `expand` want it."""
        after, limit = wish.get("starting_after"), int(wish.get("limit", 10))
        start = next((at + 1 for at, one in enumerate(found) if one["id"] == after), 0)
        expand = [path.removeprefix("data.") for path in listed(wish.get("expand"))]
        some = [shown(self.books, one, expand) for one in found[start : start + limit]]
        return {"object": "list", "data": some, "has_more": len(found) > start + limit}

    def _session_of(self, refund: Object) -> Object:
        every = self.books.of_kind("checkout.session")
        return next(session for session in every if session["payment_intent"] == refund["payment_intent"])

    def _send(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
