"""Doors and segments over HTTP: what merchandisers set, and what shoppers see of it."""

import csv
import io
from datetime import datetime, timedelta

import pytest

from domain.accounts.rules import Role
from domain.audiences.rules import Door, Doors
from domain.audiences.segment_rules import SegmentRule
from domain.flash_sales import actions
from domain.foundation import clock
from domain.foundation.ids import decode, encode, new_id
from domain.group_buys import actions as group_buys
from domain.trail import queries as trail
from tests.api.conftest import call
from tests.given import Given
from tests.given.audiences import MEMBERS, MEMBERS_ONLY, SUPER_USERS, SUPER_USERS_EARLY
from tests.statements import count_statements

STAFF = {"by": new_id(), "roles": [Role.MERCHANDISER]}
TEN = timedelta(minutes=10)
DOORS = "doors { crowd { kind planName rank tier segmentId } minutesEarly opensAt } letsOthersIn opensForMeAt"
SET = f"""mutation ($input: SetSaleDoorsInput!) {{ setSaleDoors(input: $input) {{ __typename
  ... on FlashSale {{ id {DOORS} }} ... on GroupBuyCampaign {{ id {DOORS} }} ... on UserError {{ code message }} }} }}"""
SALE = f"query ($id: ID!) {{ flashSale(id: $id) {{ opensAt {DOORS} }} }}"
PASS = """mutation ($input: RequestFlashSalePassInput!) { requestFlashSalePass(input: $input) { __typename
  ... on FlashSaleNotOpen { opensAt } ... on UserError { code message } } }"""
OPEN = """mutation ($input: OpenGroupBuyInput!) { openGroupBuy(input: $input) { __typename
  ... on UserError { code message } } }"""
SET_SEGMENT = """mutation ($input: SetSegmentInput!) { setSegment(input: $input) { __typename
  ... on AudienceSegment { id name version members refreshedAt refreshMinutes refresh { version lookedAt found }
    rule { ordersAtLeast tierAtLeast rfm } }
  ... on UserError { code message } } }"""
NAME = """mutation ($input: SegmentPeopleInput!) { nameInSegment(input: $input) {
  ... on AudienceSegment { members people { nodes { accountId name } } } ... on UserError { code } } }"""
SEGMENTS = "{ segments { nodes { name members version refreshedAt people { nodes { accountId name } } } } }"
EXPORT = "query ($id: ID!) { exportSegmentMembers(segmentId: $id) { url lines } }"


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


def parsed(text):
    return datetime.fromisoformat(text)


async def test_a_merchandiser_sets_doors_and_each_shopper_sees_their_own_moment(ask, given):
    plan = await given.plan()
    member, [super_user], stranger = (
        await given.member(plan=plan),
        await given.known_super_users(1),
        await given.shopper(),
    )
    opens_at = given.now + timedelta(minutes=30)
    sale = await given.flash_sale(opens_at=opens_at, warm=False)
    sale_id = encode("flashsale", sale.sale.id)
    doors = [
        {"crowd": {"kind": "SUPER_USERS"}, "minutesEarly": 10},
        {"crowd": {"kind": "PLAN", "planId": encode("plan", plan.id)}, "minutesEarly": 5},
    ]

    draft = (await ask(SET, {"input": {"saleId": sale_id, "doors": doors}}, **STAFF)).data
    await actions.schedule(given.db, sale_id=sale.sale.id, by=new_id(), now=given.now)

    async def mine(by):
        return parsed((await ask(SALE, {"id": sale_id}, by=by)).data["opensForMeAt"])

    assert draft["__typename"] == "FlashSale"
    assert [(d["crowd"]["kind"], d["crowd"]["planName"], d["minutesEarly"]) for d in draft["doors"]] == [
        ("SUPER_USERS", None, 10),
        ("PLAN", "年卡", 5),
    ]
    assert parsed(draft["doors"][0]["opensAt"]) == opens_at - TEN
    assert await mine(super_user) == opens_at - TEN
    assert await mine(member) == opens_at - TEN / 2
    assert await mine(stranger) == await mine(None) == opens_at


