"""The checks of live rooms: clean after a room in which all was sold in every way, and then exactly one thing is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.audit import ledger, live_rooms
from domain.flash_sales.rules import Sale
from domain.foundation.ids import encode
from domain.live_rooms import selling
from domain.live_rooms.rules import Channel
from domain.live_rooms.selling import GroupItem, RoomFlashSale, RoomGroupBuy, SaleItem
from domain.live_rooms.store import add_order
from domain.orders.rules import Order
from domain.viewers import gate as gates
from domain.viewers import store as viewers
from domain.viewers.counting import Tally
from domain.viewers.rules import Viewer
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.audit.evening import claimed
from tests.given import Given
from tests.given.live_rooms import RoomGiven
from workers import group_buys as _group_buys  # noqa: F401 - importing registers the hearers
from workers import live_rooms as _live_rooms  # noqa: F401


@dataclass(frozen=True)
class Show:
    """A room, an order of each channel, all of them paid, and one from the shelf that nobody has paid."""

    room: RoomGiven
    other: RoomGiven
    shelf: Order
    unpaid: Order
    flash: Order
    grouped: Order


@pytest.fixture
async def show(given: Given, listener) -> Show:
    """A room in which something was sold in every way, and every event was heard."""
    room, other = await given.live_room(units=30), await given.live_room()
    shelf, unpaid = await _from_shelf(given, room), await _from_shelf(given, room)
    sale = await _flash_sale(given, room)
    flash = await claimed(given, sale.items[0])
    grouped = await _group_buy(given, room)
    for order in (shelf, flash, grouped):
        await given.money_for(order)
    await listener.hear()
    await _watch(given, room)
    again = [await given.order_again(order.id) for order in (shelf, unpaid, flash, grouped)]
    return Show(room, other, *again)


async def _from_shelf(given: Given, room: RoomGiven) -> Order:
    order = await given.order(room.sku_id, quantity=2)
    async with given.db.transaction() as tx:
        await add_order(
            tx,
            order_id=order.id,
            room_id=room.id,
            shopper_id=order.shopper_id,
            channel=Channel.SHELF,
            placed_at=order.placed_at,
        )
    return order


async def _flash_sale(given: Given, room: RoomGiven) -> Sale:
    return await selling.start_flash_sale(
        given.db,
        given.market.gate,
        given.bus,
        room_id=room.id,
        item_id=room.item.id,
        wish=RoomFlashSale("秒杀", (SaleItem(room.sku_id, 990, 5),), seconds=600),
        by=room.host,
        idempotency_key="room-sale",
        now=given.now,
    )


async def _group_buy(given: Given, room: RoomGiven) -> Order:
    campaign = await selling.start_group_buy(
        given.db,
        given.bus,
        room_id=room.id,
        item_id=room.item.id,
        wish=RoomGroupBuy("拼团", (GroupItem(room.sku_id, 990, 5),), seconds=600, seats=3, fill_seconds=600),
        by=room.host,
        idempotency_key="room-group",
        now=given.now,
    )
    return await given.order_again((await given.opened(campaign)).seat.order_id)


async def _watch(given: Given, room: RoomGiven) -> None:
    """Two people come, one of them a second time as a guest, who becomes known."""
    db, tally = given.db, Tally()
    first, second = await given.shoppers(2)
    seen = [Viewer("p" * 43, first), Viewer("t" * 43), Viewer("q" * 43, second)]
    await viewers.add(db, [(room.id, viewer) for viewer in seen], now=given.now)
    await gates.tell(given.market.gate, room.id, [viewer.key for viewer in seen], {})
    for seconds in (0, 5, 10):
        await gates.add_taps(given.market.gate, room.id, 10)
        await tally.count(db, given.market.gate, given.bus, now=given.now + timedelta(seconds=seconds))
        await viewers.know_device(db, device="t" * 43, shopper_id=first)


def names_of(show: Show) -> dict[str, UUID]:
    """What the corruptions name."""
    return {
        "room": show.room.id,
        "other": show.other.id,
        "shelf": show.shelf.id,
        "unpaid": show.unpaid.id,
        "flash": show.flash.id,
        "grouped": show.grouped.id,
    }


def order(*names: str) -> Callable[[Any], set[str]]:
    return lambda show: {encode("order", getattr(show, name).id) for name in names}


def room(show: Any) -> set[str]:
    return {encode("room", show.room.id)}


CORRUPTIONS = [
    Corruption(
        "an order of another shopper than the room says",
        "UPDATE live_room_orders SET shopper_id = :stranger WHERE order_id = :unpaid",
        (live_rooms.ORDERS_OF_ROOMS,),
        order("unpaid"),
    ),
    Corruption(
        "an order that there is not",
        "UPDATE live_room_orders SET order_id = :stranger WHERE order_id = :unpaid",
        (live_rooms.ORDERS_OF_ROOMS,),
        lambda show: {encode("order", UUID("0192f0c4-0000-7000-8000-000000000000"))},
    ),
    Corruption(
        "an order that was placed at another time",
        "UPDATE live_room_orders SET placed_at = placed_at + interval '1 second' WHERE order_id = :shelf",
        (live_rooms.ORDERS_OF_ROOMS,),
        order("shelf"),
    ),
    Corruption(
        "a ticket's order that is said to be from the shelf",
        "UPDATE live_room_orders SET channel = 'shelf' WHERE order_id = :flash",
        (live_rooms.ORDERS_OF_ROOMS, live_rooms.SALES_OF_ROOMS),
        order("flash"),
    ),
    Corruption(
        "paid orders of the room's sales that the room does not know",
        "DELETE FROM live_room_orders WHERE order_id IN (:flash, :grouped)",
        (live_rooms.SALES_OF_ROOMS,),
        order("flash", "grouped"),
    ),
    Corruption(
        "an order of the room's sale that another room has",
        "UPDATE live_room_orders SET room_id = :other WHERE order_id = :grouped",
        (live_rooms.SALES_OF_ROOMS,),
        order("grouped"),
    ),
    Corruption(
        "money that came in and was not posted",
        """
        DELETE FROM ledger_postings WHERE entry_id IN (
          SELECT id FROM ledger_entries WHERE kind = 'order_paid' AND about_id = :shelf);
        DELETE FROM ledger_entries WHERE kind = 'order_paid' AND about_id = :shelf
        """,
        (live_rooms.MONEY_OF_ROOMS, ledger.ORDERS_POSTED),
        lambda show: room(show) | order("shelf")(show),
    ),
    Corruption(
        "likes that fell",
        "UPDATE live_room_samples SET likes = 5 WHERE room_id = :room AND likes = 30",
        (live_rooms.COUNTERS_OF_ROOMS,),
        room,
    ),
    Corruption(
        "a peak that nobody has counted",
        "UPDATE live_room_samples SET peak = 5922 WHERE room_id = :room AND likes = 30",
        (live_rooms.COUNTERS_OF_ROOMS,),
        room,
    ),
    Corruption(
        "more distinct viewers than ever watched",
        'UPDATE live_room_samples SET "distinct" = 5922 WHERE room_id = :room AND likes = 30',
        (live_rooms.COUNTERS_OF_ROOMS,),
        room,
    ),
    Corruption(
        "distinct viewers that fell by more than became known",
        'UPDATE live_room_samples SET "distinct" = 1 WHERE room_id = :room AND likes = 30',
        (live_rooms.COUNTERS_OF_ROOMS,),
        room,
    ),
]


async def test_exactly_what_was_corrupted_is_found(show, given, subtests):
    lines = await assert_clean(given.market)
    said = {line.check: line.subject for line in lines}
    assert said[live_rooms.ORDERS_OF_ROOMS.name] == "4 room orders, 2 shelf orders"
    assert said[live_rooms.SALES_OF_ROOMS.name] == "1 flash sale, 1 group-buy"
    assert said[live_rooms.MONEY_OF_ROOMS.name] == "1 room, 3 paid orders, ¥59.60"
    assert said[live_rooms.COUNTERS_OF_ROOMS.name] == "6 samples, 3 viewers, 1 second device"

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(given.db, corruption.sql, names_of(show), now=given.now)
            check_found(lines, corruption, show)


async def test_an_order_whose_news_is_on_its_way_is_not_missed_yet(given, listener):
    room = await given.live_room(units=30)
    sale = await _flash_sale(given, room)
    order = await claimed(given, sale.items[0])
    await given.money_for(order)
    await given.hear_payments()  # the order is paid; that it is, nobody has heard

    await assert_clean_of(live_rooms.SALES_OF_ROOMS, given)
    await listener.hear()
    await assert_clean_of(live_rooms.SALES_OF_ROOMS, given)


async def assert_clean_of(check, given) -> None:
    async with given.db.reading() as reader:
        assert [line for line in await check.lines(reader, {"now": given.now}) if line.ok is False] == []
