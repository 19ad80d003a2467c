"""Our client and WeChat Pay, door by door, and every refusal that the company has."""

import asyncio
import gzip
import stat
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest

from domain.foundation import clock
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.payments import wechat_words
from domain.payments.rules import (
    BillKind,
    Captured,
    GatewayFailed,
    PayerUnknown,
    Payment,
    PaymentState,
    Refund,
    Refunded,
    RefundState,
    Standing,
)
from domain.payments.wechat import WechatGateway
from simulators.wechat_pay.keys import Keys
from tests.given.wechat import NOBODY


def wanted(**changes):
    now = clock.now()
    payment = Payment(
        id=new_id(),
        payable="order",
        payable_id=new_id(),
        payer_id=new_id(),
        amount=Money(1990),
        gateway="wechat",
        reference=None,
        state=PaymentState.PENDING,
        asked_at=now,
        expires_at=now + timedelta(minutes=15),
    )
    return replace(payment, **changes)


def part_of(payment, minor=500, **changes):
    refund = Refund(
        id=new_id(),
        payment_id=payment.id,
        gateway="wechat",
        amount=Money(minor),
        paid=payment.amount,
        reason="quality",
        cause_id=None,
        state=RefundState.DUE,
        asked_at=clock.now(),
        attempts=1,
    )
    return replace(refund, **changes)


@pytest.fixture
async def paid(gateway, wechat):
    """A payment that the shopper has paid."""
    payment = wanted()
    await wechat.pay(await gateway.prepare(payment, "mei"), behaviour="never")
    return payment


async def test_preparing_gives_what_the_wallet_takes(gateway, wechat):
    payment = wanted()

    instructions = await gateway.prepare(payment, "mei")

    assert instructions.reference is None
    assert instructions.wechat.app_id == wechat.keys.app_id
    assert instructions.wechat.package.startswith("prepay_id=wx")
    assert instructions.wechat.sign_type == "RSA"
    assert instructions.pay_url.startswith(f"{wechat.url}/wallet?appId=")
    assert await gateway.query(payment) is Standing.PENDING
    assert await wechat.pay(instructions) == 200


async def test_a_wallet_takes_no_changed_parameters(gateway, wechat):
    cheap, dear = await gateway.prepare(wanted(), "mei"), await gateway.prepare(wanted(), "mei")
    swapped = replace(cheap, wechat=replace(cheap.wechat, package=dear.wechat.package))

    assert await wechat.pay(swapped) == 401


async def test_the_wallets_page_is_for_people(gateway, wechat):
    payment = wanted()
    url = (await gateway.prepare(payment, "mei")).pay_url

    async with aiohttp.ClientSession() as browser:
        async with browser.get(url) as response:
            before = await response.text()
        async with browser.post(url) as response:
            after = await response.text()
        async with browser.get(url.replace("paySign=", "paySign=A")) as response:
            refused = response.status

    assert "¥19.90" in before and "Pay / 付款" in before
    assert "Paid / 已付款" in after
    assert refused == 401
    assert isinstance(await gateway.query(payment), Captured)


async def test_nobody_without_an_openid_is_asked(gateway, wechat):
    before = await wechat.requests()

    with pytest.raises(PayerUnknown):
        await gateway.prepare(wanted(), None)

    assert await wechat.requests() == before


async def test_a_paid_one_is_captured_also_when_some_went_back(gateway, wechat, paid):
    captured = await gateway.query(paid)
    await wechat.behave(refund_ms=0)
    await gateway.refund(part_of(paid))

    assert (captured.payment_id, captured.amount) == (paid.id, Money(1990))
    assert captured.reference.startswith("42000")
    assert abs(captured.at - clock.now()) < timedelta(seconds=5)
    assert await gateway.query(paid) == captured


async def test_closing(gateway, wechat, paid):
    open_one = wanted()
    instructions = await gateway.prepare(open_one, "mei")

    assert await gateway.close(open_one) is Standing.CLOSED
    assert await gateway.close(open_one) is Standing.CLOSED
    assert await gateway.query(open_one) is Standing.CLOSED
    assert await wechat.pay(instructions) == 409
    assert await gateway.close(paid) == await gateway.query(paid)


async def test_what_was_never_prepared_is_unknown(gateway):
    assert await gateway.query(wanted()) is Standing.UNKNOWN
    assert await gateway.close(wanted()) is Standing.UNKNOWN


