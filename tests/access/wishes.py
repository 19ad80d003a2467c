"""How each mutation is called with the owner's things. One that is not here cannot be walked."""

from datetime import timedelta
from typing import Any

from domain.foundation.ids import new_id
from domain.trust.rules import DEFAULT
from tests.access.world import World
from tests.given.trust import asked_of

Wish = dict[str, Any]

ONES_OWN = {
    "mergeCart", "requestFlashSalePass", "createAddress", "createShareLink", "bindPhone", "signOut", "signOutEverywhere",
    "openGroupBuy", "joinGroupBuy", "postComment", "claimCoupon", "reserveRoom", "cancelRoomReservation", "buyMembership",
    "giftMembership", "activateMembership", "upgradeMembership", "refundMembership",
    "enterLuckyDraw", "likeRoom", "setMessageConsent", "voteInPoll", "checkIn",
    "setBirthday", "setAutoRenewal", "cancelAutoRenewal",
}  # fmt: skip
"""What whoever is signed in does for themselves, naming nothing of anybody's: not refused."""


def wishes(world: World) -> dict[str, Wish]:
    """The arguments of every mutation that not everybody may call, all of them about the owner's things."""
    staffs = {**_staffs_with_orders(world), **_staffs_with_goods(world), **_staffs_with_money(world)}
    return {**_shoppers(world), **_crews(world), **_staffs_with_rooms(world), **staffs}


def _keyed(**values: Any) -> Wish:
    return {"input": {**values, "idempotencyKey": f"walk-{new_id()}"}}


def _shoppers(world: World) -> dict[str, Wish]:
    ids = world.ids
    home = {"recipient": "陌生人", "phone": "13800000000", "street": "陌路 1 号", "regionCode": "310106"}
    home |= {"province": "上海市", "city": "上海市", "district": "静安区"}
    to_the_owner = {"delivery": {"addressId": ids["address"]}}
    return {
        "bindPhone": {"input": {"code": "getPhoneNumber"}},
        "signOut": {},
        "signOutEverywhere": {},
        "endSession": {"input": {"id": ids["session"]}},
        "mergeCart": {"input": {"guestToken": "g" * 43}},
        "requestFlashSalePass": {"input": {"itemId": ids["saleitem"]}},
        "createAddress": {"input": {"address": home}},
        "createShareLink": {"input": {"targetId": ids["product"]}},
        "requestSharePoster": {"input": {"linkId": ids["sharelink"]}},
        "updateAddress": {"input": {"addressId": ids["address"], "address": home}},
        "setDefaultAddress": {"input": {"addressId": ids["address"]}},
        "deleteAddress": {"input": {"addressId": ids["address"]}},
        "placeOrder": _keyed(lines=[{"skuId": ids["sku"], "quantity": 1}], fulfilment=to_the_owner, expectedTotal=2390),
        "payOrder": _keyed(orderId=ids["order/unpaid"]),
        "cancelOrder": _keyed(orderId=ids["order/unpaid"]),
        "setOrderDestination": _keyed(orderId=ids["order/claimed"], addressId=ids["address"]),
        "claimFlashSale": _keyed(**{"pass": ids["pass"]}),
        "openGroupBuy": _keyed(campaignId=ids["campaign"], itemId=ids["groupitem"]),
        "joinGroupBuy": _keyed(groupBuyId=ids["groupbuy"], itemId=ids["groupitem"]),
        "leaveGroupBuy": _keyed(groupBuyId=ids["groupbuy"]),
        "setAutoRenewal": {},
        "cancelAutoRenewal": {},
        "setBirthday": {"input": {"month": 5, "day": 5}},
        "claimCoupon": _keyed(batchId=ids["couponbatch"]),
        "buyMembership": _keyed(planId=ids["plan"]),
        "giftMembership": _keyed(planId=ids["plan"]),
        "payMembership": _keyed(purchaseId=ids["purchase/unpaid"]),
        "activateMembership": _keyed(code="0000-0000-0000-0000"),
        "upgradeMembership": _keyed(planId=ids["plan"], dueMinor=1),
        "refundMembership": _keyed(amountMinor=1),
        "refundMembershipGift": _keyed(purchaseId=ids["purchase"]),
        "voteInPoll": {"input": {"pollId": ids["poll"], "optionId": ids["polloption"]}},
        "enterLuckyDraw": {"id": ids["luckydraw"]},
        "setMessageConsent": {"input": {"accepts": True}},
        "postComment": _keyed(roomId=ids["room"], text="好看"),
        "likeRoom": {"input": {"roomId": ids["room"], "taps": 3}},
        "reserveRoom": {"id": ids["room/coming"]},
        "checkIn": {},
        "cancelRoomReservation": {"id": ids["room/coming"]},
        "requestAfterSale": _keyed(orderId=ids["order"], kind="REFUND", reason="QUALITY"),
        "withdrawAfterSale": _keyed(afterSaleId=ids["aftersale/requested"]),
        "sendBackGoods": _keyed(afterSaleId=ids["aftersale/requested"], carrier="sf", number="SF1"),
        "confirmReceipt": _keyed(orderId=ids["order"]),
        "extendReceipt": _keyed(orderId=ids["order"]),
    }


