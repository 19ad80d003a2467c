"""Claiming: nobody gets a piece too many, whoever comes at once."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from domain.coupons import store
from domain.coupons.rules import (
    ClaimPlace,
    Coupon,
    CouponLimitReached,
    CouponsGone,
    CouponsOnlyInRoom,
    new_code,
)
from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from tests.audit import assert_clean
from tests.statements import count_statements

CLAIM_STATEMENTS = 4
"""Lock the batch, look for what the claimers have, write, count: however many claim together."""


def claims(given, batch, shoppers, *, desks=1, key="claim-key-1"):
    """One claim of each, by as many processes."""
    at = [given.coupon_desk() for _ in range(desks)]
    return [
        at[number % desks].claim(batch_id=batch.id, shopper_id=shopper_id, idempotency_key=key, now=given.now)
        for number, shopper_id in enumerate(shoppers)
    ]


async def gather(work):
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    return outcomes, Counter(map(type, outcomes))


async def test_two_hundred_at_once_claim_fifty_pieces(given):
    batch = await given.batch(pieces=50)

    outcomes, kinds = await gather(claims(given, batch, await given.shoppers(200), desks=3))

    assert kinds == {Coupon: 50, CouponsGone: 150}
    assert len({outcome.code for outcome in outcomes if isinstance(outcome, Coupon)}) == 50
    assert (await given.batch_again(batch.id)).left == 0
    await assert_clean(given.market)


async def test_claims_wait_for_keys_in_one_order_in_whatever_order_they_came(given):
    """Or two batches that the same people claim at once, under the same keys, would wait for each other."""
    low, high = sorted(await given.shoppers(2))
    taken, wanted, other = [await given.batch() for _ in range(3)]

    async with given.db.transaction() as tx:
        await store.add_coupons(tx, taken, [coupon(given, taken, low)])
        waiting = asyncio.create_task(gather(claims(given, wanted, [high, low])))
        await a_lock_is_waited_for(given)
        [free], _ = await asyncio.wait_for(gather(claims(given, other, [high])), 5)
    _, kinds = await waiting

    assert isinstance(free, Coupon)
    assert kinds == {IdempotencyConflict: 2}


async def a_lock_is_waited_for(given):
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while not await given.db.value(waits):
        await asyncio.sleep(0.01)


def coupon(given, batch, shopper_id):
    moments = (given.now, batch.end_of_use(given.now))
    return Coupon(new_id(), batch.id, shopper_id, new_code(), "claim-key-1", *moments)


async def test_one_shopper_in_a_hurry_gets_what_one_may_have(given):
    batch = await given.batch(per_shopper=3)
    shopper_id = await given.shopper()
    desks = [given.coupon_desk() for _ in range(3)]

    _, kinds = await gather(
        desks[number % 3].claim(
            batch_id=batch.id, shopper_id=shopper_id, idempotency_key=f"claim-{number:03d}", now=given.now
        )
        for number in range(30)
    )

    assert kinds == {Coupon: 3, CouponLimitReached: 27}
    assert (await given.batch_again(batch.id)).claimed == 3
    await assert_clean(given.market)


async def test_the_same_key_twenty_times_at_once_is_one_coupon(given):
    batch = await given.batch(per_shopper=20)

    outcomes, kinds = await gather(claims(given, batch, [await given.shopper()] * 20, desks=3))

    assert kinds == {Coupon: 20}
    assert len({outcome.id for outcome in outcomes}) == 1
    assert (await given.batch_again(batch.id)).claimed == 1


async def test_one_key_for_two_batches_at_once_claims_of_one(given):
    one, other = await given.batch(), await given.batch()
    shopper_id = await given.shopper()

    _, kinds = await gather(
        given.coupon_desk().claim(
            batch_id=batch.id, shopper_id=shopper_id, idempotency_key="claim-key-1", now=given.now
        )
        for batch in (one, other)
    )

    assert kinds == {Coupon: 1, IdempotencyConflict: 1}
    assert (await given.batch_again(one.id)).claimed + (await given.batch_again(other.id)).claimed == 1
    await assert_clean(given.market)


async def test_who_is_refused_gets_nothing_and_changes_nothing(given):
    batch = await given.batch(claimable_in=ClaimPlace.ROOM)
    claim = {"batch_id": batch.id, "shopper_id": await given.shopper(), "now": given.now}

    with pytest.raises(CouponsOnlyInRoom):
        await given.coupon_desk().claim(**claim, idempotency_key="claim-key-1")
    with pytest.raises(BadInput):
        await given.coupon_desk(is_dropped=True).claim(**claim, idempotency_key="key")
    with pytest.raises(NotFound):
        await given.coupon_desk().claim(**{**claim, "batch_id": new_id()}, idempotency_key="claim-key-1")

    assert (await given.batch_again(batch.id)).claimed == 0
    # a refusal has not used the key up
    assert await given.coupon_desk(is_dropped=True).claim(**claim, idempotency_key="claim-key-1")


async def test_claims_that_come_together_cost_what_one_costs(given):
    batch = await given.batch(pieces=1000)
    shoppers = await given.shoppers(120)
    given.coupon_desk()

    with count_statements(given.db) as sent:
        await asyncio.gather(*claims(given, batch, shoppers))

    assert len(sent) == CLAIM_STATEMENTS, "\n".join(sent)
