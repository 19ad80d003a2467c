"""Products: lists and searches, SKUs with their units, categories."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import rates
from api.access import Who, check, public, to
from api.context import Context, Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.scalars import Long
from api.selection import asked_below
from domain.benefits.queries import member_prices_by_sku_ids, members_only
from domain.foundation.errors import BadInput
from domain.foundation.pages import page_size
from domain.foundation.rates import Rate
from domain.foundation.remembered import Remembered
from domain.pricing.screens import Tag, tags_by_sku_ids
from domain.products import queries, rules, search
from domain.products.search import page as find_page
from domain.stock import queries as stock
from domain.stock.rules import Level

if TYPE_CHECKING:
    from api.group_buy_campaigns import GroupBuyCampaign

ProductState = strawberry.enum(rules.State, name="ProductState", description="Whether shoppers see a product.")
ProductSort = strawberry.enum(search.Order, name="ProductSort", description="The order of a list of products.")


@strawberry.type(directives=to(Who.ANYONE), description="A place in the tree of goods. 类目")
class Category(Node):
    """A category."""

    name: str
    path: str = strawberry.field(description='The way from the root: "家居 > 床品".')
    parent_id: strawberry.ID | None = strawberry.field(description="Null at the root.")


@strawberry.type(directives=to(Who.INHERITED), description="A picture somewhere on the web.")
class Image:
    """A picture."""

    url: str
    alt_text: str


@strawberry.type(directives=to(Who.INHERITED), description="One option of a SKU: the colour is red.")
class SkuOption:
    """An option and its value."""

    name: str
    value: str


@strawberry.type(
    directives=to(Who.STAFF), description="The units of a SKU. `total = free + held + sold`, at every moment."
)
class StockLevel:
    """Units."""

    free: Long = strawberry.field(description="Units that anybody may order.")
    held: Long = strawberry.field(description="Units of orders to be paid and of promotions.")
    sold: Long
    total: Long


@strawberry.type(directives=to(Who.ANYONE), description="One buyable combination of a product's options. 规格")
class Sku(Node):
    """A SKU."""

    code: str | None = strawberry.field(description="The merchant's own code.")
    available: Long = strawberry.field(description="Units that can be ordered now.")
    image_url: str | None
    product_id: strawberry.ID
    row: strawberry.Private[rules.Sku]
    level: strawberry.Private[Level]
    of: strawberry.Private[rules.Product]

    @strawberry.field(description="What it is called by itself: the product's title and the values of its options.")
    def title(self) -> str:
        """Its full title."""
        return rules.full_title(self.of, self.row)

    @strawberry.field
    def price(self) -> Money:
        """What a unit costs."""
        return Money.of(self.row.price_minor)

    @strawberry.field(
        description="What the merchant compares the price with; for what may be struck through see `struckThroughPrice`."
    )
    def compare_at_price(self) -> Money | None:
        """The merchant's price to compare with."""
        return Money.maybe(self.row.compare_at_minor)

    @strawberry.field(description="What a unit costs for a while, below `price`; null when no sale price runs.")
    async def sale_price(self, info: Info) -> Money | None:
        """The sale price of now."""
        tag = await tag_loader(info).load(self.row.id)
        return Money.maybe(tag.sale_minor) if tag else None

    @strawberry.field(
        description="What a unit costs whoever has member prices; null where the merchant has set none, and they pay the share of "
        "`price` that their benefits say. 会员价"
    )
    async def member_price(self, info: Info) -> Money | None:
        """The member price, fetched for all SKUs together."""
        return Money.maybe(await batched(info, member_prices_by_sku_ids).load(self.row.id))

    @strawberry.field(
        description="The lowest price at which a unit was sold in the 7 days before today, where that is above what it "
        "costs now: the only price that may be struck through."
    )
    async def struck_through_price(self, info: Info) -> Money | None:
        """What may be struck through."""
        tag = await tag_loader(info).load(self.row.id)
        return Money.maybe(tag.struck_through_minor) if tag else None

    @strawberry.field(directives=to(Who.STAFF), description="What a unit costs the merchant.")
    def cost_price(self) -> Money | None:
        """The merchant's cost."""
        return Money.maybe(self.row.cost_minor)

    @strawberry.field(description="In the order of the product's options; none for a product that has no options.")
    def options(self) -> list[SkuOption]:
        """Its options."""
        pairs = zip(self.of.option_names, self.row.options, strict=True)
        return [SkuOption(name=name, value=value) for name, value in pairs]

    @strawberry.field(directives=to(Who.STAFF), description="All of its units.")
    def stock(self) -> StockLevel | None:
        """All of its units."""
        return _show_level(self.level)