def _crews(world: World) -> dict[str, Wish]:
    """What is done in a room by those who run it."""
    ids = world.ids
    room, item = {"roomId": ids["room"]}, {"roomId": ids["room"], "itemId": ids["roomitem"]}
    comment = {"commentId": ids["comment"], "reason": "刷屏"}
    units, now = {"skuId": ids["sku"], "units": 1}, world.given.now
    closing = {
        "closesAt": (now + timedelta(hours=1)).isoformat(),
        "prizesUntil": (now + timedelta(days=7)).isoformat(),
    }
    return {
        "openLuckyDraw": _keyed(
            **room, **closing, title="抽奖", prizes=[{"name": "礼包", "valueMinor": 1}], storeId=ids["store"]
        ),
        "drawLuckyDraw": {"id": ids["luckydraw/open"]},
        "callOffLuckyDraw": {"input": {"drawId": ids["luckydraw/open"], "reason": "奖品破损"}},
        "goLive": {"id": ids["room/coming"]},
        "pauseRoom": {"id": ids["room"]},
        "dropCoupons": {"input": {**room, "batchId": ids["couponbatch"]}},
        "endRoom": {"id": ids["room"]},
        "takeOffAir": {"id": ids["room"]},
        "putOnAir": {"input": item},
        "withdrawLivePrices": {"id": ids["room"]},
        "stopRoomFlashSale": {"input": {**room, "flashSaleId": ids["flashsale"]}},
        "stopRoomGroupBuy": {"input": {**room, "campaignId": ids["campaign"]}},
        "pinRoomItem": {"input": item},
        "unpinRoomItem": {"input": item},
        "setRoomChat": {"input": {**room, "isOpen": False, "slowSeconds": 0}},
        "announceInRoom": {"input": {**room, "text": "福利马上来"}},
        "removeComment": {"input": comment},
        "muteViewer": {"input": {**comment, "minutes": 5}},
        "unmuteViewer": {"input": {**room, "viewerId": ids["account"]}},
        "banViewer": {"input": comment},
        "unbanViewer": {"input": {**room, "viewerId": ids["account"]}},
        "startRoomFlashSale": _keyed(**item, title="秒杀", offers=[{**units, "salePriceMinor": 1390}], seconds=60),
        "startRoomGroupBuy": _keyed(
            **item, title="拼团", offers=[{**units, "groupPriceMinor": 1390}], seconds=60, seats=2, fillSeconds=60
        ),
    }


def _staffs_with_rooms(world: World) -> dict[str, Wish]:
    ids, now = world.ids, world.given.now
    room = {
        "title": "夜市",
        "startsAt": (now + timedelta(hours=1)).isoformat(),
        "crew": [{"accountId": ids["account"]}],
    }
    return {
        "createLiveRoom": _keyed(**room),
        "editLiveRoom": {"input": {**room, "roomId": ids["room/coming"]}},
        "setRoomCrew": {"input": {"roomId": ids["room"], "crew": room["crew"]}},
        "setRoomShelf": {"input": {"roomId": ids["room"], "items": []}},
        "cancelLiveRoom": {"id": ids["room/coming"]},
        "setChatWords": {"input": {"version": 1, "masked": [], "withheld": []}},
    }


