"""The figures of a room are those of its rows, whatever the night brought."""

from datetime import timedelta

import pytest
from sqlalchemy import insert

from domain.foundation.errors import BadInput
from domain.insights import leaderboards, room_figures
from domain.insights.rules import RoomFigures, Sold
from domain.live_rooms.rules import EventKind, NewEvent
from domain.live_rooms.timeline import append
from domain.viewers.tables import samples
from tests.insights.night import a_night
from tests.insights.reckoning import Rows

NOTHING = Sold(0, 0, 0, 0, 0)


async def figures(db, room, *, now) -> RoomFigures:
    return await room_figures.figures(db, room.id, now=now)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_figure_of_a_random_night_is_that_of_its_rows(db, given, now, seed):
    night = await a_night(given, seed=seed)
    room_id, end = night.room.id, now + timedelta(hours=5)

    found = await figures(db, night.room, now=end)
    rows = await Rows.read(db)

    bought = rows.bought(room_id)
    assert found.sold == rows.sold(order.id for _, order in bought)
    assert found.sold.gmv_minor and found.sold.refunded_minor  # or the night proves nothing
    assert {one.channel: one.sold for one in found.channels} == {
        channel: rows.sold(order.id for of, order in bought if of.channel == channel)
        for channel in {of.channel for of, _ in bought}
    }
    assert {
        one.item_id: [one.orders, one.units, one.gmv_minor, one.on_air_units, one.on_air_gmv_minor]
        for one in found.items
    } == {item.id: [0] * 5 for item in night.room.items} | rows.by_item(room_id)
    assert any(one.on_air_units for one in found.items)
    lengths = {item.id: timedelta() for item in night.room.items}
    for chapter in rows.chapters:
        if chapter.room_id == room_id:
            lengths[chapter.item_id] += (chapter.ended_at or end) - chapter.began_at
    assert {one.item_id: one.on_air_seconds for one in found.items if one.item_id} == {
        item_id: int(length.total_seconds()) for item_id, length in lengths.items()
    }
    opened, brought, guided = rows.opened(room_id), rows.brought(room_id), rows.guided(room_id)
    sharers = set(rows.links_to(room_id).values())
    assert {guide.sharer_id: (guide.opened, guide.viewers) for guide in found.guides} == {
        id: (opened[id], brought[id]) for id in sharers
    }
    for guide in found.guides:
        sold = rows.sold(guided[guide.sharer_id])
        assert (guide.orders, guide.gmv_minor, guide.refunded_minor) == (
            sold.orders,
            sold.gmv_minor,
            sold.refunded_minor,
        )
    ranked = [(-guide.gmv_minor, -guide.viewers, guide.sharer_id) for guide in found.guides]
    assert ranked == sorted(ranked)
    assert found.brought == sum(brought.values()) > 0
    assert found.distinct == len(rows.watched(room_id))
    assert found.conversion == found.sold.buyers / found.distinct


@pytest.mark.parametrize("seed", [4, 5])
async def test_what_is_left_is_what_the_books_have_kept(db, given, now, seed):
    night = await a_night(given, seed=seed)

    found = await figures(db, night.room, now=now)
    rows = await Rows.read(db)

    paid, refunded = rows.in_the_books({order.id for _, order in rows.bought(night.room.id)})
    assert (found.sold.gmv_minor, found.sold.refunded_minor) == (paid, refunded)
    assert found.sold.net_minor == paid - refunded > 0


