"""Shipments, receipts and suppliers at the edge: mutations with roles, and doors that read signed letters only."""

import asyncio
from base64 import b64decode
from datetime import timedelta
from urllib.parse import urlencode

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from api.app import Api
from domain.accounts.rules import Role
from domain.foundation import clock
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.ids import encode, new_id
from domain.orders.rules import Fulfilment
from domain.shipments import queries, uploading
from domain.shipments.tracking import company_of, md5
from domain.suppliers.rules import sign
from domain.trail import queries as trail
from tests.api.conftest import call
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from tests.given.shipments import TRACKING_KEY, platform, wechat, wechat_company

__all__ = ["platform", "wechat", "wechat_company"]

SHIP = """mutation Ship($input: ShipOrderInput!) { shipOrder(input: $input) {
  __typename ... on UserError { code message }
  ... on Shipment { id orderId carrier carrierName trackingNumber state lines { position quantity } events { words } }
} }"""
SHIP_MANY = """mutation Ship($input: ShipOrdersInput!) { shipOrders(input: $input) {
  __typename ... on UserError { code } ... on ShippedOrders { sent rows { orderId shipment { id } error { code message } } }
} }"""
ORDER = """query Order($id: ID!) { order(id: $id) {
  state receiveBy shipments { trackingNumber state lines { position quantity } events { words place state } }
} }"""
CONFIRM = """mutation Confirm($input: ConfirmReceiptInput!) { confirmReceipt(input: $input) {
  __typename ... on UserError { code } ... on Order { state receivedAt }
} }"""
EXTEND = """mutation Extend($input: ExtendReceiptInput!) { extendReceipt(input: $input) {
  __typename ... on UserError { code } ... on Order { receiveBy }
} }"""
HAND_OVER = """mutation HandOver($input: HandOverPickupInput!) { handOverPickup(input: $input) {
  __typename ... on UserError { code } ... on WrongPickupCode { triesLeft } ... on Order { state }
} }"""
CORRECT = """mutation Correct($input: CorrectTrackingNumberInput!) { correctTrackingNumber(input: $input) {
  __typename ... on UserError { code } ... on Shipment { carrier trackingNumber }
} }"""
UPLOADS = """query Uploads($state: ShippingUploadState!) { shippingUploads(state: $state) {
  nodes { orderId state attempts error order { number } } pageInfo { hasNextPage }
} }"""
RETRY = """mutation Retry($id: ID!) { retryShippingUpload(id: $id) {
  __typename ... on UserError { code } ... on ShippingUpload { state attempts error }
} }"""
CREATE = """mutation Create($input: CreateSupplierInput!) { createSupplier(input: $input) {
  __typename ... on UserError { code } ... on SupplierWithKey { key supplier { id code name } }
} }"""
ASSIGN = """mutation Assign($input: AssignSuppliedSkusInput!) { assignSuppliedSkus(input: $input) {
  __typename ... on UserError { code } ... on Supplier { skus { nodes { supplierCode cost { minor } } } }
} }"""
PAY = """mutation Pay($input: RecordSupplierPaymentInput!) { recordSupplierPayment(input: $input) {
  __typename ... on UserError { code } ... on Supplier { code }
} }"""
SETTLEMENT = """query Settlement($id: ID!, $month: String!) { supplierSettlement(supplierId: $id, month: $month) {
  opening { minor } shipped { minor } returned { minor } paid { minor } closing { amount } csvUrl
  lines { nodes { kind orderNumber units cost { minor } owed { minor } } }
} }"""
STAFF = [Role.MERCHANDISER]


@pytest.fixture
async def staff(given):
    return await given.shopper("店员")


def as_id(order):
    return encode("order", order.id)


def wish(order, **more):
    number = more.pop("number", "SF1234567890123")
    return {"orderId": as_id(order), "carrier": "SF", "trackingNumber": number, "idempotencyKey": "wish-0001", **more}