async def test_nothing_is_paid_after_its_time(gateway, wechat):
    instructions = await gateway.prepare(wanted(expires_at=clock.now() - timedelta(seconds=1)), "mei")

    assert await wechat.pay(instructions) == 409


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Money(0)}, "PARAM_ERROR"),
        ({"amount": Money(1990, "USD")}, "PARAM_ERROR"),
        ({"payer": "m" * 129}, "PARAM_ERROR"),
    ],
)
async def test_a_wish_that_the_company_does_not_take(gateway, changes, code):
    payer = changes.pop("payer", "mei")

    with pytest.raises(GatewayFailed, match=code):
        await gateway.prepare(wanted(**changes), payer)


async def test_one_number_is_one_wish(gateway, wechat, paid):
    payment, closed = wanted(), wanted()
    first, again = await gateway.prepare(payment, "mei"), await gateway.prepare(payment, "mei")
    await gateway.prepare(closed, "mei")
    await gateway.close(closed)

    assert first.wechat.package == again.wechat.package
    with pytest.raises(GatewayFailed, match="OUT_TRADE_NO_USED"):
        await gateway.prepare(replace(payment, amount=Money(1)), "mei")
    with pytest.raises(GatewayFailed, match="ORDERPAID"):
        await gateway.prepare(paid, "mei")
    with pytest.raises(GatewayFailed, match="ORDER_CLOSED"):
        await gateway.prepare(closed, "mei")


async def test_a_refund_is_done_a_little_later_and_once(gateway, wechat, paid):
    due = part_of(paid)

    first = await gateway.refund(due)
    await wechat.no_refund_is_under_way()
    done = await gateway.refund(replace(due, attempts=2))
    again = await gateway.refund(due)

    assert first is None
    assert (done.refund_id, done.payment_id, done.amount) == (due.id, paid.id, Money(500))
    assert done == again and isinstance(done, Refunded)
    assert await wechat.payments_taken_and_given_back() == (1, 1)


async def test_a_refund_that_got_lost_on_its_way_is_asked_for_again(gateway, paid):
    """It is looked up first, and was never heard of."""
    assert await gateway.refund(part_of(paid, attempts=2)) is None


async def test_never_more_goes_back_than_was_paid(gateway, wechat, paid):
    await wechat.behave(refund_ms=0)
    await gateway.refund(part_of(paid, 1500))

    with pytest.raises(GatewayFailed, match="INVALID_REQUEST"):
        await gateway.refund(part_of(paid, 491))
    with pytest.raises(GatewayFailed, match="INVALID_REQUEST"):
        await gateway.refund(part_of(paid, 490, paid=Money(9990)))
    await gateway.refund(part_of(paid, 490))
    await wechat.no_refund_is_under_way()

    assert await wechat.payments_taken_and_given_back() == (1, 2)


async def test_one_refunds_number_is_one_amount(gateway, paid):
    due = part_of(paid)
    await gateway.refund(due)

    with pytest.raises(GatewayFailed, match="INVALID_REQUEST"):
        await gateway.refund(replace(due, amount=Money(501)))


@pytest.mark.parametrize(("outcome", "says"), [("abnormal", "ABNORMAL"), ("closed", "CLOSED")])
async def test_a_refund_that_has_to_be_finished_by_hand_says_so(gateway, wechat, paid, outcome, says):
    await wechat.behave(refunds=outcome, refund_ms=0)
    due = part_of(paid)
    await gateway.refund(due)
    await wechat.no_refund_is_under_way()

    with pytest.raises(GatewayFailed, match=says):
        await gateway.refund(replace(due, attempts=2))


async def test_money_that_never_came_does_not_go_back(gateway, wechat, paid):
    with pytest.raises(GatewayFailed, match="RESOURCE_NOT_EXISTS"):
        await gateway.refund(part_of(wanted()))
    await wechat.behave(refunds="not_enough")
    with pytest.raises(GatewayFailed, match="NOT_ENOUGH"):
        await gateway.refund(part_of(paid))


async def test_the_days_bill_has_what_moved(gateway, wechat, paid):
    await wechat.behave(refund_ms=0, fee_per_10000=60)
    captured, due = await gateway.query(paid), part_of(paid)
    await gateway.refund(due)
    await wechat.no_refund_is_under_way()
    done = await gateway.refund(replace(due, attempts=2))

    bill = await gateway.bill(clock.shop_day(captured.at))

    rows = {row.id: row for row in bill.rows}
    came, went = rows[paid.id], rows[due.id]
    assert (bill.gateway, bill.day) == ("wechat", clock.shop_day(captured.at))
    assert (came.kind, came.reference, came.amount_minor, came.fee_minor) == (
        BillKind.PAYMENT,
        captured.reference,
        1990,
        12,
    )
    assert (came.at, came.state) == (captured.at, "SUCCESS")
    assert (went.kind, went.reference, went.amount_minor, went.fee_minor) == (
        BillKind.REFUND,
        done.reference,
        500,
        -3,
    )
    assert went.state == "SUCCESS"


