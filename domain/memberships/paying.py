"""How a purchase is paid, and what becomes of the money that arrives for it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound, Refusal
from domain.memberships import buying, giving, purchase_rules, queries, store, upgrading
from domain.memberships.purchase_rules import Purchase, PurchaseCause, Verdict
from domain.payments import actions as payments
from domain.payments import store as payments_store
from domain.payments.gateways import Gateway

PAYABLE = "membership"
"""How payments name a purchase as what they are for."""

log = structlog.get_logger(__name__)


async def pay(
    db: Database,
    gateway: Gateway,
    *,
    purchase_id: UUID,
    account_id: UUID,
    idempotency_key: str,
    now: datetime,
    others: Iterable[Gateway] = (),
) -> payments.Asked:
    """The purchase's payment and how to pay it. Whoever asks again, with this key or another, gets the same payment.

    Unless it was pending at one of the `others`: there it is closed first, and opened anew at this gateway; a key that was
    answered before closes nothing. Raises NotFound, MembershipRenewsItself, MembershipNotPayable (none of them for such a
    key, and all before anything is closed), PayerUnknown, GatewayUnavailable, IdempotencyConflict.
    """
    wish: dict[str, Any] = {
        "owner_id": account_id,
        "key": idempotency_key,
        "operation": "pay_membership",
        "request": {"purchase": purchase_id, "gateway": gateway.name},
    }
    if await idempotency.recall(db, **wish) is None:
        purchase = (await queries.purchases_by_ids(db, [purchase_id])).get(purchase_id)
        if purchase is None:
            raise NotFound.of("purchase", purchase_id)
        purchase_rules.check_payable(purchase, account_id=account_id, now=now)
        await payments.leave_others(db, others, payable=PAYABLE, payable_id=purchase_id, payer_id=account_id, now=now)
    async with db.transaction() as tx:
        replay = await idempotency.begin(tx, **wish)
        if replay:
            payment_id = UUID(replay.answer)
        else:
            purchase = await store.lock_purchase(tx, purchase_id)
            purchase_rules.check_payable(purchase, account_id=account_id, now=now)
            payment_id = await payments_store.open_pending(
                tx,
                payable=PAYABLE,
                payable_id=purchase.id,
                payer_id=account_id,
                amount=purchase.due,
                gateway=gateway.name,
                expires_at=purchase.pay_by,
                now=now,
            )
            await idempotency.finish(tx, owner_id=account_id, key=idempotency_key, answer=str(payment_id))
    return await payments.ask(db, gateway, payment_id=payment_id, now=now)


async def take_payment(
    db: Database,
    *,
    payable_id: UUID,
    payment_id: UUID,
    amount_minor: int,
    captured_at: datetime,
    secret: bytes,
    now: datetime,
) -> None:
    """Keep captured money, or give it back: a second payment, and one for what cannot begin any more, because another plan
    runs by now, the trial was had, or an upgrade's unused days have become fewer. The same payment again changes nothing.
    """
    async with db.transaction() as tx:
        purchase = await store.lock_purchase(tx, payable_id)
        verdict = purchase_rules.judge(purchase, payment_id=payment_id, amount_minor=amount_minor)
        if verdict is Verdict.GIVE_BACK:
            await payments_store.mark_refund_due(tx, payment_id, reason="not_wanted", now=now)
        elif verdict is Verdict.ACCEPT:
            try:
                async with tx.savepoint():  # what was begun half-way is undone, the decision is kept
                    await _keep(tx, purchase, payment_id=payment_id, captured_at=captured_at, secret=secret, now=now)
            except Refusal as refusal:
                log.info("membership_declined", purchase=str(purchase.id), code=refusal.code)
                await store.decline(tx, purchase, payment_id=payment_id)
                await payments_store.mark_refund_due(tx, payment_id, reason="not_wanted", now=now)


async def _keep(
    tx: Transaction, purchase: Purchase, *, payment_id: UUID, captured_at: datetime, secret: bytes, now: datetime
) -> None:
    plan = await store.plan(tx, purchase.plan_id)
    match purchase.cause:
        case PurchaseCause.GIFT:
            await giving.keep(tx, purchase, payment_id=payment_id, secret=secret, now=now)
        case PurchaseCause.UPGRADE:
            await upgrading.keep(tx, purchase, plan, payment_id=payment_id, captured_at=captured_at, now=now)
        case PurchaseCause.BOUGHT | PurchaseCause.RENEWAL:
            await buying.keep(tx, purchase, plan, payment_id=payment_id, now=now)
