"""Passes: signed leave to claim one item, given only once its sale is open to whoever asks.

A pass carries all that a claim must know, so that checking one needs no look-up: shopper, item, lanes, epoch, limit and
window. It is worth nothing to anybody else, after the window, or after its gate was rebuilt.
"""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.audiences.desk import DoorDesk
from domain.flash_sales import queries
from domain.flash_sales.admission import AdmissionDesk, Place
from domain.flash_sales.rules import FlashSaleClosed, FlashSaleNotForYou, FlashSalePassRefused, Item, Sale
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.ids import encode
from domain.foundation.remembered import Remembered

REMEMBERED_SECONDS = 1.0
AT_A_DOOR = timedelta(seconds=5)
"""How long a pass lives that was given at a door: whoever is no member any more buys as one so long, at most."""

# shopper, item, number, epoch, buckets, per shopper, closes at (ms), expires at (ms)
_LAYOUT = struct.Struct(">16s16sIIBIQQ")
_MAC_BYTES = 16
_TEXT_LENGTH = -(-(_LAYOUT.size + _MAC_BYTES) * 4 // 3)


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to claim."""

    shopper_id: UUID
    item_id: UUID
    number: int
    epoch: int
    buckets: int
    per_shopper: int
    closes_at_ms: int
    expires_at_ms: int

    @property
    def expires_at(self) -> datetime:
        """The moment from which on the pass is refused."""
        return datetime.fromtimestamp(self.expires_at_ms / 1000, UTC)

    @property
    def lane(self) -> int:
        """The lane of this shopper: always the same one, so that one lane sees all their claims."""
        return self.number << 8 | self.shopper_id.int % self.buckets


def sign(key: bytes, leave: Pass) -> str:
    """The pass as text: 103 characters safe in a URL."""
    body = _LAYOUT.pack(
        leave.shopper_id.bytes,
        leave.item_id.bytes,
        leave.number,
        leave.epoch,
        leave.buckets,
        leave.per_shopper,
        leave.closes_at_ms,
        leave.expires_at_ms,
    )
    return base64.urlsafe_b64encode(body + _mac(key, body)).rstrip(b"=").decode()


def read(key: bytes, text: str, *, shopper_id: UUID, now_ms: int) -> Pass:
    """The pass inside. Raises FlashSalePassRefused (malformed, forged, foreign, expired) or FlashSaleClosed."""
    if len(text) != _TEXT_LENGTH:
        raise FlashSalePassRefused(reason="malformed")
    try:
        signed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise FlashSalePassRefused(reason="malformed") from None
    body, mac = signed[: _LAYOUT.size], signed[_LAYOUT.size :]
    if not hmac.compare_digest(mac, _mac(key, body)):
        raise FlashSalePassRefused(reason="forged")
    shopper, item, *figures = _LAYOUT.unpack(body)
    leave = Pass(UUID(bytes=shopper), UUID(bytes=item), *figures)
    if leave.shopper_id != shopper_id:
        raise FlashSalePassRefused(reason="another shopper's")
    if now_ms >= leave.closes_at_ms:
        raise FlashSaleClosed(closed_at=datetime.fromtimestamp(leave.closes_at_ms / 1000, UTC))
    if now_ms >= leave.expires_at_ms:
        raise FlashSalePassRefused(reason="expired")
    return leave


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"flash-sale-pass:" + body, "sha256")[:_MAC_BYTES]


class PassDesk:
    """Gives passes. Knows the items on sale for a second, so that a rush for passes asks the ledger once a second."""

    def __init__(self, db: Database, line: AdmissionDesk, *, seconds: int) -> None:
        self._db, self._line, self._doors = db, line, DoorDesk(db)
        self._lifetime = timedelta(seconds=seconds)
        self._known: Remembered[tuple[Sale, Item] | None] = Remembered(seconds=REMEMBERED_SECONDS, capacity=10_000)

    async def request(
        self, *, shopper_id: UUID, item_id: UUID, now: datetime, place: str | None = None
    ) -> Pass | Place:
        """Leave to claim, or a place in the line of a sale that lets in only so many a second.

        Raises NotFound, FlashSaleNotOpen, FlashSaleNotForYou, FlashSaleClosed, FlashSalePlaceRefused or FlashSaleBusy.
        """
        found = await self._known.get(item_id, lambda: queries.sale_of_item(self._db, item_id))
        if found is None or not found[0].is_public:
            raise NotFound(kind="saleitem", id=encode("saleitem", item_id))
        sale, item = found
        lifetime = self._lifetime
        if sale.doors is None:
            sale.check_open(now)
        elif await self._is_let_in_by_a_door(sale, shopper_id, now):
            lifetime = min(lifetime, AT_A_DOOR)
        waiting = await self._line.ask(sale, shopper_id=shopper_id, place=place, now=now)
        if waiting is not None:
            return waiting
        return Pass(
            shopper_id=shopper_id,
            item_id=item.id,
            number=item.number,
            epoch=item.epoch,
            buckets=item.buckets,
            per_shopper=item.per_shopper,
            closes_at_ms=int(sale.closes_at.timestamp() * 1000),
            expires_at_ms=int((now + lifetime).timestamp() * 1000),
        )

    async def _is_let_in_by_a_door(self, sale: Sale, shopper_id: UUID, now: datetime) -> bool:
        """Whether it was a door, which is kept before the pass is given, or the sale is open to everybody."""
        assert sale.doors is not None
        sale.check_not_over(now)
        if sale.doors.lets_others_in and now >= sale.opens_at:
            sale.check_open(now)
            return False
        if now >= sale.begins_at:
            sale.check_open_from(sale.begins_at, now)  # nobody is let in before it is warm
        opening = await self._doors.ask(sale.id, sale.doors, opens_at=sale.opens_at, account_id=shopper_id, now=now)
        if opening is None:
            raise FlashSaleNotForYou()
        sale.check_open_from(opening.at, now)
        return True
