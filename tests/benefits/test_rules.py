"""What a benefit can be, what several come to, and when a holding gives something."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from domain.benefits.occasions import Birthday, Occasion, first, occasions
from domain.benefits.rules import (
    MOST_BENEFITS,
    Benefit,
    BenefitKind,
    HolderSource,
    Holding,
    Privileges,
    check,
    credited,
    privileges,
)
from domain.foundation.clock import SHOP_ZONE, shop_day, shop_midnight
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.memberships.plan_rules import months_after

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
K = BenefitKind
BATCH, OTHER = str(new_id()), str(new_id())
COUPONS = Benefit(K.COUPONS, {"pieces": 2, "batch_id": BATCH})
GIFT = Benefit(K.BIRTHDAY_GIFT, {"points": 500})


def at_shop(*moment):
    return datetime(*moment, tzinfo=SHOP_ZONE).astimezone(UTC)


def holding(*benefits, source=HolderSource.MEMBERSHIP, starts_at=NOON, ends_at=None):
    return Holding(new_id(), new_id(), source, new_id(), benefits, starts_at, ends_at)


@pytest.mark.parametrize(
    "benefits",
    [
        [Benefit(K.MEMBER_PRICE, {"percent": 1})],
        [Benefit(K.MEMBER_PRICE, {"percent": 100})],
        [Benefit(K.FREE_DELIVERY, {"from_minor": 0})],
        [COUPONS, Benefit(K.COUPONS, {"pieces": 1, "batch_id": OTHER})],
        [Benefit(K.EARLY_ACCESS, {"minutes": 10}), Benefit(K.SERVICE_LANE, {"rank": 1}), GIFT],
        [Benefit(K.BIRTHDAY_GIFT, {"batch_id": BATCH})],
        [Benefit(K.MEMBER_ONLY_GOODS, {}), Benefit(K.POINTS_MULTIPLIER, {"percent": 150})],
    ],
)
def test_well_formed_benefits_pass_and_are_read_as_they_were_kept(benefits):
    check(benefits)

    assert [Benefit.read(benefit.kept()) for benefit in benefits] == benefits


@pytest.mark.parametrize(
    ("benefits", "words"),
    [
        ([], "0 entries; allowed: 1 to 20"),
        ([COUPONS] * (MOST_BENEFITS + 1), "21 entries"),
        ([Benefit(K.MEMBER_PRICE, {"percent": 0})], "percent of member_price is 0; allowed: 1 to 100"),
        ([Benefit(K.MEMBER_PRICE, {"percent": 101})], "101; allowed: 1 to 100"),
        ([Benefit(K.MEMBER_PRICE, {"percent": True})], "True; allowed"),
        ([Benefit(K.MEMBER_PRICE, {})], "has no terms; it takes percent"),
        ([Benefit(K.MEMBER_PRICE, {"percent": 90, "rank": 1})], "has percent and rank; it takes percent"),
        ([Benefit(K.FREE_DELIVERY, {"from_minor": -1})], "from_minor of free_delivery is -1"),
        ([Benefit(K.COUPONS, {"pieces": 1})], "it takes batch_id and pieces"),
        ([Benefit(K.COUPONS, {"pieces": 21, "batch_id": BATCH})], "pieces of coupons is 21; allowed: 1 to 20"),
        ([Benefit(K.COUPONS, {"pieces": 1, "batch_id": "x"})], "'x'; allowed: a UUID as text"),
        ([Benefit(K.BIRTHDAY_GIFT, {"points": 5, "batch_id": BATCH})], "it takes batch_id"),
        ([Benefit(K.MEMBER_ONLY_GOODS, {"rank": 1})], "it takes no terms"),
        ([Benefit(K.POINTS_MULTIPLIER, {"percent": 99})], "99; allowed: 100 to 1000"),
        ([GIFT, GIFT], "birthday_gift is there twice"),
        ([COUPONS, Benefit(K.COUPONS, {"pieces": 1, "batch_id": BATCH})], "coupons is there twice"),
    ],
)
def test_others_are_refused_by_name(benefits, words):
    with pytest.raises(BadInput, match=words):
        check(benefits)


def test_of_each_kind_the_best_counts():
    one = holding(
        Benefit(K.MEMBER_PRICE, {"percent": 95}),
        Benefit(K.EARLY_ACCESS, {"minutes": 10}),
        Benefit(K.SERVICE_LANE, {"rank": 1}),
        Benefit(K.POINTS_MULTIPLIER, {"percent": 150}),
    )
    other = holding(
        Benefit(K.MEMBER_PRICE, {"percent": 90}),
        Benefit(K.FREE_DELIVERY, {"from_minor": 3900}),
        Benefit(K.EARLY_ACCESS, {"minutes": 30}),
        Benefit(K.SERVICE_LANE, {"rank": 2}),
        Benefit(K.MEMBER_ONLY_GOODS, {}),
    )

    assert privileges([one, other]) == Privileges(
        member_price_percent=90,
        free_delivery_from_minor=3900,
        early_minutes=30,
        service_rank=1,
        has_member_only_goods=True,
        points_percent=150,
    )
    assert privileges([]) == Privileges()
    assert not Privileges().has_member_prices


def test_a_saving_is_owed_to_the_best_terms_and_of_equals_to_the_membership():
    level = holding(Benefit(K.MEMBER_PRICE, {"percent": 90}), source=HolderSource.LEVEL, starts_at=NOON - timedelta(1))
    card = holding(Benefit(K.MEMBER_PRICE, {"percent": 90}))
    better = holding(Benefit(K.MEMBER_PRICE, {"percent": 89}), source=HolderSource.STAFF)

    assert credited([level, card], K.MEMBER_PRICE) is card
    assert credited([level, card, better], K.MEMBER_PRICE) is better
    assert credited([level, card], K.FREE_DELIVERY) is None


def test_months_are_counted_from_the_beginning_by_the_shops_calendar():
    started = at_shop(2027, 1, 31, 0, 30)  # in London still the 30th

    months = list(islice(occasions(holding(COUPONS, starts_at=started), None), 15))

    assert months[0] == Occasion(started, 0, 0)
    assert [each.at for each in months[1:]] == [shop_midnight(shop_day(each.at)) for each in months[1:]]
    last_days = [shop_day(each.at - timedelta.resolution) for each in months[1:]]
    assert last_days[:3] == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]
    assert last_days[11:] == [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)]


@pytest.mark.parametrize(
    ("ends_at", "periods"),
    [
        (at_shop(2027, 3, 1), [0]),
        (at_shop(2027, 3, 1) + timedelta.resolution, [0, 1]),
        (at_shop(2028, 2, 1), list(range(12))),
        (at_shop(2027, 1, 31, 9), []),
    ],
)
def test_a_card_of_so_many_months_gives_so_many_times(ends_at, periods):
    card = holding(COUPONS, starts_at=at_shop(2027, 1, 31, 9), ends_at=ends_at)

    assert [each.period for each in occasions(card, None)] == periods


@pytest.mark.parametrize("number", [1, 2, 12])
@pytest.mark.parametrize("began_at", [at_shop(2027, 1, 31, 15), at_shop(2027, 2, 28), at_shop(2028, 2, 29, 23, 59)])
def test_a_plans_terms_of_a_month_bring_coupons_once_each(began_at, number):
    last_day = months_after(shop_day(began_at), number)
    card = holding(COUPONS, starts_at=began_at, ends_at=shop_midnight(last_day + timedelta(days=1)))

    assert len(list(occasions(card, None))) == number


def test_a_29th_of_february_is_kept_on_the_28th_in_common_years():
    leapling = Birthday(2, 29, NOON)

    gifts = list(islice(occasions(holding(GIFT), leapling), 3))

    assert gifts == [
        Occasion(shop_midnight(date(2027, 2, 28)), 0, 2027),
        Occasion(shop_midnight(date(2028, 2, 29)), 0, 2028),
        Occasion(shop_midnight(date(2029, 2, 28)), 0, 2029),
    ]


@pytest.mark.parametrize(
    ("starts_at", "set_at", "expected"),
    [
        (at_shop(2026, 11, 10), at_shop(2026, 11, 10), at_shop(2026, 11, 11)),
        (at_shop(2026, 11, 11, 12), at_shop(2026, 11, 10), at_shop(2026, 11, 11, 12)),
        (at_shop(2026, 11, 10), at_shop(2026, 11, 11, 23, 59), at_shop(2026, 11, 11, 23, 59)),
        (at_shop(2026, 11, 12), at_shop(2026, 11, 10), at_shop(2027, 11, 11)),
        (at_shop(2026, 11, 10), at_shop(2026, 11, 12), at_shop(2027, 11, 11)),
    ],
)
def test_a_gift_comes_at_the_first_moment_of_the_day_at_which_both_are_there(starts_at, set_at, expected):
    card = holding(GIFT, starts_at=starts_at)

    assert first(card, Birthday(11, 11, set_at), since=starts_at) == expected
    assert first(card, None, since=starts_at) is None


def test_months_and_birthdays_come_in_the_order_of_time_and_end_with_the_holding():
    card = holding(COUPONS, GIFT, starts_at=at_shop(2026, 11, 11, 12), ends_at=at_shop(2027, 1, 12))

    given = list(occasions(card, Birthday(12, 1, NOON)))

    assert [(each.position, each.period) for each in given] == [(0, 0), (1, 2026), (0, 1)]
