"""Benefits for staff: granting them to one person, the prices and the goods of members, and what could not be given."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, to
from api.benefits import BenefitGrant, BenefitHolding, BenefitInput, show_grant, show_holding
from api.context import Info
from api.money import Money
from api.nodes import Connection, read_id
from api.products import Product, Sku, products_by_ids, sku_loader
from api.refusals import refusal
from api.scalars import Long
from domain.benefits import actions, grants, queries, rules
from domain.foundation.errors import IdempotencyConflict, NotFound


@strawberry.type(directives=to(Who.STAFF), description="What a unit of a SKU costs members. 会员价")
class MemberPrice:
    """A member price."""

    price: Money
    set_at: datetime
    sku_key: strawberry.Private[UUID]

    @strawberry.field(description="Whose price it is.")
    async def sku(self, info: Info) -> Sku | None:
        """Its SKU, fetched for all prices together."""
        return await sku_loader(info).load(self.sku_key)


@strawberry.type(directives=to(Who.STAFF), description="Something that was due to somebody and could not be given.")
class FailedGrant:
    """A failed grant."""

    grant: BenefitGrant
    failed_with: str = strawberry.field(description="The code of the refusal, like COUPONS_GONE.")
    retry_at: datetime | None = strawberry.field(description="When it is tried again; null: not any more.")


@strawberry.input(description="Grant benefits to one person, from now on.")
class GrantBenefitsInput:
    """To whom, what and why."""

    account_id: strawberry.ID
    benefits: list[BenefitInput] = strawberry.field(description="1 to 20, each kind once; COUPONS once of each batch.")
    ends_at: datetime | None = strawberry.field(
        default=None, description="From this moment on they do not hold. Left out or null: until somebody ends them."
    )
    reason: str = strawberry.field(description="For the others behind the counter: 1 to 200 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it gives the same holding."
    )


@strawberry.input(description="End benefits that staff have granted.")
class EndBenefitsInput:
    """Which, and why."""

    holding_id: strawberry.ID
    reason: str = strawberry.field(description="For the others behind the counter: 1 to 200 characters.")


@strawberry.input(description="What a unit costs members.")
class MemberPriceInput:
    """Of which SKU, and how much."""

    sku_id: strawberry.ID
    price_minor: Long | None = strawberry.field(
        description="Minor units: fen, 1 or more. Null: no price of theirs any more."
    )


@strawberry.input(description="Prices of members; orders that stand keep theirs.")
class SetMemberPricesInput:
    """The prices."""

    prices: list[MemberPriceInput] = strawberry.field(description="1 to 200; of a SKU that is there twice the last.")


@strawberry.input(description="Whether products are sold to members only.")
class SetMemberOnlyGoodsInput:
    """Which, and whether."""

    product_ids: list[strawberry.ID] = strawberry.field(description="1 to 200.")
    is_members_only: bool


@strawberry.type(directives=to(Who.STAFF), description="The prices as they are now.")
class MemberPricesSet:
    """What was set."""

    skus: list[Sku] = strawberry.field(description="The SKUs that were named.")


@strawberry.type(directives=to(Who.STAFF), description="The products as they are now.")
class MemberOnlyGoodsSet:
    """What was set."""

    products: list[Product] = strawberry.field(description="The products that were named.")


GrantBenefitsResult = Annotated[
    BenefitHolding | refusal(NotFound) | refusal(IdempotencyConflict), strawberry.union("GrantBenefitsResult")
]
EndBenefitsResult = Annotated[
    BenefitHolding | refusal(NotFound) | refusal(rules.BenefitsElsewhere), strawberry.union("EndBenefitsResult")
]
SetMemberPricesResult = Annotated[MemberPricesSet | refusal(NotFound), strawberry.union("SetMemberPricesResult")]
SetMemberOnlyGoodsResult = Annotated[
    MemberOnlyGoodsSet | refusal(NotFound), strawberry.union("SetMemberOnlyGoodsResult")
]


@strawberry.type
class RunningBenefitsQuery:
    """What staff ask about benefits."""

    @strawberry.field(
        directives=to(Who.STAFF), description="What somebody has been granted, over or not, newest first."
    )
    async def benefit_holdings(
        self, info: Info, account_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[BenefitHolding]:
        """An account's holdings."""
        key = read_id("account", account_id)
        page = await queries.holdings_page(info.context.market.db, key, since=None, first=first, after=after)
        return Connection.of(page, show_holding)

    @strawberry.field(
        directives=to(Who.STAFF), description="What was due to somebody and could not be given, newest first."
    )
    async def failed_benefit_grants(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[FailedGrant]:
        """Failed grants."""
        page = await queries.failed_grants_page(info.context.market.db, first=first, after=after)
        return Connection.of(page, _show_failed)

    @strawberry.field(directives=to(Who.STAFF), description="Every member price, the newest SKU first.")
    async def member_prices(self, info: Info, first: int = 20, after: str | None = None) -> Connection[MemberPrice]:
        """Every member price."""
        page = await queries.member_prices_page(info.context.market.db, first=first, after=after)
        return Connection.of(page, _show_price)

    @strawberry.field(
        directives=to(Who.STAFF), description="The products that are sold to members only, the newest first."
    )
    async def member_only_goods(self, info: Info, first: int = 20, after: str | None = None) -> Connection[Product]:
        """Products for members only."""
        page = await queries.member_only_page(info.context.market.db, first=first, after=after)
        shown = await products_by_ids(info, page.rows)
        return Connection.of(page, shown.__getitem__)


@strawberry.type
class RunningBenefitsMutation:
    """What staff do with benefits."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Benefits for one person, from now on.")
    async def grant_benefits(self, info: Info, input: GrantBenefitsInput) -> GrantBenefitsResult:
        """Grant them."""
        context = info.context
        holding = await actions.grant(
            context.market.db,
            account_id=read_id("account", input.account_id),
            benefits=[benefit.read() for benefit in input.benefits[: rules.MOST_BENEFITS + 1]],
            ends_at=input.ends_at,
            reason=input.reason,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return show_holding(holding)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="End what `grantBenefits` began; what it has brought stays. Repeating it changes nothing.",
    )
    async def end_benefits(self, info: Info, input: EndBenefitsInput) -> EndBenefitsResult:
        """End them."""
        context = info.context
        holding = await actions.end(
            context.market.db,
            holding_id=read_id("benefitholding", input.holding_id),
            reason=input.reason,
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_holding(holding)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="What units of these SKUs cost members. Repeating it changes nothing.",
    )
    async def set_member_prices(self, info: Info, input: SetMemberPricesInput) -> SetMemberPricesResult:
        """Set prices."""
        context = info.context
        named = input.prices[: rules.MOST_AT_ONCE + 1]
        prices = {read_id("sku", each.sku_id): each.price_minor for each in named}
        await actions.set_member_prices(context.market.db, prices, by=context.shopper.account_id, now=context.now)
        found = await sku_loader(info).load_many(list(prices))
        return MemberPricesSet(skus=[sku for sku in found if sku])

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Sell products to members only, or to everybody again. Repeating it changes nothing.",
    )
    async def set_member_only_goods(self, info: Info, input: SetMemberOnlyGoodsInput) -> SetMemberOnlyGoodsResult:
        """Set who may buy them."""
        context = info.context
        named = [read_id("product", id) for id in input.product_ids[: rules.MOST_AT_ONCE + 1]]
        wanted = dict.fromkeys(named, input.is_members_only)
        await actions.set_member_only_goods(context.market.db, wanted, by=context.shopper.account_id, now=context.now)
        shown = await products_by_ids(info, list(wanted))
        return MemberOnlyGoodsSet(products=[shown[id] for id in wanted])


def _show_failed(grant: grants.Grant) -> FailedGrant:
    assert grant.failed_with is not None
    return FailedGrant(grant=show_grant(grant), failed_with=grant.failed_with, retry_at=grant.retry_at)


def _show_price(price: queries.MemberPrice) -> MemberPrice:
    return MemberPrice(price=Money.of(price.price_minor), set_at=price.set_at, sku_key=price.sku_id)
