"""Group-buys over HTTP: the road of shoppers from the product page to a full group, and everything that must be refused."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.group_buys import actions, ending
from domain.group_buys.rules import OpenerBenefit
from domain.orders.rules import OrderState
from tests.api.conftest import api, app, ask, post
from tests.audit import assert_clean
from tests.given import Given
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

SEAT = """... on GroupBuySeat { id number state quantity payBy item { id groupPrice { minor } } order { id state total { minor } }
  groupBuy { id state seats taken paid seatsLeft } }"""
REFUSED = "... on UserError { code message }"
OPEN = f"mutation ($input: OpenGroupBuyInput!) {{ openGroupBuy(input: $input) {{ __typename {SEAT} {REFUSED} }} }}"
JOIN = f"""mutation ($input: JoinGroupBuyInput!) {{ joinGroupBuy(input: $input) {{ __typename {SEAT} {REFUSED}
  ... on GroupBuyFull {{ seats another {{ id seatsLeft }} }} ... on GroupBuyOver {{ groupId ended: state another {{ id }} }}
  ... on AlreadyInGroupBuy {{ groupId seat {{ id order {{ id }} }} }} ... on GroupBuyLimitReached {{ limit }}
  ... on NotEnoughStock {{ wanted free }} }} }}"""
LEAVE = f"""mutation ($input: LeaveGroupBuyInput!) {{ leaveGroupBuy(input: $input) {{ __typename {REFUSED}
  ... on GroupBuy {{ state taken leader {{ number isYou }} members {{ number }} mySeat {{ id }} }} }} }}"""
GROUP = """query ($id: ID!) { groupBuy(id: $id) { state isCompletedByMerchant seats taken paid seatsLeft isJoinable endedAt
  leader { number } members { number state name isLeader isYou } mySeat { number state order { id } }
  campaign { title seats } } }"""
PRODUCT = """query ($id: ID!) { product(id: $id) { groupBuyCampaigns { id title isOpen seats fillSeconds newcomersOnly openerBenefit
  openerDiscount { minor } items { id unitsLeft groupPrice { minor } soloPrice { minor } struckThroughPrice { minor }
    sku { price { minor } } }
  openGroups(first: 2) { nodes { groupBuyId paid seatsLeft expiresAt leaderName } pageInfo { hasNextPage } } } } }"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


def wish(thing, item, key="wish-0001", **more):
    """To open a group of a campaign, or to join a group."""
    named = {"campaignId": encode("campaign", thing.id)} if hasattr(thing, "items") else {}
    named = named or {"groupBuyId": encode("groupbuy", thing.id)}
    return {"input": {**named, "itemId": encode("groupitem", item.id), "idempotencyKey": key, **more}}


def leaving(group, key="leave-0001"):
    return {"input": {"groupBuyId": encode("groupbuy", group.id), "idempotencyKey": key}}


