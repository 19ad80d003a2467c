"""How draws change: the only SQL that writes draws, entries and winners.

Lock order: the draw, then its room. Whatever changes in a draw changes under its row's lock.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, text, update

from domain.draws.drawing import pieces_in_order
from domain.draws.rules import (
    DRAWN_WITHIN,
    Draw,
    DrawState,
    Entry,
    NewDraw,
    OpenTo,
    Prize,
    Standing,
    Won,
)
from domain.draws.tables import draws, entries, prizes, winners
from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.orders.rules import OrderState

d, e, p, w = draws.c, entries.c, prizes.c, winners.c
DRAW_COLUMNS = (
    d.id, d.room_id, d.title, d.open_to, d.store_id, d.opened_at, d.closes_at, d.draw_by, d.prizes_until, d.commitment,
    d.state, d.entrants, d.digest, d.seed, d.drawn_at, d.called_off_at, d.reason,
)  # fmt: skip
WON = (
    select(
        w.id, w.draw_id, w.shopper_id, w.rank, w.number, w.store_id, w.code, w.handed_over_at,
        p.name, p.value_minor, p.pieces, d.title, d.drawn_at, d.prizes_until,
    )
    .join_from(winners, draws, d.id == w.draw_id)
    .join(prizes, (p.draw_id == w.draw_id) & (p.position == w.prize))
)  # fmt: skip

# Who has paid in the room and has had all of it back is no buyer.
_STANDINGS = text("""
    SELECT asker.id AS shopper_id, entry.number, entry.id,
           asker.id = :opened_by OR EXISTS (
             SELECT FROM live_room_crew WHERE room_id = :room_id AND account_id = asker.id) AS is_crew,
           EXISTS (SELECT FROM room_silences WHERE room_id = :room_id AND account_id = asker.id AND kind = 'ban') AS is_banned,
           :for_buyers AND EXISTS (
             SELECT FROM live_room_orders AS sold JOIN orders ON orders.id = sold.order_id
             WHERE sold.room_id = :room_id AND sold.shopper_id = asker.id AND orders.state = ANY(:kept)) AS has_paid
    FROM unnest(CAST(:shopper_ids AS uuid[])) AS asker (id)
    LEFT JOIN lucky_draw_entries AS entry ON entry.draw_id = :draw_id AND entry.shopper_id = asker.id
""")
_KEPT = [OrderState.PAID.value, OrderState.SHIPPED.value, OrderState.RECEIVED.value]
_ADD_ENTRIES = text("""
    INSERT INTO lucky_draw_entries (draw_id, number, id, shopper_id, entered_at)
    SELECT :draw_id, number, id, shopper_id, :now
    FROM unnest(CAST(:numbers AS int[]), CAST(:ids AS uuid[]), CAST(:shopper_ids AS uuid[])) AS new (number, id, shopper_id)
""")
_ADD_WINNERS = text("""
    INSERT INTO lucky_draw_winners (id, draw_id, rank, number, shopper_id, prize, store_id, code)
    SELECT won.id, entry.draw_id, rank, won.number, entry.shopper_id, prize, :store_id, code
    FROM unnest(CAST(:ids AS uuid[]), CAST(:ranks AS smallint[]), CAST(:numbers AS int[]), CAST(:prizes AS smallint[]),
                CAST(:codes AS text[])) AS won (id, rank, number, prize, code)
    JOIN lucky_draw_entries AS entry ON entry.draw_id = :draw_id AND entry.number = won.number
""")


async def promised_minor(tx: Transaction, room_id: UUID) -> int:
    """What all prizes of a locked room's draws are worth together, but of those that were called off; minor units."""
    worth = func.coalesce(func.sum(p.value_minor * p.pieces), 0)
    promised = select(worth).join_from(prizes, draws, d.id == p.draw_id)
    return int(await tx.value(promised.where(d.room_id == room_id, d.state != DrawState.CALLED_OFF)))


async def add(tx: Transaction, draw: Draw, *, sealed_seed: bytes, by: UUID) -> None:
    """Keep a new draw with its prizes."""
    kept = {column.name: getattr(draw, column.name) for column in DRAW_COLUMNS}
    await tx.execute(insert(draws).values(**kept, pieces=draw.pieces, sealed_seed=sealed_seed, opened_by=by))
    rows = [{"draw_id": draw.id, "position": at, **asdict(prize)} for at, prize in enumerate(draw.prizes, 1)]
    await tx.execute(insert(prizes).values(rows))  # in one statement: the table takes them only together


async def get(reader: Reader, draw_id: UUID) -> Draw:
    """The draw. Raises NotFound."""
    return await _draw(reader, draw_id, select(*DRAW_COLUMNS).where(d.id == draw_id))


async def lock(tx: Transaction, draw_id: UUID) -> Draw:
    """The draw, locked until the transaction ends. Raises NotFound."""
    return await _draw(tx, draw_id, select(*DRAW_COLUMNS).where(d.id == draw_id).with_for_update(key_share=True))


async def prizes_of(reader: Reader, draw_ids: Sequence[UUID]) -> Mapping[UUID, tuple[Prize, ...]]:
    """The prizes of each draw, in their order."""
    found = select(p.draw_id, p.name, p.value_minor, p.pieces).where(p.draw_id == func.any(list(draw_ids)))
    of_draw: dict[UUID, list[Prize]] = {draw_id: [] for draw_id in draw_ids}
    for row in await reader.rows(found.order_by(p.draw_id, p.position)):
        of_draw[row.draw_id].append(Prize(row.name, row.value_minor, row.pieces))
    return {draw_id: tuple(of_it) for draw_id, of_it in of_draw.items()}


