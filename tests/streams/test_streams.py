"""A room follows its stream: it goes live with it, pauses without it, and ends when it stays away."""

from datetime import timedelta

import pytest

from domain.foundation.ids import new_id
from domain.live_rooms import queries, running
from domain.live_rooms.rules import RoomState
from domain.streams import actions


@pytest.fixture
async def one(given):
    return await given.live_room(is_live=False)


def begin(given, one, publisher="connection-1", *, now=None):
    return actions.begin(given.db, given.bus, room_id=one.id, publisher=publisher, now=now or given.now)


def lose(given, one, publisher="connection-1", *, now=None):
    return actions.lose(given.db, given.bus, room_id=one.id, publisher=publisher, now=now or given.now)


async def state(given, one):
    return (await queries.by_ids(given.db, [one.id]))[one.id].state


async def test_a_room_goes_live_pauses_and_goes_on_with_its_stream(given, one):
    states = []
    for step in (begin, begin, lose, begin):
        assert await step(given, one)
        states.append(await state(given, one))

    assert states == [RoomState.LIVE, RoomState.LIVE, RoomState.PAUSED, RoomState.LIVE]
    assert await actions.is_pushed(given.db, one.id)


async def test_word_of_the_old_connection_may_come_late(given, one):
    await begin(given, one, "old")
    await begin(given, one, "new")

    assert not await lose(given, one, "old")
    assert (await state(given, one), await actions.is_pushed(given.db, one.id)) == (RoomState.LIVE, True)
    assert await lose(given, one, "new")
    assert (await state(given, one), await actions.is_pushed(given.db, one.id)) == (RoomState.PAUSED, False)
    assert not await lose(given, one, "new")


async def test_a_room_that_its_crew_has_paused_stays_so(given, one):
    await begin(given, one)
    await running.pause(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    await lose(given, one)
    await begin(given, one, "connection-2")

    assert await state(given, one) is RoomState.PAUSED


async def test_a_stream_long_before_its_time_is_a_rehearsal(given, one):
    assert await begin(given, one, now=given.now - timedelta(hours=2, seconds=1))

    assert await state(given, one) is RoomState.SCHEDULED
    assert await lose(given, one)
    assert await state(given, one) is RoomState.SCHEDULED


async def test_nobody_pushes_to_a_room_that_is_over_or_unknown(given, one):
    await begin(given, one)
    await running.end(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    assert not await begin(given, one, "connection-2")
    assert not await actions.begin(given.db, given.bus, room_id=new_id(), publisher="connection-1", now=given.now)


async def test_a_stream_that_stays_away_ends_its_room(given, one):
    back, without = await given.live_room(), await given.live_room()
    for room in (one, back):
        await begin(given, room)
        await lose(given, room)
    late = given.now + timedelta(minutes=5)

    assert await actions.end_abandoned(given.db, given.bus, now=late - timedelta(seconds=1), limit=9) == 0
    await begin(given, back)
    assert await actions.end_abandoned(given.db, given.bus, now=late, limit=9) == 1
    assert await actions.end_abandoned(given.db, given.bus, now=late, limit=9) == 0

    assert [await state(given, each) for each in (one, back, without)] == [
        RoomState.ENDED,
        RoomState.LIVE,
        RoomState.LIVE,
    ]


async def test_whoever_dies_before_the_room_goes_on_leaves_that_to_the_next_word(given, one, monkeypatch):
    await begin(given, one)
    await lose(given, one)

    async def die(*_, **__):
        raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(running, "go_live", die)
        with pytest.raises(ConnectionError):
            await begin(given, one, "connection-2")
    await lose(given, one, "connection-2")
    await begin(given, one, "connection-3")

    assert await state(given, one) is RoomState.LIVE


async def test_only_a_room_that_its_stream_has_paused_is_ended_without_it(given, one):
    by_hand, paused = await given.live_room(is_live=False), await given.live_room(is_live=False)
    await begin(given, one, now=given.now - timedelta(hours=3))
    await lose(given, one, now=given.now - timedelta(hours=3))
    await running.go_live(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)
    await begin(given, by_hand)
    await lose(given, by_hand)
    await running.go_live(given.db, given.bus, room_id=by_hand.id, by=by_hand.host, now=given.now)
    await begin(given, paused)
    await running.pause(given.db, given.bus, room_id=paused.id, by=paused.host, now=given.now)
    await lose(given, paused)

    late = given.now + timedelta(hours=1)
    assert await actions.end_abandoned(given.db, given.bus, now=late, limit=9) == 0
    assert [await state(given, each) for each in (one, by_hand, paused)] == [
        RoomState.LIVE,
        RoomState.LIVE,
        RoomState.PAUSED,
    ]


async def test_a_pause_of_the_crew_is_not_ended_by_a_stream_that_paused_the_room_before(given, one):
    await begin(given, one)
    await lose(given, one)
    await begin(given, one, "connection-2")
    await running.pause(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    await begin(given, one, "connection-3")  # and nobody told that the second was lost

    assert await state(given, one) is RoomState.PAUSED


async def test_a_stream_that_is_back_before_its_loss_has_paused_the_room_finds_it_live(given, one, monkeypatch):
    await begin(given, one)
    pause = running.pause

    async def pause_late(*args, **about):
        await begin(given, one, "connection-2")
        return await pause(*args, **about)

    monkeypatch.setattr(running, "pause", pause_late)
    await lose(given, one)

    assert (await state(given, one), await actions.is_pushed(given.db, one.id)) == (RoomState.LIVE, True)