async def test_two_shoppers_open_and_fill_a_group(ask, given, market):
    campaign = await given.campaign(seats=2, units=9, price_minor=990)
    [item] = campaign.items
    lan, mei = await given.shopper("沈听澜"), await given.shopper("林小满")

    opened = (await ask(OPEN, wish(campaign, item), by=lan)).data
    again = (await ask(OPEN, wish(campaign, item), by=lan)).data
    shared = {"id": opened["groupBuy"]["id"]}
    [seat] = await given.seats_of(await given.group_of_typed(shared["id"]))
    await given.pay_seat(seat)
    seen = (await ask(GROUP, shared)).data
    joined = (await ask(JOIN, wish(await given.group_of_typed(shared["id"]), item), by=mei)).data
    full = (await ask(GROUP, shared, by=mei)).data
    await given.pay_seat((await given.seats_of(await given.group_of_typed(shared["id"])))[1])
    filled = (await ask(GROUP, shared, by=lan)).data
    seats = "{ myGroupBuySeats { nodes { number state payBy groupBuy { state } order { state total { minor } } } } }"
    mine = (await ask(seats, by=mei)).data["nodes"]

    assert opened == again
    assert opened == {
        "__typename": "GroupBuySeat",
        "id": encode("groupseat", seat.id),
        "number": 1,
        "state": "HELD",
        "quantity": 1,
        "payBy": opened["payBy"],
        "item": {"id": encode("groupitem", item.id), "groupPrice": {"minor": 990}},
        "order": {"id": encode("order", seat.order_id), "state": "PLACED", "total": {"minor": 990}},
        "groupBuy": {**shared, "state": "OPEN", "seats": 2, "taken": 1, "paid": 0, "seatsLeft": 1},
    }
    assert seen == {
        "state": "OPEN",
        "isCompletedByMerchant": False,
        "seats": 2,
        "taken": 1,
        "paid": 1,
        "seatsLeft": 1,
        "isJoinable": True,
        "endedAt": None,
        "leader": {"number": 1},
        "members": [{"number": 1, "state": "PAID", "name": "沈**", "isLeader": True, "isYou": False}],
        "mySeat": None,
        "campaign": {"title": "三人同行", "seats": 2},
    }
    assert (joined["number"], joined["state"], joined["groupBuy"]["seatsLeft"]) == (2, "HELD", 0)
    assert [(one["name"], one["isYou"]) for one in full["members"]] == [("沈**", False), ("林**", True)]
    assert full["mySeat"] == {"number": 2, "state": "HELD", "order": {"id": joined["order"]["id"]}}
    assert (full["isJoinable"], filled["isJoinable"]) == (False, False)
    assert (filled["state"], filled["paid"], filled["mySeat"]["state"]) == ("FILLED", 2, "PAID")
    assert mine == [
        {
            "number": 2,
            "state": "PAID",
            "payBy": None,
            "groupBuy": {"state": "FILLED"},
            "order": {"state": "PAID", "total": {"minor": 990}},
        }
    ]
    await assert_clean(market, in_flight=True)


async def test_a_product_page_shows_the_group_price_beside_the_price_alone(ask, given, market):
    campaign = await given.campaign(
        seats=3, units=9, price_minor=990, opener_benefit=OpenerBenefit.DISCOUNT, opener_discount_minor=200
    )
    [item] = campaign.items
    await given.deal_day(item.sku_id, given.now.date() - timedelta(days=3), 1890)
    await given.campaign(is_live=False)
    group = await given.group(campaign, members=2, paid=1)

    page = (await ask(PRODUCT, {"id": encode("product", campaign.product_id)})).data
    await given.sale_price(item.sku_id, 1790)
    on_sale = (await ask(PRODUCT, {"id": encode("product", campaign.product_id)})).data
    await actions.stop(market.db, campaign_id=campaign.id, by=new_id(), now=given.now)
    stopped = (await ask(PRODUCT, {"id": encode("product", campaign.product_id)})).data

    [shown] = page["groupBuyCampaigns"]
    assert shown["items"] == [
        {
            "id": encode("groupitem", item.id),
            "unitsLeft": 7,
            "groupPrice": {"minor": 990},
            "soloPrice": {"minor": 1980},
            "struckThroughPrice": {"minor": 1890},
            "sku": {"price": {"minor": 1980}},
        }
    ]
    assert (shown["isOpen"], shown["seats"], shown["fillSeconds"]) == (True, 3, 3600)
    assert (shown["openerBenefit"], shown["openerDiscount"]) == ("DISCOUNT", {"minor": 200})
    [open_group] = shown["openGroups"]["nodes"]
    assert (open_group["groupBuyId"], open_group["paid"], open_group["seatsLeft"]) == (
        encode("groupbuy", group.id),
        1,
        1,
    )
    assert on_sale["groupBuyCampaigns"][0]["items"][0]["soloPrice"] == {"minor": 1790}
    assert stopped["groupBuyCampaigns"] == []


async def test_whoever_opens_pays_what_the_benefit_leaves(ask, given):
    discount = await given.campaign(opener_benefit=OpenerBenefit.DISCOUNT, opener_discount_minor=300)
    free = await given.campaign(opener_benefit=OpenerBenefit.FREE)
    shopper = await given.shopper()

    cheaper = (await ask(OPEN, wish(discount, discount.items[0]), by=shopper)).data
    nothing = (await ask(OPEN, wish(free, free.items[0], key="wish-0002"), by=shopper)).data

    assert cheaper["order"] == {"id": cheaper["order"]["id"], "state": "PLACED", "total": {"minor": 690}}
    assert nothing["order"] == {"id": nothing["order"]["id"], "state": "PAID", "total": {"minor": 0}}


