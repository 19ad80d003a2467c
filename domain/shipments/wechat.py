"""The part of the WeChat platform that hears how orders were sent (发货信息录入).

`/wxa/sec/order/upload_shipping_info`, as developers.weixin.qq.com describes it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.settings import Settings
from domain.foundation.wechat_platform import BUSY, PlatformFailed, WechatPlatform, complaint, platform_of
from domain.shipments.rules import CARRIERS, Carrier
from domain.shipments.uploads import Parcel, Telling

EXPRESS, PICKUP = 1, 4
"""`logistics_type`: a parcel, or handed over to the shopper at a store."""
BY_MERCHANT = 1
"""`order_number_type`: the order is named by our merchant number and our own payment number."""
UNIFIED, SPLIT = 1, 2
"""`delivery_mode`."""

SAID_BEFORE = frozenset({10060002, 10060023})
"""The order is told to the end already, or nothing in it is new: a try before this one was heard and its answer lost."""
ASK_LATER = frozenset({BUSY, 45009, 45011, 10060001, 10060012})
"""Busy, too many calls, broken; or the payment is not known there yet, which takes some seconds after it was made."""


class PlatformRefused(Exception):
    """WeChat will not take these words, however often they are said."""


@dataclass(frozen=True, slots=True)
class WechatShipping:
    """How a merchant's orders are told of, on the platform of its mini-program."""

    platform: WechatPlatform
    merchant_id: str

    async def upload(self, telling: Telling, *, now: datetime) -> None:
        """Tell how an order was sent, all of it so far; the same told twice counts once. Raises PlatformFailed,
        PlatformRefused.
        """
        if not telling.openid:
            raise PlatformRefused("the payer has no openid")
        content = self._content(telling, now)
        answer = await self.platform.ask_with_token("/wxa/sec/order/upload_shipping_info", content, now=now)
        code = answer.get("errcode")
        if code == 0 or code in SAID_BEFORE:
            return
        failure = PlatformFailed if code in ASK_LATER else PlatformRefused
        raise failure(complaint(answer))

    def _content(self, telling: Telling, now: datetime) -> dict[str, Any]:
        is_unified = telling.is_complete and len(telling.parcels) <= 1 and not telling.was_split
        content: dict[str, Any] = {
            "order_key": {
                "order_number_type": BY_MERCHANT,
                "mchid": self.merchant_id,
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


def shipping_of(settings: Settings) -> WechatShipping | None:
    """How the configured platform is told; None where there is none, or no merchant whose orders it settles."""
    platform = platform_of(settings)
    return WechatShipping(platform, settings.wechat_mch_id) if platform and settings.wechat_mch_id else None


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
