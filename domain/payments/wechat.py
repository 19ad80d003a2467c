"""WeChat Pay v3 (JSAPI), spoken through the library `wechatpayv3` in its public-key mode.

Our UUIDs are WeChat's keys for payments and refunds (`out_trade_no`, `out_refund_no`), written as 32 hexadecimal digits,
which is the most and exactly the alphabet that it takes. What its answers and notices say is read in `wechat_words`.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from time import time
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4
from weakref import WeakKeyDictionary

import httpx
import orjson
from wechatpayv3.async_ import AsyncWeChatPay, WeChatPayType
from wechatpayv3.async_.type import RequestType

from domain.foundation import tracing
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.settings import Settings
from domain.payments import wechat_words
from domain.payments.rules import (
    Bill,
    Captured,
    GatewayFailed,
    Instructions,
    Notice,
    PaidAlready,
    PayerUnknown,
    Payment,
    Refund,
    Refunded,
    Standing,
    WechatPayParameters,
    notice_path,
)

DESCRIPTION = "夜市 Night Market"
"""What the shopper's wallet shows; 127 bytes at most."""
UNKNOWN = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
PAID = frozenset({"ORDERPAID", "ORDER_PAID"})
ENDED = PAID | {"ORDER_CLOSED", "ORDERCLOSED"}
PATIENCE_SECONDS = 8.0
TIMEOUT = httpx.Timeout(5.0, connect=2.0)
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=20)

_Call = Callable[[Any], Awaitable[tuple[int, str | bytes]]]
"""A question, asked through the library."""


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who we are at WeChat Pay, and how each knows the other's signature. Keys are PEM, or its base64 in one line."""

    mch_id: str
    app_id: str
    private_key: str
    serial: str
    apiv3_key: str
    public_key: str
    public_key_id: str


