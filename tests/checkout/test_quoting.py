import pytest
from sqlalchemy import update

from domain.addresses import actions as addresses
from domain.carts import actions as carts
from domain.carts.rules import Holder
from domain.checkout.rules import BasketEmpty, CouponUnknown, Wish
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.pricing.freight import Zone
from domain.pricing.rules import (
    BelowMinimum,
    DestinationMissing,
    Fulfilment,
    NoPickupThere,
    NotDeliveredThere,
    NotForSale,
    Rule,
    UnknownSku,
    Wanted,
)
from domain.products.rules import State
from domain.products.tables import skus
from domain.stock.rules import NotEnoughStock
from tests.statements import count_statements


def kinds(quote):
    return [type(problem) for problem in quote.problems]


async def test_a_quote_adds_up_and_explains_itself(given):
    tea, wine = await given.sku(price_minor=1990), await given.sku(price_minor=5000)
    await given.freight()
    await given.sale_price(wine, 4000)

    quote = await given.quote(await given.delivery_wish({tea: 2, wine: 1}))

    assert (quote.goods_minor, quote.discount_minor, quote.freight_minor) == (3980 + 4000, 0, 1000)
    assert quote.total_minor == 8980
    assert quote.problems == ()
    steps = {line.sku_id: [(step.rule, step.minor) for step in line.explanation] for line in quote.lines}
    assert steps[wine][:2] == [(Rule.LIST, 5000), (Rule.SALE_PRICE, -1000)]
    for line in quote.lines:
        assert sum(step.minor for step in line.explanation) == line.total_minor + line.freight_minor


async def test_a_wish_without_fulfilment_is_priced_without_freight(given):
    sku_id, shopper_id = await given.sku(), await given.shopper()
    await given.freight()
    await given.minimum(Fulfilment.DELIVERY, 3800)

    undecided = await given.quote(Wish(shopper_id, (Wanted(sku_id, 1),)))

    assert (undecided.total_minor, undecided.problems) == (1990, ())


async def test_everything_that_keeps_a_basket_from_being_ordered_is_named(given):
    few, draft = await given.sku(units=2), await given.product(state=State.DRAFT)
    unknown = new_id()
    await given.minimum(Fulfilment.DELIVERY, 38_00)
    await given.freight(Zone(("31",), is_served=False))
    wish = await given.delivery_wish({few: 1, draft.sku_ids[0]: 1, unknown: 1}, coupon_code="SPRING")

    quote = await given.quote(wish)
    short = await given.quote(await given.delivery_wish({few: 3}))

    assert {type(problem) for problem in quote.problems} == {
        CouponUnknown,
        NotForSale,
        UnknownSku,
        BelowMinimum,
        NotDeliveredThere,
    }
    assert [line.sku_id for line in quote.lines] == [few]
    assert [problem.facts for problem in short.problems if isinstance(problem, NotEnoughStock)] == [
        {"sku_id": few, "wanted": 3, "free": 2}
    ]


async def test_somebody_elses_address_is_no_address(given):
    sku_id, shopper_id = await given.sku(), await given.shopper()
    theirs = await given.home_of(await given.shopper())

    quote = await given.quote(await given.delivery_wish({sku_id: 1}, shopper_id, address_id=theirs))
    unsaid = await given.quote(await given.delivery_wish({sku_id: 1}, shopper_id, address_id=None))

    assert kinds(quote) == [NotFound, DestinationMissing]
    assert kinds(unsaid) == [DestinationMissing]


async def test_a_pickup_is_priced_at_its_store(given):
    sku_id, shopper_id = await given.sku(), await given.shopper()
    await given.freight()
    wish = {"shopper_id": shopper_id, "lines": (Wanted(sku_id, 1),), "fulfilment": Fulfilment.PICKUP}

    fine = await given.quote(Wish(**wish, store_id=await given.pickup_store()))
    closed = await given.quote(Wish(**wish, store_id=await given.pickup_store(takes_pickups=False)))
    nowhere = await given.quote(Wish(**wish))

    assert (fine.total_minor, kinds(fine)) == (1990, [])
    assert (kinds(closed), kinds(nowhere)) == ([NoPickupThere], [DestinationMissing])


async def test_what_is_chosen_in_the_cart_is_quoted_and_stays_there(given):
    tea, wine = await given.sku(price_minor=100), await given.sku(price_minor=10)
    wish = await given.delivery_wish(None)
    await given.in_cart(wish.shopper_id, tea, wine, quantity=3)
    shopper = Holder(shopper_id=wish.shopper_id)
    await carts.choose(given.db, shopper, sku_ids=[wine], is_chosen=False, now=given.now)

    quote = await given.quote(wish)

    assert [(line.sku_id, line.quantity) for line in quote.lines] == [(tea, 3)]
    assert len((await given.cart_again(shopper)).lines) == 2


async def test_the_cart_shows_the_price_that_is_quoted(given):
    sku_id = await given.sku(price_minor=5000)
    wish = await given.delivery_wish(None)
    await given.in_cart(wish.shopper_id, sku_id)
    await given.sale_price(sku_id, 4000)

    (line,) = (await given.cart_again(wish.shopper_id)).lines

    assert (line.price.minor, line.price_drift.minor) == (4000, -1000)
    assert line.price.minor == (await given.quote(wish)).lines[0].unit_price_minor


async def test_a_quote_follows_the_price(given):
    wish = await given.delivery_wish({await given.sku(price_minor=1990): 1})
    before = await given.quote(wish)
    async with given.db.transaction() as tx:
        await tx.execute(update(skus).values(price_minor=2190))

    assert (before.total_minor, (await given.quote(wish)).total_minor) == (1990, 2190)


async def test_what_is_malformed_is_refused(given):
    sku_id = await given.sku()
    for wish in (
        await given.delivery_wish({sku_id: 0}),
        await given.delivery_wish({sku_id: 1000}),
        await given.delivery_wish({sku_id: 1}, coupon_code="\0"),
    ):
        with pytest.raises(BadInput):
            await given.quote(wish)


async def test_an_address_that_is_gone_is_none(given):
    wish = await given.delivery_wish({await given.sku(): 1})
    await addresses.delete(given.db, address_id=wish.address_id, shopper_id=wish.shopper_id)

    assert NotFound in kinds(await given.quote(wish))


@pytest.mark.parametrize("count", [1, 3, 30])
async def test_a_quote_costs_six_statements_however_long_it_is(given, count):
    wish = await given.delivery_wish(None)
    await given.freight()
    await given.in_cart(wish.shopper_id, *[await given.sku() for _ in range(count)])

    with count_statements(given.db) as sent:
        quote = await given.quote(wish)

    assert (len(quote.lines), quote.problems) == (count, ())
    assert len(sent) == 6, "\n".join(sent)  # cart, address, goods, terms, freight, units


async def test_a_quote_of_nothing_says_so_first(given):
    await given.minimum(Fulfilment.DELIVERY, 38_00)
    nothing = await given.quote(await given.delivery_wish({}, coupon_code="SPRING"))
    empty_cart = await given.quote(await given.delivery_wish(None))

    assert type(nothing.problems[0]) is type(empty_cart.problems[0]) is BasketEmpty
    assert nothing.total_minor == empty_cart.total_minor == 0
