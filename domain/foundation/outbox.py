"""The outbox: events kept in the same transaction as the change they tell of, then delivered at least once.

Events of one aggregate are delivered in the order they were recorded. Aggregates are spread over `LANES` lanes by
hash; one relay at a time works a lane, held by a PostgreSQL advisory lock, so the order holds however many workers
run. An event whose hearers keep failing becomes a dead letter: visible, counted, and out of the way of later events.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform
from uuid import UUID
from zlib import crc32

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.foundation import tracing
from domain.foundation.tables import id_column, metadata, moment

if TYPE_CHECKING:  # a transaction records events, and the outbox is written in transactions
    from domain.foundation.database import Database, Reader, Transaction

LANES = 8
CHANNEL = "nightmarket_outbox"
WAKE_RELAY = text(f"NOTIFY {CHANNEL}")
MOST_ATTEMPTS = 12
"""With the waits of `retry_wait` an event is tried for about 17 minutes before it is a dead letter."""

events = Table(
    "outbox_events",
    metadata,
    Column("position", BigInteger, Identity(always=True), primary_key=True),
    Column("lane", SmallInteger, nullable=False),
    Column("kind", String(80), nullable=False),
    id_column("aggregate_id"),
    Column("payload", JSONB, nullable=False),
    Column("recorded_at", DateTime(timezone=True), server_default=func.now(), nullable=False),
    Column("attempts", SmallInteger, server_default="0", nullable=False),
    moment("retry_at", nullable=True),
    moment("delivered_at", nullable=True),
    moment("dead_at", nullable=True),
    Column("last_error", Text),
    # W3C trace context of whoever recorded it, so that a trace goes on where the event is heard
    Column("traceparent", String(55)),
)
# The relay's question: what waits in my lane, oldest first? Delivered rows are not in this index.
Index(
    "outbox_events_waiting_idx",
    events.c.lane,
    events.c.position,
    postgresql_where=and_(events.c.delivered_at.is_(None), events.c.dead_at.is_(None)),
)
# The sweeper's: which delivered rows are old enough to go?
Index("outbox_events_delivered_idx", events.c.delivered_at, postgresql_where=events.c.delivered_at.isnot(None))
# The operator's: what is dead?
Index("outbox_events_dead_idx", events.c.dead_at, postgresql_where=events.c.dead_at.isnot(None))


class Event:
    """Something that has happened. Subclasses are frozen dataclasses of ids, numbers and moments, never rows."""

    kind: ClassVar[str]
    aggregate: ClassVar[str]
    """The name of the field that holds the aggregate's id: events of one aggregate keep their order."""


E = TypeVar("E", bound=Event)
_kinds: dict[str, type[Event]] = {}
_adapters: dict[type[Event], TypeAdapter[Any]] = {}


@dataclass_transform(frozen_default=True)
def event(kind: str, *, aggregate: str) -> Callable[[type[E]], type[E]]:
    """Class decorator: a frozen dataclass that may be recorded, known by `kind` (like "order.paid") for ever."""

    def decorate(cls: type[E]) -> type[E]:
        made = dataclass(frozen=True)(cls)
        if kind in _kinds:
            raise ValueError(f"two events are called {kind!r}")
        if aggregate not in {field.name for field in fields(made)}:  # type: ignore[arg-type]
            raise ValueError(f"{cls.__name__} has no field {aggregate!r}")
        made.kind, made.aggregate = kind, aggregate
        _kinds[kind] = made
        _adapters[made] = TypeAdapter(made)
        return made

    return decorate


def lane_of(aggregate_id: UUID) -> int:
    """The lane of an aggregate: the same for ever, in every process."""
    return crc32(aggregate_id.bytes) % LANES


def row_of(event: Event) -> dict[str, Any]:
    """The row that keeps an event."""
    aggregate_id = getattr(event, event.aggregate)
    return {
        "lane": lane_of(aggregate_id),
        "kind": event.kind,
        "aggregate_id": aggregate_id,
        "payload": _adapters[type(event)].dump_python(event, mode="json"),
        "traceparent": tracing.traceparent(),
    }


