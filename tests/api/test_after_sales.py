"""After-sales as the world sees them."""

import pytest

from api import schema
from api.context import Context
from api.services import Services
from domain.accounts.rules import Principal, Role
from domain.after_sales.rules import AfterSaleState, Kind
from domain.foundation import ids
from domain.foundation.ids import new_id
from domain.orders.rules import Fulfilment
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from tests.statements import count_statements

SCHEMA = schema.build()
S = AfterSaleState
AFTER_SALE = """
        id kind state reason words evidence asked { minor } agreed { minor } dueAt waitsFor nextSteps decisionWords
        returnCarrier returnNumber order { id state }
        lines { position title quantity unsent restocked goods { minor } freight { minor } freightKept { minor } }
        refund { id state amount { minor } }
"""
SHOWN = f"__typename ... on AfterSale {{ {AFTER_SALE} }} ... on UserError {{ code message }}"
REQUEST = f"mutation($input: RequestAfterSaleInput!) {{ requestAfterSale(input: $input) {{ {SHOWN} }} }}"
WITHDRAW = f"mutation($input: WithdrawAfterSaleInput!) {{ withdrawAfterSale(input: $input) {{ {SHOWN} }} }}"
SEND_BACK = f"mutation($input: SendBackGoodsInput!) {{ sendBackGoods(input: $input) {{ {SHOWN} }} }}"
DECIDE = f"mutation($input: DecideAfterSaleInput!) {{ decideAfterSale(input: $input) {{ {SHOWN} }} }}"
CONFIRM = f"mutation($input: ConfirmReturnArrivalInput!) {{ confirmReturnArrival(input: $input) {{ {SHOWN} }} }}"
REFUND = f"mutation($input: RefundOrderInput!) {{ refundOrder(input: $input) {{ {SHOWN} }} }}"
QUOTE = """
    query($orderId: ID!, $kind: AfterSaleKind!, $reason: AfterSaleReason!, $lines: [AfterSaleUnitsInput!]) {
        afterSaleQuote(orderId: $orderId, kind: $kind, reason: $reason, lines: $lines) {
            __typename
            ... on AfterSaleQuote {
                amount { amount } goodsComeBack
                lines { position title quantity unsent goods { minor } freight { minor } freightKept { minor } }
            }
            ... on GoodsMustComeBack { position sent }
            ... on TooManyUnits { left }
            ... on UserError { code message }
        }
    }
"""


@pytest.fixture
def ask(market, given):
    """Run an operation as somebody; gives back the only root field's answer, or the codes of its errors."""

    async def ask(document, *, by=None, roles=(), errors=False, language="en", **variables):
        principal = Principal(by, frozenset({Role.SHOPPER, *roles})) if by else None
        context = Context(market, Services.of(market), given.now, principal, language)
        result = await SCHEMA.execute(document, variables, context)
        if errors:
            return [getattr(error.original_error, "code", error.message) for error in result.errors]
        assert result.errors is None, result.errors
        [answer] = result.data.values()
        return answer

    return ask


@pytest.fixture
def staff(ask):
    """The same as a merchandiser."""
    merchandiser = new_id()

    async def staff(document, **more):
        return await ask(document, by=merchandiser, roles=[Role.MERCHANDISER], **more)

    return staff


def order_id_of(order):
    return ids.encode("order", order.id)


def id_of(after_sale):
    return ids.encode("aftersale", after_sale.id)


def request(order, **more):
    wish = {"orderId": order_id_of(order), "kind": "REFUND", "reason": "QUALITY", "idempotencyKey": "request-1"}
    return {**wish, **more}


