"""How plans, purchases, memberships and terms are written and locked: the only SQL that changes them.

Locks are taken in one order: the account, the purchase, the code, then the books of fees, which are shared, and the payments.
Whoever changes somebody's memberships has locked the account.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, insert, select, text, update

from domain.accounts.tables import accounts
from domain.benefits.rules import Benefit
from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.locks import MEMBERSHIP_BOOKS
from domain.foundation.money import Money
from domain.memberships.plan_rules import Plan, PlanKind
from domain.memberships.purchase_rules import NEXT, Purchase, PurchaseCause, PurchaseState
from domain.memberships.rules import EndReason, Membership, Term
from domain.memberships.tables import earnings, memberships, plans, purchases, terms

p, m, b, t = plans.c, memberships.c, purchases.c, terms.c
PLAN_COLUMNS = (
    p.id, p.name, p.kind, p.price_minor, p.months, p.days, p.benefits, p.rank, p.is_renewable, p.created_at, p.stopped_at,
)  # fmt: skip
COLUMNS = (
    m.id, m.account_id, m.plan_id, m.began_at, m.ends_at, m.grace_until, m.ended_at, m.end_reason, m.upgraded_from,
)  # fmt: skip
PURCHASE_COLUMNS = (
    b.id, b.account_id, b.plan_id, b.cause, b.price_minor, b.credit_minor, b.state, b.made_at, b.pay_by, b.upgrades,
    b.paid_at, b.paid_with, b.refunded_minor, b.refunded_at,
)  # fmt: skip
TERM_COLUMNS = (
    t.id, t.membership_id, t.number, t.account_id, t.purchase_id, t.code_id, t.is_trial, t.paid_minor, t.refundable_minor,
    t.starts_at, t.ends_at, t.first_day, t.last_day, t.closed_at, t.carried_minor, t.refunded_minor,
)  # fmt: skip

_CHAIN = text("""
    WITH RECURSIVE chain AS (
        SELECT id, upgraded_from, 1 AS step FROM memberships WHERE id = :membership_id
        UNION ALL
        SELECT before.id, before.upgraded_from, step + 1 FROM chain JOIN memberships AS before ON before.id = chain.upgraded_from
    )
    SELECT id FROM chain ORDER BY step
""")


def plan_of(row: AnyRow) -> Plan:
    """A plan out of a row of `PLAN_COLUMNS`."""
    return Plan(
        id=row.id,
        name=row.name,
        kind=PlanKind(row.kind),
        price=Money(row.price_minor),
        months=row.months,
        days=row.days,
        benefits=tuple(map(Benefit.read, row.benefits)),
        rank=row.rank,
        is_renewable=row.is_renewable,
        created_at=row.created_at,
        stopped_at=row.stopped_at,
    )


def membership_of(row: AnyRow) -> Membership:
    """A membership out of a row of `COLUMNS`."""
    return Membership(**{**row._mapping, "end_reason": row.end_reason and EndReason(row.end_reason)})


def purchase_of(row: AnyRow) -> Purchase:
    """A purchase out of a row of `PURCHASE_COLUMNS`."""
    return Purchase(
        id=row.id,
        account_id=row.account_id,
        plan_id=row.plan_id,
        cause=PurchaseCause(row.cause),
        price=Money(row.price_minor),
        credit=Money(row.credit_minor),
        state=PurchaseState(row.state),
        made_at=row.made_at,
        pay_by=row.pay_by,
        upgrades=row.upgrades,
        paid_at=row.paid_at,
        paid_with=row.paid_with,
        refunded=Money(row.refunded_minor),
        refunded_at=row.refunded_at,
    )


def term_of(row: AnyRow) -> Term:
    """A term out of a row of `TERM_COLUMNS`."""
    return Term(*row)


async def add_plan(tx: Transaction, plan: Plan, *, by: UUID) -> None:
    """Write a new plan."""
    row = {column.name: getattr(plan, column.name) for column in PLAN_COLUMNS if column.name != "price_minor"}
    row |= {"price_minor": plan.price.minor, "benefits": [benefit.kept() for benefit in plan.benefits]}
    await tx.execute(insert(plans).values(row | {"created_by": by}))


async def plan(reader: Reader, plan_id: UUID) -> Plan:
    """A plan; its terms never change. Raises NotFound."""
    row = await reader.one(select(*PLAN_COLUMNS).where(p.id == plan_id))
    if row is None:
        raise NotFound.of("plan", plan_id)
    return plan_of(row)


async def stop_plan(tx: Transaction, plan_id: UUID, *, by: UUID, now: datetime) -> bool:
    """Nobody begins to buy a plan any more; whether it was sold until now."""
    running = update(plans).where(p.id == plan_id, p.stopped_at.is_(None))
    return await tx.execute(running.values(stopped_at=now, stopped_by=by)) == 1


async def lock_account(tx: Transaction, account_id: UUID) -> None:
    """Nobody else changes an account's memberships until the transaction ends. Raises NotFound."""
    if await tx.value(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(key_share=True)) is None:
        raise NotFound.of("account", account_id)


