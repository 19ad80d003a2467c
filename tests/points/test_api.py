"""Points over HTTP: what one has, what a quote makes of it, buying with it, and what staff do."""

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from tests.api.conftest import api, app, ask, post
from tests.audit import assert_clean
from tests.given import Given
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

REFUSED = "... on UserError { code message }"
RULES = "version earnedPerYuan spentPerYuan mostPercent months setAt"
MINE = f"{{ myPoints {{ points owed expiringPoints expiringAt rules {{ {RULES} }} }} }}"
MOVE = "kind cause points balance owed orderId note"
MOVES = f"{{ myPointMoves {{ nodes {{ {MOVE} }} }} }}"
OF_SHOPPER = f"query ($id: ID!) {{ pointMoves(accountId: $id) {{ nodes {{ {MOVE} }} }} }}"
ALL_RULES = f"{{ pointRules {{ nodes {{ {RULES} setBy {{ name }} }} }} }}"
SET_RULES = f"mutation ($input: SetPointRulesInput!) {{ setPointRules(input: $input) {{ {RULES} setBy {{ name }} }} }}"
ADJUST = f"""mutation ($input: AdjustPointsInput!) {{ adjustPoints(input: $input) {{ __typename {REFUSED}
  ... on PointMove {{ {MOVE} }} }} }}"""
QUOTE = """query ($input: QuoteInput!) { quote(input: $input) { total { minor } discount { minor } problems { code }
  points { used worth { minor } usable } lines { explanation { rule text amount { minor } } } } }"""
