"""How somebody comes to have a membership: a purchase is made, and what is paid for begins or is added to what runs."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.benefits import store as benefits
from domain.benefits.rules import HolderSource
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import new_id
from domain.ledger import store as ledger
from domain.memberships import ending, plan_rules, postings, purchase_rules, rules, store
from domain.memberships.events import MembershipBegan, MembershipExtended
from domain.memberships.plan_rules import Plan, PlanKind
from domain.memberships.purchase_rules import NOTHING, Purchase, PurchaseCause, PurchaseState
from domain.memberships.rules import EndReason, Membership, Term, Worth


async def buy(db: Database, *, plan_id: UUID, account_id: UUID, idempotency_key: str, now: datetime) -> UUID:
    """The id of a purchase of one term, to be paid; what costs nothing begins at once. The same key gives the same purchase.

    Raises NotFound, MembershipPlanStopped, MembershipRunning (another plan), TrialTaken, IdempotencyConflict.
    """
    request = {"plan": plan_id}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=account_id, key=idempotency_key, operation="buy_membership", request=request
        )
        if replay:
            return UUID(replay.answer)
        await store.lock_account(tx, account_id)
        plan = await store.plan(tx, plan_id)
        plan_rules.check_on_sale(plan)
        await _check_can_have(tx, account_id, plan, now=now)
        purchase = await open_purchase(tx, account_id=account_id, plan=plan, cause=PurchaseCause.BOUGHT, now=now)
        if not purchase.due.minor:
            await keep(tx, purchase, plan, payment_id=None, now=now)
        await idempotency.finish(tx, owner_id=account_id, key=idempotency_key, answer=str(purchase.id))
        return purchase.id


async def open_purchase(
    tx: Transaction,
    *,
    account_id: UUID,
    plan: Plan,
    cause: PurchaseCause,
    now: datetime,
    credit_minor: int = 0,
    upgrades: UUID | None = None,
) -> Purchase:
    """A new purchase of one term at the plan's price, which waits for its money. It holds nothing and stops nothing."""
    purchase = Purchase(
        id=new_id(),
        account_id=account_id,
        plan_id=plan.id,
        cause=cause,
        price=plan.price,
        credit=replace(NOTHING, minor=credit_minor),
        state=PurchaseState.PENDING,
        made_at=now,
        pay_by=purchase_rules.pay_by(cause, now),
        upgrades=upgrades,
    )
    await store.add_purchase(tx, purchase)
    return purchase


async def keep(tx: Transaction, purchase: Purchase, plan: Plan, *, payment_id: UUID | None, now: datetime) -> Term:
    """A locked purchase for oneself has its money, or costs nothing: its term begins, or comes after those there are.

    Raises MembershipRunning and TrialTaken; the transaction (or its savepoint) is then to be left.
    """
    await store.pay(tx, purchase, payment_id=payment_id, now=now)
    if purchase.due.minor:
        await ledger.post(tx, [postings.paid(purchase, now)], now=now)
    worth = Worth(purchase.due.minor, purchase.due.minor)
    return await begin_or_extend(
        tx, account_id=purchase.account_id, plan=plan, worth=worth, purchase_id=purchase.id, now=now
    )


async def begin_or_extend(
    tx: Transaction,
    *,
    account_id: UUID,
    plan: Plan,
    worth: Worth,
    now: datetime,
    purchase_id: UUID | None = None,
    code_id: UUID | None = None,
) -> Term:
    """One more term of a plan for a locked account: from now on, or after the last one of the same plan that runs.

    The purchase or the code brings one term, once; the database refuses a second. Raises MembershipRunning while another
    plan runs, TrialTaken.
    """
    membership = await _check_can_have(tx, account_id, plan, now=now)
    if membership is None:
        # whoever ended the last one may have come later and been faster
        began_at = max(now, await store.last_end(tx, account_id) or now)
        new = rules.begin(account_id, plan, now=began_at)
        return await begin(tx, new, plan, worth, purchase_id=purchase_id, code_id=code_id, now=now)
    number = len(await store.terms_of(tx, membership.id)) + 1
    term = rules.term_of(membership, plan, number, worth, purchase_id=purchase_id, code_id=code_id)
    await store.extend(tx, membership, term.ends_at)
    await _add_term(tx, term, now=now)
    await benefits.extend(tx, source=HolderSource.MEMBERSHIP, source_id=membership.id, ends_at=term.ends_at, now=now)
    tx.record(MembershipExtended(account_id, membership.id, plan.id, term.id, extended_at=now, ends_at=term.ends_at))
    return term


async def begin(
    tx: Transaction,
    membership: Membership,
    plan: Plan,
    worth: Worth,
    *,
    purchase_id: UUID | None,
    code_id: UUID | None,
    now: datetime,
) -> Term:
    """A new membership of a locked account that has none, with its first term and its benefits."""
    term = rules.term_of(membership, plan, 1, worth, purchase_id=purchase_id, code_id=code_id)
    await store.add_membership(tx, membership)
    await _add_term(tx, term, now=now)
    await benefits.hold(
        tx,
        account_id=membership.account_id,
        source=HolderSource.MEMBERSHIP,
        source_id=membership.id,
        benefits=plan.benefits,
        starts_at=membership.began_at,
        ends_at=membership.ends_at,
        now=now,
    )
    tx.record(
        MembershipBegan(
            membership.account_id,
            membership.id,
            plan.id,
            began_at=membership.began_at,
            ends_at=membership.ends_at,
            upgraded_from=membership.upgraded_from,
        )
    )
    return term


async def running(tx: Transaction, account_id: UUID, *, now: datetime) -> Membership | None:
    """What a locked account has; what is over and still stands as living is ended.

    It may have begun after `now`, when somebody who came later was faster.
    """
    membership = await store.living(tx, account_id)
    if membership is None or now < membership.over_at:
        return membership
    await ending.end(tx, membership, EndReason.EXPIRED, at=membership.over_at)
    return None


async def _check_can_have(tx: Transaction, account_id: UUID, plan: Plan, *, now: datetime) -> Membership | None:
    """What the account has now of this plan. Raises MembershipRunning, TrialTaken."""
    membership = await running(tx, account_id, now=now)
    has_had_trial = plan.kind is PlanKind.TRIAL and await store.has_had_trial(tx, account_id)
    rules.check_can_have(plan, membership, has_had_trial=has_had_trial)
    return membership


async def _add_term(tx: Transaction, term: Term, *, now: datetime) -> None:
    """Write a term. Days of it that the ledger has gone past, because it was renewed late, are earned at once."""
    earned = term.earned_minor(await store.share_books(tx))
    await store.add_term(tx, term, now=now)
    if earned:
        await ledger.post(tx, [postings.earned(term.id, earned, now)], now=now)