async def test_a_parcel_is_sent_by_staff_and_seen_by_its_shopper(given, ask, staff, market):
    order = await given.bought(Goods(quantity=2))
    more = {"lines": [{"position": 1, "quantity": 2}]}

    sent = (await ask(SHIP, {"input": wish(order, **more)}, by=staff, roles=STAFF)).data
    again = (await ask(SHIP, {"input": wish(order, **more)}, by=staff, roles=STAFF)).data

    assert sent == again
    assert sent == {
        "__typename": "Shipment",
        "id": sent["id"],
        "orderId": as_id(order),
        "carrier": "SF",
        "carrierName": "顺丰速运",
        "trackingNumber": "SF1234567890123",
        "state": "SHIPPED",
        "lines": [{"position": 1, "quantity": 2}],
        "events": [],
    }
    shown = (await ask(ORDER, {"id": as_id(order)}, by=order.shopper_id)).data
    assert (shown["state"], [parcel["trackingNumber"] for parcel in shown["shipments"]]) == (
        "SHIPPED",
        ["SF1234567890123"],
    )
    node = "query Node($id: ID!) { node(id: $id) { id } }"
    assert (await ask(node, {"id": sent["id"]}, by=order.shopper_id)).data == {"id": sent["id"]}
    assert (await ask(node, {"id": sent["id"]}, by=await given.shopper())).data is None
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize(
    ("document", "roles"),
    [(SHIP, []), (SHIP, [Role.FINANCE]), (SHIP_MANY, []), (CORRECT, []), (HAND_OVER, []), (CREATE, []), (PAY, STAFF),
     (ASSIGN, [Role.FINANCE])],
)  # fmt: skip
async def test_only_who_may_does(given, ask, document, roles):
    name = document.partition("$input: ")[2].partition("!")[0]
    order = await given.bought()
    inputs = {
        "ShipOrderInput": wish(order),
        "ShipOrdersInput": {"rows": [], "idempotencyKey": "wish-0001"},
        "CorrectTrackingNumberInput": {"shipmentId": "shipment_x", "carrier": "SF", "trackingNumber": "x"},
        "HandOverPickupInput": {"orderId": as_id(order), "code": "1", "idempotencyKey": "wish-0001"},
        "CreateSupplierInput": {"code": "x", "name": "x", "idempotencyKey": "wish-0001"},
        "RecordSupplierPaymentInput": {
            "supplierId": "supplier_x", "amountMinor": 1, "note": "x", "idempotencyKey": "wish-0001",
        },
        "AssignSuppliedSkusInput": {"supplierId": "supplier_x", "skus": []},
    }  # fmt: skip

    answer = await ask(document, {"input": inputs[name]}, by=order.shopper_id, roles=roles)

    assert answer.codes == ["FORBIDDEN"]


async def test_what_cannot_be_sent_is_said_in_words(given, ask, staff):
    unpaid, order = await given.ordered(), await given.bought()

    refused = (await ask(SHIP, {"input": wish(unpaid)}, by=staff, roles=STAFF)).data
    too_many = await ask(SHIP, {"input": wish(order, lines=[{"position": 1, "quantity": 2}])}, by=staff, roles=STAFF)
    no_number = await ask(SHIP, {"input": wish(order, number="???")}, by=staff, roles=STAFF)

    assert (refused["code"], too_many.data["code"]) == ("ORDER_NOT_SHIPPABLE", "TOO_MANY_UNITS")
    assert "发货" in refused["message"]
    assert no_number.codes == ["BAD_USER_INPUT"]


async def test_a_list_tells_of_each_row(given, ask, staff):
    one, unpaid = await given.bought(), await given.ordered()
    rows = [
        {"orderId": as_id(order), "carrier": "SF", "trackingNumber": number}
        for order, number in ((one, "SF1234567890123"), (unpaid, "SF1234567890124"), (one, "nonsense"))
    ]

    answer = (
        await ask(SHIP_MANY, {"input": {"rows": rows, "idempotencyKey": "list-0001"}}, by=staff, roles=STAFF)
    ).data

    assert answer["sent"] == 1
    assert [row["error"] and row["error"]["code"] for row in answer["rows"]] == [
        None, "ORDER_NOT_SHIPPABLE", "BAD_USER_INPUT",
    ]  # fmt: skip


