"""Flash sales over HTTP: the road of a shopper and of a merchandiser, and everything that must be refused."""

import asyncio
from datetime import timedelta

import orjson
import pytest

from domain.accounts.rules import Role
from domain.flash_sales import gate as gates
from domain.foundation import clock
from domain.foundation.ids import encode, new_id
from tests.audit import assert_clean
from tests.given import Given
from tests.statements import count_statements

PASS = """mutation ($input: RequestFlashSalePassInput!) { requestFlashSalePass(input: $input) {
  __typename ... on FlashSalePass { pass expiresAt } ... on UserError { code message } } }"""
LINE = """mutation ($input: RequestFlashSalePassInput!) { requestFlashSalePass(input: $input) { __typename
  ... on FlashSalePass { pass } ... on FlashSalePlace { place position pollAfterMs admittedAt }
  ... on UserError { code message } } }"""
CLAIM = """mutation ($input: ClaimFlashSaleInput!) { claimFlashSale(input: $input) {
  __typename ... on FlashSaleTicket { id state position quantity itemId pollAfterMs } ... on UserError { code message } } }"""
TICKET = """query ($id: ID!) { flashSaleTicket(id: $id) { __typename
  ... on FlashSaleTicket { id state position payBy order { id state total { amount } lines { title quantity } } }
  ... on UserError { code } } }"""


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def pass_for(ask):
    async def pass_for(sale, shopper_id):
        answer = await ask(PASS, {"input": {"itemId": encode("saleitem", sale.item.id)}}, by=shopper_id)
        return answer.data["pass"]

    return pass_for


async def test_a_shopper_gets_a_pass_claims_and_follows_the_ticket_to_an_order(ask, pass_for, given, market):
    sale = await given.flash_sale(units=3, price_minor=990)
    shopper_id = await given.shopper()

    wish = {"pass": await pass_for(sale, shopper_id), "idempotencyKey": "claim-0001"}
    claimed = (await ask(CLAIM, {"input": wish}, by=shopper_id)).data
    queued = (await ask(TICKET, {"id": claimed["id"]}, by=shopper_id)).data
    await given.reserved_all(sale.item)
    reserved = (await ask(TICKET, {"id": claimed["id"]}, by=shopper_id)).data

    assert claimed == {
        "__typename": "FlashSaleTicket",
        "id": claimed["id"],
        "state": "QUEUED",
        "position": 1,
        "quantity": 1,
        "itemId": encode("saleitem", sale.item.id),
        "pollAfterMs": 1000,
    }
    assert (queued["state"], queued["position"], queued["order"]) == ("QUEUED", 1, None)
    assert (reserved["state"], reserved["position"]) == ("RESERVED", None)
    assert reserved["order"]["total"] == {"amount": "9.90"}
    assert reserved["order"]["lines"] == [{"title": "桂花酒酿", "quantity": 1}]
    await assert_clean(market)


async def test_where_too_many_come_a_shopper_waits_for_their_turn_and_then_claims(ask, given, market):
    sale = await given.flash_sale(units=3, admissions_per_second=1)
    first, second = await given.shoppers(2)
    wish = {"itemId": encode("saleitem", sale.item.id)}
    # both within one second since the opening
    await asyncio.sleep(1.01 - (clock.now() - sale.sale.opens_at).total_seconds() % 1)

    admitted = (await ask(LINE, {"input": wish}, by=first)).data
    waiting = (await ask(LINE, {"input": wish}, by=second)).data
    again = (await ask(LINE, {"input": wish | {"place": waiting["place"]}}, by=second)).data
    stolen = (await ask(LINE, {"input": wish | {"place": waiting["place"]}}, by=first, accept_language="en")).data
    await asyncio.sleep(waiting["pollAfterMs"] / 1000)
    turn = (await ask(LINE, {"input": wish | {"place": waiting["place"]}}, by=second)).data
    claimed = (await ask(CLAIM, {"input": {"pass": turn["pass"], "idempotencyKey": "claim-0001"}}, by=second)).data

    assert (admitted["__typename"], waiting["__typename"]) == ("FlashSalePass", "FlashSalePlace")
    assert waiting["position"] == 1
    assert 0 < waiting["pollAfterMs"] <= 1_250
    assert (again["position"], again["admittedAt"]) == (1, waiting["admittedAt"])
    assert stolen == {
        "__typename": "FlashSalePlaceRefused",
        "code": "FLASH_SALE_PLACE_REFUSED",
        "message": "the place is another shopper's; ask again without it",
    }
    assert (claimed["__typename"], claimed["state"]) == ("FlashSaleTicket", "QUEUED")
    await assert_clean(market)