class WechatGateway:
    """The port, spoken to WeChat Pay. See `domain.payments.gateways.Gateway` for what each call promises."""

    name = "wechat"

    def __init__(self, merchant: Merchant, *, url: str, notify_url: str, wallet_url: str = "") -> None:
        self.merchant = merchant
        self._url = url.rstrip("/")
        self.notify_url = notify_url
        self.wallet_url = wallet_url
        # It has no connection: whatever stands in a notice, reading it cannot make anybody dial.
        self._signer = self._library()
        # a worker process may run more than one event loop, and a connection belongs to one
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    @classmethod
    def of(cls, settings: Settings) -> "WechatGateway | None":
        """The gateway that the knobs describe; None without a merchant number. Raises ValueError for a key that is none."""
        if not settings.wechat_mch_id:
            return None
        merchant = Merchant(
            settings.wechat_mch_id,
            settings.wechat_app_id,
            settings.wechat_private_key.get_secret_value(),
            settings.wechat_serial,
            settings.wechat_apiv3_key.get_secret_value(),
            settings.wechat_public_key,
            settings.wechat_public_key_id,
        )
        notify_url = settings.home + notice_path(cls.name)
        return cls(merchant, url=settings.wechat_url, notify_url=notify_url, wallet_url=settings.wechat_wallet_url)

    async def prepare(self, payment: Payment, payer: str | None) -> Instructions:
        """Parameters for `wx.requestPayment`. Raises PayerUnknown without an openid."""
        if payer is None:
            raise PayerUnknown(gateway=self.name)
        wish = {
            "out_trade_no": payment.id.hex,
            "amount": {"total": payment.amount.minor, "currency": payment.amount.currency},
            "payer": {"openid": payer},
            "time_expire": payment.expires_at.astimezone(SHOP_ZONE).isoformat(timespec="seconds"),
        }
        answer = await self._ask("pay", description=DESCRIPTION, **wish)
        if answer.code in PAID:
            raise PaidAlready(f"prepare: {answer.code}")
        prepay_id = answer.expect(200).get("prepay_id")
        if not isinstance(prepay_id, str) or not 0 < len(prepay_id) <= 64:
            raise GatewayFailed("prepay_id is missing")
        parameters = self._parameters(prepay_id)
        return Instructions(None, pay_url=self._page(parameters), wechat=parameters)

    async def query(self, payment: Payment) -> Captured | Standing:
        """How the payment stands."""
        answer = await self._ask("query", out_trade_no=payment.id.hex)
        if answer.is_unknown:
            return Standing.UNKNOWN
        content = answer.expect(200)
        with wechat_words.reading(GatewayFailed):
            return wechat_words.standing(content, self.merchant.mch_id, self.merchant.app_id)

    async def close(self, payment: Payment) -> Captured | Standing:
        """Take no more money for it, and see whether money was faster."""
        answer = await self._ask("close", out_trade_no=payment.id.hex)
        if answer.is_unknown:
            return Standing.UNKNOWN
        # A paid one cannot be closed, and one closed before is refused as such: the query tells them apart.
        if answer.status != 204 and answer.code not in ENDED:
            raise answer.failure()
        return await self.query(payment)

    async def refund(self, refund: Refund) -> Refunded | None:
        """Give this much back, once for the refund's id; from the second attempt on it is looked up first."""
        if refund.attempts > 1:
            found = await self._ask("query_refund", out_refund_no=refund.id.hex)
            if not found.is_unknown:
                return self._refunded(found)
        return self._refunded(await self._ask("refund", **wechat_words.refund_wish(refund)))

    async def bill(self, day: date) -> Bill:
        """The day's bill of all trades, its digest compared. WeChat makes it at 10:00 of the next day."""
        answer = await self._ask("trade_bill", bill_date=day.isoformat(), bill_type="ALL", tar_type="GZIP")
        if answer.code == "NO_STATEMENT_EXIST":
            return Bill(self.name, day, ())
        told = answer.expect(200)
        # The library asks its own base address, never another one that an answer might name.
        url = str(told.get("download_url", ""))
        status, content = await self._call("download_bill", lambda library: library.download_bill(url=url))
        if status != 200 or not isinstance(content, bytes):
            raise GatewayFailed(f"download_bill: {status}")
        with wechat_words.reading(GatewayFailed):
            text = wechat_words.unpacked(content)
            if told["hash_type"] != "SHA1" or hashlib.sha1(text).hexdigest() != told["hash_value"]:  # noqa: S324 - theirs
                raise ValueError("the bill's digest is another one")
            return Bill(self.name, day, tuple(wechat_words.bill_rows(text.decode())))

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """The notice in a request; nothing is asked of anybody, and of the library only what the guards let through."""
        content = self.open_notice(headers, body, now=now)
        return wechat_words.notice(content, self.merchant.mch_id, self.merchant.app_id)

    async def ask_door(self, verb: str, path: str, content: Mapping[str, Any] | None = None) -> "Answer":
        """Ask a door that the library has no name for: POST with content, GET without. Raises GatewayFailed."""
        method = RequestType.GET if content is None else RequestType.POST
        return await self._answer(verb, lambda library: library._core.request(path, method=method, data=content))

    def open_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> dict[str, Any]:
        """Any notice of WeChat Pay's, guarded, verified and opened. Raises NoticeForged or NoticeMalformed."""
        signed = wechat_words.guard(headers, body, key_id=self.merchant.public_key_id, now=now)
        return wechat_words.opened(self._signer, signed, body)

    async def hang_up(self) -> None:
        """Close this event loop's connections."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.__aexit__(None, None, None)

    def _parameters(self, prepay_id: str) -> WechatPayParameters:
        stamp, nonce, package = str(int(time())), uuid4().hex, f"prepay_id={prepay_id}"
        # 0.3 ms for RSA-2048: a thread would cost as much
        pay_sign = self._signer.sign([self.merchant.app_id, stamp, nonce, package])
        return WechatPayParameters(self.merchant.app_id, stamp, nonce, package, "RSA", pay_sign)

    def _page(self, parameters: WechatPayParameters) -> str | None:
        return f"{self.wallet_url}?{urlencode(wechat_words.for_wallet(parameters))}" if self.wallet_url else None

    def _refunded(self, answer: "Answer") -> Refunded | None:
        content = answer.expect(200)
        if content.get("status") == "PROCESSING":
            return None
        if content.get("status") != "SUCCESS":
            raise GatewayFailed(f"the refund is {content.get('status')}: it has to be finished by hand at WeChat Pay")
        with wechat_words.reading(GatewayFailed):
            return wechat_words.refunded(content)

    async def _ask(self, verb: str, **wish: Any) -> "Answer":
        return await self._answer(verb, lambda library: getattr(library, verb)(**wish))

    async def _answer(self, verb: str, call: _Call) -> "Answer":
        status, body = await self._call(verb, call)
        try:
            content = orjson.loads(body) if body else {}
        except ValueError as error:
            raise GatewayFailed(f"{verb}: {status} without JSON") from error
        if not isinstance(content, dict):
            raise GatewayFailed(f"{verb}: {status} without a JSON object")
        return Answer(verb, status, content)

    async def _call(self, verb: str, call: _Call) -> tuple[int, str | bytes]:
        """Status and body of an answer whose signature was verified. Raises GatewayFailed."""
        try:
            with tracing.within(f"wechat pay {verb}", kind="client"):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await call(self._client())
        except Exception as error:  # an answer with a wrong signature is a bare Exception of the library
            raise GatewayFailed(f"{verb}: {error!r}") from error

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._library()
            # What entering it would do, with our own limits, and never through a proxy that the environment names.
            client._core._client = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS, trust_env=False)
        return client

    def _library(self) -> Any:
        merchant = self.merchant
        try:
            library = AsyncWeChatPay(
                wechatpay_type=WeChatPayType.JSAPI,
                mchid=merchant.mch_id,
                private_key=merchant.private_key,
                cert_serial_no=merchant.serial,
                appid=merchant.app_id,
                apiv3_key=merchant.apiv3_key,
                notify_url=self.notify_url,
                public_key=merchant.public_key,
                public_key_id=merchant.public_key_id,
            )
        except Exception as error:  # all that the library says of a key that is none
            raise ValueError("wechat_private_key or wechat_public_key cannot be read as a key") from error
        library._core._gate_way = self._url  # the library has no public knob for it
        return library


@dataclass(frozen=True, slots=True)
class Answer:
    """What WeChat answered: of a refusal `code` says why."""

    verb: str
    status: int
    content: dict[str, Any]

    @property
    def code(self) -> str:
        """Why it refuses; empty when it does not."""
        return str(self.content.get("code", "")) if self.status >= 400 else ""

    @property
    def is_unknown(self) -> bool:
        """Whether WeChat says that it never heard of it; another 404, as of a proxy, says nothing."""
        return self.status == 404 and self.code in UNKNOWN

    def expect(self, status: int) -> dict[str, Any]:
        """The content, when the answer has this status. Raises GatewayFailed."""
        if self.status != status:
            raise self.failure()
        return self.content

    def failure(self) -> GatewayFailed:
        """The refusal in words."""
        return GatewayFailed(f"{self.verb}: {self.status} {self.code} {str(self.content.get('message', ''))[:200]}")
