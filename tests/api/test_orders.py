"""Orders and payments as the world sees them."""

import json
from types import SimpleNamespace

import orjson
import pytest
from starlette.requests import Request

from api import schema
from api.context import Context
from api.payments import NOTICE_BYTES, take_notice
from api.services import Services
from domain.accounts.rules import Principal, Role
from domain.foundation import clock, ids, metrics
from domain.foundation.ids import new_id
from domain.foundation.runtime import Market
from domain.orders import actions
from domain.payments import queries, store
from domain.payments.events import PaymentCaptured
from domain.payments.gateways import gateway_of, hang_up
from domain.payments.rules import notice_path
from simulators.wechat_pay import signing
from simulators.wechat_pay.keys import Keys
from tests.given.wechat import company, wechat

__all__ = ["company", "wechat"]

SCHEMA = schema.build()
ORDER = "id number state total { amount } lines { title quantity unitPrice { amount } } payBy paidAt lateOutcome"
PAY = """
    mutation Pay($input: PayOrderInput!) { payOrder(input: $input) {
        __typename
        ... on PaymentInstructions {
            payment { id state gateway amount { minor } } payUrl expiresAt
            wechat { appId timeStamp nonceStr package signType paySign }
        }
        ... on OrderNotPayable { code message orderId state payBy }
        ... on UserError { code message }
    } }
"""
CANCEL = """
    mutation Cancel($input: CancelOrderInput!) { cancelOrder(input: $input) {
        __typename
        ... on Order { id state cancelledAt }
        ... on UserError { code message }
    } }
"""


@pytest.fixture
async def market(market, company):
    yield Market(company.settings(market.settings), market.db, market.gate)
    await hang_up()


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


@pytest.fixture
def ask(market, given):
    """Run an operation as somebody; gives back its data. No errors are expected, unless they are asked for."""

    async def ask(document, *, by=None, roles=(), errors=False, language="en", **variables):
        principal = Principal(by, frozenset({Role.SHOPPER, *roles})) if by else None
        context = Context(market, Services.of(market), given.now, principal, language)
        result = await SCHEMA.execute(document, variables, context)
        if errors:
            return [getattr(error.original_error, "code", error.message) for error in result.errors]
        assert result.errors is None, result.errors
        return result.data

    return ask


def shown(order):
    return ids.encode("order", order.id)


async def test_a_shopper_sees_an_order(given, ask):
    order = await given.order(await given.stocked_sku(3), quantity=2)

    data = await ask(
        f"query($id: ID!) {{ order(id: $id) {{ {ORDER} payment {{ id }} }} }}", by=order.shopper_id, id=shown(order)
    )

    assert data["order"] == {
        "id": shown(order),
        "number": order.number,
        "state": "PLACED",
        "total": {"amount": "39.80"},
        "lines": [{"title": "桂花酒酿", "quantity": 2, "unitPrice": {"amount": "19.90"}}],
        "payBy": order.pay_by.isoformat(),
        "paidAt": None,
        "lateOutcome": None,
        "payment": None,
    }


async def test_that_somebody_elses_order_exists_is_not_told(given, ask):
    order = await given.order(await given.stocked_sku(1))
    payment = await given.payment(order)
    stranger = await given.shopper()
    document = """query($order: ID!, $payment: ID!) {
        order(id: $order) { id }
        a: node(id: $order) { id }
        b: node(id: $payment) { id }
    }"""
    both = {"order": shown(order), "payment": ids.encode("payment", payment.id)}

    strangers = await ask(document, by=stranger, **both)
    own = await ask(document, by=order.shopper_id, **both)
    staffs = await ask(document, by=stranger, roles=[Role.FINANCE], **both)
    wish = {"orderId": shown(order), "idempotencyKey": "payment-1"}
    refusals = [await ask(document, by=stranger, input=wish) for document in (PAY, CANCEL)]

    assert strangers == {"order": None, "a": None, "b": None}
    assert own == staffs == {"order": {"id": both["order"]}, "a": {"id": both["order"]}, "b": {"id": both["payment"]}}
    assert [next(iter(data.values()))["code"] for data in refusals] == ["NOT_FOUND", "NOT_FOUND"]


