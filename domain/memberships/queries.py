"""How screens and other features read memberships."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_

from domain.foundation.database import Database, Reader
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.memberships.code_rules import Code, CodeBatch
from domain.memberships.code_store import BATCH_COLUMNS, c, k
from domain.memberships.code_store import COLUMNS as CODE_COLUMNS
from domain.memberships.plan_rules import Plan
from domain.memberships.purchase_rules import Purchase, PurchaseCause, PurchaseState
from domain.memberships.rules import Membership, Term
from domain.memberships.store import (
    COLUMNS,
    PLAN_COLUMNS,
    PURCHASE_COLUMNS,
    TERM_COLUMNS,
    b,
    m,
    membership_of,
    p,
    plan_of,
    purchase_of,
    t,
    term_of,
)


async def current_of(
    reader: Database | Reader, account_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Membership]:
    """What each of these accounts has now, by account; those without a membership are left out. One statement."""
    found = select(*COLUMNS).where(
        m.account_id == func.any(list(account_ids)),
        m.ended_at.is_(None),
        m.began_at <= now,
        func.coalesce(m.grace_until, m.ends_at) > now,
    )
    return {row.account_id: membership_of(row) for row in await reader.rows(found)}


async def by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Membership]:
    """Memberships that exist, by id."""
    rows = await reader.rows(select(*COLUMNS).where(m.id == func.any(list(ids))))
    return {row.id: membership_of(row) for row in rows}


async def plans_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Plan]:
    """Plans that exist, by id."""
    return {row.id: plan_of(row) for row in await reader.rows(select(*PLAN_COLUMNS).where(p.id == func.any(list(ids))))}


async def purchases_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Purchase]:
    """Purchases that exist, by id."""
    rows = await reader.rows(select(*PURCHASE_COLUMNS).where(b.id == func.any(list(ids))))
    return {row.id: purchase_of(row) for row in rows}


async def terms_by_membership_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, list[Term]]:
    """The terms of each membership, in their order; an empty list for one without."""
    found: dict[UUID, list[Term]] = {membership_id: [] for membership_id in ids}
    statement = select(*TERM_COLUMNS).where(t.membership_id == func.any(list(ids))).order_by(t.membership_id, t.number)
    for row in await reader.rows(statement):
        found[row.membership_id].append(term_of(row))
    return found


async def plans_on_sale(db: Database, *, first: int, after: str | None = None) -> Page[Plan]:
    """What can be bought now, the lowest rank first."""
    lowest_first = select(*PLAN_COLUMNS).where(p.stopped_at.is_(None)).order_by(p.rank, p.id)
    if after is not None:
        lowest_first = lowest_first.where(tuple_(p.rank, p.id) > tuple_(*read_cursor(after, int, UUID)))
    rows = await db.rows(lowest_first.limit(page_size(first) + 1))
    return page_of([plan_of(row) for row in rows], first, lambda plan: (plan.rank, str(plan.id)))


async def all_plans(db: Database, *, first: int, after: str | None = None) -> Page[Plan]:
    """Every plan, on sale or not, the newest first."""
    newest_first = select(*PLAN_COLUMNS).order_by(p.id.desc())
    if after is not None:
        newest_first = newest_first.where(p.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([plan_of(row) for row in rows], first, lambda plan: (str(plan.id),))


async def batches_by_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, CodeBatch]:
    """Batches of codes that exist, by id."""
    rows = await reader.rows(select(*BATCH_COLUMNS).where(k.id == func.any(list(ids))))
    return {row.id: CodeBatch(*row) for row in rows}


async def gifts_by_purchase_ids(reader: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Code]:
    """The codes of gifts that were paid, by purchase."""
    rows = await reader.rows(select(*CODE_COLUMNS).where(c.purchase_id == func.any(list(ids))))
    return {row.purchase_id: Code(*row) for row in rows}


async def gifts_of(db: Database, account_id: UUID, *, first: int, after: str | None = None) -> Page[Purchase]:
    """Gifts that somebody has bought and paid, the newest first."""
    newest_first = select(*PURCHASE_COLUMNS).where(
        b.account_id == account_id, b.cause == PurchaseCause.GIFT, b.state == PurchaseState.PAID
    )
    if after is not None:
        newest_first = newest_first.where(b.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.order_by(b.id.desc()).limit(page_size(first) + 1))
    return page_of([purchase_of(row) for row in rows], first, lambda purchase: (str(purchase.id),))


async def newest(
    db: Database, *, plan_id: UUID | None = None, first: int, after: str | None = None
) -> Page[Membership]:
    """Memberships, of one plan when it is named, over or not, the newest first."""
    newest_first = select(*COLUMNS).order_by(m.id.desc())
    if plan_id is not None:
        newest_first = newest_first.where(m.plan_id == plan_id)
    if after is not None:
        newest_first = newest_first.where(m.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([membership_of(row) for row in rows], first, lambda membership: (str(membership.id),))


async def code_batches_page(db: Database, *, first: int, after: str | None = None) -> Page[CodeBatch]:
    """Batches of codes, the newest first."""
    newest_first = select(*BATCH_COLUMNS).order_by(k.id.desc())
    if after is not None:
        newest_first = newest_first.where(k.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([CodeBatch(*row) for row in rows], first, lambda batch: (str(batch.id),))


async def used_by_batch_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many codes of each batch were activated; batches without any are left out."""
    counted = select(c.batch_id, func.count(c.used_at).label("used")).where(c.batch_id == func.any(list(ids)))
    return {row.batch_id: row.used for row in await db.rows(counted.group_by(c.batch_id))}
