"""What a room's crew does while it is on: go live, pause, end, put items on air, pin them, and speak to everybody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.accounts.rules import Principal, Role
from domain.foundation.database import Database, Reader, Transaction
from domain.foundation.errors import BadInput, NotAllowed
from domain.foundation.ids import new_id
from domain.live_rooms import store, timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import (
    EARLY,
    LONGEST_LIVE,
    Chapter,
    Duty,
    EventKind,
    NewEvent,
    NotOnTheShelf,
    Room,
    RoomEvent,
    RoomItem,
    RoomState,
    TooEarlyToGoLive,
)
from domain.trail import store as trail

LONGEST_NOTICE = 200
MOST_SLOW_SECONDS = 600
RUNS_EVERY_ROOM = frozenset({Role.MERCHANDISER, Role.ADMIN})


async def check_crew(reader: Reader, room_id: UUID, by: Principal) -> Duty | None:
    """What somebody does in the room; None for a merchandiser who is not of its crew. Raises NotAllowed for everybody else."""
    duty = await store.duty_of(reader, room_id, by.account_id)
    if duty is None and not by.roles & RUNS_EVERY_ROOM:
        raise NotAllowed("this is for those who run the room")
    return duty


async def go_live(db: Database, bus: LiveBus, *, room_id: UUID, by: Principal | None, now: datetime) -> Room:
    """Begin, or go on after a pause. Live already: no change. `by` None: the video does it.

    Raises NotFound, NotAllowed, WrongRoomState, TooEarlyToGoLive more than two hours before its time.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        if room.state is RoomState.LIVE:
            return room
        if room.state is RoomState.SCHEDULED and now < room.starts_at - EARLY:
            raise TooEarlyToGoLive(starts_at=room.starts_at)
        live = replace(room.moved_to(RoomState.LIVE), live_at=room.live_at or now, paused_at=None)
        kind = EventKind.RESUMED if room.live_at else EventKind.WENT_LIVE
        await store.move(tx, live, live_at=live.live_at, paused_at=None)
        return await _happened(tx, bus, live, NewEvent(kind), deed="go_live", by=by, now=now)


async def pause(db: Database, bus: LiveBus, *, room_id: UUID, by: Principal | None, now: datetime) -> Room:
    """Nothing is shown for a while; what is on air stays on air. Paused already: no change.

    Raises NotFound, NotAllowed, WrongRoomState.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        if room.state is RoomState.PAUSED:
            return room
        paused = replace(room.moved_to(RoomState.PAUSED), paused_at=now)
        await store.move(tx, paused, paused_at=now)
        return await _happened(tx, bus, paused, NewEvent(EventKind.PAUSED), deed="pause_room", by=by, now=now)


async def end(db: Database, bus: LiveBus, *, room_id: UUID, by: Principal | None, now: datetime) -> Room:
    """End the room: what is on air leaves it, and its live prices hold for the grace period. Ended already: no change.

    Sales, group-buys and draws that were started in it go on to their own end. Raises NotFound, NotAllowed, WrongRoomState.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        if room.state is RoomState.ENDED:
            return room
        ended = replace(room.moved_to(RoomState.ENDED), ended_at=now, paused_at=None)
        gone = await _clear_the_air(tx, room, now=now)
        await store.move(tx, ended, ended_at=now, paused_at=None)
        return await _happened(tx, bus, ended, *gone, NewEvent(EventKind.ENDED), deed="end_room", by=by, now=now)


async def end_forgotten(db: Database, bus: LiveBus, *, now: datetime, limit: int) -> int:
    """End rooms that nobody has ended for a day: live prices must not hold for ever. How many were ended."""
    async with db.reading() as reader:
        forgotten = await store.on_since_before(reader, now - LONGEST_LIVE, limit=limit)
    for room_id in forgotten:
        await end(db, bus, room_id=room_id, by=None, now=now)
    return len(forgotten)


async def put_on_air(
    db: Database, bus: LiveBus, *, room_id: UUID, item_id: UUID, by: Principal, now: datetime
) -> Chapter:
    """This item is on air from now on, at its live prices of now; what was on air leaves it. On air already: no change.

    Raises NotFound, NotAllowed, RoomNotOn, NotOnTheShelf.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        room.check_on()
        item = await _on_shelf(tx, room_id, item_id)
        before, prices = await store.on_air(tx, room_id), _live_prices(item)
        if before is not None and (before.item_id, before.live_prices) == (item_id, prices):
            return before
        gone = await _clear_the_air(tx, room, now=now)
        chapter = Chapter(new_id(), room_id, item_id, now, None, None, prices)
        await store.begin_chapter(tx, chapter)
        event = NewEvent(EventKind.ON_AIR, {"item_id": str(item_id)})
        # told together: everybody hears of both in one message
        await _happened(tx, bus, room, *gone, event, deed="put_on_air", by=by, now=now)
        return chapter


async def take_off_air(db: Database, bus: LiveBus, *, room_id: UUID, by: Principal, now: datetime) -> Room:
    """Nothing is on air from now on; live prices hold for the grace period. Nothing on air: no change.

    Raises NotFound, NotAllowed.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        gone = await _clear_the_air(tx, room, now=now)
        if not gone:
            return room
        return await _happened(tx, bus, room, *gone, deed="take_off_air", by=by, now=now)