async def test_a_return_from_the_preview_to_the_money(given, ask, staff):
    order = await given.bought_and_received(Goods(3, 1000, freight_minor=100))
    wish = {"orderId": order_id_of(order), "kind": "RETURN", "reason": "NOT_WANTED"}
    lines = [{"position": 1, "quantity": 2}]

    quoted = await ask(QUOTE, by=order.shopper_id, **wish, lines=lines)
    asked = await ask(
        REQUEST, by=order.shopper_id, input={**wish, "lines": lines, "words": "不合适", "idempotencyKey": "request-1"}
    )
    decision = {"afterSaleId": asked["id"], "decision": "APPROVE", "idempotencyKey": "approve-1", "agreedMinor": 1800}
    approved = await staff(DECIDE, input=decision)
    parcel = {"afterSaleId": asked["id"], "carrier": "sf", "number": "SF1", "idempotencyKey": "sent-back-1"}
    sent = await ask(SEND_BACK, by=order.shopper_id, input=parcel)
    arrival = {"afterSaleId": asked["id"], "goods": "AS_AGREED", "restock": lines, "idempotencyKey": "arrived-1"}
    done = await staff(CONFIRM, input=arrival)

    line = {"position": 1, "title": "桂花酒酿", "quantity": 2, "unsent": 0, "goods": {"minor": 2000}}
    freight = {"freight": {"minor": 0}, "freightKept": {"minor": 66}}
    assert quoted == {
        "__typename": "AfterSaleQuote",
        "amount": {"amount": "20.00"},
        "goodsComeBack": True,
        "lines": [{**line, **freight}],
    }
    assert (asked["state"], asked["asked"], asked["words"]) == ("REQUESTED", {"minor": 2000}, "不合适")
    assert asked["lines"] == [{**line, **freight, "restocked": 0}]
    assert asked["order"] == {"id": order_id_of(order), "state": "RECEIVED"}
    assert (asked["waitsFor"], asked["nextSteps"], asked["dueAt"][:10]) == ("STAFF", ["WITHDRAW"], "2026-11-13")
    assert (approved["state"], approved["agreed"], approved["waitsFor"]) == ("TO_SEND", {"minor": 1800}, "SHOPPER")
    assert (sent["state"], sent["returnCarrier"], sent["nextSteps"]) == ("SENT_BACK", "sf", [])
    assert (done["state"], done["dueAt"], done["lines"][0]["restocked"]) == ("REFUNDING", None, 2)
    assert (done["refund"]["state"], done["refund"]["amount"]) == ("DUE", {"minor": 1800})
    await assert_clean(given.market, in_flight=True)


async def test_a_refund_at_once_and_the_same_key(given, ask, staff):
    order = await given.bought(Goods(2, 1000))
    first = await ask(REQUEST, by=order.shopper_id, input=request(order))
    again = await ask(REQUEST, by=order.shopper_id, input=request(order))
    decision = {"afterSaleId": first["id"], "decision": "APPROVE", "idempotencyKey": "approve-1"}

    decided = [await staff(DECIDE, input=decision) for _ in range(2)]
    await given.give_back_at_gateway()
    node = await ask(
        f"query($id: ID!) {{ node(id: $id) {{ ... on AfterSale {{ {AFTER_SALE} }} }} }}",
        by=order.shopper_id,
        id=first["id"],
    )

    assert first == again
    assert decided[0] == decided[1]
    assert (decided[0]["state"], decided[0]["nextSteps"]) == ("REFUNDING", [])
    assert (node["state"], node["refund"]["state"], node["order"]["state"]) == ("REFUNDED", "REFUNDED", "REFUNDED")
    await assert_clean(given.market, in_flight=True)


async def test_what_is_refused_says_why(given, ask, staff):
    order = await given.bought(Goods(2, 1000))
    await given.units_leave(order, {1: 1})
    wish = {"orderId": order_id_of(order), "kind": "REFUND", "reason": "NOT_WANTED"}
    quote = [
        await ask(QUOTE, by=order.shopper_id, **wish),
        await ask(QUOTE, by=order.shopper_id, **wish, lines=[{"position": 1, "quantity": 3}]),
        await ask(QUOTE, by=order.shopper_id, **{**wish, "orderId": ids.encode("order", new_id())}),
    ]
    asked = await ask(REQUEST, by=order.shopper_id, input=request(order))
    decision = {"afterSaleId": asked["id"], "decision": "APPROVE", "idempotencyKey": "approve-1"}

    too_much = await staff(DECIDE, input={**decision, "agreedMinor": 2001}, language="zh")
    await given.units_leave(order, {1: 1})
    left = await staff(DECIDE, input=decision)
    rejected = await staff(
        DECIDE, input={**decision, "decision": "REJECT", "words": "已发出", "idempotencyKey": "reject-1"}
    )
    moved = await ask(WITHDRAW, by=order.shopper_id, input={"afterSaleId": asked["id"], "idempotencyKey": "withdraw-1"})

    assert [answer["code"] for answer in quote] == ["GOODS_MUST_COME_BACK", "TOO_MANY_UNITS", "NOT_FOUND"]
    assert (quote[0]["position"], quote[0]["sent"], quote[1]["left"]) == (1, 1, 2)
    assert (too_much["code"], too_much["message"]) == ("AGREED_TOO_MUCH", "同意金额不能超过申请金额 20.00 元")
    assert left["code"] == "GOODS_HAVE_LEFT"
    assert (rejected["state"], rejected["decisionWords"]) == ("REJECTED", "已发出")
    assert (moved["code"], moved["message"]) == ("AFTER_SALE_MOVED", "this cannot be done: the after-sale is rejected")
    await assert_clean(given.market, in_flight=True)


