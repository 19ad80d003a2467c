"""The back office as staff, and others, see it."""

import base64
import csv
import io
from datetime import timedelta

import pytest

from domain.accounts.rules import Role
from domain.back_office import actions, links
from domain.back_office.links import File, Leave
from domain.foundation import clock, ids
from domain.foundation.ids import new_id
from domain.trail import queries as trail
from tests.api.conftest import call

STAFF_ORDERS = """query($filter: StaffOrdersFilter, $first: Int! = 20, $after: String) {
    staffOrders(filter: $filter, first: $first, after: $after) {
        nodes { id number history { kind staff { name } error } } pageInfo { hasNextPage endCursor } } }"""
EXPORT = "query($filter: StaffOrdersFilter) { exportOrders(filter: $filter) { url expiresAt lines } }"
STATEMENT = """{ exportStatement(account: PREPAID, startsAt: "2026-01-01T00:00:00Z", endsAt: "2027-01-01T00:00:00Z")
    { url lines } }"""
TAKINGS = """{ takings(from: "2026-11-01", to: "2026-12-01", by: STORE)
    { key net { amount } captured { minor } refunded { minor } orders units } }"""
IN_FLIGHT = """{ moneyInFlight { unmatched { amount { minor } count oldestAt } refundsDue { count } refundsOverdue { count }
    prepaid { fromDays toDays pile { count amount { amount } } } } }"""
DEEDS = """query($filter: StaffDeedsFilter, $first: Int! = 20, $after: String) {
    staffDeeds(filter: $filter, first: $first, after: $after) {
        nodes { at deed subjectId by { id name } facts { name value } } pageInfo { hasNextPage endCursor } } }"""
CANCEL = """mutation($input: CancelOrderAsStaffInput!) { cancelOrderAsStaff(input: $input) {
    __typename ... on Order { state history { kind by staff { name } words } } ... on UserError { code } } }"""
REMARK = """mutation($input: RemarkOrderInput!) { remarkOrder(input: $input) {
    __typename ... on Order { id history { kind words } } ... on UserError { code } } }"""
HISTORY = """query($id: ID!) { order(id: $id) {
    history { at kind by about words amount { minor } staff { id name } attempts error } } }"""


@pytest.fixture
def given(given):
    given.now = clock.now()
    return given


def shown(order):
    return ids.encode("order", order.id)


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (None, set()),
        (Role.MERCHANDISER, {"orders", "export", "write"}),
        (Role.FINANCE, {"orders", "export", "money"}),
        (Role.ADMIN, {"orders", "export", "money", "write", "trail"}),
    ],
)
async def test_who_may_ask_what(given, ask, role, may):
    order = await given.order(await given.stocked_sku(1))
    remark = {"orderId": shown(order), "words": "好", "idempotencyKey": "a-key-of-mine"}
    cancel = {"orderId": shown(order), "reason": "错", "idempotencyKey": "another-key"}
    asked = {
        "orders": [(STAFF_ORDERS, {})],
        "export": [(EXPORT, {})],
        "money": [(TAKINGS, {}), (IN_FLIGHT, {}), (STATEMENT, {})],
        "write": [(REMARK, {"input": remark}), (CANCEL, {"input": cancel})],
        "trail": [(DEEDS, {})],
    }  # fmt: skip

    for name, documents in asked.items():
        for document, variables in documents:
            answer = (await ask(document, variables, by=new_id(), roles=[role] if role else [])).json
            codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
            assert codes == ([] if name in may else ["FORBIDDEN"]), (document, answer)
    assert (await ask(STAFF_ORDERS)).codes == ["UNAUTHENTICATED"]


async def test_staff_look_for_orders_page_by_page(given, ask):
    placed = [await given.bought() for _ in range(3)]

    async def page(filter=None, **variables):
        found = (await ask(STAFF_ORDERS, {"filter": filter, **variables}, by=new_id(), roles=[Role.FINANCE])).data
        return [node["id"] for node in found["nodes"]], found["pageInfo"]

    first, info = await page(first=2)
    rest, end = await page(first=2, after=info["endCursor"])

    assert first + rest == [shown(order) for order in reversed(placed)]
    assert (info["hasNextPage"], end["hasNextPage"]) == (True, False)
    assert (await page({"text": "林晚", "states": ["PAID", "SHIPPED"], "fulfilment": "DELIVERY"}))[0] == first + rest
    assert (await page({"text": placed[1].number}))[0] == [shown(placed[1])]
    assert (await page({"storeId": ids.encode("store", new_id())}))[0] == []
    for wrong in (
        {"first": 101},
        {"first": 1, "after": "WyJ4Il0"},
        {"filter": {"storeId": "x"}},
        {"filter": {"text": "\0"}},
    ):
        assert (await ask(STAFF_ORDERS, wrong, by=new_id(), roles=[Role.ADMIN])).codes == ["BAD_USER_INPUT"]


