"""Whoever is banned is turned out of the rooms they watch, also where nobody heard that they were."""

from contextlib import asynccontextmanager

from domain.chats import moderating
from domain.chats.watching import BanWatch
from domain.live_rooms.watching import RoomWatch
from tests.statements import count_statements


class Pokes:
    """What a socket would be told."""

    def __init__(self):
        self.heard = []

    def on_events(self, events):
        pass

    def on_counters(self, counters):
        pass

    def on_personal(self, shopper_id, kind, id):
        self.heard.append((shopper_id, kind, id))

    def on_deaf(self):
        pass


class DeafBus:
    """A live bus that loses what it is told."""

    async def tell(self, room_id, shopper_id, kind, id):
        pass


@asynccontextmanager
async def watching(given, room, *viewers):
    """A process in which these watch the room: its watch of bans, and what it tells them."""
    watch, pokes = RoomWatch(given.db, given.market.gate), Pokes()
    stop = (await watch.open(room.id)).listen(pokes)
    for viewer in viewers:
        watch.note_viewer(room.id, str(viewer.account_id), viewer.account_id)
    watch.note_viewer(room.id, "guest", None)
    try:
        yield BanWatch(given.db, watch), pokes
    finally:
        stop()
        await watch.close()


async def test_a_ban_that_the_bus_has_lost_is_seen_in_the_ledger(given):
    room, banned, other = await given.live_room(), await given.viewer("韩梅梅"), await given.viewer("李雷")
    posted = await given.comment(room.id, by=banned)
    deed = {"by": room.host, "reason": "广告", "now": given.now}

    async with (
        watching(given, room, banned, other) as (bans, pokes),
        watching(given, room, other) as (elsewhere, quiet),
    ):
        await moderating.ban(given.db, DeafBus(), comment_id=posted.comment.id, **deed)
        with count_statements(given.db) as sent:
            await bans.look()
        await elsewhere.look()

    assert pokes.heard == [(banned.account_id, "banned", room.id)]
    assert quiet.heard == []
    assert len(sent) == 1


async def test_where_nobody_watches_nothing_is_asked(given):
    watch = RoomWatch(given.db, given.market.gate)
    with count_statements(given.db) as sent:
        await BanWatch(given.db, watch).look()

    assert sent == []