async def test_input_outside_what_is_allowed(given, ask, staff):
    order = await given.bought(Goods(2, 1000))
    asked = await given.after_sale(order, {1: 1})
    one = {"position": 1, "quantity": 1}
    wishes = [
        {"lines": []},
        {"lines": [one, one]},
        {"words": "x" * 501},
        {"evidence": ["ftp://pictures.example/1.jpg"]},
        {"evidence": ["https://pictures.example/1.jpg"] * 10},
        {"kind": "RETURN", "reason": "NOT_ARRIVED"},
        {"reason": "BY_MERCHANT"},
        {"idempotencyKey": "short"},
        {"orderId": "order_x"},
    ]
    decisions = [
        {"decision": "REJECT"},
        {"decision": "REJECT", "words": "不", "agreedMinor": 1},
        {"decision": "APPROVE", "agreedMinor": 0},
    ]
    arrivals = [{"goods": "NOT_AS_AGREED", "restock": [one], "words": "旧"}, {"goods": "NOT_AS_AGREED"}]
    staffs = {"afterSaleId": id_of(asked), "idempotencyKey": "decide-1"}

    refused = [
        *[await ask(REQUEST, by=order.shopper_id, errors=True, input=request(order, **wish)) for wish in wishes],
        *[await staff(DECIDE, errors=True, input={**staffs, **decision}) for decision in decisions],
        *[await staff(CONFIRM, errors=True, input={**staffs, **arrival}) for arrival in arrivals],
    ]

    assert refused == [["BAD_USER_INPUT"]] * len(refused)
    assert await given.after_sale_again(asked) == asked


async def test_that_somebody_elses_after_sale_exists_is_not_told(given, ask):
    order = await given.bought()
    asked, stranger = await given.after_sale(order), await given.shopper()
    node = "query($id: ID!) { node(id: $id) { id } }"
    wish = {"afterSaleId": id_of(asked), "idempotencyKey": "withdraw-1"}

    assert await ask(node, by=stranger, id=id_of(asked)) is None
    assert await ask(node, id=id_of(asked)) is None
    assert await ask(node, by=stranger, roles=[Role.FINANCE], id=id_of(asked)) == {"id": id_of(asked)}
    assert (await ask(WITHDRAW, by=stranger, input=wish))["code"] == "NOT_FOUND"
    assert (await ask(REQUEST, by=stranger, input=request(order)))["code"] == "NOT_FOUND"


async def test_only_staff_decide(given, ask):
    order = await given.bought()
    decision = {
        "afterSaleId": id_of(await given.after_sale(order)),
        "decision": "APPROVE",
        "idempotencyKey": "yes-0001",
    }
    work_list = "{ staffAfterSales { nodes { id } } }"

    assert await ask(DECIDE, by=order.shopper_id, errors=True, input=decision) == ["FORBIDDEN"]
    assert await ask(work_list, by=order.shopper_id, errors=True) == ["FORBIDDEN"]
    assert await ask(work_list, errors=True) == ["UNAUTHENTICATED"]
    assert await ask(DECIDE, by=new_id(), roles=[Role.FINANCE], errors=True, input=decision) == ["FORBIDDEN"]
    decided = await ask(DECIDE, by=new_id(), roles=[Role.MERCHANDISER], input=decision)
    assert decided["state"] == "REFUNDING"


