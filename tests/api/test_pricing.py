"""Prices as merchandisers set them and shoppers read them."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.clock import shop_day
from domain.foundation.ids import encode, new_id
from tests.statements import count_statements

STAFF = [Role.MERCHANDISER]
SET_SALE_PRICE = """mutation ($input: SetSalePriceInput!) { setSalePrice(input: $input) {
    __typename ... on SalePrice { id price { amount } isRunning endedBy sku { id } } ... on UserError { code } } }"""
END_SALE_PRICE = """mutation ($id: ID!) { endSalePrice(input: {salePriceId: $id}) {
    __typename ... on SalePrice { id isRunning endedBy } ... on UserError { code } } }"""
WRITE_TEMPLATE = """mutation ($input: WriteFreightTemplateInput!) { writeFreightTemplate(input: $input) {
    __typename
    ... on FreightTemplate { id name measure isDefault zones {
        regions firstMeasure firstPrice { minor } moreMeasure morePrice { minor } freeFrom { minor } isServed } }
    ... on UserError { code message } } }"""
OF_PRODUCT = """mutation ($input: SetFreightOfProductInput!) { setFreightOfProduct(input: $input) {
    __typename ... on Product { id } ... on UserError { code } } }"""
MINIMUM = """mutation ($input: SetMinimumOrderInput!) { setMinimumOrder(input: $input) {
    fulfilment minimum { amount } } }"""
TAGS = """query ($id: ID!) { node(id: $id) { ... on Sku {
    price { minor } salePrice { minor } struckThroughPrice { minor } } } }"""
ZONE = {"regions": ["31"], "firstMeasure": 1000, "firstMinor": 600, "moreMeasure": 500, "moreMinor": 200}
SEND = {"name": "快递", "measure": "WEIGHT", "zones": [ZONE | {"freeFromMinor": 9900}, {"regions": []}]}
NOBODY = encode("sku", UUID(int=1))


def sale(sku_id, *, minor=990, starts_in=-1, ends_in=1):
    now = clock.now()
    return {
        "skuId": encode("sku", sku_id),
        "priceMinor": minor,
        "startsAt": (now + timedelta(hours=starts_in)).isoformat(),
        "endsAt": (now + timedelta(hours=ends_in)).isoformat(),
    }


async def test_a_sale_price_is_set_shown_and_ended(ask, given):
    by, sku_id = await given.shopper(), await given.sku(price_minor=1990)
    id = encode("sku", sku_id)
    await given.deal_day(sku_id, shop_day(clock.now()) - timedelta(days=1), 1500)

    before = (await ask(TAGS, {"id": id})).data
    made = (await ask(SET_SALE_PRICE, {"input": sale(sku_id)}, by=by, roles=STAFF)).data
    during = (await ask(TAGS, {"id": id})).data
    ended = (await ask(END_SALE_PRICE, {"id": made["id"]}, by=by, roles=STAFF)).data
    after = (await ask(TAGS, {"id": id})).data

    assert before == after == {"price": {"minor": 1990}, "salePrice": None, "struckThroughPrice": None}
    assert during == {"price": {"minor": 1990}, "salePrice": {"minor": 990}, "struckThroughPrice": {"minor": 1500}}
    assert (made["price"], made["isRunning"], made["endedBy"], made["sku"]) == (
        {"amount": "9.90"},
        True,
        None,
        {"id": id},
    )
    assert ended == {
        "__typename": "SalePrice",
        "id": made["id"],
        "isRunning": False,
        "endedBy": encode("account", by),
    }
    assert await given.noted_deeds() == [("set_sale_price", "sku"), ("end_sale_price", "sku")]


async def test_price_tags_of_a_list_cost_one_statement(ask, given, db):
    for _ in range(10):
        await given.product()
    plain = "{ products { nodes { skus { id } } } }"
    tagged = "{ products { nodes { skus { id salePrice { minor } struckThroughPrice { minor } } } } }"
    await ask(plain)

    with count_statements(db) as sent_plain:
        await ask(plain)
    with count_statements(db) as sent_tagged:
        await ask(tagged)

    assert len(sent_tagged) <= len(sent_plain) + 1


async def test_sale_prices_are_listed_for_staff(ask, given):
    by, one, other = await given.shopper(), await given.sku(), await given.sku()
    for sku_id, minor in ((one, 900), (other, 800), (one, 700)):
        await ask(SET_SALE_PRICE, {"input": sale(sku_id, minor=minor)}, by=by, roles=STAFF)
    listed = "query ($id: ID) { salePrices(first: 2, skuId: $id) { nodes { id price { minor } } } }"

    every = (await ask(listed, by=by, roles=[Role.FINANCE])).data["nodes"]
    of_one = (await ask(listed, {"id": encode("sku", one)}, by=by, roles=STAFF)).data["nodes"]
    node = "query ($id: ID!) { node(id: $id) { ... on SalePrice { isRunning } } }"

    assert [row["price"]["minor"] for row in every] == [700, 800]
    assert [row["price"]["minor"] for row in of_one] == [700, 900]
    assert (await ask(node, {"id": every[0]["id"]}, by=by, roles=STAFF)).data == {"isRunning": True}
    assert (await ask(node, {"id": every[0]["id"]}, by=by)).data is None


async def test_a_freight_template_is_written_and_named_by_a_product(ask, given):
    by, product = await given.shopper(), await given.product()
    product_id = encode("product", product.id)
    of_product = "query ($id: ID!) { freightOfProduct(productId: $id) { id name } }"

    made = (await ask(WRITE_TEMPLATE, {"input": SEND}, by=by, roles=STAFF)).data
    none_yet = (await ask(of_product, {"id": product_id}, by=by, roles=STAFF)).data
    named = {"productId": product_id, "freightId": made["id"]}
    set_to = (await ask(OF_PRODUCT, {"input": named}, by=by, roles=STAFF)).data
    changed = SEND | {"freightId": made["id"], "name": "特快", "measure": "PIECE", "isDefault": True}
    again = (await ask(WRITE_TEMPLATE, {"input": changed}, by=by, roles=STAFF)).data
    found = (await ask(of_product, {"id": product_id}, by=by, roles=STAFF)).data
    listed = (await ask("{ freightTemplates { nodes { id } } }", by=by, roles=STAFF)).data
    node = "query ($id: ID!) { node(id: $id) { ... on FreightTemplate { name } } }"

    city, elsewhere = made["zones"]
    assert (city["regions"], city["firstPrice"], city["freeFrom"]) == (["31"], {"minor": 600}, {"minor": 9900})
    assert (elsewhere["regions"], elsewhere["freeFrom"], elsewhere["isServed"]) == ([], None, True)
    assert (none_yet, set_to) == (None, {"__typename": "Product", "id": product_id})
    assert (again["id"], again["name"], again["measure"], again["isDefault"]) == (made["id"], "特快", "PIECE", True)
    assert found == {"id": made["id"], "name": "特快"}
    assert listed == {"nodes": [{"id": made["id"]}]}
    assert (await ask(node, {"id": made["id"]}, by=by, roles=STAFF)).data == {"name": "特快"}
    assert (await ask(node, {"id": made["id"]}, by=by)).data is None


async def test_what_a_freight_template_may_not_be(ask, given):
    by = await given.shopper()
    await ask(WRITE_TEMPLATE, {"input": SEND}, by=by, roles=STAFF)

    taken = await ask(WRITE_TEMPLATE, {"input": SEND}, by=by, roles=STAFF)
    unknown = await ask(
        WRITE_TEMPLATE, {"input": SEND | {"freightId": encode("freight", new_id())}}, by=by, roles=STAFF
    )
    wrong = await ask(WRITE_TEMPLATE, {"input": SEND | {"zones": [ZONE, ZONE]}}, by=by, roles=STAFF)

    assert (taken.data["code"], taken.data["message"]) == ("FREIGHT_NAME_TAKEN", "运费模板名称 快递 已被使用")
    assert unknown.data["code"] == "NOT_FOUND"
    assert wrong.codes == ["BAD_USER_INPUT"]


async def test_everybody_may_know_the_minimum(ask, given):
    input = {"fulfilment": "DELIVERY", "minimumMinor": 3800}

    made = (await ask(MINIMUM, {"input": input}, by=await given.shopper(), roles=STAFF)).data
    shown = (await ask("{ minimumOrders { fulfilment minimum { amount } } }")).data

    assert made == {"fulfilment": "DELIVERY", "minimum": {"amount": "38.00"}}
    assert shown == [made]


async def test_deal_days_prove_what_was_struck_through(ask, given):
    by, sku_id = await given.shopper(), await given.sku()
    await given.deal_day(sku_id, shop_day(clock.now()), 1500)

    shown = await ask(
        "query ($id: ID!) { dealDays(skuId: $id) { nodes { day lowest { minor } units } } }",
        {"id": encode("sku", sku_id)},
        by=by,
        roles=[Role.FINANCE],
    )

    day = shop_day(clock.now()).isoformat()
    assert shown.data == {"nodes": [{"day": day, "lowest": {"minor": 1500}, "units": 1}]}


@pytest.mark.parametrize(
    ("change", "code"),
    [({"minor": -1}, "BAD_USER_INPUT"), ({"ends_in": -1}, "BAD_USER_INPUT"), ({"starts_in": 1}, "BAD_USER_INPUT")],
)
async def test_a_sale_price_that_makes_no_sense_is_the_askers_fault(ask, given, change, code):
    input = sale(await given.sku(), **change)

    assert (await ask(SET_SALE_PRICE, {"input": input}, by=await given.shopper(), roles=STAFF)).codes == [code]


async def test_prices_of_nothing_are_not_found(ask, given):
    by = await given.shopper()

    for query, variables in (
        (SET_SALE_PRICE, {"input": sale(new_id())}),
        (END_SALE_PRICE, {"id": encode("saleprice", new_id())}),
        (OF_PRODUCT, {"input": {"productId": encode("product", new_id())}}),
    ):
        assert (await ask(query, variables, by=by, roles=STAFF)).data == {"__typename": "NotFound", "code": "NOT_FOUND"}


@pytest.mark.parametrize("roles", [None, [], [Role.FINANCE]])
async def test_only_merchandisers_set_prices(ask, given, roles):
    who = {} if roles is None else {"by": await given.shopper(), "roles": roles}
    product_id = encode("product", (await given.product()).id)

    for query, variables in (
        (SET_SALE_PRICE, {"input": sale(new_id())}),
        (END_SALE_PRICE, {"id": encode("saleprice", new_id())}),
        (WRITE_TEMPLATE, {"input": SEND}),
        (OF_PRODUCT, {"input": {"productId": product_id}}),
        (MINIMUM, {"input": {"fulfilment": "DELIVERY", "minimumMinor": 0}}),
    ):
        assert (await ask(query, variables, **who)).codes == ["UNAUTHENTICATED" if roles is None else "FORBIDDEN"]
    assert await given.noted_deeds() == []


@pytest.mark.parametrize(
    "query",
    [
        "{ salePrices { nodes { id } } }",
        "{ freightTemplates { nodes { id } } }",
        f'{{ dealDays(skuId: "{NOBODY}") {{ nodes {{ day }} }} }}',
        f'{{ freightOfProduct(productId: "{NOBODY.replace("sku", "product")}") {{ id }} }}',
    ],
)
async def test_what_prices_are_made_of_is_for_staff(ask, given, query):
    shopper_id = await given.shopper()

    assert (await ask(query)).codes == ["UNAUTHENTICATED"]
    assert (await ask(query, by=shopper_id)).codes == ["FORBIDDEN"]
    assert "errors" not in (await ask(query, by=shopper_id, roles=[Role.FINANCE])).json
