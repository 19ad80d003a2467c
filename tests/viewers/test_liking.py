"""Likes: many taps are one increment, and whatever the gate does, nobody waits for it."""

import asyncio

import pytest

from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.live_rooms import running
from domain.live_rooms.rules import RoomNotOn, RoomState
from domain.viewers import gate as gates
from domain.viewers import liking
from domain.viewers.liking import LikeDesk


async def likes(gate, room) -> int:
    return (await gates.count(gate, room.id, known_likes=0))[1]


async def test_taps_of_many_are_brought_together(db, gate, given, room, monkeypatch):
    calls = []

    async def add_taps(gate, room_id, taps):
        calls.append(taps)
        await add(gate, room_id, taps)

    add = gates.add_taps
    monkeypatch.setattr(gates, "add_taps", add_taps)
    monkeypatch.setattr(liking, "GATHER_SECONDS", 0.05)
    desk, other = LikeDesk(db, gate), await given.live_room()

    for _ in range(300):
        await desk.like(room.id, 7)
    await desk.like(other.id, 1)
    await asyncio.sleep(0.15)

    assert calls == [2_100, 1]
    assert (await likes(gate, room), await likes(gate, other)) == (2_100, 1)


async def test_likes_come_through_while_others_are_being_brought(db, gate, room, monkeypatch):
    monkeypatch.setattr(liking, "GATHER_SECONDS", 0.01)
    desk = LikeDesk(db, gate)

    for _ in range(50):
        await desk.like(room.id, 1)
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)

    assert await likes(gate, room) == 50


@pytest.mark.parametrize("taps", [0, -1, 51])
async def test_a_call_has_one_to_fifty_taps(db, gate, room, taps):
    with pytest.raises(BadInput, match=f"taps is {taps}; allowed: 1 to 50"):
        await LikeDesk(db, gate).like(room.id, taps)


async def test_only_a_room_that_is_on_is_liked(db, gate, given, room):
    desk, later = LikeDesk(db, gate), await given.live_room(is_live=False)
    await running.end(db, given.bus, room_id=room.id, by=room.host, now=given.now)

    with pytest.raises(RoomNotOn) as ended:
        await desk.like(room.id, 1)
    with pytest.raises(RoomNotOn):
        await desk.like(later.id, 1)
    with pytest.raises(NotFound):
        await desk.like(new_id(), 1)

    assert ended.value == RoomNotOn(state=RoomState.ENDED)
    assert await likes(gate, room) == 0
