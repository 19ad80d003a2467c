"""What Stripe's signature is worth, how its words are read, and our client against the company as it runs in the world."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from domain.foundation import clock, ids
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.payments.gateways import gateway_of, gateways_of
from domain.payments.rules import (
    Captured,
    GatewayFailed,
    Notice,
    NoticeForged,
    NoticeMalformed,
    Payment,
    PaymentState,
    Refund,
    Refunded,
    RefundState,
    Standing,
)
from domain.payments.stripe import StripeGateway
from simulators.stripe.wire import sign

SECRET = "whsec_test"
GATEWAY = StripeGateway("http://stripe.test", "sk_test", SECRET, "http://market.test/")
PAYMENT_ID, REFUND_ID = new_id(), new_id()
SESSION = {
    "id": "cs_test_1",
    "object": "checkout.session",
    "amount_total": 1990,
    "currency": "cny",
    "metadata": {"payment_id": ids.encode("payment", PAYMENT_ID)},
    "payment_status": "paid",
    "status": "complete",
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "created": 1794369600,
    "currency": "cny",
    "metadata": {
        "refund_id": ids.encode("refund", REFUND_ID),
        "payment_id": ids.encode("payment", PAYMENT_ID),
    },
    "status": "succeeded",
}


def event(about=SESSION, *, type="checkout.session.completed", **more):
    return {"id": "evt_1", "object": "event", "created": 1794369600, "type": type, "data": {"object": about}} | more


def read(content, now, *, at=None, secret=SECRET):
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    signed = sign(secret, body, int((at or now).timestamp()))
    return GATEWAY.read_notice({"stripe-signature": signed}, body, now=now)


def test_a_paid_session_is_money(now):
    notice = read(event(), now, at=now - timedelta(minutes=5))

    assert notice == Notice("evt_1", Captured(PAYMENT_ID, "cs_test_1", Money(1990), now))


@pytest.mark.parametrize("type", ["refund.created", "refund.updated", "charge.refund.updated"])
def test_a_refund_that_has_succeeded_is_money_given_back(now, type):
    notice = read(event(REFUND, type=type), now)

    assert notice == Notice("evt_1", Refunded(REFUND_ID, PAYMENT_ID, "re_1", Money(500), now))


@pytest.mark.parametrize(
    "content",
    [
        event(SESSION | {"payment_status": "unpaid"}),
        event(SESSION | {"metadata": {}}),
        event(SESSION | {"metadata": None}),
        event(SESSION | {"metadata": {"payment_id": "somebody-else's"}}),
        event(REFUND | {"status": "pending"}, type="refund.created"),
        event(REFUND | {"metadata": {}}, type="refund.updated"),
        event(REFUND | {"status": "failed"}, type="refund.failed"),
        event(type="charge.refunded"),
        event(type="payout.paid"),
        event(type="checkout.session.expired"),
    ],
)
def test_what_tells_of_no_money_of_ours_is_taken_and_is_no_news(now, content):
    assert read(content, now) == Notice("evt_1", None)


def test_a_signature_among_others_is_enough_while_a_secret_is_being_changed(now):
    body = orjson.dumps(event())
    stamp, _, ours = sign(SECRET, body, int(now.timestamp())).partition(",")
    headers = {"stripe-signature": f"{stamp},v1={'0' * 64},{ours},v0={'1' * 64}"}

    assert GATEWAY.read_notice(headers, body, now=now).news is not None


def _right(body, now, seconds=0):
    return sign(SECRET, body, int(now.timestamp()) + seconds)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda signed, body, now: ("", body),
        lambda signed, body, now: (signed, body.replace(b"1990", b"1")),
        lambda signed, body, now: (signed, body + b"\xff"),
        lambda signed, body, now: (sign("whsec_other", body, int(now.timestamp())), body),
        lambda signed, body, now: (signed.replace("v1=", "v0="), body),
        lambda signed, body, now: (signed.upper(), body),
        lambda signed, body, now: (signed.partition(",")[2], body),
        lambda signed, body, now: (signed.partition(",")[0], body),
        lambda signed, body, now: (f"{signed},v1=签名", body),
        lambda signed, body, now: ("t=" + "9" * 5000 + ",v1=00", body),
        lambda signed, body, now: (_right(body, now, -301), body),
        # the library itself would believe these three
        lambda signed, body, now: (_right(body, now, 301), body),
        lambda signed, body, now: (_right(body, now, -600).replace(",", f",t={int(now.timestamp())},"), body),
        lambda signed, body, now: (
            _right(body, now, -600).replace("t=", "t=+", 1) + f",t={int(now.timestamp())}",
            body,
        ),
    ],
)
def test_a_forged_notice_is_refused(spoil, now):
    body = orjson.dumps(event())
    signed, body = spoil(_right(body, now), body, now)

    with pytest.raises(NoticeForged):
        GATEWAY.read_notice({"stripe-signature": signed}, body, now=now)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"[" * 100_000,
        orjson.dumps({}),
        orjson.dumps(event(type=["refund.created"])),
        orjson.dumps(event(id=7)),
        orjson.dumps(event(id="evt\u0000")),
        orjson.dumps(event(None)),
        orjson.dumps(event(data=[])),
        orjson.dumps(event(created="now")),
        orjson.dumps(event(created=10**18)),
        orjson.dumps(event(SESSION | {"id": "cs" + "x" * 255})),
        orjson.dumps(event(SESSION | {"amount_total": 19.9})),
        orjson.dumps(event(SESSION | {"amount_total": True})),
        orjson.dumps(event(SESSION | {"amount_total": "1990"})),
        orjson.dumps(event(SESSION | {"metadata": ["payment_id"]})),
        orjson.dumps(event(SESSION | {"metadata": {"payment_id": "payment_1"}})),
        orjson.dumps(event({key: value for key, value in SESSION.items() if key != "currency"})),
        orjson.dumps(event({key: value for key, value in SESSION.items() if key != "payment_status"})),
    ],
)
def test_a_signed_notice_that_cannot_be_read(body, now):
    with pytest.raises(NoticeMalformed):
        read(body, now)


def test_the_knobs_make_a_gateway(settings):
    with_stripe = settings.model_copy(update={"stripe_secret_key": type(settings.pass_key)("sk_test")})

    assert "stripe" not in gateways_of(settings)
    assert gateway_of(with_stripe, "stripe") is gateways_of(with_stripe)["stripe"]


@pytest.fixture
def asked(now):
    """A payment that nobody has prepared yet, by the machine's clock."""
    now = clock.now()
    return Payment(
        id=new_id(),
        payable="order",
        payable_id=new_id(),
        payer_id=new_id(),
        amount=Money(1990),
        gateway="stripe",
        reference=None,
        state=PaymentState.PENDING,
        asked_at=now,
        expires_at=now + timedelta(minutes=15),
    )