async def test_a_shopper_confirms_or_takes_more_time(given, ask):
    given.now = clock.now()
    order = await given.bought()
    await given.shipped(order)
    about = {"orderId": as_id(order)}

    later = (await ask(EXTEND, {"input": {**about, "idempotencyKey": "more-0001"}}, by=order.shopper_id)).data
    no_more = (await ask(EXTEND, {"input": {**about, "idempotencyKey": "more-0002"}}, by=order.shopper_id)).data
    others = (await ask(CONFIRM, {"input": {**about, "idempotencyKey": "mine-0001"}}, by=await given.shopper())).data
    received = (await ask(CONFIRM, {"input": {**about, "idempotencyKey": "mine-0001"}}, by=order.shopper_id)).data

    assert later["receiveBy"] == (given.now + timedelta(days=22)).isoformat()
    assert (no_more["code"], others["code"]) == ("RECEIPT_NOT_EXTENDABLE", "NOT_FOUND")
    assert received["state"] == "RECEIVED"


async def test_a_pickup_needs_its_code(given, ask, staff):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)

    wrong = (
        await ask(
            HAND_OVER,
            {"input": {"orderId": as_id(order), "code": "x", "idempotencyKey": "counter-1"}},
            by=staff,
            roles=STAFF,
        )
    ).data
    right = (
        await ask(
            HAND_OVER,
            {"input": {"orderId": as_id(order), "code": order.pickup_code, "idempotencyKey": "counter-2"}},
            by=staff,
            roles=STAFF,
        )
    ).data

    assert wrong == {"__typename": "WrongPickupCode", "code": "WRONG_PICKUP_CODE", "triesLeft": 4}
    assert right == {"__typename": "Order", "state": "RECEIVED"}


async def test_a_number_is_corrected(given, ask, staff):
    parcel = await given.shipped(await given.bought())
    about = {"shipmentId": encode("shipment", parcel.id), "carrier": "ZTO", "trackingNumber": "78123456789012"}

    corrected = (await ask(CORRECT, {"input": about}, by=staff, roles=STAFF)).data

    assert corrected == {"__typename": "Shipment", "carrier": "ZTO", "trackingNumber": "78123456789012"}


async def test_staff_see_what_wechat_refuses_and_have_it_told_again(given, ask, staff, db, platform, wechat):
    order = await given.bought()
    await given.shipped(order)
    await given.hear_shipments()
    await wechat.fail(10060004)
    await uploading.upload_due(db, platform, now=given.now, limit=10)

    [refused] = (await ask(UPLOADS, {"state": "REFUSED"}, by=staff, roles=STAFF)).data["nodes"]
    retried = (await ask(RETRY, {"id": as_id(order)}, by=staff, roles=STAFF)).data
    unknown = (await ask(RETRY, {"id": as_id(await given.bought())}, by=staff, roles=STAFF)).data

    assert (refused["orderId"], refused["order"]["number"], refused["attempts"]) == (as_id(order), order.number, 1)
    assert "10060004" in refused["error"]
    assert retried == {"__typename": "ShippingUpload", "state": "DUE", "attempts": 0, "error": None}
    assert unknown["code"] == "NOT_FOUND"
    assert (await ask(UPLOADS, {"state": "DUE"}, by=order.shopper_id)).codes == ["FORBIDDEN"]


# The tracking company's door.


@pytest.fixture
async def tracked(settings, clean):
    """An API that has a tracking company, and that company's client."""
    with_tracking = settings.model_copy(
        update={
            "tracking_url": "http://127.0.0.1:9",
            "tracking_customer": "nm",
            "tracking_key": SecretStr(TRACKING_KEY),
        }
    )
    api = Api(with_tracking)
    async with api.started():
        yield api.app, company_of(with_tracking)


def push_body(company, parcel, code="3", words="已签收", salt=None):
    at = f"{clock.now().astimezone(SHOP_ZONE):%Y-%m-%d %H:%M:%S}"
    data = [{"time": at, "statusCode": code, "context": words, "areaName": "上海市"}]
    param = orjson.dumps({"lastResult": {"com": "shunfeng", "nu": parcel.tracking_number, "data": data}}).decode()
    return urlencode({"param": param, "sign": md5(param + (salt or company._salt))}).encode()


