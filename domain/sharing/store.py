"""How links and visits are written and counted: the only SQL that changes them, with that of `attributing`."""

from collections.abc import Collection
from dataclasses import astuple
from datetime import datetime
from secrets import randbelow
from uuid import UUID

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert

from domain.accounts.tables import accounts
from domain.foundation.database import AnyRow, Transaction
from domain.foundation.ids import new_id
from domain.foundation.locks import SHARE_CIRCLES, SHARE_SHOPPERS, SHARE_VISITORS
from domain.sharing.rules import CLOCKS_DIFFER, SHARDS, LastShare, Link, Opening, Outcome, TargetKind, Visit
from domain.sharing.tables import links, visits

_l, _v = links.c, visits.c
COLUMNS = (
    _l.id, _l.token, _l.sharer_id, _l.target_kind, _l.target_id, _l.channel, _l.campaign, _l.created_at,
)  # fmt: skip
_SAME = (_l.sharer_id, _l.target_kind, _l.target_id, _l.channel, _l.campaign)
_BY_TOKEN = (
    select(*COLUMNS, accounts.c.display_name)
    .join(accounts, accounts.c.id == _l.sharer_id)
    .where(_l.token == bindparam("token"))
)


# In this order everywhere, and in statements of their own: the next one sees what whoever had the lock before has done.
_LOCK = text(f"""
    SELECT pg_advisory_xact_lock({SHARE_VISITORS}, hashtext(:visitor)),
           pg_advisory_xact_lock({SHARE_SHOPPERS}, hashtext(:shopper))
""")
_LOCK_CIRCLES = text(f"SELECT pg_advisory_xact_lock({SHARE_CIRCLES})")

_LAST = """
    SELECT link.sharer_id, visit.counts_until
    FROM share_visits AS visit JOIN share_links AS link ON link.id = visit.link_id
    WHERE visit.shopper_id = {shopper} AND visit.outcome = 'counted'
    ORDER BY visit.last_opened_at DESC, visit.id DESC LIMIT 1
"""
_LOOK = text(f"""
    SELECT seen.id, seen.outcome, last.sharer_id, last.counts_until
    FROM (SELECT 1) AS always
    LEFT JOIN LATERAL (
      SELECT id, outcome FROM share_visits WHERE link_id = :link_id AND shopper_id = :shopper_id
      UNION ALL
      SELECT id, outcome FROM share_visits
      WHERE link_id = :link_id AND visitor = :visitor AND shopper_id IS NULL AND counts_until > :at
      ORDER BY outcome NULLS LAST LIMIT 1
    ) AS seen ON true
    LEFT JOIN LATERAL ({_LAST.format(shopper=":shopper_id")}) AS last ON true
""")  # noqa: S608 - made of this module's own text
# UNION, not UNION ALL: whoever was met before is not followed again
_CIRCLES = text(f"""
    WITH RECURSIVE chain AS (
      SELECT start, start AS person FROM unnest(CAST(:sharers AS uuid[])) AS start
      UNION
      SELECT chain.start, last.sharer_id FROM chain CROSS JOIN LATERAL ({_LAST.format(shopper="chain.person")}) AS last
      WHERE chain.person <> :shopper_id AND last.counts_until > :now
    )
    SELECT start FROM chain WHERE person = :shopper_id
""")  # noqa: S608 - made of this module's own text
_WAITING = text("""
    SELECT visit.id, visit.link_id, link.sharer_id, visit.last_opened_at, visit.counts_until,
           known.id AS known_id, known.outcome AS known_outcome
    FROM share_visits AS visit
    JOIN share_links AS link ON link.id = visit.link_id
    LEFT JOIN share_visits AS known ON known.link_id = visit.link_id AND known.shopper_id = :shopper_id
    WHERE visit.visitor = :visitor AND visit.shopper_id IS NULL AND visit.opened_at <= :at AND visit.counts_until > :at
    ORDER BY visit.last_opened_at DESC LIMIT :limit
""")

