"""Who watches: as many as there are people at the sockets, whatever joins, doubles, drops or dies."""

import asyncio
from contextlib import suppress

from sqlalchemy import func, select

from domain.foundation.ids import new_id
from domain.live_rooms import running
from domain.viewers import gate as gates
from domain.viewers import store
from domain.viewers.presence import Presence
from domain.viewers.rules import PRESENT_SECONDS, Viewer
from domain.viewers.tables import viewers
from tests.viewers.conftest import guest


async def watching(gate, room) -> int:
    return (await gates.count(gate, room.id, known_likes=0))[0]


async def distinct(db, room) -> int:
    counted = select(func.count()).where(viewers.c.room_id == room.id, viewers.c.is_counted)
    return await db.value(counted)


async def test_whoever_watches_is_counted_until_they_leave(db, gate, process, room):
    api = process()
    api.sockets[room.id] = [guest() for _ in range(5)]

    await api.tell()
    assert await watching(gate, room) == 5
    assert await distinct(db, room) == 5

    del api.sockets[room.id][:3]
    await api.tell()
    assert await watching(gate, room) == 2
    assert await distinct(db, room) == 5


async def test_somebody_with_several_sockets_and_phones_watches_once(db, gate, given, process, room):
    shopper_id = await given.shopper()
    one, other = process(), process()
    one.sockets[room.id] = [Viewer("phone", shopper_id), Viewer("phone", shopper_id), Viewer("tablet", shopper_id)]
    other.sockets[room.id] = [Viewer("phone", shopper_id)]

    await asyncio.gather(one.tell(), other.tell())
    assert await watching(gate, room) == 1
    assert await distinct(db, room) == 1

    del one.sockets[room.id][0]
    await one.tell()
    assert await watching(gate, room) == 1


async def test_who_moves_to_another_process_never_seems_to_have_left(gate, process, room):
    moving, old, new = guest(), process(), process()
    old.sockets[room.id] = [moving]
    await old.tell()

    new.sockets[room.id] = [moving]
    await new.tell()
    old.sockets.clear()
    await old.tell()

    assert await watching(gate, room) == 1


async def test_rooms_are_counted_apart(gate, given, process, room):
    api, other, both = process(), await given.live_room(), guest()
    api.sockets[room.id], api.sockets[other.id] = [both, guest()], [both]

    await api.tell()

    assert await watching(gate, room) == 2
    assert await watching(gate, other) == 1


async def test_who_polls_watches_for_a_while(db, gate, process, room, monkeypatch):
    api, viewer = process(), guest()
    clock = [1000.0]
    monkeypatch.setattr("domain.viewers.presence.monotonic", lambda: clock[0])
    api.presence.note_poll(room.id, viewer)

    await api.tell()
    assert await watching(gate, room) == 1
    assert await distinct(db, room) == 1

    clock[0] += PRESENT_SECONDS + 1
    await api.tell()
    assert await watching(gate, room) == 0


async def test_viewers_of_a_process_that_is_gone_age_out(gate, process, room, monkeypatch):
    monkeypatch.setattr(gates, "_PRESENT_MS", 300)
    gone, living = process(), process()
    gone.sockets[room.id], living.sockets[room.id] = [guest() for _ in range(3)], [guest()]
    await gone.tell()
    await living.tell()
    assert await watching(gate, room) == 4

    await asyncio.sleep(0.35)
    assert await watching(gate, room) == 0
    await living.tell(everybody=True)
    assert await watching(gate, room) == 1


async def test_a_gate_that_has_lost_everybody_is_told_again(gate, process, room):
    api = process()
    api.sockets[room.id] = [guest(), guest()]
    await api.tell()

    await gate.flushdb()
    await api.tell(everybody=True)

    assert await watching(gate, room) == 2