async def test_a_cursor_of_ones_own_orders_is_not_one_of_this_list(given, ask):
    order = await given.bought()
    mine = await ask("{ orders { pageInfo { endCursor } } }", by=order.shopper_id)
    deeds = await ask(DEEDS, {"after": mine.data["pageInfo"]["endCursor"]}, by=new_id(), roles=[Role.ADMIN])

    theirs = await ask(STAFF_ORDERS, {"after": mine.data["pageInfo"]["endCursor"]}, by=new_id(), roles=[Role.ADMIN])

    assert theirs.codes == deeds.codes == ["BAD_USER_INPUT"]


async def test_staff_and_owner_read_the_same_history_each_as_they_may(given, ask, db):
    staff = await given.shopper("李经理")
    order = await given.bought()
    await actions.remark_order(
        db, order_id=order.id, by=staff, words="爱投诉", idempotency_key="remark-01", now=given.now
    )

    own = (await ask(HISTORY, {"id": shown(order)}, by=order.shopper_id)).data["history"]
    theirs = (await ask(HISTORY, {"id": shown(order)}, by=new_id(), roles=[Role.FINANCE])).data["history"]
    strangers = (await ask(HISTORY, {"id": shown(order)}, by=new_id())).data

    assert [moment["kind"] for moment in own] == ["PLACED", "PAYMENT_ASKED", "CAPTURED", "PAID"]
    assert own == theirs[:4]
    assert own[2]["amount"] == {"minor": 1990} and own[2]["about"].startswith("payment_")
    assert theirs[4]["staff"] == {"id": ids.encode("account", staff), "name": "李经理"}
    assert theirs[4]["words"] == 'remark_order {"words":"爱投诉"}'
    assert strangers is None


async def test_staff_call_off_and_remark(given, ask):
    order = await given.order(await given.stocked_sku(1))
    staff = await given.shopper("李经理")
    who = {"by": staff, "roles": [Role.MERCHANDISER]}
    wish = {"orderId": shown(order), "reason": "=HYPERLINK(1)", "idempotencyKey": "cancel-01"}

    first = (await ask(CANCEL, {"input": wish}, **who)).data
    again = (await ask(CANCEL, {"input": wish}, **who)).data
    other = (await ask(CANCEL, {"input": {**wish, "idempotencyKey": "cancel-02"}}, **who)).data
    conflict = (await ask(CANCEL, {"input": {**wish, "reason": "另一个"}}, **who)).data
    remark = {"orderId": shown(order), "words": "已致电", "idempotencyKey": "remark-01"}
    remarked = [(await ask(REMARK, {"input": remark}, **who)).data for _ in range(2)]
    nobodys = {**remark, "orderId": ids.encode("order", new_id()), "idempotencyKey": "remark-02"}
    unknown = (await ask(REMARK, {"input": nobodys}, **who)).data

    assert first == again
    assert (first["state"], first["history"][1]["by"], first["history"][1]["staff"]) == (
        "CANCELLED",
        "STAFF",
        {"name": "李经理"},
    )
    assert (other["code"], conflict["code"], unknown["code"]) == (
        "ORDER_NOT_CANCELLABLE",
        "IDEMPOTENCY_CONFLICT",
        "NOT_FOUND",
    )
    assert remarked[0] == remarked[1]
    assert [moment["kind"] for moment in remarked[0]["history"]] == ["PLACED", "CANCELLED", "DEED", "DEED"]


async def test_the_money_views(given, ask):
    await given.bought()
    who = {"by": new_id(), "roles": [Role.FINANCE]}

    [kept] = (await ask(TAKINGS, **who)).data
    flight = (await ask(IN_FLIGHT, **who)).data
    wrong = await ask(TAKINGS.replace("2026-12-01", "2026-11-01"), **who)

    assert kept == {
        "key": None, "net": {"amount": "19.90"}, "captured": {"minor": 1990}, "refunded": {"minor": 0}, "orders": 1, "units": 1,
    }  # fmt: skip
    assert flight["prepaid"][0] == {"fromDays": 0, "toDays": 1, "pile": {"count": 1, "amount": {"amount": "19.90"}}}
    assert flight["unmatched"] == {"amount": {"minor": 0}, "count": 0, "oldestAt": None}
    assert wrong.codes == ["BAD_USER_INPUT"]


@pytest.fixture
def fetch(app, given):
    """`await fetch(url, by=..., roles=[...])`: the file behind a link."""

    async def fetch(url, *, by=None, roles=()):
        headers = {"authorization": f"Bearer {given.token(by, *roles, now=clock.now())}"} if by else {}
        return await call(app, "GET", "/" + url.split("/", 3)[3], headers=headers)

    return fetch