@strawberry.type(directives=to(Who.ANYONE), description="What is for sale. 商品")
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

    @strawberry.field(description="Whether only members with this benefit may buy it. 会员专享")
    async def is_members_only(self, info: Info) -> bool:
        """Whether it is theirs, fetched for all products together."""
        return await batched(info, members_only).load(self.row.id) or False

    @strawberry.field(description="The group-buys in which a group can be opened now, the next to close first. 拼团")
    async def group_buy_campaigns(
        self, info: Info
    ) -> list[Annotated["GroupBuyCampaign", strawberry.lazy("api.group_buy_campaigns")]]:
        """Its group-buys."""
        from api.group_buy_campaigns import campaigns_of_product  # which shows products, too

        return await campaigns_of_product(info, self.row.id)


@strawberry.input(description="What a list of products is narrowed to. What is left out does not narrow it.")
class ProductFilter:
    """What a list is narrowed to."""

    category_id: strawberry.ID | None = strawberry.field(default=None, description="In it, or in one below it.")
    tag: str | None = strawberry.field(default=None, description="One whole tag.")
    vendor: str | None = strawberry.field(default=None, description="The vendor's whole name.")
    price_from_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen. Products whose cheapest SKU costs that or more."
    )
    price_to_minor: Long | None = strawberry.field(
        default=None, description="Minor units: fen. Products whose cheapest SKU costs that or less."
    )
    in_stock: bool = strawberry.field(default=False, description="Only products with units that can be ordered now.")
    state: ProductState | None = strawberry.field(default=None, description="PUBLISHED by default; DRAFT: staff only.")


FETCHED_WHEN_ASKED = frozenset({"skus", "images", "bodyHtml"})


@strawberry.type
class ProductQuery:
    """Questions about what is for sale."""

    @strawberry.field(
        directives=public(),
        description="A list of products. `search` finds Chinese by any two neighbouring characters; its last word may "
        "be unfinished. Drafts are shown to staff who ask for them.",
    )
    async def products(
        self,
        info: Info,
        first: int = 20,
        after: str | None = None,
        search: Annotated[str | None, strawberry.argument(directives=rates.of(Rate.SEARCH))] = None,
        filter: ProductFilter | None = None,
        sort: ProductSort = ProductSort.NEWEST,
    ) -> Connection[Product]:
        """A list of products."""
        context = info.context
        narrowed = filter or ProductFilter()
        asked = FETCHED_WHEN_ASKED & asked_below(info)
        wanted = _wanted(info, search, narrowed)

        async def look_up() -> Connection[Product]:
            page = await find_page(
                context.market.db,
                wanted,
                order=sort,
                first=page_size(first),
                after=after,
                among=stock.in_stock if narrowed.in_stock else None,
                with_body="bodyHtml" in asked,
            )
            shown = iter(await _show_products(context, page.rows, asked))
            return Connection.of(page, lambda row: next(shown))

        if context.principal is not None and context.principal.is_staff:
            return await look_up()  # who has just changed a price wants to see it
        shelf: Remembered[Connection[Product]] = context.services.shelf
        return await shelf.get((wanted, sort, first, after, narrowed.in_stock, asked), look_up)

    @strawberry.field(
        directives=public(), description="A product, by its id or by its handle; null when there is none."
    )
    async def product(self, info: Info, id: strawberry.ID | None = None, handle: str | None = None) -> Product | None:
        """One product."""
        if (id is None) == (handle is None):
            raise BadInput("give either the id of the product or its handle")
        if id is not None:
            return await find_product(info, read_id("product", id))
        found = await queries.by_handle(info.context.market.db, handle or "")
        return await _show_if_visible(info, found)

    @strawberry.field(directives=public(), description="All categories by their paths, the first thousand at most.")
    async def categories(self, info: Info) -> list[Category]:
        """All categories."""
        return [show_category(category) for category in await queries.all_categories(info.context.market.db)]


@finds("product")
async def find_product(info: Info, id: UUID) -> Product | None:
    """A product that the asker may see."""
    return (await products_by_ids(info, [id])).get(id)


@finds("sku")
async def find_sku(info: Info, id: UUID) -> Sku | None:
    """A SKU of a product that the asker may see."""
    return (await skus_by_ids(info, [id])).get(id)


@finds("category")
async def find_category(info: Info, id: UUID) -> Category | None:
    """A category."""
    found = (await queries.categories_by_ids(info.context.market.db, [id])).get(id)
    return show_category(found) if found else None


async def products_by_ids(info: Info, ids: Sequence[UUID]) -> dict[UUID, Product]:
    """Those of these products that the asker may see, with what the operation asks for below this field."""
    rows = (await queries.by_ids(info.context.market.db, ids)).values()
    visible = [row for row in rows if _may_see(info.context, row)]
    shown = await _show_products(info.context, visible, asked_below(info))
    return {row.id: product for row, product in zip(visible, shown, strict=True)}


