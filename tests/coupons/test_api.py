"""Coupons over HTTP: a merchandiser makes a batch, a shopper claims a piece, sees it in the quote, and buys with it."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.coupons import actions
from domain.coupons.rules import ClaimPlace
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.live_rooms import running
from tests.api.conftest import api, app, ask, post
from tests.audit import assert_clean
from tests.given import Given
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

REFUSED = "... on UserError { code message }"
BATCH = """id title pieces left perShopper isClaimable claimedByMe claimableIn usableDays productIds skuIds stoppedAt
  amountOff { minor } percentOff cap { minor } threshold { minor }"""
CREATE = f"""mutation ($input: CreateCouponBatchInput!) {{ createCouponBatch(input: $input) {{ __typename {REFUSED}
  ... on CouponBatch {{ {BATCH} }} }} }}"""
STOP = f"mutation ($id: ID!) {{ stopCouponBatch(id: $id) {{ __typename {REFUSED} ... on CouponBatch {{ isClaimable }} }} }}"
CLAIM = f"""mutation ($input: ClaimCouponInput!) {{ claimCoupon(input: $input) {{ __typename {REFUSED}
  ... on Coupon {{ id couponCode state usableUntil orderId batch {{ title left claimedByMe }} }}
  ... on CouponLimitReached {{ perShopper }} }} }}"""
DROP = f"""mutation ($input: DropCouponsInput!) {{ dropCoupons(input: $input) {{ __typename {REFUSED}
  ... on CouponBatch {{ id }} }} }}"""
MINE = "query ($state: CouponState) { myCoupons(state: $state) { nodes { id couponCode state orderId batch { title left } } } }"
TO_DROP = "query ($roomId: ID!) { couponsToDrop(roomId: $roomId) { nodes { id } } }"
ALL = "{ couponBatches { nodes { id } } }"
CARD = f"query ($id: ID!) {{ couponBatch(id: $id) {{ {BATCH} }} }}"
LINE = "listPrice { minor } unitPrice { minor } discount { minor } explanation { rule text amount { minor } }"
QUOTE = f"""query ($input: QuoteInput!) {{ quote(input: $input) {{ total {{ minor }} discount {{ minor }}
  problems {{ __typename code }} lines {{ {LINE} }} }} }}"""
PLACE = f"""mutation ($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{ __typename {REFUSED}
  ... on Order {{ id total {{ minor }} discount {{ minor }} }} }} }}"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def do(ask):
    """`await do(query, {...}, by=...)`: what the one root field answers."""

    async def do(question, variables, **who):
        return (await ask(question, variables, **who)).data

    return do


def terms(given, **more):
    window = {"claimableFrom": given.now.isoformat(), "claimableUntil": (given.now + timedelta(days=1)).isoformat()}
    usual = {"title": "新客券", "pieces": 9, "usableDays": 7, "thresholdMinor": 5000, **window}
    return {"input": {**usual, "idempotencyKey": f"batch-{new_id()}", **more}}


async def basket(given, shopper_id, sku_id, **more):
    address = encode("address", await given.home_of(shopper_id))
    line = {"skuId": encode("sku", sku_id), "quantity": 1}
    return {"lines": [line], "fulfilment": {"delivery": {"addressId": address}}, **more}


def claiming(batch_id, key="claim-key-1"):
    return {"input": {"batchId": batch_id, "idempotencyKey": key}}


def ordering(wish, quote):
    return {"input": {**wish, "expectedTotal": quote["total"]["minor"], "idempotencyKey": f"order-{new_id()}"}}


async def test_made_claimed_quoted_and_used(do, given, market):
    me, sku_id = await given.shopper(), await given.sku(price_minor=6000)
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}

    made = await do(CREATE, terms(given, amountOffMinor=1000, skuIds=[encode("sku", sku_id)]), **staff)
    claimed, again, more = [await do(CLAIM, claiming(made["id"], f"claim-key-{key}"), by=me) for key in (1, 1, 2)]
    wish = await basket(given, me, sku_id, couponCode=claimed["couponCode"])
    quote = await do(QUOTE, {"input": wish}, by=me)
    order = await do(PLACE, ordering(wish, quote), by=me)

    assert (made["left"], made["isClaimable"], made["skuIds"]) == (9, True, [encode("sku", sku_id)])
    assert claimed == again
    assert (claimed["state"], claimed["batch"]) == ("USABLE", {"title": "新客券", "left": 8, "claimedByMe": 1})
    assert (more["__typename"], more["perShopper"]) == ("CouponLimitReached", 1)
    assert (quote["total"]["minor"], quote["discount"]["minor"], quote["problems"]) == (5000, 1000, [])
    [step] = [step for step in quote["lines"][0]["explanation"] if step["rule"] == "COUPON"]
    assert (step["text"], step["amount"]) == ("优惠券减 ¥10.00", {"minor": -1000})
    assert (order["total"]["minor"], order["discount"]["minor"]) == (5000, 1000)
    [used] = (await do(MINE, {"state": "USED"}, by=me))["nodes"]
    assert (used["id"], used["orderId"]) == (claimed["id"], order["id"])
    assert (await do(MINE, {"state": "USABLE"}, by=me))["nodes"] == []
    quote = await do(QUOTE, {"input": wish}, by=me)
    assert (quote["total"]["minor"], [problem["code"] for problem in quote["problems"]]) == (6000, ["COUPON_UNKNOWN"])
    await assert_clean(market)