async def test_ones_own_orders_newest_first(given, ask):
    sku_id, shopper_id = await given.stocked_sku(9), await given.shopper()
    await given.order(sku_id)
    placed = [await given.order(sku_id, shopper_id=shopper_id) for _ in range(5)]
    await given.money_for(placed[1])
    await given.hear_payments()
    document = """query($first: Int!, $after: String, $state: OrderState) {
        orders(first: $first, after: $after, state: $state) { nodes { id } pageInfo { hasNextPage endCursor } } }"""

    async def page(**variables):
        connection = (await ask(document, by=shopper_id, **variables))["orders"]
        return [node["id"] for node in connection["nodes"]], connection["pageInfo"]

    first, info = await page(first=3)
    rest, end = await page(first=3, after=info["endCursor"])
    paid, _ = await page(first=3, state="PAID")

    assert first + rest == [shown(order) for order in reversed(placed)]
    assert (info["hasNextPage"], end["hasNextPage"]) == (True, False)
    assert paid == [shown(placed[1])]
    assert await ask(document, by=shopper_id, errors=True, first=101) == ["BAD_USER_INPUT"]
    assert await ask(document, by=shopper_id, errors=True, first=1, after="WyJ4Il0") == ["BAD_USER_INPUT"]
    assert await ask(document, errors=True, first=1) == ["UNAUTHENTICATED"]


async def test_paying_an_order(given, ask, company):
    order = await given.order(await given.stocked_sku(1))
    wish = {"orderId": shown(order), "idempotencyKey": "payment-1"}

    first = (await ask(PAY, by=order.shopper_id, input=wish))["payOrder"]
    again = (await ask(PAY, by=order.shopper_id, input=wish))["payOrder"]
    await given.money_for(order)
    await given.hear_payments()
    paid = (await ask(PAY, by=order.shopper_id, input=wish))["payOrder"]
    other = (await ask(PAY, by=order.shopper_id, input={**wish, "idempotencyKey": "payment-2"}))["payOrder"]

    assert first["payment"] == again["payment"]
    assert first["wechat"]["package"] == again["wechat"]["package"]
    assert first["payment"]["state"] == "PENDING"
    assert first["payment"]["amount"] == {"minor": 1990}
    assert (first["payment"]["gateway"], first["wechat"]["appId"]) == ("WECHAT", company.keys.app_id)
    assert first["payUrl"].startswith(f"{company.url}/wallet?appId=")
    assert await paid_at_the_wallet(company, first["wechat"]) == 200
    assert first["expiresAt"] == order.pay_by.isoformat()
    assert (paid["payment"]["id"], paid["payment"]["state"]) == (first["payment"]["id"], "CAPTURED")
    assert (paid["payUrl"], paid["wechat"]) == (None, None)
    assert (other["__typename"], other["code"], other["state"]) == ("OrderNotPayable", "ORDER_NOT_PAYABLE", "PAID")
    assert (other["orderId"], other["payBy"]) == (shown(order), order.pay_by.isoformat())


async def paid_at_the_wallet(company, parameters):
    return (await company.post("/wallet/pay", {**parameters, "behaviour": "never"}))[0]


async def test_a_gateway_that_is_not_configured_takes_no_money(given, ask):
    order = await given.order(await given.stocked_sku(1))
    wish = {"orderId": shown(order), "idempotencyKey": "payment-1"}

    refused = await ask(PAY, by=order.shopper_id, input={**wish, "gateway": "STRIPE"})
    asked = await ask(PAY, by=order.shopper_id, input={**wish, "gateway": "WECHAT"})

    assert refused["payOrder"]["code"] == "PAYMENTS_SWITCHED_OFF"
    assert asked["payOrder"]["payment"]["gateway"] == "WECHAT"


async def test_a_market_without_a_gateway_takes_no_money(given, ask, market):
    market.settings.wechat_mch_id = ""
    order = await given.order(await given.stocked_sku(1))

    refused = await ask(PAY, by=order.shopper_id, input={"orderId": shown(order), "idempotencyKey": "payment-1"})

    assert refused["payOrder"]["code"] == "PAYMENTS_SWITCHED_OFF"
    assert not await given.payment_states()


