"""How holdings are written, for whoever grants them: a repeated call changes nothing.

Locks are taken in one order: the account, its holdings, its points; batches of coupons last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.accounts.tables import accounts
from domain.benefits import occasions
from domain.benefits.occasions import Birthday
from domain.benefits.rules import Benefit, BenefitKind, HolderSource, Holding
from domain.benefits.tables import birthdays, granted_coupons, grants, holdings, uses
from domain.coupons import store as coupons
from domain.coupons.tables import batches
from domain.foundation.database import AnyRow, Database, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id

h = holdings.c
HOLDING_COLUMNS = (h.id, h.account_id, h.source, h.source_id, h.benefits, h.starts_at, h.ends_at)


def is_held(now: datetime) -> ColumnElement[bool]:
    """Whether a holding holds, or held, at this moment."""
    return (h.starts_at <= now) & (h.ends_at.is_(None) | (h.ends_at > now)) & h.withdrawn_at.is_(None)


def holding_of(row: AnyRow) -> Holding:
    """A holding out of a row of `HOLDING_COLUMNS`."""
    return Holding(
        id=row.id,
        account_id=row.account_id,
        source=HolderSource(row.source),
        source_id=row.source_id,
        benefits=tuple(Benefit.read(kept) for kept in row.benefits),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


async def check_batches(reader: Database | Reader, benefits: Sequence[Benefit]) -> None:
    """Raises NotFound for a batch of coupons that does not exist. For whoever writes benefits into a plan or a ladder."""
    wanted = {benefit.batch_id: None for benefit in benefits if benefit.batch_id}
    found = (
        set(await reader.column(select(batches.c.id).where(batches.c.id == func.any(list(wanted))))) if wanted else ()
    )
    if missing := next((id for id in wanted if id not in found), None):
        raise NotFound.of("couponbatch", missing)


async def hold(
    tx: Transaction,
    *,
    account_id: UUID,
    source: HolderSource,
    source_id: UUID,
    benefits: Sequence[Benefit],
    starts_at: datetime,
    ends_at: datetime | None,
    now: datetime,
) -> UUID:
    """Grant these benefits, which `rules.check` has seen, from `starts_at` until before `ends_at` (None: for good).

    Source and source_id name the holding: again, whatever else is said, nothing changes. Gives back its id.
    """
    holding = Holding(new_id(), account_id, source, source_id, tuple(benefits), starts_at, ends_at)
    birthday = await _lock_birthday_for(tx, holding)
    row = {
        "id": holding.id,
        "account_id": account_id,
        "source": source,
        "source_id": source_id,
        "benefits": [benefit.kept() for benefit in benefits],
        "starts_at": starts_at,
        "ends_at": ends_at,
        "granted_at": now,
        "next_grant_at": occasions.first(holding, birthday, since=starts_at),
    }
    added: UUID | None = await tx.value(insert(holdings).values(row).on_conflict_do_nothing().returning(h.id))
    if added is not None:
        return added
    before: UUID = await tx.value(select(h.id).where(h.source == source, h.source_id == source_id))
    return before


async def end(tx: Transaction, *, source: HolderSource, source_id: UUID, ends_at: datetime, now: datetime) -> None:
    """The holding ends at this moment, unless it ends before; where that is before it begins, it never holds.

    What its months and birthdays have brought stays. Where there is no such holding nothing happens.
    """
    sooner = func.greatest(h.starts_at, func.least(h.ends_at, ends_at))  # `least` passes over NULL
    await tx.execute(update(holdings).where(_is(source, source_id)).values(ends_at=sooner))


async def extend(tx: Transaction, *, source: HolderSource, source_id: UUID, ends_at: datetime, now: datetime) -> None:
    """The holding goes on until this moment, unless it does so anyway; one that had ended counts as never interrupted.

    Where there is no such holding nothing happens.
    """
    before = await lock_holding(tx, source=source, source_id=source_id)
    if before is None or before.ends_at is None or before.ends_at >= ends_at:
        return
    after = replace(before, ends_at=ends_at)
    birthday = await read_birthday(tx, before.account_id)
    # every occasion before the old end was seen, or still stands in `next_grant_at`
    following = occasions.first(after, birthday, since=before.ends_at)
    values = {"ends_at": ends_at, "next_grant_at": func.coalesce(h.next_grant_at, following)}
    await tx.execute(update(holdings).where(h.id == before.id).values(values))


async def resume(tx: Transaction, *, source: HolderSource, source_id: UUID, now: datetime) -> bool:
    """A holding that has ended holds again from now on, without an end; False, and nothing changes, where there is none.

    Its months go on being counted from its beginning, and what one of them has brought it does not bring again. What fell due
    while it did not hold is not given. One that still holds goes on without an end; again, nothing changes.
    """
    named = await tx.one(select(*HOLDING_COLUMNS).where(_is(source, source_id)))
    if named is None:
        return False
    birthday = await _lock_birthday_for(tx, holding_of(named))
    before = await lock_holding(tx, source=source, source_id=source_id)
    if before is None or before.ends_at is None:
        return before is not None
    after = replace(before, ends_at=None)
    following = occasions.first(after, birthday, since=before.ends_at)
    if following is not None and following < now:
        next_grant_at: object = occasions.first(after, birthday, since=now)
    else:
        # the timetable may not yet have come by for what fell due while it held
        next_grant_at = func.least(h.next_grant_at, following)  # which passes over NULL
    values = {"ends_at": None, "next_grant_at": next_grant_at}
    await tx.execute(update(holdings).where(h.id == before.id).values(values))
    return True


async def withdraw(tx: Transaction, *, source: HolderSource, source_id: UUID, now: datetime) -> None:
    """The holding and the coupons that it has brought count no more, and what is still due is not given.

    For a holding whose price is paid back: `end` it, withdraw, then ask `queries.value_used` in the same transaction. A checkout
    that began before, and has not come to its end by then, finds nothing either.
    """
    holding = await lock_holding(tx, source=source, source_id=source_id)
    if holding is None:
        return
    await tx.execute(update(holdings).where(h.id == holding.id).values(next_grant_at=None, withdrawn_at=now))
    await tx.execute(update(grants).where(grants.c.holding_id == holding.id).values(retry_at=None))
    of_holding = select(granted_coupons.c.coupon_id).join(grants).where(grants.c.holding_id == holding.id)
    if coupon_ids := await tx.column(of_holding):
        await coupons.withdraw(tx, coupon_ids)


async def lock_holding(tx: Transaction, *, source: HolderSource, source_id: UUID) -> Holding | None:
    """A holding, as it stays until the transaction ends; None where there is none."""
    row = await tx.one(select(*HOLDING_COLUMNS).where(_is(source, source_id)).with_for_update())
    return holding_of(row) if row else None


async def lock_held(tx: Transaction, account_id: UUID, *, now: datetime) -> list[Holding]:
    """What an account holds at this moment, and goes on to hold until the transaction ends: who ends it, waits."""
    held = select(*HOLDING_COLUMNS).where(h.account_id == account_id, is_held(now)).order_by(h.id)
    return [holding_of(row) for row in await tx.rows(held.with_for_update(read=True))]


async def add_uses(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note what holdings saved on an order that is about to be written."""
    await tx.execute(insert(uses).values(rows))


