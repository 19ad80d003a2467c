"""Carts: one's own, or a guest's behind a token that the client keeps."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import rates
from api.access import GUEST, Who, to
from api.context import Info
from api.money import Money
from api.nodes import read_id, show_id
from api.products import Product, Sku, products_by_ids, sku_loader
from api.refusals import refusal
from api.scalars import Long
from api.selection import asked_below
from domain.carts import actions, rules
from domain.carts.queries import cart_of
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.rates import Rate

MOST_NAMED = rules.MOST_LINES
_TOKEN = "Guests only: from the answer that opened the cart. Whoever is signed in has a cart of their own."  # noqa: S105

Availability = strawberry.enum(
    rules.Availability,
    name="CartAvailability",
    description="Whether a line can be bought now. TOO_FEW: some units are free, fewer than the line has.",
)


@strawberry.type(directives=to(Who.INHERITED), description="Some units of one SKU in a cart. 购物车商品")
class CartLine:
    """A line."""

    sku_id: strawberry.ID
    product_id: strawberry.ID
    title: str = strawberry.field(description="The product's title.")
    options: list[str] = strawberry.field(description="The values of its options, in the product's order.")
    image_url: str | None
    quantity: Long
    is_chosen: bool = strawberry.field(description="Whether it is ticked for checkout.")
    price: Money = strawberry.field(description="What a unit costs now, before discounts of the whole basket.")
    seen_price: Money = strawberry.field(description="What a unit cost when it was put in.")
    price_drift: Money = strawberry.field(
        description="`price` less `seenPrice`: above zero when it has become dearer, below when cheaper."
    )
    availability: Availability
    free_units: Long = strawberry.field(description="Units that can be ordered now.")
    added_at: datetime
    key: strawberry.Private[UUID]
    product_key: strawberry.Private[UUID]

    @strawberry.field(description="The product; null when it is not sold any more.")
    async def product(self, info: Info) -> Product | None:
        """The product, fetched for all lines together."""
        return await _product_loader(info).load(self.product_key)

    @strawberry.field(description="The SKU; null when it is not sold any more.")
    async def sku(self, info: Info) -> Sku | None:
        """The SKU, fetched for all lines together."""
        return await sku_loader(info).load(self.key)


@strawberry.type(
    directives=to(Who.ONLY_OWNER), description="What somebody means to buy; nothing in it is promised. 购物车"
)
class Cart:
    """A cart."""

    lines: list[CartLine] = strawberry.field(description="What was put in last first; at most 120.")
    units: Long = strawberry.field(description="Units of all lines.")
    guest_token: str | None = strawberry.field(
        description="Only in the answer that opens a guest's cart: keep it, it is not told again."
    )
    owner: strawberry.Private[UUID]


@strawberry.input(description="Put units of a SKU into the cart, on top of those that are there.")
class AddToCartInput:
    """What, and how many."""

    sku_id: strawberry.ID
    quantity: int = strawberry.field(default=1, description="Units, 1 to 999; with those in the cart 999 at most.")
    guest_token: str | None = strawberry.field(default=None, description=_TOKEN)


@strawberry.input(description="Say how many units of a SKU the cart shall have.")
class SetCartQuantityInput:
    """Of what, and how many."""

    sku_id: strawberry.ID
    quantity: int = strawberry.field(description="Units, 1 to 999; `removeFromCart` takes a line out.")
    guest_token: str | None = strawberry.field(default=None, description=_TOKEN)


@strawberry.input(description="Take lines out of the cart.")
class RemoveFromCartInput:
    """Which."""

    sku_ids: list[strawberry.ID] = strawberry.field(description="At most 120; what is not in the cart is passed over.")
    guest_token: str | None = strawberry.field(default=None, description=_TOKEN)


@strawberry.input(description="Tick or untick lines for checkout.")
class ChooseCartLinesInput:
    """Which, and how."""

    sku_ids: list[strawberry.ID] = strawberry.field(description="At most 120; what is not in the cart is passed over.")
    is_chosen: bool
    guest_token: str | None = strawberry.field(default=None, description=_TOKEN)


@strawberry.input(description="Take everything out of the cart.")
class ClearCartInput:
    """Whose."""

    guest_token: str | None = strawberry.field(default=None, description=_TOKEN)


@strawberry.input(description="Move a guest's cart into one's own, after signing in.")
class MergeCartInput:
    """Which."""

    guest_token: str = strawberry.field(description="From the answer that opened the guest's cart; spent afterwards.")


AddToCartResult = Annotated[
    Cart | refusal(rules.CartFull) | refusal(rules.CartLineFull) | refusal(NotFound),
    strawberry.union("AddToCartResult"),
]
SetCartQuantityResult = Annotated[Cart | refusal(NotFound), strawberry.union("SetCartQuantityResult")]


@strawberry.type
class CartQuery:
    """Looking into the cart."""

    @strawberry.field(
        directives=to(Who.ANYONE),
        description="One's own cart, or the guest's whose token is given; an empty one where there is none.",
    )
    async def cart(self, info: Info, guest_token: str | None = None) -> Cart:
        """The cart."""
        context, holder = info.context, _holder(info, guest_token)
        async with context.market.db.reading() as reader:
            return show_cart(await cart_of(reader, holder, now=context.now), holder)


@strawberry.type
class CartMutation:
    """Filling and emptying the cart."""

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.CART)],
        description="Put units into the cart. A guest without a cart gets one, and its token in `guestToken`.",
    )
    async def add_to_cart(self, info: Info, input: AddToCartInput) -> AddToCartResult:
        """Put in."""
        context, holder = info.context, _holder(info, input.guest_token)
        cart, fresh_token = await actions.add(
            context.market.db,
            holder,
            sku_id=read_id("sku", input.sku_id),
            quantity=input.quantity,
            now=context.now,
        )
        return show_cart(cart, holder, fresh_token)

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.CART)],
        description="Say how many units of a SKU the cart shall have.",
    )
    async def set_cart_quantity(self, info: Info, input: SetCartQuantityInput) -> SetCartQuantityResult:
        """Change a line."""
        context, holder = info.context, _holder(info, input.guest_token)
        cart = await actions.set_quantity(
            context.market.db,
            holder,
            sku_id=read_id("sku", input.sku_id),
            quantity=input.quantity,
            now=context.now,
        )
        return show_cart(cart, holder)

    @strawberry.mutation(directives=[*to(Who.ANYONE), *rates.of(Rate.CART)], description="Take lines out of the cart.")
    async def remove_from_cart(self, info: Info, input: RemoveFromCartInput) -> Cart:
        """Take out."""
        context, holder = info.context, _holder(info, input.guest_token)
        sku_ids = _read_sku_ids(input.sku_ids)
        cart = await actions.remove(context.market.db, holder, sku_ids=sku_ids, now=context.now)
        return show_cart(cart, holder)

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.CART)], description="Tick or untick lines for checkout."
    )
    async def choose_cart_lines(self, info: Info, input: ChooseCartLinesInput) -> Cart:
        """Tick or untick."""
        context, holder = info.context, _holder(info, input.guest_token)
        cart = await actions.choose(
            context.market.db,
            holder,
            sku_ids=_read_sku_ids(input.sku_ids),
            is_chosen=input.is_chosen,
            now=context.now,
        )
        return show_cart(cart, holder)

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.CART)], description="Take everything out of the cart."
    )
    async def clear_cart(self, info: Info, input: ClearCartInput) -> Cart:
        """Empty it."""
        context, holder = info.context, _holder(info, input.guest_token)
        return show_cart(await actions.clear(context.market.db, holder, now=context.now), holder)

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CART)],
        description="Move a guest's cart into one's own: quantities add up, to 999 units of a SKU and 120 lines. A second call "
        "changes nothing, nor does a token that is not known any more.",
    )
    async def merge_cart(self, info: Info, input: MergeCartInput) -> Cart:
        """Merge."""
        context, shopper_id = info.context, info.context.shopper.account_id
        cart = await actions.merge(
            context.market.db,
            shopper_id=shopper_id,
            guest_token=input.guest_token,
            now=context.now,
        )
        return show_cart(cart, rules.Holder(shopper_id=shopper_id))


def show_cart(cart: rules.Cart, holder: rules.Holder, fresh_token: str | None = None) -> Cart:
    """The GraphQL object of its holder's cart."""
    return Cart(
        lines=[_show_line(line) for line in cart.lines],
        units=Long(cart.units),
        guest_token=fresh_token,
        owner=holder.shopper_id or GUEST,
    )


