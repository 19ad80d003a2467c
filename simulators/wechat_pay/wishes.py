"""What merchants send, checked as the company checks it: PARAM_ERROR names the field."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from simulators.wechat_pay.books import Refused

_NUMBER = re.compile(r"[A-Za-z0-9_\-|*]{6,32}")
_REFUND_NUMBER = re.compile(r"[A-Za-z0-9_\-|*@]{1,64}")


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises Refused."""
    try:
        found = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, "PARAM_ERROR", "请求体不是合法的JSON")
    return found


def check_order(wish: Mapping[str, Any], *, mch_id: str, app_id: str) -> datetime | None:
    """A wish to be paid; gives back when it ends. Raises Refused."""
    if wish.get("mchid") != mch_id:
        raise Refused(400, "MCH_NOT_EXISTS", "商户号不存在")
    if wish.get("appid") != app_id:
        raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    text(wish, "description", 127)
    text(wish, "notify_url", 255)
    shaped(wish, "out_trade_no", _NUMBER)
    text(object_of(wish, "payer"), "openid", 128)
    amount = object_of(wish, "amount")
    if fen(amount, "total") < 1 or amount.get("currency", "CNY") != "CNY":
        raise _wrong("amount")
    return _moment(wish, "time_expire")


def check_refund(wish: Mapping[str, Any]) -> tuple[int, int]:
    """A wish to give back; how much of how much, in fen. Raises Refused."""
    shaped(wish, "out_refund_no", _REFUND_NUMBER)
    shaped(wish, "out_trade_no", _NUMBER)
    amount = object_of(wish, "amount")
    if amount.get("currency") != "CNY":
        raise _wrong("amount.currency")
    return fen(amount, "refund"), fen(amount, "total")


def object_of(wish: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object of the wish. Raises Refused."""
    found = wish.get(name)
    if not isinstance(found, dict):
        raise _wrong(name)
    return found


def text(wish: Mapping[str, Any], name: str, most_bytes: int) -> None:
    """A text of the wish, of so many bytes at most. Raises Refused."""
    found = wish.get(name)
    if not isinstance(found, str) or not 0 < len(found.encode()) <= most_bytes:
        raise _wrong(name)


def shaped(wish: Mapping[str, Any], name: str, shape: re.Pattern[str]) -> None:
    """A text of the wish, of this shape. Raises Refused."""
    found = wish.get(name)
    if not isinstance(found, str) or not shape.fullmatch(found):
        raise _wrong(name)


def fen(amount: Mapping[str, Any], name: str) -> int:
    """A whole number of fen. Raises Refused."""
    found = amount.get(name)
    if type(found) is not int:
        raise _wrong(name)
    return found


def _moment(wish: Mapping[str, Any], name: str) -> datetime | None:
    if name not in wish:
        return None
    try:
        found = datetime.fromisoformat(str(wish[name]))
    except ValueError as error:
        raise _wrong(name) from error
    if found.tzinfo is None:
        raise _wrong(name)
    return found


def _wrong(name: str) -> Refused:
    return Refused(400, "PARAM_ERROR", f"输入源“/body/{name}”映射到字段校验失败")
