"""What becomes evidence: what staff and integrations tell, and what orders and shares come to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.accounts.tables import accounts
from domain.foundation.database import Database, Reader
from domain.foundation.errors import BadInput, NotFound
from domain.orders.rules import OrderState
from domain.orders.tables import orders
from domain.sharing.tables import attributions, links, visits
from domain.trail import store as trail
from domain.trust import store
from domain.trust.rules import EvidenceKind
from domain.trust.store import Piece

TOLD = frozenset({EvidenceKind.CHAT, EvidenceKind.REVIEW, EvidenceKind.RECOMMENDATION, EvidenceKind.SHOP_MUTED})
"""What the shop knows of only when somebody says so."""
MOST_ROUNDS = 1_000
LONGEST_REFERENCE = 64


async def record_contact(
    db: Database,
    *,
    account_id: UUID,
    kind: EvidenceKind,
    reference: str,
    rounds: int,
    at: datetime,
    by: UUID,
    now: datetime,
) -> None:
    """Note what passed between somebody and the shop where only people or another system see it.

    The reference names it: told again, it changes nothing. Raises BadInput, NotFound.
    """
    if kind not in TOLD:
        raise BadInput(f"kind is {kind.name}; allowed: {', '.join(sorted(each.name for each in TOLD))}")
    if not 1 <= rounds <= (MOST_ROUNDS if kind is EvidenceKind.CHAT else 1):
        raise BadInput(f"rounds is {rounds}; allowed: 1 to {MOST_ROUNDS} of a CHAT, 1 of all else")
    check_reference(reference)
    if at > now:
        raise BadInput("happenedAt is in the future")
    async with db.transaction() as tx:
        await check_account(tx, account_id)
        facts = {"kind": kind.value, "reference": reference}
        if await store.record(tx, [Piece(account_id, kind, at, reference, rounds)], now=now):
            await trail.note(
                tx, by=by, deed="record_contact", subject="account", subject_id=account_id, now=now, **facts
            )


async def settle_order(db: Database, *, order_id: UUID, now: datetime) -> None:
    """A paid order is a purchase of its shopper and a referral of whoever's share it came of; one refunded whole is neither.

    It is the order's state that decides, under its lock, and not the news that led here. A second call changes nothing.
    """
    o = orders.c
    found = (
        select(o.shopper_id, o.state, o.paid_at, attributions.c.sharer_id)
        .outerjoin(attributions, attributions.c.order_id == o.id)
        .where(o.id == order_id)
        .with_for_update(of=orders)
    )
    async with db.transaction() as tx:
        order = await tx.one(found)
        if order is None:
            raise NotFound.of("order", order_id)
        parts = [(order.shopper_id, EvidenceKind.PURCHASE)]
        if order.sharer_id is not None:
            parts.append((order.sharer_id, EvidenceKind.REFERRAL))
        cause = str(order_id)
        if order.state == OrderState.REFUNDED:
            for account_id, kind in sorted(parts):  # as evidence is recorded, or two could wait for each other
                await store.withdraw(tx, account_id, kind, cause, now=now)
        elif order.paid_at is not None:
            pieces = [Piece(account_id, kind, order.paid_at, cause) for account_id, kind in parts]
            await store.record(tx, pieces, now=now)


async def note_visits(db: Database, *, visitor_id: UUID, now: datetime) -> None:
    """Shares that brought this person are evidence of those who shared. A second call changes nothing."""
    v = visits.c
    found = (
        select(links.c.sharer_id, v.id, v.opened_at)
        .join(links, links.c.id == v.link_id)
        .where(v.shopper_id == visitor_id, v.outcome == "counted")
        .order_by(v.last_opened_at.desc())
        .limit(50)
    )
    async with db.transaction() as tx:
        rows = await tx.rows(found)
        shares = [Piece(row.sharer_id, EvidenceKind.SHARE, row.opened_at, str(row.id)) for row in rows]
        await store.record(tx, shares, now=now)


async def check_account(reader: Reader, account_id: UUID) -> None:
    """Raises NotFound when there is no such person."""
    if await reader.value(select(accounts.c.id).where(accounts.c.id == account_id)) is None:
        raise NotFound.of("account", account_id)


def check_reference(reference: str) -> None:
    """Raises BadInput for a name that is none."""
    if not 1 <= len(reference) <= LONGEST_REFERENCE or not reference.isprintable():
        raise BadInput(f"reference must have 1 to {LONGEST_REFERENCE} characters that can be seen")
