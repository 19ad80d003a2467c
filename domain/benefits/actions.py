"""What staff do with benefits, and what somebody says of their birthday. Each deed of staff is on the trail."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from domain.accounts import queries as accounts
from domain.benefits import goods, occasions, queries, rules, store
from domain.benefits.occasions import Birthday
from domain.benefits.rules import Benefit, BenefitsElsewhere, HolderSource, Holding
from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.ids import encode, new_id
from domain.trail import store as trail


async def grant(
    db: Database,
    *,
    account_id: UUID,
    benefits: Sequence[Benefit],
    ends_at: datetime | None,
    reason: str,
    by: UUID,
    idempotency_key: str,
    now: datetime,
) -> Holding:
    """Grant benefits to one person from now until before `ends_at` (None: until somebody ends it).

    The same key with the same wish gives the same holding again. Raises BadInput, NotFound (account, batch of coupons),
    IdempotencyConflict.
    """
    rules.check(benefits)
    rules.check_end(ends_at, now=now)
    reason = rules.check_reason(reason)
    source_id = new_id()
    kept = [benefit.kept() for benefit in benefits]
    until = ends_at.isoformat() if ends_at else None
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="grant_benefits",
            request={"account_id": account_id, "benefits": kept, "ends_at": until, "reason": reason},
            answer=str(source_id),
        )
        if replay:
            holding = await store.lock_holding(tx, source=HolderSource.STAFF, source_id=UUID(replay.answer))
            assert holding is not None
            return holding
        if not await accounts.names_by_ids(tx, [account_id]):
            raise NotFound.of("account", account_id)
        await store.check_batches(tx, benefits)
        holding_id = await store.hold(
            tx,
            account_id=account_id,
            source=HolderSource.STAFF,
            source_id=source_id,
            benefits=benefits,
            starts_at=now,
            ends_at=ends_at,
            now=now,
        )
        await trail.note(
            tx,
            by=by,
            deed="grant_benefits",
            subject="account",
            subject_id=account_id,
            now=now,
            holding_id=encode("benefitholding", holding_id),
            benefits=kept,
            ends_at=until,
            reason=reason,
        )
    return Holding(holding_id, account_id, HolderSource.STAFF, source_id, tuple(benefits), now, ends_at)


async def end(db: Database, *, holding_id: UUID, reason: str, by: UUID, now: datetime) -> Holding:
    """End benefits that staff have granted; what they have brought stays. Ended already: no change.

    Raises BadInput, NotFound, BenefitsElsewhere for those that come with a membership or a level.
    """
    reason = rules.check_reason(reason)
    async with db.transaction() as tx:
        found = (await queries.holdings_by_ids(tx, [holding_id])).get(holding_id)
        if found is None:
            raise NotFound.of("benefitholding", holding_id)
        if found.source is not HolderSource.STAFF:
            raise BenefitsElsewhere(source=found.source)
        holding = await store.lock_holding(tx, source=found.source, source_id=found.source_id)
        assert holding is not None
        if holding.ends_at is not None and holding.ends_at <= now:
            return holding
        await store.end(tx, source=holding.source, source_id=holding.source_id, ends_at=now, now=now)
        await trail.note(
            tx,
            by=by,
            deed="end_benefits",
            subject="account",
            subject_id=holding.account_id,
            now=now,
            holding_id=encode("benefitholding", holding.id),
            reason=reason,
        )
    return (await queries.holdings_by_ids(db, [holding_id]))[holding_id]


async def set_member_prices(db: Database, prices: Mapping[UUID, int | None], *, by: UUID, now: datetime) -> None:
    """What a unit of these SKUs costs members: minor units; None: no price of theirs any more. Orders that stand keep theirs.

    A price that is so already is left alone. Raises BadInput, NotFound (sku).
    """
    rules.check_member_prices(prices)
    async with db.transaction() as tx:
        before = await goods.lock_prices(tx, list(prices))
        changed = {sku_id: price for sku_id, price in prices.items() if before[sku_id] != price}
        if not changed:
            return
        await goods.write_prices(tx, changed, by=by, now=now)
        for sku_id, price in changed.items():
            await trail.note(
                tx,
                by=by,
                deed="set_member_prices",
                subject="sku",
                subject_id=sku_id,
                now=now,
                price_minor=price,
                before_minor=before[sku_id],
            )


async def set_member_only_goods(db: Database, is_members_only: Mapping[UUID, bool], *, by: UUID, now: datetime) -> None:
    """Which products are sold to members only. One that is so already is left alone. Raises BadInput, NotFound (product)."""
    rules.check_member_only(is_members_only)
    async with db.transaction() as tx:
        before = await goods.lock_products(tx, list(is_members_only))
        changed = {id: wanted for id, wanted in is_members_only.items() if before[id] != wanted}
        if not changed:
            return
        await goods.write_members_only(tx, changed, by=by, now=now)
        for product_id, wanted in changed.items():
            await trail.note(
                tx,
                by=by,
                deed="set_member_only_goods",
                subject="product",
                subject_id=product_id,
                now=now,
                is_members_only=wanted,
            )


async def set_birthday(db: Database, *, account_id: UUID, month: int, day: int, now: datetime) -> Birthday:
    """Say on which day of the year one's birthday is; gifts of this year's are given once, whatever it was before.

    The same day again changes nothing. Raises BadInput for no such day, BirthdaySetRecently within a year.
    """
    rules.check_birthday(month, day)
    async with db.transaction() as tx:
        before = await store.lock_birthday(tx, account_id)
        if before is not None:
            if (before.month, before.day) == (month, day):
                return before
            rules.check_birthday_change(before.set_at, now=now)
        birthday = Birthday(month, day, now)
        await store.write_birthday(tx, account_id, birthday)
        for holding in await store.lock_gifted(tx, account_id, now=now):
            await store.due_from(tx, holding.id, occasions.first(holding, birthday, since=now))
    return birthday