async def test_who_comes_too_late_for_the_last_seat_is_shown_another_group(ask, given):
    campaign = await given.campaign(seats=2, units=30)
    full = await given.group(campaign, members=2, paid=1)
    late = await given.shopper()

    alone = (await ask(JOIN, wish(full, campaign.items[0]), by=late)).data
    other = await given.group(campaign, members=1, paid=1)
    offered = (await ask(JOIN, wish(full, campaign.items[0]), by=late, accept_language="en")).data
    joined = (await ask(JOIN, wish(other, campaign.items[0]), by=late)).data

    assert alone == {
        "__typename": "GroupBuyFull",
        "code": "GROUP_BUY_FULL",
        "message": "手慢了，2 个席位已满，可参加其他团或自己开团",
        "seats": 2,
        "another": None,
    }
    assert offered["message"] == "all 2 seats are taken: join another group, or open one"
    assert offered["another"] == {"id": encode("groupbuy", other.id), "seatsLeft": 1}
    assert joined["__typename"] == "GroupBuySeat"


async def test_a_group_that_has_ended_takes_nobody_and_says_how_it_ended(ask, given):
    campaign = await given.campaign(seats=2, units=30)
    filled = await given.group(campaign, members=2, paid=2)
    other = await given.group(campaign, members=1, paid=1)

    over = (await ask(JOIN, wish(filled, campaign.items[0]), by=await given.shopper())).data

    assert over == {
        "__typename": "GroupBuyOver",
        "code": "GROUP_BUY_OVER",
        "message": over["message"],
        "groupId": encode("groupbuy", filled.id),
        "ended": "FILLED",
        "another": {"id": encode("groupbuy", other.id)},
    }


async def test_everything_that_keeps_somebody_from_joining_has_its_code_and_changes_nothing(ask, given):
    campaign = await given.campaign(seats=5, units=5, per_shopper=9)
    [item] = campaign.items
    group = await given.group(campaign, members=2, paid=1)
    [_, seat] = await given.seats_of(group)
    newcomers = await given.campaign(newcomers_only=True)
    new_group = await given.group(newcomers, members=1, paid=1)
    [buyer] = {seat.shopper_id for seat in await given.seats_of(new_group)}
    stranger = await given.shopper()

    async def told(document, by=stranger, **more):
        answer = await ask(JOIN, document, by=by, **more)
        return answer.codes[0] if "errors" in answer.json else answer.data

    before = await given.group_again(group.id)
    already = await told(wish(group, item), by=seat.shopper_id)
    refused = {
        "units beyond the limit": await told(wish(group, item, quantity=10)),
        "units beyond the allotment": await told(wish(group, item, quantity=4)),
        "an old shopper among newcomers": await told(
            wish(await given.group(newcomers, members=1, paid=1), newcomers.items[0]), by=buyer
        ),
        "an item of another campaign": await told(wish(group, newcomers.items[0])),
        "a group that does not exist": await told(wish(replace(group, id=new_id()), item)),
    }
    faults = {
        "nothing": await told(wish(group, item, quantity=0)),
        "less than nothing": await told(wish(group, item, quantity=-1)),
        "a malformed key": await told(wish(group, item, key="x")),
        "an id of another type": await told(wish(campaign, item) | {"input": malformed(group, item)}),
        "nobody": await told(wish(group, item), by=None),
    }

    assert {name: answer["code"] for name, answer in refused.items()} == {
        "units beyond the limit": "GROUP_BUY_LIMIT_REACHED",
        "units beyond the allotment": "NOT_ENOUGH_STOCK",
        "an old shopper among newcomers": "NEWCOMERS_ONLY",
        "an item of another campaign": "NOT_FOUND",
        "a group that does not exist": "NOT_FOUND",
    }
    assert refused["units beyond the limit"]["limit"] == 9
    assert (refused["units beyond the allotment"]["wanted"], refused["units beyond the allotment"]["free"]) == (4, 3)
    assert (already["code"], already["groupId"]) == ("ALREADY_IN_GROUP_BUY", encode("groupbuy", group.id))
    assert already["seat"] == {"id": encode("groupseat", seat.id), "order": {"id": encode("order", seat.order_id)}}
    assert faults == {
        "nothing": "BAD_USER_INPUT",
        "less than nothing": "BAD_USER_INPUT",
        "a malformed key": "BAD_USER_INPUT",
        "an id of another type": "BAD_USER_INPUT",
        "nobody": "UNAUTHENTICATED",
    }
    assert await given.group_again(group.id) == before


