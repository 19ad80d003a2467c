"""How the world is asked about, by each root field of Query and Subscription. One that needs arguments and is not here
cannot be walked."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from graphql import GraphQLField, GraphQLSchema
from graphql.type import is_required_argument

from tests.access.documents import Document, documents
from tests.access.world import World

NODE_TYPES = {
    "account": "Account",
    "address": "Address",
    "aftersale": "AfterSale",
    "benefitgrant": "BenefitGrant",
    "benefitholding": "BenefitHolding",
    "campaign": "GroupBuyCampaign",
    "category": "Category",
    "coupon": "Coupon",
    "codebatch": "ActivationCodeBatch",
    "couponbatch": "CouponBatch",
    "flashsale": "FlashSale",
    "freight": "FreightTemplate",
    "groupbuy": "GroupBuy",
    "groupitem": "GroupBuyItem",
    "groupseat": "GroupBuySeat",
    "luckydraw": "LuckyDraw",
    "membership": "Membership",
    "order": "Order",
    "payment": "Payment",
    "plan": "MembershipPlan",
    "poll": "ProductPoll",
    "prize": "WonPrize",
    "product": "Product",
    "purchase": "MembershipPurchase",
    "room": "Room",
    "roomitem": "RoomItem",
    "saleitem": "FlashSaleItem",
    "saleprice": "SalePrice",
    "segment": "AudienceSegment",
    "sharelink": "ShareLink",
    "shipment": "Shipment",
    "sku": "Sku",
    "store": "Store",
    "supplier": "Supplier",
    "ticket": "FlashSaleTicket",
}
"""What an id of each prefix leads to."""


def asked(world: World) -> dict[str, list[dict[str, Any]]]:
    """The arguments with which a field is asked, each set in its turn."""
    ids, now = world.ids, world.given.now
    today = (now + timedelta(hours=8)).date()
    period = {"startsAt": (now - timedelta(days=1)).isoformat(), "endsAt": (now + timedelta(days=1)).isoformat()}
    home = {"delivery": {"addressId": ids["address"]}}
    within = {"from": period["startsAt"], "to": period["endsAt"]}
    return {
        "account": [{"id": ids["account"]}],
        "quote": [{"input": {"lines": [{"skuId": ids["sku"], "quantity": 999}], "fulfilment": home}}],
        "order": [{"id": ids[name]} for name in ids if name.partition("/")[0] == "order"],
        "couponBatch": [{"id": ids["couponbatch"]}],
        "previewMembershipUpgrade": [{"planId": ids["plan/higher"]}],
        "exportActivationCodes": [{"batchId": ids["codebatch"]}],
        "pointMoves": [{"accountId": ids["account"]}],
        "benefitHoldings": [{"accountId": ids["account"]}],
        "flashSale": [{"id": ids[name]} for name in ("flashsale", "flashsale/doors", "flashsale/draft")],
        "flashSaleTicket": [{"id": ids["ticket"]}],
        "flashSaleTicketEvents": [{"id": ids["ticket"]}],
        "flashSaleStatistics": [{"id": ids["flashsale"]}],
        "groupBuy": [{"id": ids["groupbuy"]}],
        "groupBuyCampaign": [{"id": ids["campaign"]}, {"id": ids["campaign/draft"]}],
        "groupBuyEvents": [{"id": ids["groupbuy"]}],
        "groupsOfCampaign": [{"campaignId": ids["campaign"]}],
        "liveRoom": [{"id": ids["room"]}],
        "luckyDraw": [{"id": ids["luckydraw"]}, {"id": ids["luckydraw/open"]}],
        "couponsToDrop": [{"roomId": ids["room"]}],
        "roomDraws": [{"roomId": ids["room/draws"]}],
        "roomFigures": [{"roomId": ids["room"]}],
        "hostLeaderboard": [within],
        "guideLeaderboard": [within],
        "roomEvents": [{"roomId": ids["room"], "since": 0}],
        "roomStream": [{"roomId": ids["room"]}],
        "roomPlayback": [{"roomId": ids["room"]}],
        "roomShelf": [{"roomId": ids["room"]}],
        "roomComments": [{"roomId": ids["room"]}],
        "roomCommentsToModerate": [{"roomId": ids["room"]}],
        "roomSilences": [{"roomId": ids["room"]}],
        "segment": [{"id": ids["segment"]}],
        "previewSegment": [{"rule": {"ordersAtMost": 0}}],
        "exportSegmentMembers": [{"segmentId": ids["segment"]}],
        "exportRoomComments": [{"roomId": ids["room"]}],
        "customer": [{"id": ids["account"]}],
        "customersByTier": [{"tier": "KNOWS"}],
        "memberAutoRenewal": [{"accountId": ids["account"]}],
        "mayMessage": [{"customerId": ids["account"]}],
        "superUserMoves": [{"accountId": ids["account/fan"]}],
        "levelOf": [{"accountId": ids["account"]}],
        "levelHistory": [{"accountId": ids["account"]}],
        "product": [{"id": ids["product"]}, {"id": ids["product/draft"]}, {"handle": "secret-draft"}],
        "products": [{}, {"filter": {"state": "DRAFT"}}],
        "freightOfProduct": [{"productId": ids["product"]}],
        "dealDays": [{"skuId": ids["sku"]}],
        "store": [{"id": ids["store"]}],
        "customerFigures": [{"accountId": ids["account"]}],
        "repurchaseLadder": [{"cohortFrom": today.isoformat(), "cohortTo": today.isoformat()}],
        "customerGrowth": [{"from": today.isoformat(), "to": (today + timedelta(days=1)).isoformat()}],
        "membershipFigures": [{"from": today.isoformat(), "to": (today + timedelta(days=1)).isoformat()}],
        "takings": [{"from": today.isoformat(), "to": (today + timedelta(days=1)).isoformat(), "by": "STORE"}],
        "exportStatement": [{"account": "BANK", **period}],
        "accountStatement": [{"account": "RECEIPTS", **period}],
        "orderLedger": [{"orderId": ids["order"]}],
        "overdueRefunds": [{"olderThanMinutes": 0}],
        "afterSaleQuote": [{"orderId": ids["order"], "kind": "REFUND", "reason": "QUALITY"}],
        "shippingUploads": [{"state": "DUE"}],
        "sharePoster": [{"linkId": ids["sharelink"]}],
        "supplierSettlement": [{"supplierId": ids["supplier"], "month": f"{today:%Y-%m}"}],
    }


def questions(schema: GraphQLSchema, world: World) -> Iterator[Document]:
    """Every field of every object that can be asked for, and every id of the world by `node`."""
    known = asked(world)
    for kind, name, field in _root_fields(schema):
        needed = [arg for arg, kind in field.args.items() if is_required_argument(kind)]
        if name == "node":
            continue
        assert name in known or not needed, f"tell the walk how to ask for {name}: {', '.join(needed)}"
        for variables in known.get(name, [{}]):
            yield from documents(schema, kind, name, variables)
    for thing, typed_id in world.ids.items():
        if (kind := NODE_TYPES.get(thing.partition("/")[0])) is not None:
            yield from documents(schema, "query", "node", {"id": typed_id}, only=kind)


def _root_fields(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    for kind, roots in (("query", schema.query_type), ("subscription", schema.subscription_type)):
        yield from ((kind, name, field) for name, field in (roots.fields.items() if roots else ()))
