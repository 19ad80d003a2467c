"""Stripe's webhooks: verified before anything in them is read, then turned into a notice."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import orjson
import stripe

from domain.payments.rules import News, Notice, NoticeForged, NoticeMalformed
from domain.payments.stripe_reading import Content, captured_of, name, refunded_of

BELIEVED_FOR = timedelta(minutes=5)
"""A webhook signed longer ago than this, or that far in the future, is refused; Stripe's own tolerance."""

# One timestamp and only one, before its signatures: the library takes the first that it finds, and looks for the freshness of
# none that lies in the future.
_SIGNED = re.compile(r"t=([0-9]{1,12})(?:,v[0-9]=[0-9a-f]{1,128}){1,16}")


def read(secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
    """The notice; one without news for an event that changes nothing here. Header names match in any case.

    Raises NoticeForged or NoticeMalformed.
    """
    signed = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
    _verify(secret, signed, body, now)
    try:
        event = orjson.loads(body)
        read_news = NEWS.get(event["type"])
        return Notice(name(event["id"]), read_news(event) if read_news else None)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise NoticeMalformed(f"cannot be read: {error!r}") from error


def _verify(secret: str, signed: str, body: bytes, now: datetime) -> None:
    found = _SIGNED.fullmatch(signed)
    if found is None:
        raise NoticeForged("the notice is not signed")
    try:
        stripe.WebhookSignature.verify_header(body, signed, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError) as error:
        raise NoticeForged("the signature is not Stripe's") from error
    if abs(now.timestamp() - int(found[1])) > BELIEVED_FOR.total_seconds():
        raise NoticeForged("the notice was signed too long ago")


def _captured(event: Content) -> News | None:
    session = event["data"]["object"]
    # completed without money: a bank transfer is on its way, and another event will tell how it ends
    return captured_of(session, at=event["created"]) if session["payment_status"] == "paid" else None


def _refunded(event: Content) -> News | None:
    refund = event["data"]["object"]
    return refunded_of(refund) if refund["status"] == "succeeded" else None


# `charge.refunded` is left out: it says that something went back, and not which of our refunds it was.
NEWS: Mapping[str, Callable[[Content], News | None]] = {
    "checkout.session.completed": _captured,
    "checkout.session.async_payment_succeeded": _captured,
    "refund.created": _refunded,
    "refund.updated": _refunded,
    "charge.refund.updated": _refunded,
}
"""Events that can tell of money. All others are taken and change nothing: an endpoint that refuses is switched off."""
