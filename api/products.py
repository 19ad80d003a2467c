"""Products for shoppers and for those who run the shop: lists, searches, SKUs with their units, categories."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.access import Who, check, public, to
from api.context import Context, Info
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.scalars import Long
from api.selection import asked_below
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.pages import page_size
from domain.products import actions, queries, rules, search
from domain.stock import actions as stock_actions
from domain.stock import queries as stock
from domain.stock.rules import Level, NotEnoughStock, StockChanged

ProductState = strawberry.enum(rules.State, name="ProductState", description="Whether shoppers see a product.")
ProductSort = strawberry.enum(search.Order, name="ProductSort", description="The order of a list of products.")


@strawberry.type(description="A place in the tree of goods. 类目")
class Category(Node):
    """A category."""

    name: str
    path: str = strawberry.field(description='The way from the root: "家居 > 床品".')
    parent_id: strawberry.ID | None = strawberry.field(description="Null at the root.")


@strawberry.type(description="A picture somewhere on the web.")
class Image:
    """A picture."""

    url: str
    alt_text: str


@strawberry.type(description="One option of a SKU: the colour is red.")
class SkuOption:
    """An option and its value."""

    name: str
    value: str


@strawberry.type(description="The units of a SKU. `total = free + held + sold`, at every moment.")
class StockLevel:
    """Units."""

    free: Long = strawberry.field(description="Units that anybody may order.")
    held: Long = strawberry.field(description="Units of orders to be paid and of promotions.")
    sold: Long
    total: Long


@strawberry.type(description="One buyable combination of a product's options. 规格")
class Sku(Node):
    """A SKU."""

    code: str | None = strawberry.field(description="The merchant's own code.")
    available: Long = strawberry.field(description="Units that can be ordered now.")
    image_url: str | None
    product: "Product"
    row: strawberry.Private[rules.Sku]
    level: strawberry.Private[Level]

    @strawberry.field
    def price(self) -> Money:
        """What a unit costs."""
        return Money.of(self.row.price_minor)

    @strawberry.field(description="The price it is compared with, struck through.")
    def compare_at_price(self) -> Money | None:
        """The price struck through."""
        return Money.maybe(self.row.compare_at_minor)

    @strawberry.field(directives=to(Who.STAFF), description="What a unit costs the merchant.")
    def cost_price(self) -> Money | None:
        """The merchant's cost."""
        return Money.maybe(self.row.cost_minor)

    @strawberry.field(description="In the order of the product's options; none for a product that has no options.")
    def options(self) -> list[SkuOption]:
        """Its options."""
        pairs = zip(self.product.option_names, self.row.options, strict=True)
        return [SkuOption(name=name, value=value) for name, value in pairs]

    @strawberry.field(directives=to(Who.STAFF), description="All of its units.")
    def stock(self) -> StockLevel | None:
        """All of its units."""
        return _show_level(self.level)


@strawberry.type(description="What is for sale. 商品")
class Product(Node):
    """A product."""

    handle: str = strawberry.field(description="Its name in addresses, unique in the shop.")
    title: str
    body_html: str = strawberry.field(description="As the merchant wrote it: clean it before it is shown.")
    vendor: str
    category: Category | None
    tags: list[str]
    option_names: list[str] = strawberry.field(description="What its SKUs differ in, at most three.")
    state: ProductState
    images: list[Image]
    skus: list[Sku] = strawberry.field(description="In the merchant's order.")
    created_at: datetime
    published_at: datetime | None = strawberry.field(description="Null for a draft.")
    row: strawberry.Private[rules.Product]

    @strawberry.field(description="The price of its cheapest SKU.")
    def lowest_price(self) -> Money:
        """The price of its cheapest SKU."""
        return Money.of(self.row.lowest_price_minor, self.row.currency)

    @strawberry.field(description="The price of its dearest SKU.")
    def highest_price(self) -> Money:
        """The price of its dearest SKU."""
        return Money.of(self.row.highest_price_minor, self.row.currency)


@strawberry.input(description="What a list of products is narrowed to. What is left out does not narrow it.")
class ProductFilter:
    """What a list is narrowed to."""

    category_id: strawberry.ID | None = strawberry.field(default=None, description="In it, or in one below it.")
    tag: str | None = strawberry.field(default=None, description="One whole tag.")
    vendor: str | None = strawberry.field(default=None, description="The vendor's whole name.")
    lowest_price_from_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen. Products whose cheapest SKU costs that or more."
    )
    lowest_price_to_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen. Products whose cheapest SKU costs that or less."
    )
    in_stock: bool = strawberry.field(default=False, description="Only products with units that can be ordered now.")
    state: ProductState | None = strawberry.field(default=None, description="PUBLISHED by default; DRAFT for staff only.")
