"""What staff do with prices: who is told no, what is noted, and what a second call changes."""

from asyncio import gather
from dataclasses import replace
from datetime import time, timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR
from domain.pricing import actions, screens
from domain.pricing.freight import FreightNameTaken, Measure, Template, Zone
from domain.pricing.ladders import Ladder
from domain.pricing.rules import Fulfilment
from domain.pricing.tables import freight_templates, sale_prices
from tests.given import Given
from tests.pricing.baskets import HOURS


def window(given: Given) -> dict:
    return {"starts_at": given.now, "ends_at": given.now + HOURS, "by": new_id(), "now": given.now}


def template(**about) -> Template:
    zone = Zone([], first_minor=600)
    return Template(**{"id": new_id(), "name": "快递", "measure": Measure.PIECE, "zones": [zone]} | about)


async def test_the_same_sale_price_twice_is_one(given: Given, db: Database) -> None:
    sku_id = await given.sku()

    wish = {"sku_id": sku_id, "price_minor": 990, **window(given)}
    outcomes = await gather(*(actions.set_sale_price(db, **wish) for _ in range(5)))

    assert len({price.id for price in outcomes}) == 1
    assert await db.value(select(func.count()).select_from(sale_prices)) == 1
    assert await given.noted_deeds() == [("set_sale_price", "sku")]


@pytest.mark.parametrize("price_minor", [-1, LARGEST_MINOR + 1])
async def test_a_sale_price_is_no_less_than_nothing(given: Given, price_minor: int) -> None:
    with pytest.raises(BadInput, match="priceMinor"):
        await actions.set_sale_price(given.db, sku_id=await given.sku(), price_minor=price_minor, **window(given))


@pytest.mark.parametrize(("starts_in", "ends_in"), [(1, 1), (2, 1), (-2, -1), (-1, 0)])
async def test_a_sale_price_has_a_window_that_is_not_over(given: Given, starts_in: int, ends_in: int) -> None:
    about = window(given) | {"starts_at": given.now + starts_in * HOURS, "ends_at": given.now + ends_in * HOURS}

    with pytest.raises(BadInput, match="endsAt"):
        await actions.set_sale_price(given.db, sku_id=await given.sku(), price_minor=1, **about)
    assert await given.noted_deeds() == []


async def test_nobody_sets_the_price_of_nothing(given: Given) -> None:
    with pytest.raises(NotFound, match="sku"):
        await actions.set_sale_price(given.db, sku_id=new_id(), price_minor=1, **window(given))


async def test_a_sale_price_ends_once(given: Given, db: Database) -> None:
    sku_id = await given.sku()
    price = await actions.set_sale_price(db, sku_id=sku_id, price_minor=990, **window(given))
    end = {"sale_price_id": price.id, "by": new_id()}

    for minutes in (1, 2):
        await actions.end_sale_price(db, **end, now=given.now + timedelta(minutes=minutes))

    found = (await screens.sale_prices_by_ids(db, [price.id]))[price.id]
    assert found.price.ends_at == given.now + timedelta(minutes=1)
    assert await given.noted_deeds() == [("set_sale_price", "sku"), ("end_sale_price", "sku")]


async def test_what_is_over_cannot_be_ended(given: Given, db: Database) -> None:
    sku_id = await given.sku()
    price = await actions.set_sale_price(db, sku_id=sku_id, price_minor=990, **window(given))

    await actions.end_sale_price(db, sale_price_id=price.id, by=new_id(), now=price.ends_at)

    found = (await screens.sale_prices_by_ids(db, [price.id]))[price.id]
    assert (found.price.ends_at, found.ended_by) == (price.ends_at, None)


async def test_a_ladder_takes_the_place_of_the_one_before(given: Given, db: Database) -> None:
    store_id, one, other = await given.pickup_store(), await given.sku(), await given.sku()
    await given.ladder(store_id, one, other, one)

    second = Ladder(store_id, time(20), 60, 25, time(23))
    await actions.set_ladder(db, second, sku_ids=[other], by=new_id(), now=given.now)

    assert await screens.ladders_by_store_ids(db, [store_id]) == {store_id: second}
    assert await screens.ladder_skus_by_store_ids(db, [store_id]) == {store_id: [other]}
    assert [deed for deed, _ in await given.noted_deeds()] == ["create_store", "set_price_ladder", "set_price_ladder"]


