"""Running group-buys over HTTP: from a draft to its groups, by merchandisers alone."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from domain.group_buys import ending, store
from domain.group_buys.rules import Course, EventKind, GroupState, OpenerBenefit
from domain.orders import refunding
from tests.api.conftest import api, app, ask, post
from tests.audit import assert_clean
from tests.given import Given

__all__ = ["api", "app", "ask", "post"]

SHOWN = """__typename ... on GroupBuyCampaign { id title state isOpen seats perShopper newcomersOnly openerBenefit
  openerDiscount { minor } items { units unitsLeft groupPrice { minor } } } ... on UserError { code }"""
CREATE = (
    f"""mutation ($input: CreateGroupBuyCampaignInput!) {{ createGroupBuyCampaign(input: $input) {{ {SHOWN} }} }}"""
)
PUBLISH = f"""mutation ($id: ID!) {{ publishGroupBuyCampaign(id: $id) {{ {SHOWN} }} }}"""
STOP = f"""mutation ($id: ID!) {{ stopGroupBuyCampaign(id: $id) {{ {SHOWN} }} }}"""
COMPLETE = """mutation ($input: CompleteGroupBuyInput!) { completeGroupBuy(input: $input) { __typename
  ... on GroupBuy { state isCompletedByMerchant paid taken seats members { number } } ... on UserError { code } } }"""
ALL = "{ allGroupBuyCampaigns { nodes { id state } } }"
GROUPS = """query ($id: ID!, $state: GroupBuyState) { groupsOfCampaign(campaignId: $id, state: $state) { nodes {
  id state paid refunds { pending failing done } } } }"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
async def staff(given):
    """A merchandiser."""
    return {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}


async def draft(given, **more):
    sku_id = await given.stocked_sku(10)
    return {
        "title": "邻里拼",
        "opensAt": given.now.isoformat(),
        "closesAt": (given.now + timedelta(days=3)).isoformat(),
        "seats": 3,
        "fillSeconds": 86_400,
        "items": [{"skuId": encode("sku", sku_id), "groupPriceMinor": 990, "units": 8}],
        "idempotencyKey": "campaign-0001",
        **more,
    }


def completing(group, key="complete-0001", reason="差一人，回馈老客"):
    return {"input": {"groupBuyId": encode("groupbuy", group.id), "reason": reason, "idempotencyKey": key}}


async def test_a_merchandiser_runs_a_campaign_from_draft_to_stop(ask, given, staff, market):
    wish = await draft(given, openerBenefit="DISCOUNT", openerDiscountMinor=100, perShopper=2, newcomersOnly=True)

    created = [(await ask(CREATE, {"input": wish}, **staff)).data for _ in range(2)]
    named = {"id": created[0]["id"]}
    hidden = (await ask("query ($id: ID!) { groupBuyCampaign(id: $id) { id } }", named)).data
    too_early = (await ask(STOP, named, **staff)).data
    live = (await ask(PUBLISH, named, **staff)).data
    again = (await ask(PUBLISH, named, **staff)).data
    listed = (await ask("{ groupBuyCampaigns { nodes { id } } }")).data["nodes"]
    stopped = (await ask(STOP, named, **staff)).data
    everything = (await ask(ALL, **staff)).data["nodes"]

    assert created[0] == created[1]
    assert created[0] == {
        "__typename": "GroupBuyCampaign",
        **named,
        "title": "邻里拼",
        "state": "DRAFT",
        "isOpen": False,
        "seats": 3,
        "perShopper": 2,
        "newcomersOnly": True,
        "openerBenefit": "DISCOUNT",
        "openerDiscount": {"minor": 100},
        "items": [{"units": 8, "unitsLeft": 8, "groupPrice": {"minor": 990}}],
    }
    assert hidden is None
    assert too_early == {"__typename": "WrongCampaignState", "code": "WRONG_CAMPAIGN_STATE"}
    assert (live["state"], live["isOpen"]) == ("LIVE", True)
    assert live == again
    assert listed == [named]
    assert (stopped["state"], stopped["isOpen"]) == ("STOPPED", False)
    assert everything == [{**named, "state": "STOPPED"}]
    await assert_clean(market)


async def test_a_campaign_that_cannot_be_is_refused(ask, given, staff):
    wish = await draft(given)
    other = await given.stocked_sku(5)
    two_products = [*wish["items"], {"skuId": encode("sku", other), "groupPriceMinor": 990, "units": 5}]
    unknown = [{"skuId": encode("sku", new_id()), "groupPriceMinor": 990, "units": 5}]

    async def told(**more):
        answer = await ask(CREATE, {"input": wish | {"idempotencyKey": f"draft-{new_id()}"} | more}, **staff)
        return answer.codes[0] if "errors" in answer.json else answer.data["code"]

    assert {
        "two products": await told(items=two_products),
        "no such SKU": await told(items=unknown),
        "one seat": await told(seats=1),
        "too long to fill": await told(fillSeconds=604_801),
        "a discount without its benefit": await told(openerDiscountMinor=1),
        "units beyond counting": await told(items=[{**wish["items"][0], "units": 10**15}]),
        "a price of nothing": await told(items=[{**wish["items"][0], "groupPriceMinor": 0}]),
    } == {
        "two products": "NOT_ONE_PRODUCT",
        "no such SKU": "NOT_FOUND",
        "one seat": "BAD_USER_INPUT",
        "too long to fill": "BAD_USER_INPUT",
        "a discount without its benefit": "BAD_USER_INPUT",
        "units beyond counting": "BAD_USER_INPUT",
        "a price of nothing": "BAD_USER_INPUT",
    }
    assert (await ask(ALL, **staff)).data["nodes"] == []


