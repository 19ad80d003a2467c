"""The company: its doors for merchants, every request verified, every answer signed."""

import asyncio
import gzip
import hashlib
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.couriers import Behaviour, Couriers
from simulators.wechat_pay import bills, signing, wishes
from simulators.wechat_pay.books import SHANGHAI, Books, Order, Refund, Refused, moment
from simulators.wechat_pay.keys import Keys

CHARGE_OUTCOMES = ("done", "failed", "not_enough")
REFUND_OUTCOMES = {"done": "SUCCESS", "abnormal": "ABNORMAL", "closed": "CLOSED", "not_enough": ""}

Door = Callable[[Request, bytes], Awaitable[Any]]


@dataclass(frozen=True)
class Mood:
    """How the company behaves; a refund is accepted first and done a little later, as at the real one."""

    notices: Behaviour = field(default_factory=Behaviour)
    slow_ms: int = 0
    is_down: bool = False
    refunds: str = "done"
    refund_ms: int = 200
    fee_per_10000: int = 60
    charges: str = "done"
    today: date | None = None

    @classmethod
    def of(cls, wish: Mapping[str, Any]) -> "Mood":
        """What is wished for in JSON, the default where nothing is. Raises ValueError for what does not exist."""
        numbers = {name: wish.get(name, getattr(cls, name)) for name in ("slow_ms", "refund_ms", "fee_per_10000")}
        if any(type(number) is not int or not 0 <= number <= 600_000 for number in numbers.values()):
            raise ValueError(f"{', '.join(numbers)} are whole numbers from 0 to 600000")
        refunds, is_down = wish.get("refunds", cls.refunds), wish.get("is_down", False)
        if refunds not in REFUND_OUTCOMES or type(is_down) is not bool:
            raise ValueError(f"refunds is one of {', '.join(REFUND_OUTCOMES)}; is_down is true or false")
        charges, today = wish.get("charges", cls.charges), wish.get("today")
        if charges not in CHARGE_OUTCOMES:
            raise ValueError(f"charges is one of {', '.join(CHARGE_OUTCOMES)}")
        return cls(
            Behaviour.of(wish, Behaviour()),
            refunds=refunds,
            is_down=is_down,
            charges=charges,
            today=date.fromisoformat(today) if today else None,
            **numbers,
        )


