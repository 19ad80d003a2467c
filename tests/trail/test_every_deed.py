"""Whatever staff change leaves a deed. A new mutation of staff is tried here, or this fails."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from api import access, rates, schema
from domain.accounts import people
from domain.accounts.rules import Role
from domain.after_sales.rules import AfterSaleState, Kind
from domain.audiences.segment_rules import SegmentRule
from domain.benefits.rules import BenefitKind
from domain.chats import moderating
from domain.draws import queries as draws
from domain.flash_sales import actions as sales
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.live_rooms import running
from domain.orders.rules import Fulfilment
from domain.products.rules import State
from domain.trail import queries as trail
from domain.trust import caring
from domain.trust.rules import DEFAULT
from tests.api.conftest import api, app, ask, post
from tests.given.after_sales import Goods
from tests.given.renewals import contract_with_charge
from tests.given.trust import asked_of

__all__ = ["api", "app", "ask", "post"]

STAFF_MUTATIONS = {
    name: field
    for type_name, name, field, who in access.ruled_fields(schema.build())
    if type_name == "Mutation" and (who in access.ROLES or who is access.Who.CREW)
}
# Their gateways have to answer first, or nobody is known yet: tried where these are simulated, and where staff sign in.
TRIED_ELSEWHERE = {"retryRefund": ("retry_refund", "tests/payments")}
AT_THE_DOOR = {
    "signInAsStaff": ("sign_in", "tests/accounts"),
    "changeStaffPassword": ("change_password", "tests/accounts"),
}


def keyed(**values):
    return {"input": {**values, "idempotencyKey": f"deed-{new_id()}"}}


async def sale(given, *, is_scheduled=False, warm=False):
    made = await given.flash_sale(
        warm=warm, opens_at=given.now + timedelta(hours=1), closes_at=given.now + timedelta(hours=2)
    )
    if is_scheduled:
        await sales.schedule(given.db, sale_id=made.sale.id, by=new_id(), now=given.now)
    return {"id": encode("flashsale", made.sale.id)}


async def a_new_sale(given):
    opens_at = given.now + timedelta(hours=1)
    item = {"skuId": encode("sku", await given.stocked_sku(9)), "salePriceMinor": 990, "units": 3}
    closes_at = (opens_at + timedelta(hours=1)).isoformat()
    return keyed(title="午夜抢购", items=[item], opensAt=opens_at.isoformat(), closesAt=closes_at)


async def a_new_campaign(given):
    opens_at = given.now + timedelta(hours=1)
    item = {"skuId": encode("sku", await given.stocked_sku(9)), "groupPriceMinor": 990, "units": 3}
    window = {"opensAt": opens_at.isoformat(), "closesAt": (opens_at + timedelta(hours=1)).isoformat()}
    return keyed(title="邻里拼", seats=2, fillSeconds=3600, items=[item], **window)


async def a_campaign(given, *, is_live=False):
    return {"id": encode("campaign", (await given.campaign(is_live=is_live)).id)}


async def an_open_group(given):
    group = await given.group(members=1, paid=1)
    return keyed(groupBuyId=encode("groupbuy", group.id), reason="回馈老客")


async def a_new_batch(given):
    window = {"claimableFrom": given.now.isoformat(), "claimableUntil": (given.now + timedelta(days=1)).isoformat()}
    return keyed(title="新客券", pieces=9, amountOffMinor=100, usableDays=7, **window)


async def a_batch(given):
    return {"id": encode("couponbatch", (await given.batch()).id)}


async def a_sale_for_super_users(given):
    sale_id = (await sale(given))["id"]
    return {"input": {"saleId": sale_id, "doors": [{"crowd": {"kind": "SUPER_USERS"}, "minutesEarly": 10}]}}


async def people_of_a_list(given, *, are_on_it=False):
    people = await given.shoppers(2)
    listed = await given.listed(people if are_on_it else people[:1])
    return {"input": {"segmentId": encode("segment", listed.id), "people": encode("account", people[1])}}


async def a_segment(given):
    return {"id": encode("segment", (await given.segment(SegmentRule(orders_at_most=0))).id)}


async def some_benefits(given):
    holding = await given.holding(await given.shopper(), given.benefit(BenefitKind.SERVICE_LANE, rank=1))
    return {"input": {"holdingId": encode("benefitholding", holding.id), "reason": "到期"}}


async def a_new_poll(given):
    product_ids = [encode("product", (await given.product()).id) for _ in range(2)]
    window = {"opensAt": given.now.isoformat(), "closesAt": (given.now + timedelta(hours=1)).isoformat()}
    return keyed(title="选一款", productIds=product_ids, **window)


async def a_poll(given):
    return {"id": encode("poll", (await given.poll()).id)}


async def a_product(given, state):
    return {"input": {"productId": encode("product", (await given.product(state=state)).id)}}


async def a_sku(given):
    return encode("sku", await given.sku(units=10))


async def a_store(given):
    order = await given.ordered(fulfilment=Fulfilment.PICKUP)
    return encode("store", order.store_id)


async def new_store(given):
    where = {"regionCode": "310106", "address": "南京西路 1 号", "opensAt": "09:00", "closesAt": "21:00"}
    return {"input": {"code": "sh-001", "name": "静安店", **where}}


async def sale_price(given, **more):
    ends_at = (given.now + timedelta(days=1)).isoformat()
    return {
        "skuId": await a_sku(given),
        "priceMinor": 990,
        "startsAt": given.now.isoformat(),
        "endsAt": ends_at,
        **more,
    }


async def a_sale_price(given, do):
    made = await do("setSalePrice", {"input": await sale_price(given)})
    return {"input": {"salePriceId": made}}


async def a_template(given):
    return {"input": {"name": "江浙沪", "measure": "PIECE", "zones": [{"regions": []}]}}


async def freight_of_product(given, do):
    template = await do("writeFreightTemplate", await a_template(given))
    return {"input": {**(await a_product(given, State.PUBLISHED))["input"], "freightId": template}}


async def a_supplier(given):
    return encode("supplier", await given.some_supplier())


async def supplied(given):
    sku = {"skuId": await a_sku(given), "supplierCode": "G-1", "costMinor": 500}
    return {"input": {"supplierId": await a_supplier(given), "skus": [sku]}}


async def released(given, do):
    wish = await supplied(given)
    await do("assignSuppliedSkus", wish)
    sku_id = wish["input"]["skus"][0]["skuId"]
    return {"input": {"supplierId": wish["input"]["supplierId"], "skuId": sku_id}}


async def owed_supplier(given):
    supplier_id = await given.some_supplier()
    await given.all_units_leave(await given.bought(Goods(supplier_id=supplier_id, cost_minor=500)))
    return keyed(supplierId=encode("supplier", supplier_id), amountMinor=500, note="十一月")


async def a_paid_order(given):
    return encode("order", (await given.bought()).id)


async def a_placed_order(given):
    return encode("order", (await given.ordered()).id)


async def a_parcel(given):
    return encode("shipment", await given.units_leave(await given.bought(), {1: 1}))


async def a_pickup(given):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)
    return keyed(orderId=encode("order", order.id), code=order.pickup_code)


async def an_upload(given):
    order = await given.bought()
    refused = "INSERT INTO shipping_uploads (order_id, state, due_since, error) VALUES (:id, 'refused', :now, '48001')"
    async with given.db.transaction() as tx:
        await tx.execute(text(refused), {"id": order.id, "now": given.now})
    return {"id": encode("order", order.id)}


async def a_request(given):
    asked = await given.after_sale(await given.bought_and_received())
    return keyed(afterSaleId=encode("aftersale", asked.id), decision="APPROVE")


async def a_return(given):
    order = await given.bought_and_received()
    sent_back = await given.after_sale(order, kind=Kind.RETURN, state=AfterSaleState.SENT_BACK)
    return keyed(afterSaleId=encode("aftersale", sent_back.id), goods="AS_AGREED")


async def a_difference(given):
    bill, difference = new_id(), new_id()
    async with given.db.transaction() as tx:
        await tx.execute(
            text("INSERT INTO gateway_bills (id, gateway, day, payments, captured_minor, refunds, refunded_minor, fees_minor, "
                 "differences, compared_at) VALUES (:id, 'wechat', :day, 0, 0, 0, 0, 0, 1, :now)"),
            {"id": bill, "day": date(2026, 11, 10), "now": given.now},
        )  # fmt: skip
        await tx.execute(
            text("INSERT INTO gateway_bill_differences (id, bill_id, kind, subject, reference) "
                 "VALUES (:id, :bill, 'not_in_books', 'payment', 'wx1')"),
            {"id": difference, "bill": bill},
        )  # fmt: skip
    return {"input": {"differenceId": encode("billdifference", difference), "words": "已核对"}}


async def a_person(given):
    return {"id": encode("account", await given.shopper())}


async def a_customer(given):
    return {"customerId": (await a_person(given))["id"]}


async def a_contract(given):
    contract = await contract_with_charge(given, await given.shopper())
    return {"input": {"accountId": encode("account", contract.account_id), "words": "会员来电"}}


async def a_complaint(given):
    opened = await caring.open_complaint(
        given.db, account_id=await given.shopper(), words="漏发", reference="deed-1", by=new_id(), now=given.now
    )
    return {"input": {"complaintId": encode("complaint", opened.id), "words": "已补发"}}


async def a_tagged_one(given):
    tagged = await given.shopper()
    await caring.tag(given.db, account_id=tagged, tag="老客", by=new_id(), now=given.now)
    return {"input": {"customerId": encode("account", tagged), "tag": "老客"}}


async def a_host(given):
    host = await given.shopper()
    await people.give_role(given.db, account_id=host, role=Role.HOST, by=new_id(), now=given.now)
    return {"input": {"accountId": encode("account", host), "role": "HOST"}}


async def a_banned_one(given):
    banned, by = await given.shopper(), new_id()
    await people.ban(given.db, account_id=banned, why="刷单", by=by, idempotency_key="deed-ban-0", now=given.now)
    return {"id": encode("account", banned)}


async def a_payout(given):
    await given.bought()
    return keyed(gateway="WECHAT", amountMinor=1, reference="B1", occurredAt=given.now.isoformat())


async def a_campaign_to_call_off(given):
    campaign = await given.campaign()
    return {"input": {"campaignId": encode("campaign", campaign.id), "reason": "标错价格"}}


async def a_new_room(given):
    crew = [{"accountId": encode("account", await given.shopper())}]
    return keyed(title="夜市", startsAt=given.now.isoformat(), crew=crew)


async def a_changed_room(given):
    wish = (await a_new_room(given))["input"]
    del wish["idempotencyKey"]
    return {"input": {**wish, "roomId": (await a_room(given, is_live=False))["id"]}}


async def a_room(given, **about):
    return {"id": encode("room", (await given.live_room(**about)).id)}


async def in_a_room(given, **more):
    return {"input": {"roomId": (await a_room(given))["id"], **more}}


async def an_item(given, is_pinned=False):
    room = await given.live_room()
    if is_pinned:
        pinned = {"room_id": room.id, "item_id": room.item.id, "by": room.host, "now": given.now}
        await running.pin(given.db, given.bus, **pinned)
    return {"input": {"roomId": encode("room", room.id), "itemId": encode("roomitem", room.item.id)}}


async def a_comment(given, **more):
    room = await given.live_room()
    return {
        "input": {"commentId": encode("comment", (await given.comment(room.id)).comment.id), "reason": "刷屏", **more}
    }


async def a_silenced_viewer(given, silence, **terms):
    room = await given.live_room()
    comment = (await given.comment(room.id)).comment
    deed = {"comment_id": comment.id, "by": room.host, "reason": "刷屏", "now": given.now}
    await silence(given.db, **terms, **deed)
    return {"input": {"roomId": encode("room", room.id), "viewerId": encode("account", comment.author_id)}}


async def a_new_plan(given):
    early = {"kind": "EARLY_ACCESS", "minutes": 10}
    return keyed(name="年卡", kind="YEARLY", priceMinor=36_500, rank=10, months=12, benefits=[early])


async def some_codes(given):
    valid_until = (given.now + timedelta(days=1)).isoformat()
    return keyed(planId=(await a_plan(given))["id"], title="合作银行", pieces=2, validUntil=valid_until)


async def a_plan(given):
    return {"id": encode("plan", (await given.plan()).id)}


async def a_drop(given):
    return {
        "input": {
            "roomId": encode("room", (await given.live_room()).id),
            "batchId": encode("couponbatch", (await given.batch()).id),
        }
    }


async def a_sale_on_air(given, price, **terms):
    room = await given.live_room()
    offer = {"skuId": encode("sku", room.sku_id), "units": 2, price: 990}
    on_it = {"roomId": encode("room", room.id), "itemId": encode("roomitem", room.item.id), "offers": [offer]}
    return keyed(**on_it, title="直播间", seconds=60, **terms)


async def a_running_sale(given):
    room = await given.live_room()
    sale = await given.room_flash_sale(room)
    return {"input": {"roomId": encode("room", room.id), "flashSaleId": encode("flashsale", sale.id)}}


async def a_running_group_buy(given):
    room = await given.live_room()
    campaign = await given.room_group_buy(room)
    return {"input": {"roomId": encode("room", room.id), "campaignId": encode("campaign", campaign.id)}}


async def a_new_crew(given):
    return await in_a_room(given, crew=[{"accountId": encode("account", await given.shopper())}])


async def a_draw(given, *, is_closed=False):
    now = given.now
    given.now -= timedelta(minutes=6) if is_closed else timedelta(0)
    draw = await given.lucky_draw()
    given.now = now
    return encode("luckydraw", draw.id)


async def a_new_draw(given):
    moments = {"closesAt": given.now + timedelta(minutes=5), "prizesUntil": given.now + timedelta(days=7)}
    return keyed(
        **(await in_a_room(given))["input"],
        **{name: at.isoformat() for name, at in moments.items()},
        title="整点抽奖",
        prizes=[{"name": "礼包", "valueMinor": 1990}],
        storeId=encode("store", await given.pickup_store()),
    )


async def a_draw_to_call_off(given):
    return {"input": {"drawId": await a_draw(given), "reason": "奖品破损"}}


async def a_prize(given):
    draw, shopper = await given.lucky_draw(), await given.shopper()
    await given.entered(draw, [shopper])
    await given.drawn(draw)
    won = (await draws.own_prizes(given.db, shopper, [draw.id]))[draw.id]
    return keyed(storeId=encode("store", won.store_id), code=won.code)


async def a_closed_draw(given):
    return {"id": await a_draw(given, is_closed=True)}


# What each is tried with, and the deed, or deeds, it leaves where that has another name than the mutation.
TRIED = {
    "createFlashSale": (a_new_sale, None),
    "scheduleFlashSale": (sale, None),
    "cancelFlashSale": (sale, None),
    "warmFlashSale": (lambda given: sale(given, is_scheduled=True), None),
    "stopFlashSale": (lambda given: sale(given, warm=True), None),
    "setSaleDoors": (a_sale_for_super_users, None),
    "setSegment": (None, None),
    "refreshSegment": (a_segment, None),
    "nameInSegment": (people_of_a_list, None),
    "strikeFromSegment": (lambda given: people_of_a_list(given, are_on_it=True), None),
    "createGroupBuyCampaign": (a_new_campaign, None),
    "publishGroupBuyCampaign": (a_campaign, None),
    "stopGroupBuyCampaign": (lambda given: a_campaign(given, is_live=True), None),
    "callOffGroupBuyCampaign": (a_campaign_to_call_off, None),
    "completeGroupBuy": (an_open_group, None),
    "createCouponBatch": (a_new_batch, None),
    "stopCouponBatch": (a_batch, None),
    "setPointRules": (None, None),
    "adjustPoints": (None, None),
    "createMembershipPlan": (a_new_plan, None),
    "stopMembershipPlan": (a_plan, None),
    "makeActivationCodes": (some_codes, None),
    "raiseCouponPieces": (None, None),
    "grantBenefits": (None, None),
    "endBenefits": (some_benefits, None),
    "setMemberPrices": (None, None),
    "setMemberOnlyGoods": (None, None),
    "endMemberAutoRenewal": (a_contract, None),
    "setTrustRules": (None, None),
    "recordContact": (None, None),
    "recordComplaint": (None, None),
    "resolveComplaint": (a_complaint, None),
    "recordMessage": (None, None),
    "tagCustomer": (None, None),
    "untagCustomer": (a_tagged_one, None),
    "remarkOnCustomer": (None, None),
    "setSuperUserRules": (None, None),
    "createProductPoll": (a_new_poll, None),
    "closeProductPoll": (a_poll, None),
    "createLiveRoom": (a_new_room, None),
    "editLiveRoom": (a_changed_room, None),
    "setRoomShelf": (lambda given: in_a_room(given, items=[]), None),
    "cancelLiveRoom": (lambda given: a_room(given, is_live=False), None),
    "goLive": (lambda given: a_room(given, is_live=False), None),
    "pauseRoom": (a_room, None),
    "endRoom": (a_room, None),
    "putOnAir": (an_item, None),
    "takeOffAir": (lambda given: a_room(given, is_on_air=True), None),
    "pinRoomItem": (an_item, None),
    "unpinRoomItem": (lambda given: an_item(given, is_pinned=True), None),
    "setRoomChat": (lambda given: in_a_room(given, isOpen=False, slowSeconds=0), None),
    "announceInRoom": (lambda given: in_a_room(given, text="福利马上来"), None),
    "removeComment": (a_comment, None),
    "muteViewer": (lambda given: a_comment(given, minutes=5), None),
    "unmuteViewer": (lambda given: a_silenced_viewer(given, moderating.mute, minutes=5), None),
    "banViewer": (a_comment, None),
    "unbanViewer": (lambda given: a_silenced_viewer(given, moderating.ban, bus=given.bus), None),
    "setChatWords": (None, None),
    "setLevelLadder": (None, None),
    "setCheckInRewards": (None, None),
    "startRoomFlashSale": (
        lambda given: a_sale_on_air(given, "salePriceMinor"),
        ("warm_flash_sale", "schedule_flash_sale", "start_room_flash_sale", "create_flash_sale"),
    ),
    "startRoomGroupBuy": (
        lambda given: a_sale_on_air(given, "groupPriceMinor", seats=2, fillSeconds=60),
        ("publish_group_buy_campaign", "start_room_group_buy", "create_group_buy_campaign"),
    ),
    "stopRoomFlashSale": (a_running_sale, ("stop_flash_sale",)),
    "stopRoomGroupBuy": (a_running_group_buy, ("stop_group_buy_campaign",)),
    "withdrawLivePrices": (lambda given: a_room(given, is_on_air=True), None),
    "setRoomCrew": (a_new_crew, None),
    "dropCoupons": (a_drop, None),
    "openLuckyDraw": (a_new_draw, None),
    "drawLuckyDraw": (a_closed_draw, None),
    "callOffLuckyDraw": (a_draw_to_call_off, None),
    "handOverPrize": (a_prize, None),
    "publishProduct": (lambda given: a_product(given, State.DRAFT), None),
    "unpublishProduct": (lambda given: a_product(given, State.PUBLISHED), None),
    "setSkuPrice": (None, None),
    "setSkuCost": (None, None),
    "setValueRules": (None, None),
    "adjustStock": (None, None),
    "settleBillDifference": (a_difference, None),
    "setSalePrice": (None, None),
    "endSalePrice": (a_sale_price, None),
    "setPriceLadder": (None, None),
    "writeFreightTemplate": (a_template, "create_freight_template"),
    "setFreightOfProduct": (freight_of_product, None),
    "setMinimumOrder": (None, None),
    "createStore": (new_store, None),
    "updateStore": (None, None),
    "cancelOrderAsStaff": (None, "cancel_order"),
    "remarkOrder": (None, None),
    "decideAfterSale": (a_request, None),
    "confirmReturnArrival": (a_return, None),
    "refundOrder": (None, None),
    "shipOrder": (None, None),
    "shipOrders": (None, "ship_order"),
    "correctTrackingNumber": (None, None),
    "handOverPickup": (a_pickup, "hand_over_pickup"),
    "retryShippingUpload": (an_upload, "retry_upload"),
    "createSupplier": (None, None),
    "renewSupplierKey": (None, None),
    "assignSuppliedSkus": (supplied, None),
    "releaseSuppliedSku": (released, None),
    "endSupplier": (None, None),
    "recordSupplierPayment": (owed_supplier, None),
    "recordPayout": (a_payout, None),
    "giveRole": (None, None),
    "takeRole": (a_host, None),
    "banAccount": (None, None),
    "unbanAccount": (a_banned_one, None),
    "endSessionsOf": (a_person, None),
}


async def plain_wish(name, given):
    """What the mutations are tried with that need little."""
    sf = {"carrier": "SF", "trackingNumber": "SF1234567890123"}
    match name:
        case "setChatWords":
            return {"input": {"version": 0, "masked": ["傻瓜"], "withheld": []}}
        case "setSegment":
            return keyed(name="老客", rule={"ordersAtLeast": 1})
        case "setSuperUserRules":
            return {"input": {"valueMinor": 100, "orders": 1, "boughtWithinDays": 1}}
        case "setTrustRules":
            return {"input": asked_of(replace(DEFAULT.terms, silent_days=30))}
        case "recordContact":
            return {"input": {**await a_customer(given), "kind": "CHAT", "reference": "deed-1"}}
        case "recordComplaint":
            return {"input": {**await a_customer(given), "words": "漏发", "reference": "deed-1"}}
        case "recordMessage":
            return {"input": {**await a_customer(given), "purpose": "CARE", "key": "deed-0001"}}
        case "tagCustomer":
            return {"input": {**await a_customer(given), "tag": "老客"}}
        case "remarkOnCustomer":
            return keyed(**await a_customer(given), text="爱喝茶")
        case "raiseCouponPieces":
            return {"input": {"batchId": (await a_batch(given))["id"], "pieces": 1_001}}
        case "grantBenefits":
            lane = {"kind": "SERVICE_LANE", "rank": 1}
            return keyed(accountId=(await a_person(given))["id"], benefits=[lane], reason="回馈老客")
        case "setMemberPrices":
            return {"input": {"prices": [{"skuId": await a_sku(given), "priceMinor": 990}]}}
        case "setMemberOnlyGoods":
            product_id = encode("product", (await given.product()).id)
            return {"input": {"productIds": [product_id], "isMembersOnly": True}}
        case "setSkuCost":
            return {"input": {"skuId": await a_sku(given), "costMinor": 700}}
        case "setValueRules":
            return {"input": {"windowDays": 180, "referralPermille": 200, "mostReferred": 5}}
        case "setPointRules":
            return {"input": {"earnedPerYuan": 2, "spentPerYuan": 100, "mostPercent": 30, "months": 6}}
        case "adjustPoints":
            return keyed(accountId=(await a_person(given))["id"], points=100, reason="补发")
        case "setLevelLadder":
            return {
                "input": {
                    "version": 0,
                    "levels": [{"title": t, "threshold": n} for n, t in enumerate(("新客", "熟客"))],
                }
            }
        case "setCheckInRewards":
            return {"input": {"version": 0, "dailyPoints": 9, "cycleDays": 7, "streakRewards": []}}
        case "setSkuPrice":
            return {"input": {"skuId": await a_sku(given), "priceMinor": 2990}}
        case "adjustStock":
            return keyed(skuId=await a_sku(given), change=1, expectedFree=10, reason="盘点")
        case "setSalePrice":
            return {"input": await sale_price(given)}
        case "setPriceLadder":
            return {"input": {"storeId": await a_store(given), "skuIds": [await a_sku(given)]}}
        case "setMinimumOrder":
            return {"input": {"fulfilment": "DELIVERY", "minimumMinor": 3800}}
        case "updateStore":
            return {"input": {"storeId": await a_store(given), "name": "新店名"}}
        case "cancelOrderAsStaff":
            return keyed(orderId=await a_placed_order(given), reason="地址有误")
        case "refundOrder":
            return keyed(orderId=await a_paid_order(given), words="无货")
        case "remarkOrder":
            return keyed(orderId=await a_placed_order(given), words="已致电")
        case "shipOrder":
            return keyed(orderId=await a_paid_order(given), **sf)
        case "shipOrders":
            return {"input": {"rows": [{"orderId": await a_paid_order(given), **sf}], "idempotencyKey": "deed-list"}}
        case "correctTrackingNumber":
            return {"input": {"shipmentId": await a_parcel(given), **sf}}
        case "giveRole":
            return {"input": {"accountId": (await a_person(given))["id"], "role": "HOST"}}
        case "banAccount":
            return keyed(accountId=(await a_person(given))["id"], why="刷单")
        case "createSupplier":
            return keyed(code="gui", name="桂花坊")
        case _:
            return {"id": await a_supplier(given)}


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


@pytest.fixture
def do(ask, given):
    """`await do(mutation, arguments, by=...)`: its answer's type, or the id of what it gives."""

    async def do(name, arguments, by=None):
        wanted = STAFF_MUTATIONS[name].args
        heads = ", ".join(f"${arg}: {kind.type}" for arg, kind in wanted.items())
        passed = ", ".join(f"{arg}: ${arg}" for arg in wanted)
        with_id = "... on Node { id }"
        document = f"mutation({heads}) {{ {name}({passed}) {{ __typename {with_id} }} }}"
        answer = await ask(document, arguments, by=by or new_id(), roles=[Role.ADMIN])
        if "errors" in answer.json:  # of another shape than a Node
            answer = await ask(document.replace(with_id, ""), arguments, by=by or new_id(), roles=[Role.ADMIN])
        return answer.data.get("id", answer.data["__typename"])

    return do