async def skus_by_ids(info: Info, ids: Sequence[UUID]) -> dict[UUID, Sku]:
    """Those of these SKUs that the asker may see."""
    db = info.context.market.db
    found = await stock.skus_by_ids(db, ids)
    products = await queries.by_ids(db, list({sku.product_id for sku, _ in found.values()}))
    return {
        sku_id: _show_sku(sku, level, products[sku.product_id])
        for sku_id, (sku, level) in found.items()
        if _may_see(info.context, products[sku.product_id])
    }


async def load_product(info: Info, id: UUID) -> Product | None:
    """A product that the asker may see; what several fields of the operation ask for is fetched together."""
    row = await batched(info, queries.by_ids).load(id)
    if row is None or not _may_see(info.context, row):
        return None
    asked = asked_below(info)
    skus = batched(info, stock.skus_by_product_ids).load(id) if "skus" in asked else None
    images = batched(info, queries.images_by_product_ids).load(id) if "images" in asked else None
    return _show_product(row, (skus and await skus) or (), (images and await images) or ())


def sku_loader(info: Info) -> DataLoader[UUID, Sku | None]:
    """The operation's loader of SKUs: what several fields ask for is fetched together."""
    loaders = info.context.loaders
    if sku_loader not in loaders:

        async def load(ids: list[UUID]) -> list[Sku | None]:
            found = await skus_by_ids(info, ids)
            return [found.get(id) for id in ids]

        loaders[sku_loader] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, Sku | None] = loaders[sku_loader]
    return loader


def tag_loader(info: Info) -> DataLoader[UUID, Tag | None]:
    """The operation's loader of the SKUs' price tags."""
    loaders = info.context.loaders
    if tag_loader not in loaders:

        async def load(ids: list[UUID]) -> list[Tag | None]:
            found = await tags_by_sku_ids(info.context.market.db, ids, now=info.context.now)
            return [found.get(id) for id in ids]

        loaders[tag_loader] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, Tag | None] = loaders[tag_loader]
    return loader


def show_category(category: rules.Category) -> Category:
    """The GraphQL object of a category."""
    return Category(
        id=show_id("category", category.id),
        name=category.name,
        path=category.path,
        parent_id=show_id("category", category.parent_id) if category.parent_id else None,
    )


async def _show_if_visible(info: Info, row: rules.Product | None) -> Product | None:
    if row is None or not _may_see(info.context, row):
        return None
    (product,) = await _show_products(info.context, [row], asked_below(info))
    return product


async def _show_products(context: Context, rows: Sequence[rules.Product], asked: Set[str]) -> list[Product]:
    """Products, and in one statement each the SKUs with their units and the images of all, if the operation asks."""
    db, ids = context.market.db, [row.id for row in rows]
    skus = await stock.skus_by_product_ids(db, ids) if "skus" in asked and ids else {}
    images = await queries.images_by_product_ids(db, ids) if "images" in asked and ids else {}
    return [_show_product(row, skus.get(row.id, ()), images.get(row.id, ())) for row in rows]


def _show_product(
    row: rules.Product, skus: Iterable[tuple[rules.Sku, Level]], images: Iterable[rules.Image]
) -> Product:
    return Product(
        id=show_id("product", row.id),
        handle=row.handle,
        title=row.title,
        body_html=row.body_html,
        vendor=row.vendor,
        category=show_category(row.category) if row.category else None,
        tags=list(row.tags),
        option_names=list(row.option_names),
        state=row.state,
        images=[Image(url=image.url, alt_text=image.alt_text) for image in images],
        skus=[_show_sku(sku, level, row) for sku, level in skus],
        created_at=row.created_at,
        published_at=row.published_at,
        row=row,
    )


def _show_sku(row: rules.Sku, level: Level, product: rules.Product) -> Sku:
    return Sku(
        id=show_id("sku", row.id),
        code=row.code,
        available=Long(level.free),
        image_url=row.image_url,
        product_id=show_id("product", row.product_id),
        row=row,
        level=level,
        of=product,
    )


def _show_level(level: Level) -> StockLevel:
    return StockLevel(free=Long(level.free), held=Long(level.held), sold=Long(level.sold), total=Long(level.total))


def _may_see(context: Context, row: rules.Product) -> bool:
    is_staff = context.principal is not None and context.principal.is_staff
    return is_staff or row.state is rules.State.PUBLISHED


def _wanted(info: Info, text: str | None, narrowed: ProductFilter) -> search.Wanted:
    state = narrowed.state or rules.State.PUBLISHED
    if state is not rules.State.PUBLISHED:
        check(Who.STAFF, info.context.principal)
    return search.Wanted(
        state=state,
        search=text,
        category_id=read_id("category", narrowed.category_id) if narrowed.category_id else None,
        tag=narrowed.tag,
        vendor=narrowed.vendor,
        least_minor=narrowed.price_from_minor,
        most_minor=narrowed.price_to_minor,
    )