async def test_leaderboards_of_a_random_night_are_those_of_its_rows(db, given, now):
    night = await a_night(given, seed=6)
    begin, end = now + timedelta(minutes=30), now + timedelta(hours=3)

    hosts = await leaderboards.hosts(db, starts_at=begin, ends_at=end, first=300)
    guides = await leaderboards.guides(db, starts_at=begin, ends_at=end, first=300)
    first = await leaderboards.guides(db, starts_at=begin, ends_at=end, first=1)
    rows = await Rows.read(db)

    in_time = {of.order_id for of in rows.room_orders if begin <= of.placed_at < end}
    by_host, by_guide = {}, {}
    for room in (night.room, night.other):
        theirs = {order.id for _, order in rows.bought(room.id)} & in_time
        if theirs:
            by_host[room.host.account_id] = (1, rows.sold(theirs))
        for sharer_id, ids in rows.guided(room.id).items():
            if ids & in_time:
                by_guide.setdefault(sharer_id, []).append(ids & in_time)
    assert {one.account_id: (one.rooms, one.sold) for one in hosts} == by_host
    assert {one.account_id: (one.rooms, one.sold) for one in guides} == {
        sharer_id: (len(sets), rows.sold(set().union(*sets))) for sharer_id, sets in by_guide.items()
    }
    assert len(by_host) == 2 and len(by_guide) > 1
    ranked = [(-one.sold.gmv_minor, one.account_id) for one in guides]
    assert ranked == sorted(ranked)
    assert first == guides[:1]


async def test_a_room_in_which_nothing_has_happened_has_figures(db, given, now):
    room = await given.live_room(is_live=False)

    found = await figures(db, room, now=now)

    assert found.sold == NOTHING
    assert found.sold.average_minor is None and found.conversion is None
    assert [(one.item_id, one.units, one.on_air_seconds) for one in found.items] == [(room.item.id, 0, 0)]
    assert (found.channels, found.guides, found.brought, found.peak, found.comments) == ([], [], 0, 0, 0)
    assert await room_figures.curve(db, room.id) == []


async def test_comments_that_were_shown_are_counted(db, given, now):
    room = await given.live_room()
    said = {"comment_id": "c", "author": "林", "badge": None, "text": "好"}
    async with db.transaction() as tx:
        await append(tx, given.bus, room.id, [NewEvent(EventKind.COMMENTED, said)] * 3, now=now)
        await append(tx, given.bus, room.id, [NewEvent(EventKind.COMMENT_REMOVED, {"comment_id": "c"})], now=now)

    assert (await figures(db, room, now=now)).comments == 3


async def test_a_long_curve_has_at_most_500_points_and_keeps_its_peak(db, given, now):
    room = await given.live_room()
    watching = [number % 97 for number in range(2_000)]
    watching[1_234] = 5_922
    peak, rows = 0, []
    for number, viewers in enumerate(watching):
        peak = max(peak, viewers)
        at = now + timedelta(seconds=5 * number)
        rows.append(
            {
                "room_id": room.id,
                "at": at,
                "viewers": viewers,
                "peak": peak,
                "distinct": number,
                "likes": number,
                "buying": 0,
            }
        )
    async with db.transaction() as tx:
        await tx.execute(insert(samples), rows)

    curve = await room_figures.curve(db, room.id)

    assert 450 <= len(curve) <= 500
    assert max(point.viewers for point in curve) == 5_922
    assert [point.at for point in curve] == sorted(point.at for point in curve)
    assert (curve[-1].at, curve[-1].distinct) == (rows[-1]["at"], 1_999)
    found = await figures(db, room, now=now)
    assert (found.peak, found.likes) == (5_922, 1_999)


async def test_a_short_curve_is_every_sample(db, given, now):
    room = await given.live_room()
    rows = [
        {"room_id": room.id, "at": now + timedelta(seconds=5 * number), "viewers": number, "peak": number, "distinct": number,
         "likes": 0, "buying": 1} for number in range(9)
    ]  # fmt: skip
    async with db.transaction() as tx:
        await tx.execute(insert(samples), rows)

    assert [(point.at, point.viewers) for point in await room_figures.curve(db, room.id)] == [
        (row["at"], row["viewers"]) for row in rows
    ]


async def test_leaderboards_refuse_what_is_no_stretch_of_time(db, now):
    for ends_at in (now, now + timedelta(days=367)):
        with pytest.raises(BadInput):
            await leaderboards.hosts(db, starts_at=now, ends_at=ends_at, first=10)
    for first in (0, 301):
        with pytest.raises(BadInput, match="allowed: 1 to 300"):
            await leaderboards.guides(db, starts_at=now, ends_at=now + timedelta(days=1), first=first)
