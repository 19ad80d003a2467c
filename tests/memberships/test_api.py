"""Memberships over HTTP: a plan is made, bought, given, activated, upgraded and given back."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.ids import decode, encode, new_id
from tests.api.conftest import api, app, ask, call, post
from tests.given import Given
from tests.memberships.books import assert_books
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

REFUSED = "... on UserError { code message }"
PLAN = "id name kind price { amount } months days rank isRenewable stoppedAt benefits { kind percent }"
CREATE = f"""mutation ($input: CreateMembershipPlanInput!) {{ createMembershipPlan(input: $input) {{ __typename {REFUSED}
  ... on MembershipPlan {{ {PLAN} }} }} }}"""
STOP = f"mutation ($id: ID!) {{ stopMembershipPlan(id: $id) {{ ... on MembershipPlan {{ id stoppedAt }} {REFUSED} }} }}"
ON_SALE = f"{{ membershipPlans {{ nodes {{ {PLAN} }} }} }}"
EVERY = "{ allMembershipPlans { nodes { id } } }"
PURCHASE = "id cause state due { minor } credit { minor } payBy giftCode giftUsedAt payment { state } plan { name }"
BUY = f"""mutation ($input: BuyMembershipInput!) {{ buyMembership(input: $input) {{ __typename {REFUSED}
  ... on MembershipPurchase {{ {PURCHASE} }} ... on MembershipRunning {{ planId endsAt }} }} }}"""
GIVE = f"""mutation ($input: BuyMembershipInput!) {{ giftMembership(input: $input) {{ __typename {REFUSED}
  ... on MembershipPurchase {{ {PURCHASE} }} }} }}"""
GIFTS = f"{{ myMembershipGifts {{ nodes {{ {PURCHASE} }} }} }}"
PAY = f"mutation ($input: PayMembershipInput!) {{ payMembership(input: $input) {{ __typename {REFUSED} }} }}"
ACTIVATE = f"""mutation ($input: ActivateMembershipInput!) {{ activateMembership(input: $input) {{ __typename {REFUSED}
  ... on Membership {{ id }} }} }}"""
MINE = """{ myMembership { id accountId isRunning endsAt graceUntil plan { name }
  terms { number firstDay lastDay days paid { minor } refundable { minor } } } }"""
PREVIEW = f"""query ($planId: ID!) {{ previewMembershipUpgrade(planId: $planId) {{ __typename {REFUSED}
  ... on MembershipUpgradePreview {{ daysLeft credit {{ minor }} due {{ minor }} plan {{ name }} }} }} }}"""
UPGRADE = f"""mutation ($input: UpgradeMembershipInput!) {{ upgradeMembership(input: $input) {{ __typename {REFUSED}
  ... on MembershipPurchase {{ {PURCHASE} }} ... on MembershipAmountChanged {{ amount {{ minor }} }} }} }}"""
LOOK = f"""{{ previewMembershipRefund {{ __typename {REFUSED}
  ... on MembershipRefundPreview {{ daysLeft unused {{ minor }} usedBenefits {{ minor }} amount {{ minor }} }} }} }}"""
REFUND = f"""mutation ($input: RefundMembershipInput!) {{ refundMembership(input: $input) {{ __typename {REFUSED}
  ... on Membership {{ isRunning endReason }} }} }}"""
REFUND_GIFT = f"""mutation ($input: RefundMembershipGiftInput!) {{ refundMembershipGift(input: $input) {{ __typename {REFUSED}
  ... on MembershipPurchase {{ refunded {{ minor }} giftCode }} }} }}"""
MAKE = f"""mutation ($input: MakeActivationCodesInput!) {{ makeActivationCodes(input: $input) {{ __typename {REFUSED}
  ... on ActivationCodeBatch {{ id pieces used title }} }} }}"""
EXPORT = "query ($id: ID!) { exportActivationCodes(batchId: $id) { url lines } }"
CARDS = "{ memberships { nodes { id plan { name } terms { number } } } }"


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


def keyed(**values):
    return {"input": {**values, "idempotencyKey": f"member-{new_id()}"}}


def staff():
    return {"by": new_id(), "roles": [Role.MERCHANDISER]}


YEARLY = {
    "name": "年卡",
    "kind": "YEARLY",
    "priceMinor": 36_500,
    "months": 12,
    "rank": 10,
    "benefits": [{"kind": "MEMBER_PRICE", "percent": 95}],
}


async def test_a_plan_is_made_sold_and_stopped(do, given):
    runs = staff()

    made = await do(CREATE, keyed(**YEARLY), **runs)
    shown = await do(ON_SALE)
    stopped = await do(STOP, {"id": made["id"]}, **runs)

    assert made["benefits"] == [{"kind": "MEMBER_PRICE", "percent": 95}]
    assert (made["price"]["amount"], made["months"], made["days"], made["isRenewable"]) == ("365.00", 12, None, True)
    assert [plan["id"] for plan in shown["nodes"]] == [made["id"]]
    assert stopped["stoppedAt"] is not None
    assert (await do(ON_SALE, by=new_id()))["nodes"] == []
    assert [plan["id"] for plan in (await do(EVERY, **runs))["nodes"]] == [made["id"]]


async def test_plans_are_shown_the_lowest_rank_first_page_by_page(do, given):
    yearly, trial, monthly = await given.plan(), await given.trial(), await given.monthly()
    page = "query ($after: String) { membershipPlans(first: 2, after: $after) { nodes { id } pageInfo { endCursor } } }"

    first = await do(page, by=new_id())
    second = await do(page, {"after": first["pageInfo"]["endCursor"]}, by=new_id())

    found = [plan["id"] for plan in first["nodes"] + second["nodes"]]
    assert found == [encode("plan", plan.id) for plan in (trial, monthly, yearly)]


async def test_bought_shown_and_given_back(do, given, db):
    me, plan = await given.shopper(), await given.plan()

    bought = await do(BUY, keyed(planId=encode("plan", plan.id)), by=me)
    assert (bought["state"], bought["due"]["minor"], bought["giftCode"], bought["payment"]) == (
        "PENDING",
        36_500,
        None,
        None,
    )
    assert await do(MINE, by=me) is None
    assert (await do(LOOK, by=me))["code"] == "NO_MEMBERSHIP"
    assert (await do(PAY, keyed(purchaseId=bought["id"]), by=me))["code"] == "PAYMENTS_SWITCHED_OFF"
    await given.pay_membership(await given.purchase_again(decode("purchase", bought["id"])))

    mine = await do(MINE, by=me)
    assert (mine["isRunning"], mine["plan"]["name"], mine["accountId"]) == (True, "年卡", encode("account", me))
    assert [(term["number"], term["paid"]["minor"], term["refundable"]["minor"]) for term in mine["terms"]] == [
        (1, 36_500, 36_500)
    ]
    look = await do(LOOK, by=me)
    assert (look["amount"]["minor"], look["usedBenefits"]["minor"]) == (36_500, 0)
    assert (await do(REFUND, keyed(amountMinor=1), by=me))["code"] == "MEMBERSHIP_AMOUNT_CHANGED"
    back = await do(REFUND, keyed(amountMinor=36_500), by=me)
    assert (back["isRunning"], back["endReason"]) == (False, "REFUNDED")
    await assert_books(db)


async def test_given_activated_and_refused(do, given):
    me, friend, plan = await given.shopper(), await given.shopper(), await given.plan()
    asked = await do(GIVE, keyed(planId=encode("plan", plan.id)), by=me)
    assert asked["giftCode"] is None
    gift, code = await given.gift(plan, me)
    other, _ = await given.gift(plan, me)

    [newest, older] = (await do(GIFTS, by=me))["nodes"]
    activated = await do(ACTIVATE, keyed(code=code), by=friend)
    again = await do(ACTIVATE, keyed(code=code), by=await given.shopper())
    refused = await do(REFUND_GIFT, keyed(purchaseId=encode("purchase", gift.id)), by=me)
    back = await do(REFUND_GIFT, keyed(purchaseId=encode("purchase", other.id)), by=me)

    assert (older["giftCode"], older["id"], newest["id"]) == (
        code,
        encode("purchase", gift.id),
        encode("purchase", other.id),
    )
    assert activated["__typename"] == "Membership"
    assert (again["code"], refused["code"]) == ("ACTIVATION_CODE_USED", "GIFT_NOT_REFUNDABLE")
    assert (back["refunded"]["minor"], back["giftCode"]) == (36_500, None)


async def test_upgraded_for_what_was_shown(do, given):
    yearly = await given.plan()
    card = await given.card(await given.monthly())
    me, wish = card.account_id, {"planId": encode("plan", yearly.id)}

    shown = await do(PREVIEW, wish, by=me)
    other = await do(UPGRADE, keyed(**wish, dueMinor=1), by=me)
    asked = await do(UPGRADE, keyed(**wish, dueMinor=shown["due"]["minor"]), by=me)
    running = await do(BUY, keyed(**wish), by=me)

    assert (shown["credit"]["minor"], shown["due"]["minor"]) == (3100, 33_400)
    assert (other["code"], other["amount"]["minor"]) == ("MEMBERSHIP_AMOUNT_CHANGED", 33_400)
    assert (asked["cause"], asked["state"], asked["credit"]["minor"]) == ("UPGRADE", "PENDING", 3100)
    assert (running["code"], running["planId"]) == ("MEMBERSHIP_RUNNING", encode("plan", card.plan_id))


async def test_codes_are_made_and_fetched_by_their_maker_alone(do, given, app):
    plan, maker, other = await given.monthly(), staff(), staff()
    until = (given.now + timedelta(days=9)).isoformat()

    wish = {"planId": encode("plan", plan.id), "title": "合作银行", "pieces": 2, "validUntil": until}
    made = await do(MAKE, keyed(**wish), **maker)
    link = await do(EXPORT, {"id": made["id"]}, **maker)

    assert (made["pieces"], made["used"], link["lines"]) == (2, 0, 2)
    assert await do(EXPORT, {"id": made["id"]}, **other) is None
    token = given.token(maker["by"], Role.MERCHANDISER)
    path = "/exports/" + link["url"].partition("/exports/")[2]
    fetched = await call(app, "GET", path, headers={"authorization": f"Bearer {token}"})
    codes = [line.split(",")[0] for line in fetched.body.decode().splitlines()[1:]]
    activated = [await do(ACTIVATE, keyed(code=code), by=await given.shopper()) for code in codes]
    assert [each["__typename"] for each in activated] == ["Membership"] * 2
    unknown = await do(ACTIVATE, keyed(code="0000-0000-0000-0000"), by=await given.shopper())
    assert unknown["code"] == "ACTIVATION_CODE_UNKNOWN"


async def test_cards_with_their_plans_and_terms_cost_three_statements(do, given, api):
    plan = await given.monthly()
    for _ in range(3):
        card = await given.card(plan)

    with count_statements(api.market.db) as counted:
        shown = await do(CARDS, **staff())
    with count_statements(api.market.db) as mine:
        await do(MINE, by=card.account_id)

    assert [len(each["terms"]) for each in shown["nodes"]] == [1, 1, 1]
    assert (len(counted), len(mine)) == (3, 3)