_COUNT = """
    ON CONFLICT (link_id, shard) DO UPDATE
    SET opened = share_counts.opened + excluded.opened, signed_in = share_counts.signed_in + excluded.signed_in
"""
_ADD = text(f"""
    WITH visit AS (
      INSERT INTO share_visits (id, link_id, visitor, shopper_id, outcome, opened_at, last_opened_at, counts_until, known_at)
      VALUES (:id, :link_id, :visitor, :shopper_id, :outcome, :at, :at, :counts_until, :known_at)
      ON CONFLICT (link_id, visitor, shopper_id) DO UPDATE
      SET last_opened_at = GREATEST(share_visits.last_opened_at, excluded.last_opened_at),
          counts_until = GREATEST(share_visits.counts_until, excluded.counts_until)
      RETURNING id
    )
    INSERT INTO share_counts (link_id, shard, opened, signed_in)
    SELECT :link_id, :shard, 1, :signed_in FROM visit WHERE id = :id
    {_COUNT}
""")  # noqa: S608 - made of this module's own text
_KNOW = text(f"""
    WITH visit AS (
      UPDATE share_visits
      SET shopper_id = :shopper_id, outcome = :outcome, known_at = COALESCE(known_at, :known_at),
          opened_at = CASE WHEN outcome = 'circular' AND :signed_in = 1 THEN :at ELSE opened_at END,
          last_opened_at = GREATEST(last_opened_at, :at), counts_until = GREATEST(counts_until, :counts_until)
      WHERE id = :id
      RETURNING link_id
    )
    INSERT INTO share_counts (link_id, shard, opened, signed_in)
    SELECT link_id, :shard, 0, 1 FROM visit WHERE :signed_in = 1
    {_COUNT}
""")  # noqa: S608 - made of this module's own text
# Their counts stand in a row of their own, for which no opening and no order waits.
_FORGET = text(f"""
    WITH gone AS (
      DELETE FROM share_visits WHERE id IN (
        SELECT id FROM share_visits WHERE shopper_id IS NULL AND counts_until < :before
        ORDER BY counts_until LIMIT :limit FOR UPDATE SKIP LOCKED)
      RETURNING link_id
    ), counted AS (
      INSERT INTO share_counts (link_id, shard, forgotten)
      SELECT link_id, {SHARDS}, count(*) FROM gone GROUP BY link_id ORDER BY link_id
      ON CONFLICT (link_id, shard) DO UPDATE SET forgotten = share_counts.forgotten + excluded.forgotten
    )
    SELECT count(*) FROM gone
""")  # noqa: S608 - made of this module's own text


def link_of(row: AnyRow) -> Link:
    """The link of a row that begins with COLUMNS."""
    id, token, sharer_id, kind, target_id, channel, campaign, created_at = row[: len(COLUMNS)]
    return Link(id, token, sharer_id, TargetKind(kind), target_id, channel, campaign, created_at)


async def add_link(tx: Transaction, link: Link) -> Link:
    """Keep a new link; where its sharer has the same one already, that one. Of two at once the first is kept."""
    row = dict(zip((column.name for column in COLUMNS), astuple(link), strict=True))
    if await tx.execute(insert(links).values(row).on_conflict_do_nothing(index_elements=_SAME)):
        return link
    kept = await tx.one(select(*COLUMNS).where(*(column == row[column.name] for column in _SAME)))
    assert kept is not None
    return link_of(kept)


async def link_by_token(tx: Transaction, token: str) -> tuple[Link, str] | None:
    """The link of a token, and what its sharer is called."""
    row = await tx.one(_BY_TOKEN, {"token": token})
    return None if row is None else (link_of(row), row.display_name)


