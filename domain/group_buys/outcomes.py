"""What became of a seat's order: paid, lapsed, cancelled, paid after all when it was too late, or given back by staff."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from domain.foundation.database import Database, Transaction
from domain.group_buys import freeing, store
from domain.group_buys.rules import Course, EventKind, Group, GroupState, Seat, SeatState
from domain.orders import actions as orders
from domain.orders import store as orders_store
from domain.orders.rules import HAS_MONEY, OrderState
from domain.stock import store as stock
from domain.stock.rules import Cause, NotEnoughStock, Units


async def paid(db: Database, *, seat_id: UUID, paid_at: datetime) -> None:
    """The seat's order is paid; the last one fills the group and confirms its orders. Safe to run twice."""
    async with db.transaction() as tx:
        group, seat = await store.lock_group_of(tx, seat_id)
        if seat.state is not SeatState.HELD:
            return
        await store.move_seat(tx, seat, SeatState.PAID, paid_at=paid_at)
        course = Course(group, now=paid_at)
        course.go(EventKind.PAID, seat=seat.number, paid=1)
        if group.state is GroupState.FILLED:  # the merchant completed it meanwhile
            await orders.confirm(tx, [seat.order_id])
        elif course.group.paid == group.seats:
            await _fill(tx, course)
        await store.write(tx, course)


async def ended_unpaid(db: Database, *, seat_id: UUID, at: datetime) -> None:
    """The seat's order has lapsed or was cancelled: the seat is free. Safe to run twice, also after late money revived it."""
    async with db.transaction() as tx:
        group, seat = await store.lock_group_of(tx, seat_id)
        if seat.state is SeatState.HELD and await _has_ended(tx, seat):
            await freeing.free(tx, Course(group, now=at), seat, now=at)


async def paid_late(
    db: Database, *, seat_id: UUID, order_id: UUID, payment_id: UUID, captured_at: datetime, now: datetime
) -> bool:
    """Money for an order that had ended: the seat is taken again if its group has room, else the money goes back.

    It must have come within the group's time, and be heard of before the group has ended.

    Whether the order lives again; that it is paid is then heard as of any other. Safe to run twice.
    """
    try:
        async with db.transaction() as tx:
            await _sit_again(
                tx, seat_id, order_id=order_id, payment_id=payment_id, captured_at=min(captured_at, now), now=now
            )
    except (NotEnoughStock, _NotAgain):
        async with db.transaction() as tx:
            await orders.refuse_late(tx, order_id, payment_id=payment_id, now=now)
        return False
    return True


async def given_back(db: Database, *, seat_id: UUID, now: datetime) -> None:
    """Staff gave the money of a whole order back: in an open group its seat is free again. Safe to run twice.

    A group that has filled stays as it was: who returns goods has been a member all the same.
    """
    async with db.transaction() as tx:
        group, seat = await store.lock_group_of(tx, seat_id)
        if group.state is not GroupState.OPEN or seat.state is not SeatState.PAID:
            return
        await store.move_seat(tx, seat, SeatState.REFUNDED, refunded_at=now)
        await store.give_limit_back(tx, group.campaign_id, seat)
        course = Course(group, now=now)
        course.go(EventKind.REFUNDED, seat=seat.number, taken=-1, paid=-1)
        await freeing.go_on_without(tx, course, seat)
        await store.write(tx, course)
        await _set_aside_again(tx, group, seat, now=now)


async def _set_aside_again(tx: Transaction, group: Group, seat: Seat, *, now: datetime) -> None:
    """The units of a seat are for whoever takes it next, unless they were sold to somebody else since they went back."""
    [line] = await orders_store.lines_of(tx, seat.order_id)
    units = Units(line.sku_id, line.quantity, line.allotment_id)
    with suppress(NotEnoughStock):
        async with tx.savepoint():
            await stock.add_to_allotment(tx, units, cause=Cause("group_buy_campaign", group.campaign_id), now=now)


async def _fill(tx: Transaction, course: Course) -> None:
    """Every seat is paid: the group is full, unless staff have given a member everything back and the seat is about to hear it,
    or the campaign was called off.
    """
    if (await store.campaign_of_group(tx, course.group.campaign_id)).called_off_at:
        return
    members = await orders_store.lock_many(tx, await store.paid_orders(tx, course.group.id))
    if all(order.state is not OrderState.REFUNDED for order in members.values()):
        course.end(EventKind.FILLED, GroupState.FILLED)
        await orders.confirm(tx, list(members))


async def _has_ended(tx: Transaction, seat: Seat) -> bool:
    """Whether the seat's order is over without money; an event may be heard long after the order was revived."""
    order = await orders_store.lock(tx, seat.order_id)
    return order.state not in HAS_MONEY and order.state is not OrderState.PLACED


async def _sit_again(
    tx: Transaction, seat_id: UUID, *, order_id: UUID, payment_id: UUID, captured_at: datetime, now: datetime
) -> None:
    """Take the seat again, together with its units. Raises NotEnoughStock or _NotAgain, and then nothing is to be kept."""
    group, seat = await store.lock_group_of(tx, seat_id)
    if seat.state is SeatState.FREED and group.is_joinable(captured_at):
        number = await store.take_seat_again(tx, group, seat, now=now)
        campaign = await store.campaign_of_group(tx, group.campaign_id)
        if number is not None and await store.take_limit(tx, campaign, seat.shopper_id, seat.quantity):
            course = Course(group, now=now)
            course.go(EventKind.JOINED, seat=number, taken=1)
            await store.write(tx, course)
            if await orders.revive(tx, order_id, payment_id=payment_id, now=now):
                return
    elif seat.state is not SeatState.FREED and not await _has_ended(tx, seat):
        return  # it was heard before
    raise _NotAgain


class _NotAgain(Exception):
    """The group has ended or is full, the shopper has another seat or units up to the limit, or it was decided before."""
