"""A room on its way: scheduled, live, paused, over; who may move it, and what is told of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.accounts.rules import Principal, Role
from domain.foundation.errors import BadInput, IdempotencyConflict, NotAllowed, NotFound
from domain.foundation.ids import new_id
from domain.live_rooms import actions, queries, running, timeline
from domain.live_rooms.rules import (
    Duty,
    EventKind,
    LivePrice,
    NewEvent,
    NewRoom,
    NotOnTheShelf,
    RoomNotOn,
    RoomState,
    ShelfItem,
    TooEarlyToGoLive,
    WrongRoomState,
)

MERCHANDISER = Principal(new_id(), frozenset({Role.MERCHANDISER}))


@pytest.fixture
async def wish(given):
    return NewRoom(title=" 夜市直播间 ", starts_at=given.now, crew={await given.shopper(): Duty.HOST})


async def create(given, wish, *, by=None, key="a-new-room"):
    return await actions.create(given.db, wish, by=by or new_id(), idempotency_key=key, now=given.now)


async def kinds(given, room_id):
    """What has happened in the room; the numbers are gapless."""
    async with given.db.reading() as reader:
        events = await timeline.since(reader, room_id, 0)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [event.kind for event in events]


async def test_a_room_is_kept_as_it_was_wished_for_and_once(given, wish):
    by = new_id()

    room = await create(given, wish, by=by)
    again = await create(given, wish, by=by)
    with pytest.raises(IdempotencyConflict):
        await create(given, replace(wish, title="别的"), by=by)

    assert room == again == (await queries.by_ids(given.db, [room.id]))[room.id]
    assert (room.title, room.state, room.events) == ("夜市直播间", RoomState.SCHEDULED, 0)
    assert await queries.crew_by_room_ids(given.db, [room.id]) == {room.id: wish.crew}


@pytest.mark.parametrize(
    "about",
    [
        {"title": "  "},
        {"cover_url": "http://example.com/a.png"},
        {"grace_seconds": 3601},
        {"crew": {}},
        {"crew": {new_id(): Duty.ASSISTANT}},
    ],
)
async def test_a_room_that_cannot_be_is_refused(given, wish, about):
    with pytest.raises(BadInput):
        await create(given, replace(wish, **about))

    with pytest.raises(BadInput):
        await create(given, replace(wish, starts_at=given.now + timedelta(days=91)))


async def test_crew_and_store_must_exist(given, wish):
    for unknown in ({"crew": {new_id(): Duty.HOST}}, {"store_id": new_id()}):
        with pytest.raises(NotFound):
            await create(given, replace(wish, **unknown))


async def test_a_room_goes_live_pauses_goes_on_and_ends_each_told_once(given):
    one = await given.live_room(is_live=False)
    about = {"room_id": one.id, "by": one.host, "now": given.now}

    for step in (running.go_live, running.pause, running.go_live, running.end):
        first = await step(given.db, given.bus, **about)
        assert await step(given.db, given.bus, **about) == first

    assert await kinds(given, one.id) == [
        EventKind.SHELF_CHANGED,
        EventKind.WENT_LIVE,
        EventKind.PAUSED,
        EventKind.RESUMED,
        EventKind.ENDED,
    ]
    room = (await queries.by_ids(given.db, [one.id]))[one.id]
    assert (room.state, room.live_at, room.ended_at, room.paused_at) == (RoomState.ENDED, given.now, given.now, None)
    with pytest.raises(WrongRoomState):
        await running.go_live(given.db, given.bus, **about)


async def test_a_paused_room_can_end(given):
    one = await given.live_room()
    await running.pause(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    room = await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    assert (room.state, room.paused_at) == (RoomState.ENDED, None)


async def test_only_the_crew_and_merchandisers_run_a_room(given):
    one = await given.live_room()
    about = {"room_id": one.id, "now": given.now}
    stranger = Principal(await given.shopper(), frozenset({Role.HOST}))

    for step in (running.pause, running.go_live, running.end, running.take_off_air):
        with pytest.raises(NotAllowed):
            await step(given.db, given.bus, by=stranger, **about)
    with pytest.raises(NotAllowed):
        await running.put_on_air(given.db, given.bus, item_id=one.item.id, by=stranger, **about)

    assert (await queries.by_ids(given.db, [one.id]))[one.id] == one.room
    await running.pause(given.db, given.bus, by=MERCHANDISER, **about)


async def test_a_room_goes_live_two_hours_before_its_time_at_the_earliest(given, wish):
    room = await create(given, replace(wish, starts_at=given.now + timedelta(hours=2, seconds=1)))
    about = {"room_id": room.id, "by": MERCHANDISER}

    with pytest.raises(TooEarlyToGoLive):
        await running.go_live(given.db, given.bus, now=given.now, **about)
    await running.go_live(given.db, given.bus, now=given.now + timedelta(seconds=1), **about)


async def test_a_room_that_is_still_to_come_can_be_changed_and_called_off(given, wish):
    room = await create(given, wish)
    other = {await given.shopper(): Duty.HOST, await given.shopper(): Duty.ASSISTANT}

    changed = await actions.edit(
        given.db, room_id=room.id, wish=replace(wish, title="换了", crew=other), by=new_id(), now=given.now
    )
    cancelled = await actions.cancel(given.db, given.bus, room_id=room.id, by=new_id(), now=given.now)
    assert await actions.cancel(given.db, given.bus, room_id=room.id, by=new_id(), now=given.now) == cancelled

    assert (changed.title, cancelled.state) == ("换了", RoomState.CANCELLED)
    assert await queries.crew_by_room_ids(given.db, [room.id]) == {room.id: other}
    assert await kinds(given, room.id) == [EventKind.CANCELLED]
    with pytest.raises(WrongRoomState):
        await actions.edit(given.db, room_id=room.id, wish=wish, by=new_id(), now=given.now)
    with pytest.raises(WrongRoomState):
        await running.go_live(given.db, given.bus, room_id=room.id, by=MERCHANDISER, now=given.now)


async def test_a_live_room_is_neither_changed_nor_called_off(given, wish):
    one = await given.live_room()

    with pytest.raises(WrongRoomState):
        await actions.edit(given.db, room_id=one.id, wish=wish, by=new_id(), now=given.now)
    with pytest.raises(WrongRoomState):
        await actions.cancel(given.db, given.bus, room_id=one.id, by=new_id(), now=given.now)


async def test_a_shelf_keeps_its_order_and_what_is_taken_off_keeps_its_id(given):
    one = await given.live_room(items=3)
    first, second, third = one.items
    shelf = [ShelfItem(third.product_id), ShelfItem(first.product_id, "回来了")]

    kept = await actions.set_shelf(given.db, given.bus, room_id=one.id, shelf=shelf, by=new_id(), now=given.now)
    all_items = await queries.items_by_ids(given.db, [item.id for item in one.items])

    assert [(item.id, item.position, item.pitch, item.prices) for item in kept] == [
        (third.id, 1, "", ()),
        (first.id, 2, "回来了", ()),
    ]
    assert all_items[second.id].removed_at == given.now
    assert (await queries.items_by_room_ids(given.db, [one.id]))[one.id] == kept
    empty = await actions.set_shelf(given.db, given.bus, room_id=one.id, shelf=[], by=new_id(), now=given.now)
    assert empty == ()


async def test_a_shelf_that_cannot_be_changes_nothing(given):
    one, other = await given.live_room(), await given.product()
    prices = (LivePrice(other.sku_ids[0], None, 1),)

    for shelf, refusal in (
        ([ShelfItem(new_id())], NotFound),
        ([ShelfItem(one.item.product_id, prices=prices)], NotFound),
        ([ShelfItem(one.item.product_id)] * 2, BadInput),
        ([ShelfItem(one.item.product_id, prices=(LivePrice(one.sku_id, 5, 6),))], BadInput),
    ):
        with pytest.raises(refusal):
            await actions.set_shelf(given.db, given.bus, room_id=one.id, shelf=shelf, by=new_id(), now=given.now)

    assert (await queries.items_by_room_ids(given.db, [one.id]))[one.id] == one.items


async def test_one_item_is_pinned_at_a_time(given):
    one = await given.live_room(items=2)
    about = {"room_id": one.id, "by": one.host, "now": given.now}

    for item in (one.items[0], one.items[0], one.items[1]):
        await running.pin(given.db, given.bus, item_id=item.id, **about)
    pinned = [item.id for item in (await queries.items_by_room_ids(given.db, [one.id]))[one.id] if item.pinned_at]
    await running.unpin(given.db, given.bus, item_id=one.items[1].id, **about)
    await running.unpin(given.db, given.bus, item_id=one.items[1].id, **about)
    with pytest.raises(NotOnTheShelf):
        await running.pin(given.db, given.bus, item_id=new_id(), **about)

    assert pinned == [one.items[1].id]
    assert (await kinds(given, one.id))[2:] == [EventKind.PINNED, EventKind.PINNED, EventKind.UNPINNED]


async def test_chat_is_closed_slowed_and_spoken_over(given):
    one = await given.live_room()
    about = {"room_id": one.id, "by": one.host, "now": given.now}

    room = await running.set_chat(given.db, given.bus, is_open=False, slow_seconds=30, **about)
    await running.set_chat(given.db, given.bus, is_open=False, slow_seconds=30, **about)
    notice = await running.announce(given.db, given.bus, text=" 半小时后抽奖 ", **about)
    for text in ("", "x" * 201):
        with pytest.raises(BadInput):
            await running.announce(given.db, given.bus, text=text, **about)
    with pytest.raises(BadInput):
        await running.set_chat(given.db, given.bus, is_open=True, slow_seconds=601, **about)

    assert (room.is_chat_open, room.slow_seconds, notice.facts) == (False, 30, {"text": "半小时后抽奖"})
    assert (await kinds(given, one.id))[2:] == [EventKind.CHAT_CHANGED, EventKind.NOTICE]


async def test_shoppers_reserve_a_room_that_is_still_to_come(given):
    one, shopper_id = await given.live_room(is_live=False), await given.shopper()
    about = {"room_id": one.id, "shopper_id": shopper_id, "now": given.now}

    for _ in range(2):
        await actions.reserve(given.db, **about)
    reserved = await queries.reserved_by(given.db, shopper_id, [one.id])
    counted = await queries.reservations_by_room_ids(given.db, [one.id])
    for _ in range(2):
        await actions.cancel_reservation(given.db, **about)

    assert (reserved, counted) == ({one.id}, {one.id: 1})
    assert await queries.reservations_by_room_ids(given.db, [one.id]) == {one.id: 0}
    await running.go_live(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)
    with pytest.raises(WrongRoomState):
        await actions.reserve(given.db, **about)


async def test_a_room_that_nobody_ends_is_ended_after_a_day(given):
    forgotten, fresh = await given.live_room(is_on_air=True), await given.live_room()
    tomorrow = given.now + timedelta(days=1, seconds=1)
    await running.pause(given.db, given.bus, room_id=fresh.id, by=fresh.host, now=given.now)

    assert await running.end_forgotten(given.db, given.bus, now=given.now + timedelta(days=1), limit=9) == 0
    assert await running.end_forgotten(given.db, given.bus, now=tomorrow, limit=9) == 2
    assert await running.end_forgotten(given.db, given.bus, now=tomorrow, limit=9) == 0

    (chapter,) = (await queries.chapters_by_room_ids(given.db, [forgotten.id]))[forgotten.id]
    assert (chapter.ended_at, chapter.prices_until) == (tomorrow, tomorrow + timedelta(seconds=300))


async def test_nothing_is_told_of_a_room_that_is_not_there(given):
    async with given.db.transaction() as tx:
        with pytest.raises(NotFound):
            await timeline.append(tx, given.bus, new_id(), [NewEvent(EventKind.PAUSED)], now=given.now)


def test_an_event_has_the_facts_of_its_kind():
    with pytest.raises(ValueError, match="item_id"):
        NewEvent(EventKind.ON_AIR, {})


async def test_what_is_not_on_cannot_be_sold_from(given):
    one = await given.live_room(is_live=False)

    with pytest.raises(RoomNotOn):
        await running.put_on_air(given.db, given.bus, room_id=one.id, item_id=one.item.id, by=one.host, now=given.now)
    with pytest.raises(RoomNotOn):
        await running.announce(given.db, given.bus, room_id=one.id, text="有人吗", by=one.host, now=given.now)


async def test_a_crew_is_exchanged_while_the_room_is_on(given):
    one, other = await given.live_room(), Principal(await given.shopper())
    about = {"room_id": one.id, "by": new_id(), "now": given.now}

    for _ in range(2):
        await actions.set_crew(given.db, crew={other.account_id: Duty.HOST}, **about)
    with pytest.raises(NotAllowed):
        await running.pause(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)
    await running.pause(given.db, given.bus, room_id=one.id, by=other, now=given.now)

    for crew, refusal in (({}, BadInput), ({new_id(): Duty.HOST}, NotFound)):
        with pytest.raises(refusal):
            await actions.set_crew(given.db, crew=crew, **about)
    assert await queries.crew_by_room_ids(given.db, [one.id]) == {one.id: {other.account_id: Duty.HOST}}
    await running.end(given.db, given.bus, room_id=one.id, by=other, now=given.now)
    with pytest.raises(WrongRoomState):
        await actions.set_crew(given.db, crew={one.host.account_id: Duty.HOST}, **about)
