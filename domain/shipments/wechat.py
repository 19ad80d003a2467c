"""The part of the WeChat platform that hears how orders were sent (发货信息录入), asked over HTTP with an access token.

`/cgi-bin/stable_token` and `/wxa/sec/order/upload_shipping_info`, as developers.weixin.qq.com describes them.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.settings import Settings
from domain.shipments.rules import CARRIERS, Carrier
from domain.shipments.uploads import Parcel, Telling

PATIENCE = aiohttp.ClientTimeout(total=10)
RENEWED_BEFORE_END = timedelta(minutes=5)
"""An access token is not used in its last minutes: the request has still to travel."""

EXPRESS, PICKUP = 1, 4
"""`logistics_type`: a parcel, or handed over to the shopper at a store."""
BY_MERCHANT = 1
"""`order_number_type`: the order is named by our merchant number and our own payment number."""
UNIFIED, SPLIT = 1, 2
"""`delivery_mode`."""

TOKEN_IS_BAD = frozenset({40001, 40014, 42001})
SAID_BEFORE = frozenset({10060002, 10060023})
"""The order is told to the end already, or nothing in it is new: a try before this one was heard and its answer lost."""
ASK_LATER = frozenset({-1, 45009, 45011, 10060001, 10060012})
"""Busy, too many calls, broken; or the payment is not known there yet, which takes some seconds after it was made."""


class PlatformFailed(Exception):
    """WeChat did not answer, or not now: what it has heard is not known. Tell it again, it counts once."""


class PlatformRefused(Exception):
    """WeChat will not take these words, however often they are said."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    ends_at: datetime


class WechatPlatform:
    """One mini-program's access to the platform. Its token is kept and shared by all calls of the process."""

    def __init__(self, url: str, *, app_id: str, app_secret: str, merchant_id: str) -> None:
        self._url = url.rstrip("/")
        self._app_id = app_id
        self._app_secret = app_secret
        self._merchant_id = merchant_id
        self._token: _Token | None = None
        self._renewing = asyncio.Lock()
        # a worker process may run more than one event loop, and a session belongs to one
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def upload(self, telling: Telling, *, now: datetime) -> None:
        """Tell how an order was sent, all of it so far. Raises PlatformFailed or PlatformRefused."""
        if not telling.openid:
            raise PlatformRefused("the payer has no openid")
        content = self._content(telling, now)
        token = await self._access_token(now)
        answer = await self._upload(token, content)
        if (
            answer.get("errcode") in TOKEN_IS_BAD
        ):  # ended before its time: another renewed it by force, or the secret did
            answer = await self._upload(await self._access_token(now, instead_of=token), content)
        code = answer.get("errcode")
        if code == 0 or code in SAID_BEFORE:
            return
        failure = PlatformFailed if code in ASK_LATER or code in TOKEN_IS_BAD else PlatformRefused
        raise failure(f"errcode {code}: {str(answer.get('errmsg'))[:300]}")

    async def hang_up(self) -> None:
        """Close this event loop's connections."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _content(self, telling: Telling, now: datetime) -> dict[str, Any]:
        is_unified = telling.is_complete and len(telling.parcels) <= 1 and not telling.was_split
        content: dict[str, Any] = {
            "order_key": {
                "order_number_type": BY_MERCHANT,
                "mchid": self._merchant_id,
                "out_trade_no": telling.payment_id.hex,
            },
            "logistics_type": PICKUP if telling.is_pickup else EXPRESS,
            "delivery_mode": UNIFIED if is_unified else SPLIT,
            "shipping_list": [_told(parcel, telling.phone) for parcel in telling.parcels]
            or [{"item_desc": telling.items}],
            "upload_time": now.astimezone(SHOP_ZONE).isoformat(timespec="milliseconds"),
            "payer": {"openid": telling.openid},
        }
        return content if is_unified else {**content, "is_all_delivered": telling.is_complete}

    async def _upload(self, token: str, content: dict[str, Any]) -> dict[str, Any]:
        return await self._ask(f"/wxa/sec/order/upload_shipping_info?access_token={token}", content)

    async def _access_token(self, now: datetime, *, instead_of: str = "") -> str:
        """The access token, asked for when there is none, it ends soon, or it is `instead_of` one that is refused."""
        async with self._renewing:  # many uploads at once renew it once
            kept = self._token
            if kept is None or kept.text == instead_of or now >= kept.ends_at - RENEWED_BEFORE_END:
                kept = await self._new_token(now, is_forced=False)
                if kept.text == instead_of:  # the platform still believes in it: only force makes another
                    kept = await self._new_token(now, is_forced=True)
                self._token = kept
            return kept.text

    async def _new_token(self, now: datetime, *, is_forced: bool) -> _Token:
        wanted = {
            "grant_type": "client_credential",
            "appid": self._app_id,
            "secret": self._app_secret,
            "force_refresh": is_forced,
        }
        answer = await self._ask("/cgi-bin/stable_token", wanted)
        text, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(text, str) or not text or type(seconds) is not int:
            raise PlatformFailed(f"no access token: errcode {answer.get('errcode')}: {str(answer.get('errmsg'))[:300]}")
        return _Token(text, now + timedelta(seconds=seconds))

    async def _ask(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        shown = path.partition("?")[0]  # what follows is the token
        headers = {"content-type": "application/json"}
        try:
            async with self._session().post(self._url + path, data=orjson.dumps(content), headers=headers) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise PlatformFailed(f"{shown}: {type(error).__name__}") from error
        if response.status != 200 or not isinstance(answer, dict):
            raise PlatformFailed(f"{shown}: HTTP {response.status}")
        return answer

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            session = self._sessions[loop] = aiohttp.ClientSession(timeout=PATIENCE)
        return session


_platforms: dict[tuple[str, str, str, str], WechatPlatform] = {}


def platform_of(settings: Settings) -> WechatPlatform | None:
    """The configured platform: one per process. None where there is none."""
    if not settings.wechat_platform_url:
        return None
    secret = settings.wechat_app_secret.get_secret_value()
    key = (settings.wechat_platform_url, settings.wechat_app_id, secret, settings.wechat_mch_id)
    if key not in _platforms:
        url, app_id, app_secret, merchant_id = key
        _platforms[key] = WechatPlatform(url, app_id=app_id, app_secret=app_secret, merchant_id=merchant_id)
    return _platforms[key]


async def hang_up() -> None:
    """Close what is open to the platform on this event loop; for the end of a process."""
    for platform in _platforms.values():
        await platform.hang_up()


def _told(parcel: Parcel, phone: str) -> dict[str, Any]:
    shipment = parcel.shipment
    told: dict[str, Any] = {
        "tracking_no": shipment.tracking_number,
        "express_company": CARRIERS[shipment.carrier].wechat,
        "item_desc": parcel.items,
    }
    if shipment.carrier is Carrier.SF:  # asked for with this carrier only, and masked
        told["contact"] = {"receiver_contact": f"{phone[:3]}****{phone[-4:]}"}
    return told
