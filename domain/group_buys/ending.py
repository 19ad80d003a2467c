"""How groups end that do not fill: their time is over and the money goes back, or the merchant completes them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.reporting import note_failure
from domain.group_buys import freeing, outcomes, rules, store
from domain.group_buys.rules import (
    CampaignState,
    Course,
    EventKind,
    Group,
    GroupBuyOver,
    GroupState,
    NobodyHasPaid,
    Seat,
    SeatState,
)
from domain.orders import actions as orders
from domain.orders import refunding
from domain.orders import store as orders_store
from domain.orders.rules import Line, LineRefund, NotYourOwnOrder, Order, OrderState
from domain.stock import store as stock
from domain.stock.rules import Cause, Units
from domain.trail import store as trail

REASON = "group_buy_expired"
"""Why the money goes back, as the refund and the gateway are told."""


class Refunds(NamedTuple):
    """What became of a round of refunds."""

    done: int
    failed: int


async def expire_due(db: Database, *, now: datetime, limit: int, news_takes: timedelta = timedelta(0)) -> int:
    """End groups whose time is over, each in its own transaction; how many. Safe side by side.

    One that fails keeps no other waiting. One in which somebody still holds a seat waits for them: holds end with the group's
    time. So a last payment and the end of time never both win. For `news_takes` after its time a group still takes money that
    came within it, and was told of so late that the hold had ended.
    """
    async with db.reading() as reader:
        due = await store.due_to_expire(reader, now=now - news_takes, limit=limit)
    ended = 0
    for group_id in due:
        try:
            ended += await _expire(db, group_id, now=now)
        except Exception as error:
            note_failure("group_buy_not_expired", error, group=str(group_id))
    return ended


async def call_off_held(db: Database, *, now: datetime, limit: int) -> int:
    """End the orders of seats that nobody has paid for in campaigns that were called off, each by itself; how many were.

    Their groups then end as if their time were over. One that fails keeps no other waiting.
    """
    async with db.reading() as reader:
        held = await store.held_though_called_off(reader, limit=limit)
    ended = 0
    for seat_id, by in held:
        try:
            ended += await _call_off(db, seat_id, by=by, now=now)
        except Exception as error:
            note_failure("group_buy_seat_not_called_off", error, seat=str(seat_id))
    return ended


async def hear_again(db: Database, *, now: datetime, limit: int) -> int:
    """Tell seats what became of their orders, where the news was lost and a group cannot end for it; how many were told."""
    async with db.reading() as reader:
        unheard = await store.unheard(reader, before=now - rules.SURELY_HEARD, limit=limit)
    told = 0
    for seat_id, paid_at in unheard:
        try:
            if paid_at is None:
                await outcomes.ended_unpaid(db, seat_id=seat_id, at=now)
            else:
                await outcomes.paid(db, seat_id=seat_id, paid_at=paid_at)
            told += 1
        except Exception as error:
            note_failure("group_buy_news_not_told", error, seat=str(seat_id))
    return told


async def _expire(db: Database, group_id: UUID, *, now: datetime) -> bool:
    async with db.transaction() as tx:
        group = await store.lock_group(tx, group_id)
        if group.state is not GroupState.OPEN or group.taken > group.paid:
            return False
        course = Course(group, now=now)
        course.end(EventKind.EXPIRED, GroupState.EXPIRED)
        await store.write(tx, course)
        await store.ask_refunds(tx, group.id, now=now)
    return True


async def _call_off(db: Database, seat_id: UUID, *, by: UUID, now: datetime) -> bool:
    """Nobody is to pay for a seat any more. One whose order is not waiting for its money has news on its way."""
    async with db.transaction() as tx:
        group, seat = await store.lock_group_of(tx, seat_id)
        order = await orders_store.lock(tx, seat.order_id)
        if seat.state is not SeatState.HELD or order.state is not OrderState.PLACED:
            return False
        await freeing.free(tx, Course(group, now=now), seat, now=now)
        await orders.call_off(tx, order, by=by, now=now)
    return True


async def refund_due(db: Database, *, now: datetime, limit: int) -> Refunds:
    """Give back the money of seats of expired groups, each in its own transaction. Safe side by side.

    One that fails is put off, longer each time, and keeps nobody else waiting.
    """
    async with db.reading() as reader:
        due = await store.due_to_refund(reader, now=now, limit=limit)
    done = failed = 0
    for seat_id in due:
        try:
            done += await refund(db, seat_id=seat_id, now=now)
        except Exception as error:
            note_failure("group_buy_refund_failed", error, seat=str(seat_id))
            await _put_off(db, seat_id, now=now)
            failed += 1
    return Refunds(done, failed)


async def refund(db: Database, *, seat_id: UUID, now: datetime) -> bool:
    """Give back all the money of a seat in an expired group; whether it was still to be given. A second call changes nothing.

    The units are for sale in other groups again while the campaign goes on.
    """
    async with db.transaction() as tx:
        group, seat = await store.lock_group_of(tx, seat_id)
        if seat.refund_at is None:
            return False
        order = await orders_store.lock(tx, seat.order_id)
        await store.move_seat(tx, seat, SeatState.REFUNDED, refund_at=None, refunded_at=now)
        await store.give_limit_back(tx, group.campaign_id, seat)
        course = Course(group, now=now)
        course.go(EventKind.REFUNDED, seat=seat.number)
        await store.write(tx, course)
        if order.state is not OrderState.REFUNDED:  # unless staff gave it all back before
            await _give_back(tx, group, seat, order, now=now)
    return True


async def complete(
    db: Database, *, group_id: UUID, by: UUID, reason: str, idempotency_key: str, now: datetime
) -> Group:
    """The merchant lets an open group have its price with the members it has; who has paid is confirmed. Nobody is invented.

    Who holds a seat may still pay, and is confirmed then. The same key changes nothing.
    Raises NotFound, GroupBuyOver (also where the campaign was called off), NobodyHasPaid, NotYourOwnOrder to who sits in it,
    BadInput, IdempotencyConflict.
    """
    reason = rules.check_reason(reason)
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="complete_group_buy",
            request={"group": group_id, "reason": reason},
            answer=True,
        )
        group = await store.lock_group(tx, group_id)
        if replay:
            return group
        campaign = await store.campaign_of_group(tx, group.campaign_id)
        if group.state is not GroupState.OPEN or campaign.called_off_at:
            raise GroupBuyOver(group_id=group.id, state=group.state, another_id=None)
        members = await orders_store.lock_many(tx, await store.paid_orders(tx, group.id))
        if all(order.state is OrderState.REFUNDED for order in members.values()):
            raise NobodyHasPaid(group_id=group.id)
        if mine := await store.living_seat(tx, group.id, by):
            raise NotYourOwnOrder(order_id=mine.order_id)
        course = Course(group, now=now)
        course.end(EventKind.COMPLETED, GroupState.FILLED, completed_by=by)
        await store.write(tx, course)
        await orders.confirm(tx, list(members))
        facts = {"reason": reason, "paid": group.paid, "seats": group.seats}
        await trail.note(
            tx, by=by, deed="complete_group_buy", subject="groupbuy", subject_id=group.id, now=now, **facts
        )
        return course.group


async def _give_back(tx: Transaction, group: Group, seat: Seat, order: Order, *, now: datetime) -> None:
    """What is left of a seat's order goes back; its units are set aside again, unless the campaign takes no new groups."""
    campaign = await store.keep_campaign(tx, group.campaign_id)
    lines = await orders_store.lines_of(tx, order.id)
    back = [Units(line.sku_id, line.quantity - line.refunded, line.allotment_id) for line in lines]
    for units in back:  # an order has one line: its allotment comes before its SKU
        assert units.allotment_id is not None
        await stock.lock_allotment(tx, units.allotment_id)
    await refunding.give_back(tx, order, _rest(lines), reason=REASON, cause_id=seat.id, now=now)
    if campaign.state is CampaignState.LIVE and now < campaign.closes_at:
        for units in back:
            await stock.add_to_allotment(tx, units, cause=Cause("group_buy_campaign", campaign.id), now=now)


def _rest(lines: Sequence[Line]) -> list[LineRefund]:
    """Everything of an order that was not given back before; none of it has left."""
    return [
        LineRefund(
            position=line.position,
            quantity=line.quantity - line.refunded,
            unsent=line.quantity - line.refunded,
            goods_minor=line.total.minor - line.refunded_goods_minor,
            freight_minor=line.freight.minor - line.refunded_freight_minor,
        )
        for line in lines
        if line.quantity > line.refunded
    ]


async def _put_off(db: Database, seat_id: UUID, *, now: datetime) -> None:
    async with db.transaction() as tx:
        _, seat = await store.lock_group_of(tx, seat_id)
        failures = seat.refund_failures + 1
        pause = rules.pause_after(failures)
        await store.put_refund_off(tx, seat.id, pause=pause, failures=failures, now=now)
