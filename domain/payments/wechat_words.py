"""What WeChat Pay says, read: transactions, refunds, notices and bills. Pure: it asks nobody."""

import gzip
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.money import Money
from domain.payments.rules import (
    BillKind,
    BillRow,
    Captured,
    Notice,
    NoticeForged,
    NoticeMalformed,
    NoticeMismatch,
    Refund,
    Refunded,
    Standing,
    WechatPayParameters,
)

SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"
NOTICE_BYTES = 16_384
BELIEVED_FOR = timedelta(minutes=5)
"""A notice signed longer ago than this (or that far in the future) is refused: WeChat Pay's own rule."""
MARKS = ("Signature", "Timestamp", "Nonce", "Serial", "Signature-Type")
STANDINGS = {
    "NOTPAY": Standing.PENDING,
    "USERPAYING": Standing.PENDING,
    "ACCEPT": Standing.PENDING,
    "CLOSED": Standing.CLOSED,
    "REVOKED": Standing.CLOSED,
    "PAYERROR": Standing.PENDING,  # the wallet may try again until the order is closed
}
CAME = {"SUCCESS", "REFUND"}
"""The money came; of "REFUND" some or all has gone back since."""
REASONS = {
    "too_late": "付款时订单已失效，款项原路退回",
    "paid_twice": "重复付款，款项原路退回",
    "not_wanted": "订单款项原路退回",
    "damaged": "售后退款：商品破损",
    "wrong_goods": "售后退款：商品错发",
    "not_arrived": "售后退款：商品未收到",
    "quality": "售后退款：商品质量问题",
    "other": "售后退款",
    "by_merchant": "商家主动退款",
}
"""Why money goes back, in the words of the message that WeChat sends its payer; our codes are for programs."""
ANY_REASON = "商家退款，款项原路退回"
REASON_BYTES = 80
"""More it refuses: 1 to 80 bytes of UTF-8 (WeChat Pay v3, 申请退款, `reason`)."""
BILL_BYTES = 256 * 1024 * 1024

_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_NONCE = re.compile(r"[\x21-\x7e]{1,128}")
_SIGNATURE = re.compile(r"[A-Za-z0-9+/]{1,1024}={0,2}")


def guard(headers: Mapping[str, str], body: bytes, *, key_id: str, now: datetime) -> dict[str, str]:
    """The five headers of a notice that may be worth a look at its signature. Raises NoticeForged.

    It stands before the library: that knows no freshness, and would fetch certificates for a key it does not know.
    """
    if len(body) > NOTICE_BYTES:
        raise NoticeForged("the notice is too long")
    lowered = {name.lower(): value for name, value in headers.items()}
    signed = {f"Wechatpay-{mark}": lowered.get(f"wechatpay-{mark.lower()}", "") for mark in MARKS}
    shapes = {"Timestamp": _SECONDS, "Nonce": _NONCE, "Signature": _SIGNATURE}
    if not all(shape.fullmatch(signed[f"Wechatpay-{mark}"]) for mark, shape in shapes.items()):
        raise NoticeForged("the notice is not signed")
    if signed["Wechatpay-Signature-Type"] != SIGNATURE_TYPE:
        raise NoticeForged("the notice is signed in another way")
    if signed["Wechatpay-Serial"] != key_id:
        raise NoticeForged("the notice is signed with a key that is not WeChat Pay's")
    if abs(now.timestamp() - int(signed["Wechatpay-Timestamp"])) > BELIEVED_FOR.total_seconds():
        raise NoticeForged("the notice was signed too long ago")
    return signed