async def living(tx: Transaction, account_id: UUID) -> Membership | None:
    """What a locked account has that nobody has ended yet, be it over or not."""
    row = await tx.one(select(*COLUMNS).where(m.account_id == account_id, m.ended_at.is_(None)))
    return membership_of(row) if row else None


async def last_end(tx: Transaction, account_id: UUID) -> datetime | None:
    """When the last membership of a locked account was over, if it ever had one that was ended."""
    last: datetime | None = await tx.value(select(func.max(m.ended_at)).where(m.account_id == account_id))
    return last


async def has_had_trial(tx: Transaction, account_id: UUID) -> bool:
    """Whether a locked account has ever had a trial."""
    return bool(await tx.value(select(exists().where(t.account_id == account_id, t.is_trial))))


async def add_membership(tx: Transaction, new: Membership) -> None:
    """Write a new membership of a locked account that has none."""
    await tx.execute(insert(memberships).values({column.name: getattr(new, column.name) for column in COLUMNS}))


async def extend(tx: Transaction, membership: Membership, ends_at: datetime) -> None:
    """A running membership is paid until then; it needs no grace any more."""
    await tx.execute(update(memberships).where(m.id == membership.id).values(ends_at=ends_at, grace_until=None))


async def end(tx: Transaction, membership: Membership, reason: EndReason, *, at: datetime) -> None:
    """A living membership is over since then."""
    ended = (
        update(memberships).where(m.id == membership.id, m.ended_at.is_(None)).values(ended_at=at, end_reason=reason)
    )
    assert await tx.execute(ended) == 1, f"membership {membership.id} was ended before"


async def take_over(tx: Transaction, *, now: datetime, limit: int) -> list[Membership]:
    """Memberships that are over and that nobody has ended, at most `limit`, and not those of an account that is locked."""
    over_at = func.coalesce(m.grace_until, m.ends_at)
    found = select(*COLUMNS).join_from(memberships, accounts).where(m.ended_at.is_(None), over_at <= now)
    locked = found.order_by(over_at).limit(limit).with_for_update(key_share=True, skip_locked=True)
    return [membership_of(row) for row in await tx.rows(locked)]


async def add_term(tx: Transaction, term: Term, *, now: datetime) -> None:
    """Write a new term."""
    row = {column.name: getattr(term, column.name) for column in TERM_COLUMNS}
    await tx.execute(insert(terms).values(row | {"made_at": now}))


async def terms_of(reader: Reader, membership_id: UUID) -> list[Term]:
    """A membership's terms, in their order."""
    rows = await reader.rows(select(*TERM_COLUMNS).where(t.membership_id == membership_id).order_by(t.number))
    return [term_of(row) for row in rows]


