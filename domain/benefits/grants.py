"""How grants are written: one row for each period of a benefit, made once whoever comes to make it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, text, update

from domain.benefits.occasions import Birthday
from domain.benefits.rules import BenefitKind, Holding
from domain.benefits.store import HOLDING_COLUMNS, h, holding_of
from domain.benefits.tables import birthdays, granted_coupons, grants
from domain.foundation.database import AnyRow, Transaction

g = grants.c
GRANT_COLUMNS = (
    g.id, g.holding_id, g.account_id, g.position, g.kind, g.period, g.due_at, g.batch_id, g.pieces, g.points, g.granted_at,
    g.failed_with, g.retry_at,
)  # fmt: skip

_LOCK_DUE = (
    select(*HOLDING_COLUMNS, h.next_grant_at)
    .where(h.next_grant_at <= bindparam("now"))
    .order_by(h.next_grant_at, h.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LOCK_FAILED = (
    select(*GRANT_COLUMNS)
    .where(g.retry_at <= bindparam("now"))
    .order_by(g.retry_at, g.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_ADD = text("""
    INSERT INTO benefit_grants
      (id, holding_id, account_id, position, kind, period, due_at, batch_id, pieces, points, granted_at)
    SELECT *, :now FROM unnest(
        CAST(:ids AS uuid[]), CAST(:holding_ids AS uuid[]), CAST(:account_ids AS uuid[]), CAST(:positions AS smallint[]),
        CAST(:kinds AS text[]), CAST(:periods AS smallint[]), CAST(:due_at AS timestamptz[]),
        CAST(:batch_ids AS uuid[]), CAST(:pieces AS smallint[]), CAST(:points AS bigint[]))
    ON CONFLICT DO NOTHING
    RETURNING id
""")
_LOOK_AGAIN = text("""
    UPDATE benefit_holdings SET next_grant_at = seen.next_grant_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:moments AS timestamptz[])) AS seen (id, next_grant_at)
    WHERE benefit_holdings.id = seen.id
""")
_OUTCOMES = (
    update(grants)
    .where(g.id == bindparam("grant_id"))
    .values(granted_at=bindparam("at"), failed_with=bindparam("code"), retry_at=bindparam("again_at"))
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a benefit gives for a period: pieces of a batch, or points.

    Without `granted_at` not all of it could be given, because of `failed_with`, the code of a refusal; it is tried again at
    `retry_at`, or, without one, not any more.
    """

    id: UUID
    holding_id: UUID
    account_id: UUID
    position: int
    kind: BenefitKind
    period: int
    due_at: datetime
    batch_id: UUID | None
    pieces: int | None
    points: int | None
    granted_at: datetime | None = None
    failed_with: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A holding of which something is due since `since`."""

    holding: Holding
    since: datetime


def grant_of(row: AnyRow) -> Grant:
    """A grant out of a row of `GRANT_COLUMNS`."""
    return Grant(**{**row._mapping, "kind": BenefitKind(row.kind)})


async def lock_due(tx: Transaction, *, now: datetime, limit: int) -> list[Due]:
    """Holdings of which something is due, locked; passed over are those that somebody else has locked."""
    rows = await tx.rows(_LOCK_DUE, {"now": now, "limit": limit})
    return [Due(holding_of(row), row.next_grant_at) for row in rows]


async def birthdays_of(tx: Transaction, account_ids: Sequence[UUID]) -> dict[UUID, Birthday]:
    """The birthdays of these accounts, as far as they are known."""
    b = birthdays.c
    found = select(b.account_id, b.month, b.day, b.set_at).where(b.account_id == func.any(list(account_ids)))
    return {row.account_id: Birthday(row.month, row.day, row.set_at) for row in await tx.rows(found)}


async def add(tx: Transaction, new: Sequence[Grant], *, now: datetime) -> set[UUID]:
    """Write grants, as given; the ids of those that were written. One whose period has its grant already is not."""
    columns = {
        "ids": [each.id for each in new],
        "holding_ids": [each.holding_id for each in new],
        "account_ids": [each.account_id for each in new],
        "positions": [each.position for each in new],
        "kinds": [each.kind for each in new],
        "periods": [each.period for each in new],
        "due_at": [each.due_at for each in new],
        "batch_ids": [each.batch_id for each in new],
        "pieces": [each.pieces for each in new],
        "points": [each.points for each in new],
    }
    return set(await tx.column(_ADD, {**columns, "now": now}))


async def look_again(tx: Transaction, moments: Mapping[UUID, datetime | None]) -> None:
    """Note when something is due of each of these locked holdings the next time; None: never."""
    await tx.execute(_LOOK_AGAIN, {"ids": list(moments), "moments": list(moments.values())})


async def lock_failed(tx: Transaction, *, now: datetime, limit: int) -> list[Grant]:
    """Grants that are to be tried again, locked; passed over are those that somebody else has locked."""
    return [grant_of(row) for row in await tx.rows(_LOCK_FAILED, {"now": now, "limit": limit})]


async def write_outcomes(tx: Transaction, changed: Sequence[Grant]) -> None:
    """Write what became of locked or new grants."""
    rows = [
        {"grant_id": each.id, "at": each.granted_at, "code": each.failed_with, "again_at": each.retry_at}
        for each in changed
    ]
    await tx.connection.execute(_OUTCOMES, rows)


async def add_coupons(tx: Transaction, coupons: Sequence[tuple[UUID, UUID]]) -> None:
    """Note which coupon came of which grant."""
    rows = [{"coupon_id": coupon_id, "grant_id": grant_id} for coupon_id, grant_id in coupons]
    await tx.execute(insert(granted_coupons).values(rows))


async def known_coupons(tx: Transaction, grant_ids: Sequence[UUID]) -> set[UUID]:
    """Coupons that came of these grants when they were tried before."""
    found = select(granted_coupons.c.coupon_id).where(granted_coupons.c.grant_id == func.any(list(grant_ids)))
    return set(await tx.column(found))
