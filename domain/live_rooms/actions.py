"""What merchandisers do with a room before it is on, and shoppers who wait for it: schedule, stock its shelf, reserve."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.accounts.queries import names_by_ids
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.live_rooms import rules, store, timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import (
    Duty,
    EventKind,
    NewEvent,
    NewRoom,
    Room,
    RoomItem,
    RoomState,
    ShelfItem,
    WrongRoomState,
)
from domain.trail import store as trail
from domain.trust import store as trust
from domain.trust.rules import EvidenceKind


async def create(db: Database, wish: NewRoom, *, by: UUID, idempotency_key: str, now: datetime) -> Room:
    """Schedule a room. The same key with the same wish gives the same room again.

    Raises BadInput, NotFound (account, store), IdempotencyConflict.
    """
    rules.check_room(wish, now=now)
    await _check_people(db, wish.crew)
    room = Room(
        id=new_id(),
        title=wish.title.strip(),
        cover_url=wish.cover_url,
        state=RoomState.SCHEDULED,
        store_id=wish.store_id,
        starts_at=wish.starts_at,
        grace_seconds=wish.grace_seconds,
        prize_budget_minor=wish.prize_budget_minor,
        is_chat_open=True,
        slow_seconds=0,
        events=0,
    )
    request = {**asdict(wish), "crew": {str(account_id): duty.value for account_id, duty in wish.crew.items()}}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=by, key=idempotency_key, operation="create_live_room", request=request, answer=str(room.id)
        )
        if replay:
            return await store.lock(tx, UUID(replay.answer))
        if wish.store_id is not None:
            await store.check_store(tx, wish.store_id)
        await store.add(tx, room, by=by, now=now)
        await store.set_crew(tx, room.id, wish.crew)
        await _note(tx, "create_live_room", room, by=by, now=now)
    return room


async def edit(db: Database, *, room_id: UUID, wish: NewRoom, by: UUID, now: datetime) -> Room:
    """Change a room that is still to come, all of it. Raises BadInput, NotFound, WrongRoomState once it was live."""
    rules.check_room(wish, now=now)
    await _check_people(db, wish.crew)
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        if room.state is not RoomState.SCHEDULED:
            raise WrongRoomState(state=room.state, wanted=RoomState.SCHEDULED)
        if wish.store_id is not None:
            await store.check_store(tx, wish.store_id)
        await store.describe(tx, room_id, wish)
        await store.set_crew(tx, room_id, wish.crew)
        room = await store.lock(tx, room_id)
        await _note(tx, "edit_live_room", room, by=by, now=now)
    return room


async def set_crew(db: Database, *, room_id: UUID, crew: Mapping[UUID, Duty], by: UUID, now: datetime) -> Room:
    """Say who runs a room, also while it is on: whoever is left out runs it no more. The same people: no change.

    Raises BadInput, NotFound (room, account), WrongRoomState when it is over.
    """
    rules.check_crew(crew)
    await _check_people(db, crew)
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        if room.state in {RoomState.ENDED, RoomState.CANCELLED}:
            raise WrongRoomState(state=room.state, wanted=room.state)
        if await store.crew_of(tx, room_id) != crew:
            await store.set_crew(tx, room_id, crew)
            await _note(tx, "set_room_crew", room, by=by, now=now, crew={str(who): duty for who, duty in crew.items()})
    return room


async def set_shelf(
    db: Database, bus: LiveBus, *, room_id: UUID, shelf: Sequence[ShelfItem], by: UUID, now: datetime
) -> Sequence[RoomItem]:
    """Give a room this shelf and no other; what is on air stays there until it is taken off.

    Live prices that are on air do not change: put the item on air anew. Raises BadInput, NotFound (room, product, sku),
    WrongRoomState when it is over.
    """
    rules.check_shelf(shelf)
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        if room.state in {RoomState.ENDED, RoomState.CANCELLED}:
            raise WrongRoomState(state=room.state, wanted=room.state)
        if (missing := await store.missing_goods(tx, shelf)) is not None:
            raise NotFound.of(*missing)
        await store.set_shelf(tx, room_id, shelf, now=now)
        await timeline.append(tx, bus, room_id, [NewEvent(EventKind.SHELF_CHANGED)], now=now)
        await _note(tx, "set_room_shelf", room, by=by, now=now, items=len(shelf))
        return (await store.items_of_rooms(tx, [room_id])).get(room_id, ())


async def cancel(db: Database, bus: LiveBus, *, room_id: UUID, by: UUID, now: datetime) -> Room:
    """Call a room off that never was live. Cancelled already: no change. Raises NotFound, WrongRoomState."""
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        if room.state is not RoomState.CANCELLED:
            await store.move(tx, room.moved_to(RoomState.CANCELLED), cancelled_at=now)
            await timeline.append(tx, bus, room_id, [NewEvent(EventKind.CANCELLED)], now=now)
            await _note(tx, "cancel_live_room", room, by=by, now=now)
        return await store.lock(tx, room_id)


async def reserve(db: Database, *, room_id: UUID, shopper_id: UUID, now: datetime) -> Room:
    """Be reminded when a room begins. Reserved already: no change. Raises NotFound, WrongRoomState once it was live."""
    async with db.transaction() as tx:
        room = await store.get(tx, room_id)
        if room.state is not RoomState.SCHEDULED:
            raise WrongRoomState(state=room.state, wanted=RoomState.SCHEDULED)
        await store.reserve(tx, room_id, shopper_id, now=now)
        reserved = trust.Piece(shopper_id, EvidenceKind.RESERVATION, now, str(room_id))
        await trust.record(tx, [reserved], now=now)
    return room


async def cancel_reservation(db: Database, *, room_id: UUID, shopper_id: UUID, now: datetime) -> Room:
    """Be reminded no more. Not reserved: no change. Raises NotFound."""
    async with db.transaction() as tx:
        room = await store.get(tx, room_id)
        await store.cancel_reservation(tx, room_id, shopper_id)
    return room


async def _check_people(db: Database, crew: Mapping[UUID, Duty]) -> None:
    known = await names_by_ids(db, list(crew))
    for account_id in crew:
        if account_id not in known:
            raise NotFound.of("account", account_id)


async def _note(tx: Transaction, deed: str, room: Room, *, by: UUID, now: datetime, **facts: object) -> None:
    await trail.note(tx, by=by, deed=deed, subject="room", subject_id=room.id, now=now, title=room.title, **facts)