async def close_term(
    tx: Transaction, term: Term, *, carried_minor: int = 0, refunded_minor: int = 0, now: datetime
) -> None:
    """Nothing more is earned of a term; of what was paid for it so much went into another plan, or back."""
    values = {"closed_at": now, "carried_minor": carried_minor, "refunded_minor": refunded_minor}
    closed = update(terms).where(t.id == term.id, t.closed_at.is_(None)).values(values)
    assert await tx.execute(closed) == 1, f"term {term.id} was closed before"


async def add_purchase(tx: Transaction, new: Purchase) -> None:
    """Write a new purchase that waits for its money."""
    row = {
        "id": new.id,
        "account_id": new.account_id,
        "plan_id": new.plan_id,
        "cause": new.cause,
        "upgrades": new.upgrades,
        "price_minor": new.price.minor,
        "credit_minor": new.credit.minor,
        "state": new.state,
        "made_at": new.made_at,
        "pay_by": new.pay_by,
    }
    await tx.execute(insert(purchases).values(row))


async def lock_purchase(tx: Transaction, purchase_id: UUID) -> Purchase:
    """A purchase, locked until the transaction ends, and before it the account that buys. Raises NotFound."""
    account_id = await tx.value(select(b.account_id).where(b.id == purchase_id))
    if account_id is None:
        raise NotFound.of("purchase", purchase_id)
    await lock_account(tx, account_id)
    row = await tx.one(select(*PURCHASE_COLUMNS).where(b.id == purchase_id).with_for_update(key_share=True))
    assert row is not None
    return purchase_of(row)


async def pay(tx: Transaction, purchase: Purchase, *, payment_id: UUID | None, now: datetime) -> None:
    """A locked purchase has its money, or costs nothing."""
    await _move(tx, purchase, PurchaseState.PAID, paid_at=now, paid_with=payment_id)


async def decline(tx: Transaction, purchase: Purchase, *, payment_id: UUID) -> None:
    """A locked purchase cannot begin any more; its money goes back."""
    await _move(tx, purchase, PurchaseState.DECLINED, paid_with=payment_id)


async def set_refunded(tx: Transaction, purchase: Purchase, amount: Money, *, now: datetime) -> None:
    """So much of a purchase's money goes back. The database refuses more than was paid."""
    back = update(purchases).where(b.id == purchase.id).values(refunded_minor=amount.minor, refunded_at=now)
    await tx.execute(back)


async def chain_of(reader: Reader, membership_id: UUID) -> list[UUID]:
    """A membership and those that were upgraded to it, the newest first."""
    return list(await reader.column(_CHAIN, {"membership_id": membership_id}))


async def own_purchases(tx: Transaction, membership_ids: Sequence[UUID]) -> list[Purchase]:
    """What the holder of these memberships has paid for them, the last payment first; gifts are not theirs."""
    found = (
        select(*PURCHASE_COLUMNS)
        .join(terms, t.purchase_id == b.id)
        .where(t.membership_id == func.any(list(membership_ids)))
    )
    paid = found.where(b.cause != PurchaseCause.GIFT, b.paid_with.isnot(None)).order_by(b.paid_at.desc(), b.id.desc())
    return [purchase_of(row) for row in await tx.rows(paid)]


async def share_books(tx: Transaction) -> date | None:
    """The last day whose fees are in the ledger, if any; no further day is booked until the transaction ends.

    For whoever makes or closes terms: what was earned of them and what the ledger says are of one day.
    """
    await tx.value(select(func.pg_advisory_xact_lock_shared(MEMBERSHIP_BOOKS)))
    last: date | None = await tx.value(select(func.max(earnings.c.day)))
    return last


async def _move(tx: Transaction, purchase: Purchase, state: PurchaseState, **values: Any) -> None:
    assert state in NEXT[purchase.state], f"{purchase.state} -> {state}"
    await tx.execute(update(purchases).where(b.id == purchase.id).values(state=state, **values))
