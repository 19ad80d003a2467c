"""The money rule by properties: any sequence of requests, withdrawals and parcels, any amounts."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.after_sales import amounts
from domain.after_sales.amounts import NOTHING_TAKEN, Taken, Wish
from domain.after_sales.rules import AfterSaleLine, GoodsHaveLeft, GoodsMustComeBack, Kind, Reason
from domain.foundation.money import Money
from domain.orders.rules import Line, Order, OrderNotRefundable, OrderState, TooManyUnits

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)


def order(state=OrderState.PAID):
    return Order(
        id=UUID(int=8),
        number="26111100100001",
        shopper_id=UUID(int=1),
        state=state,
        total=Money(10_000),
        source=None,
        source_id=None,
        placed_at=NOON,
        pay_by=NOON,
    )


def line(quantity=3, total=100, freight=10, **changes):
    made = Line(UUID(int=8), 1, UUID(int=7), "桂花酒酿", quantity, Money(0), Money(total), freight=Money(freight))
    return replace(made, **changes)


def quote(some, wish, taken=NOTHING_TAKEN):
    (quoted,) = amounts.quote(order(), [some], {1: taken}, wish, now=NOON)
    return quoted


def refund(units, reason=Reason.NOT_WANTED):
    return Wish(Kind.REFUND, reason, {1: units})


def send_back(units, reason=Reason.NOT_WANTED):
    return Wish(Kind.RETURN, reason, {1: units})


def test_units_that_never_left_take_their_freight_along():
    assert quote(line(), refund(1)) == AfterSaleLine(1, 1, 1, goods_minor=33, freight_minor=3)
    assert quote(line(), refund(3)) == AfterSaleLine(1, 3, 3, goods_minor=100, freight_minor=10)


def test_freight_of_sent_units_stays_unless_the_merchant_is_at_fault():
    sent = line(shipped=3)

    changed_mind, broken = quote(sent, send_back(2)), quote(sent, send_back(2, Reason.DAMAGED))

    assert (changed_mind.goods_minor, changed_mind.freight_minor, changed_mind.freight_kept_minor) == (66, 0, 6)
    assert (broken.goods_minor, broken.freight_minor, broken.freight_kept_minor) == (66, 6, 0)


def test_sent_units_come_back_unless_the_merchant_is_at_fault():
    half_sent = line(shipped=1)

    assert quote(half_sent, refund(2)).unsent == 2
    assert quote(half_sent, refund(3, Reason.QUALITY)).unsent == 2
    with pytest.raises(GoodsMustComeBack) as refused:
        quote(half_sent, refund(3))
    assert refused.value.sent == 1
    with pytest.raises(TooManyUnits) as too_many:
        quote(half_sent, send_back(2))
    assert too_many.value.left == 1


@pytest.mark.parametrize(
    ("reason", "unsent"),
    [
        (Reason.DAMAGED, [0, 1, 2]),
        (Reason.WRONG_GOODS, [0, 1, 2]),
        (Reason.QUALITY, [0, 1, 2]),
        (Reason.NOT_ARRIVED, [1, 2, 2]),
        (Reason.BY_MERCHANT, [1, 2, 2]),
    ],
)
def test_who_complains_of_goods_has_them(reason, unsent):
    half_sent = line(shipped=1)

    assert [quote(half_sent, refund(units, reason)).unsent for units in (1, 2, 3)] == unsent


def test_a_second_complaint_is_of_the_next_units():
    first = quote(line(shipped=2), refund(1, Reason.DAMAGED))
    taken = Taken(first.goods_minor, first.freight_minor, open_quantity=1, open_unsent=first.unsent)

    assert [quote(line(shipped=2), refund(units, Reason.DAMAGED), taken).unsent for units in (1, 2)] == [0, 1]


def test_what_is_asked_for_is_not_asked_for_again():
    taken = Taken(goods_minor=33, freight_minor=3, open_quantity=1, open_unsent=1)

    assert quote(line(), refund(2), taken) == AfterSaleLine(1, 2, 2, goods_minor=67, freight_minor=7)
    with pytest.raises(TooManyUnits):
        quote(line(), refund(3), taken)
    with pytest.raises(TooManyUnits):
        quote(line(), Wish(Kind.REFUND, Reason.OTHER, {2: 1}))


def test_all_there_is():
    some = [line(), line(position=2, shipped=1, refunded=1, unsent=1), line(quantity=1, position=3, shipped=1)]

    everything = amounts.quote(order(), some, {}, Wish(Kind.REFUND, Reason.QUALITY, None), now=NOON)
    sent = amounts.quote(order(), some, {}, Wish(Kind.RETURN, Reason.QUALITY, None), now=NOON)

    assert [(one.position, one.quantity, one.unsent) for one in everything] == [(1, 3, 3), (2, 2, 1), (3, 1, 0)]
    assert [(one.position, one.quantity, one.unsent) for one in sent] == [(2, 1, 0), (3, 1, 0)]
    with pytest.raises(TooManyUnits):
        amounts.quote(order(), some[:1], {}, Wish(Kind.RETURN, Reason.QUALITY, None), now=NOON)


@pytest.mark.parametrize("state", [OrderState.PLACED, OrderState.LAPSED, OrderState.CANCELLED, OrderState.REFUNDED])
def test_an_order_without_money_gives_none_back(state):
    with pytest.raises(OrderNotRefundable):
        amounts.quote(order(state), [line()], {}, refund(1), now=NOON)


def test_a_parcel_that_was_faster_is_seen():
    asked = [AfterSaleLine(1, 2, 2, 66, 6)]

    amounts.check_unsent(asked, [line(shipped=1)])

    with pytest.raises(GoodsHaveLeft) as refused:
        amounts.check_unsent(asked, [line(shipped=2)])
    assert (refused.value.wanted, refused.value.left) == (2, 1)


@given(shares=st.lists(st.integers(0, 10**9), min_size=1, max_size=12), part=st.fractions(0, 1))
def test_what_was_agreed_is_divided_without_a_rest(shares, part):
    amount = int(sum(shares) * part)

    parts = amounts.divided(amount, shares)

    assert sum(parts) == amount
    assert all(0 <= one <= share for one, share in zip(parts, shares, strict=True))


@given(part=st.fractions(0, 1), goods=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**4)), min_size=1))
def test_each_line_gives_its_part_of_what_was_agreed(part, goods):
    asked = [AfterSaleLine(n, 2, 1, *money) for n, money in enumerate(goods, 1)]
    agreed = int(amounts.asked_minor(asked) * part)

    refunds = amounts.line_refunds(asked, agreed)

    assert sum(one.goods_minor + one.freight_minor for one in refunds) == agreed
    for one, wanted in zip(refunds, asked, strict=True):
        assert one.goods_minor <= wanted.goods_minor
        assert one.freight_minor <= wanted.freight_minor
        assert (one.position, one.quantity, one.unsent) == (wanted.position, 2, 1)


class Story:
    """A line and its requests, played through the rule alone."""

    def __init__(self, some):
        self.line, self.requests = some, []

    def taken(self):
        return Taken(
            goods_minor=sum(one.goods_minor for one, _ in self.requests),
            freight_minor=sum(one.freight_minor + one.freight_kept_minor for one, _ in self.requests),
            open_quantity=sum(one.quantity for one, is_open in self.requests if is_open),
            open_unsent=sum(one.unsent for one, is_open in self.requests if is_open),
        )

    def ask(self, wish):
        with suppress(TooManyUnits, GoodsMustComeBack):
            self.requests.append((quote(self.line, wish, self.taken()), True))

    def ship(self, units):
        """Parcels do not ask after requests."""
        self.line = replace(self.line, shipped=self.line.shipped + min(units, self.line.to_ship))

    def withdraw(self, number):
        if (open_one := self._open(number)) is not None:
            del self.requests[open_one]

    def agree(self, number):
        if (open_one := self._open(number)) is None:
            return
        asked, _ = self.requests[open_one]
        try:
            amounts.check_unsent([asked], [self.line])
        except GoodsHaveLeft:
            del self.requests[open_one]
            return
        self.requests[open_one] = (asked, False)
        some = self.line
        self.line = replace(some, refunded=some.refunded + asked.quantity, unsent=some.unsent + asked.unsent)

    def _open(self, number):
        numbers = [number for number, (_, is_open) in enumerate(self.requests) if is_open]
        return numbers[number % len(numbers)] if numbers else None


STEPS = st.one_of(
    st.tuples(st.just("ask"), st.builds(refund, st.integers(1, 5), st.sampled_from(Reason))),
    st.tuples(st.just("ask"), st.builds(send_back, st.integers(1, 5), st.sampled_from(list(Reason)[:3]))),
    st.tuples(st.sampled_from(["withdraw", "agree", "ship"]), st.integers(0, 9)),
)


@settings(max_examples=300, deadline=None)
@given(
    quantity=st.integers(1, 12),
    total=st.integers(0, 10_000),
    freight=st.integers(0, 2_000),
    steps=st.lists(STEPS, max_size=25),
)
def test_any_story_sums_exactly_to_the_lines_total_and_never_passes_it(quantity, total, freight, steps):
    story = Story(line(quantity, total, freight))

    for verb, value in steps:
        getattr(story, verb)(value)
        taken = story.taken()
        assert 0 <= taken.goods_minor <= total
        assert 0 <= taken.freight_minor <= freight
        assert story.line.refunded + taken.open_quantity <= quantity
        assert story.line.shipped + story.line.unsent <= quantity
    story.ask(Wish(Kind.REFUND, Reason.QUALITY, None))

    assert story.taken().goods_minor == total
    assert story.taken().freight_minor == freight


@given(quantity=st.integers(1, 50), total=st.integers(0, 10**6), data=st.data())
def test_parts_are_fair_to_a_fen(quantity, total, data):
    story, left = Story(line(quantity, total, 0)), quantity

    while left:
        units = data.draw(st.integers(1, left))
        story.ask(refund(units))
        assert abs(story.requests[-1][0].goods_minor - total * units / quantity) < 1
        left -= units

    assert sum(one.goods_minor for one, _ in story.requests) == total