async def test_cancelling_an_order(given, ask):
    order = await given.order(await given.stocked_sku(1))
    wish = {"orderId": shown(order), "idempotencyKey": "cancel-01"}

    cancelled = (await ask(CANCEL, by=order.shopper_id, input=wish))["cancelOrder"]
    again = (await ask(CANCEL, by=order.shopper_id, input=wish))["cancelOrder"]
    other = (await ask(CANCEL, by=order.shopper_id, language="zh", input={**wish, "idempotencyKey": "cancel-02"}))[
        "cancelOrder"
    ]

    assert (
        cancelled
        == again
        == {"__typename": "Order", "id": shown(order), "state": "CANCELLED", "cancelledAt": given.now.isoformat()}
    )
    assert (other["code"], other["message"]) == ("ORDER_NOT_CANCELLABLE", "订单已付款或已关闭，无法取消")


async def test_an_order_shows_what_became_of_late_money(given, ask):
    order = await given.order(await given.stocked_sku(1))
    payment = await given.payment(order)
    await actions.lapse_due(given.db, now=order.pay_by, limit=1)
    await given.money_for(order)
    await given.hear_payments()

    data = await ask(
        "query($id: ID!) { order(id: $id) { state lateOutcome payment { id state } } }",
        by=order.shopper_id,
        id=shown(order),
    )

    shown_payment = {"id": ids.encode("payment", payment.id), "state": "CAPTURED"}
    assert data["order"] == {"state": "PAID", "lateOutcome": "REVIVED", "payment": shown_payment}


@pytest.fixture
def bring(market):
    """Bring a request to the door where a gateway brings its notices; gives back status and JSON."""

    async def bring(body, headers, gateway="wechat"):
        scope = {
            "type": "http",
            "method": "POST",
            "path": notice_path(gateway),
            "path_params": {"gateway": gateway},
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "app": SimpleNamespace(state=SimpleNamespace(market=market)),
        }
        pieces = [body[at : at + 8192] for at in range(0, len(body), 8192)] or [b""]
        messages = [{"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces]

        async def receive():
            return messages.pop(0)

        response = await take_notice(Request(scope, receive))
        return response.status_code, orjson.loads(response.body) if response.body else None

    return bring


def notice_of(keys, payment, *, notice_id="n1", **changes):
    """What WeChat Pay brings when it has the money."""
    told = {
        "appid": keys.app_id,
        "mchid": keys.mch_id,
        "out_trade_no": payment.id.hex,
        "transaction_id": payment.reference,
        "trade_state": "SUCCESS",
        "success_time": "2026-11-11T12:00:00+08:00",
        "amount": {"total": payment.amount.minor, "currency": payment.amount.currency},
    }
    return signing.notice(
        "TRANSACTION.SUCCESS", {**told, **changes}, notice_id=notice_id, apiv3_key=keys.apiv3_key, at=""
    )


async def test_a_notice_is_answered_when_it_is_committed(given, bring, company):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    body = notice_of(company.keys, payment)

    answer = await bring(body, signing.sign(company.keys, body))
    again = await bring(body, signing.sign(company.keys, body))

    assert answer == again == (204, None)
    assert len(await given.recorded(PaymentCaptured)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"success_time": "yesterday"}, 400, "NOTICE_MALFORMED"),
        ({"amount": {"total": 10**30, "currency": "CNY"}}, 409, "NOTICE_MISMATCH"),
        ({"amount": {"total": 1, "currency": "CNY"}}, 409, "NOTICE_MISMATCH"),
        ({"amount": {"total": 1990, "currency": "USD"}}, 409, "NOTICE_MISMATCH"),
        ({"transaction_id": "another"}, 409, "NOTICE_MISMATCH"),
        ({"out_trade_no": new_id().hex}, 409, "NOTICE_MISMATCH"),
        ({"mchid": "1900000001"}, 409, "NOTICE_MISMATCH"),
        ({"appid": "wx0000000000000000"}, 409, "NOTICE_MISMATCH"),
        ({"attach": "x" * 20_000}, 401, "NOTICE_FORGED"),
        ({"attach": "x" * NOTICE_BYTES}, 413, ""),
    ],
)
async def test_a_notice_in_doubt_changes_nothing(given, bring, company, changes, status, code):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    huge = changes.get("amount", {}).get("total") == 10**30
    body = notice_of(company.keys, payment, **({} if huge else changes))
    if huge:  # more than 64 bits: Python's own JSON writes it, ours refuses to
        plain = {"total": 10**30, "currency": "CNY"}
        body = notice_of(company.keys, payment, amount=orjson.Fragment(json.dumps(plain)))

    answer = await bring(body, signing.sign(company.keys, body))

    assert (answer[0], answer[1]["code"]) == (status, "FAIL")
    assert answer[1]["message"].startswith(code)
    assert await given.payment_again(payment.id) == payment
    assert await given.recorded() == []


