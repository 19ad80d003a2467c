"""The company's books: orders that merchants want paid, their refunds, and what may become of them."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
STATES = {"NOTPAY": "订单未支付", "CLOSED": "订单已关闭", "PAYERROR": "支付失败"}


class Refused(Exception):
    """What was asked is refused, with the status and the code that the real company gives."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass
class Refund:
    """Money on its way back."""

    out_refund_no: str
    refund_id: str
    amount: int
    notify_url: str
    created_at: datetime
    status: str = "PROCESSING"
    success_at: datetime | None = None


@dataclass
class Order:
    """What a merchant wants to be paid. `wish` is what it asked for, compared when it asks again."""

    out_trade_no: str
    wish: Mapping[str, Any]
    expires_at: datetime | None
    prepay_id: str
    transaction_id: str
    state: str = "NOTPAY"
    success_at: datetime | None = None
    refunds: dict[str, Refund] = field(default_factory=dict)
    trade_type: str = "JSAPI"

    @property
    def total(self) -> int:
        """Fen."""
        return int(self.wish["amount"]["total"])

    @property
    def notify_url(self) -> str:
        """Where its notices go."""
        return str(self.wish["notify_url"])

    @property
    def is_payable(self) -> bool:
        """Whether money is taken at this moment."""
        return self.state == "NOTPAY" and (self.expires_at is None or _now() < self.expires_at)

    def told(self) -> dict[str, Any]:
        """As its merchant is told: of an unpaid order less than of a paid one."""
        shown = {
            "appid": self.wish["appid"],
            "mchid": self.wish["mchid"],
            "out_trade_no": self.out_trade_no,
            "trade_state": "REFUND" if self.refunds else self.state,
            "trade_state_desc": {"NOTPAY": "订单未支付", "CLOSED": "订单已关闭", "PAYERROR": "支付失败"}.get(
                self.state, "支付成功"
            ),
            "amount": {"total": self.total, "currency": "CNY"},
            "payer": self.wish["payer"],
        }
        if self.success_at is None:
            return shown
        paid = {"total": self.total, "payer_total": self.total, "currency": "CNY", "payer_currency": "CNY"}
        return shown | {
            "transaction_id": self.transaction_id,
            "trade_type": self.trade_type,
            "bank_type": "OTHERS",
            "success_time": moment(self.success_at),
            "amount": paid,
        }

    def told_refund(self, refund: Refund) -> dict[str, Any]:
        """As its merchant is told of a refund, in an answer."""
        shown = {
            "refund_id": refund.refund_id,
            "out_refund_no": refund.out_refund_no,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": moment(refund.created_at),
            "status": refund.status,
            "amount": {"total": self.total, "refund": refund.amount, "payer_refund": refund.amount, "currency": "CNY"},
        }
        return shown | ({"success_time": moment(refund.success_at)} if refund.success_at else {})

    def noticed_refund(self, refund: Refund) -> dict[str, Any]:
        """As its merchant is told of a refund, in a notice, which has other names for some of it."""
        shown = self.told_refund(refund)
        told = {name: shown[name] for name in shown if name not in {"status", "create_time", "channel", "amount"}}
        amount = {
            "total": self.total,
            "refund": refund.amount,
            "payer_total": self.total,
            "payer_refund": refund.amount,
        }
        return told | {"mchid": self.wish["mchid"], "refund_status": refund.status, "amount": amount}


class Books:
    """All orders of all merchants; there is one merchant."""

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._by_prepay_id: dict[str, Order] = {}

    def prepare(self, wish: Mapping[str, Any], *, expires_at: datetime | None) -> Order:
        """The order of a wish; the same wish again is the same order. Raises Refused."""
        order = self._orders.get(wish["out_trade_no"])
        if order is None:
            order = Order(wish["out_trade_no"], wish, expires_at, f"wx{secrets.token_hex(17)}", _number("42000"))
            self._orders[order.out_trade_no] = self._by_prepay_id[order.prepay_id] = order
        if order.state == "SUCCESS":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if order.state == "CLOSED":
            raise Refused(400, "ORDER_CLOSED", "该订单已关闭")
        if dict(order.wish) != dict(wish):
            raise Refused(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        return order

    def order(self, out_trade_no: str) -> Order:
        """An order. Raises Refused."""
        order = self._orders.get(out_trade_no)
        if order is None:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        return order

    def order_of(self, prepay_id: str) -> Order:
        """The order that a wallet was handed. Raises Refused."""
        order = self._by_prepay_id.get(prepay_id)
        if order is None:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
        return order

    def close(self, order: Order) -> None:
        """Take no more money for it. Raises Refused for a paid or closed one."""
        if order.state == "SUCCESS":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if order.state == "CLOSED":
            raise Refused(400, "ORDER_CLOSED", "该订单已关闭")
        order.state = "CLOSED"

    def pay(self, order: Order) -> bool:
        """Take the shopper's money; False for a second tap on the button. Raises Refused when it is over."""
        if order.state == "SUCCESS":
            return False
        if not order.is_payable:
            raise Refused(409, "ORDER_CLOSED", "订单已关闭或已过期")
        order.state, order.success_at = "SUCCESS", _now()
        return True

    def refund(self, order: Order, out_refund_no: str, amount: int, total: int, notify_url: str) -> tuple[Refund, bool]:
        """The refund of this number, and whether it is new; never more goes back than came in. Raises Refused."""
        if order.state != "SUCCESS":
            raise Refused(404, "RESOURCE_NOT_EXISTS", "订单不存在或未支付")
        known = order.refunds.get(out_refund_no)
        if known:
            if known.amount != amount or order.total != total:
                raise Refused(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
            return known, False
        left = order.total - sum(refund.amount for refund in order.refunds.values() if refund.status != "CLOSED")
        if total != order.total or not 0 < amount <= left:
            raise Refused(400, "INVALID_REQUEST", "申请退款金额大于订单可退款金额")
        refund = Refund(out_refund_no, _number("50300"), amount, notify_url, _now())
        order.refunds[out_refund_no] = refund
        return refund, True

    def finish(self, refund: Refund, status: str) -> None:
        """The payer has the money back, or will not have it this way."""
        refund.status = status
        refund.success_at = _now() if status == "SUCCESS" else None

    def found_refund(self, out_refund_no: str) -> tuple[Order, Refund]:
        """A refund by its number. Raises Refused."""
        for order in self._orders.values():
            if refund := order.refunds.get(out_refund_no):
                return order, refund
        raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")

    @property
    def under_way(self) -> int:
        """How many refunds are accepted and not done."""
        return sum(refund.status == "PROCESSING" for one in self._orders.values() for refund in one.refunds.values())

    def paid(self, day: date | None = None) -> Iterator[Order]:
        """Paid orders, of a day in Shanghai or ever."""
        return (one for one in self._orders.values() if one.success_at and day in {None, _day(one.success_at)})

    def refunded(self, day: date | None = None) -> Iterator[tuple[Order, Refund]]:
        """Finished refunds, of a day in Shanghai or ever."""
        for order in self._orders.values():
            for refund in order.refunds.values():
                if refund.success_at and day in {None, _day(refund.success_at)}:
                    yield order, refund


def moment(at: datetime) -> str:
    """A moment as the company writes it."""
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _now() -> datetime:
    return datetime.now(UTC)


def _day(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()


def _number(prefix: str) -> str:
    return f"{prefix}{_now():%Y%m%d}{secrets.randbelow(10**15):015}"
