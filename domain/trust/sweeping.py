"""Evidence that is swept up: what features keep of people anyway, read after them.

A sweep reads by ids that rise with time, and leaves what is so young that a transaction may still hold an earlier one. So it
misses nothing, a piece that is read twice changes nothing, and those features write nothing for it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from domain.accounts.tables import accounts, staff_credentials
from domain.check_ins.tables import check_ins
from domain.coupons.tables import coupons
from domain.foundation.database import Database, Reader, Transaction
from domain.foundation.ids import least_id
from domain.trust import store
from domain.trust.rules import EvidenceKind
from domain.trust.tables import sweeps

SETTLED_AFTER = timedelta(minutes=2)
"""No transaction is open for so long: what is older stands, or never will."""
_ACCOUNTS = "accounts"


@dataclass(frozen=True, slots=True)
class Kept:
    """Somebody did something, which a feature has kept under this id."""

    id: UUID
    account_id: UUID
    at: datetime


Source = Callable[[Reader, UUID, UUID, int], Awaitable[Sequence[Kept]]]
"""What was kept under ids after the first and before the second, at most so much, in the order of the ids."""


async def sweep(db: Database, kind: EvidenceKind, source: Source, *, now: datetime, limit: int) -> int:
    """Record as evidence what a source has kept since the last sweep, at most so much; how much there was."""
    async with db.transaction() as tx:
        found = await source(tx, await _swept_to(tx, kind), least_id(now - SETTLED_AFTER), limit)
        await store.record(tx, [store.Piece.of(kept.account_id, kind, kept.at) for kept in found], now=now)
        if found:
            await _sweep_on(tx, kind, found[-1].id)
    return len(found)


async def enrol_new(db: Database, *, now: datetime, limit: int) -> int:
    """People who came since the last time, staff left out, are strangers, at most so many; how many accounts were seen."""
    async with db.transaction() as tx:
        after, before = await _swept_to(tx, _ACCOUNTS), least_id(now - SETTLED_AFTER)
        a = accounts.c
        is_staff = select(staff_credentials.c.account_id).where(staff_credentials.c.account_id == a.id).exists()
        found = select(a.id, is_staff.label("is_staff")).where(a.id > after, a.id < before).order_by(a.id).limit(limit)
        rows = await tx.rows(found)
        await store.enrol(tx, [row.id for row in rows if not row.is_staff], now=now)
        if rows:
            await _sweep_on(tx, _ACCOUNTS, rows[-1].id)
    return len(rows)


async def coupon_claims(reader: Reader, after: UUID, before: UUID, limit: int) -> Sequence[Kept]:
    """Coupons that were claimed."""
    c = coupons.c
    found = select(c.id, c.shopper_id, c.claimed_at).where(c.id > after, c.id < before).order_by(c.id).limit(limit)
    return [Kept(*row) for row in await reader.rows(found)]


async def check_ins_kept(reader: Reader, after: UUID, before: UUID, limit: int) -> Sequence[Kept]:
    """Check-ins."""
    c = check_ins.c
    found = select(c.id, c.account_id, c.checked_in_at).where(c.id > after, c.id < before).order_by(c.id).limit(limit)
    return [Kept(*row) for row in await reader.rows(found)]


async def _swept_to(reader: Reader, source: str) -> UUID:
    swept_to: UUID | None = await reader.value(select(sweeps.c.swept_to).where(sweeps.c.source == source))
    return swept_to or UUID(int=0)


async def _sweep_on(tx: Transaction, source: str, swept_to: UUID) -> None:
    new = insert(sweeps).values(source=source, swept_to=swept_to)
    furthest = func.greatest(sweeps.c.swept_to, new.excluded.swept_to)
    await tx.execute(new.on_conflict_do_update(index_elements=["source"], set_={"swept_to": furthest}))
