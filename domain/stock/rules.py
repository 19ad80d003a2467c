"""What may happen to units: the kinds of movement, and when there are not enough."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, NamedTuple
from uuid import UUID

from domain.foundation.errors import Refusal


class Movement(StrEnum):
    """Why units changed their state."""

    RECEIVED = "received"
    ADJUSTED = "adjusted"
    ALLOTTED = "allotted"
    UNALLOTTED = "unallotted"
    HELD = "held"
    RELEASED = "released"
    SOLD = "sold"
    RETURNED = "returned"


class Change(NamedTuple):
    """What one unit of a movement does to the three states of a SKU or an allotment."""

    free: int
    held: int
    sold: int


NO_CHANGE = Change(0, 0, 0)

# One table for the store that moves units and for the audit that replays the ledger.
# Allotted units stay "held" from the SKU's point of view until they are sold or given back. A unit that comes back after it
# was sold is the SKU's, never the promotion's: that may be over, and it did sell it.
ON_SKU = {
    Movement.RECEIVED: Change(+1, 0, 0),
    Movement.ADJUSTED: Change(+1, 0, 0),
    Movement.ALLOTTED: Change(-1, +1, 0),
    Movement.UNALLOTTED: Change(+1, -1, 0),
    Movement.HELD: Change(-1, +1, 0),
    Movement.RELEASED: Change(+1, -1, 0),
    Movement.SOLD: Change(0, -1, +1),
    Movement.RETURNED: Change(+1, 0, -1),
}
ON_SKU_WITHIN_ALLOTMENT = {Movement.HELD: NO_CHANGE, Movement.RELEASED: NO_CHANGE, Movement.SOLD: Change(0, -1, +1)}
ON_ALLOTMENT = {
    Movement.ALLOTTED: Change(+1, 0, 0),
    Movement.UNALLOTTED: Change(-1, 0, 0),
    Movement.HELD: Change(-1, +1, 0),
    Movement.RELEASED: Change(+1, -1, 0),
    Movement.SOLD: Change(0, -1, +1),
}


def change_of_sku(movement: Movement, *, within_allotment: bool) -> Change:
    """What one unit of this movement does to its SKU."""
    if within_allotment and movement in ON_SKU_WITHIN_ALLOTMENT:
        return ON_SKU_WITHIN_ALLOTMENT[movement]
    return ON_SKU[movement]


@dataclass(frozen=True)
class Level:
    """The units of one SKU, or of one allotment."""

    id: UUID
    free: int
    held: int
    sold: int

    @property
    def total(self) -> int:
        """Every unit there is."""
        return self.free + self.held + self.sold


@dataclass(frozen=True)
class Units:
    """A number of units of a SKU, out of an allotment where one is named."""

    sku_id: UUID
    quantity: int
    allotment_id: UUID | None = None


@dataclass(frozen=True)
class Cause:
    """What a movement was made for, and by whom if a person did it."""

    kind: str
    id: UUID
    by: UUID | None = None
    reason: str = ""


@dataclass(eq=False)
class NotEnoughStock(Refusal):
    """Fewer free units than were asked for."""

    sku_id: UUID
    wanted: int
    free: int

    code: ClassVar[str] = "NOT_ENOUGH_STOCK"
    zh: ClassVar[str] = "库存不足：需要 {wanted} 件，仅剩 {free} 件"
    en: ClassVar[str] = "not enough stock: {wanted} wanted, {free} free"


@dataclass(eq=False)
class StockChanged(Refusal):
    """The free units are not what the one who adjusts believed; look again, then adjust."""

    expected_free: int
    free: int

    code: ClassVar[str] = "STOCK_CHANGED"
    zh: ClassVar[str] = "库存已变动：以为可售 {expected_free} 件，实际 {free} 件"
    en: ClassVar[str] = "stock has changed: expected {expected_free} free, found {free}"
