"""What shoppers do: open a group, join one, leave it before they have paid. A seat is taken together with its order."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.audiences import letting_in
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.group_buys import freeing, rules, store
from domain.group_buys.rules import (
    AlreadyInGroupBuy,
    Campaign,
    Course,
    EventKind,
    Group,
    GroupBuyCampaignClosed,
    GroupBuyLimitReached,
    GroupBuyNotForYou,
    GroupState,
    NewcomersOnly,
    Seat,
    SeatState,
)
from domain.group_buys.store import Terms
from domain.orders import actions as orders
from domain.orders import store as orders_store
from domain.orders.rules import NewLine, NewOrder, check_cancellable
from domain.sharing import attributing

SOURCE = "group_buy"
"""How orders name a group's seat as their source."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The group as it is with the new member, and their seat."""

    group: Group
    seat: Seat


async def open_group(
    db: Database,
    *,
    campaign_id: UUID,
    item_id: UUID,
    quantity: int,
    shopper_id: UUID,
    idempotency_key: str,
    now: datetime,
) -> Joined:
    """A new group with the shopper in seat 1, whose order waits for its money. The same key gives the same group again.

    Raises BadInput, NotFound, GroupBuyCampaignClosed, GroupBuyNotForYou, GroupBuyLimitReached, NotEnoughStock,
    IdempotencyConflict.
    """
    request = {"campaign": campaign_id, "item": item_id, "quantity": quantity}
    seat_id = new_id()
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=shopper_id,
            key=idempotency_key,
            operation="open_group_buy",
            request=request,
            answer=str(seat_id),
        )
        if replay:
            return Joined(*await store.lock_group_of(tx, UUID(replay.answer)))
        campaign = await store.keep_campaign(tx, campaign_id)
        rules.check_open(campaign, opens_at=await _opens_at(tx, campaign, shopper_id, now=now), now=now)
        group = Group(
            id=new_id(),
            campaign_id=campaign_id,
            opened_by=shopper_id,
            leader_id=shopper_id,
            state=GroupState.OPEN,
            seats=campaign.seats,
            taken=0,
            paid=0,
            events=0,
            opened_at=now,
            expires_at=now + timedelta(seconds=campaign.fill_seconds),
        )
        await store.add_group(tx, group)
        course = Course(group, now=now)
        wanted = await store.terms(tx, campaign, item_id)
        return await _sit(tx, course, wanted, seat_id, shopper_id=shopper_id, quantity=quantity, now=now)


async def join(
    db: Database, *, group_id: UUID, item_id: UUID, quantity: int, shopper_id: UUID, idempotency_key: str, now: datetime
) -> Joined:
    """A seat in an open group, held until its order is paid or its time is over. The same key gives the same seat again.

    The lowest free number is taken. Raises BadInput, NotFound, GroupBuyFull and GroupBuyOver (both may name another group),
    AlreadyInGroupBuy, NewcomersOnly, GroupBuyNotForYou, GroupBuyCampaignClosed before the campaign is open to the shopper,
    GroupBuyLimitReached, NotEnoughStock, IdempotencyConflict.
    """
    request = {"group": group_id, "item": item_id, "quantity": quantity}
    seat_id = new_id()
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=shopper_id,
            key=idempotency_key,
            operation="join_group_buy",
            request=request,
            answer=str(seat_id),
        )
        if replay:
            return Joined(*await store.lock_group_of(tx, UUID(replay.answer)))
        group = await store.lock_group(tx, group_id)
        if not group.is_joinable(now):
            await _refuse(tx, group, shopper_id, now=now)
        campaign = await store.campaign_of_group(tx, group.campaign_id)
        if campaign.newcomers_only and await store.has_ever_paid(tx, shopper_id):
            raise NewcomersOnly()
        if (opens_at := await _opens_at(tx, campaign, shopper_id, now=now)) > now:
            raise GroupBuyCampaignClosed(opens_at=opens_at, closes_at=campaign.closes_at)
        wanted = await store.terms(tx, campaign, item_id)
        course = Course(group, now=now)
        return await _sit(tx, course, wanted, seat_id, shopper_id=shopper_id, quantity=quantity, now=now)