async def test_members_only_is_null_for_whoever_is_none(ask, given):
    member, stranger = await given.member(), await given.shopper()
    sale = await given.sale_with_doors(MEMBERS_ONLY, opens_at=given.now - timedelta(minutes=1))
    sale_id, wish = encode("flashsale", sale.sale.id), {"itemId": encode("saleitem", sale.item.id)}

    seen = {by: (await ask(SALE, {"id": sale_id}, by=by)).data for by in (member, stranger, None)}
    answered = {by: (await ask(PASS, {"input": wish}, by=by)).data for by in (member, stranger)}

    assert parsed(seen[member]["opensForMeAt"]) == sale.sale.opens_at
    assert [seen[by]["opensForMeAt"] for by in (stranger, None)] == [None, None]
    assert not seen[stranger]["letsOthersIn"]
    assert answered[member]["__typename"] == "FlashSalePass"
    assert answered[stranger] == {
        "__typename": "FlashSaleNotForYou",
        "code": "FLASH_SALE_NOT_FOR_YOU",
        "message": "该抢购仅限指定人群参与",
    }


async def test_whoever_is_too_early_is_told_their_own_moment(ask, given):
    [super_user], stranger = await given.known_super_users(1), await given.shopper()
    opens_at = given.now + 2 * TEN
    sale = await given.sale_with_doors(SUPER_USERS_EARLY, opens_at=opens_at)
    wish = {"input": {"itemId": encode("saleitem", sale.item.id)}}

    answers = {by: (await ask(PASS, wish, by=by)).data for by in (super_user, stranger)}

    assert {answer["code"] for answer in answers.values()} == {"FLASH_SALE_NOT_OPEN"}
    assert parsed(answers[super_user]["opensAt"]) == opens_at - TEN
    assert parsed(answers[stranger]["opensAt"]) == opens_at


async def test_the_moments_of_a_list_of_sales_are_asked_for_together(ask, given, api):
    member = await given.member()
    both = Doors((Door(MEMBERS, 5), Door(SUPER_USERS, 10)), lets_others_in=True)
    for doors in (MEMBERS_ONLY, SUPER_USERS_EARLY, both):
        await given.sale_with_doors(doors, opens_at=given.now + 3 * TEN)
    query = "{ flashSales { nodes { opensForMeAt doors { crowd { kind } } } } }"

    with count_statements(api.market.db) as sent:
        sales = (await ask(query, by=member)).data["nodes"]

    assert len(sales) == 3
    assert len(sent) == 5  # sales, items, units left; members, super users


async def test_a_group_buy_says_who_may_take_part(ask, given):
    member, stranger = await given.member(), await given.shopper()
    draft = await given.campaign(is_live=False)
    campaign_id = encode("campaign", draft.id)
    only_members = {"saleId": campaign_id, "doors": [{"crowd": {"kind": "MEMBERS"}}], "letsOthersIn": False}

    shown = (await ask(SET, {"input": only_members}, **STAFF)).data
    await group_buys.publish(given.db, campaign_id=draft.id, by=new_id(), now=given.now)
    wish = {"campaignId": campaign_id, "itemId": encode("groupitem", draft.items[0].id), "idempotencyKey": "open-0001"}
    answers = [(await ask(OPEN, {"input": wish}, by=by)).data for by in (member, stranger)]

    assert (shown["__typename"], shown["letsOthersIn"], len(shown["doors"])) == ("GroupBuyCampaign", False, 1)
    assert answers == [
        {"__typename": "GroupBuySeat"},
        {
            "__typename": "GroupBuyNotForYou",
            "code": "GROUP_BUY_NOT_FOR_YOU",
            "message": "该拼团仅限指定人群参与",
        },
    ]


