"""Coupons that the house gives: once for a key, counted like claims, and no shopper's business to claim."""

import asyncio

import pytest

from domain.checkout.rules import CouponUnknown
from domain.coupons import actions, queries, store
from domain.coupons.rules import ClaimPlace, CouponsGone, CouponsNotYet, CouponsOnlyGiven, CouponsOver
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from tests.audit import assert_clean
from tests.given.coupons import DAY


async def granted(given, batch_id, account_id, key="gift:1", *, now=None):
    async with given.db.transaction() as tx:
        return await store.grant(tx, batch_id, account_id, grant_key=key, now=now or given.now)


async def claim(given, batch, shopper_id, key="claim-key-1"):
    desk = given.coupon_desk()
    return await desk.claim(batch_id=batch.id, shopper_id=shopper_id, idempotency_key=key, now=given.now)


async def test_one_key_gives_one_coupon_however_often_and_at_once(given):
    batch, shopper = await given.batch(claimable_in=ClaimPlace.NOWHERE), await given.shopper()

    coupons = await asyncio.gather(*(granted(given, batch.id, shopper) for _ in range(8)))

    assert len({coupon.id for coupon in coupons}) == 1
    assert coupons[0].is_granted
    assert coupons[0].usable_until == given.now + 7 * DAY
    assert (await given.batch_again(batch.id)).claimed == 1
    await assert_clean(given.market)


async def test_what_is_given_does_not_count_towards_what_one_may_claim(given):
    batch, shopper = await given.batch(per_shopper=1), await given.shopper()
    for number in range(3):
        await granted(given, batch.id, shopper, f"gift:{number}")

    assert not (await claim(given, batch, shopper)).is_granted

    assert await queries.claimed_by(given.db, shopper, [batch.id]) == {batch.id: 1}
    assert (await given.batch_again(batch.id)).claimed == 4
    await assert_clean(given.market)


async def test_nobody_claims_what_only_the_house_gives(given):
    batch = await given.batch(claimable_in=ClaimPlace.NOWHERE)

    with pytest.raises(CouponsOnlyGiven):
        await claim(given, batch, await given.shopper())

    assert not (await given.batch_again(batch.id)).is_claimable(given.now)
    assert (await queries.claimable_batches(given.db, now=given.now, first=10)).rows == []


async def test_a_batch_that_is_gone_or_out_of_its_window_gives_nothing(given):
    shopper = await given.shopper()
    gone, later = await given.batch(pieces=1), await given.batch(claimable_from=given.now + DAY / 2)
    await granted(given, gone.id, await given.shopper())

    for batch_id, now, refusal in [
        (gone.id, given.now, CouponsGone),
        (later.id, given.now, CouponsNotYet),
        (later.id, given.now + DAY, CouponsOver),
        (new_id(), given.now, NotFound),
    ]:
        with pytest.raises(refusal):
            await granted(given, batch_id, shopper, now=now)

    assert (await queries.of_shopper(given.db, shopper, state=None, now=given.now, first=1)).rows == []
    await assert_clean(given.market)


async def test_a_key_stands_for_one_batch_and_is_nobodys_to_guess(given):
    one, other, shopper = await given.batch(), await given.batch(), await given.shopper()
    await granted(given, one.id, shopper)

    with pytest.raises(IdempotencyConflict):
        await granted(given, other.id, shopper)
    with pytest.raises(BadInput):
        await claim(given, one, shopper, key="grant/gift:2")

    assert (await given.batch_again(other.id)).claimed == 0


async def test_many_are_given_as_far_as_the_pieces_go(given):
    batch, shoppers = await given.batch(pieces=2), await given.shoppers(3)

    async with given.db.transaction() as tx:
        answers = await store.grant_many(tx, batch.id, [(shopper, "gift:1") for shopper in shoppers], now=given.now)

    assert [type(answer).__name__ for answer in answers] == ["Coupon", "Coupon", "CouponsGone"]
    assert (await given.batch_again(batch.id)).left == 0
    await assert_clean(given.market)


async def test_a_batch_gets_more_pieces_and_never_fewer(given):
    batch = await given.batch(pieces=1)

    for _ in range(2):
        raised = await actions.raise_pieces(given.db, batch_id=batch.id, pieces=5, by=new_id(), now=given.now)
    assert (raised.pieces, raised.left) == (5, 5)
    for pieces in (4, 10_000_001):
        with pytest.raises(BadInput):
            await actions.raise_pieces(given.db, batch_id=batch.id, pieces=pieces, by=new_id(), now=given.now)
    with pytest.raises(NotFound):
        await actions.raise_pieces(given.db, batch_id=new_id(), pieces=5, by=new_id(), now=given.now)

    assert (await given.batch_again(batch.id)).pieces == 5


async def test_what_is_withdrawn_counts_no_more_and_an_order_that_has_it_keeps_its_discount(given):
    shopper = await given.shopper()
    kept, used = await given.coupon(shopper), await given.coupon(shopper)
    tea = await given.sku(price_minor=6000)
    order = await given.placed(
        await given.delivery_wish({tea: 1}, shopper, coupon_code=used.code), source=given.coupons
    )

    async with given.db.transaction() as tx:
        await store.withdraw(tx, [kept.id, used.id])

    assert (await given.order_again(order.id)).discount.minor == 1000
    assert await store.coupon_of_order(given.db, order.id) == used.id
    for coupon in (kept, used):
        assert (await given.coupon_again(coupon.id)).usable_until == coupon.claimed_at
        with pytest.raises(CouponUnknown):
            wish = await given.delivery_wish({tea: 1}, shopper, coupon_code=coupon.code)
            await given.placed(wish, expected=5000, source=given.coupons)
    await assert_clean(given.market)