async def test_the_ledger_is_told_again_of_whom_it_has_not_heard(db, gate, process, room, monkeypatch):
    api = process()
    api.sockets[room.id] = [guest()]

    async def unreachable(*_, **__):
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(store, "add", unreachable)
        with suppress(ConnectionError):
            await api.tell()
    assert await watching(gate, room) == 1
    assert await distinct(db, room) == 0

    await api.tell()
    assert await distinct(db, room) == 1


async def test_a_guest_who_signs_in_while_watching_stays_one_viewer(db, given, process, room):
    api, shopper_id = process(), await given.shopper()
    api.sockets[room.id] = [guest("phone")]
    await api.tell()

    api.sockets[room.id] = [Viewer(guest("phone").device, shopper_id)]
    await api.tell()
    assert await distinct(db, room) == 1
    assert await db.column(select(viewers.c.shopper_id)) == [shopper_id]

    api.sockets[room.id] = [
        guest("phone"),
        Viewer(guest("phone").device, shopper_id),
    ]  # an old socket beside the new one
    await process_again(api).tell()
    assert await distinct(db, room) == 1


async def test_a_shopper_whose_other_device_becomes_known_is_counted_once(db, given, process, room):
    api, shopper_id = process(), await given.shopper()
    api.sockets[room.id] = [Viewer("phone", shopper_id), guest("tablet"), guest("stranger")]
    await api.tell()
    assert await distinct(db, room) == 3

    known = await store.know_device(db, device=guest("tablet").device, shopper_id=shopper_id)
    again = await store.know_device(db, device=guest("tablet").device, shopper_id=shopper_id)

    assert (known, again) == (1, 0)
    assert await distinct(db, room) == 2


async def test_who_signs_in_where_a_guest_watched_in_a_room_that_is_over_was_not_that_guest(db, given, process):
    room = await given.live_room()
    api = process()
    api.sockets[room.id] = [guest("tablet")]
    await api.tell()
    await running.end(db, given.bus, room_id=room.id, by=room.host, now=given.now)

    assert await store.know_device(db, device=guest("tablet").device, shopper_id=await given.shopper()) == 0


async def test_two_processes_that_see_the_same_people_keep_them_once(db, given, process, room):
    people = [Viewer(f"device {number}", id) for number, id in enumerate(await given.shoppers(40))]
    guests = [guest() for _ in range(40)]
    apis = [process() for _ in range(4)]
    for api in apis:
        api.sockets[room.id] = [*people, *guests]

    await asyncio.gather(*(api.tell() for api in apis))

    assert await distinct(db, room) == 80


async def test_many_viewers_are_told_in_parts(db, gate, process, room):
    api = process()
    api.sockets[room.id] = [guest() for _ in range(2_345)]

    await api.tell()
    assert await watching(gate, room) == 2_345
    assert await distinct(db, room) == 2_345

    del api.sockets[room.id][45:]
    await api.tell()
    assert await watching(gate, room) == 45


def process_again(api):
    """The same sockets, told of by a process that has just begun."""
    presence = api.presence
    api.presence = Presence(presence._db, presence._gate, presence._watched)
    return api


def test_a_viewer_is_a_shopper_or_a_device():
    shopper_id = new_id()

    assert Viewer("d" * 43).key == "d" * 43
    assert Viewer("d" * 43, shopper_id).key == Viewer("e" * 43, shopper_id).key == shopper_id.hex


async def test_shoppers_behind_one_device_are_counted_each(db, given, process, room):
    api = process()
    api.sockets[room.id] = [Viewer(guest("same").device, id) for id in await given.shoppers(3)] + [guest("same")]

    await api.tell()
    await process_again(api).tell()

    assert await distinct(db, room) == 3


async def test_a_guest_where_a_shopper_watches_is_that_shopper(db, given, process, room):
    api, shopper_id = process(), await given.shopper()
    api.sockets[room.id] = [Viewer(guest("phone").device, shopper_id)]
    await api.tell()

    api.sockets[room.id] = [guest("phone")]
    await api.tell()

    assert await distinct(db, room) == 1
