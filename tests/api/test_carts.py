"""Carts as the world sees them."""

import pytest
from sqlalchemy import update

from domain.foundation.ids import encode, new_id
from domain.products.rules import State
from domain.products.tables import products, skus
from tests.statements import count_statements

WHOLE = """
    fragment Whole on Cart {
        guestToken units
        lines { skuId quantity isChosen title price { minor } priceDrift { minor } availability freeUnits
                sku { id title } product { id handle images { url } } }
    }
"""
CART = "query($token: String) { cart(guestToken: $token) { ...Whole } }" + WHOLE
ADD = (
    """mutation($input: AddToCartInput!) { addToCart(input: $input) {
        __typename ...Whole ... on UserError { code message } ... on CartLineFull { inCart mostUnits } } }"""
    + WHOLE
)
SET = """mutation($input: SetCartQuantityInput!) { setCartQuantity(input: $input) {
    ... on Cart { units } ... on UserError { code } } }"""
REMOVE = "mutation($input: RemoveFromCartInput!) { removeFromCart(input: $input) { lines { skuId } } }"
CHOOSE = "mutation($input: ChooseCartLinesInput!) { chooseCartLines(input: $input) { lines { skuId isChosen } } }"
CLEAR = "mutation($input: ClearCartInput!) { clearCart(input: $input) { lines { skuId } } }"
MERGE = "mutation($input: MergeCartInput!) { mergeCart(input: $input) { units lines { skuId isChosen } } }"


@pytest.fixture
async def sku(given):
    return await given.product("桂花酒酿", units=5)


async def test_a_line_shows_its_product_its_price_and_whether_it_can_be_bought(given, ask, sku):
    shopper, typed = await given.shopper(), encode("sku", sku.sku_ids[0])

    added = (await ask(ADD, {"input": {"skuId": typed, "quantity": 6}}, by=shopper)).data
    async with given.db.transaction() as tx:
        await tx.execute(update(skus).values(price_minor=1890))
    cart = (await ask(CART, by=shopper)).data

    assert (added["__typename"], added["guestToken"], added["units"]) == ("Cart", None, 6)
    assert cart == {
        "guestToken": None,
        "units": 6,
        "lines": [
            {
                "skuId": typed,
                "quantity": 6,
                "isChosen": True,
                "title": "桂花酒酿",
                "price": {"minor": 1890},
                "priceDrift": {"minor": -100},
                "availability": "TOO_FEW",
                "freeUnits": 5,
                "sku": {"id": typed, "title": "桂花酒酿"},
                "product": {"id": encode("product", sku.id), "handle": sku.listing.handle, "images": []},
            }
        ],
    }


@pytest.mark.parametrize("count", [1, 30])
async def test_a_cart_costs_the_same_statements_however_long_it_is(given, ask, api, count):
    shopper = await given.shopper()
    await given.in_cart(shopper, *[await given.sku() for _ in range(count)])

    with count_statements(api.market.db) as sent:
        cart = (await ask(CART, by=shopper)).data

    assert len(cart["lines"]) == count
    assert len(sent) == 6  # lines and prices; SKUs with their units, and their products; products and their pictures


async def test_what_is_not_sold_any_more_stays_and_is_marked(given, ask, sku):
    shopper = await given.shopper()
    await given.in_cart(shopper, sku.sku_ids[0])
    async with given.db.transaction() as tx:
        await tx.execute(update(products).values(state=State.DRAFT, published_at=None))

    (line,) = (await ask(CART, by=shopper)).data["lines"]

    assert (line["availability"], line["title"]) == ("NOT_SOLD_ANY_MORE", "桂花酒酿")
    assert (line["sku"], line["product"]) == (None, None)


async def test_a_guests_cart_moves_in_after_signing_in(given, ask, sku):
    typed = encode("sku", sku.sku_ids[0])

    opened = (await ask(ADD, {"input": {"skuId": typed}})).data
    token = opened["guestToken"]
    more = (await ask(ADD, {"input": {"skuId": typed, "guestToken": token}})).data
    seen = (await ask(CART, {"token": token})).data
    unseen = (await ask(CART)).data
    shopper = await given.shopper()
    own = (await ask(CART, {"token": token}, by=shopper)).data
    merged = (await ask(MERGE, {"input": {"guestToken": token}}, by=shopper)).data
    again = (await ask(MERGE, {"input": {"guestToken": token}}, by=shopper)).data
    spent = (await ask(CART, {"token": token})).data

    assert len(token) == 43
    assert (more["guestToken"], more["units"], seen["units"], unseen["units"]) == (None, 2, 2, 0)
    assert own["units"] == 0  # whoever is signed in sees their own, whatever token they hold
    assert merged == again == {"units": 2, "lines": [{"skuId": typed, "isChosen": True}]}
    assert spent["lines"] == []
    assert (await ask(MERGE, {"input": {"guestToken": token}})).codes == ["UNAUTHENTICATED"]


async def test_lines_are_changed_chosen_and_taken_out(given, ask, sku):
    shopper, typed = await given.shopper(), encode("sku", sku.sku_ids[0])
    await given.in_cart(shopper, sku.sku_ids[0])

    changed = (await ask(SET, {"input": {"skuId": typed, "quantity": 9}}, by=shopper)).data
    unticked = (await ask(CHOOSE, {"input": {"skuIds": [typed], "isChosen": False}}, by=shopper)).data
    removed = (await ask(REMOVE, {"input": {"skuIds": [typed]}}, by=shopper)).data
    absent = (await ask(SET, {"input": {"skuId": typed, "quantity": 9}}, by=shopper)).data
    cleared = (await ask(CLEAR, {"input": {}}, by=shopper)).data

    assert (changed["units"], unticked["lines"]) == (9, [{"skuId": typed, "isChosen": False}])
    assert removed["lines"] == cleared["lines"] == []
    assert absent["code"] == "NOT_FOUND"


async def test_refusals_name_the_limit(given, ask, sku):
    shopper, typed = await given.shopper(), encode("sku", sku.sku_ids[0])
    await given.in_cart(shopper, sku.sku_ids[0], quantity=999)

    full = (await ask(ADD, {"input": {"skuId": typed}}, by=shopper, accept_language="en")).data
    unknown = (await ask(ADD, {"input": {"skuId": encode("sku", new_id())}}, by=shopper)).data

    assert full == {
        "__typename": "CartLineFull",
        "code": "CART_LINE_FULL",
        "message": "the cart holds 999 of these, and 999 at most",
        "inCart": 999,
        "mostUnits": 999,
    }
    assert unknown["code"] == "NOT_FOUND"
    for bad in ({"skuId": typed, "quantity": 0}, {"skuId": typed, "quantity": 1000}, {"skuId": "sku_x"}):
        assert (await ask(ADD, {"input": bad}, by=shopper)).codes == ["BAD_USER_INPUT"]
    assert (await ask(REMOVE, {"input": {"skuIds": [typed] * 121}}, by=shopper)).codes == ["BAD_USER_INPUT"]
