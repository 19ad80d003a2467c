import pytest

from domain.checkout.rules import (
    BasketEmpty,
    PriceChanged,
    Wish,
    check_orderable,
    check_placeable,
    check_remark,
    check_wish,
    request_of,
    shortages,
)
from domain.foundation.errors import BadInput
from domain.foundation.idempotency import fingerprint
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.pricing.rules import Fulfilment, NotForSale, PricedLine, Quote, Wanted
from domain.stock.rules import Level, NotEnoughStock

TEA, WINE = new_id(), new_id()


def line(sku_id=TEA, quantity=2):
    return PricedLine(
        sku_id=sku_id,
        product_id=new_id(),
        title="桂花酒酿",
        quantity=quantity,
        list_minor=1990,
        unit_price_minor=1990,
        discount_minor=0,
        freight_minor=0,
        total_minor=1990 * quantity,
        explanation=(),
    )


def quote(*lines, problems=()):
    goods = sum(each.total_minor for each in lines)
    return Quote(lines, goods, 0, 0, goods, problems=problems)


def test_only_the_expected_total_is_charged():
    check_orderable(quote(line()), expected_total_minor=3980)

    with pytest.raises(PriceChanged) as refused:
        check_orderable(quote(line()), expected_total_minor=3979)

    assert (refused.value.expected, refused.value.now) == (Money(3979), Money(3980))
    assert refused.value.message("en") == "the price has changed from ¥39.79 to ¥39.80: look again"


def test_the_first_problem_is_the_refusal():
    with pytest.raises(NotForSale):
        check_orderable(quote(problems=(NotForSale(TEA), BasketEmpty())), expected_total_minor=0)


def test_nothing_is_no_order():
    with pytest.raises(BasketEmpty):
        check_orderable(quote(), expected_total_minor=0)


def test_every_short_line_is_named():
    levels = {TEA: Level(TEA, free=1, held=0, sold=0), WINE: Level(WINE, free=2, held=0, sold=0)}

    short = shortages(quote(line(TEA), line(WINE)), levels)

    assert [(type(one), one.facts) for one in short] == [(NotEnoughStock, {"sku_id": TEA, "wanted": 2, "free": 1})]


def test_what_is_too_long_is_refused_by_name():
    with pytest.raises(BadInput, match="remark has 201"):
        check_remark("x" * 201)
    with pytest.raises(BadInput, match="no NUL"):
        check_remark("\0")
    with pytest.raises(BadInput, match="couponCode has 65"):
        check_wish(Wish(TEA, coupon_code="x" * 65))
    with pytest.raises(BadInput, match="lines has 121"):
        check_wish(Wish(TEA, lines=(Wanted(TEA, 1),) * 121))
    with pytest.raises(BadInput, match="delivery or pickup"):
        check_placeable(Wish(TEA))


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": (Wanted(TEA, 2),)},
        {"lines": None},
        {"fulfilment": Fulfilment.PICKUP},
        {"address_id": TEA},
        {"coupon_code": "SPRING"},
        {"remark": "少辣"},
        {"expected_total_minor": 1},
    ],
)
def test_another_wish_is_another_request(changes):
    def mark(**about):
        terms = {"expected_total_minor": about.pop("expected_total_minor", 0), "remark": about.pop("remark", "")}
        wish = Wish(**{"shopper_id": WINE, "lines": (Wanted(TEA, 1),), "fulfilment": Fulfilment.DELIVERY} | about)
        return fingerprint("place_order", request_of(wish, **terms))

    assert mark() == mark()
    assert mark(**changes) != mark()