def malformed(group, item):
    return {
        "groupBuyId": encode("campaign", group.id),
        "itemId": encode("groupitem", item.id),
        "idempotencyKey": "wish-0001",
    }


async def test_the_same_key_for_another_wish_is_refused(ask, given):
    campaign = await given.campaign(seats=5, skus=2)
    group = await given.group(campaign, members=1, paid=1)
    shopper = await given.shopper()

    first = (await ask(JOIN, wish(group, campaign.items[0]), by=shopper)).data
    repeated = (await ask(JOIN, wish(group, campaign.items[0]), by=shopper)).data
    other = (await ask(JOIN, wish(group, campaign.items[1]), by=shopper)).data

    assert first == repeated
    assert other["code"] == "IDEMPOTENCY_CONFLICT"


async def test_no_group_is_opened_outside_a_campaigns_window_nor_twice_beyond_the_limit(ask, given, market):
    to_come = await given.campaign(opens_at=given.now + timedelta(hours=1))
    draft = await given.campaign(is_live=False)
    stopped = await given.campaign()
    await actions.stop(market.db, campaign_id=stopped.id, by=new_id(), now=given.now)
    campaign = await given.campaign(per_shopper=1, units=3, seats=3)
    shopper = await given.shopper()
    await ask(OPEN, wish(campaign, campaign.items[0]), by=shopper)

    codes = [
        (await ask(OPEN, wish(one, one.items[0], key=f"wish-{new_id()}"), by=shopper)).data["code"]
        for one in (to_come, draft, stopped, campaign)
    ]

    assert codes == ["GROUP_BUY_CAMPAIGN_CLOSED"] * 3 + ["GROUP_BUY_LIMIT_REACHED"]


async def test_who_leaves_before_paying_frees_the_seat_and_a_leader_hands_the_group_on(ask, given):
    group = await given.group(members=3, paid=0, seats=5)
    leader, second, third = [seat.shopper_id for seat in await given.seats_of(group)]
    await given.pay_seat((await given.seats_of(group))[2])

    handed_on = (await ask(LEAVE, leaving(group), by=leader)).data
    again = (await ask(LEAVE, leaving(group), by=leader)).data
    paid = (await ask(LEAVE, leaving(group), by=third)).data
    stranger = (await ask(LEAVE, leaving(group), by=await given.shopper())).data

    assert handed_on == again
    assert handed_on == {
        "__typename": "GroupBuy",
        "state": "OPEN",
        "taken": 2,
        "leader": {"number": 3, "isYou": False},
        "members": [{"number": 2}, {"number": 3}],
        "mySeat": None,
    }
    assert (paid["code"], stranger["code"]) == ("SEAT_NOT_LEAVABLE", "NOT_FOUND")
    orders = [await given.order_again(seat.order_id) for seat in await given.seats_of(group)]
    assert [order.state for order in orders] == [OrderState.PLACED, OrderState.PAID]
    assert second != third


async def test_the_last_one_to_leave_dissolves_the_group(ask, given):
    group = await given.group(members=1)

    left = (await ask(LEAVE, leaving(group), by=group.leader_id)).data

    assert (left["state"], left["taken"], left["leader"], left["members"]) == ("DISSOLVED", 0, None, [])


async def test_a_group_that_expired_shows_who_was_in_it_and_what_became_of_the_money(ask, given, market):
    group = await given.group(members=2, paid=2, seats=3)
    seats = await given.seats_of(group)
    later = given.now + timedelta(hours=2)

    await ending.expire_due(market.db, now=later, limit=10)
    expired = (await ask(GROUP, {"id": encode("groupbuy", group.id)}, by=seats[0].shopper_id)).data
    await ending.refund_due(market.db, now=later, limit=10)
    refunded = (await ask(GROUP, {"id": encode("groupbuy", group.id)}, by=seats[0].shopper_id)).data

    assert (expired["state"], expired["paid"], expired["seatsLeft"]) == ("EXPIRED", 2, 0)
    assert [one["state"] for one in expired["members"]] == ["PAID", "PAID"]
    assert [one["state"] for one in refunded["members"]] == ["REFUNDED", "REFUNDED"]
    assert refunded["mySeat"]["state"] == "REFUNDED"


