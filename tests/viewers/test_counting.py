"""Counters of rooms: what is told and kept of them, whoever counts, and what they say after the gate has lost everything."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from domain.flash_sales.tables import tickets
from domain.foundation.ids import new_id
from domain.live_rooms import running, selling
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import Channel
from domain.live_rooms.selling import RoomFlashSale, RoomGroupBuy, SaleItem
from domain.live_rooms.store import add_order
from domain.viewers import gate as gates
from domain.viewers import store
from domain.viewers.counting import Tally
from domain.viewers.rules import BUYING_WITHIN, Counters
from domain.viewers.tables import samples
from tests.viewers.conftest import guest

SECOND = timedelta(seconds=1)


async def test_rooms_of_long_ago_are_not_looked_at(db, clean, now):
    async with db.transaction() as tx:
        await tx.execute(
            text("""
                INSERT INTO live_rooms (id, title, state, starts_at, grace_seconds, prize_budget_minor, created_at, created_by,
                    live_at, ended_at)
                SELECT gen_random_uuid(), '夜市', 'ended', :then, 300, 0, :then, gen_random_uuid(), :then, :then
                FROM generate_series(1, 5000)
            """),
            {"then": now - timedelta(days=90)},
        )
        await tx.execute(text("ANALYZE live_rooms"))
        question = text(f"EXPLAIN {store._STANDING.text}")
        plan = "\n".join(await tx.column(question, {"now": now, "since": now - BUYING_WITHIN}))

    assert "live_rooms_ended_idx" in plan


class Told(LiveBus):
    """Remembers the counters that were told, in order."""

    def __init__(self, gate) -> None:
        super().__init__(gate)
        self.counters = []

    async def publish_counters(self, room_id, counters) -> None:
        self.counters.append((room_id, Counters(**counters)))
        await super().publish_counters(room_id, counters)


@pytest.fixture
def told(gate) -> Told:
    return Told(gate)


@pytest.fixture
def count(db, gate, told, now):
    """Counts all rooms, so many seconds from now."""
    tally = Tally()

    async def count(seconds=0.0, *, by=tally):
        await by.count(db, gate, told, now=now + seconds * SECOND)

    return count


async def kept(db, room):
    """The samples of a room, in order."""
    rows = await db.rows(select(samples).where(samples.c.room_id == room.id).order_by(samples.c.at))
    return [Counters(row.viewers, row.peak, row.distinct, row.likes, row.buying) for row in rows]


async def test_counters_are_told_when_they_change_and_kept_every_five_seconds(db, process, room, told, count):
    api = process()
    api.sockets[room.id] = [guest(), guest()]
    await api.tell()

    for tenths in range(0, 110, 5):
        await count(tenths / 10)

    two = Counters(viewers=2, peak=2, distinct=2)
    assert await kept(db, room) == [two] * 3
    assert told.counters == [(room.id, two)] * 3


async def test_the_peak_is_kept_at_once_and_never_falls(db, process, room, told, count):
    api = process()
    people = [guest() for _ in range(7)]
    for second, watching in enumerate((3, 7, 2, 5)):
        api.sockets[room.id] = people[:watching]
        await api.tell()
        await count(second)
    await count(9)

    counted = [(counters.viewers, counters.peak, counters.distinct) for _, counters in told.counters]
    assert counted == [(3, 3, 3), (7, 7, 7), (2, 7, 7), (5, 7, 7), (5, 7, 7)]
    assert [(sample.viewers, sample.peak) for sample in await kept(db, room)] == [(3, 3), (7, 7), (5, 7)]


async def test_rooms_that_are_not_on_are_not_counted(db, given, process, told, count):
    room = await given.live_room(is_live=False)
    api = process()
    api.sockets[room.id] = [guest()]
    await api.tell()

    await count()

    assert await kept(db, room) == []
    assert told.counters == []


async def test_a_room_is_counted_once_more_after_its_end(db, gate, given, room, count, now):
    await count()
    await gates.add_taps(gate, room.id, 30)
    await running.end(db, given.bus, room_id=room.id, by=room.host, now=now + SECOND)

    await count(1.5)
    await count(2)
    await count(60)

    assert [sample.likes for sample in await kept(db, room)] == [0, 30]


async def test_likes_that_the_gate_has_lost_come_back_from_what_is_known(db, gate, room, told, count):
    await count()
    await gates.add_taps(gate, room.id, 100)
    await count(5)
    await gates.add_taps(gate, room.id, 20)  # known to nobody yet: these are lost
    await gate.flushdb()
    await gates.add_taps(gate, room.id, 3)

    await count(6, by=Tally())
    assert told.counters[-1][1].likes == 103
    await gates.add_taps(gate, room.id, 4)
    await count(11)

    assert [sample.likes for sample in await kept(db, room)] == [0, 100, 107]


async def test_a_gate_that_remembers_less_than_is_known_does_not_make_likes_fall(db, gate, room, count):
    await gates.add_taps(gate, room.id, 100)
    await count()
    await gate.hset(f"{{room:{room.id}}}:likes", "taps", 60)

    await count(5)
    await gates.add_taps(gate, room.id, 1)
    await count(10)

    assert [sample.likes for sample in await kept(db, room)] == [100, 100, 101]


async def test_two_leaders_side_by_side_keep_no_less_than_one(db, gate, process, room, count):
    api, other = process(), Tally()
    api.sockets[room.id] = [guest()]
    await api.tell()
    for seconds in range(0, 20, 5):
        await gates.add_taps(gate, room.id, 10)
        await count(seconds)
        await count(seconds + 0.1, by=other)

    found = await kept(db, room)
    assert [sample.likes for sample in found] == sorted(sample.likes for sample in found)
    assert found[-1] == Counters(viewers=1, peak=1, distinct=1, likes=40)


async def test_who_buys_in_the_room_is_counted_once_and_for_five_minutes(db, given, room, told, count, now):
    shopper_id = await given.shopper()
    for channel in (Channel.SHELF, Channel.FLASH_SALE):
        order = await given.order(await given.stocked_sku(1), shopper_id=shopper_id)
        async with db.transaction() as tx:
            await add_order(
                tx, order_id=order.id, room_id=room.id, shopper_id=shopper_id, channel=channel, placed_at=now
            )

    await count()
    await count(299)
    await count(300)

    assert [counters.buying for _, counters in told.counters] == [1, 1, 0]


async def test_who_takes_a_ticket_in_a_sale_of_the_room_is_buying(db, gate, given, room, told, count, now):
    sale = await selling.start_flash_sale(
        db,
        gate,
        given.bus,
        room_id=room.id,
        item_id=room.item.id,
        wish=RoomFlashSale("秒杀", (SaleItem(room.sku_id, 990, 5),), seconds=600),
        by=room.host,
        idempotency_key=f"sale-{new_id()}",
        now=now,
    )
    elsewhere = await given.flash_sale(units=5)
    first, second, refused = await given.shoppers(3)
    await ticket(db, given, sale.items[0].id, first, now)
    await ticket(db, given, sale.items[0].id, first, now)
    await ticket(db, given, sale.items[0].id, second, now)
    await ticket(db, given, sale.items[0].id, refused, now, state="refused", order_id=None, refusal="no_stock")
    await ticket(db, given, elsewhere.item.id, refused, now)

    await count()
    await db_update_tickets(db, second, now - timedelta(minutes=5))
    await count(1)

    assert [counters.buying for _, counters in told.counters] == [2, 1]


async def test_who_takes_a_seat_in_a_group_of_the_room_is_buying(db, given, room, told, count, now):
    campaign = await selling.start_group_buy(
        db,
        given.bus,
        room_id=room.id,
        item_id=room.item.id,
        wish=RoomGroupBuy("拼团", (selling.GroupItem(room.sku_id, 990, 5),), seconds=600, seats=3, fill_seconds=600),
        by=room.host,
        idempotency_key=f"group-{new_id()}",
        now=now,
    )
    opened = await given.opened(campaign)
    await given.joined(opened.group)
    await given.group(members=1)

    await count()

    assert [counters.buying for _, counters in told.counters] == [2]


async def ticket(db, given, item_id, shopper_id, at, **facts):
    """A ticket that the ledger has decided."""
    async with db.transaction() as tx:
        await tx.execute(
            tickets.insert().values(
                **{"state": "reserved", "order_id": new_id(), "refusal": None} | facts,
                id=new_id(),
                item_id=item_id,
                shopper_id=shopper_id,
                request_id=new_id().hex,
                quantity=1,
                claimed_at=at,
                decided_at=at,
            )
        )


async def db_update_tickets(db, shopper_id, at):
    async with db.transaction() as tx:
        await tx.execute(update(tickets).where(tickets.c.shopper_id == shopper_id).values(decided_at=at))
