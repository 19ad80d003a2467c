"""What WeChat is told of an order's shipping: once for all, again when there is more, and until it has heard it."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.after_sales.rules import AfterSaleState, Reason
from domain.foundation import clock
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.orders.rules import Fulfilment, Receiver
from domain.shipments import queries, shipping, uploading, uploads
from domain.shipments.rules import Carrier, UploadNotRetryable, UploadState
from domain.shipments.tables import uploads as upload_table
from domain.trail.tables import deeds
from tests.audit import assert_clean
from tests.given.after_sales import Goods

SECOND = timedelta(seconds=1)


async def tell(db, platform, *, now):
    return await uploading.upload_due(db, platform, now=now, limit=50)


async def sent_order(given, *goods, **how):
    order = await given.bought(*goods)
    parcel = await given.shipped(order, **how)
    await given.hear_shipments()
    return order, parcel


async def test_one_parcel_is_told_once(given, db, market, platform, wechat):
    order, parcel = await sent_order(given, Goods(quantity=2))

    assert await tell(db, platform, now=given.now) == 1
    assert await tell(db, platform, now=given.now + timedelta(hours=1)) == 0

    told = await wechat.told(order)
    content = told["content"]
    assert (told["uploads"], told["is_complete"]) == (1, True)
    assert content["order_key"] == {
        "order_number_type": 1, "mchid": "1900000001", "out_trade_no": order.paid_with.hex,
    }  # fmt: skip
    assert (content["logistics_type"], content["delivery_mode"]) == (1, 1)
    [told_parcel] = content["shipping_list"]
    assert (told_parcel["tracking_no"], told_parcel["express_company"]) == (parcel.tracking_number, "SF")
    assert told_parcel["item_desc"].endswith("*2")
    assert told_parcel["contact"] == {"receiver_contact": "138****5678"}
    assert content["payer"]["openid"]
    upload = await given.upload(order)
    assert (upload.state, upload.told, upload.is_all_told) == (UploadState.UPLOADED, 1, True)
    await assert_clean(market, in_flight=True)


async def test_split_parcels_are_told_as_they_leave(given, db, platform, wechat):
    order = await given.bought(Goods(quantity=2))
    first = await given.shipped(order, {1: 1})
    await given.hear_shipments()
    await tell(db, platform, now=given.now)
    partly = await wechat.told(order)

    second = await given.shipped(order)
    await given.hear_shipments()
    assert (await given.upload(order)).state is UploadState.DUE
    await tell(db, platform, now=given.now)

    wholly = await wechat.told(order)
    assert (partly["content"]["delivery_mode"], partly["content"]["is_all_delivered"]) == (2, False)
    assert (wholly["content"]["delivery_mode"], wholly["content"]["is_all_delivered"]) == (2, True)
    numbers = [parcel["tracking_no"] for parcel in wholly["content"]["shipping_list"]]
    assert numbers == [first.tracking_number, second.tracking_number]


async def test_what_is_not_sent_any_more_is_told_too(given, db, platform, wechat):
    order = await given.bought(Goods(quantity=2))
    await given.shipped(order, {1: 1})
    await given.hear_shipments()
    await tell(db, platform, now=given.now)
    await given.after_sale(order, {1: 1}, reason=Reason.NOT_WANTED, state=AfterSaleState.REFUNDING)

    await given.hear_shipments()
    await tell(db, platform, now=given.now)

    told = await wechat.told(order)
    assert (told["content"]["delivery_mode"], told["content"]["is_all_delivered"]) == (2, True)
    assert (await given.upload(order)).is_all_told


async def test_a_pickup_is_told_when_it_is_handed_over(given, db, platform, wechat):
    order = await given.bought(fulfilment=Fulfilment.PICKUP)
    await given.hear_shipments()
    assert await tell(db, platform, now=given.now) == 0

    await given.units_arrive(order, by=Receiver.STORE)
    await given.hear_shipments()
    await tell(db, platform, now=given.now)

    content = (await wechat.told(order))["content"]
    assert (content["logistics_type"], content["delivery_mode"], len(content["shipping_list"])) == (4, 1, 1)
    await given.hear_shipments()
    assert (await given.upload(order)).state is UploadState.UPLOADED


async def test_a_corrected_number_is_told_again(given, db, platform, wechat):
    order, parcel = await sent_order(given)
    await tell(db, platform, now=given.now)

    await shipping.correct(
        db, shipment_id=parcel.id, carrier=Carrier.ZTO, tracking_number="78123456789012", by=new_id(), now=given.now
    )
    await tell(db, platform, now=given.now)

    told = await wechat.told(order)
    assert told["uploads"] == 2
    assert told["content"]["shipping_list"][0]["tracking_no"] == "78123456789012"


async def test_orders_that_wechat_has_no_money_of_are_not_told(given, db, platform):
    free = await given.bought(Goods(price_minor=0))
    await given.shipped(free)
    await given.hear_shipments()

    assert await tell(db, platform, now=given.now) == 0
    assert await db.rows(select(upload_table)) == []


async def test_hearing_twice_tells_once(given, db, platform, wechat):
    order, _ = await sent_order(given)
    await tell(db, platform, now=given.now)

    await given.hear_shipments()

    assert await tell(db, platform, now=given.now + timedelta(days=1)) == 0
    assert (await wechat.told(order))["uploads"] == 1


async def test_one_token_serves_many_uploads(given, db, wechat, platform):
    before = await wechat.tokens_given()
    for _ in range(5):
        await sent_order(given)

    assert await tell(db, platform, now=given.now) == 5

    assert await wechat.tokens_given() - before <= 1
    assert (await queries.count_uploads(db))[UploadState.DUE] == 0


async def test_a_token_that_ends_early_is_renewed_at_once(given, db, wechat, platform):
    first, _ = await sent_order(given)
    await tell(db, platform, now=given.now)
    second, _ = await sent_order(given)
    await wechat.expire()

    await tell(db, platform, now=given.now)

    upload = await given.upload(second)
    assert (upload.state, upload.attempts, upload.error) == (UploadState.UPLOADED, 1, None)
    assert (await given.upload(first)).state is UploadState.UPLOADED


async def test_a_token_is_renewed_before_it_ends(given, db, wechat, platform):
    await sent_order(given)
    await tell(db, platform, now=given.now)
    await wechat.expire()
    tokens = await wechat.tokens_given()
    order, _ = await sent_order(given)

    await tell(db, platform, now=given.now + timedelta(seconds=7200 - 200))

    assert (await given.upload(order)).attempts == 1
    assert await wechat.tokens_given() == tokens + 1


@pytest.mark.parametrize("errcode", [-1, 45009, 10060001, 500])
async def test_what_wechat_does_not_take_now_is_told_later_and_later(given, db, platform, wechat, errcode):
    order, _ = await sent_order(given)
    await wechat.fail(errcode, times=2)

    await tell(db, platform, now=given.now)
    once = await given.upload(order)
    assert await tell(db, platform, now=once.retry_at - SECOND / 10) == 0
    await tell(db, platform, now=once.retry_at)
    twice = await given.upload(order)
    await tell(db, platform, now=twice.retry_at)

    assert (once.state, once.attempts, twice.attempts) == (UploadState.DUE, 1, 2)
    assert str(errcode) in once.error
    assert twice.retry_at - once.retry_at == 2 * (once.retry_at - given.now)
    done = await given.upload(order)
    assert (done.state, done.error) == (UploadState.UPLOADED, None)


@pytest.mark.parametrize("errcode", [10060002, 10060023])
async def test_what_wechat_knows_already_is_told(given, db, platform, wechat, errcode):
    order, _ = await sent_order(given)
    await wechat.fail(errcode)

    await tell(db, platform, now=given.now)

    assert (await given.upload(order)).state is UploadState.UPLOADED


async def test_what_wechat_refuses_waits_for_staff(given, db, platform, wechat):
    order, _ = await sent_order(given)
    await wechat.fail(10060004)
    await tell(db, platform, now=given.now)

    refused = await given.upload(order)
    assert (refused.state, refused.retry_at) == (UploadState.REFUSED, None)
    assert "10060004" in refused.error
    assert await tell(db, platform, now=given.now + timedelta(days=1)) == 0
    assert await queries.count_uploads(db) == {UploadState.DUE: 0, UploadState.REFUSED: 1}

    for _ in range(2):
        await uploading.retry(db, order_id=order.id, by=new_id(), now=given.now)
    await tell(db, platform, now=given.now)
    assert (await given.upload(order)).state is UploadState.UPLOADED
    assert (await db.column(select(deeds.c.deed))).count("retry_upload") == 1


@pytest.mark.parametrize("is_heard", [True, False])
async def test_an_order_refunded_whole_is_told_no_more(given, db, platform, wechat, is_heard):
    order, _ = await sent_order(given)
    await given.after_sale(order, state=AfterSaleState.REFUNDED)
    if is_heard:
        await given.hear_shipments()

    tried = await tell(db, platform, now=given.now)
    await given.hear_shipments()

    assert tried == (0 if is_heard else 1)
    assert await wechat.told(order) is None
    upload = await given.upload(order)
    assert (upload.state, upload.told, upload.error) == (UploadState.UPLOADED, 0, uploads.REFUNDED_WHOLE)
    assert await queries.count_uploads(db) == {UploadState.DUE: 0, UploadState.REFUSED: 0}
    assert await tell(db, platform, now=given.now + timedelta(days=1)) == 0


async def test_nobody_has_to_look_at_what_was_refused_and_then_refunded(given, db, platform, wechat):
    order, _ = await sent_order(given)
    await wechat.fail(10060004)
    await tell(db, platform, now=given.now)

    await given.after_sale(order, state=AfterSaleState.REFUNDED)
    await given.hear_shipments()

    assert await queries.count_uploads(db) == {UploadState.DUE: 0, UploadState.REFUSED: 0}


async def test_only_what_went_wrong_is_retried(given, db, platform):
    order, _ = await sent_order(given)
    await tell(db, platform, now=given.now)

    with pytest.raises(UploadNotRetryable):
        await uploading.retry(db, order_id=order.id, by=new_id(), now=given.now)
    with pytest.raises(NotFound):
        await uploading.retry(db, order_id=new_id(), by=new_id(), now=given.now)


async def test_a_wrong_secret_is_seen_and_mended(given, db, wechat, platform):
    order, _ = await sent_order(given)
    stranger = wechat.client(secret="another secret")

    await tell(db, stranger, now=given.now)
    await stranger.platform.hang_up()

    upload = await given.upload(order)
    assert upload.state is UploadState.DUE
    assert "40125" in upload.error
    await tell(db, platform, now=upload.retry_at)
    assert (await given.upload(order)).state is UploadState.UPLOADED


async def test_who_died_after_telling_tells_again_and_it_counts_once(given, db, platform, wechat):
    order, _ = await sent_order(given)
    async with db.transaction() as tx:
        [taken] = await uploads.take_due(tx, now=given.now, limit=1)
    telling, _ = await uploading._telling(db, order.id)
    await platform.upload(telling, now=given.now)  # and then nothing is written down: we died

    assert await tell(db, platform, now=given.now) == 0
    assert await tell(db, platform, now=taken.until) == 1

    assert (await given.upload(order)).state is UploadState.UPLOADED
    assert (await wechat.told(order))["uploads"] == 1


async def test_a_parcel_that_leaves_while_wechat_is_told_is_told_next(given, db, platform, wechat):
    order = await given.bought(Goods(quantity=2))
    await given.shipped(order, {1: 1})
    await given.hear_shipments()
    async with db.transaction() as tx:
        [taken] = await uploads.take_due(tx, now=given.now, limit=1)
    telling, parcels = await uploading._telling(db, order.id)
    await given.shipped(order)
    await given.hear_shipments(now=given.now + SECOND)

    async with db.transaction() as tx:
        await uploads.note_told(tx, taken, telling, parcels=parcels, now=given.now)

    assert (await given.upload(order)).state is UploadState.DUE
    await tell(db, platform, now=given.now + SECOND)
    assert (await given.upload(order)).told == 2


async def test_many_tellers_tell_each_order_once(given, db, platform, wechat):
    orders = [(await sent_order(given))[0] for _ in range(10)]

    counts = await asyncio.gather(*(uploading.upload_due(db, platform, now=given.now, limit=3) for _ in range(8)))

    assert sum(counts) == 10
    assert {(await wechat.told(order))["uploads"] for order in orders} == {1}


async def test_of_many_parcels_the_newest_ten_are_told(given, db, platform, wechat):
    order = await given.bought(Goods(quantity=12))
    parcels = [await given.shipped(order, {1: 1}) for _ in range(12)]
    await given.hear_shipments()

    await tell(db, platform, now=clock.now())

    numbers = [parcel["tracking_no"] for parcel in (await wechat.told(order))["content"]["shipping_list"]]
    assert numbers == [parcel.tracking_number for parcel in parcels[-10:]]
    assert (await given.upload(order)).told == 12


def test_items_are_described_within_wechats_limit():
    titles = {1: "桂" * 200, 2: "米酒"}

    assert uploads.described(titles, {2: 3}) == "米酒*3"
    assert len(uploads.described(titles, {1: 1, 2: 3})) == 120


@pytest.mark.parametrize("address", ["wechat_platform_url", "tracking_url"])
def test_an_address_without_its_keys_is_no_setting(settings, address):
    with pytest.raises(ValueError, match=f"{address} is set"):
        type(settings).model_validate({address: "https://company.example"})
