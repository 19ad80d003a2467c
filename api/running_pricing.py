"""Prices for those who run the shop: sale prices, price ladders, freight templates and minimum orders."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, public, to
from api.context import Info
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.orders import Fulfilment
from api.products import Product, Sku, find_product, sku_loader
from api.refusals import refusal
from api.scalars import Long
from api.stores import Store, find_store, read_time
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.pricing import actions, freight, screens
from domain.pricing.deals import DealDay
from domain.pricing.ladders import Ladder

FreightMeasure = strawberry.enum(
    freight.Measure, name="FreightMeasure", description="What freight is reckoned by: WEIGHT in grams, PIECE in units."
)


@strawberry.type(
    directives=to(Who.STAFF), description="What a unit of a SKU costs for a while; of several the lowest counts. 活动价"
)
class SalePrice(Node):
    """A sale price."""

    price: Money
    starts_at: datetime
    ends_at: datetime = strawberry.field(description="From this moment on it is over; earlier than planned if ended.")
    is_running: bool = strawberry.field(description="Whether it holds at this moment.")
    created_by: strawberry.ID = strawberry.field(description="The account of whoever set it.")
    ended_by: strawberry.ID | None = strawberry.field(description="The account of whoever ended it early, if anyone.")
    sku_key: strawberry.Private[UUID]

    @strawberry.field(description="Whose price it is.")
    async def sku(self, info: Info) -> Sku | None:
        """Its SKU."""
        return await sku_loader(info).load(self.sku_key)


@strawberry.type(directives=to(Who.INHERITED), description="Regions that cost the same.")
class FreightZone:
    """A zone."""

    regions: list[str] = strawberry.field(
        description='Beginnings of region codes, "31" is all of Shanghai; none: everywhere else. The longest counts.'
    )
    first_measure: Long = strawberry.field(description="Grams or units that cost `firstPrice` together.")
    first_price: Money
    more_measure: Long = strawberry.field(description="As many grams or units more, or some of them, cost `morePrice`.")
    more_price: Money
    free_from: Money | None = strawberry.field(description="Goods of that much or more travel free; null: never.")
    is_served: bool = strawberry.field(description="Whether anything is sent there.")


@strawberry.type(directives=to(Who.STAFF), description="How the freight of some products is reckoned. 运费模板")
class FreightTemplate(Node):
    """A template."""

    name: str
    measure: FreightMeasure
    is_default: bool = strawberry.field(description="Whether it counts for products that name none.")
    zones: list[FreightZone]


@strawberry.type(directives=to(Who.ANYONE), description="From how much on orders are taken. 起送金额")
class MinimumOrder:
    """A minimum."""

    fulfilment: Fulfilment
    minimum: Money = strawberry.field(description="Goods less discounts, without freight.")


@strawberry.type(directives=to(Who.STAFF), name="DealDay", description="A day on which a SKU was sold. 成交")
class DealDayView:
    """A day."""

    day: date
    lowest: Money = strawberry.field(description="The lowest price of a unit, all discounts taken off, rounded down.")
    units: Long


@strawberry.input(description="Give a SKU a price for a while; orders that stand keep theirs.")
class SetSalePriceInput:
    """Which, how much and how long."""

    sku_id: strawberry.ID
    price_minor: Long = strawberry.field(description="Minor units: fen; 0 or more.")
    starts_at: datetime
    ends_at: datetime = strawberry.field(description="After `startsAt`, and in the future.")


@strawberry.input(description="End a sale price now instead of later.")
class EndSalePriceInput:
    """Which."""

    sale_price_id: strawberry.ID


@strawberry.input(description="Give a store a price ladder instead of the one it had.")
class SetPriceLadderInput:
    """Where, how and for what."""

    store_id: strawberry.ID
    starts_at: str = strawberry.field(default="19:00", description="Time of the shop's day of the first step.")
    step_minutes: int = strawberry.field(default=30, description="1 to 720.")
    step_percent: int = strawberry.field(
        default=10, description="1 to 100: so much is off first, as much more each step."
    )
    free_at: str = strawberry.field(default="23:30", description="From then on until midnight it is free.")
    sku_ids: list[strawberry.ID] = strawberry.field(
        description="What gets cheaper, a thousand at most; none: the ladder is off."
    )


@strawberry.input(description="Regions that cost the same.")
class FreightZoneInput:
    """A zone."""

    regions: list[str] = strawberry.field(
        description="Beginnings of region codes, 1 to 6 digits, each in one zone only; none: everywhere else."
    )
    first_measure: Long = strawberry.field(default=1, description="Grams or units, 1 or more.")
    first_minor: Long = strawberry.field(default=0, description="Minor units: fen; 0 or more.")
    more_measure: Long = strawberry.field(default=1, description="Grams or units, 1 or more.")
    more_minor: Long = strawberry.field(default=0, description="Minor units: fen; 0 or more.")
    free_from_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen; goods before the coupon. Null: never free."
    )
    is_served: bool = strawberry.field(default=True, description="False: nothing is sent there.")


@strawberry.input(description="A freight template in full: a new one, or, with its id, another version of one.")
class WriteFreightTemplateInput:
    """A template."""

    freight_id: strawberry.ID | None = strawberry.field(default=None, description="Null: a new one.")
    name: str = strawberry.field(description="1 to 60 characters, unique.")
    measure: FreightMeasure
    is_default: bool = strawberry.field(default=False, description="It takes the place of the one before.")
    zones: list[FreightZoneInput] = strawberry.field(description="1 to 100.")


@strawberry.input(description="Say by which template a product's freight is reckoned.")
class SetFreightOfProductInput:
    """Which, and by which."""

    product_id: strawberry.ID
    freight_id: strawberry.ID | None = strawberry.field(default=None, description="Null: by the default one.")


@strawberry.input(description="From how much on orders are taken.")
class SetMinimumOrderInput:
    """Of which kind, and how much."""

    fulfilment: Fulfilment
    minimum_minor: Long = strawberry.field(description="Minor units: fen; goods less discounts. 0: from the first fen.")


SalePriceResult = Annotated[SalePrice | refusal(NotFound), strawberry.union("SalePriceResult")]
PriceLadderResult = Annotated[Store | refusal(NotFound), strawberry.union("PriceLadderResult")]
FreightTemplateResult = Annotated[
    FreightTemplate | refusal(NotFound) | refusal(freight.FreightNameTaken), strawberry.union("FreightTemplateResult")
]
FreightOfProductResult = Annotated[Product | refusal(NotFound), strawberry.union("FreightOfProductResult")]


@strawberry.type
class RunningPricingQuery:
    """What prices are made of."""

    @strawberry.field(directives=public(), description="From how much on orders are taken, where there is a minimum.")
    async def minimum_orders(self, info: Info) -> list[MinimumOrder]:
        """The minimums."""
        found = await screens.minimums(info.context.market.db)
        return [MinimumOrder(fulfilment=kind, minimum=Money.of(minor)) for kind, minor in sorted(found.items())]

    @strawberry.field(
        directives=to(Who.STAFF), description="Sale prices, past ones too, newest first; of one SKU if it is named."
    )
    async def sale_prices(
        self, info: Info, first: int = 20, after: str | None = None, sku_id: strawberry.ID | None = None
    ) -> Connection[SalePrice]:
        """Sale prices."""
        page = await screens.sale_prices_page(
            info.context.market.db, first=first, after=after, sku_id=read_id("sku", sku_id) if sku_id else None
        )
        return Connection.of(page, lambda row: _show_sale_price(info, row))

    @strawberry.field(directives=to(Who.STAFF), description="Freight templates, newest first.")
    async def freight_templates(
        self, info: Info, first: int = 20, after: str | None = None
    ) -> Connection[FreightTemplate]:
        """Freight templates."""
        page = await screens.freight_templates_page(info.context.market.db, first=first, after=after)
        return Connection.of(page, show_template)

    @strawberry.field(
        directives=to(Who.STAFF),
        description="By which template a product's freight is reckoned: its own or the default one; null: it is free.",
    )
    async def freight_of_product(self, info: Info, product_id: strawberry.ID) -> FreightTemplate | None:
        """A product's template."""
        found = await screens.template_of_product(info.context.market.db, read_id("product", product_id))
        return show_template(found) if found else None

    @strawberry.field(
        directives=to(Who.STAFF),
        description="On which days a SKU was sold, newest first: the proof of every price that was struck through.",
    )
    async def deal_days(
        self, info: Info, sku_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[DealDayView]:
        """A SKU's days."""
        page = await screens.deal_days_page(info.context.market.db, read_id("sku", sku_id), first=first, after=after)
        return Connection.of(page, _show_deal_day)


@strawberry.type
class RunningPricingMutation:
    """What those who run the shop do with prices. Each deed is noted; a second call with the same input changes nothing."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Give a SKU a price for a while.")
    async def set_sale_price(self, info: Info, input: SetSalePriceInput) -> SalePriceResult:
        """Set it."""
        context = info.context
        set_price = await actions.set_sale_price(
            context.market.db,
            sku_id=read_id("sku", input.sku_id),
            price_minor=input.price_minor,
            starts_at=input.starts_at,
            ends_at=input.ends_at,
            by=context.shopper.account_id,
            now=context.now,
        )
        return await find_sale_price(info, set_price.id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="End a sale price; one that is over stays as it is."
    )
    async def end_sale_price(self, info: Info, input: EndSalePriceInput) -> SalePriceResult:
        """End it."""
        context = info.context
        sale_price_id = read_id("saleprice", input.sale_price_id)
        await actions.end_sale_price(
            context.market.db, sale_price_id=sale_price_id, by=context.shopper.account_id, now=context.now
        )
        return await find_sale_price(info, sale_price_id)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Let a store's prices fall in the evening, for pickup there."
    )
    async def set_price_ladder(self, info: Info, input: SetPriceLadderInput) -> PriceLadderResult:
        """Set it."""
        context = info.context
        ladder = Ladder(
            store_id=read_id("store", input.store_id),
            starts_at=read_time("startsAt", input.starts_at),
            step_minutes=input.step_minutes,
            step_percent=input.step_percent,
            free_at=read_time("freeAt", input.free_at),
        )
        await actions.set_ladder(
            context.market.db,
            ladder,
            sku_ids=[read_id("sku", sku_id) for sku_id in input.sku_ids],
            by=context.shopper.account_id,
            now=context.now,
        )
        return await find_store(info, ladder.store_id)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Keep a freight template.")
    async def write_freight_template(self, info: Info, input: WriteFreightTemplateInput) -> FreightTemplateResult:
        """Keep it."""
        context = info.context
        template = freight.Template(
            id=read_id("freight", input.freight_id) if input.freight_id else new_id(),
            name=input.name,
            measure=input.measure,
            zones=_read_zones(input.zones),
            is_default=input.is_default,
        )
        written = await actions.write_template(
            context.market.db,
            template,
            by=context.shopper.account_id,
            now=context.now,
            is_new=input.freight_id is None,
        )
        return show_template(written)

    @strawberry.mutation(
        directives=to(Who.MERCHANDISER), description="Say by which template a product's freight is reckoned."
    )
    async def set_freight_of_product(self, info: Info, input: SetFreightOfProductInput) -> FreightOfProductResult:
        """Set it."""
        context, product_id = info.context, read_id("product", input.product_id)
        await actions.set_template_of_product(
            context.market.db,
            product_id=product_id,
            template_id=read_id("freight", input.freight_id) if input.freight_id else None,
            by=context.shopper.account_id,
            now=context.now,
        )
        return await find_product(info, product_id)

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Take orders from so much on.")
    async def set_minimum_order(self, info: Info, input: SetMinimumOrderInput) -> MinimumOrder:
        """Set it."""
        context = info.context
        await actions.set_minimum(
            context.market.db,
            fulfilment=input.fulfilment,
            minimum_minor=input.minimum_minor,
            by=context.shopper.account_id,
            now=context.now,
        )
        return MinimumOrder(fulfilment=input.fulfilment, minimum=Money.of(input.minimum_minor))


@finds("saleprice")
async def find_sale_price(info: Info, id: UUID) -> SalePrice | None:
    """A sale price, for staff."""
    if not _is_staff(info):
        return None
    found = (await screens.sale_prices_by_ids(info.context.market.db, [id])).get(id)
    return _show_sale_price(info, found) if found else None


@finds("freight")
async def find_template(info: Info, id: UUID) -> FreightTemplate | None:
    """A freight template, for staff."""
    if not _is_staff(info):
        return None
    found = (await screens.freight_templates_by_ids(info.context.market.db, [id])).get(id)
    return show_template(found) if found else None


def show_template(template: freight.Template) -> FreightTemplate:
    """The GraphQL object of a freight template."""
    return FreightTemplate(
        id=show_id("freight", template.id),
        name=template.name,
        measure=template.measure,
        is_default=template.is_default,
        zones=[
            FreightZone(
                regions=list(zone.regions),
                first_measure=Long(zone.first_measure),
                first_price=Money.of(zone.first_minor),
                more_measure=Long(zone.more_measure),
                more_price=Money.of(zone.more_minor),
                free_from=Money.maybe(zone.free_from_minor),
                is_served=zone.is_served,
            )
            for zone in template.zones
        ],
    )


def _show_sale_price(info: Info, row: screens.StaffSalePrice) -> SalePrice:
    price = row.price
    return SalePrice(
        id=show_id("saleprice", price.id),
        price=Money.of(price.price_minor),
        starts_at=price.starts_at,
        ends_at=price.ends_at,
        is_running=price.is_running(info.context.now),
        created_by=show_id("account", row.created_by),
        ended_by=show_id("account", row.ended_by) if row.ended_by else None,
        sku_key=row.sku_id,
    )


def _show_deal_day(row: DealDay) -> DealDayView:
    return DealDayView(day=row.day, lowest=Money.of(row.lowest_minor), units=Long(row.units))


def _read_zones(zones: Sequence[FreightZoneInput]) -> list[freight.Zone]:
    return [
        freight.Zone(
            regions=zone.regions,
            first_measure=zone.first_measure,
            first_minor=zone.first_minor,
            more_measure=zone.more_measure,
            more_minor=zone.more_minor,
            free_from_minor=zone.free_from_minor,
            is_served=zone.is_served,
        )
        for zone in zones
    ]


def _is_staff(info: Info) -> bool:
    principal = info.context.principal
    return principal is not None and principal.is_staff
