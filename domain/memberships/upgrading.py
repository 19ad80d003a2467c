"""How a membership makes way for one of a higher rank: its unused days count towards the price, and it ends at once."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from domain.benefits import store as benefits
from domain.benefits.rules import HolderSource
from domain.foundation import idempotency
from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Reader, Transaction
from domain.foundation.money import Money
from domain.ledger import store as ledger
from domain.memberships import buying, ending, plan_rules, postings, queries, rules, store
from domain.memberships.plan_rules import Plan, PlanKind
from domain.memberships.purchase_rules import Purchase, PurchaseCause
from domain.memberships.rules import (
    EndReason,
    Membership,
    MembershipAmountChanged,
    NoMembership,
    NotAnUpgrade,
    Term,
    Worth,
)


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade comes to on a day: `due` is the price less `credit`, what the unused days are worth."""

    membership: Membership
    plan: Plan
    day: date
    open_terms: tuple[Term, ...]
    credit: Worth
    days_left: int

    @property
    def due(self) -> Money:
        """What is to be paid."""
        return Money(self.plan.price.minor - self.credit.paid_minor, self.plan.price.currency)


async def preview(db: Database, *, plan_id: UUID, account_id: UUID, now: datetime) -> Upgrade:
    """What an upgrade would come to now. Raises NotFound, MembershipPlanStopped, NoMembership, NotAnUpgrade."""
    async with db.reading() as reader:
        membership = (await queries.current_of(reader, [account_id], now=now)).get(account_id)
        if membership is None:
            raise NoMembership()
        plan = await store.plan(reader, plan_id)
        plan_rules.check_on_sale(plan)
        return await _reckon(reader, membership, plan, day=shop_day(now), now=now)


async def upgrade(
    db: Database, *, plan_id: UUID, account_id: UUID, due_minor: int, idempotency_key: str, now: datetime
) -> UUID:
    """The id of a purchase, to be paid before the shop's next midnight, at `due_minor` as it was shown.

    Nothing changes until its money is here; where nothing is due the upgrade is done. The same key gives the same purchase.
    Raises NotFound, MembershipPlanStopped, NoMembership, NotAnUpgrade, MembershipAmountChanged, IdempotencyConflict.
    """
    request = {"plan": plan_id, "due": due_minor}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=account_id, key=idempotency_key, operation="upgrade_membership", request=request
        )
        if replay:
            return UUID(replay.answer)
        await store.lock_account(tx, account_id)
        plan = await store.plan(tx, plan_id)
        plan_rules.check_on_sale(plan)
        reckoned = await _reckon(tx, await _running(tx, account_id, now=now), plan, day=shop_day(now), now=now)
        if reckoned.due.minor != due_minor:
            raise MembershipAmountChanged(amount=reckoned.due)
        purchase = await buying.open_purchase(
            tx,
            account_id=account_id,
            plan=plan,
            cause=PurchaseCause.UPGRADE,
            credit_minor=reckoned.credit.paid_minor,
            upgrades=reckoned.membership.id,
            now=now,
        )
        if not purchase.due.minor:
            await _change(tx, purchase, reckoned, payment_id=None, now=now)
        await idempotency.finish(tx, owner_id=account_id, key=idempotency_key, answer=str(purchase.id))
        return purchase.id


async def keep(
    tx: Transaction, purchase: Purchase, plan: Plan, *, payment_id: UUID, captured_at: datetime, now: datetime
) -> None:
    """A locked purchase has its money, which came at `captured_at`: the old membership ends and the new one begins now.

    Raises NoMembership, NotAnUpgrade and MembershipAmountChanged when the unused days are not what they were when it was made; the
    transaction (or its savepoint) is then to be left.
    """
    membership = await _running(tx, purchase.account_id, now=now)
    if membership.id != purchase.upgrades:
        raise NoMembership()
    reckoned = await _reckon(tx, membership, plan, day=shop_day(captured_at), now=now)
    if reckoned.due != purchase.due:
        raise MembershipAmountChanged(amount=reckoned.due)
    await _change(tx, purchase, reckoned, payment_id=payment_id, now=now)


async def _change(
    tx: Transaction, purchase: Purchase, reckoned: Upgrade, *, payment_id: UUID | None, now: datetime
) -> None:
    old, booked = reckoned.membership, await store.share_books(tx)
    await store.pay(tx, purchase, payment_id=payment_id, now=now)
    entries = [postings.paid(purchase, now)] if purchase.due.minor else []
    earned = 0
    for term in reckoned.open_terms:
        carried = term.left_minor(term.paid_minor, reckoned.day)
        await store.close_term(tx, term, carried_minor=carried, now=now)
        earned += term.paid_minor - carried - term.earned_minor(booked)
    if earned:
        entries.append(postings.rest_earned(old.id, earned, now))
    await ledger.post(tx, entries, now=now)
    await ending.end(tx, old, EndReason.UPGRADED, at=now)
    await benefits.end(tx, source=HolderSource.MEMBERSHIP, source_id=old.id, ends_at=now, now=now)
    worth = Worth(reckoned.plan.price.minor, purchase.due.minor + reckoned.credit.refundable_minor)
    new = rules.begin(old.account_id, reckoned.plan, now=now, upgraded_from=old.id)
    await buying.begin(tx, new, reckoned.plan, worth, purchase_id=purchase.id, code_id=None, now=now)


async def _running(tx: Transaction, account_id: UUID, *, now: datetime) -> Membership:
    membership = await buying.running(tx, account_id, now=now)
    if membership is None or not membership.is_running(now):
        raise NoMembership()
    return membership


async def _reckon(reader: Reader, membership: Membership, plan: Plan, *, day: date, now: datetime) -> Upgrade:
    open_terms = tuple(term for term in await store.terms_of(reader, membership.id) if term.ends_at > now)
    credit = rules.credit_of(open_terms, day)
    is_higher = plan.rank > (await store.plan(reader, membership.plan_id)).rank and plan.kind is not PlanKind.TRIAL
    if not is_higher or credit.paid_minor > plan.price.minor:
        raise NotAnUpgrade(credit=Money(credit.paid_minor), price=plan.price)
    days_left = sum(term.days - term.days_used(day) for term in open_terms)
    return Upgrade(membership, plan, day, open_terms, credit, days_left)