async def test_more_units_than_stock_cannot_be_published(ask, given, staff):
    wish = await draft(given)
    wish["items"][0]["units"] = 11
    named = {"id": (await ask(CREATE, {"input": wish}, **staff)).data["id"]}

    refused = (await ask(PUBLISH, named, **staff)).data

    assert refused == {"__typename": "NotEnoughStock", "code": "NOT_ENOUGH_STOCK"}
    assert (await ask(ALL, **staff)).data["nodes"] == [{**named, "state": "DRAFT"}]


async def test_a_merchandiser_completes_a_group_that_is_shown_as_such_and_has_real_members_only(ask, given, staff):
    group = await given.group(members=3, paid=2, seats=5)
    unpaid = await given.group(members=1, paid=0)

    completed = (await ask(COMPLETE, completing(group), **staff)).data
    again = (await ask(COMPLETE, completing(group), **staff)).data
    over = (await ask(COMPLETE, completing(group, key="complete-0002"), **staff)).data
    nobody = (await ask(COMPLETE, completing(unpaid), **staff)).data
    no_group = (await ask(COMPLETE, completing(group) | missing(), **staff)).data
    no_reason = await ask(COMPLETE, completing(unpaid, reason=" "), **staff)

    assert completed == again
    assert completed == {
        "__typename": "GroupBuy",
        "state": "FILLED",
        "isCompletedByMerchant": True,
        "paid": 2,
        "taken": 3,
        "seats": 5,
        "members": [{"number": 1}, {"number": 2}, {"number": 3}],
    }
    assert (over["code"], nobody["code"], no_group["code"]) == ("GROUP_BUY_OVER", "IDEMPOTENCY_CONFLICT", "NOT_FOUND")
    assert no_reason.codes == ["BAD_USER_INPUT"]


def missing():
    return {"input": {"groupBuyId": encode("groupbuy", new_id()), "reason": "无", "idempotencyKey": "complete-0003"}}


async def test_a_group_in_which_nobody_has_paid_has_nothing_to_complete(ask, given, staff):
    group = await given.group(members=1, paid=0)

    refused = (await ask(COMPLETE, completing(group), **staff)).data

    assert refused == {"__typename": "NobodyHasPaid", "code": "NOBODY_HAS_PAID"}
    assert await given.group_again(group.id) == group


async def test_a_merchandiser_leaves_a_group_of_their_own_to_somebody_else(ask, given, staff):
    campaign = await given.campaign(opener_benefit=OpenerBenefit.FREE)
    opened = await given.opened(campaign, staff["by"])
    await given.pay_seat(opened.seat)

    refused = (await ask(COMPLETE, completing(opened.group), **staff)).data

    assert refused == {"__typename": "NotYourOwnOrder", "code": "NOT_YOUR_OWN_ORDER"}


async def test_the_groups_of_a_campaign_show_refunds_that_wait_fail_and_are_done(
    ask, given, staff, market, monkeypatch
):
    campaign = await given.campaign(seats=4)
    group = await given.group(campaign, members=3, paid=3)
    open_group = await given.group(campaign, members=1, paid=1)
    named = {"id": encode("campaign", campaign.id)}
    later = given.now + timedelta(hours=2)
    give_back = refunding.give_back

    async with market.db.transaction() as tx:
        await store.write(tx, _ended_early(group, given.now))
        await store.ask_refunds(tx, group.id, now=given.now)
    seats = await given.seats_of(group)

    async def failing(tx, order, *rest, **more):
        if order.id == seats[1].order_id:
            raise RuntimeError("the gateway says no")
        return await give_back(tx, order, *rest, **more)

    monkeypatch.setattr(refunding, "give_back", failing)
    await ending.refund_due(market.db, now=later, limit=2)
    shown = (await ask(GROUPS, named, **staff)).data["nodes"]
    expired = (await ask(GROUPS, named | {"state": "EXPIRED"}, **staff)).data["nodes"]

    assert shown == [
        {
            "id": encode("groupbuy", open_group.id),
            "state": "OPEN",
            "paid": 1,
            "refunds": {"pending": 0, "failing": 0, "done": 0},
        },
        {
            "id": encode("groupbuy", group.id),
            "state": "EXPIRED",
            "paid": 3,
            "refunds": {"pending": 2, "failing": 1, "done": 1},
        },
    ]
    assert expired == shown[1:]


def _ended_early(group, now):
    course = Course(group, now=now)
    course.end(EventKind.EXPIRED, GroupState.EXPIRED)
    return course


@pytest.mark.parametrize("roles", [[], [Role.LEADER], [Role.HOST], [Role.FINANCE]])
async def test_only_merchandisers_run_group_buys(ask, given, roles):
    somebody, group = await given.shopper(), await given.group(members=1, paid=1)
    by = {"by": somebody, "roles": roles}
    named = {"id": encode("campaign", group.campaign_id)}

    answers = [
        await ask(CREATE, {"input": await draft(given)}, **by),
        await ask(PUBLISH, named, **by),
        await ask(STOP, named, **by),
        await ask(COMPLETE, completing(group), **by),
        await ask(ALL, **by),
        await ask(GROUPS, named, **by),
    ]
    refunds = await ask(
        "query ($id: ID!) { groupBuy(id: $id) { refunds { pending } } }", {"id": encode("groupbuy", group.id)}, **by
    )

    assert [answer.codes for answer in [*answers, refunds]] == [["FORBIDDEN"]] * 7
    assert await given.group_again(group.id) == group
