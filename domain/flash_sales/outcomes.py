"""What became of a ticket's order: paid, lapsed, cancelled, or paid after all when it was too late."""

from datetime import datetime
from uuid import UUID

from domain.flash_sales import gate as gates
from domain.flash_sales import queries, store
from domain.flash_sales.rules import SaleState, TicketState
from domain.foundation.database import Database
from domain.foundation.ids import lane_of
from domain.foundation.redis import Gate
from domain.orders import actions as order_actions
from domain.stock.rules import NotEnoughStock


async def paid(db: Database, *, ticket_id: UUID, paid_at: datetime) -> None:
    """The ticket's order is paid. Safe to run twice: a paid ticket stays paid."""
    async with db.transaction() as tx:
        ticket = await store.lock_ticket(tx, ticket_id)
        assert ticket is not None, f"an order without its ticket {ticket_id}"
        if ticket.state != "paid":
            await store.move_ticket(tx, ticket_id, state="paid", paid_at=paid_at)


async def lapsed(db: Database, gate: Gate, *, ticket_id: UUID, lapsed_at: datetime) -> None:
    """The ticket's hold has ended unpaid: the unit goes back through the gate, to the waiting line first.

    Safe to run twice: the ledger's half happens once by the ticket's state, the gate's half once by the ticket's id.
    """
    async with db.transaction() as tx:
        ticket = await store.lock_ticket(tx, ticket_id)
        assert ticket is not None, f"an order without its ticket {ticket_id}"
        if ticket.state == "paid":
            return  # money came late and the order was revived before this event was heard
        if ticket.state == "reserved":
            await store.move_ticket(tx, ticket_id, state="lapsed", lapsed_at=lapsed_at)
            await store.give_limit_back(tx, ticket.item_id, ticket.shopper_id, ticket.quantity)
    await _give_back(db, gate, ticket.item_id, ticket_id=ticket_id, units=ticket.quantity)


async def paid_late(
    db: Database, gate: Gate, *, ticket_id: UUID, order_id: UUID, payment_id: UUID, now: datetime
) -> bool:
    """Money for a lapsed order: take the units again if the gate and the ledger have them, else give the money back.

    Whether the order lives again. The gate is asked first, so that it never promises the same unit to somebody else.
    Safe to run twice: an order that was decided stays decided.
    """
    ticket = await queries.ticket(db, ticket_id)
    assert ticket is not None, f"an order without its ticket {ticket_id}"
    if ticket.state is TicketState.PAID:
        return True
    lane = lane_of(ticket_id)
    if not await _is_settled(db, ticket.item_id) and await gates.take_again(
        gate, lane=lane, ticket_id=ticket_id, shopper_id=ticket.shopper_id, quantity=ticket.quantity
    ):
        try:
            await _revive(db, ticket, order_id=order_id, payment_id=payment_id, now=now)
            return True
        except NotEnoughStock:
            await gates.give_back(gate, lane=lane, tickets={ticket_id: 0})  # the gate was wrong: there is no unit
        except _NotToBeRevived:
            await gates.give_back(gate, lane=lane, tickets={ticket_id: ticket.quantity})
    async with db.transaction() as tx:
        await order_actions.refuse_late(tx, order_id, payment_id=payment_id, now=now)
    return False


async def _give_back(db: Database, gate: Gate, item_id: UUID, *, ticket_id: UUID, units: int) -> None:
    """Give units back through the gate. Raises GateCold while it is being rebuilt, but a settled sale has none any more."""
    try:
        await gates.give_back(gate, lane=lane_of(ticket_id), tickets={ticket_id: units})
    except gates.GateCold:
        if not await _is_settled(db, item_id):
            raise


async def _is_settled(db: Database, item_id: UUID) -> bool:
    found = await queries.sale_of_item(db, item_id)
    return found is not None and found[0].state is SaleState.SETTLED


async def _revive(db: Database, ticket: queries.Ticket, *, order_id: UUID, payment_id: UUID, now: datetime) -> None:
    """Order, ticket and the shopper's limit in one transaction. Raises NotEnoughStock or _NotToBeRevived."""
    async with db.transaction() as tx:
        await store.lock_ticket(tx, ticket.id)
        if not await order_actions.revive(tx, order_id, payment_id=payment_id, now=now):
            raise _NotToBeRevived
        if not await store.take_limit_again(tx, ticket.item_id, ticket.shopper_id, ticket.quantity):
            raise _NotToBeRevived
        await store.move_ticket(tx, ticket.id, state="paid", paid_at=now)


class _NotToBeRevived(Exception):
    """It was decided before, or the shopper has claimed again meanwhile, up to the limit."""
