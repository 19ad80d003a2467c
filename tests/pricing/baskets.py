"""Baskets for tests of the engine: by hand, and by chance."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.foundation.money import LARGEST_MINOR
from domain.pricing.engine import Basket, Goods, SalePrice
from domain.pricing.freight import Measure, Template, Zone
from domain.pricing.ladders import Ladder
from domain.pricing.rules import Coupon, Fulfilment, Offers, PointsToSpend
from tests.conftest import NOON

STORE = UUID(int=7)
EVENING = datetime.fromisoformat("2026-11-11T21:10:00+08:00")
LADDER = Ladder(STORE, time(19), 30, 10, time(23, 30))
HOURS = timedelta(hours=1)


def goods(number: int = 1, **about: Any) -> Goods:
    """The n-th SKU: one unit at 10 yuan unless told otherwise."""
    known = {"sku_id": UUID(int=number), "product_id": UUID(int=100 + number), "title": f"商品 {number}"}
    return Goods(**{"quantity": 1, "list_minor": 1000} | known | about)  # type: ignore[arg-type]


def sale(price_minor: int, *, starts_at: datetime = NOON - HOURS, ends_at: datetime = NOON + HOURS) -> SalePrice:
    """A sale price around noon."""
    return SalePrice(UUID(int=price_minor + 1), price_minor, starts_at, ends_at)


def template(number: int, measure: Measure, *zones: Zone) -> Template:
    """The n-th freight template."""
    return Template(UUID(int=number), f"模板 {number}", measure, zones)


# mostly as in a shop, so that baskets are near thresholds and remainders matter; now and then as large as can be
amounts = st.one_of(st.integers(0, 100), st.integers(0, 5000), st.integers(0, 20_000), st.integers(0, LARGEST_MINOR))
windows = st.sampled_from([(-1, 1), (-2, -1), (1, 2)])


@st.composite
def sale_prices(draw: st.DrawFn) -> SalePrice:
    starts, ends = draw(windows)
    return sale(draw(amounts), starts_at=EVENING + starts * HOURS, ends_at=EVENING + ends * HOURS)


zones = st.builds(
    Zone,
    regions=st.lists(st.sampled_from(["3", "31", "3101", "310106", "65"]), unique=True, max_size=3),
    first_measure=st.integers(1, 5000),
    first_minor=st.integers(0, 3000),
    more_measure=st.integers(1, 2000),
    more_minor=st.integers(0, 1000),
    free_from_minor=st.none() | st.integers(0, 30_000),
    is_served=st.booleans() | st.just(True),
)
coupons = st.one_of(
    st.builds(
        Coupon,
        code_id=st.just(UUID(int=9)),
        amount_minor=amounts,
        threshold_minor=st.integers(0, 20_000),
        sku_ids=st.none() | st.frozensets(st.integers(1, 6).map(lambda n: UUID(int=n))),
        stacks_with_sale_prices=st.booleans(),
    ),
    st.builds(
        Coupon,
        code_id=st.just(UUID(int=9)),
        percent=st.integers(1, 100),
        cap_minor=st.none() | amounts,
        threshold_minor=st.integers(0, 20_000),
        sku_ids=st.none() | st.frozensets(st.integers(1, 6).map(lambda n: UUID(int=n))),
        stacks_with_sale_prices=st.booleans(),
    ),
)


maybe_coupons = st.none() | coupons
points = st.builds(
    PointsToSpend,
    points=st.integers(0, 5000) | st.integers(0, 10**9),
    per_yuan=st.sampled_from([1, 10, 100, 333, 1000]),
    most_percent=st.integers(0, 100),
)


@st.composite
def baskets(draw: st.DrawFn, coupon: st.SearchStrategy[Coupon | None] = maybe_coupons) -> Basket:
    """Up to six SKUs under rules of every kind, to be priced at EVENING."""
    templates = {
        UUID(int=number): template(number, draw(st.sampled_from(Measure)), *draw(st.lists(zones, max_size=3)))
        for number in (1001, 1002)
    }
    numbers = draw(st.lists(st.integers(1, 6), unique=True, max_size=6))
    filled = tuple(
        goods(
            number,
            quantity=draw(st.integers(1, 3) | st.integers(1, 999)),
            list_minor=draw(amounts),
            grams=draw(st.sampled_from([0, 1, 333, 5000])),
            needs_parcel=draw(st.booleans() | st.just(True)),
            sale_prices=tuple(draw(st.lists(sale_prices(), max_size=2))),
            is_on_ladder=draw(st.booleans()),
            template_id=draw(st.sampled_from([None, *templates])),
            lowest_deal_minor=draw(st.none() | amounts),
        )
        for number in numbers
    )
    some_skus = st.integers(1, 6).map(lambda n: UUID(int=n))
    of_some = st.dictionaries(some_skus, amounts, max_size=3)
    offers = Offers(
        draw(of_some),
        draw(coupon),
        draw(of_some),
        points=draw(st.none() | points),
        free_delivery_from_minor=draw(st.none() | st.integers(0, 30_000)),
        members_only=draw(st.frozensets(some_skus, max_size=1)),
    )
    return Basket(
        goods=filled,
        fulfilment=draw(st.none() | st.sampled_from(Fulfilment)),
        region_code=draw(st.none() | st.sampled_from(["310106", "310115", "650102", "110101"])),
        store_id=STORE,
        ladder=draw(st.none() | st.just(LADDER)),
        templates=templates,
        minimum_minor=draw(st.sampled_from([0, 3800])),
        offers=offers,
    )
