"""A night in two rooms, made up at random: people come by links or by themselves, look, buy, pay or not, and get money back."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from domain.foundation.ids import new_id
from domain.live_rooms import running
from domain.live_rooms import store as rooms
from domain.live_rooms.rules import Channel
from domain.orders import actions as orders
from domain.orders import refunding
from domain.orders import store as order_store
from domain.orders.rules import LineRefund, NewLine, NewOrder, Order
from domain.sharing import attributing
from domain.sharing.rules import Link, TargetKind
from domain.viewers import store as viewers
from domain.viewers.rules import Viewer
from tests.given import Given
from tests.given.live_rooms import RoomGiven

HOURS = timedelta(hours=1)


@dataclass
class Night:
    """Two rooms, of which the first is looked at, and everybody who might do something there."""

    given: Given
    chance: Random
    room: RoomGiven
    other: RoomGiven
    off_shelf: UUID
    people: list[UUID]
    links: list[Link] = field(default_factory=list)
    paid: list[Order] = field(default_factory=list)

    def moment(self) -> datetime:
        """Some time of the night, which has four hours."""
        return self.given.now + timedelta(seconds=self.chance.randrange(14_400))


async def a_night(given: Given, *, seed: int, orders: int = 60) -> Night:
    """A whole night."""
    chance = Random(seed)
    room, other = await given.live_room(items=4, units=1_000), await given.live_room(items=1, units=1_000)
    night = Night(given, chance, room, other, await given.stocked_sku(1_000), await given.shoppers(30))
    await _share(night)
    await _air(night)
    await _watch(night)
    for _ in range(orders):
        await _buy(night)
    for order in night.paid:
        if chance.random() < 0.3:
            await _give_back(night, order)
    return night


async def _share(night: Night) -> None:
    given, chance = night.given, night.chance
    for sharer_id in night.people[:6]:
        night.links.append(
            await given.link(sharer_id, target_kind=TargetKind.LIVE_ROOM, target_id=night.room.id, channel="friend")
        )
    night.links.append(
        await given.link(night.people[0], target_kind=TargetKind.LIVE_ROOM, target_id=night.room.id, channel="moments")
    )
    night.links.append(await given.link(night.people[1], target_kind=TargetKind.LIVE_ROOM, target_id=night.other.id))
    night.links.append(await given.link(night.people[2]))
    for _ in range(70):
        link, at = chance.choice(night.links[:-1]), night.moment()
        if chance.random() < 0.6:
            await given.visit(link, by=chance.choice(night.people), on=_device(chance), at=at)
        else:
            await given.visit(link, on=_device(chance), at=at)


async def _air(night: Night) -> None:
    db, room, at = night.given.db, night.room, night.given.now
    for _ in range(7):
        at += timedelta(seconds=night.chance.randrange(300, 1_800))
        item = night.chance.choice(room.items[:3])
        on_air = {"room_id": room.id, "item_id": item.id, "by": room.host, "now": at}
        await running.put_on_air(db, night.given.bus, **on_air)
        if night.chance.random() < 0.5:
            at += timedelta(seconds=night.chance.randrange(60, 900))
            await running.take_off_air(db, night.given.bus, room_id=room.id, by=room.host, now=at)


async def _watch(night: Night) -> None:
    for _ in range(60):
        shopper_id = night.chance.choice([None, *night.people])
        viewer = Viewer(_device(night.chance), shopper_id)
        room = night.room if night.chance.random() < 0.8 else night.other
        await viewers.add(night.given.db, [(room.id, viewer)], now=night.moment())


async def _buy(night: Night) -> None:
    given, chance = night.given, night.chance
    room = night.room if chance.random() < 0.85 else night.other
    skus = [kept.sku_ids[0] for kept in room.goods] + [night.off_shelf]
    lines = tuple(
        NewLine(sku_id, "夜市好物", chance.randint(1, 3), chance.randrange(100, 9_999))
        for sku_id in chance.sample(skus, chance.randint(1, 2))
    )
    lines = (
        replace(lines[0], freight_minor=chance.choice((0, 500)), discount_minor=chance.choice((0, 50))),
        *lines[1:],
    )
    at = night.moment()
    new = NewOrder(
        id=new_id(),
        shopper_id=chance.choice(night.people),
        source=None,
        source_id=None,
        lines=lines,
        pay_by=at + timedelta(minutes=15),
    )
    async with given.db.transaction() as tx:
        await order_store.place_many(tx, [new], now=at)
        await attributing.attribute(tx, order_id=new.id, shopper_id=new.shopper_id, placed_at=at)
        if chance.random() < 0.9:  # the others were placed outside the rooms
            channel = chance.choice(list(Channel))
            await rooms.add_order(
                tx, order_id=new.id, room_id=room.id, shopper_id=new.shopper_id, channel=channel, placed_at=at
            )
    await _settle(night, await given.order_again(new.id), at)


async def _settle(night: Night, order: Order, at: datetime) -> None:
    given, fate = night.given, night.chance.random()
    if fate < 0.7:
        payment = await given.money_for(order, at=at)
        await orders.take_payment(
            given.db,
            payable_id=order.id,
            payment_id=payment.id,
            amount_minor=payment.amount.minor,
            captured_at=at,
            now=at,
        )
        night.paid.append(await given.order_again(order.id))
    elif fate < 0.8:
        await orders.lapse_due(given.db, now=order.pay_by, limit=1_000)
    elif fate < 0.9:
        key = f"cancel-{order.id}"
        await orders.cancel(given.db, order_id=order.id, shopper_id=order.shopper_id, idempotency_key=key, now=at)


async def _give_back(night: Night, order: Order) -> None:
    async with night.given.db.transaction() as tx:
        locked = await order_store.lock(tx, order.id)
        lines = await order_store.lines_of(tx, order.id)
        is_whole = night.chance.random() < 0.4
        refunds = [
            LineRefund(
                line.position,
                quantity=line.quantity if is_whole else 1,
                unsent=line.quantity if is_whole else 1,
                goods_minor=line.total.minor if is_whole else line.total.minor // line.quantity,
                freight_minor=line.freight.minor if is_whole else 0,
            )
            for line in (lines if is_whole else lines[:1])
        ]
        at = order.paid_at or night.given.now
        await refunding.give_back(tx, locked, refunds, reason="returned", cause_id=new_id(), now=at)


def _device(chance: Random) -> str:
    return f"device {chance.randrange(40)}".ljust(43, "0")