async def test_a_push_is_taken_once_it_is_kept(given, ask, tracked):
    given.now = clock.now()
    order = await given.bought()
    parcel = await given.shipped(order)
    app, company = tracked
    body = push_body(company, parcel)

    for _ in range(2):
        answer = await call(app, "POST", "/shipments/tracking/notice", body)
        assert (answer.status, answer.json["result"], answer.json["returnCode"]) == (200, True, "200")

    [shown] = (await ask(ORDER, {"id": as_id(order)}, by=order.shopper_id)).data["shipments"]
    assert shown["state"] == "DELIVERED"
    assert shown["events"] == [{"words": "已签收", "place": "上海市", "state": "DELIVERED"}]


async def test_hostile_pushes_change_nothing(given, tracked, db):
    given.now = clock.now()
    parcel = await given.shipped(await given.bought())
    app, company = tracked
    good = push_body(company, parcel)
    hostile = [push_body(company, parcel, salt=f"guess-{n}") for n in range(100)] + [b"", b"x", b"\xff", good[:-4]]

    statuses = {(await call(app, "POST", "/shipments/tracking/notice", body)).status for body in hostile}
    long = await call(app, "POST", "/shipments/tracking/notice", good + b"&x=" + b"x" * 70_000)

    assert (statuses, long.status) == ({401}, 413)
    assert (await queries.events_by_shipment_ids(db, [parcel.id]))[parcel.id] == []


async def test_without_a_tracking_company_nobody_is_at_the_door(app):
    assert (await call(app, "POST", "/shipments/tracking/notice", b"x")).status == 404


# The suppliers' doors.


@pytest.fixture
def bring(app, given):
    """`await bring(supplier_code, key, door, content)`: a signed letter."""

    async def bring(code, key, door, body, *, content_type="application/json", as_of=None, **changed):
        if as_of is None:
            as_of = clock.now().isoformat() if door == "feed" else ""
        letter = given.letter(door, body, as_of=as_of, reference=changed.pop("reference", ""), now=clock.now())
        headers = {
            "supplier-timestamp": letter.timestamp,
            "supplier-reference": letter.reference,
            "supplier-as-of": as_of,
            "supplier-signature": sign(key, letter),
            "content-type": content_type,
        }
        return await call(app, "POST", f"/suppliers/{code}/{door}", body, headers | changed)

    return bring


async def test_a_supplier_is_taken_on_and_feeds_its_stock(given, ask, staff, bring):
    created = (
        await ask(
            CREATE, {"input": {"code": "guihua", "name": "桂花坊", "idempotencyKey": "create-1"}}, by=staff, roles=STAFF
        )
    ).data
    key, supplier_id = b64decode(created["key"]), created["supplier"]["id"]
    sku_id = await given.sku(units=0)
    skus = [{"skuId": encode("sku", sku_id), "supplierCode": "A-1", "costMinor": 800}]
    assigned = (await ask(ASSIGN, {"input": {"supplierId": supplier_id, "skus": skus}}, by=staff, roles=STAFF)).data

    as_json = await bring("guihua", key, "feed", b'[{"code": "A-1", "quantity": 7}, {"code": "B", "quantity": 1}]')
    as_table = await bring("guihua", key, "feed", b"code,quantity\nA-1,9\n", content_type="text/csv; charset=utf-8")

    assert assigned["skus"]["nodes"] == [{"supplierCode": "A-1", "cost": {"minor": 800}}]
    assert (as_json.status, as_json.json["changed"], as_json.json["unknown"]) == (200, 1, ["B"])
    assert as_table.json["changed"] == 1
    assert (await given.stock_of(sku_id)).free == 9


