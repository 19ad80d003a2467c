"""Buying memberships: for oneself, as a gift, as an upgrade; paying for what was bought, and gifts that are given back."""

from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.memberships import MembershipPlan, show_plan
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.payments import Payment, PaymentGateway, PaymentInstructions, show_instructions, show_payment
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.rates import Rate
from domain.memberships import (
    buying,
    code_rules,
    giving,
    paying,
    plan_rules,
    purchase_rules,
    queries,
    refunding,
    rules,
    upgrading,
)
from domain.payments import queries as payments
from domain.payments.gateways import gateway_of, gateways_of
from domain.payments.rules import GatewayUnavailable, PayerUnknown, PaymentsSwitchedOff

_payments_by_purchase_ids = partial(payments.by_payable_ids, payable=paying.PAYABLE)

MembershipPurchaseCause = strawberry.enum(
    purchase_rules.PurchaseCause, name="MembershipPurchaseCause", description="What a purchase was made for."
)
MembershipPurchaseState = strawberry.enum(
    purchase_rules.PurchaseState,
    name="MembershipPurchaseState",
    description="Where a purchase stands. DECLINED: its money came when it could not begin any more, and goes back.",
)


@strawberry.type(directives=to(Who.OWNER), description="One term of a plan that somebody buys, and its money. 会员购买")
class MembershipPurchase(Node):
    """A purchase."""

    cause: MembershipPurchaseCause
    state: MembershipPurchaseState
    price: Money
    credit: Money = strawberry.field(description="Of the price, what the unused days of the plan before were worth.")
    due: Money = strawberry.field(description="To be paid: the price less the credit.")
    pay_by: datetime = strawberry.field(
        description="To be paid before this moment; an upgrade before the shop's midnight, too."
    )
    paid_at: datetime | None
    refunded: Money = strawberry.field(description="What was agreed to go back.")
    row: strawberry.Private[purchase_rules.Purchase]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What was bought.")
    async def plan(self, info: Info) -> MembershipPlan:
        """The plan, fetched for all purchases together."""
        plan = await batched(info, queries.plans_by_ids).load(self.row.plan_id)
        assert plan is not None
        return show_plan(plan)

    @strawberry.field(description="The payment that tells most; null before one was asked for.")
    async def payment(self, info: Info) -> Payment | None:
        """The payment, fetched for all purchases together."""
        payment = await batched(info, _payments_by_purchase_ids).load(self.row.id)
        return show_payment(payment) if payment else None

    @strawberry.field(
        directives=to(Who.ONLY_OWNER),
        description="Of a gift that is paid: the code to give away, for its buyer alone; null once it was given back. 赠卡码",
    )
    async def gift_code(self, info: Info) -> str | None:
        """The code."""
        gift = await _gift(info, self.row)
        if gift is None or gift.withdrawn_at is not None:
            return None
        return code_rules.shown(info.context.market.settings.signing_secret, gift)

    @strawberry.field(
        description="Of a gift: until when it can be activated; its money goes back at any time before it is."
    )
    async def gift_valid_until(self, info: Info) -> datetime | None:
        """The end of its time."""
        gift = await _gift(info, self.row)
        return gift.valid_until if gift else None

    @strawberry.field(description="Of a gift: when somebody activated it.")
    async def gift_used_at(self, info: Info) -> datetime | None:
        """When it was activated."""
        gift = await _gift(info, self.row)
        return gift.used_at if gift else None


@strawberry.type(
    directives=to(Who.SIGNED_IN),
    description="What an upgrade comes to today, in the shop's calendar.",
)
class MembershipUpgradePreview:
    """The figures."""

    plan: MembershipPlan
    credit: Money = strawberry.field(
        description="Of each running or coming term: what was paid x unused days / days, down to the fen; nothing is taken off. "
        "Today is used; the day on which the card began is not counted."
    )
    days_left: int = strawberry.field(description="Unused days.")
    due: Money = strawberry.field(description="The price less the credit.")


@strawberry.input(description="Which plan.")
class BuyMembershipInput:
    """A plan."""

    plan_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same purchase."
    )


@strawberry.input(description="To which plan, for how much.")
class UpgradeMembershipInput:
    """An upgrade."""

    plan_id: strawberry.ID
    due_minor: Long = strawberry.field(description="As `previewMembershipUpgrade` showed it: fen.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same purchase."
    )


@strawberry.input(description="Pay for a purchase.")
class PayMembershipInput:
    """Which, and where."""

    purchase_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same payment."
    )
    gateway: PaymentGateway | None = strawberry.field(
        default=None,
        description="Through which company; null: the market's usual one. A payment pending at another is closed first.",
    )


@strawberry.input(description="Have the money of a gift back that nobody has activated.")
class RefundMembershipGiftInput:
    """Which."""

    purchase_id: strawberry.ID
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


BuyMembershipResult = Annotated[
    MembershipPurchase
    | refusal(plan_rules.MembershipPlanStopped)
    | refusal(rules.MembershipRunning)
    | refusal(rules.TrialTaken)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("BuyMembershipResult"),
]
GiftMembershipResult = Annotated[
    MembershipPurchase | refusal(plan_rules.MembershipPlanStopped) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("GiftMembershipResult"),
]
PreviewMembershipUpgradeResult = Annotated[
    MembershipUpgradePreview
    | refusal(plan_rules.MembershipPlanStopped)
    | refusal(rules.NoMembership)
    | refusal(rules.NotAnUpgrade)
    | refusal(NotFound),
    strawberry.union("PreviewMembershipUpgradeResult"),
]
UpgradeMembershipResult = Annotated[
    MembershipPurchase
    | refusal(plan_rules.MembershipPlanStopped)
    | refusal(rules.NoMembership)
    | refusal(rules.NotAnUpgrade)
    | refusal(rules.MembershipAmountChanged)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("UpgradeMembershipResult"),
]
PayMembershipResult = Annotated[
    PaymentInstructions
    | refusal(purchase_rules.MembershipNotPayable)
    | refusal(purchase_rules.MembershipRenewsItself)
    | refusal(GatewayUnavailable)
    | refusal(PayerUnknown)
    | refusal(PaymentsSwitchedOff)
    | refusal(NotFound)
    | refusal(IdempotencyConflict),
    strawberry.union("PayMembershipResult"),
]
RefundMembershipGiftResult = Annotated[
    MembershipPurchase | refusal(code_rules.GiftNotRefundable) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("RefundMembershipGiftResult"),
]


