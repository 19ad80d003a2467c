"""What the sandbox's signature is worth, and that a notice in doubt changes nothing."""

from datetime import timedelta

import orjson
import pytest
from pydantic import ValidationError
from sqlalchemy import update

from domain.foundation import ids
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.foundation.settings import Settings
from domain.payments import actions
from domain.payments.events import PaymentCaptured
from domain.payments.rules import Captured, Notice, NoticeForged, NoticeMalformed, NoticeMismatch, PaymentState
from domain.payments.sandbox import SandboxGateway, sign
from domain.payments.tables import payments

SECRET = b"s" * 40
GATEWAY = SandboxGateway("http://sandbox.test", SECRET, "http://market.test/callback")
PAYMENT_ID = new_id()
CONTENT = {
    "payment_id": ids.encode("payment", PAYMENT_ID),
    "state": "captured",
    "reference": "sbx1",
    "amount_minor": 1990,
    "currency": "CNY",
    "at": "2026-11-11T04:00:00+00:00",
}


def signed(body, *, at, notice_id="n1", secret=SECRET):
    timestamp = str(int(at.timestamp()))
    return {
        "sandbox-timestamp": timestamp,
        "sandbox-notice-id": notice_id,
        "sandbox-signature": sign(secret, timestamp=timestamp, notice_id=notice_id, body=body),
    }


def test_a_signed_notice_is_read(now):
    body = orjson.dumps(CONTENT)

    notice = GATEWAY.read_notice(signed(body, at=now), body, now=now + timedelta(minutes=5))

    assert notice == Notice("n1", Captured(PAYMENT_ID, "sbx1", Money(1990), now))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda headers, body: ({}, body),
        lambda headers, body: (headers, body.replace(b"1990", b"1")),
        lambda headers, body: ({**headers, "sandbox-notice-id": "n2"}, body),
        lambda headers, body: ({**headers, "sandbox-timestamp": str(int(headers["sandbox-timestamp"]) + 1)}, body),
        lambda headers, body: ({**headers, "sandbox-timestamp": "now"}, body),
        lambda headers, body: ({**headers, "sandbox-timestamp": "9" * 5000}, body),
        lambda headers, body: ({**headers, "sandbox-signature": ""}, body),
        lambda headers, body: ({**headers, "sandbox-signature": "ÿ签名"}, body),
        lambda headers, body: ({**headers, "sandbox-signature": headers["sandbox-signature"].upper()}, body),
        lambda headers, body: ({**headers, "sandbox-notice-id": "n" * 65}, body),
    ],
)
def test_a_forged_notice_is_refused(spoil, now):
    body = orjson.dumps(CONTENT)
    headers, body = spoil(signed(body, at=now), body)

    with pytest.raises(NoticeForged):
        GATEWAY.read_notice(headers, body, now=now)


def test_a_notice_signed_with_another_secret_is_refused(now):
    body = orjson.dumps(CONTENT)

    with pytest.raises(NoticeForged):
        GATEWAY.read_notice(signed(body, at=now, secret=b"x" * 40), body, now=now)


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
def test_a_notice_is_believed_for_five_minutes(age, now):
    body = orjson.dumps(CONTENT)

    with pytest.raises(NoticeForged):
        GATEWAY.read_notice(signed(body, at=now), body, now=now + age)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        orjson.dumps({**CONTENT, "state": "lost"}),
        orjson.dumps({**CONTENT, "state": ["captured"]}),
        orjson.dumps({**CONTENT, "payment_id": 7}),
        orjson.dumps({**CONTENT, "payment_id": "order_01h455vb4pex5vsknk084sn02q"}),
        orjson.dumps({**CONTENT, "amount_minor": 19.9}),
        orjson.dumps({**CONTENT, "amount_minor": True}),
        orjson.dumps({**CONTENT, "amount_minor": "1990"}),
        orjson.dumps({**CONTENT, "reference": "sbx\u0000"}),
        orjson.dumps({**CONTENT, "reference": "s" * 65}),
        orjson.dumps({**CONTENT, "reference": None}),
        orjson.dumps({**CONTENT, "at": "2026-11-11T04:00:00"}),
        orjson.dumps({**CONTENT, "at": None}),
        orjson.dumps({key: value for key, value in CONTENT.items() if key != "currency"}),
    ],
)
def test_a_signed_notice_that_cannot_be_read(body, now):
    with pytest.raises(NoticeMalformed):
        GATEWAY.read_notice(signed(body, at=now), body, now=now)


def test_a_gateway_whose_notices_anybody_could_sign_is_not_configured():
    with pytest.raises(ValidationError, match="sandbox_secret is shorter"):
        Settings(sandbox_gateway_url="http://sandbox.test", sandbox_secret="short")


async def test_a_notice_counts_once(given):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    notice = given.notice(payment)

    outcomes = [
        await actions.take_notice(given.db, gateway="sandbox", notice=notice, now=given.now),
        await actions.take_notice(given.db, gateway="sandbox", notice=notice, now=given.now),
        await actions.take_notice(given.db, gateway="sandbox", notice=given.notice(payment), now=given.now),
    ]

    assert outcomes == [actions.Outcome.CAPTURED, actions.Outcome.KNOWN, actions.Outcome.KNOWN]
    assert await given.recorded(PaymentCaptured) == [
        PaymentCaptured("order", payment.payable_id, payment.id, 1990, captured_at=given.now)
    ]


@pytest.mark.parametrize(
    "changes", [{"amount": Money(1989)}, {"amount": Money(1990, "USD")}, {"reference": "sbxother"}]
)
async def test_a_notice_that_contradicts_our_books_changes_nothing(given, changes):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    notice = Notice("n1", given.captured(payment, **changes))

    with pytest.raises(NoticeMismatch):
        await actions.take_notice(given.db, gateway="sandbox", notice=notice, now=given.now)

    assert await given.payment_again(payment.id) == payment
    assert await given.recorded() == []
    # and the same notice, once it is right, is not taken for a replay
    right = Notice("n1", given.captured(payment))
    assert (
        await actions.take_notice(given.db, gateway="sandbox", notice=right, now=given.now) is actions.Outcome.CAPTURED
    )


async def test_a_notice_of_a_payment_we_do_not_know_changes_nothing(given):
    notice = Notice("n1", Captured(new_id(), "sbx1", Money(1990), given.now))

    with pytest.raises(NoticeMismatch):
        await actions.take_notice(given.db, gateway="sandbox", notice=notice, now=given.now)

    assert await given.recorded() == []


async def test_money_for_a_closed_payment_is_taken(given):
    payment = await given.closed_payment(await given.order(await given.stocked_sku(1)))

    outcome = await actions.take_notice(given.db, gateway="sandbox", notice=given.notice(payment), now=given.now)

    assert outcome is actions.Outcome.CAPTURED
    assert (await given.payment_again(payment.id)).state is PaymentState.CAPTURED


async def test_a_payment_whose_reference_was_never_kept_takes_the_gateways(given):
    """We died after the gateway had prepared it, and before we had written down what it answered."""
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    async with given.db.transaction() as tx:
        await tx.execute(update(payments).values(gateway_reference=None))
    notice = Notice("n1", Captured(payment.id, "sbxfromthegateway", payment.amount, given.now))

    await actions.take_notice(given.db, gateway="sandbox", notice=notice, now=given.now)

    captured = await given.payment_again(payment.id)
    assert (captured.state, captured.reference) == (PaymentState.CAPTURED, "sbxfromthegateway")
