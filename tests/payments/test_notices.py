"""What WeChat Pay's signature is worth, and that a notice in doubt changes nothing. No service is asked here by anybody."""

import secrets
from datetime import datetime, timedelta

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from pydantic import ValidationError
from sqlalchemy import update

from domain.foundation import clock
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.foundation.settings import Settings
from domain.payments import actions
from domain.payments.events import PaymentCaptured
from domain.payments.rules import (
    Captured,
    Notice,
    NoticeForged,
    NoticeMalformed,
    NoticeMismatch,
    PaymentState,
    Refunded,
)
from domain.payments.tables import payments
from domain.payments.wechat_words import NOTICE_BYTES
from simulators.wechat_pay import signing
from simulators.wechat_pay.keys import Keys
from tests.given.wechat import NOBODY, RunningWechatPay

KEYS = Keys.fresh()
GATEWAY = RunningWechatPay(NOBODY, KEYS).gateway("http://market.test/notice")
PAYMENT_ID, REFUND_ID = new_id(), new_id()
PAID_AT = datetime(2026, 11, 11, 12, 0, tzinfo=SHOP_ZONE)
TRANSACTION = {
    "appid": KEYS.app_id,
    "mchid": KEYS.mch_id,
    "out_trade_no": PAYMENT_ID.hex,
    "transaction_id": "4200001",
    "trade_state": "SUCCESS",
    "success_time": "2026-11-11T12:00:00+08:00",
    "payer": {"openid": "mei"},
    "amount": {"total": 1990, "payer_total": 1890, "currency": "CNY", "payer_currency": "CNY"},
}
REFUND = {
    "mchid": KEYS.mch_id,
    "out_trade_no": PAYMENT_ID.hex,
    "transaction_id": "4200001",
    "out_refund_no": REFUND_ID.hex,
    "refund_id": "5030001",
    "refund_status": "SUCCESS",
    "success_time": "2026-11-11T12:00:00+08:00",
    "amount": {"total": 1990, "refund": 500, "payer_total": 1890, "payer_refund": 400},
}


def sealed(told=TRANSACTION, event_type="TRANSACTION.SUCCESS", *, key=KEYS.apiv3_key, notice_id="n1"):
    return signing.notice(event_type, told, notice_id=notice_id, apiv3_key=key, at="")


def read(headers, body, *, now=None):
    return GATEWAY.read_notice(headers, body, now=now or clock.now())


def signed_and_read(body):
    return read(signing.sign(KEYS, body), body)


def test_a_signed_notice_is_read():
    assert signed_and_read(sealed()) == Notice("n1", Captured(PAYMENT_ID, "4200001", Money(1990), PAID_AT))


def test_a_notice_of_a_refund_is_read():
    news = Refunded(REFUND_ID, PAYMENT_ID, "5030001", Money(500), PAID_AT)

    assert signed_and_read(sealed(REFUND, "REFUND.SUCCESS")) == Notice("n1", news)


@pytest.mark.parametrize("event_type", ["REFUND.ABNORMAL", "REFUND.CLOSED", "COUPON.USE"])
def test_a_notice_of_anything_else_tells_nothing(event_type):
    assert signed_and_read(sealed(REFUND, event_type)) == Notice("n1", None)


def test_names_of_headers_match_in_any_case():
    body = sealed()
    headers = {name.lower(): value for name, value in signing.sign(KEYS, body).items()}

    assert read(headers, body).id == "n1"


HOSTILE_HEADERS = [
    {"Wechatpay-Signature": ""},
    {"Wechatpay-Signature": "签名"},
    {"Wechatpay-Signature": "A" * 344},
    {"Wechatpay-Signature": "A" * 5000},
    {"Wechatpay-Signature": "WECHATPAY/SIGNTEST/" + "A" * 325},
    {"Wechatpay-Signature-Type": ""},
    {"Wechatpay-Signature-Type": "WECHATPAY2-SHA256-HMAC"},
    {"Wechatpay-Timestamp": ""},
    {"Wechatpay-Timestamp": "now"},
    {"Wechatpay-Timestamp": "9" * 5000},
    {"Wechatpay-Timestamp": "-1"},
    {"Wechatpay-Nonce": ""},
    {"Wechatpay-Nonce": "another"},
    {"Wechatpay-Nonce": "n" * 5000},
    {"Wechatpay-Serial": ""},
    {"Wechatpay-Serial": "PUB_KEY_ID_ANOTHER"},
    {"Wechatpay-Serial": KEYS.public_key_id.lower()},
    {"Wechatpay-Serial": "5157F09EFDC096DE15EBE81A47057A7200000000"},
]