def _show_line(line: rules.CartLine) -> CartLine:
    return CartLine(
        sku_id=show_id("sku", line.sku_id),
        product_id=show_id("product", line.product_id),
        title=line.title,
        options=list(line.options),
        image_url=line.image_url,
        quantity=Long(line.quantity),
        is_chosen=line.is_chosen,
        price=Money.of(line.price.minor, line.price.currency),
        seen_price=Money.of(line.seen_price.minor, line.seen_price.currency),
        price_drift=Money.of(line.price_drift.minor, line.price_drift.currency),
        availability=line.availability,
        free_units=Long(line.free),
        added_at=line.added_at,
        key=line.sku_id,
        product_key=line.product_id,
    )


def _product_loader(info: Info) -> DataLoader[UUID, Product | None]:
    # products are fetched with what is asked for below them: another selection is another loader
    loaders, key = info.context.loaders, (_product_loader, frozenset(asked_below(info)))
    if key not in loaders:

        async def load(ids: list[UUID]) -> list[Product | None]:
            found = await products_by_ids(info, ids)
            return [found.get(id) for id in ids]

        loaders[key] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, Product | None] = loaders[key]
    return loader


def _holder(info: Info, guest_token: str | None) -> rules.Holder:
    principal = info.context.principal
    if principal is not None:
        return rules.Holder(shopper_id=principal.account_id)
    return rules.Holder(guest_token=guest_token)


def _read_sku_ids(texts: list[strawberry.ID]) -> list[UUID]:
    if len(texts) > MOST_NAMED:
        raise BadInput(f"{len(texts)} SKUs are named; allowed: at most {MOST_NAMED}")
    return [read_id("sku", text) for text in texts]
