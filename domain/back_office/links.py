"""Links to exports: sealed leave for one person to fetch one file, for some minutes.

A link carries what it is for, so that nothing is kept of it, and nobody but us can read it: addresses stand in the logs of
proxies, and what was searched for may be somebody's phone. It is worth nothing to anybody else, after its time, or with a
letter changed; and whoever uses it shows their own access token, as for everything else.
"""

import base64
import binascii
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.back_office.rules import LinkRefused, WantedOrders, WantedStatement
from domain.ledger.rules import Account
from domain.orders.rules import Fulfilment, LateOutcome, OrderState

LIFETIME = timedelta(minutes=5)
LONGEST = 4_000
"""Characters of a link's token: the longest filter makes some 1,500."""


class File(StrEnum):
    """What may be fetched; with `.csv`, the file's name."""

    ORDERS = "orders"
    STATEMENT = "statement"
    ROOM_COMMENTS = "room-comments"
    ACTIVATION_CODES = "activation-codes"
    SEGMENT_MEMBERS = "segment-members"


@dataclass(frozen=True, slots=True)
class Leave:
    """Who may fetch what, until when. `about` narrows it: JSON, as `of_wanted` makes it of a filter."""

    id: UUID
    file: File
    account_id: UUID
    about: dict[str, Any]
    expires_at: datetime


def sign(key: bytes, leave: Leave) -> str:
    """The leave as text that is safe in a URL: encrypted and authenticated (AES-256-GCM)."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _seal(key).encrypt(nonce, orjson.dumps(asdict(leave)), None)
    return base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def read(key: bytes, token: str, *, file: File, account_id: UUID, now: datetime) -> Leave:
    """The leave inside. Raises LinkRefused unless it was sealed by us, for this file and this person, and is not over."""
    leave = _opened(key, token)
    if leave.file is not file:
        raise LinkRefused(f"the link is not for {file}.csv")
    if leave.account_id != account_id:
        raise LinkRefused("the link is somebody else's")
    if now >= leave.expires_at:
        raise LinkRefused(f"the link was good until {leave.expires_at:%Y-%m-%d %H:%M:%S} UTC; ask for another one")
    return leave


def of_wanted(wanted: WantedOrders) -> dict[str, Any]:
    """A filter as JSON, without what does not narrow."""
    about: dict[str, Any] = orjson.loads(orjson.dumps(asdict(wanted)))
    return {name: value for name, value in about.items() if value not in (None, [])}


def noted(about: dict[str, Any]) -> dict[str, Any]:
    """What the trail keeps of a filter, for ever: of a text only that there was one."""
    if "text" not in about:
        return about
    return {**{name: value for name, value in about.items() if name != "text"}, "has_text": True}


def wanted_of(about: dict[str, Any]) -> WantedOrders:
    """The filter again."""
    read_as: Mapping[str, Callable[[Any], Any]] = {
        "states": lambda states: tuple(OrderState(state) for state in states),
        "placed_from": datetime.fromisoformat,
        "placed_to": datetime.fromisoformat,
        "paid_from": datetime.fromisoformat,
        "paid_to": datetime.fromisoformat,
        "fulfilment": Fulfilment,
        "store_id": UUID,
        "supplier_id": UUID,
        "late_outcome": LateOutcome,
    }
    return WantedOrders(**{name: read_as.get(name, lambda same: same)(value) for name, value in about.items()})


def of_statement(wanted: WantedStatement) -> dict[str, Any]:
    """Which statement, as JSON."""
    about: dict[str, Any] = orjson.loads(orjson.dumps(asdict(wanted)))
    return about


def statement_of(about: dict[str, Any]) -> WantedStatement:
    """Which statement again."""
    starts_at, ends_at = (datetime.fromisoformat(about[name]) for name in ("starts_at", "ends_at"))
    return WantedStatement(Account(about["account"]), about["subject"], starts_at, ends_at)


def of_room(room_id: UUID) -> dict[str, Any]:
    """Which room, as JSON."""
    return {"room_id": str(room_id)}


def room_of(about: dict[str, Any]) -> UUID:
    """Which room again."""
    return UUID(about["room_id"])


def of_segment(segment_id: UUID) -> dict[str, Any]:
    """Which segment, as JSON."""
    return {"segment_id": str(segment_id)}


def segment_of(about: dict[str, Any]) -> UUID:
    """Which segment again."""
    return UUID(about["segment_id"])


def of_codes(batch_id: UUID) -> dict[str, Any]:
    """Which batch of activation codes, as JSON."""
    return {"batch_id": str(batch_id)}


def codes_of(about: dict[str, Any]) -> UUID:
    """Which batch again."""
    return UUID(about["batch_id"])


def _opened(key: bytes, token: str) -> Leave:
    try:
        sealed = base64.urlsafe_b64decode(token[:LONGEST] + "=" * (-len(token[:LONGEST]) % 4))
    except (binascii.Error, ValueError):
        raise LinkRefused("the link is malformed") from None
    try:
        said = orjson.loads(_seal(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None))
    except (InvalidTag, ValueError):  # ValueError: too short to be one
        raise LinkRefused("the link is forged") from None
    expires_at = datetime.fromisoformat(said["expires_at"]).astimezone(UTC)
    return Leave(UUID(said["id"]), File(said["file"]), UUID(said["account_id"]), said["about"], expires_at)


_NONCE_BYTES = 12


def _seal(key: bytes) -> AESGCM:
    # a key of its own: the given one signs other things
    return AESGCM(hmac.digest(key, b"export-link", "sha256"))
