"""One ticket, wherever it is: decided in the ledger, or still in the gate."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from redis.exceptions import RedisError

from domain.flash_sales import gate as gates
from domain.flash_sales import queries
from domain.flash_sales.rules import FlashSaleBusy, TicketState
from domain.foundation.database import Database
from domain.foundation.ids import lane_of
from domain.foundation.redis import Gate

POLL_AFTER_MS = 1_000
"""How often a shopper asks after a ticket that may change soon."""
_POLL_WHEN_RESERVED_MS = 3_000
_FINAL = frozenset({TicketState.PAID, TicketState.REFUSED, TicketState.LAPSED, TicketState.ENDED})


@dataclass(frozen=True)
class Ticket:
    """Where a claim stands; `position` counts itself, and only a ticket in the gate has one."""

    id: UUID
    item_id: UUID | None
    shopper_id: UUID
    quantity: int
    state: TicketState
    position: int | None = None
    order_id: UUID | None = None
    pay_by: datetime | None = None

    @property
    def poll_after_ms(self) -> int | None:
        """Milliseconds until it is worth asking again; None when nothing can change any more."""
        if self.state in _FINAL:
            return None
        return POLL_AFTER_MS if self.position is not None else _POLL_WHEN_RESERVED_MS


async def find(db: Database, gate: Gate, *, ticket_id: UUID) -> Ticket | None:
    """The ticket; None when neither ledger nor gate knows it (its queue was lost: the shopper claims again).

    The gate is asked first, as most polls come while a ticket is there; the ledger has the last word. A ticket that
    moves from gate to ledger in between is found by asking the ledger second. Raises FlashSaleBusy when the gate does
    not answer and the ledger knows nothing.
    """
    standing = unreachable = None
    try:
        standing = await gates.standing(gate, lane=lane_of(ticket_id), ticket_id=ticket_id)
    except (RedisError, OSError) as error:
        unreachable = error
    decided = await queries.ticket(db, ticket_id)
    if decided is not None:
        return Ticket(
            decided.id,
            decided.item_id,
            decided.shopper_id,
            decided.quantity,
            decided.state,
            order_id=decided.order_id,
            pay_by=decided.pay_by,
        )
    if unreachable:
        raise FlashSaleBusy(retry_after_ms=POLL_AFTER_MS) from unreachable
    if standing is None:
        return None
    item_id = await queries.item_id_by_number(db, lane_of(ticket_id) >> 8)
    position = None if standing.state is TicketState.ENDED else standing.position
    return Ticket(ticket_id, item_id, standing.shopper_id, standing.quantity, standing.state, position)