async def test_a_day_on_which_nothing_moved_has_an_empty_bill(gateway):
    assert (await gateway.bill(clock.shop_day(clock.now()) - timedelta(days=400))).rows == ()


def test_a_bill_that_cannot_be_read():
    for packed in (gzip.compress(b"a")[:-6], b"\x1f\x8bnothing"):
        with pytest.raises(ValueError, match="unpacked"):
            wechat_words.unpacked(packed)
    with pytest.raises(ValueError):
        list(wechat_words.bill_rows("交易时间,商户号\n`2026-11-11 12:00:00\n"))
    with pytest.raises(ValueError, match="fen"):
        wechat_words._fee("0.00100")
    assert (wechat_words._fee("0.12000"), wechat_words._fee("-0.03000")) == (12, -3)


@pytest.mark.parametrize("stranger", ["private_key", "serial", "mch_id"])
async def test_a_stranger_is_not_served(company, stranger):
    somebody = replace(company.merchant(), **_of_somebody(stranger))
    gateway = WechatGateway(somebody, url=company.url, notify_url="http://market.test/")

    with pytest.raises(GatewayFailed, match="SIGN_ERROR"):
        await gateway.query(wanted())
    await gateway.hang_up()


async def test_an_answer_that_somebody_else_signed_is_not_believed(company, paid):
    fake = {"public_key": Keys.fresh().public_key}
    gateway = WechatGateway(replace(company.merchant(), **fake), url=company.url, notify_url="http://market.test/")

    with pytest.raises(GatewayFailed, match="verify the signature"):
        await gateway.query(paid)
    await gateway.hang_up()


async def test_a_company_that_is_down_or_slow(gateway, wechat, monkeypatch):
    await wechat.behave(is_down=True)
    with pytest.raises(GatewayFailed, match="502"):
        await gateway.query(wanted())

    monkeypatch.setattr("domain.payments.wechat.PATIENCE_SECONDS", 0.2)
    await wechat.behave(slow_ms=1_000)
    with pytest.raises(GatewayFailed, match="Timeout"):
        await gateway.query(wanted())


@pytest.mark.parametrize("name", ["private_key", "public_key"])
def test_a_key_that_is_none_is_told_at_once(company, name):
    spoilt = replace(company.merchant(), **{name: "no key"})

    with pytest.raises(ValueError, match=f"wechat_{name}|wechat_private_key"):
        WechatGateway(spoilt, url=company.url, notify_url=NOBODY)


def test_a_key_may_be_one_line(company):
    one_line = "".join(company.keys.merchant_key.splitlines()[1:-1])

    WechatGateway(replace(company.merchant(), private_key=one_line), url=company.url, notify_url=NOBODY)


async def test_a_404_that_is_not_wechats_says_nothing(company):
    gateway = WechatGateway(company.merchant(), url=f"{company.url}/elsewhere", notify_url=NOBODY)

    for ask in (gateway.query, gateway.close):
        with pytest.raises(GatewayFailed):
            await ask(wanted())
    await gateway.hang_up()


async def test_what_misbehaviour_there_is_is_told(wechat):
    assert (await wechat.post("/simulator/behaviour", {"refunds": "lost"}))[0] == 400
    assert (await wechat.post("/simulator/behaviour", {"slow_ms": -1}))[0] == 400
    assert (await wechat.post("/simulator/behaviour", {"behaviour": "thrice"}))[0] == 400
    assert (await wechat.post("/simulator/forge", {"kind": "love"}))[0] == 400
    assert (await wechat.post("/simulator/forge", {"kind": "stale", "out_trade_no": "x"}))[0] == 404


def test_keys_are_made_once_and_are_their_owners_only(tmp_path):
    path = tmp_path / "wechat_pay.json"

    first, again = Keys.kept_at(path), Keys.kept_at(path)

    assert first == again
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_each_event_loop_has_connections_of_its_own(company):
    gateway = company.gateway()

    async def ask_and_hang_up():
        standing = await gateway.query(wanted())
        await gateway.hang_up()
        return standing

    elsewhere = await asyncio.to_thread(asyncio.run, ask_and_hang_up())
    here = await ask_and_hang_up()

    assert elsewhere is here is Standing.UNKNOWN


def _of_somebody(stranger):
    return {stranger: Keys.fresh().merchant_key if stranger == "private_key" else "1900000001"}