@strawberry.type
class BuyingMembershipsQuery:
    """What buyers ask."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="What an upgrade of one's card would come to today.")
    async def preview_membership_upgrade(self, info: Info, plan_id: strawberry.ID) -> PreviewMembershipUpgradeResult:
        """The figures."""
        context = info.context
        found = await upgrading.preview(
            context.market.db,
            plan_id=read_id("plan", plan_id),
            account_id=context.shopper.account_id,
            now=context.now,
        )
        return MembershipUpgradePreview(
            plan=show_plan(found.plan),
            credit=Money.of(found.credit.paid_minor),
            days_left=found.days_left,
            due=Money.of(found.due.minor),
        )

    @strawberry.field(
        directives=to(Who.SIGNED_IN), description="Gifts that one has bought and paid, newest first. 我的赠卡"
    )
    async def my_membership_gifts(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[MembershipPurchase]:
        """The asker's gifts."""
        context = info.context
        page = await queries.gifts_of(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_purchase)


@strawberry.type
class BuyingMembershipsMutation:
    """Buying."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="One term of a plan, for oneself, to be paid with payMembership; what costs nothing begins at once. Whoever "
        "has the plan has it longer. 开通会员",
    )
    async def buy_membership(self, info: Info, input: BuyMembershipInput) -> BuyMembershipResult:
        """Buy."""
        context = info.context
        purchase_id = await buying.buy(
            context.market.db,
            plan_id=read_id("plan", input.plan_id),
            account_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await _load(info, purchase_id)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="One term of a plan, for somebody else, to be paid with payMembership: then it has a `giftCode`. 赠送会员",
    )
    async def gift_membership(self, info: Info, input: BuyMembershipInput) -> GiftMembershipResult:
        """Give."""
        context = info.context
        purchase_id = await giving.give(
            context.market.db,
            plan_id=read_id("plan", input.plan_id),
            account_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await _load(info, purchase_id)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="Change to a plan of a higher rank, once what is due was paid with payMembership: the card ends, and the new "
        "one begins. Money that comes on another day goes back. 升级",
    )
    async def upgrade_membership(self, info: Info, input: UpgradeMembershipInput) -> UpgradeMembershipResult:
        """Upgrade."""
        context = info.context
        purchase_id = await upgrading.upgrade(
            context.market.db,
            plan_id=read_id("plan", input.plan_id),
            account_id=context.shopper.account_id,
            due_minor=input.due_minor,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await _load(info, purchase_id)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="How to pay one's purchase. Asked again, with this key or another, it gives the same payment.",
    )
    async def pay_membership(self, info: Info, input: PayMembershipInput) -> PayMembershipResult:
        """How to pay."""
        context = info.context
        settings = context.market.settings
        gateway = gateway_of(settings, input.gateway.name.lower() if input.gateway else None)
        asked = await paying.pay(
            context.market.db,
            gateway,
            others=[other for other in gateways_of(settings).values() if other is not gateway],
            purchase_id=read_id("purchase", input.purchase_id),
            account_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_instructions(asked)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.PAY)],
        description="Have all the money of a gift back that nobody has activated; its code is good for nothing then. 赠卡退款",
    )
    async def refund_membership_gift(self, info: Info, input: RefundMembershipGiftInput) -> RefundMembershipGiftResult:
        """Give back."""
        context = info.context
        purchase_id = read_id("purchase", input.purchase_id)
        await refunding.refund_gift(
            context.market.db,
            purchase_id=purchase_id,
            account_id=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await _load(info, purchase_id)


@finds("purchase")
async def find_purchase(info: Info, id: UUID) -> MembershipPurchase | None:
    """A purchase that the asker may see: one's own, or as staff anybody's."""
    found = await batched(info, queries.purchases_by_ids).load(id)
    principal = info.context.principal
    if found is None or principal is None or not (principal.is_staff or found.account_id == principal.account_id):
        return None
    return show_purchase(found)


def show_purchase(purchase: purchase_rules.Purchase) -> MembershipPurchase:
    """The GraphQL object of a purchase."""
    return MembershipPurchase(
        id=show_id("purchase", purchase.id),
        cause=purchase.cause,
        state=purchase.state,
        price=Money.of(purchase.price.minor),
        credit=Money.of(purchase.credit.minor),
        due=Money.of(purchase.due.minor),
        pay_by=purchase.pay_by,
        paid_at=purchase.paid_at,
        refunded=Money.of(purchase.refunded.minor),
        row=purchase,
        owner=purchase.account_id,
    )


async def _load(info: Info, purchase_id: UUID) -> MembershipPurchase:
    return show_purchase((await queries.purchases_by_ids(info.context.market.db, [purchase_id]))[purchase_id])


async def _gift(info: Info, purchase: purchase_rules.Purchase) -> code_rules.Code | None:
    if purchase.cause is not purchase_rules.PurchaseCause.GIFT:
        return None
    return await batched(info, queries.gifts_by_purchase_ids).load(purchase.id)
