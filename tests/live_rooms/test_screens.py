"""The lists of live rooms: which are shown, in which order, page by page."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Principal
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.live_rooms import actions, running, screens
from domain.live_rooms.rules import Duty, NewRoom
from tests.group_buys.test_screens import every_page, ids

A_MINUTE = timedelta(minutes=1)


@pytest.fixture
def room_at(given):
    """`await room_at(minutes, ...)`: a room that is planned for so many minutes from now."""
    host = Principal(new_id())

    async def room_at(minutes, *, live=False, paused=False, ended=False, cancelled=False):
        at = given.now + minutes * A_MINUTE
        crew = {await given.shopper(): Duty.HOST}
        made = given.now if minutes >= 0 else at
        room = await actions.create(
            given.db, NewRoom("夜市", at, crew), by=new_id(), idempotency_key=f"r-{new_id()}", now=made
        )
        told = {"room_id": room.id, "now": given.now}
        if live or paused or ended:
            await running.go_live(given.db, given.bus, by=None, **told)
        if paused:
            await running.pause(given.db, given.bus, by=None, **told)
        if ended:
            await running.end(given.db, given.bus, by=None, **told)
        if cancelled:
            await actions.cancel(given.db, given.bus, by=host.account_id, **told)
        return room.id

    return room_at


async def test_what_is_on_comes_before_what_is_to_come_each_by_its_time(given, room_at):
    tomorrow, soon = await room_at(24 * 60), await room_at(30)
    early, paused = await room_at(60, live=True), await room_at(-10, paused=True)
    late, forgotten = await room_at(-119), await room_at(-120)
    same = sorted([await room_at(0, live=True), await room_at(0, paused=True)])
    over = [await room_at(0, ended=True), await room_at(0, cancelled=True)]

    found = await every_page(lambda **page: screens.on_and_coming(given.db, now=given.now, **page))

    assert ids(found) == [paused, *same, early, late, soon, tomorrow]
    assert not {forgotten, *over} & set(ids(found))


async def test_merchandisers_see_every_room_newest_first(given, room_at):
    made = [
        await room_at(0),
        await room_at(60, live=True),
        await room_at(-10, ended=True),
        await room_at(9, cancelled=True),
    ]

    found = await every_page(lambda **page: screens.everything(given.db, **page))

    assert ids(found) == made[::-1]


async def test_who_runs_rooms_sees_theirs_whatever_their_duty(given, room_at):
    somebody, host = await given.shopper(), await given.shopper()
    mine = []
    for duties in ({somebody: Duty.HOST}, {host: Duty.HOST, somebody: Duty.ASSISTANT}, {somebody: Duty.HOST}):
        wish = NewRoom("夜市", given.now, duties)
        mine.append((await actions.create(given.db, wish, by=host, idempotency_key=f"r-{new_id()}", now=given.now)).id)
    await room_at(0)

    found = await every_page(lambda **page: screens.run_by(given.db, somebody, **page))

    assert ids(found) == mine[::-1]


async def test_a_cursor_of_another_list_is_refused(given, room_at):
    await room_at(0), await room_at(1)
    cursor = (await screens.everything(given.db, first=1)).cursors[0]

    with pytest.raises(BadInput):
        await screens.on_and_coming(given.db, now=given.now, first=1, after=cursor)
