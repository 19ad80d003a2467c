"""A basket, its quote and its order as the world sees them."""

import pytest
from sqlalchemy import update

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import decode, encode, new_id
from domain.pricing.rules import Fulfilment
from domain.products.tables import skus
from tests.audit import assert_clean

QUOTE = """
    query($input: QuoteInput!) { quote(input: $input) {
        goods { minor } discount { minor } freight { minor } total { minor amount }
        lines { skuId title quantity listPrice { minor } unitPrice { minor } discount { minor } total { minor }
                freight { minor } struckThroughPrice { minor } explanation { rule amount { minor } text } sku { title } }
        problems { __typename code message ... on NotEnoughStock { skuId wanted free }
                   ... on BelowMinimum { fulfilment minimum { amount } shortBy { amount } } }
    } }
"""
WHOLE = """
    fragment Whole on Order {
    id state goods { minor } discount { minor } freight { minor } total { minor } refunded { minor } fulfilment
    destination { recipient phone district regionCode street } store { id name } pickupCode remark
    lines { position skuId quantity discount { minor } freight { minor } total { minor } shipped refunded
            explanation { rule text } }
    }
"""
PLACE = (
    """mutation($input: PlaceOrderInput!) { placeOrder(input: $input) { __typename ...Whole
        ... on UserError { code message } ... on PriceChanged { expected { minor } now { minor } } } }"""
    + WHOLE
)
SAY = """
    mutation($input: SetOrderDestinationInput!) { setOrderDestination(input: $input) {
        __typename ... on Order { id fulfilment destination { street } total { minor } } ... on UserError { code }
    } }
"""


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


@pytest.fixture
async def basket(given):
    """A shopper, two SKUs, where they are to be sent, and what sending costs: 6 yuan and 2 for each more piece."""
    shopper = await given.shopper()
    tea = await given.sku(price_minor=1990)
    wine = await given.sku(price_minor=5000, units=2)
    await given.freight()
    lines = [{"skuId": encode("sku", tea), "quantity": 2}, {"skuId": encode("sku", wine), "quantity": 1}]
    delivery = {"delivery": {"addressId": encode("address", await given.home_of(shopper))}}
    return shopper, tea, wine, {"lines": lines, "fulfilment": delivery}


async def test_a_quote_explains_itself_in_both_languages(given, ask, basket):
    shopper, _, wine, wish = basket
    await given.sale_price(wine, 4000)

    chinese = (await ask(QUOTE, {"input": wish}, by=shopper)).data
    english = (await ask(QUOTE, {"input": wish}, by=shopper, accept_language="en")).data

    assert (chinese["goods"], chinese["discount"], chinese["freight"]) == (
        {"minor": 7980},
        {"minor": 0},
        {"minor": 1000},
    )
    assert chinese["total"] == {"minor": 8980, "amount": "89.80"}
    assert chinese["problems"] == []
    (line,) = [line for line in chinese["lines"] if line["skuId"] == encode("sku", wine)]
    assert (line["listPrice"], line["unitPrice"], line["quantity"]) == ({"minor": 5000}, {"minor": 4000}, 1)
    steps = [(step["rule"], step["amount"]["minor"], step["text"]) for step in line["explanation"]]
    assert steps[:2] == [("LIST", 5000, "原价 ¥50.00 × 1"), ("SALE_PRICE", -1000, "活动价 ¥40.00，共省 ¥10.00")]
    assert english["lines"][1]["explanation"][1]["text"] == "sale price ¥40.00: ¥10.00 off"