@pytest.mark.parametrize("forged", [{"age_seconds": 305}, {"age_seconds": -305}, {"key": Keys.fresh().wechat}])
async def test_a_forged_notice_changes_nothing(given, bring, company, forged):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    body = notice_of(company.keys, payment)

    status, told = await bring(body, signing.sign(company.keys, body, **forged))

    assert (status, told["code"], told["message"][:13]) == (401, "FAIL", "NOTICE_FORGED")
    assert await given.payment_again(payment.id) == payment
    assert await given.recorded() == []


async def test_a_refunds_notice_is_taken(given, bring, company):
    order = await given.order(await given.stocked_sku(1))
    payment = await given.money_for(order)
    async with given.db.transaction() as tx:
        await store.mark_refund_due(tx, payment.id, reason="test", now=given.now)
    [refund] = (await queries.refunds_by_payment_ids(given.db, [payment.id]))[payment.id]
    told = {
        "mchid": company.keys.mch_id,
        "out_trade_no": payment.id.hex,
        "out_refund_no": refund.id.hex,
        "refund_id": "5030001",
        "refund_status": "SUCCESS",
        "success_time": "2026-11-11T12:00:00+08:00",
        "amount": {"total": 1990, "refund": 1990},
    }
    body = signing.notice("REFUND.SUCCESS", told, notice_id="n7", apiv3_key=company.keys.apiv3_key, at="")

    answer = await bring(body, signing.sign(company.keys, body))

    assert answer == (204, None)
    assert await given.payment_states() == {"refunded": 1}


def counted(outcome):
    return metrics.notices.labels("wechat", outcome)._value.get()


async def test_what_became_of_notices_is_counted(given, bring, company):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    body = notice_of(company.keys, payment)
    dear = notice_of(company.keys, payment, notice_id="n2", amount={"total": 1, "currency": "CNY"})
    unreadable = notice_of(company.keys, payment, notice_id="n3", amount={})
    before = {outcome: counted(outcome) for outcome in ("taken", "known", "forged", "malformed", "mismatch")}

    for brought in (body, body, body, dear, unreadable):
        await bring(brought, signing.sign(company.keys, brought))
    await bring(body, signing.sign(company.keys, body, age_seconds=305))

    assert {outcome: counted(outcome) - count for outcome, count in before.items()} == {
        "taken": 1,
        "known": 2,
        "forged": 1,
        "malformed": 1,
        "mismatch": 1,
    }


async def test_books_that_are_busy_ask_for_the_notice_again(given, bring, company, monkeypatch):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    monkeypatch.setattr("api.payments.NOTICE_SECONDS", 0.2)
    body = notice_of(company.keys, payment)

    async with given.db.transaction() as tx:
        await store.lock_all_of_payable(tx, payment.id)
        answer = await bring(body, signing.sign(company.keys, body))
    later = await bring(body, signing.sign(company.keys, body))

    assert (answer[0], later[0]) == (503, 204)
    assert len(await given.recorded(PaymentCaptured)) == 1


@pytest.mark.parametrize("gateway", ["wechat", "stripe", "nobody"])
async def test_a_market_without_a_gateway_hears_no_notices(bring, market, gateway):
    market.settings.wechat_mch_id = ""

    assert (await bring(b"{}", {}, gateway))[0] == 404


async def test_one_gateway_per_process(market):
    assert gateway_of(market.settings) is gateway_of(market.settings.model_copy())