async def withdraw_prices(db: Database, bus: LiveBus, *, room_id: UUID, by: Principal, now: datetime) -> Room:
    """No live price holds from now on, not for the grace period either: for one that was mistyped. None holds: no change.

    What is on air leaves it. Raises NotFound, NotAllowed.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        gone = await _clear_the_air(tx, room, now=now)
        await store.withdraw_prices(tx, room_id, now=now)
        return await _happened(tx, bus, room, *gone, deed="withdraw_live_prices", by=by, now=now)


async def pin(db: Database, bus: LiveBus, *, room_id: UUID, item_id: UUID, by: Principal, now: datetime) -> Room:
    """Show this item above all others. Pinned already: no change.

    Raises NotFound, NotAllowed, NotOnTheShelf, RoomNotOn once it is over.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        room.check_not_over()
        item = await _on_shelf(tx, room_id, item_id)
        if item.pinned_at is not None:
            return room
        await store.pin(tx, room_id, item_id, now=now)
        event = NewEvent(EventKind.PINNED, {"item_id": str(item_id)})
        return await _happened(tx, bus, room, event, deed="pin_room_item", by=by, now=now)


async def unpin(db: Database, bus: LiveBus, *, room_id: UUID, item_id: UUID, by: Principal, now: datetime) -> Room:
    """Show it among the others again. Not pinned: no change.

    Raises NotFound, NotAllowed, NotOnTheShelf, RoomNotOn once it is over.
    """
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        room.check_not_over()
        item = await _on_shelf(tx, room_id, item_id)
        if item.pinned_at is None:
            return room
        await store.pin(tx, room_id, None, now=now)
        event = NewEvent(EventKind.UNPINNED, {"item_id": str(item_id)})
        return await _happened(tx, bus, room, event, deed="unpin_room_item", by=by, now=now)


async def set_chat(
    db: Database, bus: LiveBus, *, room_id: UUID, is_open: bool, slow_seconds: int, by: Principal, now: datetime
) -> Room:
    """Whether viewers may write, and the seconds between two comments of one of them. As it is already: no change.

    Raises BadInput, NotFound, NotAllowed, RoomNotOn once it is over.
    """
    if not 0 <= slow_seconds <= MOST_SLOW_SECONDS:
        raise BadInput(f"slowSeconds is {slow_seconds}; allowed: 0 to {MOST_SLOW_SECONDS}")
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        room.check_not_over()
        if (room.is_chat_open, room.slow_seconds) == (is_open, slow_seconds):
            return room
        await store.set_chat(tx, room_id, is_open=is_open, slow_seconds=slow_seconds)
        event = NewEvent(EventKind.CHAT_CHANGED, {"is_open": is_open, "slow_seconds": slow_seconds})
        return await _happened(tx, bus, room, event, deed="set_room_chat", by=by, now=now)


async def announce(db: Database, bus: LiveBus, *, room_id: UUID, text: str, by: Principal, now: datetime) -> RoomEvent:
    """Show a line to everybody in the room. Raises BadInput, NotFound, NotAllowed, RoomNotOn."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_NOTICE or "\0" in text:
        raise BadInput(f"text has {len(text)} characters; allowed: 1 to {LONGEST_NOTICE}, without U+0000")
    async with db.transaction() as tx:
        room = await _locked(tx, room_id, by)
        room.check_on()
        await _note(tx, room, "announce_in_room", by=by, now=now, text=text)
        (event,) = await timeline.append(tx, bus, room_id, [NewEvent(EventKind.NOTICE, {"text": text})], now=now)
        return event


async def _locked(tx: Transaction, room_id: UUID, by: Principal | None) -> Room:
    room = await store.lock(tx, room_id)
    if by is not None:
        await check_crew(tx, room_id, by)
    return room


async def _on_shelf(tx: Transaction, room_id: UUID, item_id: UUID) -> RoomItem:
    item = await store.item_on_shelf(tx, room_id, item_id)
    if item is None:
        raise NotOnTheShelf()
    return item


def _live_prices(item: RoomItem) -> Mapping[UUID, int]:
    return {price.sku_id: price.live_minor for price in item.prices if price.live_minor is not None}


async def _clear_the_air(tx: Transaction, room: Room, *, now: datetime) -> Sequence[NewEvent]:
    """Whatever is on air in a locked room leaves it; what is to be told of that."""
    chapter = await store.on_air(tx, room.id)
    if chapter is None:
        return ()
    ended_at = max(now, chapter.began_at)
    prices_until = ended_at + timedelta(seconds=room.grace_seconds)
    await store.end_chapter(tx, chapter, ended_at=ended_at, prices_until=prices_until)
    return [NewEvent(EventKind.OFF_AIR, {"item_id": str(chapter.item_id)})]


async def _happened(
    tx: Transaction, bus: LiveBus, room: Room, *events: NewEvent, deed: str, by: Principal | None, now: datetime
) -> Room:
    if events:
        await timeline.append(tx, bus, room.id, events, now=now)
    if by is not None:
        await _note(tx, room, deed, by=by, now=now)
    return await store.get(tx, room.id)


async def _note(tx: Transaction, room: Room, deed: str, *, by: Principal, now: datetime, **facts: object) -> None:
    await trail.note(
        tx, by=by.account_id, deed=deed, subject="room", subject_id=room.id, now=now, title=room.title, **facts
    )
