"""Publishing, and prices."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR
from domain.products import actions
from domain.products.rules import State, Variant
from domain.products.tables import products, skus
from tests.conftest import NOON
from tests.given import Given

LATER = NOON + timedelta(hours=1)


async def publication(db: Database) -> tuple[object, ...]:
    c = products.c
    (row,) = await db.rows(select(c.state, c.published_at, c.published_by, c.updated_at))
    return tuple(row)


async def test_a_draft_is_published_by_somebody_at_a_moment(db: Database, given: Given) -> None:
    product = await given.product(state=State.DRAFT)
    staff = new_id()

    for moment in (NOON, LATER):
        await actions.publish(db, product_id=product.id, by=staff, now=moment)

    assert await publication(db) == ("published", NOON, staff, NOON)


async def test_a_product_is_withdrawn_once(db: Database, given: Given) -> None:
    product = await given.product()

    for moment in (NOON, LATER):
        await actions.unpublish(db, product_id=product.id, by=new_id(), now=moment)

    assert await publication(db) == ("draft", None, None, NOON)


async def test_what_is_not_there_is_neither_published_nor_priced(db: Database) -> None:
    with pytest.raises(NotFound):
        await actions.publish(db, product_id=new_id(), by=new_id(), now=NOON)
    with pytest.raises(NotFound):
        await actions.unpublish(db, product_id=new_id(), by=new_id(), now=NOON)
    with pytest.raises(NotFound):
        await actions.set_price(db, sku_id=new_id(), price_minor=1, compare_at_minor=None, by=new_id(), now=NOON)


async def test_a_price_moves_the_ends_of_its_products_prices(db: Database, given: Given) -> None:
    three = tuple(Variant((size,), price) for size, price in zip("SML", (100, 200, 300), strict=True))
    product = await given.product(variants=three, option_names=("size",))

    await actions.set_price(
        db, sku_id=product.sku_ids[0], price_minor=250, compare_at_minor=400, by=new_id(), now=LATER
    )

    c = products.c
    (row,) = await db.rows(select(c.lowest_price_minor, c.highest_price_minor, c.updated_at))
    assert tuple(row) == (200, 300, LATER)
    prices = select(skus.c.price_minor, skus.c.compare_at_minor).order_by(skus.c.position)
    assert [tuple(row) for row in await db.rows(prices)] == [(250, 400), (200, None), (300, None)]


@pytest.mark.parametrize(("price", "compare_at"), [(-1, None), (LARGEST_MINOR + 1, None), (100, 100), (100, 99)])
async def test_a_price_out_of_bounds_changes_nothing(
    db: Database, given: Given, price: int, compare_at: int | None
) -> None:
    product = await given.product(price_minor=1990)

    with pytest.raises(BadInput):
        await actions.set_price(
            db, sku_id=product.sku_ids[0], price_minor=price, compare_at_minor=compare_at, by=new_id(), now=LATER
        )

    assert await db.column(select(skus.c.price_minor)) == [1990]
