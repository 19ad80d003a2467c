"""What a Stripe knows: its objects as it shows them, and how they change. No HTTP here; the doors are `company` and `control`."""

import secrets
import string
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

SHORTEST_SESSION_SECONDS, LONGEST_SESSION_SECONDS = 30 * 60, 24 * 3600
FEE_PERMILLE = 34
"""Of every charge, kept when it is refunded; of the size that Stripe's price lists have."""

_LETTERS = string.ascii_letters + string.digits


@dataclass
class Refused(Exception):
    """An error as Stripe tells it."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str | None = None

    def shown(self) -> Object:
        """The body of the answer."""
        return {"error": {"type": self.type, "code": self.code, "message": self.message}}


@dataclass
class Books:
    """Everything one account has at Stripe, by id, and its balance transactions, oldest first."""

    objects: dict[str, Object] = field(default_factory=dict)
    transactions: list[Object] = field(default_factory=list)
    stopped_at: int | None = None
    """Where the company's clock was stopped: tests and stories have days of their own."""

    @property
    def now(self) -> int:
        """The company's moment, in seconds of the epoch."""
        return int(time.time()) if self.stopped_at is None else self.stopped_at

    def find(self, kind: str, id: str) -> Object:
        """The object of this kind."""
        found = self.objects.get(id)
        if found is None or found["object"] != kind:
            raise Refused(404, f"No such {kind}: '{id}'", code="resource_missing")
        return found

    def open_session(self, wish: Mapping[str, Any], url: str) -> Object:
        """A page where one thing is paid."""
        line = wish["line_items"]["0"]
        expires_at = int(wish.get("expires_at", self.now + LONGEST_SESSION_SECONDS))
        if wish["mode"] != "payment" or not wish["success_url"]:
            raise Refused(400, "mode is payment, and success_url is needed")
        # a little longer than promised, as clocks differ
        if not SHORTEST_SESSION_SECONDS <= expires_at - self.now <= LONGEST_SESSION_SECONDS + 60:
            raise Refused(400, "The `expires_at` timestamp must be between 30 minutes and 24 hours from now")
        session = self._new(
            "checkout.session",
            "cs_test_",
            58,
            amount_total=int(line["price_data"]["unit_amount"]) * int(line["quantity"]),
            currency=line["price_data"]["currency"],
            client_reference_id=wish.get("client_reference_id"),
            expires_at=expires_at,
            metadata=wish.get("metadata", {}),
            mode="payment",
            payment_intent=None,
            payment_status="unpaid",
            status="open",
        )
        session["url"] = f"{url}c/pay/{session['id']}"
        session["_intent_metadata"] = wish.get("payment_intent_data", {}).get("metadata", {})
        return session

    def tick(self, session: Object) -> None:
        """An open session whose time is over has expired."""
        if session["status"] == "open" and self.now >= session["expires_at"]:
            session |= {"status": "expired", "url": None}

    def expire(self, session: Object) -> None:
        """Take no more money for it."""
        self.tick(session)
        if session["status"] != "open":
            raise Refused(400, f"This Session cannot be expired: it is {session['status']}")
        session |= {"status": "expired", "url": None}

    def complete(self, session: Object) -> Object:
        """The shopper has done what the page wants; its payment intent, on which no money is yet."""
        self.tick(session)
        if session["status"] != "open":
            raise Refused(400, f"This Session cannot be paid: it is {session['status']}")
        intent = self._new(
            "payment_intent",
            "pi_",
            24,
            amount=session["amount_total"],
            currency=session["currency"],
            latest_charge=None,
            metadata=session["_intent_metadata"],
            status="processing",
        )
        session |= {"status": "complete", "url": None, "payment_intent": intent["id"]}
        return intent

    def charge(self, session: Object, intent: Object) -> Object:
        """The money has arrived."""
        charge = self._new(
            "charge",
            "ch_",
            24,
            amount=intent["amount"],
            amount_refunded=0,
            currency=intent["currency"],
            metadata=intent["metadata"],
            payment_intent=intent["id"],
            status="succeeded",
        )
        intent |= {"latest_charge": charge["id"], "status": "succeeded"}
        session["payment_status"] = "paid"
        self._book("charge", charge["id"], charge["amount"], fee=(charge["amount"] * FEE_PERMILLE + 500) // 1000)
        return charge

    def decline(self, intent: Object) -> None:
        """The money that was on its way does not arrive."""
        intent["status"] = "requires_payment_method"

    def refund(self, wish: Mapping[str, Any], status: str) -> Object:
        """Money on its way back, or back; never more than was paid."""
        intent = self.find("payment_intent", wish["payment_intent"])
        if intent["latest_charge"] is None:
            raise Refused(400, "This PaymentIntent has no successful charge to refund.")
        charge = self.find("charge", intent["latest_charge"])
        amount, left = int(wish["amount"]), charge["amount"] - charge["amount_refunded"]
        if not 0 < amount <= left:
            raise Refused(400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})")
        refund = self._new(
            "refund",
            "re_",
            24,
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            failure_reason=None,
            metadata=wish.get("metadata", {}),
            payment_intent=intent["id"],
            status=status,
        )
        charge["amount_refunded"] += amount
        self._book("refund", refund["id"], -amount)
        return refund

    def finish_refund(self, refund: Object, status: str) -> None:
        """A pending refund has succeeded, or failed: then the money is on the balance again."""
        refund["status"] = status
        if status == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
            self.find("charge", refund["charge"])["amount_refunded"] -= refund["amount"]
            self._book("refund_failure", refund["id"], refund["amount"])

    def of_kind(self, kind: str) -> list[Object]:
        """Every object of a kind, oldest first."""
        return [found for found in self.objects.values() if found["object"] == kind]

    def _book(self, type: str, source: str, amount: int, fee: int = 0) -> None:
        currency = self.objects[source]["currency"]
        change = {"type": type, "source": source, "amount": amount, "fee": fee, "net": amount - fee}
        transaction = self._new("balance_transaction", "txn_", 24, currency=currency, status="pending", **change)
        self.transactions.append(transaction)

    def _new(self, kind: str, prefix: str, letters: int, **content: Any) -> Object:
        id = prefix + "".join(secrets.choice(_LETTERS) for _ in range(letters))
        self.objects[id] = {"id": id, "object": kind, "created": self.now, "livemode": False, **content}
        return self.objects[id]


def shown(books: Books, found: Object, expand: Iterable[str] = ()) -> Object:
    """An object as it is told, with the ids on these paths (`payment_intent.latest_charge`) replaced by their objects."""
    told = {name: value for name, value in found.items() if not name.startswith("_")}
    for name, paths in _by_first(expand).items():
        if isinstance(told.get(name), str):
            told[name] = shown(books, books.objects[told[name]], paths)
    return told


def _by_first(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        first, _, rest = path.partition(".")
        found.setdefault(first, []).extend([rest] if rest else [])
    return found