async def lock_birthday(tx: Transaction, account_id: UUID) -> Birthday | None:
    """`read_birthday`, and until the transaction ends nobody sets it, nor begins a holding that depends on it."""
    # by the account: there may be no birthday yet. Orders of the account do not wait for this.
    await tx.value(select(accounts.c.id).where(accounts.c.id == account_id).with_for_update(key_share=True))
    return await read_birthday(tx, account_id)


async def write_birthday(tx: Transaction, account_id: UUID, birthday: Birthday) -> None:
    """Keep a locked birthday."""
    day = {"month": birthday.month, "day": birthday.day, "set_at": birthday.set_at}
    kept = insert(birthdays).values(account_id=account_id, **day)
    await tx.execute(kept.on_conflict_do_update(index_elements=[birthdays.c.account_id], set_=day))


async def lock_gifted(tx: Transaction, account_id: UUID, *, now: datetime) -> list[Holding]:
    """What an account holds or will hold that has a birthday gift, locked."""
    has_gift = h.benefits.contains([{"kind": BenefitKind.BIRTHDAY_GIFT}])
    has_not_ended = h.ends_at.is_(None) | (h.ends_at > now)
    gifted = select(*HOLDING_COLUMNS).where(h.account_id == account_id, has_not_ended, has_gift).order_by(h.id)
    return [holding_of(row) for row in await tx.rows(gifted.with_for_update())]


async def due_from(tx: Transaction, holding_id: UUID, moment: datetime | None) -> None:
    """The timetable looks at a locked holding at this moment, unless it does so before."""
    sooner = func.least(h.next_grant_at, moment)  # which passes over NULL
    await tx.execute(update(holdings).where(h.id == holding_id).values(next_grant_at=sooner))


async def read_birthday(reader: Database | Reader, account_id: UUID) -> Birthday | None:
    """An account's birthday, if it is known."""
    found = select(birthdays.c.month, birthdays.c.day, birthdays.c.set_at)
    row = await reader.one(found.where(birthdays.c.account_id == account_id))
    return Birthday(*row) if row else None


async def _lock_birthday_for(tx: Transaction, holding: Holding) -> Birthday | None:
    """Its holder's birthday, locked, if the holding has a gift for it."""
    if any(benefit.kind is BenefitKind.BIRTHDAY_GIFT for benefit in holding.benefits):
        return await lock_birthday(tx, holding.account_id)
    return None


def _is(source: HolderSource, source_id: UUID) -> ColumnElement[bool]:
    return (h.source == source) & (h.source_id == source_id)
