"""How orders were sent (发货信息录入): what the platform is told, and what it refuses to hear."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.wechat_platform.platform import Platform, Refused, as_json

PARCELS, WORDS = 10, 120


@dataclass
class Told:
    """What was uploaded for one payment."""

    uploads: int = 0
    is_complete: bool = False
    content: dict[str, Any] = field(default_factory=dict)


class Shipping:
    """The doors for what is told of orders."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._told: dict[str, Told] = {}

    def routes(self) -> list[Route]:
        """The doors."""
        return [
            Route("/wxa/sec/order/upload_shipping_info", self.upload_shipping_info, methods=["POST"]),
            Route("/commands/told", self.told, methods=["GET"]),
        ]

    async def upload_shipping_info(self, request: Request) -> Response:
        """Hear how an order was sent. The same again is "not changed"; a complete one takes nothing new but once."""
        self._platform.check_token(request)
        await self._platform.fail_if_told("upload")
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
        return as_json({"errcode": 0, "errmsg": "ok"})

    async def told(self, request: Request) -> Response:
        """What was told, by payment number, and how many access tokens were given."""
        orders = {
            number: {"uploads": told.uploads, "is_complete": told.is_complete, "content": told.content}
            for number, told in self._told.items()
        }
        return as_json({"orders": orders, "tokens_given": self._platform.tokens_given})


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
