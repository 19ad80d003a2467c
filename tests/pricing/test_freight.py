"""Freight: zones, weights, pieces, and several templates in one basket."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.foundation.errors import BadInput
from domain.pricing.engine import Basket, price
from domain.pricing.freight import Measure, Template, Zone, check, price_of_parcel, zone_for
from domain.pricing.rules import Coupon, DestinationMissing, Fulfilment, NotDeliveredThere, Offers, Rule
from tests.conftest import NOON
from tests.pricing.baskets import goods, template

FAR = Zone(("65", "54"), first_measure=1000, first_minor=1500, more_measure=1000, more_minor=1000)
CITY = Zone(("31",), first_measure=1000, first_minor=600, more_measure=500, more_minor=200, free_from_minor=9900)
DISTRICT = Zone(("310106",), first_measure=1000, first_minor=300)
ISLAND = Zone(("310151",), is_served=False)
ELSEWHERE = Zone((), first_measure=1000, first_minor=1000, more_measure=1000, more_minor=500)
BY_WEIGHT = template(1001, Measure.WEIGHT, FAR, CITY, DISTRICT, ISLAND, ELSEWHERE)
BY_PIECE = template(1002, Measure.PIECE, Zone((), first_measure=2, first_minor=800, more_measure=1, more_minor=100))
TEMPLATES = {each.id: each for each in (BY_WEIGHT, BY_PIECE)}


def delivered(*lines, to: str | None = "310115") -> Basket:
    return Basket(lines, Fulfilment.DELIVERY, region_code=to, templates=TEMPLATES)


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("310106", DISTRICT),
        ("310115", CITY),
        ("310151", ISLAND),
        ("650102", FAR),
        ("540102", FAR),
        ("110101", ELSEWHERE),
    ],
)
def test_the_longest_beginning_counts(region: str, zone: Zone) -> None:
    assert zone_for(BY_WEIGHT, region) is zone
    assert zone_for(replace(BY_WEIGHT, zones=BY_WEIGHT.zones[::-1]), region) is zone


def test_without_an_elsewhere_there_is_nowhere() -> None:
    assert zone_for(replace(BY_WEIGHT, zones=(CITY,)), "110101") is None


@pytest.mark.parametrize(
    ("grams", "minor"), [(0, 600), (1, 600), (1000, 600), (1001, 800), (1500, 800), (1501, 1000), (10_000, 4200)]
)
def test_every_further_measure_begun_costs(grams: int, minor: int) -> None:
    assert price_of_parcel(CITY, measure=grams, goods_minor=9899) == minor


def test_goods_of_enough_worth_travel_free() -> None:
    assert price_of_parcel(CITY, measure=10_000, goods_minor=9900) == 0


def test_each_template_reckons_its_own_lines() -> None:
    basket = delivered(
        goods(1, quantity=2, grams=400, template_id=BY_WEIGHT.id),
        goods(2, quantity=1, grams=701, template_id=BY_WEIGHT.id),
        goods(3, quantity=3, grams=9999, template_id=BY_PIECE.id),
        goods(4, quantity=9, grams=9999),
        goods(5, quantity=9, grams=9999, template_id=BY_WEIGHT.id, needs_parcel=False),
    )

    quote = price(basket, now=NOON)

    # 1,501 g: 6 yuan and two times 2; three pieces: 8 yuan and 1
    assert [line.freight_minor for line in quote.lines] == [533, 467, 900, 0, 0]
    assert (quote.freight_minor, quote.problems) == (1900, ())


def test_goods_whose_weight_nobody_noted_share_their_parcel() -> None:
    lines = (goods(number, template_id=BY_WEIGHT.id) for number in (1, 2, 3))

    assert [line.freight_minor for line in price(delivered(*lines), now=NOON).lines] == [200, 200, 200]


def test_a_free_parcel_says_why() -> None:
    (line,) = price(delivered(goods(list_minor=9900, template_id=BY_WEIGHT.id)), now=NOON).lines

    (step,) = (step for step in line.explanation if step.rule is Rule.FREIGHT)
    assert (step.minor, step.words("zh"), step.words("en")) == (0, "满 ¥99.00 包邮", "free freight from ¥99.00")


def test_a_coupon_does_not_take_free_freight_away() -> None:
    offers = Offers(coupon=Coupon(UUID(int=9), amount_minor=500))
    basket = delivered(goods(list_minor=9900, grams=1, template_id=BY_WEIGHT.id))

    assert price(basket, now=NOON).total_minor == 9900
    assert price(replace(basket, offers=offers), now=NOON).total_minor == 9400


@pytest.mark.parametrize(("from_minor", "is_free"), [(2000, True), (2001, False)])
def test_a_members_parcels_travel_free_from_a_worth_of_the_whole_basket_on(from_minor: int, is_free: bool) -> None:
    basket = delivered(goods(1, grams=1, template_id=BY_WEIGHT.id), goods(2, template_id=BY_PIECE.id))
    others = price(basket, now=NOON)

    quote = price(replace(basket, offers=Offers(free_delivery_from_minor=from_minor)), now=NOON)

    assert quote.freight_minor == (0 if is_free else others.freight_minor)
    assert others.freight_minor > 0
    words = {line.explanation[-1].words() for line in quote.lines}
    assert ("会员满 ¥20.00 包邮" in words) is is_free


@pytest.mark.parametrize("region", ["310151", "110101"])
def test_where_nothing_is_sent_nothing_can_be_ordered(region: str) -> None:
    only_city = replace(BY_WEIGHT, zones=(CITY, ISLAND))
    basket = replace(delivered(goods(template_id=BY_WEIGHT.id), to=region), templates={BY_WEIGHT.id: only_city})

    quote = price(basket, now=NOON)

    assert (quote.freight_minor, quote.problems) == (0, (NotDeliveredThere(region_code=region),))


def test_a_delivery_without_an_address_is_not_final() -> None:
    quote = price(delivered(goods(template_id=BY_WEIGHT.id), to=None), now=NOON)

    assert quote.problems == (DestinationMissing(fulfilment=Fulfilment.DELIVERY),)


@pytest.mark.parametrize("fulfilment", [None, Fulfilment.PICKUP])
def test_who_fetches_the_goods_pays_no_freight(fulfilment: Fulfilment | None) -> None:
    basket = replace(delivered(goods(template_id=BY_WEIGHT.id)), fulfilment=fulfilment, store_id=BY_WEIGHT.id)

    assert (price(basket, now=NOON).freight_minor, price(basket, now=NOON).problems) == (0, ())


@pytest.mark.parametrize(
    "bad",
    [
        replace(BY_WEIGHT, name=""),
        replace(BY_WEIGHT, name="长" * 61),
        replace(BY_WEIGHT, name="a\0b"),
        replace(BY_WEIGHT, zones=()),
        replace(BY_WEIGHT, zones=(ELSEWHERE, ELSEWHERE)),
        replace(BY_WEIGHT, zones=(CITY, replace(FAR, regions=("31",)))),
        replace(BY_WEIGHT, zones=(replace(CITY, regions=("上海",)),)),
        replace(BY_WEIGHT, zones=(replace(CITY, regions=("3101061",)),)),
        replace(BY_WEIGHT, zones=(replace(CITY, regions=("",)),)),
        replace(BY_WEIGHT, zones=(replace(CITY, first_measure=0),)),
        replace(BY_WEIGHT, zones=(replace(CITY, more_measure=0),)),
        replace(BY_WEIGHT, zones=(replace(CITY, more_minor=-1),)),
        replace(BY_WEIGHT, zones=(replace(CITY, free_from_minor=-1),)),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(bad: Template) -> None:
    with pytest.raises(BadInput, match="allowed"):
        check(bad)
