"""The WeChat platform, as far as it is asked here: access tokens, and how orders were sent (发货信息录入).

It runs as a process of its own, `python -m simulators.wechat_platform --port 8102`, with the mini-program's id and secret in
WECHAT_APP_ID and WECHAT_APP_SECRET, and forgets everything when it ends. On command it lets tokens end before their time (POST
`/commands/expire`) and answers uploads with an errcode, or with HTTP 500, so and so often (POST `/commands/fail`).
"""

import argparse
import asyncio
import hmac
import os
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.foundation.processes import leave_with_parent

TOKEN_SECONDS = 7200
PARCELS, WORDS = 10, 120


@dataclass
class Told:
    """What was uploaded for one payment."""

    uploads: int = 0
    is_complete: bool = False
    content: dict[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """An errcode and its words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Platform:
    """The company: the mini-program's token, and what it was told of orders."""

    def __init__(self, app_id: str, app_secret: str) -> None:
        self._app_id = app_id
        self._app_secret = app_secret
        self._token = ""
        self._token_ends_at = datetime.min.replace(tzinfo=UTC)
        self._tokens_given = 0
        self._told: dict[str, Told] = {}
        self._failures: list[int] = []
        self.app = Starlette(
            routes=[
                Route("/cgi-bin/stable_token", self.stable_token, methods=["POST"]),
                Route("/wxa/sec/order/upload_shipping_info", self.upload_shipping_info, methods=["POST"]),
                Route("/commands/expire", self.expire, methods=["POST"]),
                Route("/commands/fail", self.fail, methods=["POST"]),
                Route("/commands/told", self.told, methods=["GET"]),
            ],
            exception_handlers={Refused: _refused, **dict.fromkeys((KeyError, TypeError, ValueError), _malformed)},
        )

    async def stable_token(self, request: Request) -> Response:
        """The token that is good now; another one when it has ended or is to be renewed by force."""
        wish = orjson.loads(await request.body())
        if wish["appid"] != self._app_id:
            raise Refused(40013, "invalid appid")
        if not hmac.compare_digest(str(wish["secret"]).encode(), self._app_secret.encode()):
            raise Refused(40125, "invalid appsecret")
        now = datetime.now(UTC)
        if not self._token or now >= self._token_ends_at or wish.get("force_refresh"):
            self._token, self._token_ends_at = uuid4().hex, now + timedelta(seconds=TOKEN_SECONDS)
            self._tokens_given += 1
        return _json({"access_token": self._token, "expires_in": int((self._token_ends_at - now).total_seconds())})

    async def upload_shipping_info(self, request: Request) -> Response:
        """Hear how an order was sent. The same again is "not changed"; a complete one takes nothing new but once."""
        if not self._token or request.query_params.get("access_token") != self._token:
            raise Refused(40001, "invalid credential, access_token is invalid or not latest")
        if self._failures:
            code = self._failures.pop(0)
            if code == 500:
                return _json({"error": "broken"}, 500)
            raise Refused(code, "as commanded")
        content = orjson.loads(await request.body())
        _check(content)
        told = self._told.setdefault(content["order_key"]["out_trade_no"], Told())
        said = {name: value for name, value in content.items() if name != "upload_time"}
        if said == told.content:
            raise Refused(10060023, "发货信息未更新")
        if told.is_complete and told.uploads >= 2:
            raise Refused(10060003, "支付单已使用重新发货机会")
        told.content, told.uploads = said, told.uploads + 1
        told.is_complete = content["delivery_mode"] == 1 or bool(content["is_all_delivered"])
        return _json({"errcode": 0, "errmsg": "ok"})

    async def expire(self, request: Request) -> Response:
        """The token ends before its time."""
        self._token = ""
        return _json({})

    async def fail(self, request: Request) -> Response:
        """Answer the next uploads so: `{"errcode": -1, "times": 2}`; 500 is the HTTP status."""
        wish = orjson.loads(await request.body())
        self._failures = [int(wish["errcode"])] * int(wish.get("times", 1))
        return _json({})

    async def told(self, request: Request) -> Response:
        """What was told, by payment number, and how many tokens were given."""
        orders = {
            number: {"uploads": told.uploads, "is_complete": told.is_complete, "content": told.content}
            for number, told in self._told.items()
        }
        return _json({"orders": orders, "tokens_given": self._tokens_given})


def _check(content: dict[str, Any]) -> None:
    """Refuse what the real platform refuses."""
    key, parcels, mode = content["order_key"], content["shipping_list"], content["delivery_mode"]
    if key["order_number_type"] != 1 or not key["mchid"] or not key["out_trade_no"]:
        raise Refused(268485197, "商户订单号不能为空")
    if content["logistics_type"] not in {1, 2, 3, 4}:
        raise Refused(10060005, "物流类型有误")
    if mode not in {1, 2}:
        raise Refused(268485224, "发货模式非法")
    if not 1 <= len(parcels) <= (1 if mode == 1 else PARCELS):
        raise Refused(10060024, "物流信息列表太长")
    if mode == 2 and content["logistics_type"] != 1:
        raise Refused(10060006, "非快递发货时不允许分拆发货")
    if mode == 2 and not isinstance(content.get("is_all_delivered"), bool):
        raise Refused(10060007, "分拆发货模式下必须填写 is_all_delivered")
    for parcel in parcels:
        if not parcel["item_desc"] or len(parcel["item_desc"]) > WORDS:
            raise Refused(10060009, "商品描述为空或太长")
        if content["logistics_type"] == 1 and not (parcel["tracking_no"] and parcel["express_company"]):
            raise Refused(268485228, "物流单号不能为空")
        if parcel.get("express_company") == "SF" and not parcel.get("contact"):
            raise Refused(268546019, "联系方式不能为空")
    if not content["payer"]["openid"]:
        raise Refused(10060031, "该笔支付单不属于 openid 所指定的用户")
    if datetime.fromisoformat(content["upload_time"]).tzinfo is None:
        raise Refused(268485216, "上传时间非法，请使用 RFC 3339 格式")


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _json({"errcode": error.code, "errmsg": str(error)})


def _malformed(request: Request, error: Exception) -> Response:
    return _json({"errcode": 47001, "errmsg": f"data format error: {error!r}"})


async def serve(host: str, port: int, app_id: str, app_secret: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = Platform(app_id, app_secret).app
    server = Server(app, host, port, interface=Interfaces.ASGI, log_level=LogLevels.error, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    await server.serve()


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="The WeChat platform.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8102)
    given = arguments.parse_args()
    app_id, app_secret = os.environ.get("WECHAT_APP_ID", ""), os.environ.get("WECHAT_APP_SECRET", "")
    if not app_id or not app_secret:
        arguments.error("WECHAT_APP_ID and WECHAT_APP_SECRET must be set")
    leave_with_parent()
    asyncio.run(serve(given.host, given.port, app_id, app_secret))


if __name__ == "__main__":
    main()
