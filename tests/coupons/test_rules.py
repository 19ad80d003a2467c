"""The rules of coupons without a database: which batches can be, who gets a piece, and which order has the coupon."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.coupons.rules import (
    Batch,
    Claim,
    ClaimPlace,
    Coupon,
    CouponLimitReached,
    CouponsGone,
    CouponsNotYet,
    CouponsOnlyInRoom,
    CouponsOver,
    CouponState,
    NewBatch,
    Use,
    check_batch,
    judge,
    new_code,
    settle,
)
from domain.foundation.errors import BadInput, IdempotencyConflict
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR
from tests.conftest import NOON

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WISH = NewBatch("新客券", 100, NOON, NOON + DAY, amount_minor=1000, threshold_minor=5000, usable_days=7)
LIN, MEI = new_id(), new_id()
FIRST, SECOND, THIRD = (new_id() for _ in range(3))


def batch(**terms):
    usual = {
        "amount_minor": 1000,
        "percent": None,
        "cap_minor": None,
        "threshold_minor": 5000,
        "stacks_with_sale_prices": True,
        "pieces": 3,
        "per_shopper": 1,
        "claimable_from": NOON,
        "claimable_until": NOON + DAY,
        "usable_days": 7,
        "usable_until": None,
        "claimable_in": ClaimPlace.EVERYWHERE,
    }
    return Batch(**{"id": new_id(), "title": "新客券", **usual, **terms})


def claim(shopper_id=LIN, key="claim-1", now=NOON):
    return Claim(shopper_id, key, now)


def judged(of, *claims, known=(), is_dropped=False):
    return judge(of, claims, known, is_dropped=is_dropped)


def kinds(answers):
    return [type(answer) for answer in answers]


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "券" * 61},
        {"title": "a\0b"},
        {"pieces": 0},
        {"pieces": 10_000_001},
        {"per_shopper": 0},
        {"per_shopper": 21},
        {"threshold_minor": -1},
        {"amount_minor": 0},
        {"amount_minor": None},
        {"percent": 10},
        {"cap_minor": 500},
        {"amount_minor": None, "percent": 10},
        {"amount_minor": None, "percent": 0, "cap_minor": 500},
        {"amount_minor": None, "percent": 101, "cap_minor": 500},
        {"amount_minor": LARGEST_MINOR // 100 + 1},
        {"amount_minor": None, "percent": 10, "cap_minor": LARGEST_MINOR // 100 + 1},
        {"claimable_until": NOON},
        {"claimable_until": NOON + 366 * DAY},
        {"claimable_until": datetime.max.replace(tzinfo=UTC)},
        {"usable_days": None},
        {"usable_days": 0},
        {"usable_days": 366},
        {"usable_until": NOON + DAY},
        {"usable_days": None, "usable_until": NOON + DAY - HOUR},
        {"usable_days": None, "usable_until": NOON + 367 * DAY},
        {"sku_ids": tuple(new_id() for _ in range(1001))},
    ],
)
def test_a_batch_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadInput):
        check_batch(replace(WISH, **wrong), now=NOON)


def test_the_largest_batch_may_be():
    check_batch(replace(WISH, amount_minor=LARGEST_MINOR // 100), now=NOON)
    check_batch(replace(WISH, amount_minor=None, percent=100, cap_minor=LARGEST_MINOR // 100), now=NOON)
    check_batch(replace(WISH, usable_days=None, usable_until=NOON + 366 * DAY), now=NOON)


def test_nobody_gets_a_piece_too_many():
    answers = judged(batch(pieces=2), *(claim(new_id()) for _ in range(4)))

    assert kinds(answers) == [Coupon, Coupon, CouponsGone, CouponsGone]


def test_one_shopper_gets_what_one_may_have():
    answers = judged(batch(per_shopper=2), *(claim(key=f"claim-{number}") for number in range(3)), claim(MEI))

    assert kinds(answers) == [Coupon, Coupon, CouponLimitReached, Coupon]


def test_what_was_claimed_before_counts():
    of = batch()
    (before,) = judged(of, claim())

    assert kinds(judged(replace(of, claimed=1), claim(key="claim-2"), known=[before])) == [CouponLimitReached]


def test_the_same_key_gives_the_same_coupon_also_when_all_are_gone():
    of = batch(pieces=1)

    first, again = judged(of, claim(), claim())

    assert again == first
    later = claim(now=NOON + 2 * DAY)
    assert judged(replace(of, claimed=1, stopped_at=NOON), later, known=[first]) == [first]


def test_a_key_that_another_batch_was_claimed_with_is_refused():
    (elsewhere,) = judged(batch(), claim())

    assert judged(batch(), claim(), known=[elsewhere]) == [IdempotencyConflict("claim-1")]


def test_the_window_is_half_open():
    of = batch()

    early, first, last, late = judged(
        replace(of, per_shopper=4, pieces=9),
        claim(key="claim-1", now=NOON - timedelta(microseconds=1)),
        claim(key="claim-2", now=NOON),
        claim(key="claim-3", now=NOON + DAY - timedelta(microseconds=1)),
        claim(key="claim-4", now=NOON + DAY),
    )

    assert kinds([early, first, last, late]) == [CouponsNotYet, Coupon, Coupon, CouponsOver]
    assert (early.claimable_from, late.ended_at) == (NOON, NOON + DAY)


def test_a_batch_that_was_stopped_is_over():
    (answer,) = judged(batch(stopped_at=NOON), claim())

    assert answer == CouponsOver(ended_at=NOON)


def test_what_is_for_rooms_is_claimed_once_a_room_dropped_it():
    of = batch(claimable_in=ClaimPlace.ROOM)

    assert judged(of, claim()) == [CouponsOnlyInRoom()]
    assert kinds(judged(of, claim(), is_dropped=True)) == [Coupon]


def test_a_coupon_counts_for_days_from_its_claim_or_until_one_moment():
    (for_days,) = judged(batch(), claim(now=NOON + HOUR))
    (until,) = judged(batch(usable_days=None, usable_until=NOON + 9 * DAY), claim(now=NOON + HOUR))

    assert for_days.usable_until == NOON + HOUR + 7 * DAY
    assert until.usable_until == NOON + 9 * DAY
    assert until.state(until.usable_until - HOUR) is CouponState.USABLE
    assert until.state(until.usable_until) is CouponState.EXPIRED
    assert replace(until, order_id=FIRST).state(NOON) is CouponState.USED


def test_codes_have_eighty_bits_and_no_letters_that_look_alike():
    codes = {new_code() for _ in range(1000)}

    assert len(codes) == 1000
    assert {len(code) for code in codes} == {16}
    assert not set("".join(codes)) & set("ILOU")


GONE = NOON - HOUR
"""When another order gave the coupon back."""


def outcome(*uses, order_id, is_living):
    changed = settle({use.order_id: use for use in uses}, order_id, is_living=is_living, now=NOON)
    after = {use.order_id: use for use in (*uses, *changed)}
    assert settle(after, order_id, is_living=is_living, now=NOON + HOUR) == [], "a second time, nothing changes"
    assert sum(use.given_back_at is None for use in after.values()) <= 1
    return changed


def test_an_order_that_ends_gives_its_coupon_back():
    assert outcome(Use(FIRST, None), order_id=FIRST, is_living=False) == [Use(FIRST, NOON)]


def test_an_order_that_lives_keeps_it():
    assert outcome(Use(FIRST, None), order_id=FIRST, is_living=True) == []


def test_an_order_that_was_revived_takes_its_coupon_again():
    assert outcome(Use(FIRST, GONE), Use(SECOND, GONE), order_id=FIRST, is_living=True) == [Use(FIRST, None)]


def test_an_order_that_was_revived_stands_without_a_coupon_that_is_used_elsewhere():
    assert outcome(Use(FIRST, GONE), Use(SECOND, None), order_id=FIRST, is_living=True) == [Use(FIRST, GONE, NOON)]


def test_what_the_other_order_gives_back_is_for_the_one_that_stands_without():
    """Or one coupon had taken something off two living orders, and would be free for a third."""
    uses = (Use(FIRST, GONE, GONE), Use(SECOND, None), Use(THIRD, GONE, NOON))

    assert outcome(*uses, order_id=SECOND, is_living=False) == [Use(SECOND, NOON), Use(FIRST, None)]


def test_an_order_that_stood_without_and_ends_gives_nothing_back():
    uses = (Use(FIRST, GONE, GONE), Use(SECOND, None))

    assert outcome(*uses, order_id=FIRST, is_living=False) == [Use(FIRST, GONE)]
