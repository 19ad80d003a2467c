"""How a membership is given back: its unused days are paid back, less what its benefits were worth, and it ends at once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.benefits import queries as benefit_queries
from domain.benefits import store as benefits
from domain.benefits.rules import HolderSource
from domain.foundation import idempotency
from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.money import Money
from domain.ledger import store as ledger
from domain.memberships import buying, code_store, ending, postings, queries, rules, store
from domain.memberships.code_rules import GiftNotRefundable
from domain.memberships.purchase_rules import Purchase, PurchaseCause
from domain.memberships.rules import EndReason, Membership, NoMembership, Refunding, Term
from domain.payments import store as payments


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A membership, the terms of it that are not over, and what a refund of them comes to."""

    membership: Membership
    open_terms: tuple[Term, ...]
    refunding: Refunding
    chain: tuple[UUID, ...]
    """The membership and those that were upgraded to it, the newest first."""


async def preview(db: Database, *, account_id: UUID, now: datetime) -> Reckoned:
    """What a refund would come to now, which may be nothing. Raises NoMembership."""
    async with db.reading() as reader:
        membership = (await queries.current_of(reader, [account_id], now=now)).get(account_id)
        if membership is None:
            raise NoMembership()
        return await _reckon(reader, membership, now=now)


async def refund(db: Database, *, account_id: UUID, amount_minor: int, idempotency_key: str, now: datetime) -> UUID:
    """Give back what the running and the coming terms are worth, `amount_minor` as it was shown; the membership's id.

    It ends now, with its benefits and the coupons that they brought. What was given or activated by code ends too, and pays
    nothing. The same key again changes nothing.
    Raises NoMembership, NothingToRefund, MembershipAmountChanged, IdempotencyConflict.
    """
    request = {"amount": amount_minor}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx, owner_id=account_id, key=idempotency_key, operation="refund_membership", request=request
        )
        if replay:
            return UUID(replay.answer)
        await store.lock_account(tx, account_id)
        membership = await buying.running(tx, account_id, now=now)
        if membership is None or not membership.is_running(now):
            raise NoMembership()
        await benefits.end(tx, source=HolderSource.MEMBERSHIP, source_id=membership.id, ends_at=now, now=now)
        for holder in await store.chain_of(tx, membership.id):
            await benefits.withdraw(tx, source=HolderSource.MEMBERSHIP, source_id=holder, now=now)
        reckoned = await _reckon(tx, membership, now=now)
        rules.check_refunding(reckoned.refunding, amount_minor)
        await _close(tx, reckoned, now=now)
        await _give_back(tx, reckoned, now=now)
        await ending.end(tx, membership, EndReason.REFUNDED, at=now)
        await idempotency.finish(tx, owner_id=account_id, key=idempotency_key, answer=str(membership.id))
        return membership.id


async def refund_gift(
    db: Database, *, purchase_id: UUID, account_id: UUID, idempotency_key: str, now: datetime
) -> None:
    """All money of a gift that nobody has activated goes back to its buyer; its code is good for nothing any more.

    The same key again changes nothing. Raises NotFound, GiftNotRefundable, IdempotencyConflict.
    """
    request = {"purchase": purchase_id}
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=account_id,
            key=idempotency_key,
            operation="refund_gifted_membership",
            request=request,
            answer=str(purchase_id),
        )
        if replay:
            return
        purchase = await store.lock_purchase(tx, purchase_id)
        if purchase.account_id != account_id or purchase.cause is not PurchaseCause.GIFT:
            raise NotFound.of("purchase", purchase_id)
        code = await code_store.lock_gift(tx, purchase.id)
        if code is None or code.used_at is not None or code.withdrawn_at is not None:
            raise GiftNotRefundable(used_at=code.used_at if code else None)
        await code_store.withdraw(tx, code, now=now)
        await _give_money_back(tx, purchase, purchase.due.minor, reason="gift_refunded", now=now)


async def _close(tx: Transaction, reckoned: Reckoned, *, now: datetime) -> None:
    """Nothing more is earned of the open terms day by day; what does not go back is earned now."""
    booked, back = await store.share_books(tx), dict(reckoned.refunding.by_term)
    earned = 0
    for term in reckoned.open_terms:
        await store.close_term(tx, term, refunded_minor=back[term.id], now=now)
        earned += term.paid_minor - back[term.id] - term.earned_minor(booked)
    if earned:
        await ledger.post(tx, [postings.rest_earned(reckoned.membership.id, earned, now)], now=now)


async def _give_back(tx: Transaction, reckoned: Reckoned, *, now: datetime) -> None:
    """To the payments that it came from, the last one first: an older one is behind what an upgrade credited."""
    left = reckoned.refunding.amount.minor
    for purchase in await store.own_purchases(tx, reckoned.chain):
        part = min(left, purchase.due.minor)
        if part:
            await _give_money_back(tx, purchase, part, reason="membership_refunded", now=now)
        left -= part
    assert left == 0, f"{left} fen of membership {reckoned.membership.id} came from nowhere"


async def _give_money_back(
    tx: Transaction, purchase: Purchase, amount_minor: int, *, reason: str, now: datetime
) -> None:
    assert purchase.paid_with is not None, f"purchase {purchase.id} has no money"
    amount = Money(amount_minor, purchase.price.currency)
    # a purchase gives back once: whatever it is part of ends by that
    refund_id = await payments.ask_refund(
        tx, purchase.paid_with, amount=amount, reason=reason, cause_id=purchase.id, now=now
    )
    await store.set_refunded(tx, purchase, amount, now=now)
    entry = postings.refund_agreed(purchase.id, refund_id=refund_id, amount_minor=amount_minor, at=now)
    await ledger.post(tx, [entry], now=now)


async def _reckon(reader: Reader, membership: Membership, *, now: datetime) -> Reckoned:
    chain = await store.chain_of(reader, membership.id)
    terms = await queries.terms_by_membership_ids(reader, chain)
    open_terms = tuple(term for term in terms[membership.id] if term.ends_at > now)
    used = 0
    for holder in chain:
        # what was used in terms that came to their end was paid for by these
        counted = [term.starts_at for term in terms[holder] if term.ends_at > now or term.closed_at is not None]
        if counted:
            used += await benefit_queries.value_used(
                reader, source=HolderSource.MEMBERSHIP, source_id=holder, since=min(counted)
            )
    refunding = rules.refunding(open_terms, used_benefits_minor=used, day=shop_day(now))
    return Reckoned(membership, open_terms, refunding, tuple(chain))