async def test_problems_come_with_their_facts(given, ask, basket):
    shopper, _, wine, wish = basket
    await given.minimum(Fulfilment.DELIVERY, 200_00)
    wish["lines"][1]["quantity"] = 3

    problems = (await ask(QUOTE, {"input": wish | {"couponCode": "SPRING"}}, by=shopper, accept_language="en")).data[
        "problems"
    ]

    assert {problem["__typename"]: problem for problem in problems} == {
        "CouponUnknown": {
            "__typename": "CouponUnknown",
            "code": "COUPON_UNKNOWN",
            "message": "there is no coupon SPRING that you may use",
        },
        "BelowMinimum": {
            "__typename": "BelowMinimum",
            "code": "BELOW_MINIMUM",
            "message": "delivery takes goods of ¥200.00 or more; ¥10.20 are missing",
            "fulfilment": "DELIVERY",
            "minimum": {"amount": "200.00"},
            "shortBy": {"amount": "10.20"},
        },
        "NotEnoughStock": {
            "__typename": "NotEnoughStock",
            "code": "NOT_ENOUGH_STOCK",
            "message": "not enough stock: 3 wanted, 2 free",
            "skuId": encode("sku", wine),
            "wanted": 3,
            "free": 2,
        },
    }


async def test_an_order_is_what_was_quoted(given, ask, basket):
    shopper, tea, _, wish = basket
    quote = (await ask(QUOTE, {"input": wish}, by=shopper)).data
    place = wish | {"expectedTotal": quote["total"]["minor"], "idempotencyKey": "order-0001", "remark": "少辣"}

    order = (await ask(PLACE, {"input": place}, by=shopper)).data
    again = (await ask(PLACE, {"input": place}, by=shopper)).data
    other = (await ask(PLACE, {"input": place | {"remark": "多辣"}}, by=shopper)).data

    assert order == again
    assert (order["__typename"], order["state"], order["total"]) == ("Order", "PLACED", {"minor": 9980})
    assert (order["goods"], order["freight"], order["refunded"]) == ({"minor": 8980}, {"minor": 1000}, {"minor": 0})
    assert (order["fulfilment"], order["store"], order["pickupCode"], order["remark"]) == (
        "DELIVERY",
        None,
        None,
        "少辣",
    )
    assert order["destination"]["street"] == "南京西路 1 号"
    for kept, quoted in zip(order["lines"], quote["lines"], strict=True):
        assert {name: kept[name] for name in ("skuId", "quantity", "discount", "freight", "total")} == {
            name: quoted[name] for name in ("skuId", "quantity", "discount", "freight", "total")
        }
        assert [step["text"] for step in kept["explanation"]] == [step["text"] for step in quoted["explanation"]]
    assert other["code"] == "IDEMPOTENCY_CONFLICT"
    assert (await given.stock_of(tea)).held == 2
    await assert_clean(given.market)


async def test_another_price_is_refused_with_both(given, ask, basket):
    shopper, _, _, wish = basket
    async with given.db.transaction() as tx:
        await tx.execute(update(skus).where(skus.c.price_minor == 1990).values(price_minor=2000))

    refused = (
        await ask(PLACE, {"input": wish | {"expectedTotal": 9980, "idempotencyKey": "order-0001"}}, by=shopper)
    ).data

    assert refused == {
        "__typename": "PriceChanged",
        "code": "PRICE_CHANGED",
        "message": "价格已变动：由 ¥99.80 变为 ¥100.00，请确认后重新提交",
        "expected": {"minor": 9980},
        "now": {"minor": 10000},
    }
    assert not await given.order_states()


async def test_the_chosen_lines_of_the_cart_become_the_order(given, ask, basket):
    shopper, tea, wine, wish = basket
    await given.in_cart(shopper, tea, wine)
    cart = {"fromCart": True, "fulfilment": wish["fulfilment"]}

    quote = (await ask(QUOTE, {"input": cart}, by=shopper)).data
    order = (
        await ask(
            PLACE,
            {"input": cart | {"expectedTotal": quote["total"]["minor"], "idempotencyKey": "order-0001"}},
            by=shopper,
        )
    ).data
    empty = (await ask(PLACE, {"input": cart | {"expectedTotal": 0, "idempotencyKey": "order-0002"}}, by=shopper)).data

    assert {line["skuId"] for line in order["lines"]} == {encode("sku", tea), encode("sku", wine)}
    assert empty["code"] == "BASKET_EMPTY"
    assert (await given.cart_again(shopper)).units == 0


