"""Products for those who run the shop: publishing, prices, costs and corrections of stock."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.nodes import read_id
from api.products import Product, Sku, find_product, find_sku
from api.refusals import refusal
from api.scalars import Long
from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.products import actions
from domain.stock import actions as stock_actions
from domain.stock import queries as stock
from domain.stock.rules import NotEnoughStock, StockChanged


@strawberry.input(description="Show a product to shoppers.")
class PublishProductInput:
    """Which product."""

    product_id: strawberry.ID


@strawberry.input(description="Hide a product from shoppers; orders and sales that stand go on.")
class UnpublishProductInput:
    """Which product."""

    product_id: strawberry.ID


@strawberry.input(description="Give a SKU its prices; orders that stand keep theirs.")
class SetSkuPriceInput:
    """Which SKU, and what it shall cost."""

    sku_id: strawberry.ID
    price_minor: Long = strawberry.field(description="Minor units: fen; 0 or more.")
    compare_at_price_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen; above the price. Left out or null: none from now on."
    )


@strawberry.input(description="Say what a unit of a SKU costs the shop: margin is reckoned with it.")
class SetSkuCostInput:
    """Which SKU, what it costs, and since when."""

    sku_id: strawberry.ID
    cost_minor: Long | None = strawberry.field(description="Minor units: fen; 0 or more. Null: nobody knows.")
    since: datetime | None = strawberry.field(
        default=None,
        description="From when on, until the next change that was said; a moment that has come. Left out: now.",
    )


@strawberry.input(description="Add units to free stock, or take some away, unless it has changed meanwhile.")
class AdjustStockInput:
    """Which SKU, by how much, and why."""

    sku_id: strawberry.ID
    change: Long = strawberry.field(description="Units to add; below zero, to take away. Not 0.")
    expected_free: Long = strawberry.field(description="The free units you saw; refused if there are others now.")
    reason: str = strawberry.field(description="For the ledger of movements: 1 to 500 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing."
    )


ProductResult = Annotated[Product | refusal(NotFound), strawberry.union("ProductResult")]
SetSkuPriceResult = Annotated[Sku | refusal(NotFound), strawberry.union("SetSkuPriceResult")]
SetSkuCostResult = Annotated[Sku | refusal(NotFound), strawberry.union("SetSkuCostResult")]
AdjustStockResult = Annotated[
    Sku | refusal(StockChanged) | refusal(NotEnoughStock) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("AdjustStockResult"),
]


@strawberry.type
class RunningProductsMutation:
    """What those who run the shop do. A second call with the same input changes nothing."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Show a product to shoppers.")
    async def publish_product(self, info: Info, input: PublishProductInput) -> ProductResult:
        """Show it."""
        context, product_id = info.context, read_id("product", input.product_id)
        await actions.publish(context.market.db, product_id=product_id, by=context.shopper.account_id, now=context.now)
        return await find_product(info, product_id)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Hide a product from shoppers.")
    async def unpublish_product(self, info: Info, input: UnpublishProductInput) -> ProductResult:
        """Hide it."""
        context, product_id = info.context, read_id("product", input.product_id)
        await actions.unpublish(
            context.market.db, product_id=product_id, by=context.shopper.account_id, now=context.now
        )
        return await find_product(info, product_id)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Give a SKU its prices.")
    async def set_sku_price(self, info: Info, input: SetSkuPriceInput) -> SetSkuPriceResult:
        """Give it its prices."""
        context, sku_id = info.context, read_id("sku", input.sku_id)
        await actions.set_price(
            context.market.db,
            sku_id=sku_id,
            price_minor=input.price_minor,
            compare_at_minor=input.compare_at_price_minor,
            by=context.shopper.account_id,
            now=context.now,
        )
        return await find_sku(info, sku_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER),
        description="Say what a unit of a SKU of our own costs; what suppliers are owed stays. A `Cost per item` of an import "
        "does the same from then on.",
    )
    async def set_sku_cost(self, info: Info, input: SetSkuCostInput) -> SetSkuCostResult:
        """Say what it costs."""
        context, sku_id = info.context, read_id("sku", input.sku_id)
        await actions.set_cost(
            context.market.db,
            sku_id=sku_id,
            cost_minor=input.cost_minor,
            since=input.since,
            by=context.shopper.account_id,
            now=context.now,
        )
        return await find_sku(info, sku_id)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Correct the free units of a SKU.")
    async def adjust_stock(self, info: Info, input: AdjustStockInput) -> AdjustStockResult:
        """Correct its units."""
        context, sku_id = info.context, read_id("sku", input.sku_id)
        # asked before, as SKUs are never deleted: the ledger itself would only complain of a foreign key
        if not await stock.skus_by_ids(context.market.db, [sku_id]):
            raise NotFound("sku", input.sku_id)
        await stock_actions.adjust(
            context.market.db,
            sku_id=sku_id,
            change=input.change,
            expected_free=input.expected_free,
            reason=input.reason,
            by=context.shopper.account_id,
            idempotency_key=input.idempotency_key,
            now=context.now,
        )
        return await find_sku(info, sku_id)
