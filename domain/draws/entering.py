"""Entering a draw: the wishes of one tick are one transaction, so that thousands enter within seconds, each with a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_bytes
from uuid import UUID

from domain.draws import drawing, rules, store
from domain.draws.rules import Entry
from domain.foundation.database import Database
from domain.foundation.errors import Refusal
from domain.foundation.together import Together

AT_ONCE = 500
"""Wishes of one transaction, at most."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wants to enter, at a moment."""

    shopper_id: UUID
    now: datetime


class EntryDesk:
    """Where a process takes entries. Belongs to one event loop."""

    def __init__(self, db: Database) -> None:
        self._db = db
        # one at a time: the second would only wait for the draw's row
        self._together = Together(self._enter, at_most=AT_ONCE, in_flight=1)

    async def enter(self, *, draw_id: UUID, shopper_id: UUID, now: datetime) -> Entry:
        """The shopper's entry; who has one is given it again, whenever.

        Raises NotFound, LuckyDrawClosed, CrewDoesNotEnter, BannedFromRoom, OnlyForBuyers.
        """
        answer = await self._together.ask(draw_id, Wish(shopper_id, now))
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def _enter(self, draw_id: UUID, wishes: list[Wish]) -> Sequence[Entry | Refusal]:
        return await enter(self._db, draw_id=draw_id, wishes=wishes)


async def enter(db: Database, *, draw_id: UUID, wishes: Sequence[Wish]) -> Sequence[Entry | Refusal]:
    """An entry for each wish, or why there is none, in their order; numbers go on without gaps. Raises NotFound."""
    async with db.transaction() as tx:
        draw = await store.lock(tx, draw_id)
        standings = await store.standings(tx, draw, list({wish.shopper_id for wish in wishes}))
        new: dict[UUID, Entry] = {}
        answers: list[Entry | Refusal] = []
        for wish in wishes:
            standing = standings[wish.shopper_id]
            answer = standing.entry or new.get(wish.shopper_id) or rules.why_not(draw, standing, now=wish.now)
            if answer is None:
                # random, and made here: nobody chooses how lucky it is
                answer = new[wish.shopper_id] = Entry(
                    draw_id, draw.entrants + len(new) + 1, UUID(bytes=token_bytes(16))
                )
            answers.append(answer)
        if new:
            digest = drawing.digest_after(draw.digest, (entry.id for entry in new.values()))
            await store.add_entries(tx, draw, new, digest=digest, now=max(wish.now for wish in wishes))
    return answers