async def test_a_merchandiser_gives_back_unasked_and_the_shopper_sees_it(given, ask, staff):
    order = await given.bought(Goods(2, 1000), fulfilment=Fulfilment.PICKUP)
    wish = {"orderId": order_id_of(order), "words": "久未自提", "idempotencyKey": "refund-01"}
    one = {**wish, "lines": [{"position": 1, "quantity": 1}], "agreedMinor": 900}

    given_back = [await staff(REFUND, input=one) for _ in range(2)]
    too_many = await staff(
        REFUND, input={**wish, "lines": [{"position": 1, "quantity": 2}], "idempotencyKey": "02-02-02"}
    )
    mine = await ask("{ afterSales { nodes { id reason decisionWords nextSteps } } }", by=order.shopper_id)

    assert given_back[0] == given_back[1]
    assert (given_back[0]["state"], given_back[0]["agreed"], given_back[0]["kind"]) == (
        "REFUNDING",
        {"minor": 900},
        "REFUND",
    )
    assert too_many["code"] == "TOO_MANY_UNITS"
    shown = {"reason": "BY_MERCHANT", "decisionWords": "久未自提", "nextSteps": []}
    assert mine["nodes"] == [{"id": given_back[0]["id"], **shown}]
    for role, by in ((Role.FINANCE, new_id()), (Role.SHOPPER, order.shopper_id)):
        assert await ask(REFUND, by=by, roles=[role], errors=True, input=one) == ["FORBIDDEN"]
    assert await staff(REFUND, errors=True, input={**wish, "words": " "}) == ["BAD_USER_INPUT"]
    await assert_clean(given.market, in_flight=True)


async def test_lists_cost_the_same_whatever_their_length(given, ask, staff):
    order = await given.bought_and_received(Goods(8, 1000))
    asked = [await given.after_sale(order, {1: 1}, kind=Kind.RETURN) for _ in range(6)]
    mine = (
        f"query($first: Int!, $after: String) {{ afterSales(first: $first, after: $after) {{ nodes {{ {AFTER_SALE} }}"
    )
    mine += " pageInfo { hasNextPage endCursor } } }"
    work_list = """query($state: AfterSaleState, $first: Int!) {
        staffAfterSales(state: $state, first: $first) { nodes { id nextSteps } } }"""

    costs = []
    for first in (1, 4):
        with count_statements(given.db) as sent:
            page = await ask(mine, by=order.shopper_id, first=first)
        costs.append(len(sent))
    rest = await ask(mine, by=order.shopper_id, first=4, after=page["pageInfo"]["endCursor"])
    waiting = await staff(work_list, first=2, state="REQUESTED")
    closed = await staff(work_list, first=2, state="CLOSED")
    whole = await ask(
        "query($id: ID!) { order(id: $id) { afterSales { id state } } }", by=order.shopper_id, id=order_id_of(order)
    )

    newest_first = [id_of(one) for one in reversed(asked)]
    assert costs[0] == costs[1]
    assert [node["id"] for node in page["nodes"] + rest["nodes"]] == newest_first
    assert (page["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert waiting["nodes"] == [{"id": id_of(one), "nextSteps": ["APPROVE", "REJECT"]} for one in asked[:2]]
    assert closed["nodes"] == []
    assert whole == {"afterSales": [{"id": id_of(one), "state": "REQUESTED"} for one in asked]}
    assert await ask(mine, by=order.shopper_id, errors=True, first=101) == ["BAD_USER_INPUT"]
    assert await ask(mine, by=order.shopper_id, errors=True, first=1, after="WyJ4Il0") == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("decision", ["APPROVE", "REJECT"])
async def test_nobody_decides_about_their_own(given, ask, decision):
    order = await given.bought()
    asked = await given.after_sale(order)
    mine = {"by": order.shopper_id, "roles": [Role.MERCHANDISER]}
    wish = {"afterSaleId": id_of(asked), "decision": decision, "words": "好", "idempotencyKey": "mine-0001"}

    refused = await ask(DECIDE, **mine, input=wish)

    assert refused["code"] == "NOT_YOUR_OWN_ORDER"
    assert await given.after_sale_again(asked) == asked


@pytest.mark.parametrize("goods", ["AS_AGREED", "NOT_AS_AGREED"])
async def test_nobody_takes_in_what_they_have_sent_back_themselves(given, ask, goods):
    order = await given.bought_and_received(Goods(1))
    asked = await given.after_sale(order, state=AfterSaleState.SENT_BACK, kind=Kind.RETURN)
    wish = {"afterSaleId": id_of(asked), "goods": goods, "words": "好", "idempotencyKey": "mine-0002"}

    refused = await ask(CONFIRM, by=order.shopper_id, roles=[Role.ADMIN], input=wish)

    assert refused["code"] == "NOT_YOUR_OWN_ORDER"
    assert await given.after_sale_again(asked) == asked