async def test_the_pickup_code_is_for_its_owner_once_it_is_paid(given, ask, basket):
    shopper, _, _, wish = basket
    store_id = encode("store", await given.pickup_store())
    pickup = {
        "lines": wish["lines"],
        "fulfilment": {"pickup": {"storeId": store_id}},
        "expectedTotal": 8980,
        "idempotencyKey": "order-0001",
    }
    document = "query($id: ID!) { order(id: $id) { state store { id } pickupCode destination { street } } }"

    placed = (await ask(PLACE, {"input": pickup}, by=shopper)).data
    kept = await given.order_again(decode("order", placed["id"]))
    await given.money_for(kept)
    await given.hear_payments()
    own = (await ask(document, {"id": placed["id"]}, by=shopper)).data
    staffs = (await ask(document, {"id": placed["id"]}, by=await given.shopper(), roles=[Role.FINANCE])).data

    assert (placed["fulfilment"], placed["pickupCode"]) == ("PICKUP", None)
    assert placed["store"] == {"id": store_id, "name": "静安店"}
    assert (own["state"], own["store"], own["destination"]) == ("PAID", {"id": store_id}, None)
    assert len(own["pickupCode"]) == 8
    assert (staffs["state"], staffs["pickupCode"]) == ("PAID", None)


async def test_a_basket_is_said_in_one_way(given, ask, basket):
    shopper, _, _, wish = basket
    both = {"delivery": {}, "pickup": {}}

    for bad in (
        {},
        wish | {"fromCart": True},
        wish | {"fulfilment": both},
        wish | {"fulfilment": {}},
        wish | {"fulfilment": {"pickup": {"storeId": wish["fulfilment"]["delivery"]["addressId"]}}},
        wish | {"lines": wish["lines"] * 61},
        wish | {"lines": [{"skuId": wish["lines"][0]["skuId"], "quantity": 0}]},
        wish | {"couponCode": "\0"},
    ):
        assert (await ask(QUOTE, {"input": bad}, by=shopper)).codes == ["BAD_USER_INPUT"], bad
    assert (await ask(QUOTE, {"input": wish})).codes == ["UNAUTHENTICATED"]


async def test_somebody_elses_address_is_not_found(given, ask, basket):
    shopper, _, _, wish = basket
    theirs = encode("address", await given.home_of(await given.shopper()))
    place = {"expectedTotal": 9980, "idempotencyKey": "order-0001", "fulfilment": {"delivery": {"addressId": theirs}}}

    refused = (await ask(PLACE, {"input": wish | place}, by=shopper)).data

    assert refused["code"] == "NOT_FOUND"


async def test_a_flash_sales_order_is_told_where_to_go(given, ask):
    order = await given.order(await given.stocked_sku(5), source="flash_sale")
    home = await given.home_of(order.shopper_id)
    wish = {"orderId": encode("order", order.id), "addressId": encode("address", home), "idempotencyKey": "say-00001"}

    said = (await ask(SAY, {"input": wish}, by=order.shopper_id)).data
    again = (await ask(SAY, {"input": wish}, by=order.shopper_id)).data
    strangers = (await ask(SAY, {"input": wish}, by=await given.shopper())).data
    nowhere = (
        await ask(
            SAY,
            {"input": wish | {"addressId": encode("address", new_id()), "idempotencyKey": "say-00002"}},
            by=order.shopper_id,
        )
    ).data

    assert (
        said
        == again
        == {
            "__typename": "Order",
            "id": wish["orderId"],
            "fulfilment": "DELIVERY",
            "destination": {"street": "南京西路 1 号"},
            "total": {"minor": 1990},
        }
    )
    assert strangers["code"] == nowhere["code"] == "NOT_FOUND"