async def test_the_skus_of_a_sales_list_are_fetched_together(ask, given, api):
    for _ in range(3):
        await given.flash_sale(units=3)
    query = "{ flashSales { nodes { items { sku { price { amount } available } } } } }"

    with count_statements(api.market.db) as sent:
        sales = (await ask(query)).data["nodes"]

    assert [sale["items"][0]["sku"]["price"]["amount"] for sale in sales] == ["29.90"] * 3
    assert len(sent) == 5  # sales, items, units left, SKUs with stock, products


async def test_somebody_elses_ticket_is_not_found(ask, pass_for, given):
    sale = await given.flash_sale(units=3)
    mine, theirs = await given.shoppers(2)
    wish = {"pass": await pass_for(sale, mine), "idempotencyKey": "claim-0001"}
    claimed = (await ask(CLAIM, {"input": wish}, by=mine)).data

    looked = (await ask(TICKET, {"id": claimed["id"]}, by=theirs)).data
    node = (await ask("query ($id: ID!) { node(id: $id) { id } }", {"id": claimed["id"]}, by=theirs)).data

    assert looked == {"__typename": "NotFound", "code": "NOT_FOUND"}
    assert node is None


async def test_sold_out_is_told_in_the_language_asked_for(ask, pass_for, given):
    sale = await given.flash_sale(units=1)
    first, second, third = await given.shoppers(3)
    for shopper_id in (first,):
        wish = {"pass": await pass_for(sale, shopper_id), "idempotencyKey": "claim-0001"}
        await ask(CLAIM, {"input": wish}, by=shopper_id)

    answers = []
    for shopper_id, language in ((second, "zh-CN,zh;q=0.9"), (third, "en-US,en;q=0.9,zh;q=0.5")):
        wish = {"pass": await pass_for(sale, shopper_id), "idempotencyKey": "claim-0001"}
        answers.append((await ask(CLAIM, {"input": wish}, by=shopper_id, accept_language=language)).data)

    assert answers == [
        {
            "__typename": "FlashSaleSoldOut",
            "code": "FLASH_SALE_SOLD_OUT",
            "message": "已抢光，未付款的商品可能重新放出",
        },
        {
            "__typename": "FlashSaleSoldOut",
            "code": "FLASH_SALE_SOLD_OUT",
            "message": "sold out; units of unpaid orders may return",
        },
    ]


async def test_a_pass_is_given_only_while_the_sale_is_open(ask, given, db, gate):
    soon, later = given.now + timedelta(minutes=5), given.now + timedelta(hours=1)
    not_yet = await given.flash_sale(opens_at=soon, closes_at=later)
    over = await given.flash_sale()
    from domain.flash_sales import actions

    await actions.stop(db, gate, sale_id=over.sale.id, by=new_id(), now=given.now)
    shopper_id = await given.shopper()

    codes = [
        (await ask(PASS, {"input": {"itemId": encode("saleitem", id)}}, by=shopper_id)).data["code"]
        for id in (not_yet.item.id, over.item.id, new_id())
    ]

    assert codes == ["FLASH_SALE_NOT_OPEN", "FLASH_SALE_CLOSED", "NOT_FOUND"]


async def test_bad_claims_are_refused_and_change_nothing(ask, pass_for, given, gate):
    sale = await given.flash_sale(units=3)
    mine, theirs = await given.shoppers(2)
    good = {"pass": await pass_for(sale, mine), "idempotencyKey": "claim-0001"}
    foreign = {**good, "pass": await pass_for(sale, theirs)}

    async def outcome(wish, by=mine):
        answer = await ask(CLAIM, {"input": wish}, by=by)
        return answer.codes[0] if "errors" in answer.json else answer.data["code"]

    found = {
        "quantity 0": await outcome({**good, "quantity": 0}),
        "quantity -1": await outcome({**good, "quantity": -1}),
        "quantity 10^12": await outcome({**good, "quantity": 10**12}),
        "quantity 1000": await outcome({**good, "quantity": 1000}),
        "foreign pass": await outcome(foreign),
        "no pass": await outcome({**good, "pass": ""}),
        "malformed key": await outcome({**good, "idempotencyKey": "x"}),
        "not signed in": await outcome(good, by=None),
    }

    assert found == {
        "quantity 0": "BAD_USER_INPUT",
        "quantity -1": "BAD_USER_INPUT",
        "quantity 10^12": "BAD_USER_INPUT",
        "quantity 1000": "FLASH_SALE_LIMIT_REACHED",
        "foreign pass": "FLASH_SALE_PASS_REFUSED",
        "no pass": "FLASH_SALE_PASS_REFUSED",
        "malformed key": "BAD_USER_INPUT",
        "not signed in": "UNAUTHENTICATED",
    }
    assert (await gates.figures(gate, lane=sale.lane)).free == 3


