"""Customers and members in figures, as those who run the shop see them."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.customers import refreshing
from domain.foundation import clock
from domain.foundation.clock import shop_day
from domain.foundation.ids import encode
from domain.insights import member_days
from tests.given.customers import Bought

DAY = timedelta(days=1)
FIGURES = """query($id: ID!) { customerFigures(accountId: $id) { accountId orders purchases recencyDays spend { minor }
    margin { minor } costedShare referredBy segment value { value { minor } orders marginPerOrder { minor } referralIndex } } }"""
VALUE = """query($after: String) { customerValue(first: 1, after: $after) {
    nodes { accountId refreshedAt } pageInfo { hasNextPage endCursor } } }"""
LADDER = """query($from: Date!, $to: Date!, $within: Int) {
    repurchaseLadder(cohortFrom: $from, cohortTo: $to, withinDays: $within) {
    refreshedAt cohorts { month customers steps { step had cameAgain rate } } } }"""
SEGMENTS = (
    "{ rfmSegments { day customers segments { segment customers share } cuts { lastDay purchases spendMinor } } }"
)
PARETO = "{ paretoByMargin { customers carriers carriersShare margin { minor } curve { customers margin { minor } } } }"
GROWTH = (
    "query($from: Date!, $to: Date!) { customerGrowth(from: $from, to: $to) { day customers orders spend { amount } } }"
)
MEMBERS = """query($from: Date!, $to: Date!) { membershipFigures(from: $from, to: $to) {
    days members people penetration otherSpend { minor } revenuePerOther { minor } revenuePerMember { minor } spendMultiple
    refreshedAt } }"""
RULES = "{ valueRules { version windowDays referralPermille mostReferred } }"
SET_RULES = """mutation($input: SetValueRulesInput!) { setValueRules(input: $input) { version windowDays } }"""
SET_COST = """mutation($input: SetSkuCostInput!) { setSkuCost(input: $input) {
    __typename ... on Sku { costPrice { minor } } ... on UserError { code } } }"""


@pytest.fixture
async def two(given):
    """One who came back after ten days, through somebody's link at first, and one who has not."""
    given.now = clock.now()
    again, once = await given.shoppers(2)
    link = await given.link(once)
    await given.history(
        [
            Bought(again, given.now - 10 * DAY, 1_000, cost_minor=400, by=link),
            Bought(again, given.now, 500),
            Bought(once, given.now, 2_000, cost_minor=500),
        ]
    )
    await given.customers_rebuilt()
    await member_days.keep(given.db, now=given.now)
    return again, once


def days(given, back=20):
    today = shop_day(given.now)
    return {"from": (today - back * DAY).isoformat(), "to": (today + DAY).isoformat()}


async def test_staff_see_what_each_customer_is_worth(given, ask, two):
    again, once = two
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}

    found = (await ask(FIGURES, {"id": encode("account", again)}, **staff)).data
    nobody = (await ask(FIGURES, {"id": encode("account", await given.shopper())}, **staff)).data
    best = (await ask(VALUE, {}, **staff)).data
    next_best = (await ask(VALUE, {"after": best["pageInfo"]["endCursor"]}, **staff)).data

    assert nobody is None
    assert found == {
        "accountId": encode("account", again), "orders": 2, "purchases": 2, "recencyDays": 0, "spend": {"minor": 1_500},
        "margin": {"minor": 600}, "costedShare": pytest.approx(2 / 3), "referredBy": encode("account", once),
        "segment": "HIBERNATING",
        "value": {"value": {"minor": 600}, "orders": 2, "marginPerOrder": {"minor": 300}, "referralIndex": 1.0},
    }  # fmt: skip
    assert [one["accountId"] for one in (*best["nodes"], *next_best["nodes"])] == [
        encode("account", once),
        encode("account", again),
    ]
    assert (best["pageInfo"]["hasNextPage"], next_best["pageInfo"]["hasNextPage"]) == (True, False)


async def test_staff_see_all_customers_together(given, ask, two):
    staff = {"by": await given.shopper(), "roles": [Role.FINANCE]}
    today = shop_day(given.now).isoformat()
    months = {"from": (shop_day(given.now) - 40 * DAY).isoformat(), "to": today}

    ladder = (await ask(LADDER, months, **staff)).data
    early = (await ask(LADDER, {**months, "within": 9}, **staff)).data
    segments = (await ask(SEGMENTS, **staff)).data
    pareto = (await ask(PARETO, **staff)).data
    growth = (await ask(GROWTH, days(given), **staff)).data

    def firsts(answer):
        steps = [cohort["steps"][0] for cohort in answer["cohorts"]]
        return sum(step["had"] for step in steps), sum(step["cameAgain"] for step in steps)

    assert (firsts(ladder), firsts(early)) == ((2, 1), (2, 0)) and ladder["refreshedAt"]
    assert (segments["day"], segments["customers"]) == (today, 2)
    assert sum(one["customers"] for one in segments["segments"]) == 2 and len(segments["segments"]) == 8
    assert (pareto["carriers"], pareto["margin"]["minor"], pareto["curve"][-1]) == (
        2, 2_100, {"customers": 2, "margin": {"minor": 2_100}},
    )  # fmt: skip
    assert growth == [{"day": today, "customers": 2, "orders": 3, "spend": {"amount": "35.00"}}]


async def test_staff_see_what_members_bring(given, ask, two):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}

    found = (await ask(MEMBERS, days(given, back=0), **staff)).data

    assert found.pop("refreshedAt")
    assert found == {
        "days": 1, "members": 0, "people": 2, "penetration": 0.0, "otherSpend": {"minor": 2_500},
        "revenuePerOther": {"minor": 1_250}, "revenuePerMember": None, "spendMultiple": None,
    }  # fmt: skip
    assert (await ask(MEMBERS, days(given, back=366), **staff)).codes == ["BAD_USER_INPUT"]


async def test_merchandisers_say_what_value_means_and_what_goods_cost(given, ask, two):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    sku = encode("sku", await given.sku())
    half_a_year = {"windowDays": 180, "referralPermille": 200, "mostReferred": 5}

    assert (await ask(SET_RULES, {"input": half_a_year}, **staff)).data == {"version": 1, "windowDays": 180}
    assert (await ask(RULES, **staff)).data == {"version": 1, **half_a_year}
    assert (await ask(SET_RULES, {"input": {**half_a_year, "windowDays": 1}}, **staff)).codes == ["BAD_USER_INPUT"]
    assert await refreshing.refresh(given.db, now=given.now) == 2

    cost = {"skuId": sku, "costMinor": 700}
    assert (await ask(SET_COST, {"input": cost}, **staff)).data == {"__typename": "Sku", "costPrice": {"minor": 700}}
    assert (await ask(SET_COST, {"input": {**cost, "costMinor": -1}}, **staff)).codes == ["BAD_USER_INPUT"]


async def test_shoppers_see_none_of_it(given, ask, two):
    shopper_id, _ = two

    for question in (SEGMENTS, PARETO, RULES, VALUE):
        assert (await ask(question, by=shopper_id)).codes == ["FORBIDDEN"]
