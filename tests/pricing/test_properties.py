"""What holds for every basket under all rules at once."""

from dataclasses import replace
from random import Random
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.foundation.money import LARGEST_MINOR
from domain.pricing.engine import Basket, price
from domain.pricing.rules import PROBLEMS, AmountTooLarge, Fulfilment, Rule
from domain.pricing.shares import split
from tests.pricing.baskets import EVENING, baskets, coupons

thorough = settings(max_examples=150, deadline=None)
OF_A_UNIT = {Rule.SALE_PRICE, Rule.LIVE_PRICE, Rule.MEMBER_PRICE, Rule.LADDER}


@given(basket=baskets())
@thorough
def test_the_shares_sum_to_the_whole_and_nothing_is_negative(basket: Basket) -> None:
    quote = price(basket, now=EVENING)

    assert quote.total_minor == quote.goods_minor - quote.discount_minor + quote.freight_minor >= 0
    assert quote.goods_minor == sum(line.unit_price_minor * line.quantity for line in quote.lines)
    assert quote.discount_minor == sum(line.discount_minor for line in quote.lines)
    assert quote.freight_minor == sum(line.freight_minor for line in quote.lines)
    for line in quote.lines:
        assert line.total_minor == line.unit_price_minor * line.quantity - line.discount_minor
        assert min(line.total_minor, line.discount_minor, line.freight_minor, line.unit_price_minor) >= 0
        assert line.unit_price_minor <= line.list_minor


@given(basket=baskets())
@thorough
def test_the_steps_lead_from_the_list_price_to_what_is_paid(basket: Basket) -> None:
    for line in price(basket, now=EVENING).lines:
        first, *others = line.explanation
        assert (first.rule, first.minor) == (Rule.LIST, line.list_minor * line.quantity)
        assert sum(step.minor for step in line.explanation if step.rule is not Rule.FREIGHT) == line.total_minor
        assert sum(step.minor for step in line.explanation) == line.total_minor + line.freight_minor
        assert sum(step.rule in OF_A_UNIT for step in others) <= 1
        order = [list(Rule).index(step.rule) for step in line.explanation]
        assert order == sorted(set(order))
        assert all(step.words(language) for step in line.explanation for language in ("zh", "en"))
        assert [type(step).read(step.kept()) for step in line.explanation] == list(line.explanation)


@given(basket=baskets())
@thorough
def test_points_are_taken_within_their_limits_and_every_one_is_on_a_line(basket: Basket) -> None:
    quote, offered = price(basket, now=EVENING), basket.offers.points
    steps = [step for line in quote.lines for step in line.explanation if step.rule is Rule.POINTS]

    assert quote.points == sum(step.facts["points"] for step in steps)
    taken_off = -sum(step.minor for step in steps)
    if offered is None:
        assert taken_off == 0
    else:
        before = quote.goods_minor - quote.discount_minor + taken_off
        assert quote.points <= offered.points
        assert taken_off <= before * offered.most_percent // 100
        assert taken_off * offered.per_yuan <= quote.points * 100 < taken_off * offered.per_yuan + 100


@given(basket=baskets())
@thorough
def test_a_members_freight_never_makes_it_dearer(basket: Basket) -> None:
    others = replace(basket.offers, free_delivery_from_minor=None)

    assert price(basket, now=EVENING).total_minor <= price(replace(basket, offers=others), now=EVENING).total_minor


@given(basket=baskets(), chance=st.randoms(use_true_random=False))
@thorough
def test_the_order_of_the_lines_changes_nobodys_price(basket: Basket, chance: Random) -> None:
    mixed = replace(basket, goods=tuple(chance.sample(basket.goods, len(basket.goods))))

    one, other = price(basket, now=EVENING), price(mixed, now=EVENING)

    assert replace(one, lines=()) == replace(other, lines=())
    assert {line.sku_id: line for line in one.lines} == {line.sku_id: line for line in other.lines}


@given(basket=baskets())
@thorough
def test_the_same_basket_has_the_same_quote(basket: Basket) -> None:
    assert price(basket, now=EVENING) == price(basket, now=EVENING)


@given(basket=baskets(coupon=coupons), more=st.integers(0, 5000))
@thorough
def test_more_coupon_never_makes_it_dearer(basket: Basket, more: int) -> None:
    coupon = basket.offers.coupon
    assert coupon is not None
    if coupon.percent is None:
        bigger = replace(coupon, amount_minor=(coupon.amount_minor or 0) + more)
    else:
        bigger = replace(coupon, percent=min(100, coupon.percent + more % 100))

    def total(offered: object) -> int:
        offers = replace(basket.offers, coupon=offered)  # type: ignore[arg-type]
        return price(replace(basket, offers=offers), now=EVENING).total_minor

    assert total(bigger) <= total(coupon) <= total(None)


@given(basket=baskets())
@thorough
def test_what_an_order_keeps_fits_into_the_books(basket: Basket) -> None:
    quote = price(basket, now=EVENING)

    assert all(isinstance(problem, PROBLEMS) for problem in quote.problems)
    if AmountTooLarge() not in quote.problems:
        assert max(quote.goods_minor, quote.total_minor, quote.freight_minor) <= LARGEST_MINOR


@given(basket=baskets())
@thorough
def test_freight_is_for_deliveries_and_ladders_for_pickups(basket: Basket) -> None:
    quote = price(basket, now=EVENING)

    if basket.fulfilment is not Fulfilment.DELIVERY:
        assert quote.freight_minor == 0
    if basket.fulfilment is not Fulfilment.PICKUP:
        assert Rule.LADDER not in {step.rule for line in quote.lines for step in line.explanation}


@given(
    amount=st.integers(0, 10**18),
    weights=st.dictionaries(st.integers(0, 99).map(lambda n: UUID(int=n)), st.integers(0, 10**18), min_size=1),
)
@thorough
def test_a_split_is_exact_and_fair(amount: int, weights: dict[UUID, int]) -> None:
    shares = split(amount, weights)

    whole = sum(weights.values())
    assert sum(shares.values()) == (amount if whole else 0)
    for key, share in shares.items():
        if whole:
            assert amount * weights[key] // whole <= share <= -(-amount * weights[key] // whole)
        if amount <= whole:
            assert share <= weights[key]
