"""What a page of orders needs, in one question: pictures, steps, units to ask for, the market's clock, people's words."""

import pytest

from domain.accounts.rules import Role
from domain.after_sales.rules import MOST_AFTER_SALES, AfterSaleState
from domain.foundation import clock, ids
from domain.foundation.ids import new_id
from tests.given.after_sales import Goods
from tests.statements import count_statements

PAGE = """{ serverTime orders { nodes { nextSteps
    lines { skuId sku { id } quantity refunded refundable } afterSales { lines { sku { id } } } } } }"""


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


async def test_an_order_says_what_it_is_made_of_and_what_can_be_done_with_it(given, ask):
    order = await given.bought(Goods(3))
    await given.after_sale(order, {1: 1})

    answered = (await ask(PAGE, by=order.shopper_id)).json["data"]

    [shown] = answered["orders"]["nodes"]
    [line] = shown["lines"]
    assert line["sku"]["id"] == line["skuId"] == shown["afterSales"][0]["lines"][0]["sku"]["id"]
    assert (line["quantity"], line["refunded"], line["refundable"]) == (3, 0, 3)
    assert shown["nextSteps"] == ["REQUEST_AFTER_SALE"]
    assert answered["serverTime"]


async def test_steps_follow_the_order(given, ask):
    placed = await given.ordered()
    sent = await given.bought(Goods(1))
    await given.all_units_leave(sent)
    asked_for = await given.bought(Goods(1))
    await given.after_sale(asked_for)

    async def steps(order):
        document = "query($id: ID!) { order(id: $id) { nextSteps } }"
        return (await ask(document, {"id": ids.encode("order", order.id)}, by=order.shopper_id)).data["nextSteps"]

    assert await steps(placed) == ["PAY", "CANCEL"]
    assert await steps(sent) == ["CONFIRM_RECEIPT", "EXTEND_RECEIPT", "REQUEST_AFTER_SALE"]
    assert await steps(asked_for) == []


async def test_an_order_says_that_its_promotion_has_not_confirmed_it(given, ask):
    document = "query($id: ID!) { order(id: $id) { state isConfirmed nextSteps } }"
    order = await given.bought(is_confirmed=False)
    about = {"id": ids.encode("order", order.id)}

    before = (await ask(document, about, by=order.shopper_id)).data
    await given.confirm(order)
    after = (await ask(document, about, by=order.shopper_id)).data

    assert before == {"state": "PAID", "isConfirmed": False, "nextSteps": ["SET_DESTINATION"]}
    assert after == {"state": "PAID", "isConfirmed": True, "nextSteps": ["SET_DESTINATION", "REQUEST_AFTER_SALE"]}


async def test_the_time_may_be_asked_by_anyone(ask):
    assert (await ask("{ serverTime }")).data


async def test_the_steps_of_many_orders_cost_as_many_statements_as_those_of_one(given, ask, api):
    async def buy():
        await given.after_sale(await given.bought(Goods(2)), {1: 1})

    costs = []
    for more in (1, 3):
        for _ in range(more):
            await buy()
        with count_statements(api.market.db) as sent:
            answered = await ask(PAGE.replace("orders {", "staffOrders {"), by=new_id(), roles=[Role.ADMIN])
        assert len(answered.json["data"]["staffOrders"]["nodes"]) == sum((1, 3)[: len(costs) + 1])
        costs.append(len(sent))

    assert costs[0] == costs[1]


async def test_an_order_has_so_many_after_sales_and_no_more(given, ask):
    order = await given.bought(Goods(1))
    for _ in range(MOST_AFTER_SALES):
        await given.after_sale(order, state=AfterSaleState.WITHDRAWN)
    document = """mutation($id: ID!) { requestAfterSale(input:
        {orderId: $id, kind: REFUND, reason: OTHER, idempotencyKey: "a-key-of-mine"})
        { __typename ... on TooManyAfterSales { most message } } }"""

    refused = (await ask(document, {"id": ids.encode("order", order.id)}, by=order.shopper_id)).data

    assert (refused["__typename"], refused["most"]) == ("TooManyAfterSales", 30)
    assert refused["message"] == "同一订单最多申请 30 次售后，请联系客服"


async def test_history_is_told_in_the_readers_language(given, ask):
    order = await given.bought(Goods(1))
    await given.all_units_leave(order)
    document = "query($id: ID!) { order(id: $id) { history { kind words } } }"

    async def told(**headers):
        answered = await ask(document, {"id": ids.encode("order", order.id)}, by=order.shopper_id, **headers)
        return {moment["kind"]: moment["words"] for moment in answered.data["history"]}

    zh, en = await told(), await told(accept_language="en")

    assert zh["SHIPPED"].startswith("顺丰速运 ")
    assert en["SHIPPED"].startswith("SF Express ")


async def test_what_is_not_there_is_called_by_its_name(ask):
    missing = ids.encode("order", new_id())
    document = """mutation($id: ID!) { confirmReceipt(input: {orderId: $id, idempotencyKey: "a-key-of-mine"})
        { ... on NotFound { id kind message } } }"""

    refused = (await ask(document, {"id": missing}, by=new_id())).data

    assert refused == {"id": missing, "kind": "order", "message": "找不到该订单"}
