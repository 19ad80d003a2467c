"""The sandbox payment gateway: another company, which moves play money and tells of it by signed notices over HTTP.

It runs as a process of its own, `python -m simulators.sandbox_gateway --port 8100`, with the secret it shares with the
merchant in SANDBOX_SECRET, and forgets everything when it ends. The merchant prepares, queries, closes and refunds
payments; the shopper pays them, at the page `/pay/{id}` or, for programs, by POST `/payments/{id}/pay`.

How a payment's notices travel (see `simulators.couriers`) is the payer's to choose; for payers who do not, it is POST
`/behaviour`.
"""

import argparse
import asyncio
import hashlib
import hmac
import html
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from domain.foundation.processes import leave_with_parent
from simulators.couriers import Behaviour, Couriers

REFUND_SECONDS = 0.2
"""A refund is accepted first and done a little later, as at the real companies."""


@dataclass
class Payment:
    """What a merchant wants to be paid, and its refund."""

    id: str
    reference: str
    amount_minor: int
    currency: str
    expires_at: datetime
    notify_url: str
    behaviour: Behaviour
    state: str = "pending"
    captured_at: datetime | None = None
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_payable(self) -> bool:
        """Whether money is taken at this moment."""
        return self.state == "pending" and datetime.now(UTC) < self.expires_at

    def shown(self) -> dict[str, Any]:
        """As the merchant is told, in answers and in the notice of its capture."""
        return self._told(state=self.state, reference=self.reference, at=self.captured_at)

    def shown_refund(self, refund_id: str) -> dict[str, Any]:
        """As the merchant is told of a refund."""
        return {**self._told(), **self.refunds[refund_id], "refund_id": refund_id}

    def _told(self, **more: Any) -> dict[str, Any]:
        return {"payment_id": self.id, "amount_minor": self.amount_minor, "currency": self.currency, **more}