async def prepared(gateway, payment):
    return replace(payment, reference=(await gateway.prepare(payment, None)).reference)


def refund_of(payment, minor=500, **more):
    values = {"state": RefundState.DUE, "asked_at": payment.asked_at, "attempts": 1} | more
    return Refund(
        id=new_id(),
        payment_id=payment.id,
        gateway="stripe",
        amount=Money(minor),
        paid=payment.amount,
        reason="test",
        cause_id=None,
        payment_reference=payment.reference,
        **values,
    )


async def test_whoever_prepares_again_gets_the_same_page(stripe_gateway, asked):
    first, same = await asyncio.gather(*(stripe_gateway.prepare(asked, None) for _ in range(2)))
    known = await stripe_gateway.prepare(replace(asked, reference=first.reference), None)

    assert first == same == known
    assert first.pay_url.endswith(f"/c/pay/{first.reference}")


async def test_a_payment_stands_as_its_session_does(stripe, stripe_gateway, asked):
    payment = await prepared(stripe_gateway, asked)

    before = await stripe_gateway.query(payment)
    await stripe.pay(payment.id)
    paid = await stripe_gateway.query(payment)

    assert before is Standing.PENDING
    assert isinstance(paid, Captured)
    assert (paid.payment_id, paid.reference, paid.amount) == (payment.id, payment.reference, payment.amount)
    assert await stripe_gateway.close(payment) == paid


async def test_a_closed_session_takes_no_money(stripe, stripe_gateway, asked):
    payment = await prepared(stripe_gateway, asked)

    assert await stripe_gateway.close(payment) is Standing.CLOSED
    assert await stripe_gateway.close(payment) is Standing.CLOSED
    assert await stripe.pay(payment.id) == 400


async def test_what_stripe_never_heard_of_is_unknown(stripe_gateway, asked):
    for payment in (asked, replace(asked, reference="cs_test_none")):
        assert await stripe_gateway.query(payment) is Standing.UNKNOWN
        assert await stripe_gateway.close(payment) is Standing.UNKNOWN


@pytest.mark.parametrize(("succeeds", "ends"), [(True, Captured), (False, Standing)])
async def test_a_transfer_on_its_way_cannot_be_stopped(stripe, stripe_gateway, asked, succeeds, ends):
    payment = await prepared(stripe_gateway, asked)
    await stripe.pay(payment.id, method="bank")

    under_way = await stripe_gateway.close(payment)
    await stripe.settle(payment.id, succeeds=succeeds)
    ended = await stripe_gateway.close(payment)

    assert under_way is Standing.PENDING
    assert isinstance(ended, ends)
    assert ended is not Standing.PENDING