def test_every_mutation_of_staff_is_tried():
    assert set(TRIED) | set(TRIED_ELSEWHERE) == set(STAFF_MUTATIONS)


@pytest.mark.parametrize("name", sorted(set(TRIED) & set(STAFF_MUTATIONS)))
async def test_it_leaves_a_deed(given, do, db, name):
    build, deed = TRIED[name]
    by = new_id()
    if build is None:
        wish = await plain_wish(name, given)
    else:
        wish = await (build(given, do) if build in {a_sale_price, freight_of_product, released} else build(given))

    answer = await do(name, wish, by=by)

    left = tuple(deed.deed for deed in (await trail.page(db, first=9, by=by)).rows)
    assert left == (deed if isinstance(deed, tuple) else (deed or snake(name),)), answer


def test_the_doors_of_staff_are_tried():
    fields = schema.build()._schema.mutation_type.fields

    assert set(AT_THE_DOOR) == {
        name for name, field in fields.items() if rates.rate_of(field) is rates.Rate.STAFF_LOGIN
    }


@pytest.mark.parametrize("name", TRIED_ELSEWHERE | AT_THE_DOOR)
def test_those_tried_elsewhere_note_themselves(name):
    deed, folder = (TRIED_ELSEWHERE | AT_THE_DOOR)[name]

    assert any(f'"{deed}"' in file.read_text() for file in Path("domain").glob("*/*.py"))
    assert any(deed in file.read_text() for file in Path(folder).glob("*.py"))


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