async def leave(db: Database, *, group_id: UUID, shopper_id: UUID, idempotency_key: str, now: datetime) -> Group:
    """Give one's seat up before it is paid: its order is called off and the seat is free. The same key changes nothing.

    A leader who leaves hands the group on, with the same deadline; the last one to leave dissolves it.
    Raises NotFound, SeatNotLeavable, IdempotencyConflict; OrderNotCancellable when the money has just arrived.
    """
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=shopper_id,
            key=idempotency_key,
            operation="leave_group_buy",
            request={"group": group_id},
            answer=True,
        )
        group = await store.lock_group(tx, group_id)
        if replay:
            return group
        seat = rules.leavable(group, await store.living_seat(tx, group_id, shopper_id))
        order = await orders_store.lock(tx, seat.order_id)
        check_cancellable(order)
        course = Course(group, now=now)
        await freeing.free(tx, course, seat, now=now)
        await orders.call_off(tx, order, by=shopper_id, now=now)
        return course.group


async def _opens_at(tx: Transaction, campaign: Campaign, shopper_id: UUID, *, now: datetime) -> datetime:
    """From when on the campaign is open to the shopper; being let in by a door is kept. Raises GroupBuyNotForYou."""
    if campaign.doors is None:
        return campaign.opens_at
    opening = await letting_in.opening(
        tx, campaign.id, campaign.doors, opens_at=campaign.opens_at, account_id=shopper_id, now=now
    )
    if opening is None:
        raise GroupBuyNotForYou()
    return opening.at


async def _sit(
    tx: Transaction, course: Course, wanted: Terms, seat_id: UUID, *, shopper_id: UUID, quantity: int, now: datetime
) -> Joined:
    """Take a seat in a locked group that has room, and place its order."""
    campaign, group = wanted.campaign, course.group
    is_opener = group.events == 0
    rules.check_quantity(quantity, per_shopper=campaign.per_shopper)
    order_id = new_id()
    link_id = await attributing.attribute(tx, order_id=order_id, shopper_id=shopper_id, placed_at=now)
    seat = Seat(
        id=seat_id,
        group_id=group.id,
        number=0,
        shopper_id=shopper_id,
        item_id=wanted.item.id,
        quantity=quantity,
        order_id=order_id,
        state=SeatState.HELD,
        held_at=now,
        share_link_id=link_id,
    )
    is_newcomers = campaign.newcomers_only and not is_opener
    number = await store.take_seat(tx, group, seat, is_newcomers=is_newcomers)
    if number is None:
        mine = await store.living_seat(tx, group.id, shopper_id)
        raise AlreadyInGroupBuy(group_id=group.id, seat_id=mine.id) if mine else NewcomersOnly()
    if not await store.take_limit(tx, campaign, shopper_id, quantity):
        raise GroupBuyLimitReached(limit=campaign.per_shopper)
    course.go(EventKind.OPENED if is_opener else EventKind.JOINED, seat=number, taken=1)
    await store.write(tx, course)
    order = _order(wanted, seat, group, is_opener=is_opener)
    # last: on a popular item every joiner waits for its units' row
    await orders_store.place_many(tx, [order], now=now)
    if order.goods_minor == order.discount_minor:
        await orders.take_for_free(tx, order_id, now=now)
    return Joined(course.group, replace(seat, number=number))


def _order(wanted: Terms, seat: Seat, group: Group, *, is_opener: bool) -> NewOrder:
    """The price includes delivery; where to is for the shopper to say, any time before it is sent."""
    campaign, item = wanted.campaign, wanted.item
    line = NewLine(
        sku_id=item.sku_id,
        title=item.title,
        quantity=seat.quantity,
        unit_price_minor=item.group_price_minor,
        discount_minor=campaign.discount_minor(item, seat.quantity, is_opener=is_opener),
        allotment_id=item.allotment_id,
        supplier_id=wanted.supplier_id,
        cost_minor=wanted.cost_minor,
    )
    return NewOrder(
        id=seat.order_id,
        shopper_id=seat.shopper_id,
        source=SOURCE,
        source_id=seat.id,
        lines=(line,),
        pay_by=min(seat.held_at + timedelta(seconds=campaign.pay_seconds), group.expires_at),
        is_confirmed=False,
    )


async def _refuse(tx: Transaction, group: Group, shopper_id: UUID, *, now: datetime) -> None:
    mine = await store.living_seat(tx, group.id, shopper_id)
    if mine is not None:
        raise AlreadyInGroupBuy(group_id=group.id, seat_id=mine.id)
    rules.check_joinable(group, now=now, another_id=await store.another(tx, group, shopper_id, now=now))
