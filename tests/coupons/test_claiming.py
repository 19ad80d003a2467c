"""Claiming: nobody gets a piece too many, whoever comes at once."""

import asyncio
from collections import Counter

import pytest

from domain.coupons.rules import (
    ClaimPlace,
    Coupon,
    CouponLimitReached,
    CouponsGone,
    CouponsOnlyInRoom,
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


async def test_the_same_keys_at_two_batches_in_opposite_orders_do_not_lock_each_other_out(given):
    first, second = await given.batch(pieces=200), await given.batch(pieces=200)
    shoppers = await given.shoppers(200)

    outcomes, kinds = await gather(claims(given, first, shoppers) + claims(given, second, reversed(shoppers)))

    assert kinds == {Coupon: 200, IdempotencyConflict: 200}
    assert len({outcome.shopper_id for outcome in outcomes if isinstance(outcome, Coupon)}) == 200
    await assert_clean(given.market)


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