@pytest.mark.parametrize("headers", HOSTILE_HEADERS, ids=lambda headers: "-".join(headers)[10:])
def test_a_notice_with_forged_headers_is_refused(headers):
    body = sealed()

    with pytest.raises(NoticeForged):
        read(signing.sign(KEYS, body) | headers, body)


@pytest.mark.parametrize("name", ["Signature", "Signature-Type", "Timestamp", "Nonce", "Serial"])
def test_a_notice_lacking_a_header_is_refused(name):
    body = sealed()
    headers = signing.sign(KEYS, body)
    del headers[f"Wechatpay-{name}"]

    with pytest.raises(NoticeForged):
        read(headers, body)


def test_a_timestamp_is_signed_too():
    body = sealed()
    headers = signing.sign(KEYS, body)
    headers["Wechatpay-Timestamp"] = str(int(headers["Wechatpay-Timestamp"]) + 1)

    with pytest.raises(NoticeForged):
        read(headers, body)


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        sealed().replace(b"AES_256", b"AES_128"),
        sealed() + b" ",
        sealed(notice_id="n2"),
        b"\xff",
        b"[" * 100_000,
    ],
    ids=range(6),
)
def test_a_notice_with_another_body_than_was_signed_is_refused(spoilt):
    with pytest.raises(NoticeForged):
        read(signing.sign(KEYS, sealed()), spoilt)


def test_a_notice_signed_with_another_key_is_refused():
    body = sealed()

    with pytest.raises(NoticeForged):
        read(signing.sign(KEYS, body, key=generate_private_key(65537, 2048)), body)


def test_a_notice_sealed_with_another_key_is_refused():
    with pytest.raises(NoticeForged):
        signed_and_read(sealed(key=secrets.token_hex(16)))


@pytest.mark.parametrize("age", [timedelta(minutes=5, seconds=2), -timedelta(minutes=5, seconds=2)])
def test_a_notice_is_believed_for_five_minutes(age):
    body = sealed()
    headers, now = signing.sign(KEYS, body), clock.now()

    with pytest.raises(NoticeForged):
        read(headers, body, now=now + age)
    assert read(headers, body, now=now + age * 0.98).id == "n1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"[" * 10_000,
        orjson.dumps({"resource_type": "encrypt-resource", "resource": []}),
        orjson.dumps({"resource_type": "encrypt-resource", "resource": {"algorithm": "NONE"}}),
        sealed().replace(b"AES_256", b"AES_128"),
        sealed(notice_id="n" * 65),
        sealed(notice_id="n\u0000"),
        sealed([]),
        sealed({**TRANSACTION, "amount": 1990}),
        sealed({**TRANSACTION, "amount": {"total": 19.9, "currency": "CNY"}}),
        sealed({**TRANSACTION, "amount": {"total": True, "currency": "CNY"}}),
        sealed({**TRANSACTION, "amount": {"total": "1990", "currency": "CNY"}}),
        sealed({**TRANSACTION, "amount": {"total": 1990}}),
        sealed({**TRANSACTION, "transaction_id": None}),
        sealed({**TRANSACTION, "transaction_id": "4" * 65}),
        sealed({**TRANSACTION, "transaction_id": "4200\u0000"}),
        sealed({**TRANSACTION, "success_time": None}),
        sealed({**TRANSACTION, "success_time": "2026-11-11T12:00:00"}),
        sealed({key: value for key, value in TRANSACTION.items() if key != "trade_state"}),
        sealed({**REFUND, "refund_id": 7}, "REFUND.SUCCESS"),
    ],
    ids=range(23),
)
def test_a_signed_notice_that_cannot_be_read(body):
    with pytest.raises((NoticeMalformed, NoticeForged)):
        signed_and_read(body)


@pytest.mark.parametrize(
    ("told", "event_type"),
    [
        ({**TRANSACTION, "mchid": "1900000001"}, "TRANSACTION.SUCCESS"),
        ({**TRANSACTION, "appid": "wx0"}, "TRANSACTION.SUCCESS"),
        ({**TRANSACTION, "trade_state": "NOTPAY"}, "TRANSACTION.SUCCESS"),
        ({**TRANSACTION, "trade_state": "REFUND"}, "TRANSACTION.SUCCESS"),
        ({**TRANSACTION, "out_trade_no": "1217752501201407033233368018"}, "TRANSACTION.SUCCESS"),
        ({**TRANSACTION, "out_trade_no": PAYMENT_ID.hex.upper()}, "TRANSACTION.SUCCESS"),
        ({**TRANSACTION, "out_trade_no": 7}, "TRANSACTION.SUCCESS"),
        ({**REFUND, "mchid": "1900000001"}, "REFUND.SUCCESS"),
        ({**REFUND, "refund_status": "PROCESSING"}, "REFUND.SUCCESS"),
        ({**REFUND, "out_refund_no": "1"}, "REFUND.SUCCESS"),
    ],
)
def test_a_signed_notice_about_somebody_else_contradicts_our_books(told, event_type):
    with pytest.raises(NoticeMismatch):
        signed_and_read(sealed(told, event_type))