def kind_of(kind: str) -> type[Event]:
    """The class of the events of a kind. Raises KeyError for one this code does not know."""
    return _kinds[kind]


def event_of(kind: str, payload: dict[str, Any]) -> Event:
    """The event that was kept. Raises KeyError for a kind this code does not know, ValidationError for a bad payload."""
    event: Event = _adapters[_kinds[kind]].validate_python(payload)
    return event


@dataclass(frozen=True)
class Letter:
    """A kept event on its way to its hearers."""

    position: int
    kind: str
    aggregate_id: UUID
    payload: dict[str, Any]
    attempts: int
    traceparent: str | None = None


def retry_wait(attempts: int) -> timedelta:
    """How long to wait after the n-th failure: 0.5 s doubling to at most 10 minutes."""
    return timedelta(seconds=min(0.5 * 2 ** (attempts - 1), 600))


async def waiting(db: "Reader", *, lane: int, now: datetime, limit: int) -> list[Letter]:
    """The next letters of a lane, in order; an aggregate whose first letter waits for a retry is left out whole."""
    earlier = events.alias()
    is_blocked = (
        select(1)
        .where(
            earlier.c.lane == lane,
            earlier.c.aggregate_id == events.c.aggregate_id,
            earlier.c.delivered_at.is_(None),
            earlier.c.dead_at.is_(None),
            earlier.c.retry_at > now,
        )
        .exists()
    )
    rows = await db.rows(
        select(
            events.c.position,
            events.c.kind,
            events.c.aggregate_id,
            events.c.payload,
            events.c.attempts,
            events.c.traceparent,
        )
        .where(events.c.lane == lane, events.c.delivered_at.is_(None), events.c.dead_at.is_(None), ~is_blocked)
        .order_by(events.c.position)
        .limit(limit)
    )
    return [Letter(*row) for row in rows]


async def mark_delivered(tx: "Transaction", *, positions: Sequence[int], now: datetime) -> None:
    """These letters have been heard by everyone."""
    await tx.execute(update(events).where(events.c.position == func.any(list(positions))).values(delivered_at=now))


async def mark_failed(tx: "Transaction", letter: Letter, *, error: str, now: datetime) -> bool:
    """Count a failure and set the next try; gives back whether the letter is dead now."""
    attempts = letter.attempts + 1
    is_dead = attempts >= MOST_ATTEMPTS
    await tx.execute(
        update(events)
        .where(events.c.position == letter.position)
        .values(
            attempts=attempts,
            last_error=error[:4000],
            retry_at=None if is_dead else now + retry_wait(attempts),
            dead_at=now if is_dead else None,
        )
    )
    return is_dead


async def revive_dead(tx: "Transaction") -> int:
    """Give every dead letter a fresh start; for the operator who has mended the cause. How many there were."""
    return await tx.execute(
        update(events).where(events.c.dead_at.isnot(None)).values(dead_at=None, attempts=0, retry_at=None)
    )


async def forget_delivered(tx: "Transaction", *, before: datetime, limit: int = 10_000) -> int:
    """Delete old delivered letters, a bounded number at a time; how many went."""
    old = select(events.c.position).where(events.c.delivered_at < before).limit(limit)
    return await tx.execute(delete(events).where(events.c.position.in_(old)))


@dataclass(frozen=True)
class Backlog:
    """How the outbox stands."""

    waiting: int
    retrying: int
    dead: int


async def backlog(db: "Database") -> Backlog:
    """Letters that wait, that have failed at least once, and that are dead."""
    # two questions, each of an index of its own: together they would read every letter of the week
    dead = select(func.count()).where(events.c.dead_at.isnot(None)).correlate(None).scalar_subquery()
    row = await db.one(
        select(func.count(), func.count().filter(events.c.attempts > 0), dead).where(
            events.c.delivered_at.is_(None), events.c.dead_at.is_(None)
        )
    )
    assert row is not None
    return Backlog(*row)