async def lock(tx: Transaction, *, visitor: str, shopper_id: UUID) -> None:
    """What this shopper opens, and what is opened by people signed in on this device, waits until the transaction ends."""
    await tx.value(_LOCK, {"visitor": visitor, "shopper": shopper_id.hex})


async def look(tx: Transaction, opening: Opening, shopper_id: UUID) -> tuple[Visit | None, LastShare | None]:
    """The visit that an opening goes on with, the shopper's own or one that waits for them; and whose share counts now."""
    facts = {"link_id": opening.link_id, "visitor": opening.visitor, "shopper_id": shopper_id, "at": opening.at}
    row = await tx.one(_LOOK, facts)
    assert row is not None
    return _visit(row.id, row.outcome), LastShare(row.sharer_id, row.counts_until) if row.sharer_id else None


async def waiting(
    tx: Transaction, *, visitor: str, shopper_id: UUID, at: datetime, limit: int
) -> list[tuple[Visit, Opening, Visit | None]]:
    """What was opened on a device before this moment by nobody known and still counts, the last first.

    Each with its last opening, and with the visit of the same link that is known to be the shopper's.
    """
    facts = {"visitor": visitor, "shopper_id": shopper_id, "at": at, "limit": limit}
    return [
        (
            Visit(row.id),
            Opening(row.link_id, row.sharer_id, visitor, row.last_opened_at, row.counts_until),
            _visit(row.known_id, row.known_outcome),
        )
        for row in await tx.rows(_WAITING, facts)
    ]


async def circles(tx: Transaction, sharers: Collection[UUID], shopper_id: UUID, *, now: datetime) -> frozenset[UUID]:
    """Which of these sharers a chain of shares that count leads from to the shopper; the chains stay as they are until the
    transaction ends.
    """
    await tx.value(_LOCK_CIRCLES)
    facts = {"sharers": list(sharers), "shopper_id": shopper_id, "now": now - CLOCKS_DIFFER}
    return frozenset(await tx.column(_CIRCLES, facts))


async def add_visit(
    tx: Transaction, opening: Opening, *, shopper_id: UUID | None = None, outcome: Outcome | None = None, now: datetime
) -> None:
    """Keep a visit and count it; one that is kept already was opened again, which is not counted."""
    known = {"shopper_id": shopper_id, "outcome": outcome, "known_at": None if shopper_id is None else now}
    await tx.execute(
        _ADD,
        {"id": new_id(), "link_id": opening.link_id, "visitor": opening.visitor}
        | _moments(opening)
        | known
        | _counted(outcome is Outcome.COUNTED),
    )


async def know(
    tx: Transaction, visit: Visit, opening: Opening, *, shopper_id: UUID, outcome: Outcome, now: datetime
) -> None:
    """Note that a visit is the shopper's, or was opened by them again; counted once, when it begins to count."""
    begins = outcome is Outcome.COUNTED and visit.outcome is not Outcome.COUNTED
    known = {"id": visit.id, "shopper_id": shopper_id, "outcome": outcome, "known_at": now}
    await tx.execute(_KNOW, known | _moments(opening) | _counted(begins))


async def let_go(tx: Transaction, visit: Visit) -> None:
    """Have a visit wait for nobody any more: what it told was noted with another one."""
    await tx.execute(update(visits).where(_v.id == visit.id).values(counts_until=_v.last_opened_at))


async def forget(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Delete visits of nobody known that ceased to count before this moment, a bounded number; how many. Figures stay."""
    gone: int = await tx.value(_FORGET, {"before": before, "limit": limit})
    return gone


def _visit(id: UUID | None, outcome: str | None) -> Visit | None:
    return None if id is None else Visit(id, None if outcome is None else Outcome(outcome))


def _moments(opening: Opening) -> dict[str, datetime]:
    return {"at": opening.at, "counts_until": opening.counts_until}


def _counted(begins: bool) -> dict[str, int]:
    return {"shard": randbelow(SHARDS), "signed_in": int(begins)}