async def test_a_ladder_needs_a_store_and_skus_that_exist(given: Given, db: Database) -> None:
    store_id = await given.pickup_store()

    for store, sku_ids, missing in ((new_id(), [], "store"), (store_id, [await given.sku(), new_id()], "sku")):
        with pytest.raises(NotFound, match=missing):
            await given.ladder(store, *sku_ids)
    with pytest.raises(BadInput, match="at most 1000"):
        await given.ladder(store_id, *(new_id() for _ in range(1001)))
    assert await screens.ladders_by_store_ids(db, [store_id]) == {}


async def test_there_is_one_default_template_whoever_makes_one(given: Given, db: Database) -> None:
    many = [template(name=f"模板 {number}", is_default=True) for number in range(10)]

    await gather(*(actions.write_template(db, each, by=new_id(), now=given.now, is_new=True) for each in many))

    t = freight_templates.c
    assert await db.value(select(func.count()).where(t.is_default)) == 1
    assert await db.value(select(func.count()).select_from(freight_templates)) == 10


async def test_a_template_is_known_by_its_name(given: Given, db: Database) -> None:
    kept = await actions.write_template(db, template(), by=new_id(), now=given.now, is_new=True)

    with pytest.raises(FreightNameTaken):
        await actions.write_template(db, template(name=" 快递 "), by=new_id(), now=given.now, is_new=True)
    with pytest.raises(NotFound):
        await actions.write_template(db, template(name="慢递"), by=new_id(), now=given.now, is_new=False)
    assert await screens.freight_templates_by_ids(db, [kept.id]) == {kept.id: kept}


async def test_a_new_version_takes_the_place_of_the_old_one(given: Given, db: Database) -> None:
    kept = await actions.write_template(db, template(), by=new_id(), now=given.now, is_new=True)

    zones = [Zone(["31", "32"], 1000, 600, 500, 100, 9900), Zone([], is_served=False)]
    changed = replace(kept, name="特快", measure=Measure.WEIGHT, zones=zones)
    await actions.write_template(db, changed, by=new_id(), now=given.now, is_new=False)

    assert await screens.freight_templates_by_ids(db, [kept.id]) == {kept.id: changed}
    assert await given.noted_deeds() == [("create_freight_template", "freight"), ("update_freight_template", "freight")]


async def test_a_product_names_its_template_or_takes_the_default(given: Given, db: Database) -> None:
    product = await given.product()
    assert await screens.template_of_product(db, product.id) is None
    default = await actions.write_template(db, template(is_default=True), by=new_id(), now=given.now, is_new=True)
    assert (await screens.template_of_product(db, product.id)).id == default.id
    own = await given.freight_of(product.id, Zone(()))
    assert (await screens.template_of_product(db, product.id)).id == own.id

    await actions.set_template_of_product(db, product_id=product.id, template_id=None, by=new_id(), now=given.now)

    assert (await screens.template_of_product(db, product.id)).id == default.id


async def test_neither_product_nor_template_may_be_missing(given: Given, db: Database) -> None:
    product = await given.product()

    for product_id, template_id, missing in ((new_id(), None, "product"), (product.id, new_id(), "freight")):
        with pytest.raises(NotFound, match=missing):
            await actions.set_template_of_product(
                db, product_id=product_id, template_id=template_id, by=new_id(), now=given.now
            )


async def test_a_minimum_is_set_and_set_again(given: Given, db: Database) -> None:
    await given.minimum(Fulfilment.DELIVERY, 3800)
    await given.minimum(Fulfilment.PICKUP, 0)
    await given.minimum(Fulfilment.DELIVERY, 4900)

    assert await screens.minimums(db) == {Fulfilment.DELIVERY: 4900, Fulfilment.PICKUP: 0}
    assert await given.noted_deeds() == [("set_minimum_order", "house")] * 3


@pytest.mark.parametrize("minimum_minor", [-1, LARGEST_MINOR + 1])
async def test_a_minimum_is_an_amount(given: Given, minimum_minor: int) -> None:
    with pytest.raises(BadInput, match="minimumMinor"):
        await given.minimum(Fulfilment.DELIVERY, minimum_minor)
