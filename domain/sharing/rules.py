"""What may be shared and how, whose visit counts for the sharer, and what is counted."""

import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from domain.foundation.errors import BadInput


class TargetKind(StrEnum):
    """What can be shared."""

    PRODUCT = "product"
    GROUP_BUY = "group_buy"
    FLASH_SALE = "flash_sale"
    LIVE_ROOM = "live_room"


class Outcome(StrEnum):
    """Whether a visit counts for the sharer, once it is known whose it is."""

    COUNTED = "counted"
    ONESELF = "oneself"
    CIRCULAR = "circular"


@dataclass(frozen=True, slots=True)
class Link:
    """A shopper's share of one thing, on one channel and for one campaign; whoever has the token may open it."""

    id: UUID
    token: str
    sharer_id: UUID
    target_kind: TargetKind
    target_id: UUID
    channel: str
    campaign: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Funnel:
    """What came of a link: visits, those that count for the sharer, orders, and the orders among them that were paid."""

    opened: int = 0
    signed_in: int = 0
    joined: int = 0
    paid: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """A link was opened on a device, and its share counts until so many days after."""

    link_id: UUID
    sharer_id: UUID
    visitor: str
    at: datetime
    counts_until: datetime


@dataclass(frozen=True, slots=True)
class Visit:
    """What is kept of a device's openings of a link. `outcome` None: it waits for somebody to sign in there."""

    id: UUID
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class LastShare:
    """Whose share counts for a shopper: the one that they opened last, until it is too long ago."""

    sharer_id: UUID
    counts_until: datetime


SHARDS = 8
"""Rows in which the counts of one link are kept, with one more for what was forgotten."""
FORGOTTEN_AFTER = timedelta(days=1)
"""A visit that nobody signed in to is kept so long after it has ceased to count: news of a sign-in may be late."""
TOKEN_SHAPE = re.compile(r"[0-9A-Za-z]{12,32}")
_ALPHABET = string.digits + string.ascii_letters
_TOKEN_LENGTH = 16
_CHANNEL = re.compile(r"[a-z0-9_-]{1,30}")
_CAMPAIGN = re.compile(r"[\w.:-]{0,60}")
CLOCKS_DIFFER = timedelta(minutes=5)
"""More than the clocks of any two processes do."""


def new_token() -> str:
    """16 letters and digits, 95 random bits: half of what a mini-program code has room for."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_LENGTH))


def check_words(channel: str, campaign: str) -> None:
    """Raises BadInput for a channel or a campaign that is malformed."""
    if not _CHANNEL.fullmatch(channel):
        raise BadInput(f"channel {channel[:40]!r} is malformed; allowed: 1 to 30 small letters, digits or _ -")
    if not _CAMPAIGN.fullmatch(campaign):
        raise BadInput(f"campaign {campaign[:80]!r} is malformed; allowed: up to 60 letters, digits or _ . : -")


def surely_counts(last: LastShare | None, sharer_id: UUID, *, now: datetime) -> bool:
    """Whether this sharer's share counts for the shopper already, by any process's clock."""
    return last is not None and last.sharer_id == sharer_id and now + CLOCKS_DIFFER < last.counts_until