class Company:
    """WeChat Pay, as its merchants know it."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.books = Books()
        self.mood = Mood()
        self.requests: Counter[str] = Counter()
        self.told: dict[str, tuple[str, bytes]] = {}
        """The last notice about each order: where it went, and its body."""
        self._behaviours: dict[str, Behaviour] = {}
        self._bills: dict[str, bytes] = {}
        self.couriers: Couriers

    @property
    def today(self) -> date:
        """The day on its calendar, in Shanghai unless its mood says otherwise."""
        return self.mood.today or datetime.now(UTC).astimezone(SHANGHAI).date()

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Couriers come at the start and go home at the end."""
        self.couriers = Couriers(lambda _, body: signing.sign(self.keys, body))
        yield
        await self.couriers.stop()

    def routes(self) -> list[Route]:
        """The merchant's doors."""
        order = "/v3/pay/transactions/out-trade-no/{out_trade_no}"
        refunds = "/v3/refund/domestic/refunds"
        return [
            self.door("POST", "/v3/pay/transactions/jsapi", self.prepare),
            self.door("GET", order, self.query),
            self.door("POST", f"{order}/close", self.close),
            self.door("POST", refunds, self.refund),
            self.door("GET", f"{refunds}/{{out_refund_no}}", self.query_refund),
            self.door("GET", "/v3/bill/tradebill", self.trade_bill),
            self.door("GET", "/v3/billdownload/file", self.download),
            self.door("GET", "/v3/certificates", self.certificates),
        ]

    async def prepare(self, request: Request, body: bytes) -> Any:
        """Make an order payable; the same wish again gives the same `prepay_id`."""
        wish = wishes.parsed(body)
        expires_at = wishes.check_order(wish, mch_id=self.keys.mch_id, app_id=self.keys.app_id)
        return {"prepay_id": self.books.prepare(wish, expires_at=expires_at).prepay_id}

    async def query(self, request: Request, body: bytes) -> Any:
        """How an order stands."""
        if request.query_params.get("mchid") != self.keys.mch_id:
            raise Refused(400, "PARAM_ERROR", "mchid不匹配")
        return self._order(request).told()

    async def close(self, request: Request, body: bytes) -> Any:
        """Take no more money for an order."""
        if wishes.parsed(body).get("mchid") != self.keys.mch_id:
            raise Refused(400, "PARAM_ERROR", "mchid不匹配")
        self.books.close(self._order(request))

    async def refund(self, request: Request, body: bytes) -> Any:
        """Give an order's money back, or a part; the same number again tells how that refund stands."""
        wish = wishes.parsed(body)
        amount, total = wishes.check_refund(wish)
        if self.mood.refunds == "not_enough":
            raise Refused(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起")
        try:
            order = self.books.order(wish["out_trade_no"])
        except Refused as unknown:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "订单不存在") from unknown
        notify_url = str(wish.get("notify_url", ""))
        refund, is_new = self.books.refund(order, wish["out_refund_no"], amount, total, notify_url)
        if is_new:
            self.couriers.send(self._finish(order, refund, REFUND_OUTCOMES[self.mood.refunds]))
        return order.told_refund(refund)

    async def query_refund(self, request: Request, body: bytes) -> Any:
        """How a refund stands."""
        order, refund = self.books.found_refund(request.path_params["out_refund_no"])
        return order.told_refund(refund)

    async def trade_bill(self, request: Request, body: bytes) -> Any:
        """Where the day's bill is; unlike at the real company, today's can be had as well."""
        try:
            day = date.fromisoformat(request.query_params.get("bill_date", ""))
        except ValueError as error:
            raise Refused(400, "PARAM_ERROR", "bill_date格式错误") from error
        text = bills.trade_bill(self.books, day, fee_per_10000=self.mood.fee_per_10000).encode()
        if not text:
            raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
        token = secrets.token_hex(16)
        self._bills[token] = gzip.compress(text) if request.query_params.get("tar_type") == "GZIP" else text
        digest = hashlib.sha1(text).hexdigest()  # noqa: S324 - the real company's choice
        url = f"{request.base_url}v3/billdownload/file?token={token}"
        return {"hash_type": "SHA1", "hash_value": digest, "download_url": url}

    async def download(self, request: Request, body: bytes) -> Any:
        """A bill's file, which alone is not signed: its digest was."""
        file = self._bills.pop(request.query_params.get("token", ""), None)
        if file is None:
            raise Refused(400, "PARAM_ERROR", "token无效")
        return Response(file, media_type="application/octet-stream")

    async def certificates(self, request: Request, body: bytes) -> Any:
        """A merchant in public-key mode has none to fetch; that it asks is counted."""
        raise Refused(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")

    def take_money(self, order: Order, behaviour: Behaviour | None) -> None:
        """The shopper pays, and the merchant is told of it; a second tap does neither. Raises Refused."""
        if self.books.pay(order):
            self._behaviours[order.out_trade_no] = behaviour or self.mood.notices
            self._tell(order, order.notify_url, "TRANSACTION.SUCCESS", order.told())

    async def _finish(self, order: Order, refund: Refund, status: str) -> None:
        await asyncio.sleep(self.mood.refund_ms / 1000)
        self.books.finish(refund, status)
        if refund.notify_url:
            self._tell(order, refund.notify_url, f"REFUND.{status}", order.noticed_refund(refund))

    def _tell(self, order: Order, url: str, event_type: str, told: Mapping[str, Any]) -> None:
        notice_id = secrets.token_hex(16)
        at = str(told.get("success_time", moment(order.success_at))) if order.success_at else ""
        body = signing.notice(event_type, told, notice_id=notice_id, apiv3_key=self.keys.apiv3_key, at=at)
        self.told[order.out_trade_no] = url, body
        self.couriers.notify(url, notice_id, body, self._behaviours.get(order.out_trade_no, self.mood.notices))

    def _order(self, request: Request) -> Order:
        return self.books.order(request.path_params["out_trade_no"])

    def door(self, method: str, path: str, door: Door) -> Route:
        """A door at which every request is counted and verified, and every answer signed."""

        async def opened(request: Request) -> Response:
            self.requests[f"{method} {path}"] += 1
            await asyncio.sleep(self.mood.slow_ms / 1000)
            if self.mood.is_down:
                return Response(b"", 502)
            try:
                body = await request.body()
                self._check(request, body)
                answer = await door(request, body)
            except Refused as refused:
                return self._signed({"code": refused.code, "message": str(refused)}, refused.status)
            return answer if isinstance(answer, Response) else self._signed(answer, 200)

        return Route(path, opened, methods=[method])

    def _check(self, request: Request, body: bytes) -> None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        header = request.headers.get("authorization", "")
        try:
            signing.check_authorization(self.keys, header, method=request.method, target=target, body=body)
        except (signing.BadSignature, UnicodeDecodeError) as error:
            raise Refused(401, "SIGN_ERROR", str(error)) from error
        if request.headers.get("wechatpay-serial", self.keys.public_key_id) != self.keys.public_key_id:
            raise Refused(400, "PARAM_ERROR", "Wechatpay-Serial不是当前的微信支付公钥ID")

    def _signed(self, content: Any, status: int) -> Response:
        body = b"" if content is None else orjson.dumps(content)
        return Response(body, 204 if content is None else status, headers=signing.sign(self.keys, body))