async def test_a_live_price_and_a_coupon_are_quoted_and_charged_together(do, given, market):
    me, room = await given.shopper(), await given.live_room(is_on_air=True)
    in_room = {"roomId": encode("room", room.id)}
    stacking = await given.coupon(me, threshold_minor=1500)
    alone = await given.coupon(me, threshold_minor=1500, stacks_with_sale_prices=False)
    wish = await basket(given, me, room.sku_id)

    async def priced(**more):
        quote = await do(QUOTE, {"input": {**wish, **more}}, by=me)
        [line], problems = quote["lines"], [problem["code"] for problem in quote["problems"]]
        return (line["unitPrice"]["minor"], quote["discount"]["minor"], problems), quote

    assert (await priced(couponCode=stacking.code))[0] == (1990, 1000, [])
    assert (await priced(couponCode=alone.code, **in_room))[0] == (1590, 0, ["COUPON_NOT_USABLE"])
    # a code that nobody knows does not take the live price away
    assert (await priced(couponCode="NO-SUCH-CODE", **in_room))[0] == (1590, 0, ["COUPON_UNKNOWN"])
    both, quote = await priced(couponCode=stacking.code, **in_room)
    assert (both, quote["total"]["minor"]) == ((1590, 1000, []), 590)
    order = await do(PLACE, ordering({**wish, **in_room, "couponCode": stacking.code}, quote), by=me)
    assert (order["total"]["minor"], order["discount"]["minor"]) == (590, 1000)
    await assert_clean(market)


async def test_everybody_sees_what_is_given_out(do, given):
    batch = await given.batch(percent=15, cap_minor=3000)

    card = await do(CARD, {"id": encode("couponbatch", batch.id)})

    assert (card["percentOff"], card["cap"], card["amountOff"]) == (15, {"minor": 3000}, None)
    assert (card["left"], card["claimedByMe"], card["productIds"], card["skuIds"]) == (100, 0, [], [])
    assert await do(CARD, {"id": encode("couponbatch", new_id())}) is None


async def test_a_stopped_batch_is_over(do, given):
    id = encode("couponbatch", (await given.batch()).id)

    stopped = await do(STOP, {"id": id}, by=await given.shopper(), roles=[Role.MERCHANDISER])
    refused = await do(CLAIM, claiming(id), by=await given.shopper())

    assert stopped == {"__typename": "CouponBatch", "isClaimable": False}
    assert (refused["code"], refused["message"]) == ("COUPONS_OVER", "领券已结束")


async def test_what_is_for_a_room_is_claimed_there_while_it_is_on(do, given, market):
    room = await given.live_room()
    batch = await given.batch(claimable_in=ClaimPlace.ROOM)
    id = encode("couponbatch", batch.id)
    drop = {"input": {"roomId": encode("room", room.id), "batchId": id}}
    early, viewer, late = await given.shoppers(3)

    async def claimed(shopper_id):
        answer = await do(CLAIM, claiming(id), by=shopper_id)
        return answer.get("code") if answer["__typename"] != "Coupon" else answer["state"]

    assert await claimed(early) == "COUPONS_ONLY_IN_ROOM"
    for _ in range(2):
        assert (await do(DROP, drop, by=room.host.account_id, roles=[Role.HOST]))["__typename"] == "CouponBatch"
    assert await claimed(viewer) == "USABLE"
    await running.end(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)
    assert await claimed(late) == "COUPONS_ONLY_IN_ROOM"
    await assert_clean(market)


async def test_who_does_not_run_the_room_sees_and_drops_nothing(ask, given):
    room, batch = await given.live_room(), await given.batch()
    drop = {"input": {"roomId": encode("room", room.id), "batchId": encode("couponbatch", batch.id)}}
    stranger = {"by": await given.shopper(), "roles": [Role.HOST]}

    for question, variables in ((DROP, drop), (TO_DROP, {"roomId": encode("room", room.id)})):
        assert (await ask(question, variables, **stranger)).codes == ["FORBIDDEN"]


async def test_the_crew_chooses_among_what_can_be_claimed_now(do, given):
    room = await given.live_room()
    later, gone, stopped, first, second = [
        await given.batch(**terms)
        for terms in ({"claimable_from": given.now + timedelta(hours=1)}, {"pieces": 1}, {}, {}, {})
    ]
    await given.coupon_desk().claim(
        batch_id=gone.id, shopper_id=await given.shopper(), idempotency_key="claim-key-1", now=given.now
    )
    await actions.stop(given.db, batch_id=stopped.id, by=new_id(), now=given.now)

    page = await do(TO_DROP, {"roomId": encode("room", room.id)}, by=room.host.account_id, roles=[Role.HOST])

    assert [batch["id"] for batch in page["nodes"]] == [encode("couponbatch", each.id) for each in (second, first)]
    everything = await do(ALL, {}, by=await given.shopper(), roles=[Role.FINANCE])
    assert [batch["id"] for batch in everything["nodes"]] == [
        encode("couponbatch", each.id) for each in (second, first, stopped, gone, later)
    ]


async def test_a_list_of_coupons_costs_the_same_however_long_it_is(do, given, api):
    me = await given.shopper()

    async def statements():
        with count_statements(api.market.db) as sent:
            await do(MINE, {"state": "USABLE"}, by=me)
        return len(sent)

    await given.coupon(me)
    await statements()
    of_one = await statements()
    for _ in range(3):
        await given.coupon(me)
    assert await statements() == of_one == 2
