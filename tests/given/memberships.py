"""Builders for memberships: plans, purchases that are paid, and the moments after."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.benefits.rules import Benefit, BenefitKind
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.memberships import buying, code_rules, earning, exporting, giving, paying, planning, queries, upgrading
from domain.memberships.code_rules import CodeBatch
from domain.memberships.plan_rules import NewPlan, Plan, PlanKind
from domain.memberships.purchase_rules import Purchase
from domain.memberships.rules import Membership, Term
from domain.payments import actions as payments
from domain.payments import queries as payment_queries
from domain.payments import store as payment_store
from domain.payments.rules import Captured, Notice, Payment

MEMBER_PRICES = Benefit(BenefitKind.MEMBER_PRICE, {"percent": 95})
YEAR_MINOR = 36_500


class MembershipsGiven:
    """Builders for memberships."""

    market: Market
    db: Database
    now: datetime

    def new_plan(self, **terms: Any) -> NewPlan:
        """The yearly card of ¥365 with member prices, unless said otherwise."""
        period = {} if "days" in terms else {"months": 12}
        usual = {
            "name": "年卡",
            "kind": PlanKind.YEARLY,
            "price_minor": YEAR_MINOR,
            "rank": 10,
            "benefits": [MEMBER_PRICES],
            **period,
        }
        return NewPlan(**{**usual, **terms})

    async def plan(self, **terms: Any) -> Plan:
        """A plan on sale."""
        return await planning.create(
            self.db, self.new_plan(**terms), by=new_id(), idempotency_key=f"plan-{new_id()}", now=self.now
        )

    async def monthly(self, **terms: Any) -> Plan:
        """The monthly card of ¥31, of a lower rank."""
        usual = {"name": "月卡", "kind": PlanKind.MONTHLY, "price_minor": 3100, "months": 1, "rank": 5}
        return await self.plan(**{**usual, **terms})

    async def trial(self, **terms: Any) -> Plan:
        """A week for nothing."""
        usual = {
            "name": "体验卡",
            "kind": PlanKind.TRIAL,
            "price_minor": 0,
            "days": 7,
            "rank": 1,
            "is_renewable": False,
        }
        return await self.plan(**{**usual, **terms})

    async def purchase(self, plan: Plan, account_id: UUID, *, now: datetime | None = None) -> Purchase:
        """A purchase that waits for its money."""
        purchase_id = await buying.buy(
            self.db, plan_id=plan.id, account_id=account_id, idempotency_key=f"buy-{new_id()}", now=now or self.now
        )
        return await self.purchase_again(purchase_id)

    async def gift(self, plan: Plan, account_id: UUID, *, now: datetime | None = None) -> tuple[Purchase, str]:
        """A paid gift and its code."""
        purchase_id = await giving.give(
            self.db, plan_id=plan.id, account_id=account_id, idempotency_key=f"gift-{new_id()}", now=now or self.now
        )
        await self.pay_membership(await self.purchase_again(purchase_id), now=now)
        return await self.purchase_again(purchase_id), await self.code_of(purchase_id)

    async def code_of(self, purchase_id: UUID) -> str:
        """The code of a paid gift."""
        code = (await queries.gifts_by_purchase_ids(self.db, [purchase_id]))[purchase_id]
        text = code_rules.shown(self.market.settings.signing_secret, code)
        assert text is not None
        return text

    async def code_batch(self, plan: Plan, *, pieces: int = 3, by: UUID | None = None) -> CodeBatch:
        """Codes that somebody of the staff has made, good for thirty days."""
        return await giving.make_codes(
            self.db,
            plan_id=plan.id,
            title="合作银行",
            pieces=pieces,
            valid_until=self.now + timedelta(days=30),
            secret=self.market.settings.signing_secret,
            by=by or new_id(),
            idempotency_key=f"codes-{new_id()}",
            now=self.now,
        )

    async def codes_of(self, batch: CodeBatch) -> list[str]:
        """The codes of a batch, as the export shows them."""
        secret = self.market.settings.signing_secret
        rows = [row async for row in exporting.rows(self.db, batch_id=batch.id, secret=secret)]
        return [row.decode().split(",")[0] for row in rows[1:]]

    async def upgrade_to(self, plan: Plan, account_id: UUID, *, now: datetime | None = None) -> Purchase:
        """A purchase of an upgrade that waits for its money."""
        now = now or self.now
        shown = await upgrading.preview(self.db, plan_id=plan.id, account_id=account_id, now=now)
        purchase_id = await upgrading.upgrade(
            self.db,
            plan_id=plan.id,
            account_id=account_id,
            due_minor=shown.due.minor,
            idempotency_key=f"upgrade-{new_id()}",
            now=now,
        )
        return await self.purchase_again(purchase_id)

    async def membership_money(self, purchase: Purchase, *, now: datetime | None = None) -> Payment:
        """A captured payment of a purchase, whose event nobody has heard yet."""
        now = now or self.now
        async with self.db.transaction() as tx:
            payment_id = await payment_store.open_pending(
                tx,
                payable=paying.PAYABLE,
                payable_id=purchase.id,
                payer_id=purchase.account_id,
                amount=purchase.due,
                gateway="wechat",
                expires_at=purchase.pay_by,
                now=now,
            )
            await payment_store.set_reference(tx, payment_id, f"wx{payment_id.hex}")
        found = (await payment_queries.by_ids(self.db, [payment_id]))[payment_id]
        notice = Notice(f"n{new_id().hex}", Captured(payment_id, f"wx{payment_id.hex}", purchase.due, now))
        await payments.take_notice(self.db, gateway="wechat", notice=notice, now=now)
        return (await payment_queries.by_ids(self.db, [found.id]))[found.id]

    async def hear_money(self, payment: Payment, *, now: datetime | None = None) -> None:
        """What the worker does with the payment's event."""
        await paying.take_payment(
            self.db,
            payable_id=payment.payable_id,
            payment_id=payment.id,
            amount_minor=payment.amount.minor,
            captured_at=payment.captured_at or self.now,
            secret=self.market.settings.signing_secret,
            now=now or self.now,
        )

    async def pay_membership(self, purchase: Purchase, *, now: datetime | None = None) -> Payment:
        """The purchase's money comes and is heard of, which settles its letters."""
        payment = await self.membership_money(purchase, now=now)
        await self.hear_money(payment, now=now)
        return payment

    async def card(
        self, plan: Plan | None = None, account_id: UUID | None = None, *, now: datetime | None = None
    ) -> Membership:
        """Somebody who has bought and paid a plan, the yearly card unless another is named."""
        account_id = account_id or await self.shopper()  # type: ignore[attr-defined]
        purchase = await self.purchase(plan or await self.plan(), account_id, now=now)
        if purchase.due.minor:
            await self.pay_membership(purchase, now=now)
        return await self.current(account_id, now=now)

    async def purchase_again(self, purchase_id: UUID) -> Purchase:
        """The purchase as it is now."""
        return (await queries.purchases_by_ids(self.db, [purchase_id]))[purchase_id]

    async def current(self, account_id: UUID, *, now: datetime | None = None) -> Membership:
        """What somebody has at this moment."""
        return (await queries.current_of(self.db, [account_id], now=now or self.now))[account_id]

    async def membership_again(self, membership_id: UUID) -> Membership:
        """The membership as it is now."""
        return (await queries.by_ids(self.db, [membership_id]))[membership_id]

    async def terms(self, membership_id: UUID) -> Sequence[Term]:
        """A membership's terms."""
        return (await queries.terms_by_membership_ids(self.db, [membership_id]))[membership_id]

    async def earn_until(self, now: datetime) -> int:
        """Book every day that is over by then; how many there were."""
        days = 0
        while await earning.earn_next_day(self.db, now=now):
            days += 1
        return days