async def test_an_export_is_fetched_by_who_asked_for_it_and_stands_in_the_trail(given, ask, fetch, db):
    order = await given.bought()
    who = {"by": new_id(), "roles": [Role.MERCHANDISER]}

    link = (await ask(EXPORT, {"filter": {"states": ["PAID"], "text": "林晚"}}, **who)).data
    file = await fetch(link["url"], **who)

    _, row = csv.reader(io.StringIO(file.body.decode("utf-8-sig")))
    assert (file.status, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert file.headers["content-disposition"].startswith('attachment; filename="orders-')
    assert file.headers["cache-control"] == "no-store"
    assert (link["lines"], row[0]) == (1, order.number)
    [deed] = (await trail.page(db, first=9, deed="fetch_export")).rows
    assert (deed.by, deed.facts) == (
        who["by"],
        {"file": "orders", "narrowed_by": {"states": ["paid"], "has_text": True}},
    )


async def test_what_was_searched_for_is_read_by_nobody_in_the_link(given, ask, market):
    url = (await ask(EXPORT, {"filter": {"text": "13800000001"}}, by=new_id(), roles=[Role.MERCHANDISER])).data["url"]
    token = url.partition("token=")[2]

    assert b"13800000001" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"orders" not in base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@pytest.mark.parametrize(
    "path",
    ["/exports/orders.csv", "/exports/statement.csv", "/exports/room-comments.csv", "/suppliers/x/settlement.csv"],
)
async def test_asking_for_the_head_of_an_export_makes_none(app, db, path):
    answer = await call(app, "HEAD", path)

    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert (await trail.page(db, first=9)).rows == []


async def test_a_link_in_other_hands_opens_nothing(given, ask, fetch, db, market):
    await given.bought()
    mine = {"by": new_id(), "roles": [Role.MERCHANDISER]}
    url = (await ask(EXPORT, {}, **mine)).data["url"]
    key = market.settings.signing_secret
    over = links.sign(key, Leave(new_id(), File.ORDERS, mine["by"], {}, clock.now() - timedelta(seconds=1)))
    forged = url[:-6] + ("A" if url[-6] != "A" else "B") + url[-5:]
    base = url.partition("?")[0]

    refused = {
        "somebody else": await fetch(url, by=new_id(), roles=[Role.ADMIN]),
        "nobody": await fetch(url),
        "no staff any more": await fetch(url, by=mine["by"]),
        "forged": await fetch(forged, **mine),
        "over": await fetch(f"{base}?token={over}", **mine),
        "no token": await fetch(base, **mine),
        "another file": await fetch(url.replace("orders.csv", "statement.csv"), by=mine["by"], roles=[Role.FINANCE]),
    }

    assert {name: (answer.status, answer.json["code"]) for name, answer in refused.items()} == {
        "somebody else": (403, "LINK_REFUSED"),
        "nobody": (401, "UNAUTHENTICATED"),
        "no staff any more": (403, "FORBIDDEN"),
        "forged": (403, "LINK_REFUSED"),
        "over": (403, "LINK_REFUSED"),
        "no token": (403, "LINK_REFUSED"),
        "another file": (403, "LINK_REFUSED"),
    }
    assert (await trail.page(db, first=9)).rows == []


async def test_finance_fetches_a_statement(given, ask, fetch):
    await given.bought()
    who = {"by": new_id(), "roles": [Role.FINANCE]}

    file = await fetch((await ask(STATEMENT, **who)).data["url"], **who)
    wrong = await ask(STATEMENT.replace("PREPAID", "GATEWAY"), **who)

    assert (file.status, file.body[:3]) == (200, b"\xef\xbb\xbf")
    assert "-19.90" in file.body.decode("utf-8-sig")
    assert wrong.codes == ["BAD_USER_INPUT"]


async def test_admins_read_who_did_what(given, ask, db):
    li, wang = await given.shopper("李经理"), await given.shopper("王会计")
    order = await given.order(await given.stocked_sku(1))
    for at, by in enumerate([li, wang, li]):
        await actions.remark_order(
            db,
            order_id=order.id,
            by=by,
            words=f"第 {at} 次",
            idempotency_key=f"remark-0{at}",
            now=given.now + timedelta(hours=at),
        )
    who = {"by": new_id(), "roles": [Role.ADMIN]}

    async def said(filter=None, **variables):
        return [
            node["facts"][0]["value"]
            for node in (await ask(DEEDS, {"filter": filter, **variables}, **who)).data["nodes"]
        ]

    page = (await ask(DEEDS, {"first": 2}, **who)).data
    rest = await said(first=2, after=page["pageInfo"]["endCursor"])

    assert [node["by"]["name"] for node in page["nodes"]] == ["李经理", "王会计"]
    assert page["nodes"][0]["subjectId"] == shown(order)
    assert rest == ['"第 0 次"']
    assert await said({"by": ids.encode("account", wang)}) == ['"第 1 次"']
    assert len(await said({"subjectId": shown(order), "deed": "remark_order"})) == 3
    assert await said({"deed": "' OR 1=1"}) == await said({"subjectId": ids.encode("sku", new_id())}) == []
    hour = timedelta(hours=1)
    window = {"since": (given.now + hour).isoformat(), "until": (given.now + 2 * hour).isoformat()}
    assert await said(window) == ['"第 1 次"']
    for wrong in ({"subjectId": "nonsense"}, {"by": "order_1"}, {"deed": "\0"}):
        assert (await ask(DEEDS, {"filter": wrong}, **who)).codes == ["BAD_USER_INPUT"]
