"""The sandbox gateway's client: JSON over HTTP to a company that moves play money, and its signed notices read.

A notice is signed with HMAC-SHA256 over its timestamp, its id and its body, the way WeChat Pay v3 signs (there with
RSA): replaying it later needs a new timestamp, and that a new signature.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from domain.foundation import ids
from domain.foundation.money import Money
from domain.payments.rules import (
    Captured,
    GatewayFailed,
    Instructions,
    News,
    Notice,
    NoticeForged,
    NoticeMalformed,
    Payment,
    Refund,
    Refunded,
    Standing,
)

CALLBACK_PATH = "/payments/sandbox/callback"
BELIEVED_FOR = timedelta(minutes=5)
"""A notice signed longer ago than this (or that far in the future) is refused; WeChat Pay's own rule."""
PATIENCE = aiohttp.ClientTimeout(total=5)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS = re.compile(r"[0-9]{1,12}")


def sign(secret: bytes, *, timestamp: str, notice_id: str, body: bytes) -> str:
    """The signature of a notice, in hexadecimal digits."""
    return hmac.digest(secret, f"{timestamp}\n{notice_id}\n".encode() + body, hashlib.sha256).hex()


class SandboxGateway:
    """The port, spoken to the sandbox. See `domain.payments.gateways.Gateway` for what each call promises."""

    name = "sandbox"

    def __init__(self, url: str, secret: bytes, callback_url: str) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._callback_url = callback_url
        # a worker process may run more than one event loop, and a session belongs to one
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def prepare(self, payment: Payment) -> Instructions:
        """A page where the shopper pays."""
        content = {
            "payment_id": ids.encode("payment", payment.id),
            "amount_minor": payment.amount.minor,
            "currency": payment.amount.currency,
            "expires_at": payment.expires_at,
            "notify_url": self._callback_url,
        }
        answer = await self._ask("POST", "/payments", content)
        with _reading(GatewayFailed):
            return Instructions(_name(answer["reference"]), str(answer["pay_url"]))

    async def query(self, payment_id: UUID) -> Captured | Standing:
        """How the payment stands."""
        return _standing(await self._ask("GET", f"/payments/{ids.encode('payment', payment_id)}"))

    async def close(self, payment_id: UUID) -> Captured | Standing:
        """Take no more money for it."""
        return _standing(await self._ask("POST", f"/payments/{ids.encode('payment', payment_id)}/close"))

    async def refund(self, refund: Refund) -> Refunded | None:
        """Give this much back, once for the refund's id."""
        content = {
            "refund_id": ids.encode("refund", refund.id),
            "payment_id": ids.encode("payment", refund.payment_id),
            "amount_minor": refund.amount.minor,
            "currency": refund.amount.currency,
            "reason": refund.reason,
        }
        answer = await self._ask("POST", "/refunds", content)
        if answer.get("state") == "processing":
            return None
        with _reading(GatewayFailed):
            return _refunded(answer)

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """The notice in a request whose header names are in lower case (or are matched in any)."""
        timestamp, notice_id = headers.get("sandbox-timestamp", ""), headers.get("sandbox-notice-id", "")
        if not _SECONDS.fullmatch(timestamp) or not _NAME.fullmatch(notice_id):
            raise NoticeForged("the notice is not signed")
        right = sign(self._secret, timestamp=timestamp, notice_id=notice_id, body=body)
        if not hmac.compare_digest(right.encode(), headers.get("sandbox-signature", "").encode()):
            raise NoticeForged("the signature is not the sandbox's")
        if abs(now.timestamp() - int(timestamp)) > BELIEVED_FOR.total_seconds():
            raise NoticeForged("the notice was signed too long ago")
        with _reading(NoticeMalformed):
            content = orjson.loads(body)
            return Notice(notice_id, NEWS[content["state"]](content))

    async def hang_up(self) -> None:
        """Close this event loop's connections."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """The sandbox's answer, a JSON object; for something it has never heard of `{"state": "unknown"}`."""
        try:
            body = None if content is None else orjson.dumps(content)
            headers = {"content-type": "application/json"}
            async with self._session().request(method, self._url + path, data=body, headers=headers) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise GatewayFailed(f"{method} {path}: {error!r}") from error
        if response.status not in {200, 404} or not isinstance(answer, dict):
            raise GatewayFailed(f"{method} {path}: {response.status} {str(answer)[:200]}")
        return answer

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = aiohttp.ClientSession(timeout=PATIENCE)
        return session


def _standing(answer: dict[str, Any]) -> Captured | Standing:
    with _reading(GatewayFailed):
        return _captured(answer) if answer["state"] == "captured" else Standing(answer["state"])


def _captured(content: dict[str, Any]) -> Captured:
    return Captured(_payment_id(content), _name(content["reference"]), _amount(content), _moment(content["at"]))


def _refunded(content: dict[str, Any]) -> Refunded:
    refund_id = ids.decode("refund", str(content["refund_id"]))
    return Refunded(
        refund_id, _payment_id(content), _name(content["reference"]), _amount(content), _moment(content["at"])
    )


NEWS: dict[str, Callable[[dict[str, Any]], News]] = {"captured": _captured, "refunded": _refunded}


@contextmanager
def _reading(failure: type[Exception]) -> Iterator[None]:
    """What goes wrong while reading somebody else's JSON is `failure`."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise failure(f"cannot be read: {error!r}") from error


def _payment_id(content: dict[str, Any]) -> UUID:
    return ids.decode("payment", str(content["payment_id"]))


def _amount(content: dict[str, Any]) -> Money:
    minor = content["amount_minor"]
    if type(minor) is not int:
        raise ValueError("amount_minor is no whole number")
    return Money(minor, str(content["currency"]))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} is in no time zone")
    return moment


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a reference has 1 to 64 letters, digits, - or _")
    return text
