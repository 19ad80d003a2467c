"""Where parcels are: told by pushes, in whatever order and however often, asked about when nothing is heard."""

import asyncio
import random
from datetime import timedelta
from urllib.parse import urlencode

import orjson
import pytest
from aiohttp import web

from domain.after_sales.rules import AfterSaleState, Reason
from domain.foundation import clock
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.ids import new_id
from domain.orders.events import OrderGivenBack
from domain.orders.rules import OrderState
from domain.shipments import following, queries, receiving, shipping
from domain.shipments.rules import Carrier, ShipmentState
from domain.shipments.tracking import PushForged, PushMalformed, TrackingFailed, md5
from tests.audit import assert_clean
from tests.given.after_sales import Goods
from tests.given.wechat import free_port
from workers import shipments as worker
from workers.context import WorkerContext
from workers.hearing import hearers_of

S = ShipmentState
DAY = timedelta(days=1)


@pytest.fixture
async def company(tracking):
    client = tracking.client()
    yield client
    await client.hang_up()


def push_of(company, parcel, *seen, com="shunfeng", salt=None, **more):
    """The body of a push; each of `seen` is a moment, a state's code and words."""
    data = [
        {
            "time": f"{at.astimezone(SHOP_ZONE):%Y-%m-%d %H:%M:%S}",
            "statusCode": code,
            "context": words,
            "areaName": "上海市",
        }
        for at, code, words in seen
    ]
    result = {"com": com, "nu": parcel.tracking_number, "data": data, **more}
    param = orjson.dumps({"status": "polling", "lastResult": result}).decode()
    return urlencode({"param": param, "sign": md5(param + (company._salt if salt is None else salt))}).encode()


async def hear(given, company, parcel, *seen, now=None):
    push = company.read_push(push_of(company, parcel, *seen))
    return await following.take_push(given.db, push, now=now or given.now + DAY)


async def test_pushes_are_kept_once_and_in_order(given, db, company):
    parcel = await given.shipped(await given.bought())
    seen = [(given.now + timedelta(hours=n), code, f"第{n}步") for n, code in enumerate(("1", "0", "5"), 1)]
    pushes = [seen[:1], seen[:2], seen, seen, seen[:1]]
    random.shuffle(pushes)

    new = [await hear(given, company, parcel, *push) for push in pushes]

    assert sum(new) == 3
    told = (await queries.events_by_shipment_ids(db, [parcel.id]))[parcel.id]
    assert [event.words for event in told] == ["第3步", "第2步", "第1步"]
    assert (await given.shipment_again(parcel.id)).state is S.MOVING


async def test_a_delivered_parcel_stays_delivered_and_is_asked_about_no_more(given, db, company, market):
    order = await given.bought()
    parcel = await given.shipped(order)
    delivered_at = given.now + timedelta(hours=20)

    await hear(given, company, parcel, (delivered_at, "301", "已签收"))
    await hear(given, company, parcel, (given.now + timedelta(hours=22), "6", "退回"), (given.now, "0", "在途"))

    kept = await given.shipment_again(parcel.id)
    assert (kept.state, kept.delivered_at) == (S.DELIVERED, delivered_at)
    assert (await given.order_again(order.id)).receive_by == delivered_at + timedelta(days=7)
    assert await following.follow_due(db, company, now=given.now + 30 * DAY, limit=10) == 0
    assert await receiving.receive_due(db, now=delivered_at + timedelta(days=7), limit=10) == 1
    assert (await given.order_again(order.id)).state is OrderState.RECEIVED
    await assert_clean(market, in_flight=True)


async def test_the_last_parcel_counts(given, company):
    order = await given.bought(Goods(quantity=2))
    first, second = await given.shipped(order, {1: 1}), await given.shipped(order)

    await hear(given, company, second, (given.now + timedelta(hours=3), "3", "已签收"))
    assert (await given.order_again(order.id)).receive_by == given.now + timedelta(days=15)
    await hear(given, company, first, (given.now + timedelta(hours=9), "3", "已签收"))

    assert (await given.order_again(order.id)).receive_by == given.now + timedelta(days=7, hours=9)


