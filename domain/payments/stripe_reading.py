"""Stripe's JSON as our words. Each raises ValueError, KeyError or TypeError for what is not as Stripe documents it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.foundation import ids
from domain.foundation.money import SHOP_CURRENCY, Money
from domain.payments.rules import BillKind, BillRow, Captured, Refunded

Content = dict[str, Any]

_KINDS: Mapping[str, tuple[BillKind, int]] = {
    "charge": (BillKind.PAYMENT, 1),
    "payment": (BillKind.PAYMENT, 1),
    "refund": (BillKind.REFUND, -1),
    "payment_refund": (BillKind.REFUND, -1),
    # the money of a failed refund is on the balance again: the refund's row, taken back
    "refund_failure": (BillKind.REFUND, -1),
}
"""Balance transactions that are about payments, and the sign of their amount."""
_PAYOUT = "payout"
"""How the types of those begin that only move our money to the bank and back: the ledger has them from the bank."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LATEST_SECONDS = 253_402_300_800
"""The year 10000, which no calendar here has."""


def captured_of(session: Content, *, at: int) -> Captured | None:
    """The money of a paid session; None for a session of somebody else who sells through the same account."""
    payment_id = _ours(session, "payment")
    if payment_id is None:
        return None
    return Captured(payment_id, name(session["id"]), _amount(session, "amount_total"), moment(at))


def refunded_of(refund: Content) -> Refunded | None:
    """A refund that has succeeded; None for one that nobody here has asked for."""
    refund_id, payment_id = _ours(refund, "refund"), _ours(refund, "payment")
    if refund_id is None or payment_id is None:
        return None
    return Refunded(refund_id, payment_id, name(refund["id"]), _amount(refund, "amount"), moment(refund["created"]))


def bill_row(transaction: Content) -> BillRow | None:
    """A balance transaction as a line of the bill; None for a payout.

    Whatever else moves money, a dispute above all, is a line under Stripe's own name for it, as money that went: our books
    know none like it, so that it becomes a difference for a person to look at.
    """
    if str(transaction["type"]).startswith(_PAYOUT):
        return None
    if transaction["type"] not in _KINDS:
        return _unknown_row(transaction)
    kind, sign = _KINDS[transaction["type"]]
    _check_currency(transaction)
    source = transaction["source"]
    return BillRow(
        kind,
        _ours(source, kind.value),
        name(source["id"]),
        sign * _whole(transaction["amount"]),
        _whole(transaction["fee"]),
        moment(transaction["created"]),
        str(source["status"]),
    )


def _unknown_row(transaction: Content) -> BillRow:
    _check_currency(transaction)
    source = transaction.get("source") or transaction
    return BillRow(
        BillKind.REFUND,
        None,
        name(source["id"]),
        -_whole(transaction["amount"]),
        _whole(transaction["fee"]),
        moment(transaction["created"]),
        str(transaction["type"]),
    )


def _check_currency(transaction: Content) -> None:
    if transaction["currency"] != SHOP_CURRENCY.lower():
        raise ValueError(f"a balance in {transaction['currency']} cannot be compared with books in {SHOP_CURRENCY}")


def moment(seconds: Any) -> datetime:
    """A moment of the epoch, in seconds."""
    if not 0 <= _whole(seconds) < _LATEST_SECONDS:
        raise ValueError(f"{seconds} is no moment")
    return datetime.fromtimestamp(seconds, UTC)


def name(text: Any) -> str:
    """An id of Stripe's."""
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise ValueError("an id has 1 to 255 letters, digits, - or _")
    return text


def _ours(content: Content, prefix: str) -> UUID | None:
    """Our id in the metadata; None where there is none of ours."""
    metadata = content.get("metadata") or {}
    text = metadata.get(f"{prefix}_id")
    if not isinstance(text, str) or not text.startswith(f"{prefix}_"):
        return None
    return ids.decode(prefix, text)


def _amount(content: Content, name: str) -> Money:
    return Money(_whole(content[name]), str(content["currency"]).upper())


def _whole(number: Any) -> int:
    if type(number) is not int:
        raise ValueError(f"{number!r} is no whole number")
    return number
