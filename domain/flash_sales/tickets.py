"""Tickets, wherever they are: decided in the ledger, or still in the gate."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from redis.exceptions import RedisClusterException, RedisError

from domain.flash_sales import gate as gates
from domain.flash_sales import queries
from domain.flash_sales.rules import FlashSaleBusy, TicketState
from domain.foundation.database import Database
from domain.foundation.ids import lane_of
from domain.foundation.redis import Gate

POLL_AFTER_MS = 1_000
"""How often a shopper asks after a ticket that may change soon."""
_POLL_WHEN_RESERVED_MS = 3_000
_FINAL = frozenset({TicketState.PAID, TicketState.REFUSED, TicketState.LAPSED, TicketState.ENDED})


@dataclass(frozen=True)
class Ticket:
    """Where a claim stands; `position` counts itself, and only a ticket in the gate has one."""

    id: UUID
    item_id: UUID
    shopper_id: UUID
    quantity: int
    state: TicketState
    position: int | None = None
    order_id: UUID | None = None
    pay_by: datetime | None = None

    @property
    def poll_after_ms(self) -> int | None:
        """Milliseconds until it is worth asking again; None when nothing can change any more."""
        if self.state in _FINAL:
            return None
        return POLL_AFTER_MS if self.position is not None else _POLL_WHEN_RESERVED_MS


async def find(db: Database, gate: Gate, *, ticket_id: UUID) -> Ticket | None:
    """The ticket; None when neither ledger nor gate knows it (its queue was lost: the shopper claims again).

    Raises FlashSaleBusy when the gate does not answer and the ledger knows nothing.
    """
    (found,) = await find_many(db, gate, ticket_ids=[ticket_id])
    if isinstance(found, FlashSaleBusy):
        raise found
    return found


async def find_many(
    db: Database, gate: Gate, *, ticket_ids: Sequence[UUID], item_ids: dict[int, UUID] | None = None
) -> list[Ticket | FlashSaleBusy | None]:
    """As `find`, for many: one round to the gate and, for those that may be decided, one statement.

    `item_ids` remembers the items of item numbers, which never change, from one call to the next.

    The gate is asked first. A ticket that is still in line there is answered from there; the ledger has the last word
    on all others, and is asked second, so that a ticket on its way from one to the other is not missed.
    """
    is_reachable = True
    standings: Sequence[gates.Standing | None] = [None] * len(ticket_ids)
    try:
        standings = await gates.standings(gate, ticket_ids)
    except (RedisError, RedisClusterException, OSError):
        is_reachable = False
    in_line = {id: standing for id, standing in zip(ticket_ids, standings, strict=True) if _is_in_line(standing)}
    others = [id for id in ticket_ids if id not in in_line]
    decided = await queries.tickets_by_ids(db, others) if others else {}
    items = await _item_ids(
        db,
        [id for id, standing in zip(ticket_ids, standings, strict=True) if standing and id not in decided],
        {} if item_ids is None else item_ids,
    )
    answers: list[Ticket | FlashSaleBusy | None] = []
    for id, standing in zip(ticket_ids, standings, strict=True):
        if id in decided:
            answers.append(_of_ledger(decided[id]))
        elif standing is not None:
            answers.append(_of_gate(id, items[lane_of(id) >> 8], standing))
        else:
            answers.append(None if is_reachable else FlashSaleBusy(retry_after_ms=POLL_AFTER_MS))
    return answers


def _is_in_line(standing: gates.Standing | None) -> bool:
    return standing is not None and standing.position > 0 and standing.state is not TicketState.ENDED


def _of_ledger(decided: queries.Ticket) -> Ticket:
    return Ticket(
        decided.id,
        decided.item_id,
        decided.shopper_id,
        decided.quantity,
        decided.state,
        order_id=decided.order_id,
        pay_by=decided.pay_by,
    )


def _of_gate(ticket_id: UUID, item_id: UUID, standing: gates.Standing) -> Ticket:
    position = None if standing.state is TicketState.ENDED else standing.position
    return Ticket(ticket_id, item_id, standing.shopper_id, standing.quantity, standing.state, position)


async def _item_ids(db: Database, ticket_ids: Sequence[UUID], known: dict[int, UUID]) -> dict[int, UUID]:
    """The items of these tickets by their numbers, asked for only where they are not known yet."""
    missing = {lane_of(ticket_id) >> 8 for ticket_id in ticket_ids} - known.keys()
    if missing:
        known |= await queries.item_ids_by_numbers(db, list(missing))
    return known


class TicketDesk:
    """Answers polls: those that come while one look is under way share the next. One per process and event loop."""

    def __init__(self, db: Database, gate: Gate) -> None:
        self._db = db
        self._gate = gate
        self._asked: dict[UUID, asyncio.Future[Ticket | FlashSaleBusy | None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._item_ids: dict[int, UUID] = {}

    async def find(self, ticket_id: UUID) -> Ticket | None:
        """As `find`."""
        answer = self._asked.get(ticket_id)
        if answer is None:
            answer = self._asked[ticket_id] = asyncio.get_running_loop().create_future()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        # one shopper who goes away must not cancel the answer of another tab of theirs
        found = await asyncio.shield(answer)
        if isinstance(found, FlashSaleBusy):
            raise found
        return found

    async def find_many(self, ticket_ids: Sequence[UUID]) -> list[Ticket | FlashSaleBusy | None]:
        """As the function of that name."""
        return await find_many(self._db, self._gate, ticket_ids=ticket_ids, item_ids=self._item_ids)

    async def _look(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                try:
                    found = await self.find_many(list(asked))
                except Exception as error:
                    for answer in asked.values():
                        answer.set_exception(error)
                    continue
                for answer, ticket in zip(asked.values(), found, strict=True):
                    answer.set_result(ticket)
        finally:
            self._looking = None
