"""The bill of a day: a table of all its trades, then their sums, every field behind a backtick."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from simulators.wechat_pay.books import SHANGHAI, Books, Order, Refund

COLUMNS = (
    "交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号", "用户标识", "交易类型", "交易状态",
    "付款银行", "货币种类", "应结订单金额", "代金券金额", "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额",
    "退款类型", "退款状态", "商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额", "费率备注",
)  # fmt: skip
SUMS = (
    "总交易单数",
    "应结订单总金额",
    "退款总金额",
    "充值券退款总金额",
    "手续费总金额",
    "订单总金额",
    "申请退款总金额",
)


def trade_bill(books: Books, day: date, *, fee_per_10000: int) -> str:
    """The bill; an empty text for a day on which nothing moved."""
    paid, back = list(books.paid(day)), list(books.refunded(day))
    if not paid and not back:
        return ""
    rows = [*(_paid(order, fee_per_10000) for order in paid), *(_back(*one, fee_per_10000) for one in back)]
    came, went = sum(order.total for order in paid), sum(refund.amount for _, refund in back)
    fees = sum(_fee(order.total, fee_per_10000) for order in paid)
    fees -= sum(_fee(refund.amount, fee_per_10000) for _, refund in back)
    sums = (str(len(rows)), _yuan(came), _yuan(went), "0.00", f"{_yuan(fees)}000", _yuan(came), _yuan(went))
    lines = [",".join(COLUMNS), *(_line(row.values()) for row in rows), ",".join(SUMS), _line(sums)]
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def _paid(order: Order, fee_per_10000: int) -> dict[str, str]:
    amounts = {"应结订单金额": _yuan(order.total), "订单金额": _yuan(order.total)}
    return _row(order, order.success_at, _fee(order.total, fee_per_10000), {**amounts, "交易状态": "SUCCESS"})


def _back(order: Order, refund: Refund, fee_per_10000: int) -> dict[str, str]:
    told = {
        "交易状态": "REFUND",
        "微信退款单号": refund.refund_id,
        "商户退款单号": refund.out_refund_no,
        "退款金额": _yuan(refund.amount),
        "申请退款金额": _yuan(refund.amount),
        "退款类型": "ORIGINAL",
        "退款状态": "SUCCESS",
    }
    return _row(order, refund.success_at, -_fee(refund.amount, fee_per_10000), told)


def _row(order: Order, at: datetime | None, fee: int, more: Mapping[str, str]) -> dict[str, str]:
    assert at is not None
    known = {
        "交易时间": f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        "公众账号ID": order.wish["appid"],
        "商户号": order.wish["mchid"],
        "特约商户号": "0",
        "微信订单号": order.transaction_id,
        "商户订单号": order.out_trade_no,
        "用户标识": order.wish["payer"]["openid"],
        "交易类型": "JSAPI",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "商品名称": order.wish["description"],
        "手续费": f"{_yuan(fee)}000",
    }
    zeros = dict.fromkeys(
        ("应结订单金额", "代金券金额", "退款金额", "充值券退款金额", "订单金额", "申请退款金额"), "0.00"
    )
    filled = {"微信退款单号": "0", "商户退款单号": "0", **zeros, **known, **more}
    return {name: filled.get(name, "") for name in COLUMNS}


def _line(fields: Iterable[str]) -> str:
    return ",".join(f"`{text}" for text in fields)


def _yuan(fen: int) -> str:
    whole, fraction = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{fraction:02d}"


def _fee(amount: int, per_10000: int) -> int:
    """Fen, half up."""
    return (amount * per_10000 + 5_000) // 10_000
