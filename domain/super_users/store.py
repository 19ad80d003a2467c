"""How super users come and go, many in one statement, and how rules, milestones, polls and votes are kept."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.foundation.database import Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.foundation.locks import SUPER_USERS
from domain.products.tables import products
from domain.super_users.rules import MILESTONES, Criteria, Milestone, NewPoll, Poll
from domain.super_users.tables import milestones, options, polls, rules, super_users, votes

r, s, p, o, v = rules.c, super_users.c, polls.c, options.c, votes.c

# Who meets the criteria: found from the most valuable customer down, so it costs what super users are, not what customers are.
_FITTING = """
    fitting AS (
        SELECT account_id, value_minor, recent_orders AS orders, referred, last_day FROM customers
        WHERE value_minor >= :value_minor AND recent_orders >= :orders AND referred >= :referred AND last_day >= :since_day
          AND (NOT CAST(:are_members AS boolean) OR EXISTS (
            SELECT FROM memberships
            WHERE memberships.account_id = customers.account_id AND ended_at IS NULL AND began_at <= :now
              AND coalesce(grace_until, ends_at) > :now
          ))
    )
"""
_FACTS = "jsonb_build_object('value_minor', value_minor, 'orders', orders, 'referred', referred, 'last_day', last_day)"
_COME = text(f"""
    WITH {_FITTING}, new AS (
        SELECT * FROM fitting WHERE NOT EXISTS (SELECT FROM super_users WHERE super_users.account_id = fitting.account_id)
        ORDER BY account_id LIMIT :limit
    ), made AS (
        INSERT INTO super_users (account_id, since, version) SELECT account_id, :now, :version FROM new
    )
    INSERT INTO super_user_moves (account_id, has_become, version, facts, moved_at)
    SELECT account_id, true, :version, {_FACTS}, :now FROM new ORDER BY account_id
    RETURNING account_id
""")  # noqa: S608 - made of this module's own text
_GO = text(f"""
    WITH {_FITTING}, gone AS (
        DELETE FROM super_users WHERE account_id IN (
            SELECT account_id FROM super_users
            WHERE NOT EXISTS (SELECT FROM fitting WHERE fitting.account_id = super_users.account_id)
            ORDER BY account_id LIMIT :limit
        )
        RETURNING account_id
    ), known AS (
        SELECT gone.account_id, value_minor, recent_orders AS orders, referred, last_day
        FROM gone LEFT JOIN customers ON customers.account_id = gone.account_id
    )
    INSERT INTO super_user_moves (account_id, has_become, version, facts, moved_at)
    SELECT account_id, false, :version, {_FACTS}, :now FROM known ORDER BY account_id
    RETURNING account_id
""")  # noqa: S608 - made of this module's own text


async def lock(tx: Transaction) -> None:
    """Nobody else makes super users, or their rules, until the transaction ends."""
    await tx.value(select(func.pg_advisory_xact_lock(SUPER_USERS)))


async def criteria(reader: Reader) -> Criteria:
    """The newest version; the one that nobody has set where there is none."""
    row = await reader.one(select(r.version, r.criteria).order_by(r.version.desc()).limit(1))
    return Criteria.read(row.version, row.criteria) if row else Criteria()


async def add_criteria(tx: Transaction, new: Criteria, *, by: UUID, now: datetime) -> None:
    """Keep the next version; the caller has `lock`ed."""
    await tx.execute(insert(rules).values(version=new.version, criteria=new.kept(), set_at=now, set_by=by))


async def come_and_go(
    tx: Transaction, wanted: Criteria, *, since_day: date, limit: int, now: datetime
) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Make super users of those who meet the criteria, and let go of those who do not any more, so many of each at most."""
    asked = {
        "value_minor": wanted.value_minor,
        "orders": wanted.orders,
        "referred": wanted.referred,
        "since_day": since_day,
        "are_members": wanted.are_members,
        "version": wanted.version,
        "limit": limit,
        "now": now,
    }
    return await tx.column(_COME, asked), await tx.column(_GO, asked)


async def note_milestones(tx: Transaction, sizes: Sequence[int], *, now: datetime) -> None:
    """These milestones are reached; one that was reached before stays as it was."""
    rows = [{"size": size, "reached_at": now} for size in sizes]
    await tx.execute(upsert(milestones).on_conflict_do_nothing(), rows)


async def known_milestones(reader: Reader) -> list[Milestone]:
    """Every milestone, the smallest first."""
    reached = {
        row.size: row.reached_at for row in await reader.rows(select(milestones.c.size, milestones.c.reached_at))
    }
    return [Milestone(size, reached.get(size)) for size in MILESTONES]


async def count(reader: Reader) -> int:
    """How many super users there are."""
    return int(await reader.value(select(func.count()).select_from(super_users)))


async def is_super_user(reader: Reader, account_id: UUID) -> bool:
    """Whether somebody is one."""
    return await reader.value(select(s.account_id).where(s.account_id == account_id)) is not None


async def add_poll(tx: Transaction, poll: Poll, wish: NewPoll, *, by: UUID, now: datetime) -> None:
    """Write a poll and its options. Raises NotFound for a product that does not exist."""
    found = set(await tx.column(select(products.c.id).where(products.c.id == func.any(list(wish.product_ids)))))
    if missing := next((id for id in wish.product_ids if id not in found), None):
        raise NotFound.of("product", missing)
    row = {"id": poll.id, "title": poll.title, "opens_at": poll.opens_at, "closes_at": poll.closes_at}
    await tx.execute(insert(polls).values(**row, created_at=now, created_by=by))
    rows = [
        {"id": new_id(), "poll_id": poll.id, "position": position, "product_id": product_id}
        for position, product_id in enumerate(wish.product_ids, 1)
    ]
    await tx.execute(insert(options), rows)


async def lock_poll(tx: Transaction, poll_id: UUID, *, to_change: bool = False) -> Poll:
    """A poll; until the transaction ends it is not closed earlier. Raises NotFound."""
    found = select(p.id, p.title, p.opens_at, p.closes_at).where(p.id == poll_id).with_for_update(read=not to_change)
    row = await tx.one(found)
    if row is None:
        raise NotFound.of("poll", poll_id)
    return Poll(*row)


async def close_poll(tx: Transaction, closed: Poll) -> None:
    """From its `closes_at` on no vote counts; the caller has locked it."""
    await tx.execute(polls.update().where(p.id == closed.id).values(closes_at=closed.closes_at))


async def vote(tx: Transaction, *, poll_id: UUID, account_id: UUID, option_id: UUID, now: datetime) -> None:
    """Somebody's vote, instead of the one they gave before. Raises NotFound for an option of no, or another, poll."""
    if await tx.value(select(o.id).where(o.id == option_id, o.poll_id == poll_id)) is None:
        raise NotFound.of("polloption", option_id)
    given = {"option_id": option_id, "voted_at": now}
    await tx.execute(
        upsert(votes)
        .values(poll_id=poll_id, account_id=account_id, **given)
        .on_conflict_do_update(index_elements=["poll_id", "account_id"], set_=given, where=v.option_id != option_id)
    )
