"""Traces: one request's way through API, outbox and worker, as a real collector sees it; and nothing where there is none."""

import importlib
import subprocess
import sys

import pytest
from sqlalchemy import select

from api.app import Api
from domain.foundation import logs, outbox, tracing
from domain.foundation.runtime import Market
from domain.orders import actions as orders
from domain.orders import queries
from domain.orders.rules import OrderState
from domain.payments.gateways import gateway_of, hang_up
from domain.payments.rules import GatewayUnavailable
from domain.payments.tables import payments
from simulators.wechat_pay import signing
from simulators.wechat_pay.keys import Keys
from tests.api.conftest import call
from tests.given.wechat import NOBODY, RunningWechatPay
from tests.operation.collector import Collector, collecting
from workers.context import WorkerContext
from workers.relay import Relay

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{CALLER}-01"


@pytest.fixture
async def collector():
    async with collecting() as collector:
        yield collector


@pytest.fixture
def traced(settings, collector: Collector):
    """Settings under which every request is traced."""
    return settings.model_copy(update={"otlp_url": collector.url, "trace_ratio": 1.0, "public_answer_seconds": 0.0})


async def test_one_trace_goes_from_the_notice_through_the_outbox_to_who_hears_it(traced, given, collector):
    for feature in ("payments", "orders"):
        importlib.import_module(f"workers.{feature}")
    keys = Keys.fresh()
    settings = RunningWechatPay(NOBODY, keys).settings(traced)
    order = await given.order(await given.stocked_sku(1))
    try:  # nobody answers there: the payment is pending all the same
        await orders.pay(
            given.db,
            gateway_of(settings),
            order_id=order.id,
            shopper_id=order.shopper_id,
            idempotency_key="payment-1",
            now=given.now,
        )
    except GatewayUnavailable:
        payment_id = await given.db.value(select(payments.c.id))
    told = {
        "appid": keys.app_id,
        "mchid": keys.mch_id,
        "out_trade_no": payment_id.hex,
        "transaction_id": "4200001",
        "trade_state": "SUCCESS",
        "success_time": given.now.isoformat(),
        "amount": {"total": order.total.minor, "payer_total": order.total.minor, "currency": "CNY"},
    }
    body = signing.notice("TRANSACTION.SUCCESS", told, notice_id="n1", apiv3_key=keys.apiv3_key, at="")
    api = Api(settings)

    async with api.started():
        headers = {**signing.sign(keys, body), "traceparent": PARENT}
        brought = await call(api.app, "POST", "/payments/wechat/notice", body, headers)
        market = Market(settings, api.market.db, api.market.gate)
        relay = Relay(WorkerContext(market, None))
        while any([await relay.carry_lane(lane) for lane in range(outbox.LANES)]):
            pass
    await hang_up()
    await collector.sent()

    assert brought.status == 204, brought.body
    assert (await queries.by_ids(given.db, [order.id]))[order.id].state is OrderState.PAID
    spans = {span.id: span for span in collector.spans}
    [http] = collector.named("http take_notice")
    [hearing] = collector.named("hear payment.captured")
    committed = spans[hearing.parent]
    assert {span.trace for span in spans.values()} == {TRACE}
    assert (http.parent, http.service) == (CALLER, "nightmarket-api")
    assert (committed.name, committed.parent) == ("transaction", http.id)
    assert committed.facts["statements"] > 2
    within_hearing = [span for span in spans.values() if span.parent == hearing.id]
    assert [span.name for span in within_hearing].count("transaction") >= 1
    [afterwards] = collector.named("hear order.paid")
    assert spans[afterwards.parent] in within_hearing
    assert b"4200001" not in b"".join(collector.bodies)
    assert payment_id.hex.encode() not in b"".join(collector.bodies)


async def test_the_server_of_live_sockets_is_named_in_its_traces(traced, clean, collector):
    api = Api(traced, role="live")

    async with api.started():
        await call(api.app, "GET", "/livez", headers={"traceparent": PARENT})
    await collector.sent()

    assert {(span.trace, span.service) for span in collector.spans} == {(TRACE, "nightmarket-live")}


async def test_an_operation_is_a_span_named_by_its_field_and_outcome(traced, collector):
    api = Api(traced)

    async with api.started():
        for query in (b'{"query": "{ serverTime }"}', b'{"query": "{ nobody }"}', b'{"query": "{ viewer { id } }"}'):
            await call(
                api.app, "POST", "/graphql", query, {"content-type": "application/json", "x-request-id": "request-1"}
            )
    await collector.sent()

    facts = {
        (span.name, span.facts["outcome"], span.facts["request_id"]) for span in collector.spans if not span.parent
    }
    assert ("query serverTime", "ok", "request-1") in facts
    assert ("none none", "refused", "request-1") in facts


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (PARENT, True),
        (PARENT[:-2] + "00", True),  # whether it is kept is ours to say
        ("", False),
        ("00-" + "0" * 32 + f"-{CALLER}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"01-{TRACE}-{CALLER}-01", False),
        (f"00-{TRACE.upper()}-{CALLER}-01", False),
        (f"00-{TRACE}-{CALLER}-01-more", False),
        (f"00-{TRACE[:-2]}+1-{CALLER}-01", False),
        ("00-" + "é" * 32 + f"-{CALLER}-01", False),
        ("x" * 10_000, False),
    ],
)
def test_a_strangers_traceparent_is_continued_at_our_own_rate(monkeypatch, given, kept):
    monkeypatch.setattr(tracing, "_ratio", 1.0)
    assert tracing.resampled(given.encode("latin-1")) == (PARENT if kept else None)

    monkeypatch.setattr(tracing, "_ratio", 0.0)
    assert tracing.resampled(given.encode("latin-1")) == (PARENT[:-2] + "00" if kept else None)


async def test_a_span_left_by_an_error_says_which_and_not_what(collector):
    tracing.configure(url=collector.url, service="test")

    with pytest.raises(ValueError, match="13812345678"), tracing.span("failing"):
        raise ValueError("13812345678")
    await collector.sent()

    [span] = collector.spans
    assert (span.is_error, span.facts) == (True, {"error.type": "ValueError"})
    assert b"138" not in b"".join(collector.bodies)


async def test_lines_of_the_log_name_the_trace(collector):
    tracing.configure(url=collector.url, service="test")

    with tracing.span("request", parent=PARENT):
        line = logs._add_trace(None, "info", {"event": "sold"})

    assert line == {"event": "sold", "trace_id": TRACE}
    assert logs._add_trace(None, "info", {"event": "sold"}) == {"event": "sold"}


async def test_what_is_not_kept_is_not_kept_by_those_who_hear_of_it(collector):
    tracing.configure(url=collector.url, service="test", ratio=0.0)

    with tracing.span("request"):
        told = tracing.traceparent()
        with tracing.within("transaction"):
            pass
    with tracing.span("hear", parent=told):
        pass
    await collector.sent()

    assert told is not None and told.endswith("-00")
    assert collector.spans == []


async def test_an_unreachable_collector_holds_nobody_up():
    tracing.configure(url=NOBODY, service="test")

    with tracing.span("request"):
        assert tracing.traceparent() is not None
    tracing.shut_down()

    assert not tracing.is_on()


def test_no_sender_of_traces_is_imported_while_no_collector_is_set():
    program = "import sys, api.app, workers.main; print([name for name in sys.modules if 'otlp' in name or 'sdk.trace' in name])"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout == "[]\n"
    assert tracing.traceparent() is None
    assert tracing.span("a") is tracing.within("b")
