"""Benefits over HTTP: staff grant them and set members' prices, and whoever holds them sees what, until when, and what came."""

from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.after_sales.rules import AfterSaleState
from domain.benefits.rules import BenefitKind
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "post"]

K = BenefitKind
REFUSED = "... on UserError { code message }"
BENEFIT = "kind percent freeFrom { minor } pieces minutes rank points batch { title }"
HOLDING = f"id source startsAt endsAt benefits {{ {BENEFIT} }}"
GRANT = f"""mutation ($input: GrantBenefitsInput!) {{ grantBenefits(input: $input) {{ __typename {REFUSED}
  ... on BenefitHolding {{ {HOLDING} }} }} }}"""
END = f"""mutation ($input: EndBenefitsInput!) {{ endBenefits(input: $input) {{ __typename {REFUSED}
  ... on BenefitHolding {{ endsAt }} ... on BenefitsElsewhere {{ source }} }} }}"""
MINE = f"""{{ myBenefits {{ memberPricePercent freeDeliveryFrom {{ minor }} earlyMinutes serviceRank hasMemberOnlyGoods
  pointsPercent birthday {{ month day }} holdings {{ nodes {{ {HOLDING} }} }}
  grants {{ nodes {{ kind period pieces points grantedAt couponIds batch {{ title }} }} }} }} }}"""
BIRTHDAY = f"""mutation ($input: SetBirthdayInput!) {{ setBirthday(input: $input) {{ __typename {REFUSED}
  ... on MyBenefits {{ birthday {{ month day }} }} ... on BirthdaySetRecently {{ againAt }} }} }}"""
SET_PRICES = f"""mutation ($input: SetMemberPricesInput!) {{ setMemberPrices(input: $input) {{ __typename {REFUSED}
  ... on MemberPricesSet {{ skus {{ id memberPrice {{ minor }} }} }} }} }}"""
SET_GOODS = f"""mutation ($input: SetMemberOnlyGoodsInput!) {{ setMemberOnlyGoods(input: $input) {{ __typename {REFUSED}
  ... on MemberOnlyGoodsSet {{ products {{ id isMembersOnly }} }} }} }}"""
PRODUCT = "query ($id: ID!) { product(id: $id) { isMembersOnly skus { memberPrice { minor } } } }"
PRODUCTS = "{ products(first: 50) { nodes { isMembersOnly skus { memberPrice { minor } } } } }"
QUOTE = """query ($input: QuoteInput!) { quote(input: $input) { total { minor } problems { code } } }"""


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


async def test_granted_seen_used_and_ended(do, given):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    shopper, batch = await given.shopper(), await given.given_batch()
    benefits = [
        {"kind": "MEMBER_PRICE", "percent": 90},
        {"kind": "FREE_DELIVERY", "fromMinor": 3900},
        {"kind": "COUPONS", "pieces": 2, "batchId": encode("couponbatch", batch.id)},
        {"kind": "BIRTHDAY_GIFT", "points": 500},
    ]
    wish = {"accountId": encode("account", shopper), "benefits": benefits, "reason": "回馈老客"}

    granted = await do(GRANT, {"input": {**wish, "idempotencyKey": "grant-1234"}}, **staff)
    await given.timetable(clock.now())
    mine = await do(MINE, by=shopper)

    assert (granted["__typename"], granted["source"], granted["endsAt"]) == ("BenefitHolding", "STAFF", None)
    assert [each["kind"] for each in granted["benefits"]] == [each["kind"] for each in benefits]
    assert (mine["memberPricePercent"], mine["freeDeliveryFrom"], mine["pointsPercent"]) == (90, {"minor": 3900}, 100)
    assert [holding["id"] for holding in mine["holdings"]["nodes"]] == [granted["id"]]
    (came,) = mine["grants"]["nodes"]
    assert (came["kind"], came["period"], came["pieces"], came["batch"]) == ("COUPONS", 0, 2, {"title": batch.title})
    assert len(came["couponIds"]) == 2

    sku_id = await given.sku(price_minor=1999)
    lines = {"lines": [{"skuId": encode("sku", sku_id), "quantity": 1}]}
    assert (await do(QUOTE, {"input": lines}, by=shopper))["total"] == {"minor": 1799}
    ended = await do(END, {"input": {"holdingId": granted["id"], "reason": "期满"}}, **staff)
    assert ended["endsAt"] is not None
    assert (await do(QUOTE, {"input": lines}, by=shopper))["total"] == {"minor": 1999}


async def test_terms_that_do_not_belong_to_a_kind_are_refused_by_name(ask, given):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    wish = {"accountId": encode("account", await given.shopper()), "reason": "回馈", "idempotencyKey": "grant-1234"}

    for benefits, words in [
        ([{"kind": "SERVICE_LANE", "percent": 5}], "service_lane has percent; it takes rank"),
        ([{"kind": "MEMBER_PRICE", "percent": 0}], "allowed: 1 to 100"),
        ([], "allowed: 1 to 20"),
    ]:
        answer = await ask(GRANT, {"input": {**wish, "benefits": benefits}}, **staff)
        assert answer.codes == ["BAD_USER_INPUT"]
        assert words in answer.json["errors"][0]["message"]