def test_a_notice_is_no_longer_than_any_notice():
    body = sealed({**TRANSACTION, "attach": "a" * NOTICE_BYTES})

    with pytest.raises(NoticeForged):
        signed_and_read(body)


@pytest.mark.parametrize("name", ["wechat_apiv3_key", "wechat_private_key", "wechat_public_key", "wechat_app_id"])
def test_a_merchant_without_keys_is_not_configured(name):
    with pytest.raises(ValidationError, match=name):
        Settings(**{**KEYS.knobs(), name: ""})


async def test_a_notice_that_tells_nothing_changes_nothing(given):
    outcome = await actions.take_notice(given.db, gateway="wechat", notice=Notice("n1", None), now=given.now)

    assert outcome is actions.Outcome.KNOWN


async def test_a_notice_of_another_gateways_payment_changes_nothing(given):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))

    with pytest.raises(NoticeMismatch):
        await actions.take_notice(given.db, gateway="stripe", notice=given.notice(payment), now=given.now)

    assert await given.payment_again(payment.id) == payment


async def test_a_notice_counts_once(given):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    notice = given.notice(payment)

    outcomes = [
        await actions.take_notice(given.db, gateway="wechat", notice=notice, now=given.now),
        await actions.take_notice(given.db, gateway="wechat", notice=notice, now=given.now),
        await actions.take_notice(given.db, gateway="wechat", notice=given.notice(payment), now=given.now),
    ]

    assert outcomes == [actions.Outcome.CAPTURED, actions.Outcome.KNOWN, actions.Outcome.KNOWN]
    assert await given.recorded(PaymentCaptured) == [
        PaymentCaptured("order", payment.payable_id, payment.id, 1990, captured_at=given.now)
    ]


@pytest.mark.parametrize("changes", [{"amount": Money(1989)}, {"amount": Money(1990, "USD")}, {"reference": "wxother"}])
async def test_a_notice_that_contradicts_our_books_changes_nothing(given, changes):
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    notice = Notice("n1", given.captured(payment, **changes))

    with pytest.raises(NoticeMismatch):
        await actions.take_notice(given.db, gateway="wechat", notice=notice, now=given.now)

    assert await given.payment_again(payment.id) == payment
    assert await given.recorded() == []
    # and the same notice, once it is right, is not taken for a replay
    right = Notice("n1", given.captured(payment))
    assert (
        await actions.take_notice(given.db, gateway="wechat", notice=right, now=given.now) is actions.Outcome.CAPTURED
    )


async def test_a_notice_of_a_payment_we_do_not_know_changes_nothing(given):
    notice = Notice("n1", Captured(new_id(), "wx1", Money(1990), given.now))

    with pytest.raises(NoticeMismatch):
        await actions.take_notice(given.db, gateway="wechat", notice=notice, now=given.now)

    assert await given.recorded() == []


async def test_money_for_a_closed_payment_is_taken(given):
    payment = await given.closed_payment(await given.order(await given.stocked_sku(1)))

    outcome = await actions.take_notice(given.db, gateway="wechat", notice=given.notice(payment), now=given.now)

    assert outcome is actions.Outcome.CAPTURED
    assert (await given.payment_again(payment.id)).state is PaymentState.CAPTURED


async def test_a_payment_whose_reference_was_never_kept_takes_the_gateways(given):
    """We died after the gateway had prepared it, and before we had written down what it answered."""
    payment = await given.payment(await given.order(await given.stocked_sku(1)))
    async with given.db.transaction() as tx:
        await tx.execute(update(payments).values(gateway_reference=None))
    notice = Notice("n1", Captured(payment.id, "wxfromthegateway", payment.amount, given.now))

    await actions.take_notice(given.db, gateway="wechat", notice=notice, now=given.now)

    captured = await given.payment_again(payment.id)
    assert (captured.state, captured.reference) == (PaymentState.CAPTURED, "wxfromthegateway")