def _staffs_with_orders(world: World) -> dict[str, Wish]:
    ids, parcel = world.ids, {"carrier": "SF", "trackingNumber": "SF1234567890123"}
    return {
        "cancelOrderAsStaff": _keyed(orderId=ids["order/unpaid"], reason="地址有误"),
        "remarkOrder": _keyed(orderId=ids["order"], words="已致电"),
        "decideAfterSale": _keyed(afterSaleId=ids["aftersale/requested"], decision="APPROVE"),
        "refundOrder": _keyed(orderId=ids["order"], words="无货"),
        "confirmReturnArrival": _keyed(afterSaleId=ids["aftersale/requested"], goods="AS_AGREED"),
        "shipOrder": _keyed(orderId=ids["order"], **parcel),
        "shipOrders": _keyed(rows=[{"orderId": ids["order"], **parcel}]),
        "correctTrackingNumber": {"input": {"shipmentId": ids["shipment"], **parcel}},
        "handOverPrize": _keyed(storeId=ids["store"], code="0000000000"),
        "handOverPickup": _keyed(orderId=ids["order/pickup"], code="00000000"),
        "retryShippingUpload": {"id": ids["order"]},
    }


def _staffs_with_customers(world: World) -> dict[str, Wish]:
    customer = {"customerId": world.ids["account"]}
    return {
        "endMemberAutoRenewal": {"input": {"accountId": world.ids["account"], "words": "会员来电"}},
        "setTrustRules": {"input": asked_of(DEFAULT.terms)},
        "recordContact": {"input": {**customer, "kind": "CHAT", "reference": "walk-1"}},
        "recordComplaint": {"input": {**customer, "words": "漏发", "reference": "walk-1"}},
        "resolveComplaint": {"input": {"complaintId": world.ids["complaint"], "words": "已补发"}},
        "recordMessage": {"input": {**customer, "purpose": "ORDER", "key": f"walk-{new_id()}"}},
        "tagCustomer": {"input": {**customer, "tag": "老客"}},
        "untagCustomer": {"input": {**customer, "tag": "老客"}},
        "remarkOnCustomer": _keyed(**customer, text="爱喝茶"),
    }


