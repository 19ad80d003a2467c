"""The rules one by one: which price counts, what a coupon takes off, from how much on an order is taken."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR, Money
from domain.pricing.engine import Basket, Goods, price, struck_through
from domain.pricing.rules import (
    MOST_LINES,
    MOST_UNITS,
    AmountTooLarge,
    BelowMinimum,
    Coupon,
    CouponNotUsable,
    DestinationMissing,
    Fulfilment,
    MembersOnly,
    Offers,
    PointsToSpend,
    PricedLine,
    Quote,
    Rule,
    Step,
    Wanted,
    merged,
)
from domain.pricing.shares import split
from tests.conftest import NOON
from tests.pricing.baskets import EVENING, HOURS, LADDER, STORE, goods, sale

CODE = UUID(int=9)
FIVE_OFF = Coupon(CODE, amount_minor=500)


def line_of(given: Goods, *, member_minor: int | None = None, at=NOON, **about) -> PricedLine:
    members = {} if member_minor is None else {given.sku_id: member_minor}
    (line,) = price(Basket((given,), offers=Offers(members), **about), now=at).lines
    return line


def test_a_live_price_counts_where_it_is_the_lowest() -> None:
    on_air = Offers({goods().sku_id: 900}, live_prices={goods().sku_id: 800})

    for sale_minor, unit_minor, rule in (
        (None, 800, Rule.LIVE_PRICE),
        (800, 800, Rule.SALE_PRICE),
        (799, 799, Rule.SALE_PRICE),
    ):
        sales = () if sale_minor is None else (sale(sale_minor),)
        (line,) = price(Basket((goods(quantity=2, sale_prices=sales),), offers=on_air), now=NOON).lines
        assert (line.unit_price_minor, line.total_minor) == (unit_minor, 2 * unit_minor)
        assert line.explanation[-1] == Step(rule, 2 * (unit_minor - 1000), line.explanation[-1].facts)


def quote_of(*lines: Goods, coupon: Coupon | None = None, **about) -> Quote:
    return price(Basket(lines, offers=Offers(coupon=coupon), **about), now=NOON)


def test_a_line_without_any_rule_costs_what_the_list_says() -> None:
    line = line_of(goods(quantity=3))

    assert (line.unit_price_minor, line.total_minor) == (1000, 3000)
    assert line.explanation == (Step(Rule.LIST, 3000, {"unit_minor": 1000, "quantity": 3}),)


@pytest.mark.parametrize(
    ("sale_minor", "member_minor", "at", "unit_minor", "rule"),
    [
        (800, None, NOON, 800, Rule.SALE_PRICE),
        (None, 900, NOON, 900, Rule.MEMBER_PRICE),
        (800, 900, NOON, 800, Rule.SALE_PRICE),
        (900, 800, NOON, 800, Rule.MEMBER_PRICE),
        (800, 800, NOON, 800, Rule.SALE_PRICE),
        (None, None, EVENING, 500, Rule.LADDER),
        (None, 499, EVENING, 499, Rule.MEMBER_PRICE),
        (None, 500, EVENING, 500, Rule.MEMBER_PRICE),
        (None, None, NOON, 1000, Rule.LIST),
        (1000, 1000, NOON, 1000, Rule.LIST),
        (1200, 1100, NOON, 1000, Rule.LIST),
    ],
)
def test_the_lowest_price_counts_and_no_two_stack(sale_minor, member_minor, at, unit_minor, rule) -> None:
    sales = () if sale_minor is None else (sale(sale_minor),)
    pickup = {"fulfilment": Fulfilment.PICKUP, "store_id": STORE, "ladder": LADDER}

    line = line_of(goods(quantity=2, sale_prices=sales, is_on_ladder=True), member_minor=member_minor, at=at, **pickup)

    assert (line.unit_price_minor, line.explanation[-1].rule) == (unit_minor, rule)
    assert len(line.explanation) == (1 if rule is Rule.LIST else 2)


def test_of_overlapping_sale_prices_the_lowest_counts() -> None:
    line = line_of(goods(sale_prices=(sale(900), sale(700), sale(800))))

    assert line.unit_price_minor == 700


@pytest.mark.parametrize(("at", "unit_minor"), [(-1, 1000), (0, 800), (1, 1000)])
def test_a_sale_price_holds_from_its_start_until_before_its_end(at: int, unit_minor: int) -> None:
    window = goods(sale_prices=(sale(800, starts_at=NOON, ends_at=NOON + HOURS),))

    assert line_of(window, at=NOON + at * HOURS).unit_price_minor == unit_minor


@pytest.mark.parametrize(
    ("is_on_ladder", "fulfilment", "ladder", "unit_minor"),
    [
        (True, Fulfilment.PICKUP, LADDER, 500),
        (False, Fulfilment.PICKUP, LADDER, 1000),
        (True, Fulfilment.DELIVERY, LADDER, 1000),
        (True, None, LADDER, 1000),
        (True, Fulfilment.PICKUP, None, 1000),
    ],
)
def test_a_ladder_is_for_its_goods_fetched_at_its_store(is_on_ladder, fulfilment, ladder, unit_minor) -> None:
    line = line_of(goods(is_on_ladder=is_on_ladder), at=EVENING, fulfilment=fulfilment, store_id=STORE, ladder=ladder)

    assert line.unit_price_minor == unit_minor


def test_a_pickup_without_a_store_is_not_final() -> None:
    quote = quote_of(goods(), fulfilment=Fulfilment.PICKUP)

    assert quote.problems == (DestinationMissing(fulfilment=Fulfilment.PICKUP),)


def test_what_is_free_at_half_past_eleven_stays_free_with_a_coupon() -> None:
    at = EVENING.replace(hour=23, minute=30)
    basket = Basket((goods(is_on_ladder=True),), Fulfilment.PICKUP, store_id=STORE, ladder=LADDER)

    quote = price(basket, now=at)
    with_coupon = price(replace(basket, offers=Offers(coupon=FIVE_OFF)), now=at)

    assert (quote.total_minor, quote.problems) == (0, ())
    assert (with_coupon.total_minor, with_coupon.problems) == (0, (CouponNotUsable(Money(0), Money(0)),))


def test_a_coupon_is_shared_by_worth_to_the_fen() -> None:
    quote = quote_of(goods(1, list_minor=333), goods(2, list_minor=333), goods(3, list_minor=334), coupon=FIVE_OFF)

    assert [line.discount_minor for line in quote.lines] == [167, 166, 167]
    assert (quote.goods_minor, quote.discount_minor, quote.total_minor) == (1000, 500, 500)


@pytest.mark.parametrize(
    ("coupon", "discount"),
    [
        (Coupon(CODE, amount_minor=500), 500),
        (Coupon(CODE, amount_minor=99_999), 3000),
        (Coupon(CODE, amount_minor=0), 0),
        (Coupon(CODE, percent=10), 300),
        (Coupon(CODE, percent=100), 3000),
        (Coupon(CODE, percent=50, cap_minor=700), 700),
        (Coupon(CODE, percent=10, cap_minor=0), 0),
        (Coupon(CODE, amount_minor=500, threshold_minor=3000), 500),
        (Coupon(CODE, amount_minor=500, sku_ids=frozenset({UUID(int=2)})), 500),
        (Coupon(CODE, amount_minor=5000, sku_ids=frozenset({UUID(int=2)})), 2000),
    ],
)
def test_what_a_coupon_takes_off(coupon: Coupon, discount: int) -> None:
    quote = quote_of(goods(1), goods(2, quantity=2), coupon=coupon)

    assert (quote.discount_minor, quote.problems) == (discount, ())


def test_a_percentage_that_does_not_divide_is_in_the_shoppers_favour() -> None:
    assert quote_of(goods(list_minor=999), coupon=Coupon(CODE, percent=10)).total_minor == 899


@pytest.mark.parametrize(
    ("coupon", "eligible"),
    [
        (Coupon(CODE, amount_minor=500, threshold_minor=1801), 1800),
        (Coupon(CODE, amount_minor=500, threshold_minor=1001, stacks_with_sale_prices=False), 1000),
        (Coupon(CODE, amount_minor=500, threshold_minor=1001, sku_ids=frozenset({UUID(int=1)})), 1000),
        (Coupon(CODE, amount_minor=500, sku_ids=frozenset({UUID(int=3)})), 0),
    ],
)
def test_a_coupon_needs_enough_eligible_goods(coupon: Coupon, eligible: int) -> None:
    quote = quote_of(goods(1), goods(2, sale_prices=(sale(800),)), coupon=coupon)

    assert quote.discount_minor == 0
    assert quote.problems == (CouponNotUsable(Money(coupon.threshold_minor), Money(eligible)),)


def test_a_coupon_that_does_not_stack_leaves_sale_prices_alone() -> None:
    quote = quote_of(
        goods(1),
        goods(2, sale_prices=(sale(800),)),
        coupon=Coupon(CODE, amount_minor=500, stacks_with_sale_prices=False),
    )

    assert [line.discount_minor for line in quote.lines] == [500, 0]


def test_a_members_price_does_not_stand_in_a_coupons_way() -> None:
    offers = Offers({UUID(int=1): 900}, Coupon(CODE, amount_minor=500, stacks_with_sale_prices=False))

    quote = price(Basket((goods(1),), offers=offers), now=NOON)

    assert (quote.discount_minor, quote.problems) == (500, ())


@pytest.mark.parametrize(
    ("offered", "points", "minor"),
    [
        (PointsToSpend(300, per_yuan=100, most_percent=50), 300, 300),
        (PointsToSpend(9999, per_yuan=100, most_percent=50), 1250, 1250),
        (PointsToSpend(9999, per_yuan=100, most_percent=100), 2500, 2500),
        (PointsToSpend(9999, per_yuan=1000, most_percent=50), 9990, 999),
        (PointsToSpend(7, per_yuan=10, most_percent=50), 7, 70),
        (PointsToSpend(2, per_yuan=333, most_percent=50), 0, 0),
        (PointsToSpend(9999, per_yuan=100, most_percent=0), 0, 0),
    ],
)
def test_points_are_worth_whole_fen_within_their_limit_after_the_coupon(
    offered: PointsToSpend, points: int, minor: int
) -> None:
    quote = price(Basket((goods(1), goods(2, quantity=2)), offers=Offers(coupon=FIVE_OFF, points=offered)), now=NOON)

    assert (quote.points, quote.discount_minor, quote.total_minor) == (points, 500 + minor, 2500 - minor)


def test_a_line_says_how_many_points_are_its_own() -> None:
    offered = Offers(points=PointsToSpend(100, per_yuan=100, most_percent=50))

    one, other = price(Basket((goods(1), goods(2, quantity=2)), offers=offered), now=NOON).lines

    assert one.explanation[-1] == Step(Rule.POINTS, -33, {"points": 33})
    assert other.explanation[-1] == Step(Rule.POINTS, -67, {"points": 67})
    assert other.explanation[-1].words() == "67 积分抵扣 ¥0.67"


def test_what_is_sold_to_members_only_is_a_problem_for_others() -> None:
    offers = Offers(members_only=frozenset({UUID(int=2)}))

    assert price(Basket((goods(1), goods(2)), offers=offers), now=NOON).problems == (MembersOnly(UUID(int=2)),)


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (100, {1: 1, 2: 1, 3: 1}, {1: 34, 2: 33, 3: 33}),
        (100, {3: 1, 2: 1, 1: 1}, {1: 34, 2: 33, 3: 33}),
        (10, {1: 10, 2: 26, 3: 64}, {1: 1, 2: 3, 3: 6}),
        (1, {1: 1, 2: 998}, {1: 0, 2: 1}),
        (7, {1: 0, 2: 3, 3: 0}, {1: 0, 2: 7, 3: 0}),
        (7, {1: 0, 2: 0}, {1: 0, 2: 0}),
        (0, {1: 5}, {1: 0}),
    ],
)
def test_the_largest_remainder_is_served_first(amount: int, weights: dict, shares: dict) -> None:
    found = split(amount, {UUID(int=key): weight for key, weight in weights.items()})

    assert found == {UUID(int=key): share for key, share in shares.items()}


@pytest.mark.parametrize(
    "about",
    [{}, {"amount_minor": 1, "percent": 1}, {"percent": 0}, {"percent": 101}, {"amount_minor": -1}],
)
def test_a_coupon_that_makes_no_sense_is_no_coupon(about) -> None:
    with pytest.raises(ValueError):
        Coupon(CODE, **about)


@pytest.mark.parametrize(
    ("goods_minor", "coupon", "short_by"),
    [(3800, None, None), (3799, None, 1), (4300, FIVE_OFF, None), (4299, FIVE_OFF, 1), (1, None, 3799)],
)
def test_a_delivery_begins_at_38_yuan_less_discounts(goods_minor: int, coupon: Coupon | None, short_by) -> None:
    quote = quote_of(
        goods(list_minor=goods_minor),
        coupon=coupon,
        fulfilment=Fulfilment.DELIVERY,
        region_code="310106",
        minimum_minor=3800,
    )

    expected = () if short_by is None else (BelowMinimum(Fulfilment.DELIVERY, Money(3800), Money(short_by)),)
    assert quote.problems == expected


def test_an_empty_basket_costs_nothing_and_has_no_minimum() -> None:
    quote = quote_of(fulfilment=Fulfilment.DELIVERY, region_code="310106", minimum_minor=3800)

    assert quote == Quote((), 0, 0, 0, 0)


def test_the_largest_price_times_the_most_units_is_a_problem_not_an_overflow() -> None:
    quote = quote_of(*(goods(n, quantity=MOST_UNITS, list_minor=LARGEST_MINOR) for n in range(1, 4)), coupon=FIVE_OFF)

    assert quote.goods_minor == 3 * MOST_UNITS * LARGEST_MINOR
    assert quote.total_minor == quote.goods_minor - 500
    assert quote.problems == (AmountTooLarge(),)


@pytest.mark.parametrize(
    ("lowest", "current", "shown"), [(None, 1000, None), (999, 1000, None), (1000, 1000, None), (1001, 1000, 1001)]
)
def test_nothing_lower_than_the_price_is_struck_through(lowest, current, shown) -> None:
    assert struck_through(lowest, above=current) == shown
    assert line_of(goods(list_minor=current, lowest_deal_minor=lowest)).struck_through_minor == shown


def test_every_step_is_a_sentence_in_two_languages() -> None:
    line = line_of(
        goods(quantity=2, is_on_ladder=True), at=EVENING, fulfilment=Fulfilment.PICKUP, store_id=STORE, ladder=LADDER
    )

    assert [step.words() for step in line.explanation] == ["原价 ¥10.00 × 2", "阶梯降价 50%，每件 ¥5.00，共省 ¥10.00"]
    assert [step.words("en") for step in line.explanation] == [
        "list price ¥10.00 × 2",
        "price ladder, 50 % off: ¥5.00 each, ¥10.00 off",
    ]


def test_a_sku_wanted_twice_is_one_line() -> None:
    one, other = new_id(), new_id()

    assert merged([Wanted(one, 2), Wanted(other, 1), Wanted(one, 3)]) == (Wanted(one, 5), Wanted(other, 1))


@pytest.mark.parametrize(
    "wanted",
    [
        [Wanted(CODE, 0)],
        [Wanted(CODE, -1)],
        [Wanted(CODE, MOST_UNITS + 1)],
        [Wanted(CODE, MOST_UNITS), Wanted(CODE, 1)],
        [Wanted(UUID(int=n), 1) for n in range(MOST_LINES + 1)],
    ],
)
def test_more_than_a_basket_holds_is_refused(wanted: list[Wanted]) -> None:
    with pytest.raises(BadInput, match="allowed"):
        merged(wanted)
