"""The shopper's page, and what the company can be told to do: JSON to POST `/simulator/...`.

pay        `session` or `payment_id`, and as wanted `behaviour`, `delay_ms` (see `simulators.couriers`) and `method`: "card",
           or "bank", whose money comes later
settle     `session` or `payment_id`, `succeeds`: what a bank has promised arrives, or does not
behaviour  how webhooks travel where the payer does not choose, and `refunds`: "succeeded"; "pending" or "failed", a moment
           later; "stuck", for good
clock      `now`, in seconds of the epoch: the company's clock stands there; without it, it goes again
forge      `session` or `payment_id`, `how`, `count`: webhooks that are not Stripe's; answers with what they were answered
"""

import html
import time

import aiohttp
import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.couriers import Behaviour
from simulators.stripe.books import Object, Refused, shown
from simulators.stripe.company import Company
from simulators.stripe.wire import json_of, sign, told


class Control:
    """Doors that the real company does not have, but for the page."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._books = company.books

    @property
    def routes(self) -> list[BaseRoute]:
        """The doors."""
        return [
            Route("/c/pay/{id}", self.page, methods=["GET", "POST"]),
            Route("/simulator/pay", self.pay, methods=["POST"]),
            Route("/simulator/settle", self.settle, methods=["POST"]),
            Route("/simulator/forge", self.forge, methods=["POST"]),
            Route("/simulator/behaviour", self.set_behaviour, methods=["POST"]),
            Route("/simulator/clock", self.set_clock, methods=["POST"]),
            Route("/simulator/statement", self.statement, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """Where shoppers pay."""
        session = self._books.find("checkout.session", request.path_params["id"])
        self._books.tick(session)
        if request.method == "POST":
            self._company.pay(session, "card", self._company.behaviour)
            return RedirectResponse(request.url, status_code=303)
        return HTMLResponse(_page(session))

    async def pay(self, request: Request) -> Response:
        """The same for programs."""
        wish = await json_of(request)
        session = self._wished(wish)
        self._company.pay(session, wish.get("method", "card"), Behaviour.of(wish, self._company.behaviour))
        return told(shown(self._books, session))

    async def settle(self, request: Request) -> Response:
        """The end of a bank's promise."""
        wish = await json_of(request)
        session = self._wished(wish)
        self._company.settle(session, succeeds=wish["succeeds"])
        return told(shown(self._books, session))

    async def forge(self, request: Request) -> Response:
        """Bring the newest endpoint webhooks that look like a capture and are not to be believed."""
        wish = await json_of(request)
        session = {**shown(self._books, self._wished(wish)), "status": "complete", "payment_status": "paid"}
        [*_, endpoint] = self._company.endpoints.values()
        answers = []
        for _ in range(int(wish.get("count", 1))):
            body = orjson.dumps(self._company.event("checkout.session.completed", session))
            headers = {"stripe-signature": _forged(wish["how"], endpoint.secret, body)}
            body = body.replace(b'"amount_total":', b'"amount_total":1') if wish["how"] == "changed" else body
            async with aiohttp.request("POST", endpoint.url, data=body, headers=headers) as response:
                answers.append(response.status)
        return told({"answers": answers})

    async def set_behaviour(self, request: Request) -> Response:
        """How it behaves from now on; well, where nothing is said."""
        wish = await json_of(request)
        self._company.behaviour = behaviour = Behaviour.of(wish, Behaviour())
        self._company.refunds_become = refunds = wish.get("refunds", "succeeded")
        return told({"behaviour": behaviour.name, "delay_ms": behaviour.delay_ms, "refunds": refunds})

    async def set_clock(self, request: Request) -> Response:
        """What time it is."""
        self._books.stopped_at = (await json_of(request)).get("now")
        return told({"now": self._books.now})

    async def statement(self, request: Request) -> Response:
        """What came in and went back, in minor units, for comparing with the merchant's books; how often it has asked."""
        charged = [charge["amount"] for charge in self._books.of_kind("charge")]
        refunded = [refund["amount"] for refund in self._books.of_kind("refund") if refund["status"] == "succeeded"]
        return told(
            {
                "requests": self._company.doors.requests,
                "captured": {"payments": len(charged), "minor": sum(charged)},
                "refunded": {"payments": len(refunded), "minor": sum(refunded)},
            }
        )

    def _wished(self, wish: Object) -> Object:
        """The session that a program means, by its id or by the merchant's id of the payment."""
        if "session" in wish:
            return self._books.find("checkout.session", wish["session"])
        every = self._books.of_kind("checkout.session")
        named = [session for session in every if session["metadata"].get("payment_id") == wish["payment_id"]]
        if not named:
            raise Refused(404, "no session for this payment", code="resource_missing")
        return named[-1]


def _forged(how: str, secret: str, body: bytes) -> str:
    now = int(time.time())
    return {
        "unsigned": "",
        "wrong_secret": sign(f"{secret}x", body, now),
        "stale": sign(secret, body, now - 600),
        "changed": sign(secret, body, now),
    }[how]


def _page(session: Object) -> str:
    whole, fraction = divmod(session["amount_total"], 100)
    button = '<form method="post"><button>Pay / 付款</button></form>'
    state = {"open": button, "complete": "Paid / 已付款", "expired": "Over / 已超时"}[session["status"]]
    return f"""<!doctype html>
<html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Checkout / 收银台</title>
<style>body {{ font: 1.2rem system-ui; text-align: center; margin-top: 20vh }} button {{ font: inherit; padding: 1em }}
</style>
<h1>{html.escape(session["currency"].upper())} {whole}.{fraction:02d}</h1>
<p>{html.escape(str(session["client_reference_id"]))}</p>
<p>{state}</p>
</html>"""