async def test_doors_that_cannot_be_set_are_refused(ask, given):
    warm = await given.flash_sale()
    draft = await given.flash_sale(opens_at=given.now + TEN, warm=False)
    early = [{"crowd": {"kind": "SUPER_USERS"}, "minutesEarly": 5}]

    async def answer(sale, **wish):
        wish = {"saleId": encode("flashsale", sale.sale.id), "doors": early} | wish
        found = await ask(SET, {"input": wish}, **STAFF)
        return found.codes[0] if "errors" in found.json else found.data["code"]

    assert await answer(warm) == "SALE_DOORS_FIXED"
    assert await answer(draft, saleId=encode("flashsale", new_id())) == "NOT_FOUND"
    assert await answer(draft, doors=[], letsOthersIn=False) == "BAD_USER_INPUT"
    assert await answer(draft, doors=[{"crowd": {"kind": "LEVEL"}, "minutesEarly": 5}]) == "BAD_USER_INPUT"
    assert (await given.reread(draft.sale.id)).sale.doors is None


async def test_a_segment_is_previewed_set_refreshed_and_lets_people_in(ask, given):
    people = await given.shoppers(3)
    rule = {"ordersAtMost": 0}
    preview = "query ($rule: SegmentRuleInput!) { previewSegment(rule: $rule) }"

    count = (await ask(preview, {"rule": rule}, **STAFF)).data
    wish = {"name": "未下单", "rule": rule, "refreshMinutes": 60, "idempotencyKey": "segment-1"}
    made = (await ask(SET_SEGMENT, {"input": wish}, **STAFF)).data
    again = (await ask(SET_SEGMENT, {"input": wish}, **STAFF)).data
    taken = (await ask(SET_SEGMENT, {"input": wish | {"idempotencyKey": "segment-2"}}, **STAFF)).data
    await given.refreshed_segment(decode("segment", made["id"]))
    [shown] = (await ask(SEGMENTS, **STAFF)).data["nodes"]

    assert count == 3
    assert (made["version"], made["members"], made["refresh"]) == (1, 0, {"version": 1, "lookedAt": 0, "found": 0})
    assert again["id"] == made["id"]
    assert (taken["code"], taken["message"]) == ("SEGMENT_NAME_TAKEN", "已有名为“未下单”的分群")
    assert (shown["name"], shown["members"]) == ("未下单", 3)
    assert [one["accountId"] for one in shown["people"]["nodes"]] == [encode("account", id) for id in sorted(people)]


async def test_a_list_is_named_and_fetched_as_csv_by_merchandisers_only(ask, app, given):
    first, second = await given.shopper("甲"), await given.shopper("乙")
    listed = await given.listed([first])
    segment_id = encode("segment", listed.id)

    named = (await ask(NAME, {"input": {"segmentId": segment_id, "people": encode("account", second)}}, **STAFF)).data
    link = (await ask(EXPORT, {"id": segment_id}, **STAFF)).data
    finance = await ask(EXPORT, {"id": segment_id}, by=new_id(), roles=[Role.FINANCE])
    token = given.token(STAFF["by"], Role.MERCHANDISER, now=clock.now())
    path = "/" + link["url"].partition("//")[2].partition("/")[2]
    file = await call(app, "GET", path, headers={"authorization": f"Bearer {token}"})

    heading, *rows = csv.reader(io.StringIO(file.body.decode("utf-8-sig")))
    assert named["members"] == 2
    assert {one["name"] for one in named["people"]["nodes"]} == {"甲", "乙"}
    assert finance.codes == ["FORBIDDEN"]
    assert (link["lines"], heading[0]) == (2, "账户 account")
    assert [(row[0], row[1], row[3]) for row in rows] == [
        (encode("account", id), name, "0") for id, name in sorted([(first, "甲"), (second, "乙")])
    ]
    [deed] = (await trail.page(given.db, first=9, deed="fetch_export")).rows
    assert deed.facts == {"file": "segment-members", "narrowed_by": {"segment_id": str(listed.id)}}


async def test_shoppers_see_nothing_of_segments(ask, given):
    shopper_id = await given.shopper()
    segment = await given.segment(SegmentRule(orders_at_most=0))
    id = encode("segment", segment.id)

    refused = [await ask(SEGMENTS, by=shopper_id), await ask(EXPORT, {"id": id}, by=shopper_id)]
    node = (await ask("query ($id: ID!) { node(id: $id) { id } }", {"id": id}, by=shopper_id)).data

    assert [answer.codes for answer in refused] == [["FORBIDDEN"], ["FORBIDDEN"]]
    assert node is None
