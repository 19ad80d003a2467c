"""Stripe's client: a page to pay on (Checkout Session), refunds, balance transactions as a day's bill, and webhooks read.

A payment is a session there, and its `reference` the session's id: Stripe finds nothing by our ids, which travel in the
metadata. A session must live 30 minutes at least, longer than most of our payments: ours are closed when their time is over.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import aiohttp
import stripe

from domain.foundation import ids, tracing
from domain.foundation.clock import shop_midnight
from domain.foundation.settings import Settings
from domain.payments import stripe_notices
from domain.payments.rules import (
    Bill,
    Captured,
    GatewayFailed,
    Instructions,
    Notice,
    Payment,
    Refund,
    Refunded,
    Standing,
)
from domain.payments.stripe_reading import Content, bill_row, captured_of, refunded_of

PATIENCE = aiohttp.ClientTimeout(total=5)
"""For one answer; a refund asks at most three times and must be done within `store.LEASE`."""
SHORTEST_SESSION = timedelta(minutes=31)
LONGEST_SESSION = timedelta(hours=23, minutes=59)
"""Stripe allows 30 minutes to 24 hours from the creation, by its clock."""
PAGE = 100
WITH_CHARGE = ["payment_intent.latest_charge"]

# The library would write an id of this machine into the home directory and report its platform and response times.
stripe.enable_telemetry = False


class StripeGateway:
    """The port, spoken to Stripe. See `domain.payments.gateways.Gateway` for what each call promises."""

    name = "stripe"

    def __init__(self, url: str, api_key: str, webhook_secret: str, return_url: str) -> None:
        self._url = url.rstrip("/")
        self._api_key = api_key
        self._webhook_secret = webhook_secret
        self._return_url = return_url
        # a worker process may run more than one event loop, and connections belong to one
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Client] = WeakKeyDictionary()

    @classmethod
    def of(cls, settings: Settings) -> "StripeGateway | None":
        """The gateway of these settings; None where no key is set."""
        api_key = settings.stripe_secret_key.get_secret_value()
        if not api_key:
            return None
        secret = settings.stripe_webhook_secret.get_secret_value()
        return cls(settings.stripe_url, api_key, secret, settings.stripe_return_url or f"{settings.home}/")

    async def prepare(self, payment: Payment, payer: str | None) -> Instructions:
        """A page where the shopper pays; whoever pays is asked there, so `payer` is not needed."""
        if payment.reference is not None:
            # Stripe forgets idempotency keys after a day: what is known is looked up, not made again
            session = await self._session(payment.reference)
        else:
            key = ids.encode("payment", payment.id)
            with _failing():
                made = await self._sessions().create_async(self._wanted(payment), {"idempotency_key": key})
            session = made.to_dict()
        with _reading():
            return Instructions(str(session["id"]), pay_url=session["url"])

    async def query(self, payment: Payment) -> Captured | Standing:
        """How its session stands."""
        if payment.reference is None:
            # nobody was told of a page: `prepare` is answered only once the reference is kept
            return Standing.UNKNOWN
        try:
            return _standing(await self._session(payment.reference, expand=WITH_CHARGE), payment.id)
        except _Missing:
            return Standing.UNKNOWN

    async def close(self, payment: Payment) -> Captured | Standing:
        """Have the session expire; PENDING when money is on its way to it that nobody can stop."""
        if payment.reference is None:
            return Standing.UNKNOWN
        try:
            with _failing():
                await self._sessions().expire_async(payment.reference)
        except _Missing:
            return Standing.UNKNOWN
        except _Refused:
            # only an open session can expire: this one has expired, or money was faster
            return await self.query(payment)
        return Standing.CLOSED

    async def refund(self, refund: Refund) -> Refunded | None:
        """Give this much back, once for the refund's id. Raises GatewayFailed also when Stripe has tried in vain.

        Such a refund stays the only one: what cannot go back the way it came needs a person.
        """
        if refund.payment_reference is None:
            raise GatewayFailed("the payment has no session")
        session = await self._session(refund.payment_reference)
        with _reading():
            intent = str(session["payment_intent"])
        # the answer to a repeated key is the first answer again, and is forgotten after a day: look before asking again
        found = await self._refund_made(refund, intent) if refund.attempts > 1 else None
        content = found or await self._make_refund(refund, intent)
        with _reading():
            status = content["status"]
            if status == "succeeded":
                return refunded_of(content)
        if status in {"pending", "requires_action"}:
            return None
        raise GatewayFailed(f"Stripe's refund {content['id']} is {status}: {content.get('failure_reason')}")

    async def bill(self, day: date) -> Bill:
        """What came and went on a day: all balance transactions but payouts, in the order they were made."""
        rows = []
        async for transaction in self._transactions(day):
            with _reading():
                row = bill_row(transaction)
            if row is not None:
                rows.append(row)
        rows.reverse()  # Stripe tells the newest first
        return Bill(self.name, day, tuple(rows))

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """The event in a webhook."""
        return stripe_notices.read(self._webhook_secret, headers, body, now=now)

    async def hang_up(self) -> None:
        """Close this event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _wanted(self, payment: Payment) -> "stripe.params.checkout.SessionCreateParams":
        """The same for every call: a repeated key with other parameters is refused."""
        payment_id = ids.encode("payment", payment.id)
        ours = {"payment_id": payment_id}
        # counted from the end, so that it is far enough away whenever the first try gets through
        lives_until = min(payment.expires_at + SHORTEST_SESSION, payment.asked_at + LONGEST_SESSION)
        return {
            "mode": "payment",
            "client_reference_id": payment_id,
            "metadata": ours,
            # copied to the charge, which the bill shows
            "payment_intent_data": {"metadata": ours},
            "expires_at": int(lives_until.timestamp()),
            "success_url": self._return_url,
            "cancel_url": self._return_url,
            # what is charged is what was asked for, in our currency
            "adaptive_pricing": {"enabled": False},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": payment.amount.currency.lower(),
                        "unit_amount": payment.amount.minor,
                        "product_data": {"name": "夜市 Night Market"},
                    },
                }
            ],
        }

    async def _session(self, reference: str, expand: list[str] | None = None) -> Content:
        with _failing():
            found = await self._sessions().retrieve_async(reference, {"expand": expand} if expand else None)
        return found.to_dict()

    async def _make_refund(self, refund: Refund, intent: str) -> Content:
        refund_id = ids.encode("refund", refund.id)
        with _failing():
            made = await self._client().api.v1.refunds.create_async(
                {
                    "payment_intent": intent,
                    "amount": refund.amount.minor,
                    "metadata": {"refund_id": refund_id, "payment_id": ids.encode("payment", refund.payment_id)},
                },
                {"idempotency_key": refund_id},
            )
        return made.to_dict()

    async def _refund_made(self, refund: Refund, intent: str) -> Content | None:
        """Stripe's refund for ours, if an earlier try got through; of one payment there are never more than a page."""
        with _failing():
            page = await self._client().api.v1.refunds.list_async({"payment_intent": intent, "limit": PAGE})
        refund_id = ids.encode("refund", refund.id)
        every = (found.to_dict() for found in page.data)
        return next((found for found in every if (found.get("metadata") or {}).get("refund_id") == refund_id), None)

    async def _transactions(self, day: date) -> AsyncIterator[Content]:
        """The day's balance transactions with their sources, newest first, however many pages."""
        since, until = (int(shop_midnight(day + timedelta(days=more)).timestamp()) for more in (0, 1))
        wanted: Any = {"created": {"gte": since, "lt": until}, "limit": PAGE, "expand": ["data.source"]}
        while True:
            with _failing():
                page = await self._client().api.v1.balance_transactions.list_async(wanted)
            for found in page.data:
                yield found.to_dict()
            if not page.has_more:
                return
            wanted["starting_after"] = page.data[-1].id

    def _sessions(self) -> "stripe.checkout._session_service.SessionService":
        return self._client().api.v1.checkout.sessions

    def _client(self) -> "_Client":
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = _Client(self._url, self._api_key)
        return client