PLACE = f"""mutation ($input: PlaceOrderInput!) {{ placeOrder(input: $input) {{ __typename {REFUSED}
  ... on Order {{ id total {{ minor }} discount {{ minor }} }} }} }}"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def do(ask):
    """`await do(query, {...}, by=...)`: what the one root field answers."""

    async def do(question, variables=None, **who):
        return (await ask(question, variables or {}, **who)).data

    return do


async def basket(given, shopper_id, sku_id, **more):
    address = encode("address", await given.home_of(shopper_id))
    line = {"skuId": encode("sku", sku_id), "quantity": 1}
    return {"lines": [line], "fulfilment": {"delivery": {"addressId": address}}, **more}


async def test_quoted_spent_and_told(do, given, market):
    me, sku_id = await given.shopper_with_points(1000), await given.sku(price_minor=1500)
    wish = await basket(given, me, sku_id, points=1000)

    quote = await do(QUOTE, {"input": wish}, by=me)
    ordering = {**wish, "expectedTotal": quote["total"]["minor"], "idempotencyKey": f"order-{new_id()}"}
    order = await do(PLACE, {"input": ordering}, by=me)

    assert quote["points"] == {"used": 750, "worth": {"minor": 750}, "usable": 750}
    assert (quote["total"], quote["discount"], quote["problems"]) == ({"minor": 750}, {"minor": 750}, [])
    assert quote["lines"][0]["explanation"][-1] == {
        "rule": "POINTS",
        "text": "750 积分抵扣 ¥7.50",
        "amount": {"minor": -750},
    }
    assert (order["total"]["minor"], order["discount"]["minor"]) == (750, 750)
    spent, received = (await do(MOVES, by=me))["nodes"]
    assert spent == {
        "kind": "SPENT",
        "cause": "ORDER",
        "points": -750,
        "balance": 250,
        "owed": 0,
        "orderId": order["id"],
        "note": "",
    }
    assert (received["kind"], received["cause"], received["points"]) == ("GIVEN", "STAFF", 1000)
    await assert_clean(market, in_flight=True)


async def test_a_quote_tells_how_many_could_be_used(do, given):
    me, sku_id = await given.shopper_with_points(1000), await given.sku(price_minor=6000)
    wish = await basket(given, me, sku_id)

    unspent = await do(QUOTE, {"input": wish}, by=me)
    spent = await do(QUOTE, {"input": {**wish, "points": 300}}, by=me)
    poor = await given.shopper()
    none = await do(QUOTE, {"input": await basket(given, poor, sku_id, points=300)}, by=poor)

    assert unspent["points"] == {"used": 0, "worth": {"minor": 0}, "usable": 1000}
    assert spent["points"] == {"used": 300, "worth": {"minor": 300}, "usable": 1000}
    assert none["points"] == {"used": 0, "worth": {"minor": 0}, "usable": 0}
    assert none["total"]["minor"] == 6000


@pytest.mark.parametrize("points", [-1, 10**9 + 1])
async def test_points_that_cannot_be_are_refused(ask, given, points):
    me, sku_id = await given.shopper_with_points(1000), await given.sku()

    answer = await ask(QUOTE, {"input": await basket(given, me, sku_id, points=points)}, by=me)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert f"points is {points}; allowed: 0 to 1000000000" in answer.json["errors"][0]["message"]


async def test_what_one_has_and_by_which_rules(do, given):
    me = await given.shopper_with_points(1000)

    mine, nothing = await do(MINE, by=me), await do(MINE, by=await given.shopper())

    assert (mine["points"], mine["owed"], mine["expiringPoints"]) == (1000, 0, 1000)
    assert mine["expiringAt"].endswith("T16:00:00+00:00")
    assert mine["rules"] == {
        "version": 0,
        "earnedPerYuan": 1,
        "spentPerYuan": 100,
        "mostPercent": 50,
        "months": 12,
        "setAt": None,
    }
    assert (nothing["points"], nothing["owed"], nothing["expiringAt"]) == (0, 0, None)


async def test_staff_set_rules_and_adjust(do, given, market):
    me = await given.shopper()
    staff = {"by": await given.shopper("阿岚"), "roles": [Role.MERCHANDISER]}
    terms = {"earnedPerYuan": 2, "spentPerYuan": 50, "mostPercent": 30, "months": 6}
    wish = {"accountId": encode("account", me), "points": 100, "reason": "补发", "idempotencyKey": "adjust-key-1"}

    made = await do(SET_RULES, {"input": terms}, **staff)
    moves = [await do(ADJUST, {"input": wish}, **staff) for _ in range(2)]
    own = await do(ADJUST, {"input": {**wish, "accountId": encode("account", staff["by"])}}, **staff)

    assert {name: made[name] for name in terms} == terms
    assert (made["version"], made["setBy"]) == (1, {"name": "阿岚"})
    assert [found["version"] for found in (await do(ALL_RULES, **staff))["nodes"]] == [1, 0]
    assert (
        moves[0]
        == moves[1]
        == {
            "__typename": "PointMove",
            "kind": "GIVEN",
            "cause": "STAFF",
            "points": 100,
            "balance": 100,
            "owed": 0,
            "orderId": None,
            "note": "补发",
        }
    )
    assert own == {
        "__typename": "NotYourOwnPoints",
        "code": "NOT_YOUR_OWN_POINTS",
        "message": "不能调整自己的积分，请由其他员工处理",
    }
    told = (await do(OF_SHOPPER, {"id": encode("account", me)}, **staff))["nodes"]
    assert told == (await do(MOVES, by=me))["nodes"]
    assert len(told) == 1
    await assert_clean(market)


async def test_shoppers_do_not_read_who_set_the_rules(ask, given):
    answer = await ask("{ myPoints { rules { setBy { name } } } }", {}, by=await given.shopper())

    assert answer.codes == ["FORBIDDEN"]


async def test_what_one_has_costs_two_statements_and_a_history_one(do, given, api):
    me = await given.shopper_with_points(1000)

    for question, statements in ((MINE, 2), (MOVES, 1)):
        await do(question, by=me)
        with count_statements(api.market.db) as sent:
            await do(question, by=me)
        assert len(sent) == statements, "\n".join(sent)