def opened(library: Any, signed: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A guarded notice, verified, and what it tells unsealed. Raises NoticeForged or NoticeMalformed."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NoticeForged("the notice is not UTF-8") from error
    try:
        content: dict[str, Any] = library.callback(signed, text)
    except Exception as error:  # JSON or a cipher that cannot be read, after the signature was found right
        raise NoticeMalformed(f"cannot be read: {error!r}") from error
    if not content:
        raise NoticeForged("the signature is not WeChat Pay's, or the notice was not closed with our key")
    return content


def notice(content: Mapping[str, Any], mch_id: str, app_id: str) -> Notice:
    """An opened notice about money, read. Raises NoticeMalformed or NoticeMismatch."""
    with reading(NoticeMalformed, foreign=NoticeMismatch):
        notice_id, told = reference(content["id"]), content["resource"]
        if content["event_type"] == "TRANSACTION.SUCCESS":
            if told["trade_state"] != "SUCCESS":
                raise NotOurs(f"a success that is {told['trade_state']}")
            return Notice(notice_id, captured(told, mch_id, app_id))
        if content["event_type"] == "REFUND.SUCCESS":
            if told["refund_status"] != "SUCCESS":
                raise NotOurs(f"a success that is {told['refund_status']}")
            check_ours(told, mchid=mch_id)
            return Notice(notice_id, refunded(told))
        # such as a refund that has to be finished by hand: our own question, asked again and again, will say so
        return Notice(notice_id, None)


def refund_wish(refund: Refund) -> dict[str, Any]:
    """What WeChat is asked for, to give this much back: the same for every try."""
    return {
        "out_refund_no": refund.id.hex,
        "out_trade_no": refund.payment_id.hex,
        "reason": REASONS.get(refund.reason, ANY_REASON),
        "amount": {"refund": refund.amount.minor, "total": refund.paid.minor, "currency": refund.amount.currency},
    }


def standing(told: Mapping[str, Any], mch_id: str, app_id: str) -> Captured | Standing:
    """How a transaction stands. Raises ValueError, KeyError or TypeError when it cannot be read."""
    state = told["trade_state"]
    return captured(told, mch_id, app_id) if state in CAME else STANDINGS[state]


def captured(told: Mapping[str, Any], mch_id: str, app_id: str) -> Captured:
    """A paid transaction. `total` counts, not `payer_total`: a coupon of WeChat's own is money for us all the same."""
    check_ours(told, mchid=mch_id, appid=app_id)
    amount = told["amount"]
    money = Money(_whole(amount["total"]), str(amount["currency"]))
    return Captured(
        our_id(told["out_trade_no"]), reference(told["transaction_id"]), money, moment_of(told["success_time"])
    )


def refunded(told: Mapping[str, Any]) -> Refunded:
    """A finished refund, of an answer or of a notice; a notice names no currency: WeChat refunds yuan."""
    amount = told["amount"]
    return Refunded(
        our_id(told["out_refund_no"]),
        our_id(told["out_trade_no"]),
        reference(told["refund_id"]),
        Money(_whole(amount["refund"]), str(amount.get("currency", "CNY"))),
        moment_of(told["success_time"]),
    )


def unpacked(content: bytes) -> bytes:
    """A bill as it was before it was packed. Raises ValueError for one that is no bill any more."""
    try:
        if not content.startswith(b"\x1f\x8b"):
            return content
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(BILL_BYTES + 1)
    except (OSError, EOFError) as error:
        raise ValueError("the bill cannot be unpacked") from error
    if len(text) > BILL_BYTES:
        raise ValueError("the bill is too long")
    return text


def bill_rows(text: str) -> Iterator[BillRow]:
    """The lines of a bill of all trades. Every field begins with a backtick, so that no table turns it into a number."""
    lines = iter(text.lstrip("\ufeff").splitlines())
    names = next(lines, "").split(",")
    for line in lines:
        if not line.startswith("`"):
            return  # the sums follow
        fields = dict(zip(names, line[1:].split(",`"), strict=True))
        yield _bill_row(fields)


def for_wallet(parameters: WechatPayParameters) -> dict[str, str]:
    """The parameters under the names that `wx.requestPayment` has for them."""
    return {
        "appId": parameters.app_id,
        "timeStamp": parameters.time_stamp,
        "nonceStr": parameters.nonce_str,
        "package": parameters.package,
        "signType": parameters.sign_type,
        "paySign": parameters.pay_sign,
    }


class NotOurs(ValueError):
    """Words about another merchant, app or order than ours."""


@contextmanager
def reading(failure: type[Exception], *, foreign: type[Exception] | None = None) -> Iterator[None]:
    """What goes wrong while reading somebody else's words is `failure`; that they are not about us is `foreign`."""
    try:
        yield
    except NotOurs as error:
        raise (foreign or failure)(str(error)) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise failure(f"cannot be read: {error!r}") from error


def check_ours(told: Mapping[str, Any], **ours: str) -> None:
    """Raises NotOurs when it is about another merchant or app."""
    for name, value in ours.items():
        if told[name] != value:
            raise NotOurs(f"{name} is not ours")


def our_id(text: object) -> UUID:
    """Our id in a number of ours: 32 hexadecimal digits. Raises NotOurs."""
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise NotOurs("no number of ours")
    return UUID(hex=text)


def moment_of(text: str) -> datetime:
    """A moment, as WeChat writes it. Raises ValueError without a time zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} is in no time zone")
    return moment


def reference(text: object) -> str:
    """WeChat's own name for something. Raises ValueError for what cannot be one."""
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise ValueError("a reference has 1 to 64 letters, digits, - or _")
    return text


def _bill_row(fields: Mapping[str, str]) -> BillRow:
    is_refund = fields["交易状态"] in {"REFUND", "REVOKED"}
    number = fields["商户退款单号"] if is_refund else fields["商户订单号"]
    return BillRow(
        kind=BillKind.REFUND if is_refund else BillKind.PAYMENT,
        id=UUID(hex=number) if _ID.fullmatch(number) else None,
        reference=reference(fields["微信退款单号"] if is_refund else fields["微信订单号"]),
        amount_minor=Money.parse(fields["申请退款金额"] if is_refund else fields["订单金额"]).minor,
        fee_minor=_fee(fields["手续费"]),
        at=datetime.strptime(fields["交易时间"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHOP_ZONE),
        state=fields["退款状态"] if is_refund else fields["交易状态"],
    )


def _fee(text: str) -> int:
    """Fees have five decimals in the bill and never a part of a fen."""
    whole, _, fraction = text.partition(".")
    if fraction[2:].strip("0"):
        raise ValueError(f"{text!r} is no whole number of fen")
    return Money.parse(f"{whole}.{fraction[:2] or '0'}").minor


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError("an amount is no whole number")
    return value