async def test_a_payment_of_another_session_is_not_believed(stripe, stripe_gateway, asked):
    payment = await prepared(stripe_gateway, asked)
    await stripe.pay(payment.id)

    with pytest.raises(GatewayFailed, match="another payment's"):
        await stripe_gateway.query(replace(payment, id=new_id()))


async def test_a_refund_is_made_once_however_often_it_is_asked_for(stripe, stripe_gateway, asked):
    payment = await prepared(stripe_gateway, asked)
    await stripe.pay(payment.id)
    _, given_back = await stripe.taken_and_given_back()
    refund = refund_of(payment)

    first = await stripe_gateway.refund(refund)
    same_key = await stripe_gateway.refund(refund)
    # Stripe forgets its keys after a day; from the second attempt on it is asked what it has
    looked_up = await stripe_gateway.refund(replace(refund, attempts=2))

    assert isinstance(first, Refunded)
    assert (first.refund_id, first.payment_id, first.amount) == (refund.id, payment.id, Money(500))
    assert first == same_key == looked_up
    assert await stripe.taken_and_given_back() == (_, given_back + 1)


async def test_a_refund_under_way_is_waited_for(stripe, stripe_gateway, asked):
    await stripe.tell("behaviour", refunds="pending")
    payment = await prepared(stripe_gateway, asked)
    await stripe.pay(payment.id)
    refund = refund_of(payment)

    assert await stripe_gateway.refund(refund) is None
    await asyncio.sleep(0.3)
    assert isinstance(await stripe_gateway.refund(replace(refund, attempts=2)), Refunded)


async def test_a_refund_that_failed_says_why_and_is_not_made_again(stripe, stripe_gateway, asked):
    await stripe.tell("behaviour", refunds="failed")
    payment = await prepared(stripe_gateway, asked)
    await stripe.pay(payment.id)
    refund = refund_of(payment)
    await stripe_gateway.refund(refund)
    await asyncio.sleep(0.3)
    await stripe.tell("behaviour")

    for attempts in (2, 3):
        with pytest.raises(GatewayFailed, match="expired_or_canceled_card"):
            await stripe_gateway.refund(replace(refund, attempts=attempts))


async def test_more_than_was_paid_does_not_go_back(stripe, stripe_gateway, asked):
    payment = await prepared(stripe_gateway, asked)
    await stripe.pay(payment.id)
    await stripe_gateway.refund(refund_of(payment, 1500))

    with pytest.raises(GatewayFailed, match="greater than unrefunded amount"):
        await stripe_gateway.refund(refund_of(payment, 491))


async def test_a_wrong_key_and_a_dead_line_are_failures(stripe, asked):
    wrong = StripeGateway(stripe.url, "sk_other", SECRET, "http://market.test/")
    nowhere = StripeGateway("http://127.0.0.1:9", "sk_test", SECRET, "http://market.test/")

    for gateway in (wrong, nowhere):
        with pytest.raises(GatewayFailed):
            await gateway.prepare(asked, None)
        await gateway.hang_up()


async def test_connections_are_dialled_again_after_hanging_up(stripe, stripe_gateway, asked):
    await prepared(stripe_gateway, asked)
    await stripe_gateway.hang_up()

    assert await stripe_gateway.query(await prepared(stripe_gateway, asked)) is Standing.PENDING


async def test_a_days_bill_has_every_page_in_order(stripe, stripe_gateway, asked, now):
    now += timedelta(days=100)  # a day of its own
    await stripe.set_clock(now)
    payments = [replace(asked, id=new_id(), asked_at=now, expires_at=now + timedelta(minutes=15)) for _ in range(110)]
    payments = await asyncio.gather(*(prepared(stripe_gateway, payment) for payment in payments))
    for payment in payments:
        await stripe.pay(payment.id)
    refunded = await stripe_gateway.refund(refund_of(payments[0]))

    bill = await stripe_gateway.bill(clock.shop_day(now))

    assert [row.id for row in bill.rows] == [*(payment.id for payment in payments), refunded.refund_id]
    assert [row.kind.value for row in bill.rows[-2:]] == ["payment", "refund"]
    assert {(row.amount_minor, row.fee_minor, row.state) for row in bill.rows} == {
        (1990, 68, "succeeded"),
        (500, 0, "succeeded"),
    }
    assert (await stripe_gateway.bill(clock.shop_day(now) - timedelta(days=1))).rows == ()