async def test_staff_see_what_a_supplier_has_to_send(given, ask, staff):
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(quantity=2, supplier_id=supplier.id, cost_minor=800))
    document = (
        """query Q { suppliers { nodes { code toSend { nodes { orderNumber units destination { phone } } } } } }"""
    )

    [shown] = (await ask(document, by=staff, roles=STAFF)).data["nodes"]

    phone = order.destination.phone
    assert shown["toSend"]["nodes"] == [{"orderNumber": order.number, "units": 2, "destination": {"phone": phone}}]


async def test_a_supplier_is_given_another_key_and_parted_with(given, ask, staff, bring):
    supplier, key = await given.supplier()
    first, second = await given.supplied(supplier, "A-1", "A-2", units=10)
    about = {"id": encode("supplier", supplier.id)}
    release = {"input": {"supplierId": about["id"], "skuId": encode("sku", first)}}
    renewed = """mutation M($id: ID!) { renewSupplierKey(id: $id) { ... on SupplierWithKey { key } } }"""
    released = """mutation M($input: ReleaseSuppliedSkuInput!) { releaseSuppliedSku(input: $input)
      { ... on Supplier { skus { nodes { supplierCode } } } } }"""
    ended = """mutation M($id: ID!) { endSupplier(id: $id) { ... on Supplier { endedAt } } }"""

    another = b64decode((await ask(renewed, about, by=staff, roles=[Role.ADMIN])).data["key"])
    left = (await ask(released, release, by=staff, roles=STAFF)).data["skus"]["nodes"]
    old_letter, new_letter = [await bring("guihua", one, "feed", b"[]") for one in (key, another)]
    gone = (await ask(ended, about, by=staff, roles=[Role.ADMIN])).data

    assert left == [{"supplierCode": "A-2"}]
    assert (old_letter.status, new_letter.status) == (401, 200)
    assert gone["endedAt"]
    assert (await bring("guihua", another, "feed", b"[]")).status == 403
    assert [(await given.stock_of(sku_id)).free for sku_id in (first, second)] == [0, 0]


async def test_letters_that_are_forged_stale_or_replayed_change_nothing(given, bring):
    supplier, key = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1", units=10)
    body = b'[{"code": "A-1", "quantity": 99}]'
    old = str(int(clock.now().timestamp()) - 400)

    refused = [
        await bring("guihua", b"x" * 32, "feed", body),
        await bring("nobody", key, "feed", body),
        await bring("guihua", key, "feed", body, **{"supplier-timestamp": old}),
        await bring("guihua", key, "feed", body, **{"supplier-reference": "another-one"}),
        await bring("guihua", key, "feed", body, **{"supplier-as-of": "2026-11-22T00:00:00Z"}),
        await bring("guihua", key, "feed", body, **{"supplier-signature": ""}),
        await bring("guihua", key, "feed", body, **{"supplier-timestamp": "x"}),
    ]
    assert {answer.status for answer in refused} == {401}
    assert (await given.stock_of(sku_id)).free == 10

    taken = await bring("guihua", key, "feed", body, reference="feed-0001")
    other = await bring("guihua", key, "feed", b"[]", reference="feed-0001")
    stale = await bring("guihua", key, "feed", b"[]", as_of="2026-01-01T00:00:00Z")
    nonsense = await bring("guihua", key, "feed", b"nonsense")
    long = await bring("guihua", key, "feed", b" " * (2 * 1024 * 1024 + 1))
    assert [a.status for a in (taken, other, stale, nonsense, long)] == [200, 409, 409, 400, 413]
    assert (await given.stock_of(sku_id)).free == 99


async def test_a_letter_to_one_door_does_not_open_the_other(given, app, bring):
    supplier, key = await given.supplier()
    order = await given.bought(Goods(supplier_id=supplier.id, cost_minor=800))
    body = orjson.dumps([{"order": order.number, "carrier": "sf", "number": "SF1234567890123"}])
    letter = given.letter("feed", body, now=clock.now())
    headers = {
        "supplier-timestamp": letter.timestamp,
        "supplier-reference": letter.reference,
        "supplier-signature": sign(key, letter),
    }

    assert (await call(app, "POST", "/suppliers/guihua/shipments", body, headers)).status == 401
    heard = await bring("guihua", key, "shipments", body)

    assert heard.status == 200
    assert list(heard.json["parcels"][0]) == ["order", "shipment"]
    refused = (await bring("guihua", key, "shipments", body)).json["parcels"][0]
    assert refused["error"] == "ORDER_NOT_SHIPPABLE"


