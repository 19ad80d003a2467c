"""Memberships for others: gifts that somebody pays, and batches of codes that staff make for a campaign."""

from datetime import datetime
from uuid import UUID

from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.ledger import store as ledger
from domain.memberships import buying, code_rules, code_store, plan_rules, postings, queries, store
from domain.memberships.code_rules import Code, CodeBatch
from domain.memberships.plan_rules import Plan, PlanKind
from domain.memberships.purchase_rules import Purchase, PurchaseCause
from domain.trail import store as trail


async def give(db: Database, *, plan_id: UUID, account_id: UUID, idempotency_key: str, now: datetime) -> UUID:
    """The id of a purchase, to be paid, of one term for somebody else. The same key gives the same purchase.

    Raises NotFound, MembershipPlanStopped, IdempotencyConflict, BadInput for a trial: that is everybody's own.
    """
    request = {"plan": plan_id}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=account_id, key=idempotency_key, operation="gift_membership", request=request
        )
        if replay:
            return UUID(replay.answer)
        plan = await store.plan(tx, plan_id)
        plan_rules.check_on_sale(plan)
        _check_no_trial(plan)
        purchase = await buying.open_purchase(tx, account_id=account_id, plan=plan, cause=PurchaseCause.GIFT, now=now)
        await idempotency.finish(tx, owner_id=account_id, key=idempotency_key, answer=str(purchase.id))
        return purchase.id


async def keep(tx: Transaction, purchase: Purchase, *, payment_id: UUID, secret: bytes, now: datetime) -> None:
    """A locked gift has its money: there is a code for it now, which its buyer may see."""
    await store.pay(tx, purchase, payment_id=payment_id, now=now)
    await ledger.post(tx, [postings.paid(purchase, now)], now=now)
    code_id = new_id()
    hashed = code_rules.hash_of(code_rules.text_of(secret, code_id))
    gift = Code(code_id, purchase.plan_id, None, purchase.id, hashed, valid_until=now + code_rules.GIFT_VALID)
    await code_store.add_gift(tx, gift)


async def make_codes(
    db: Database,
    *,
    plan_id: UUID,
    title: str,
    pieces: int,
    valid_until: datetime,
    secret: bytes,
    by: UUID,
    idempotency_key: str,
    now: datetime,
) -> CodeBatch:
    """A batch of codes, each good once until `valid_until`. The same key with the same wish gives the same batch again.

    Raises BadInput, NotFound (plan), IdempotencyConflict.
    """
    code_rules.check_batch(title, pieces, valid_until, now=now)
    batch = CodeBatch(new_id(), plan_id, title.strip(), pieces, valid_until, created_at=now, created_by=by)
    wish = {"plan": plan_id, "title": title, "pieces": pieces, "valid_until": valid_until}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="make_activation_codes",
            request=wish,
            answer=str(batch.id),
        )
        if replay:
            found = UUID(replay.answer)
            return (await queries.batches_by_ids(tx, [found]))[found]
        await store.plan(tx, plan_id)
        ids = [new_id() for _ in range(pieces)]
        hashed = [(code_id, code_rules.hash_of(code_rules.text_of(secret, code_id))) for code_id in ids]
        await code_store.add_batch(tx, batch, hashed)
        await trail.note(
            tx,
            by=by,
            deed="make_activation_codes",
            subject="codebatch",
            subject_id=batch.id,
            now=now,
            title=batch.title,
            pieces=pieces,
            valid_until=valid_until.isoformat(),
        )
        return batch


def _check_no_trial(plan: Plan) -> None:
    if plan.kind is PlanKind.TRIAL:
        raise BadInput("planId is a trial's; a trial cannot be given")
