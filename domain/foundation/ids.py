"""Ids: UUIDv7 in the database, typed text at the border (`product_01h455vb4pex5vsknk084sn02q`).

The text form is TypeID (github.com/jetify-com/typeid, spec v0.3): a prefix, an underscore and the UUID's 128 bits
in Crockford base 32, 26 characters whose first is 0 to 7.
"""

import time
from datetime import datetime
from functools import lru_cache
from secrets import randbits
from uuid import UUID

import uuid_utils

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_SUFFIX_LENGTH = 26


def new_id() -> UUID:
    """A fresh UUIDv7: unique, and later ids sort after earlier ones to the millisecond."""
    return UUID(int=uuid_utils.uuid7().int)


def least_id(moment: datetime) -> UUID:
    """The smallest UUIDv7 of the moment's millisecond: ids that were made before it are smaller."""
    return UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7 << 76 | 0b10 << 62)


def encode(prefix: str, value: UUID) -> str:
    """The id as the world sees it: `encode("order", id)` is `order_...`, 26 characters after the underscore."""
    number = value.int
    pairs = []
    for _ in range(13):
        pairs.append(_PAIRS[number & 1023])
        number >>= 10
    pairs.reverse()
    return f"{prefix}_{''.join(pairs)}"


@lru_cache(maxsize=4096)
def decode(prefix: str, text: str) -> UUID:
    """The UUID of a typed id. Raises ValueError naming what was expected when it is of another type or malformed."""
    found, _, suffix = text.rpartition("_")
    if found != prefix:
        raise ValueError(f"{text[:64]!r} is not the id of a {prefix}; such an id begins with '{prefix}_'")
    if len(suffix) != _SUFFIX_LENGTH or suffix[0] > "7":
        raise ValueError(f"{text[:64]!r} is not a well-formed id: {_SUFFIX_LENGTH} characters follow '{prefix}_'")
    number = 0
    for character in suffix:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError(f"{text[:64]!r} is not a well-formed id: {character!r} is not in its alphabet")
        number = number << 5 | value
    return UUID(int=number)


def new_ticket_id(lane: int) -> UUID:
    """A UUIDv8 that says in which lane (32 bits) it queues, so that asking after it needs no index.

    Layout: 48 bits of milliseconds, version, 12 random bits, variant, 32 bits of lane, 30 random bits. Two ids made in
    the same millisecond for the same lane collide with a chance of 2^-42; the tables refuse the second.
    """
    milliseconds = time.time_ns() // 1_000_000
    high = milliseconds << 16 | 0x8000 | randbits(12)
    low = 0b10 << 62 | (lane & 0xFFFFFFFF) << 30 | randbits(30)
    return UUID(int=high << 64 | low)


def lane_of(ticket_id: UUID) -> int:
    """The lane that `new_ticket_id` wrote into the id."""
    return ticket_id.int >> 30 & 0xFFFFFFFF