async def test_a_settlement_is_shown_paid_and_fetched(given, ask, app, staff, market):
    given.now = clock.now()
    supplier, _ = await given.supplier()
    order = await given.bought(Goods(quantity=2, supplier_id=supplier.id, cost_minor=800))
    await given.shipped(order)
    supplier_id, month = encode("supplier", supplier.id), f"{clock.shop_day(given.now):%Y-%m}"
    payment = {"supplierId": supplier_id, "amountMinor": 1000, "note": "电汇", "idempotencyKey": "pay-0001"}

    paid = (await ask(PAY, {"input": payment}, by=staff, roles=[Role.FINANCE])).data
    too_much = (
        await ask(PAY, {"input": payment | {"idempotencyKey": "pay-0002"}}, by=staff, roles=[Role.FINANCE])
    ).data
    shown = (await ask(SETTLEMENT, {"id": supplier_id, "month": month}, by=staff, roles=[Role.FINANCE])).data
    path, _, query = shown["csvUrl"].removeprefix(market.settings.home).partition("?")
    file = await fetch(app, path, query, given.token(staff, Role.FINANCE, now=clock.now()))

    assert (paid["__typename"], too_much["code"]) == ("Supplier", "MORE_THAN_OWED")
    assert (shown["shipped"]["minor"], shown["paid"]["minor"], shown["closing"]["amount"]) == (1600, 1000, "6.00")
    assert shown["lines"]["nodes"][0] == {
        "kind": "SHIPPED", "orderNumber": order.number, "units": 2, "cost": {"minor": 800}, "owed": {"minor": 1600},
    }  # fmt: skip
    assert file.status == 200
    assert len(file.body.decode("utf-8-sig").splitlines()) == 3
    assert (await fetch(app, path, query, given.token(staff, now=clock.now()))).status == 403
    assert (await fetch(app, path, query, "")).status == 401
    nobody = path.replace(supplier_id, encode("supplier", new_id()))
    assert (await fetch(app, nobody, query, given.token(staff, Role.FINANCE, now=clock.now()))).status == 404
    [deed] = (await trail.page(given.db, first=9, deed="fetch_export")).rows
    assert (deed.by, deed.subject_id, deed.facts) == (staff, supplier.id, {"file": "settlement", "month": month})
    [entry] = await given.db.rows(text("SELECT about_id FROM ledger_entries WHERE kind = 'supplier_paid'"))
    assert entry.about_id is None
    assert (await fetch(app, path, "month=x", given.token(staff, Role.FINANCE, now=clock.now()))).status == 400
    await assert_clean(market, in_flight=True)


async def fetch(app, path, query, token):
    async def stays():
        await asyncio.Event().wait()  # whoever fetches does not hang up before the end

    async def with_query(scope, receive, send):
        await app({**scope, "query_string": query.encode()}, stays, send)

    return await call(with_query, "GET", path, headers={"authorization": f"Bearer {token}"} if token else {})


async def test_pages_of_suppliers_and_uploads_meet(given, ask, staff):
    for number in range(3):
        await given.supplier(f"supplier-{number}")
        order = await given.bought()
        await given.shipped(order)
    await given.hear_shipments()
    documents = {
        "suppliers": "query Q($after: String) { suppliers(first: 2, after: $after) { nodes { id code } "
        "pageInfo { endCursor } } }",
        "uploads": "query Q($after: String) { shippingUploads(state: DUE, first: 2, after: $after) "
        "{ nodes { orderId } pageInfo { endCursor } } }",
    }

    for document in documents.values():
        first = (await ask(document, {}, by=staff, roles=STAFF)).data
        second = (await ask(document, {"after": first["pageInfo"]["endCursor"]}, by=staff, roles=STAFF)).data
        found = [tuple(node.values()) for node in first["nodes"] + second["nodes"]]
        assert len(set(found)) == 3