class Sandbox:
    """The company: its books, its doors, and the couriers that carry its notices."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._payments: dict[str, Payment] = {}
        self._behaviour = Behaviour()
        self.app = Starlette(
            routes=[
                Route("/payments", self.prepare, methods=["POST"]),
                Route("/payments/{id}", self.query, methods=["GET"]),
                Route("/payments/{id}/close", self.close, methods=["POST"]),
                Route("/payments/{id}/pay", self.pay, methods=["POST"]),
                Route("/refunds", self.refund, methods=["POST"]),
                Route("/behaviour", self.set_behaviour, methods=["POST"]),
                Route("/statement", self.statement, methods=["GET"]),
                Route("/pay/{id}", self.page, methods=["GET", "POST"]),
            ],
            exception_handlers={
                HTTPException: _refused,
                **dict.fromkeys((KeyError, TypeError, ValueError), _malformed),
            },
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._couriers = Couriers(self._sign)
        yield
        await self._couriers.stop()

    async def prepare(self, request: Request) -> Response:
        """Make a payment payable; the same one again changes nothing, another one under its id is refused."""
        wanted = await _object(request)
        amount = int(wanted["amount_minor"]), str(wanted["currency"])
        payment = self._payments.get(wanted["payment_id"])
        if payment is None:
            payment = self._payments[wanted["payment_id"]] = Payment(
                wanted["payment_id"],
                f"sbx{uuid4().hex[:24]}",
                *amount,
                datetime.fromisoformat(wanted["expires_at"]),
                wanted["notify_url"],
                self._behaviour,
            )
        if amount != (payment.amount_minor, payment.currency):
            raise HTTPException(409, "this payment was prepared with another amount")
        return _json({**payment.shown(), "pay_url": f"{request.base_url}pay/{payment.id}"})

    async def query(self, request: Request) -> Response:
        """How a payment stands; a refunded one was captured all the same."""
        return _json(self._payment(request).shown())

    async def close(self, request: Request) -> Response:
        """Take no more money for a payment; one that is captured stays so."""
        payment = self._payment(request)
        if payment.state == "pending":
            payment.state = "closed"
        return _json(payment.shown())

    async def pay(self, request: Request) -> Response:
        """The shopper's wallet, for programs: `{"behaviour": ..., "delay_ms": ...}`, both optional."""
        payment = self._payment(request)
        self._capture(payment, Behaviour.of(await _object(request), self._behaviour))
        return _json(payment.shown())

    async def page(self, request: Request) -> Response:
        """The shopper's wallet, for people."""
        payment = self._payment(request)
        if request.method == "POST":
            self._capture(payment, self._behaviour)
            return RedirectResponse(request.url, status_code=303)
        return HTMLResponse(_page(payment))

    async def refund(self, request: Request) -> Response:
        """Give a payment back, or a part; never more than was paid. The same refund again tells how it stands."""
        wanted = await _object(request)
        payment, refund_id = self._payments.get(wanted["payment_id"]), str(wanted["refund_id"])
        if payment is None or payment.state != "captured":
            raise HTTPException(409, "no such money")
        if refund_id not in payment.refunds:
            left = payment.amount_minor - sum(refund["amount_minor"] for refund in payment.refunds.values())
            if not 0 < wanted["amount_minor"] <= left:
                raise HTTPException(409, "more than was paid")
            told = {"amount_minor": wanted["amount_minor"], "reference": f"r{uuid4().hex[:24]}"}
            payment.refunds[refund_id] = {**told, "state": "processing", "at": None}
            self._couriers.send(self._finish_refund(payment, refund_id))
        elif payment.refunds[refund_id]["amount_minor"] != wanted["amount_minor"]:
            raise HTTPException(409, "this refund has another amount")
        return _json(payment.shown_refund(refund_id))

    async def set_behaviour(self, request: Request) -> Response:
        """How notices travel from now on, where the payer does not choose."""
        self._behaviour = Behaviour.of(await _object(request), Behaviour())
        return _json({"behaviour": self._behaviour.name, "delay_ms": self._behaviour.delay_ms})

    async def statement(self, request: Request) -> Response:
        """What came in and what went back, in payments and in minor units: for comparing with the merchant's books."""
        captured = [payment.amount_minor for payment in self._payments.values() if payment.state == "captured"]
        done = [refund for payment in self._payments.values() for refund in payment.refunds.values() if refund["at"]]
        refunded = [refund["amount_minor"] for refund in done]
        return _json(
            {
                "captured": {"payments": len(captured), "minor": sum(captured)},
                "refunded": {"payments": len(refunded), "minor": sum(refunded)},
            }
        )

    def _payment(self, request: Request) -> Payment:
        payment = self._payments.get(request.path_params["id"])
        if payment is None:
            raise HTTPException(404, "no such payment")
        return payment

    def _capture(self, payment: Payment, behaviour: Behaviour) -> None:
        """Take the money; a second tap on the button takes none."""
        if payment.state == "captured":
            return
        if not payment.is_payable:
            raise HTTPException(409, "this payment is closed or its time is over")
        payment.state, payment.captured_at, payment.behaviour = "captured", datetime.now(UTC), behaviour
        self._notify(payment, payment.shown())

    async def _finish_refund(self, payment: Payment, refund_id: str) -> None:
        await asyncio.sleep(REFUND_SECONDS)
        payment.refunds[refund_id] |= {"state": "refunded", "at": datetime.now(UTC)}
        self._notify(payment, payment.shown_refund(refund_id))

    def _notify(self, payment: Payment, content: dict[str, Any]) -> None:
        self._couriers.notify(payment.notify_url, f"n{uuid4().hex}", orjson.dumps(content), payment.behaviour)

    def _sign(self, notice_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(time.time()))
        signature = hmac.digest(self._secret, f"{timestamp}\n{notice_id}\n".encode() + body, hashlib.sha256).hex()
        return {
            "content-type": "application/json",
            "sandbox-timestamp": timestamp,
            "sandbox-notice-id": notice_id,
            "sandbox-signature": signature,
        }


async def _object(request: Request) -> dict[str, Any]:
    content = orjson.loads(await request.body() or b"{}")
    if not isinstance(content, dict):
        raise ValueError("a JSON object is wanted")
    return content


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    state = {"state": "unknown"} if error.status_code == 404 else {}
    return _json({**state, "error": error.detail}, error.status_code)


def _malformed(request: Request, error: Exception) -> Response:
    return _json({"error": f"malformed: {error!r}"}, 400)


def _page(payment: Payment) -> str:
    whole, fraction = divmod(payment.amount_minor, 100)
    button = '<form method="post"><button>Pay / 付款</button></form>' if payment.is_payable else ""
    unpaid = button or "Over / 已超时"
    return f"""<!doctype html>
<html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sandbox / 沙箱支付</title>
<style>body {{ font: 1.2rem system-ui; text-align: center; margin-top: 20vh }} button {{ font: inherit; padding: 1em }}
</style>
<h1>{html.escape(payment.currency)} {whole}.{fraction:02d}</h1>
<p>{html.escape(payment.id)}</p>
<p>{"Paid / 已付款" if payment.state == "captured" else unpaid}</p>
</html>"""


async def serve(host: str, port: int, secret: bytes) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server(Sandbox(secret).app, host, port, interface=Interfaces.ASGI, log_level=LogLevels.error, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    await server.serve()


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="The sandbox payment gateway.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8100)
    given = arguments.parse_args()
    secret = os.environ.get("SANDBOX_SECRET", "")
    if len(secret) < 32:
        arguments.error("SANDBOX_SECRET must have at least 32 characters")
    leave_with_parent()  # the one thing it shares with the market: it is not to outlive the demo
    asyncio.run(serve(given.host, given.port, secret.encode()))


if __name__ == "__main__":
    main()