async def test_parcels_delivered_before_the_rest_was_given_back_count(given, company, market):
    order = await given.bought(Goods(quantity=2))
    parcel = await given.shipped(order, {1: 1})
    delivered_at = given.now + DAY
    await hear(given, company, parcel, (delivered_at, "3", "已签收"))
    await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED, state=AfterSaleState.REFUNDING)
    before = await given.order_again(order.id)
    [event] = await given.recorded(OrderGivenBack)

    for _ in range(2):
        await worker.hasten_receipt(WorkerContext(market, None), event)

    assert (before.state, before.receive_by) == (OrderState.SHIPPED, given.now + 15 * DAY)
    assert (await given.order_again(order.id)).receive_by == delivered_at + 7 * DAY
    assert worker.hasten_receipt in hearers_of(event)


async def test_a_parcel_still_on_its_way_is_waited_for(given, company):
    order = await given.bought(Goods(quantity=3))
    first, _ = await given.shipped(order, {1: 1}), await given.shipped(order, {1: 1})
    await hear(given, company, first, (given.now, "3", "已签收"))
    await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED, state=AfterSaleState.REFUNDING)

    await following.hasten_receipt(given.db, order_id=order.id)

    assert (await given.order_again(order.id)).receive_by == given.now + 15 * DAY


async def test_delivery_never_makes_the_wait_longer(given, company):
    order = await given.bought()
    parcel = await given.shipped(order)

    await hear(given, company, parcel, (given.now + 12 * DAY, "3", "已签收"), now=given.now + 12 * DAY)

    assert (await given.order_again(order.id)).receive_by == given.now + timedelta(days=15)


async def test_more_time_that_was_given_stays(given, company):
    order = await given.bought()
    parcel = await given.shipped(order)
    await receiving.extend(
        given.db, order_id=order.id, shopper_id=order.shopper_id, idempotency_key="more-time-1", now=given.now
    )

    await hear(given, company, parcel, (given.now + DAY, "3", "已签收"))

    assert (await given.order_again(order.id)).receive_by == given.now + timedelta(days=15)


async def test_old_news_of_a_number_that_is_used_again_is_not_believed(given, db, company):
    parcel = await given.shipped(await given.bought())

    new = await hear(
        given, company, parcel, (given.now - 300 * DAY, "3", "已签收"), (given.now + 300 * DAY, "3", "已签收")
    )

    assert new == 0
    assert (await given.shipment_again(parcel.id)).state is S.SHIPPED


async def test_news_of_a_number_that_was_wrong_is_forgotten(given, db, company):
    parcel = await given.shipped(await given.bought())
    await hear(given, company, parcel, (given.now, "0", "在途"))

    await shipping.correct(
        db, shipment_id=parcel.id, carrier=Carrier.SF, tracking_number="SF9999999999999", by=new_id(), now=given.now
    )
    await hear(given, company, parcel, (given.now + DAY, "3", "已签收"))

    kept = await given.shipment_again(parcel.id)
    assert (kept.state, kept.delivered_at) == (S.SHIPPED, None)
    assert (await queries.events_by_shipment_ids(db, [parcel.id]))[parcel.id] == []


async def test_one_push_tells_of_every_order_in_the_parcel(given, company):
    one = await given.shipped(await given.bought())
    other = await given.shipped(await given.bought(), number=one.tracking_number)
    elsewhere = await given.shipped(await given.bought(), carrier=Carrier.OTHER, number=one.tracking_number)

    assert await hear(given, company, one, (given.now, "0", "在途")) == 2

    states = [(await given.shipment_again(parcel.id)).state for parcel in (one, other, elsewhere)]
    assert states == [S.MOVING, S.MOVING, S.SHIPPED]


async def test_what_is_not_signed_with_our_salt_is_not_read(given, company):
    parcel = await given.shipped(await given.bought())
    good = push_of(company, parcel, (given.now, "3", "已签收"))
    forged = [
        push_of(company, parcel, (given.now, "3", "已签收"), salt=""),
        push_of(company, parcel, (given.now, "3", "已签收"), salt="another"),
        good.replace(b"sign=", b"sign=0"),
        good[:-1],
        good.replace(b"SF", b"SX"),
        b"",
        b"param=x",
        b"\xff\xfe",
        b"&".join([b"a=1"] * 50),
    ]

    for body in forged:
        with pytest.raises(PushForged):
            company.read_push(body)
    assert company.read_push(good).number == parcel.tracking_number


@pytest.mark.parametrize("param", ["", "[]", "7", "{}", '{"lastResult": {"com": "shunfeng", "nu": 7, "data": []}}',
                                   '{"lastResult": {"com": "shunfeng", "nu": "SF1", "data": [{"time": "soon"}]}}'])  # fmt: skip
def test_what_is_signed_and_not_understood_is_malformed(tracking, param):
    company = tracking.client()
    body = urlencode({"param": param, "sign": md5(param + company._salt)}).encode()

    with pytest.raises((PushMalformed, PushForged)):
        company.read_push(body)