async def test_a_birthday_is_set_once_a_year(do, ask, given):
    shopper = await given.shopper()
    leap_day = {"input": {"month": 2, "day": 29}}

    for _ in range(2):
        assert (await do(BIRTHDAY, leap_day, by=shopper))["birthday"] == {"month": 2, "day": 29}
    refused = await do(BIRTHDAY, {"input": {"month": 3, "day": 1}}, by=shopper)

    assert (refused["__typename"], refused["code"]) == ("BirthdaySetRecently", "BIRTHDAY_SET_RECENTLY")
    assert (await ask(BIRTHDAY, {"input": {"month": 2, "day": 30}}, by=shopper)).codes == ["BAD_USER_INPUT"]
    assert (await do(MINE, by=shopper))["birthday"] == {"month": 2, "day": 29}


async def test_products_show_everybody_what_members_pay_and_what_is_theirs_alone(do, given):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    product = await given.product(price_minor=2000)
    sku_id, product_id = encode("sku", product.sku_ids[0]), encode("product", product.id)
    assert await do(PRODUCT, {"id": product_id}) == {"isMembersOnly": False, "skus": [{"memberPrice": None}]}

    priced = await do(SET_PRICES, {"input": {"prices": [{"skuId": sku_id, "priceMinor": 1500}]}}, **staff)
    closed = await do(SET_GOODS, {"input": {"productIds": [product_id], "isMembersOnly": True}}, **staff)

    assert priced["skus"] == [{"id": sku_id, "memberPrice": {"minor": 1500}}]
    assert closed["products"] == [{"id": product_id, "isMembersOnly": True}]
    reader = await given.shopper()  # a guest's answer may be a second old
    assert await do(PRODUCT, {"id": product_id}, by=reader) == {
        "isMembersOnly": True,
        "skus": [{"memberPrice": {"minor": 1500}}],
    }
    lines = {"lines": [{"skuId": sku_id, "quantity": 1}]}
    assert (await do(QUOTE, {"input": lines}, by=reader))["problems"] == [
        {"code": "MEMBERS_ONLY"},
    ]
    listed = await do("{ memberPrices { nodes { price { minor } sku { id } } } }", **staff)
    assert listed["nodes"] == [{"price": {"minor": 1500}, "sku": {"id": sku_id}}]
    listed = await do("{ memberOnlyGoods { nodes { id } } }", **staff)
    assert listed["nodes"] == [{"id": product_id}]


async def test_a_list_of_products_costs_two_statements_more(do, api, given):
    for _ in range(3):
        await given.member_price(await given.sku(), 1500)
    shopper = await given.shopper()

    with count_statements(api.market.db) as plain:
        await do("{ products(first: 50) { nodes { skus { id } } } }", by=shopper)
    with count_statements(api.market.db) as sent:
        assert len((await do(PRODUCTS, by=shopper))["nodes"]) == 3

    assert len(sent) == len(plain) + 2


async def test_staff_see_what_could_not_be_given_and_whose_lane_is_fast(do, given):
    staff = {"by": await given.shopper(), "roles": [Role.MERCHANDISER]}
    order = await given.bought_and_received()
    scarce = await given.given_batch(pieces=1)
    holding = await given.holding(
        order.shopper_id, given.monthly_coupons(scarce, 2), given.benefit(K.SERVICE_LANE, rank=2)
    )
    await given.timetable(given.now)
    asked = await given.after_sale(order, state=AfterSaleState.REQUESTED)

    failed = await do(
        "{ failedBenefitGrants { nodes { failedWith retryAt grant { holdingId grantedAt couponIds } } } }", **staff
    )
    (node,) = failed["nodes"]
    assert (node["failedWith"], node["grant"]["grantedAt"]) == ("COUPONS_GONE", None)
    assert node["grant"]["holdingId"] == encode("benefitholding", holding.id)
    assert len(node["grant"]["couponIds"]) == 1
    lane = "query ($id: ID!) { node(id: $id) { ... on AfterSale { serviceRank } } }"
    assert await do(lane, {"id": encode("aftersale", asked.id)}, **staff) == {"serviceRank": 2}
    held = await do(
        "query ($id: ID!) { benefitHoldings(accountId: $id) { nodes { id } } }",
        {"id": encode("account", order.shopper_id)},
        **staff,
    )
    assert held["nodes"] == [{"id": encode("benefitholding", holding.id)}]


async def test_a_holding_is_seen_by_its_owner_and_staff_only(do, given):
    shopper = await given.shopper()
    holding = await given.holding(shopper, given.benefit(K.MEMBER_ONLY_GOODS), starts_at=given.now + timedelta(days=1))
    asked = {"id": encode("benefitholding", holding.id)}
    node = "query ($id: ID!) { node(id: $id) { id ... on BenefitHolding { startsAt } } }"

    assert (await do(node, asked, by=shopper))["id"] == asked["id"]
    assert (await do(node, asked, by=new_id(), roles=[Role.FINANCE]))["id"] == asked["id"]
    assert await do(node, asked, by=new_id()) is None
    # what is to come is shown, too
    assert [each["id"] for each in (await do(MINE, by=shopper))["holdings"]["nodes"]] == [asked["id"]]
    assert (await do(MINE, by=shopper))["hasMemberOnlyGoods"] is False
