"""Likes: many taps are one increment, and whatever the gate does, nobody waits for it."""

import asyncio

import pytest

from domain.foundation.errors import BadInput
from domain.viewers import gate as gates
from domain.viewers import liking
from domain.viewers.liking import LikeDesk


async def likes(gate, room) -> int:
    return (await gates.count(gate, room.id, known_likes=0))[1]


async def test_taps_of_many_are_brought_together(gate, given, room, monkeypatch):
    calls = []

    async def add_taps(gate, room_id, taps):
        calls.append(taps)
        await add(gate, room_id, taps)

    add = gates.add_taps
    monkeypatch.setattr(gates, "add_taps", add_taps)
    monkeypatch.setattr(liking, "GATHER_SECONDS", 0.05)
    desk, other = LikeDesk(gate), await given.live_room()

    for _ in range(300):
        desk.like(room.id, 7)
    desk.like(other.id, 1)
    await asyncio.sleep(0.15)

    assert calls == [2_100, 1]
    assert (await likes(gate, room), await likes(gate, other)) == (2_100, 1)


async def test_likes_come_through_while_others_are_being_brought(gate, room, monkeypatch):
    monkeypatch.setattr(liking, "GATHER_SECONDS", 0.01)
    desk = LikeDesk(gate)

    for _ in range(50):
        desk.like(room.id, 1)
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.1)

    assert await likes(gate, room) == 50


@pytest.mark.parametrize("taps", [0, -1, 51])
async def test_a_call_has_one_to_fifty_taps(gate, room, taps):
    with pytest.raises(BadInput, match=f"taps is {taps}; allowed: 1 to 50"):
        LikeDesk(gate).like(room.id, taps)
