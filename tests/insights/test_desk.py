"""Who is given figures, and how fresh they are."""

import asyncio

import pytest

from domain.accounts.rules import Principal, Role
from domain.foundation.errors import NotAllowed, NotFound
from domain.foundation.ids import new_id
from domain.insights import desk as desks
from domain.insights import room_figures
from domain.insights.desk import FiguresDesk
from domain.live_rooms import store as rooms
from domain.live_rooms.rules import Channel


def staff(role=Role.MERCHANDISER):
    return Principal(new_id(), frozenset({Role.SHOPPER, role}))


@pytest.fixture
def desk(db) -> FiguresDesk:
    return FiguresDesk(db)


async def test_figures_are_for_the_crew_and_for_staff(desk, given, now):
    room, other = await given.live_room(), await given.live_room()
    for reader in (room.host, *map(staff, (Role.MERCHANDISER, Role.FINANCE, Role.ADMIN))):
        assert (await desk.figures(room.id, by=reader, now=now)).sold.orders == 0

    for stranger in (other.host, Principal(new_id())):
        with pytest.raises(NotAllowed):
            await desk.figures(room.id, by=stranger, now=now)
    with pytest.raises(NotFound):
        await desk.figures(new_id(), by=staff(), now=now)


async def test_those_who_ask_at_once_are_answered_from_one_look(desk, given, now, monkeypatch):
    room, looks = await given.live_room(), []
    slow_down(monkeypatch, looks, seconds=0.1)

    found = await asyncio.gather(*(desk.figures(room.id, by=room.host, now=now) for _ in range(9)))

    assert looks == [room.id]
    assert len(set(map(id, found))) == 1


async def test_figures_that_take_long_are_those_of_a_moment_ago(desk, given, now, monkeypatch):
    room, looks = await given.live_room(), []
    monkeypatch.setattr(desks, "REST", 0)
    slow_down(monkeypatch, looks, seconds=0.2)
    first = await desk.figures(room.id, by=room.host, now=now)

    begun = asyncio.get_running_loop().time()
    kept = await desk.figures(room.id, by=room.host, now=now)
    took = asyncio.get_running_loop().time() - begun
    await asyncio.sleep(0.3)
    fresh = await desk.figures(room.id, by=room.host, now=now)

    assert kept is first
    assert took < 0.15
    assert fresh is not first


async def test_figures_are_never_older_than_ten_seconds(desk, given, now, monkeypatch):
    room, looks = await given.live_room(), []
    slow_down(monkeypatch, looks, seconds=0.1)
    first = await desk.figures(room.id, by=room.host, now=now)

    monkeypatch.setattr(desks, "OLDEST_SECONDS", -1.0)
    monkeypatch.setattr(desks, "REST", 0)

    assert await desk.figures(room.id, by=room.host, now=now) is not first


async def test_figures_that_are_found_in_time_are_always_of_now(desk, given, now, monkeypatch):
    monkeypatch.setattr(desks, "PATIENCE_SECONDS", 5.0)
    monkeypatch.setattr(desks, "REST", 0)
    room = await given.live_room()
    await desk.figures(room.id, by=room.host, now=now)
    order = await given.order(room.sku_id)
    async with given.db.transaction() as tx:
        await rooms.note_sold(tx, order.id, room.id, Channel.SHELF)
    await given.money_for(order)
    await given.hear_payments()

    assert (await desk.figures(room.id, by=room.host, now=now)).sold.orders == 1


async def test_a_look_that_failed_is_made_again(desk, given, now, monkeypatch):
    room = await given.live_room()

    async def fail(*_, **__):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(room_figures, "figures", fail)
        with pytest.raises(ConnectionError):
            await desk.figures(room.id, by=room.host, now=now)

    assert (await desk.figures(room.id, by=room.host, now=now)).sold.orders == 0


def slow_down(monkeypatch, looks, *, seconds):
    """Have every look noted, and take so long."""
    look = room_figures.figures

    async def slow(db, room_id, *, now):
        looks.append(room_id)
        await asyncio.sleep(seconds)
        return await look(db, room_id, now=now)

    monkeypatch.setattr(room_figures, "figures", slow)