async def sealed_seed(tx: Transaction, draw_id: UUID) -> bytes:
    """The seed as it is kept."""
    found: bytes = await tx.value(select(d.sealed_seed).where(d.id == draw_id))
    return found


async def standings(tx: Transaction, draw: Draw, shopper_ids: Sequence[UUID]) -> Mapping[UUID, Standing]:
    """What it depends on whether each of these may enter a locked draw."""
    asked = {
        "draw_id": draw.id,
        "room_id": draw.room_id,
        "for_buyers": draw.open_to is OpenTo.BUYERS,
        "kept": _KEPT,
        "opened_by": await tx.value(select(d.opened_by).where(d.id == draw.id)),
        "shopper_ids": list(shopper_ids),
    }
    return {
        row.shopper_id: Standing(
            None if row.number is None else Entry(draw.id, row.number, row.id),
            row.is_crew,
            row.is_banned,
            row.has_paid,
        )
        for row in await tx.rows(_STANDINGS, asked)
    }


async def add_entries(tx: Transaction, draw: Draw, new: Mapping[UUID, Entry], *, digest: bytes, now: datetime) -> None:
    """Append entries, by shopper, to a locked draw; `digest` is that of its list with them."""
    listed = list(new.values())
    added = {
        "draw_id": draw.id,
        "numbers": [entry.number for entry in listed],
        "ids": [entry.id for entry in listed],
        "shopper_ids": list(new),
        "now": now,
    }
    await tx.execute(_ADD_ENTRIES, added)
    await tx.execute(update(draws).where(d.id == draw.id).values(entrants=d.entrants + len(new), digest=digest))


async def entry_ids(tx: Transaction, draw_id: UUID) -> Sequence[UUID]:
    """The ids of all entries, by number."""
    found: Sequence[UUID] = await tx.column(select(e.id).where(e.draw_id == draw_id).order_by(e.number))
    return found


async def add_winners(tx: Transaction, draw: Draw, numbers: Sequence[int]) -> None:
    """Keep who has won, in the order of ranks, each with a code of their own."""
    ranks = range(1, len(numbers) + 1)
    added = {
        "draw_id": draw.id,
        "store_id": draw.store_id,
        "ids": [new_id() for _ in ranks],
        "ranks": list(ranks),
        "numbers": list(numbers),
        "prizes": [position for position, _ in zip(pieces_in_order(draw.prizes), ranks, strict=False)],
        # one that its store has given before fails the drawing, which is then done again
        "codes": [f"{secrets.randbelow(10**10):010d}" for _ in ranks],
    }
    await tx.execute(_ADD_WINNERS, added)


async def end(tx: Transaction, draw: Draw, *, by: UUID | None) -> None:
    """A locked draw is drawn or called off from now on."""
    values: dict[str, object]
    if draw.state is DrawState.DRAWN:
        values = {"seed": draw.seed, "drawn_at": draw.drawn_at, "drawn_by": by}
    else:
        values = {"called_off_at": draw.called_off_at, "called_off_by": by, "reason": draw.reason}
    await tx.execute(update(draws).where(d.id == draw.id).values(state=draw.state.value, **values))


async def due(reader: Reader, *, now: datetime, limit: int) -> Sequence[UUID]:
    """Draws that the crew has not drawn in time, the longest waiting first."""
    waiting = select(d.id).where(text("state = 'open'"), d.draw_by <= now).order_by(d.draw_by).limit(limit)
    found: Sequence[UUID] = await reader.column(waiting)
    return found


async def lock_won(tx: Transaction, *, store_id: UUID, code: str) -> Won | None:
    """The prize that this code collects in this store, locked; None when there is none."""
    row = await tx.one(WON.where(w.store_id == store_id, w.code == code).with_for_update(of=winners))
    return won_of(row) if row is not None else None


async def hand_over(tx: Transaction, won_id: UUID, *, by: UUID, now: datetime) -> None:
    """A locked prize was handed over."""
    await tx.execute(update(winners).where(w.id == won_id).values(handed_over_at=now, handed_over_by=by))


def new_draw(wish: NewDraw, *, commitment: bytes, now: datetime) -> Draw:
    """The draw that a wish becomes."""
    return Draw(
        id=new_id(),
        room_id=wish.room_id,
        title=wish.title.strip(),
        open_to=wish.open_to,
        prizes=tuple(Prize(prize.name.strip(), prize.value_minor, prize.pieces) for prize in wish.prizes),
        store_id=wish.store_id,
        opened_at=now,
        closes_at=wish.closes_at,
        draw_by=wish.closes_at + DRAWN_WITHIN,
        prizes_until=wish.prizes_until,
        commitment=commitment,
        state=DrawState.OPEN,
        entrants=0,
        digest=commitment,
    )


def draw_of(row: AnyRow, of_it: tuple[Prize, ...]) -> Draw:
    """A draw out of a row of `DRAW_COLUMNS`."""
    known = {**row._mapping, "open_to": OpenTo(row.open_to), "state": DrawState(row.state)}
    return Draw(**known, prizes=of_it)


def won_of(row: AnyRow) -> Won:
    """A prize that was won, out of a row of `WON`."""
    return Won(
        id=row.id,
        draw_id=row.draw_id,
        draw_title=row.title,
        shopper_id=row.shopper_id,
        rank=row.rank,
        number=row.number,
        prize=Prize(row.name, row.value_minor, row.pieces),
        store_id=row.store_id,
        code=row.code,
        won_at=row.drawn_at,
        prizes_until=row.prizes_until,
        handed_over_at=row.handed_over_at,
    )


async def _draw(reader: Reader, draw_id: UUID, query: Select[Any]) -> Draw:
    row = await reader.one(query)
    if row is None:
        raise NotFound.of("luckydraw", draw_id)
    return draw_of(row, (await prizes_of(reader, [draw_id]))[draw_id])