async def test_a_seat_is_its_owners_alone_and_drafts_are_for_staff(ask, given):
    group = await given.group(members=1)
    [seat] = await given.seats_of(group)
    draft = await given.campaign(is_live=False)
    stranger = await given.shopper()

    async def found(prefix, id, by=None, roles=()):
        return await ask(NODE, {"id": encode(prefix, id)}, by=by, roles=roles)

    assert (await found("groupseat", seat.id, seat.shopper_id)).data["__typename"] == "GroupBuySeat"
    for by, roles in ((None, ()), (stranger, ()), (stranger, [Role.ADMIN])):
        assert (await found("groupseat", seat.id, by, roles)).data is None
    assert (await found("campaign", draft.id, stranger)).data is None
    assert (await found("groupitem", draft.items[0].id, stranger)).data is None
    assert (await found("campaign", draft.id, stranger, [Role.MERCHANDISER])).data["__typename"] == "GroupBuyCampaign"
    assert (await found("groupitem", draft.items[0].id, stranger, [Role.HOST])).data is None
    assert (await found("groupbuy", group.id)).data["__typename"] == "GroupBuy"
    assert (await found("groupbuy", new_id())).data is None


async def test_ones_orders_tell_their_groups_fetched_together(ask, given, api):
    by, campaign = await given.shopper(), await given.campaign(per_shopper=2)
    groups = [(await given.opened(campaign, by)).group for _ in range(2)]
    await given.order(await given.stocked_sku(1), shopper_id=by)
    orders = "{ orders { nodes { groupBuy { id seatsLeft } } } }"

    with count_statements(api.market.db) as sent:
        answer = (await ask(orders, by=by)).data

    assert [one["groupBuy"] for one in answer["nodes"]] == [
        None,
        *({"id": encode("groupbuy", group.id), "seatsLeft": 2} for group in reversed(groups)),
    ]
    assert len(sent) == 3, sent  # orders, seats, groups


async def test_a_page_of_groups_with_their_members_is_fetched_together(ask, given, api):
    campaign = await given.campaign(seats=4, units=90)
    for _ in range(3):
        await given.group(campaign, members=3, paid=2)
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    groups = """query ($id: ID!) { groupsOfCampaign(campaignId: $id) { nodes { id seatsLeft leader { name }
      members { name state isYou } mySeat { id } campaign { title items { unitsLeft soloPrice { minor } } } } } }"""

    with count_statements(api.market.db) as sent:
        answer = (await ask(groups, {"id": encode("campaign", campaign.id)}, **staff)).data

    assert [len(one["members"]) for one in answer["nodes"]] == [3, 3, 3]
    # groups, members with their names, leaders; the campaign, its items, and units; SKUs, their products and price tags
    assert len(sent) == 9, sent


async def test_a_list_of_products_with_its_campaigns_is_fetched_together(ask, given, api):
    for _ in range(3):
        await given.group(await given.campaign(seats=4), members=2, paid=1)
    products = """{ products(first: 10) { nodes { title groupBuyCampaigns { title items { unitsLeft groupPrice { minor }
      soloPrice { minor } struckThroughPrice { minor } } openGroups(first: 3) { nodes { leaderName } } image { url } } } } }"""

    with count_statements(api.market.db) as sent:
        answer = (await ask(products)).data

    shown = [product["groupBuyCampaigns"] for product in answer["nodes"]]
    assert [len(one["openGroups"]["nodes"]) for [one] in shown] == [1, 1, 1]
    # products; campaigns, their items and pictures; units; SKUs and their products; tags; groups and leaders' names
    assert len(sent) == 10, sent


async def test_campaigns_are_listed_and_paged(ask, given):
    first, second = await given.campaign(closes_at=given.now + timedelta(hours=2)), await given.campaign()
    query = """query ($after: String) { groupBuyCampaigns(first: 1, after: $after) { nodes { id }
      pageInfo { hasNextPage endCursor } } }"""

    page = (await ask(query)).data
    rest = (await ask(query, {"after": page["pageInfo"]["endCursor"]})).data

    assert page["nodes"] == [{"id": encode("campaign", first.id)}]
    assert rest == {
        "nodes": [{"id": encode("campaign", second.id)}],
        "pageInfo": {"hasNextPage": False, "endCursor": rest["pageInfo"]["endCursor"]},
    }