async def test_malformed_requests_get_a_code_and_never_a_500(post, ask, given):
    shopper_id = await given.shopper()
    expired = given.token(shopper_id, now=given.now - timedelta(days=1))
    body = orjson.dumps({"query": "{ viewer { id } }"})

    answers = {
        "malformed JSON": await post(b'{"query": '),
        "not an object": await post(b"[1, 2]"),
        "bad UTF-8": await post(b'{"query": "\xff\xfe"}'),
        "1 MB document": await post(orjson.dumps({"query": "{ viewer { id } }" + " " * 1_000_000})),
        "expired token": await post(body, authorization=f"Bearer {expired}"),
        "no bearer": await post(body, authorization="Basic eDp5"),
        "malformed id": await ask(TICKET, {"id": "ticket_!!"}, by=shopper_id),
        "another type's id": await ask(TICKET, {"id": encode("order", new_id())}, by=shopper_id),
        "unknown ticket": await ask(TICKET, {"id": encode("ticket", new_id())}, by=shopper_id),
    }

    assert {name: answer.status for name, answer in answers.items()} == {
        "malformed JSON": 400,
        "not an object": 400,
        "bad UTF-8": 400,
        "1 MB document": 413,
        "expired token": 401,
        "no bearer": 401,
        "malformed id": 200,
        "another type's id": 200,
        "unknown ticket": 200,
    }
    assert answers["malformed id"].codes == ["BAD_USER_INPUT"]
    assert answers["another type's id"].codes == ["BAD_USER_INPUT"]
    assert answers["unknown ticket"].data == {"__typename": "NotFound", "code": "NOT_FOUND"}
    assert answers["expired token"].codes == ["UNAUTHENTICATED"]
    assert all(answer.headers["x-request-id"] for answer in answers.values())


CREATE = """mutation ($input: CreateFlashSaleInput!) { createFlashSale(input: $input) { __typename
  ... on FlashSale { id state items { title units perShopper salePrice { amount } unitsLeft } }
  ... on UserError { code message } } }"""
SCHEDULE = """mutation ($id: ID!) { scheduleFlashSale(id: $id) { __typename
  ... on FlashSale { state } ... on UserError { code } } }"""
WARM = """mutation ($id: ID!) { warmFlashSale(id: $id) { __typename
  ... on FlashSale { state isOpen } ... on UserError { code } } }"""
STOP = """mutation ($id: ID!) { stopFlashSale(id: $id) { __typename ... on FlashSale { state } ... on UserError { code } } }"""
STATISTICS = """query ($id: ID!) { flashSaleStatistics(id: $id) {
  reserved paid lapsed waiting seconds { at claims queued waiting soldOut refused reserved } } }"""


