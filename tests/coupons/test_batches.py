"""What merchandisers do with batches."""

from dataclasses import replace

import pytest

from domain.coupons import actions, queries
from domain.coupons.queries import ForGoods
from domain.coupons.rules import CouponsOver
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import encode, new_id
from domain.trail import queries as trail


async def create(given, wish, *, by=None, key="batch-key-1"):
    return await actions.create(given.db, wish, by=by or new_id(), idempotency_key=key, now=given.now)


async def test_a_batch_is_kept_as_it_was_wished(given):
    sku_id, product = await given.sku(), await given.product()
    merchandiser = new_id()
    wish = given.new_batch(title=" 满减券 ", sku_ids=(sku_id, sku_id), product_ids=(product.id,))

    batch = await create(given, wish, by=merchandiser)

    assert await given.batch_again(batch.id) == batch
    assert (batch.title, batch.amount_minor, batch.left, batch.is_claimable(given.now)) == ("满减券", 1000, 100, True)
    assert await queries.goods_by_batch_ids(given.db, [batch.id]) == {batch.id: ForGoods((product.id,), (sku_id,))}
    (deed,) = (await trail.page(given.db, first=10)).rows
    assert (deed.deed, deed.by, deed.subject_id) == ("create_coupon_batch", merchandiser, batch.id)
    assert deed.facts == {
        "title": "满减券",
        "pieces": 100,
        "worth_minor": 1000,
        "goods": [encode("product", product.id), encode("sku", sku_id)],
    }


async def test_the_same_key_gives_the_same_batch(given):
    merchandiser, wish = new_id(), given.new_batch()
    batch = await create(given, wish, by=merchandiser)

    assert await create(given, wish, by=merchandiser) == batch
    with pytest.raises(IdempotencyConflict):
        await create(given, replace(wish, pieces=99), by=merchandiser)
    assert len((await queries.all_batches(given.db, first=10)).rows) == 1


@pytest.mark.parametrize("goods", [{"sku_ids": (new_id(),)}, {"product_ids": (new_id(),)}])
async def test_what_does_not_exist_cannot_be_named(given, goods):
    with pytest.raises(NotFound):
        await create(given, given.new_batch(**goods))

    assert (await queries.all_batches(given.db, first=10)).rows == []


async def test_what_cannot_be_is_not_kept(given):
    with pytest.raises(BadInput):
        await create(given, given.new_batch(pieces=0))

    assert (await queries.all_batches(given.db, first=10)).rows == []


async def test_a_stopped_batch_is_claimed_no_more_and_what_was_claimed_stays_good(given):
    batch = await given.batch()
    shopper_id = await given.shopper()
    claim = {"batch_id": batch.id, "now": given.now}
    mine = await given.coupon_desk().claim(**claim, shopper_id=shopper_id, idempotency_key="claim-me-1")

    stopped = [await actions.stop(given.db, batch_id=batch.id, by=new_id(), now=given.now) for _ in range(2)]

    assert stopped[0].stopped_at == stopped[1].stopped_at == given.now
    with pytest.raises(CouponsOver):
        await given.coupon_desk().claim(**claim, shopper_id=await given.shopper(), idempotency_key="claim-me-2")
    wish = await given.delivery_wish({await given.sku(price_minor=6000): 1}, shopper_id, coupon_code=mine.code)
    assert (await given.quote(wish, source=given.coupons)).discount_minor == 1000
    assert [deed.deed for deed in (await trail.page(given.db, first=10)).rows] == [
        "stop_coupon_batch",
        "create_coupon_batch",
    ]


async def test_what_does_not_exist_cannot_be_stopped(given):
    with pytest.raises(NotFound):
        await actions.stop(given.db, batch_id=new_id(), by=new_id(), now=given.now)