async def test_new_parcels_are_followed_and_silent_ones_asked_about(given, db, tracking, company):
    given.now = clock.now()
    parcel = await given.shipped(await given.bought())

    assert await following.follow_due(db, company, now=given.now, limit=10) == 1
    assert await tracking.is_followed(parcel.tracking_number)
    assert await following.follow_due(db, company, now=given.now + timedelta(hours=23), limit=10) == 0
    await tracking.move(parcel.tracking_number, silent=True)

    assert await following.follow_due(db, company, now=given.now + DAY, limit=10) == 1
    kept = await given.shipment_again(parcel.id)
    assert (kept.state, kept.followed_at) == (S.MOVING, given.now)
    assert await following.follow_due(db, company, now=given.now + DAY, limit=10) == 0


async def test_a_parcel_that_nobody_saw_is_asked_about_again(given, db, tracking, company):
    given.now = clock.now()
    parcel = await given.shipped(await given.bought())
    await following.follow_due(db, company, now=given.now, limit=10)

    for days in (1, 2, 3):
        assert await following.follow_due(db, company, now=given.now + days * DAY, limit=10) == 1

    assert (await given.shipment_again(parcel.id)).state is S.SHIPPED
    assert await following.follow_due(db, company, now=given.now + 60 * DAY, limit=10) == 1
    assert await following.follow_due(db, company, now=given.now + 90 * DAY, limit=10) == 0


async def test_a_company_that_does_not_answer_is_asked_later(given, db, tracking):
    given.now = clock.now()
    parcel = await given.shipped(await given.bought())
    stranger = tracking.client(key="another key")

    assert await following.follow_due(db, stranger, now=given.now, limit=10) == 1
    with pytest.raises(TrackingFailed):
        await stranger.follow(parcel, phone="")
    await stranger.hang_up()

    assert (await given.shipment_again(parcel.id)).followed_at is None
    assert not await tracking.is_followed(parcel.tracking_number)
    assert await following.follow_due(db, stranger, now=given.now + timedelta(minutes=9), limit=10) == 0


async def test_carriers_the_company_does_not_know_are_not_followed(given, db, company):
    await given.shipped(await given.bought(), carrier=Carrier.OTHER, number="NEIGHBOUR-1")

    assert await following.follow_due(db, company, now=given.now, limit=10) == 1
    assert await following.follow_due(db, company, now=given.now + 30 * DAY, limit=10) == 0


@pytest.fixture
async def door():
    """Somebody who takes whatever is brought: the address, and the bodies so far."""
    bodies = []

    async def take(request):
        bodies.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/notice", take)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/notice", bodies
    await runner.cleanup()


async def brought(bodies, count):
    for _ in range(100):
        if len(bodies) >= count:
            return bodies
        await asyncio.sleep(0.05)
    raise TimeoutError(f"{len(bodies)} of {count}")


async def test_what_the_company_brings_by_itself_is_believed_if_it_is_its_own(given, db, tracking, door):
    given.now = clock.now()
    url, bodies = door
    company = tracking.client(url)
    parcel = await given.shipped(await given.bought())
    await following.follow_due(db, company, now=given.now, limit=10)
    await company.hang_up()

    await tracking.behave(behaviour="twice")
    await tracking.move(parcel.tracking_number)
    await brought(bodies, 2)
    await tracking.behave(behaviour="reordered", delay_ms=300)
    for _ in range(3):
        await tracking.move(parcel.tracking_number)
    pushes = [company.read_push(body) for body in await brought(bodies, 5)]
    await tracking.behave(behaviour="once")
    await tracking.forge(parcel.tracking_number)
    await brought(bodies, 6)

    new = [await following.take_push(db, push, now=clock.now()) for push in pushes]
    assert sum(new) == 4
    assert (await given.shipment_again(parcel.id)).state is S.MOVING
    with pytest.raises(PushForged):
        company.read_push(bodies[5])


async def test_many_pushes_at_once_are_kept_once(given, db, company):
    parcel = await given.shipped(await given.bought())
    seen = [(given.now + timedelta(minutes=n), "0", f"第{n}步") for n in range(10)]

    new = await asyncio.gather(*(hear(given, company, parcel, *seen[: 1 + n % 10]) for n in range(30)))

    assert sum(new) == 10
    assert len((await queries.events_by_shipment_ids(db, [parcel.id]))[parcel.id]) == 10