async def test_a_merchandiser_runs_a_sale_from_draft_to_stop(ask, pass_for, given):
    staff, shopper_id = await given.shoppers(2)
    sku_id = await given.stocked_sku(10)
    wish = {
        "title": "午夜抢购",
        "opensAt": (given.now - timedelta(minutes=1)).isoformat(),
        "closesAt": (given.now + timedelta(hours=1)).isoformat(),
        "idempotencyKey": "create-0001",
        "items": [{"skuId": encode("sku", sku_id), "salePriceMinor": 100, "units": 5}],
    }
    by = {"by": staff, "roles": [Role.MERCHANDISER]}

    created = [(await ask(CREATE, {"input": wish}, **by)).data for _ in range(2)]
    sale_id = created[0]["id"]
    hidden = (await ask("query ($id: ID!) { flashSale(id: $id) { id } }", {"id": sale_id})).data
    too_early = (await ask(WARM, {"id": sale_id}, **by)).data
    scheduled = (await ask(SCHEDULE, {"id": sale_id}, **by)).data
    warm = (await ask(WARM, {"id": sale_id}, **by)).data
    listed = (await ask("{ flashSales { nodes { id isOpen items { unitsLeft } } } }")).data
    sale = await given.reread_typed(sale_id)
    await ask(
        CLAIM, {"input": {"pass": await pass_for(sale, shopper_id), "idempotencyKey": "claim-0001"}}, by=shopper_id
    )
    statistics = (await ask(STATISTICS, {"id": sale_id}, **by)).data
    stopped = (await ask(STOP, {"id": sale_id}, **by)).data

    assert created[0] == created[1]
    assert created[0]["items"] == [
        {"title": "桂花酒酿", "units": 5, "perShopper": 1, "salePrice": {"amount": "1.00"}, "unitsLeft": 5}
    ]
    assert hidden is None
    assert too_early == {"__typename": "WrongSaleState", "code": "WRONG_SALE_STATE"}
    assert scheduled["state"] == "SCHEDULED"
    assert warm == {"__typename": "FlashSale", "state": "WARM", "isOpen": True}
    assert listed["nodes"] == [{"id": sale_id, "isOpen": True, "items": [{"unitsLeft": 5}]}]
    assert [(s["claims"], s["queued"]) for s in statistics["seconds"]] == [(1, 1)]
    assert stopped["state"] == "STOPPED"


async def test_a_merchandiser_says_how_many_come_in_a_second(ask, given):
    staff = await given.shopper()
    sku_id = await given.stocked_sku(10)
    wish = {
        "title": "午夜抢购",
        "opensAt": given.now.isoformat(),
        "closesAt": (given.now + timedelta(hours=1)).isoformat(),
        "idempotencyKey": "create-0001",
        "admissionsPerSecond": 50,
        "items": [{"skuId": encode("sku", sku_id), "salePriceMinor": 100, "units": 5}],
    }
    create = """mutation ($input: CreateFlashSaleInput!) { createFlashSale(input: $input) { __typename
      ... on FlashSale { admissionsPerSecond } } }"""
    by = {"by": staff, "roles": [Role.MERCHANDISER]}

    created = await ask(create, {"input": wish}, **by)
    other = await ask(create, {"input": wish | {"admissionsPerSecond": 60}}, **by)
    none = await ask(create, {"input": wish | {"admissionsPerSecond": 0, "idempotencyKey": "create-0002"}}, **by)

    assert created.data == {"__typename": "FlashSale", "admissionsPerSecond": 50}
    assert other.data == {"__typename": "IdempotencyConflict"}
    assert none.codes == ["BAD_USER_INPUT"]


async def test_more_units_than_stock_cannot_be_warmed(ask, given):
    staff = await given.shopper()
    sale = await given.flash_sale(units=5, stocked=4, warm=False)
    by = {"by": staff, "roles": [Role.MERCHANDISER]}
    sale_id = encode("flashsale", sale.sale.id)
    await ask(SCHEDULE, {"id": sale_id}, **by)

    refused = (await ask(WARM, {"id": sale_id}, **by)).data

    assert refused == {"__typename": "NotEnoughStock", "code": "NOT_ENOUGH_STOCK"}


@pytest.mark.parametrize("roles", [[], [Role.HOST], [Role.FINANCE]])
async def test_only_merchandisers_run_sales(ask, given, roles):
    somebody = await given.shopper()

    answer = await ask(STOP, {"id": encode("flashsale", new_id())}, by=somebody, roles=roles)

    assert answer.codes == ["FORBIDDEN"]


@pytest.mark.parametrize("since", ["2026-11-11T20:00:00", "0001-01-01T00:00:00+08:00", "soon", "9999-12-31T23:59:59Z"])
async def test_a_moment_needs_its_zone_and_a_year_of_ours(ask, given, since):
    staff = await given.shopper()
    query = "query ($id: ID!, $since: DateTime) { flashSaleStatistics(id: $id, since: $since) { paid } }"

    answer = await ask(
        query, {"id": encode("flashsale", new_id()), "since": since}, by=staff, roles=[Role.MERCHANDISER]
    )

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_the_character_that_postgresql_cannot_hold_is_refused(ask):
    answer = await ask('{ products(search: "\\u0000") { nodes { id } } }')

    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])