def _staffs_with_goods(world: World) -> dict[str, Wish]:
    ids, now = world.ids, world.given.now
    sale, sku = {"id": ids["flashsale/draft"]}, {"skuId": ids["sku"]}
    window = {"opensAt": (now + timedelta(hours=1)).isoformat(), "closesAt": (now + timedelta(hours=2)).isoformat()}
    until = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(days=1)).isoformat()}
    place = {"regionCode": "310106", "address": "南京西路 1 号", "opensAt": "09:00", "closesAt": "21:00"}
    supplied = {**sku, "supplierCode": "G-1", "costMinor": 500}
    return {
        "createFlashSale": _keyed(title="午夜抢购", items=[{**sku, "salePriceMinor": 990, "units": 3}], **window),
        "scheduleFlashSale": sale,
        "cancelFlashSale": sale,
        "warmFlashSale": sale,
        "stopFlashSale": {"id": ids["flashsale"]},
        "createGroupBuyCampaign": _keyed(
            title="邻里拼", seats=2, fillSeconds=3600, items=[{**sku, "groupPriceMinor": 990, "units": 3}], **window
        ),
        "publishGroupBuyCampaign": {"id": ids["campaign/draft"]},
        "stopGroupBuyCampaign": {"id": ids["campaign"]},
        "callOffGroupBuyCampaign": {"input": {"campaignId": ids["campaign"], "reason": "标错价格"}},
        "completeGroupBuy": _keyed(groupBuyId=ids["groupbuy"], reason="回馈"),
        "createCouponBatch": _keyed(
            title="新客券",
            pieces=9,
            amountOffMinor=100,
            usableDays=7,
            claimableFrom=now.isoformat(),
            claimableUntil=window["closesAt"],
        ),
        "stopCouponBatch": {"id": ids["couponbatch"]},
        "setPointRules": {"input": {"earnedPerYuan": 2, "spentPerYuan": 100, "mostPercent": 30, "months": 6}},
        "adjustPoints": _keyed(accountId=ids["account"], points=100, reason="补发"),
        "createMembershipPlan": _keyed(
            name="年卡",
            kind="YEARLY",
            priceMinor=36500,
            rank=10,
            months=12,
            benefits=[{"kind": "EARLY_ACCESS", "minutes": 10}],
        ),
        "stopMembershipPlan": {"id": ids["plan"]},
        "makeActivationCodes": _keyed(planId=ids["plan"], title="合作", pieces=1, validUntil=window["closesAt"]),
        "raiseCouponPieces": {"input": {"batchId": ids["couponbatch"], "pieces": 1_001}},
        "grantBenefits": _keyed(
            accountId=ids["account"], benefits=[{"kind": "SERVICE_LANE", "rank": 1}], reason="回馈老客"
        ),
        "endBenefits": {"input": {"holdingId": ids["benefitholding"], "reason": "到期"}},
        "setMemberPrices": {"input": {"prices": [{**sku, "priceMinor": 1}]}},
        "setMemberOnlyGoods": {"input": {"productIds": [ids["product"]], "isMembersOnly": True}},
        **_staffs_with_customers(world),
        "setSaleDoors": {
            "input": {
                "saleId": ids["flashsale/draft"],
                "doors": [{"crowd": {"kind": "SUPER_USERS"}, "minutesEarly": 10}],
            }
        },
        "setSegment": _keyed(name="走查", rule={"ordersAtLeast": 1}),
        "refreshSegment": {"id": ids["segment"]},
        "nameInSegment": {"input": {"segmentId": ids["segment/list"], "people": ids["account"]}},
        "strikeFromSegment": {"input": {"segmentId": ids["segment/list"], "people": ids["account"]}},
        "setLevelLadder": {"input": {"version": 0, "levels": [{"title": "新客", "threshold": 0}]}},
        "setCheckInRewards": {"input": {"version": 0, "dailyPoints": 1, "cycleDays": 7, "streakRewards": []}},
        "setSuperUserRules": {"input": {"valueMinor": 1, "orders": 1, "boughtWithinDays": 1}},
        "createProductPoll": _keyed(title="选一款", productIds=[ids["product"]], **window),
        "closeProductPoll": {"id": ids["poll"]},
        "publishProduct": {"input": {"productId": ids["product/draft"]}},
        "unpublishProduct": {"input": {"productId": ids["product"]}},
        "setSkuCost": {"input": {**sku, "costMinor": 700}},
        "setValueRules": {"input": {"windowDays": 180, "referralPermille": 200, "mostReferred": 5}},
        "setSkuPrice": {"input": {**sku, "priceMinor": 1}},
        "adjustStock": _keyed(**sku, change=1, expectedFree=10, reason="盘点"),
        "setSalePrice": {"input": {**sku, "priceMinor": 1, **until}},
        "endSalePrice": {"input": {"salePriceId": ids["saleprice"]}},
        "setPriceLadder": {"input": {"storeId": ids["store"], "skuIds": [ids["sku"]]}},
        "writeFreightTemplate": {"input": {"name": "江浙沪", "measure": "PIECE", "zones": [{"regions": []}]}},
        "setFreightOfProduct": {"input": {"productId": ids["product"], "freightId": ids["freight"]}},
        "setMinimumOrder": {"input": {"fulfilment": "DELIVERY", "minimumMinor": 1}},
        "createStore": {"input": {"code": "sh-001", "name": "静安店", **place}},
        "updateStore": {"input": {"storeId": ids["store"], "name": "新店名"}},
        "createSupplier": _keyed(code="gui", name="新供应商"),
        "renewSupplierKey": {"id": ids["supplier"]},
        "endSupplier": {"id": ids["supplier"]},
        "assignSuppliedSkus": {"input": {"supplierId": ids["supplier"], "skus": [supplied]}},
        "releaseSuppliedSku": {"input": {"supplierId": ids["supplier"], "skuId": ids["sku/supplied"]}},
    }


def _staffs_with_money(world: World) -> dict[str, Wish]:
    ids, now = world.ids, world.given.now
    person = {"accountId": ids["account"]}
    return {
        "recordSupplierPayment": _keyed(supplierId=ids["supplier"], amountMinor=1, note="十一月"),
        "recordPayout": _keyed(gateway="WECHAT", amountMinor=1, reference="B1", occurredAt=now.isoformat()),
        "settleBillDifference": {"input": {"differenceId": ids["billdifference"], "words": "已核对"}},
        "retryRefund": {"input": {"refundId": ids["refund"]}},
        "giveRole": {"input": {**person, "role": "FINANCE"}},
        "takeRole": {"input": {**person, "role": "FINANCE"}},
        "banAccount": _keyed(**person, why="刷单"),
        "unbanAccount": {"id": ids["account"]},
        "endSessionsOf": {"id": ids["account"]},
    }
