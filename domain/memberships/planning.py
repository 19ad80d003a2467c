"""What merchandisers do with plans: they are made, and sold until they are stopped."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.benefits import store as benefits
from domain.foundation import idempotency
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships import plan_rules, store
from domain.memberships.plan_rules import NewPlan, Plan
from domain.trail import store as trail


async def create(db: Database, wish: NewPlan, *, by: UUID, idempotency_key: str, now: datetime) -> Plan:
    """A plan, on sale from now on. The same key with the same wish gives the same plan again.

    Raises BadInput, NotFound (couponbatch), IdempotencyConflict.
    """
    plan_rules.check_plan(wish)
    kept = [benefit.kept() for benefit in wish.benefits]
    plan = Plan(
        id=new_id(),
        name=wish.name.strip(),
        kind=wish.kind,
        price=Money(wish.price_minor),
        months=wish.months,
        days=wish.days,
        benefits=tuple(wish.benefits),
        rank=wish.rank,
        is_renewable=wish.is_renewable,
        created_at=now,
    )
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="create_membership_plan",
            request=asdict(wish) | {"benefits": kept},
            answer=str(plan.id),
        )
        if replay:
            return await store.plan(tx, UUID(replay.answer))
        await benefits.check_batches(tx, wish.benefits)
        await store.add_plan(tx, plan, by=by)
        await trail.note(
            tx,
            by=by,
            deed="create_membership_plan",
            subject="plan",
            subject_id=plan.id,
            now=now,
            name=plan.name,
            price_minor=plan.price.minor,
            benefits=kept,
        )
        return plan


async def stop(db: Database, *, plan_id: UUID, by: UUID, now: datetime) -> Plan:
    """Nobody begins to buy the plan from now on; who has it keeps it. Stopped already: no change. Raises NotFound."""
    async with db.transaction() as tx:
        plan = await store.plan(tx, plan_id)
        if await store.stop_plan(tx, plan_id, by=by, now=now):
            await trail.note(
                tx,
                by=by,
                deed="stop_membership_plan",
                subject="plan",
                subject_id=plan_id,
                now=now,
                name=plan.name,
            )
        return await store.plan(tx, plan_id)
