"""What a room's crew does with a draw: open it, draw it, or call it off; and the timetable's drawing of what is due."""

import asyncio
import secrets
from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from domain.accounts.rules import Principal
from domain.draws import drawing, rules, sealing, store
from domain.draws.rules import Draw, DrawState, NewDraw
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.reporting import note_failure
from domain.live_rooms import store as rooms
from domain.live_rooms import timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind, NewEvent, PromotionKind
from domain.live_rooms.running import RUNS_EVERY_ROOM, check_crew
from domain.trail import store as trail


async def open_draw(
    db: Database, bus: LiveBus, wish: NewDraw, *, key: bytes, by: Principal, idempotency_key: str, now: datetime
) -> Draw:
    """Publish a draw, from now on unchangeable, and tell the room. The same key with the same wish gives the same draw again.

    `key` seals its seed until it is drawn. Raises BadInput, NotFound (room, store), NotAllowed, RoomNotOn,
    PrizesBeyondBudget, IdempotencyConflict.
    """
    seed = secrets.token_bytes(drawing.SEED_BYTES)
    draw = store.new_draw(wish, commitment=drawing.commitment_of(seed), now=now)
    async with db.transaction() as tx:
        room = await rooms.lock(tx, wish.room_id)
        await check_crew(tx, wish.room_id, by)
        replay = await idempotency.begin(
            tx,
            owner_id=by.account_id,
            key=idempotency_key,
            operation="open_lucky_draw",
            request=asdict(wish),
            answer=str(draw.id),
        )
        if replay:
            return await store.get(tx, UUID(replay.answer))
        rules.check_draw(wish, now=now)
        room.check_on()
        if not by.roles & RUNS_EVERY_ROOM:
            promised_minor = await store.promised_minor(tx, room.id)
            rules.check_budget(wish, promised_minor=promised_minor, budget_minor=room.prize_budget_minor)
        await rooms.check_store(tx, wish.store_id)
        sealed_seed = sealing.seal(key, draw_id=draw.id, seed=seed)
        await store.add(tx, draw, sealed_seed=sealed_seed, by=by.account_id)
        await rooms.note_promotion(
            tx, room.id, PromotionKind.DRAW, draw.id, None, by=by.account_id, now=now, is_told=True
        )
        await _happened(tx, bus, draw, EventKind.DRAW_OPENED, deed="open_lucky_draw", by=by, now=now)
    return draw


async def draw(db: Database, bus: LiveBus, *, draw_id: UUID, key: bytes, by: Principal | None, now: datetime) -> Draw:
    """Draw who wins, once, and tell the seed. Drawn already: no change. `by` None: the timetable does it.

    Fewer entries than pieces: all win, and the rest is not drawn. Raises NotFound, NotAllowed, LuckyDrawStillOpen before it
    has closed, LuckyDrawOver where it was called off, and cryptography's InvalidTag under another key than it was opened with.
    """
    async with db.transaction() as tx:
        found = await _locked(tx, draw_id, by)
        if found.state is DrawState.DRAWN:
            return found
        rules.check_due(found, now=now)
        seed = sealing.unseal(key, draw_id=draw_id, sealed=await store.sealed_seed(tx, draw_id))
        entry_ids = await store.entry_ids(tx, draw_id)
        # in a thread: a hundred thousand entries take a tenth of a second, twice
        digest = await asyncio.to_thread(drawing.digest_after, found.commitment, entry_ids)
        assert digest == found.digest, f"the entries of draw {draw_id} are not those that were made"
        numbers = await asyncio.to_thread(drawing.winning_numbers, seed, digest, entry_ids, found.pieces)
        await store.add_winners(tx, found, numbers)
        drawn = replace(found, state=DrawState.DRAWN, seed=seed, drawn_at=now)
        await store.end(tx, drawn, by=by.account_id if by else None)
        await _happened(tx, bus, drawn, EventKind.DRAWN, deed="draw_lucky_draw", by=by, now=now)
    return drawn


async def call_off(db: Database, bus: LiveBus, *, draw_id: UUID, reason: str, by: Principal, now: datetime) -> Draw:
    """Nobody wins, and everybody reads why. Called off already: no change.

    Raises BadInput, NotFound, NotAllowed, LuckyDrawOver once it is drawn.
    """
    reason = rules.check_reason(reason)
    async with db.transaction() as tx:
        found = await _locked(tx, draw_id, by)
        if found.state is DrawState.CALLED_OFF:
            return found
        rules.check_open(found)
        off = replace(found, state=DrawState.CALLED_OFF, called_off_at=now, reason=reason)
        await store.end(tx, off, by=by.account_id)
        await _happened(
            tx, bus, off, EventKind.DRAW_CALLED_OFF, deed="call_off_lucky_draw", by=by, now=now, reason=reason
        )
    return off


async def draw_due(db: Database, bus: LiveBus, *, key: bytes, now: datetime, limit: int) -> int:
    """Draw what the crews have not drawn in time, also in rooms that have ended; how many were drawn."""
    async with db.reading() as reader:
        due = await store.due(reader, now=now, limit=limit)
    drawn = 0
    for draw_id in due:
        try:
            await draw(db, bus, draw_id=draw_id, key=key, by=None, now=now)
            drawn += 1
        except Exception as error:
            # one draw's trouble must not keep the others waiting
            note_failure("lucky_draw_not_drawn", error, draw=str(draw_id))
    return drawn


async def _locked(tx: Transaction, draw_id: UUID, by: Principal | None) -> Draw:
    found = await store.lock(tx, draw_id)
    if by is not None:
        await check_crew(tx, found.room_id, by)
    return found


async def _happened(
    tx: Transaction,
    bus: LiveBus,
    what: Draw,
    kind: EventKind,
    *,
    deed: str,
    by: Principal | None,
    now: datetime,
    **facts: str,
) -> None:
    if by is not None:
        facts["title"] = what.title
        await trail.note(tx, by=by.account_id, deed=deed, subject="luckydraw", subject_id=what.id, now=now, **facts)
    # last: from here on everybody else in the room waits for this transaction
    await timeline.append(tx, bus, what.room_id, [NewEvent(kind, {"draw_id": str(what.id)})], now=now)
