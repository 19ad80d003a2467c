"""Stores as shoppers find them and staff run them, with their price ladders."""

from datetime import time
from uuid import UUID

import pytest

from api.context import Context
from api.schema import build
from api.services import Services
from domain.accounts.rules import Role
from domain.foundation.ids import encode
from tests.pricing.baskets import EVENING

STAFF = [Role.MERCHANDISER]
SHOP = {
    "code": "sh-001",
    "name": "静安店",
    "regionCode": "310106",
    "address": "南京西路 1 号",
    "opensAt": "09:00",
    "closesAt": "22:00",
}
FIELDS = "id code name phone regionCode address opensAt closesAt takesPickups"
CREATE = f"""mutation ($input: CreateStoreInput!) {{ createStore(input: $input) {{
    __typename ... on Store {{ {FIELDS} }} ... on UserError {{ code message }} }} }}"""
UPDATE = f"""mutation ($input: UpdateStoreInput!) {{ updateStore(input: $input) {{
    __typename ... on Store {{ {FIELDS} }} ... on UserError {{ code }} }} }}"""
LADDER = """mutation ($input: SetPriceLadderInput!) { setPriceLadder(input: $input) {
    __typename
    ... on Store { priceLadder { skuIds now steps { at percentOff } } }
    ... on UserError { code message } } }"""


async def test_staff_open_a_store_and_shoppers_find_it(ask, given):
    by = await given.shopper()

    made = (await ask(CREATE, {"input": SHOP}, by=by, roles=STAFF)).data
    change = {"storeId": made["id"], "closesAt": "02:00", "takesPickups": False}
    changed = (await ask(UPDATE, {"input": change}, by=by, roles=STAFF)).data
    listed = (await ask("{ stores { nodes { code isOpen priceLadder { now } } pageInfo { hasNextPage } } }")).data
    by_id = (await ask("query ($id: ID!) { store(id: $id) { name } }", {"id": made["id"]})).data
    node = (await ask("query ($id: ID!) { node(id: $id) { ... on Store { name } } }", {"id": made["id"]})).data

    assert made == {"__typename": "Store", "id": made["id"], "phone": "", "takesPickups": True} | SHOP
    assert changed == made | {"closesAt": "02:00", "takesPickups": False}
    (shown,) = listed["nodes"]
    assert (shown["code"], shown["priceLadder"], type(shown["isOpen"])) == ("sh-001", None, bool)
    assert by_id == node == {"name": "静安店"}
    assert [deed for deed, _ in await given.noted_deeds()] == ["create_store", "update_store"]


async def test_stores_are_narrowed_to_a_region_and_to_pickups(ask, given):
    await given.pickup_store()
    await given.pickup_store(takes_pickups=False)

    async def count(arguments: str) -> int:
        return len((await ask(f"{{ stores({arguments}) {{ nodes {{ id }} }} }}")).data["nodes"])

    assert await count('region: "31"') == 2
    assert await count('region: "31", forPickup: true') == 1
    assert await count('region: "65"') == 0
    assert (await ask('{ stores(region: "沪") { nodes { id } } }')).codes == ["BAD_USER_INPUT"]


async def test_a_code_that_is_taken_is_refused(ask, given):
    by = await given.shopper()
    await ask(CREATE, {"input": SHOP}, by=by, roles=STAFF)

    again = await ask(CREATE, {"input": SHOP}, by=by, roles=STAFF)

    assert (again.data["code"], again.data["message"]) == ("STORE_CODE_TAKEN", "门店编码 sh-001 已被使用")


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "SH 1"},
        {"opensAt": "24:00"},
        {"closesAt": "9:00"},
        {"regionCode": "1"},
        {"name": ""},
        {"phone": "电话"},
    ],
)
async def test_a_store_that_makes_no_sense_is_the_askers_fault(ask, given, wrong):
    answer = await ask(CREATE, {"input": SHOP | wrong}, by=await given.shopper(), roles=STAFF)

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "allowed" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize("roles", [None, [], [Role.FINANCE], [Role.HOST]])
async def test_only_merchandisers_run_stores(ask, given, roles):
    store_id = encode("store", await given.pickup_store())
    who = {} if roles is None else {"by": await given.shopper(), "roles": roles}

    for query, input in (
        (CREATE, SHOP),
        (UPDATE, {"storeId": store_id}),
        (LADDER, {"storeId": store_id, "skuIds": []}),
    ):
        refused = await ask(query, {"input": input}, **who)
        assert refused.codes == ["UNAUTHENTICATED" if roles is None else "FORBIDDEN"]


async def test_a_ladder_can_be_drawn_by_whoever_asks(market, ask, given):
    by, store_id, sku_id = await given.shopper(), await given.pickup_store(), await given.sku()
    input = {"storeId": encode("store", store_id), "skuIds": [encode("sku", sku_id)]}

    made = (await ask(LADDER, {"input": input}, by=by, roles=STAFF)).data["priceLadder"]
    context = Context(market=market, services=Services.of(market), now=EVENING)
    shown = await build().execute("{ stores { nodes { isOpen priceLadder { now } } } }", context_value=context)

    assert made["skuIds"] == input["skuIds"]
    assert made["steps"][:2] == [{"at": "19:00", "percentOff": 10}, {"at": "19:30", "percentOff": 20}]
    assert made["steps"][-1] == {"at": "23:30", "percentOff": 100}
    assert shown.data == {"stores": {"nodes": [{"isOpen": True, "priceLadder": {"now": 50}}]}}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"startsAt": "23:30"}, "BAD_USER_INPUT"),
        ({"stepMinutes": 0}, "BAD_USER_INPUT"),
        ({"stepPercent": 101}, "BAD_USER_INPUT"),
        ({"freeAt": "midnight"}, "BAD_USER_INPUT"),
        ({"storeId": encode("store", UUID(int=1))}, "NOT_FOUND"),
        ({"skuIds": [encode("sku", UUID(int=1))]}, "NOT_FOUND"),
    ],
)
async def test_a_ladder_that_makes_no_sense_is_refused(ask, given, wrong, code):
    input = {"storeId": encode("store", await given.pickup_store()), "skuIds": []} | wrong

    answer = await ask(LADDER, {"input": input}, by=await given.shopper(), roles=STAFF)

    assert (answer.codes == [code]) if "errors" in answer.json else (answer.data["code"] == code)


def test_evening_is_ten_past_nine():
    assert EVENING.time() == time(21, 10)