class _Client:
    """The library's client on one event loop. It repeats nothing: who asks again, and when, is decided by `actions`."""

    def __init__(self, url: str, api_key: str) -> None:
        self.http = stripe.AIOHTTPClient(timeout=PATIENCE)
        self.api = stripe.StripeClient(
            api_key, base_addresses={"api": url}, max_network_retries=0, http_client=self.http
        )

    async def close(self) -> None:
        """Close its connections."""
        await self.http.close_async()  # type: ignore[no-untyped-call]


class _Refused(GatewayFailed):
    """Stripe has understood and will not."""


class _Missing(_Refused):
    """Stripe has never heard of it."""


@contextmanager
def _failing() -> Iterator[None]:
    """Whatever goes wrong while Stripe is asked is GatewayFailed."""
    try:
        with tracing.within("stripe", kind="client"):
            yield
    except stripe.InvalidRequestError as error:
        raise (_Missing if error.http_status == 404 else _Refused)(str(error)) from error
    # the library does not wrap what happens while a body is read
    except (stripe.StripeError, aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise GatewayFailed(f"Stripe: {error}" if str(error) else f"Stripe: {error!r}") from error


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GatewayFailed(f"Stripe's answer cannot be read: {error!r}") from error


def _standing(session: Content, payment_id: UUID) -> Captured | Standing:
    with _reading():
        if session["status"] == "open":
            return Standing.PENDING
        if session["status"] == "expired":
            return Standing.CLOSED
        intent = session["payment_intent"]
        if session["payment_status"] != "paid":
            # a bank's money takes days, or never comes: then the session stays complete and unpaid
            is_over = intent["status"] in {"requires_payment_method", "canceled"}
            return Standing.CLOSED if is_over else Standing.PENDING
        captured = captured_of(session, at=intent["latest_charge"]["created"])
        if captured is None or captured.payment_id != payment_id:
            raise ValueError("the session is another payment's")
        return captured
