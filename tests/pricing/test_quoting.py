"""Quotes from the ledger: what they bring together, what they cost, and that a charge gets the same."""

import re
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import Select, TextClause, text
from sqlalchemy.dialects import postgresql

from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.pricing import actions, queries, screens
from domain.pricing.freight import Measure, Zone
from domain.pricing.rules import (
    BelowMinimum,
    Coupon,
    Fulfilment,
    NoPickupThere,
    NotDeliveredThere,
    NotForSale,
    Offers,
    Rule,
    UnknownSku,
)
from domain.products.rules import State, Variant
from tests.given import Given
from tests.pricing.baskets import EVENING, HOURS
from tests.statements import count_statements

HOME = {"fulfilment": Fulfilment.DELIVERY, "region_code": "310106"}


async def test_a_quote_brings_goods_prices_and_freight_together(given: Given) -> None:
    tee = await given.product("T恤", option_names=("颜色", "尺码"), variants=(Variant(("红", "S"), 9900, grams=300),))
    tea = await given.product("龙井", variants=(Variant((), 5000, grams=600),))
    [tee_sku, tea_sku] = tee.sku_ids + tea.sku_ids
    await given.sale_price(tee_sku, 7900)
    await given.freight_of(tee.id, Zone(("31",), 1000, 800, 500, 200), measure=Measure.WEIGHT)
    await given.freight(Zone((), 1, 500, 1, 100), measure=Measure.PIECE)
    await given.minimum(Fulfilment.DELIVERY, 3800)
    offers = Offers({tea_sku: 4500}, Coupon(new_id(), amount_minor=1000, threshold_minor=10_000))

    quote = await given.priced({tee_sku: 4, tea_sku: 2}, offers=offers, **HOME)

    [tee_line, tea_line] = quote.lines
    assert [line.title for line in quote.lines] == ["T恤 红 / S", "龙井"]
    assert [step.rule for step in tee_line.explanation] == [Rule.LIST, Rule.SALE_PRICE, Rule.COUPON, Rule.FREIGHT]
    assert [step.rule for step in tea_line.explanation] == [Rule.LIST, Rule.MEMBER_PRICE, Rule.COUPON, Rule.FREIGHT]
    # 40,600 fen of goods: the coupon falls 31,600 to 9,000; 1,200 g by weight, two pieces by piece
    assert [line.discount_minor for line in quote.lines] == [778, 222]
    assert [line.freight_minor for line in quote.lines] == [1000, 600]
    assert (quote.goods_minor, quote.discount_minor, quote.freight_minor) == (40_600, 1000, 1600)
    assert (quote.total_minor, quote.problems) == (41_200, ())


async def test_what_cannot_be_bought_is_a_problem_and_no_line(given: Given) -> None:
    sku_id, unknown = await given.sku(), new_id()
    draft = (await given.product(state=State.DRAFT)).sku_ids[0]

    quote = await given.priced({unknown: 1, sku_id: 1, draft: 1})

    assert [line.sku_id for line in quote.lines] == [sku_id]
    assert quote.problems == (UnknownSku(sku_id=unknown), NotForSale(sku_id=draft))


async def test_the_minimum_and_the_region_are_asked_of_a_delivery_only(given: Given) -> None:
    sku_id = await given.sku(price_minor=3799)
    await given.minimum(Fulfilment.DELIVERY, 3800)
    await given.freight(Zone(("31",), is_served=False))
    store_id = await given.pickup_store()

    home = await given.priced({sku_id: 1}, **HOME)
    pickup = await given.priced({sku_id: 1}, fulfilment=Fulfilment.PICKUP, region_code=None, store_id=store_id)

    assert [type(problem) for problem in home.problems] == [BelowMinimum, NotDeliveredThere]
    assert pickup.problems == ()


@pytest.mark.parametrize("exists", [True, False])
async def test_a_store_that_hands_out_nothing_is_a_problem(given: Given, exists: bool) -> None:
    sku_id = await given.sku()
    store_id = await given.pickup_store(takes_pickups=False) if exists else new_id()

    quote = await given.priced({sku_id: 1}, fulfilment=Fulfilment.PICKUP, store_id=store_id)

    assert quote.problems == (NoPickupThere(store_id=store_id),)


@pytest.mark.parametrize(
    ("at", "unit_minor"),
    [
        ("18:59:59", 999),
        ("19:00:00", 899),
        ("21:10:00", 499),
        ("23:29:59", 99),
        ("23:30:00", 0),
        ("23:59:59", 0),
    ],
)
async def test_a_ladder_makes_its_goods_cheaper_at_its_store(given: Given, at: str, unit_minor: int) -> None:
    on_it, beside_it = await given.sku(price_minor=999), await given.sku(price_minor=999)
    here, there = await given.pickup_store(), await given.pickup_store()
    await given.ladder(here, on_it)
    await given.ladder(there, beside_it)
    now = datetime.fromisoformat(f"2026-11-11T{at}+08:00")

    units = {on_it: 1, beside_it: 1}
    pickup = await given.priced(units, now=now, fulfilment=Fulfilment.PICKUP, store_id=here)
    home = await given.priced(units, now=now, fulfilment=Fulfilment.DELIVERY, region_code="310106", store_id=here)

    assert [line.unit_price_minor for line in pickup.lines] == [unit_minor, 999]
    assert [line.unit_price_minor for line in home.lines] == [999, 999]


async def test_a_sale_price_counts_within_its_window_until_it_is_ended(given: Given) -> None:
    sku_id, by = await given.sku(price_minor=1000), new_id()
    window = {"starts_at": given.now + HOURS, "ends_at": given.now + 2 * HOURS}
    dear = await actions.set_sale_price(given.db, sku_id=sku_id, price_minor=900, by=by, now=given.now, **window)
    cheap = await actions.set_sale_price(given.db, sku_id=sku_id, price_minor=700, by=by, now=given.now, **window)

    async def unit_minor(at: datetime) -> int:
        return (await given.priced({sku_id: 1}, now=at)).lines[0].unit_price_minor

    instant = timedelta(microseconds=1)
    before = [await unit_minor(at) for at in (window["starts_at"] - instant, window["starts_at"])]
    at_the_end = [await unit_minor(at) for at in (window["ends_at"] - instant, window["ends_at"])]
    await actions.end_sale_price(given.db, sale_price_id=cheap.id, by=by, now=window["starts_at"] + instant)

    assert (before, at_the_end) == ([1000, 700], [700, 1000])
    assert await unit_minor(window["starts_at"] + 2 * instant) == 900
    ended = (await screens.sale_prices_by_ids(given.db, [cheap.id, dear.id]))[cheap.id]
    assert (ended.price.ends_at, ended.ended_by) == (window["starts_at"] + instant, by)


@pytest.mark.parametrize("lines", [1, 60])
@pytest.mark.parametrize(
    ("how", "statements"),
    [({}, 1), ({"fulfilment": Fulfilment.PICKUP}, 2), (HOME, 3)],
)
async def test_a_quote_costs_at_most_three_statements(
    given: Given, db: Database, lines: int, how: dict, statements: int
) -> None:
    units = {}
    for _ in range(lines):
        product = await given.product()
        await given.freight_of(product.id, Zone(()))
        units[product.sku_ids[0]] = 2
    if how.get("fulfilment") is Fulfilment.PICKUP:
        how = how | {"store_id": await given.pickup_store()}

    with count_statements(db) as sent:
        quote = await given.priced(units, **how)

    assert (len(quote.lines), quote.problems, len(sent)) == (lines, (), statements)


async def test_quote_and_charge_agree_whatever_the_basket(given: Given, db: Database) -> None:
    chance = Random(38)
    store_id = await given.pickup_store()
    sku_ids = []
    for _ in range(12):
        product = await given.product(variants=(Variant((), chance.randint(0, 9999), grams=chance.randint(0, 3000)),))
        sku_ids += product.sku_ids
        if chance.random() < 0.5:
            await given.sale_price(product.sku_ids[0], chance.randint(0, 9999))
        if chance.random() < 0.3:
            zone = Zone((), chance.randint(1, 999), chance.randint(0, 999), chance.randint(1, 999), 77)
            await given.freight_of(product.id, zone, measure=chance.choice(list(Measure)))
    await given.freight(Zone(("3",), 1000, 600, 300, 111, 20_000), Zone((), is_served=False), measure=Measure.WEIGHT)
    await given.minimum(Fulfilment.DELIVERY, 3800)
    await given.ladder(store_id, *sku_ids[::2])

    for _ in range(60):
        chosen = {sku_id: chance.randint(1, 20) for sku_id in chance.sample(sku_ids, chance.randint(1, 8))}
        coupon = Coupon(new_id(), percent=chance.randint(1, 100), threshold_minor=chance.randint(0, 9000))
        offers = Offers({chance.choice(sku_ids): chance.randint(0, 5000)}, coupon if chance.random() < 0.6 else None)
        how = {
            "fulfilment": chance.choice([None, *Fulfilment]),
            "region_code": chance.choice([None, "310106", "650102"]),
            "store_id": chance.choice([None, store_id, new_id()]),
        }
        now = EVENING + chance.randint(-5, 5) * HOURS
        quoted = await given.priced(chosen, offers=offers, now=now, **how)
        async with db.transaction() as tx:
            charged = await queries.quote(tx, given.wanted(chosen), offers=offers, now=now, **how)
        assert charged == quoted
        assert quoted.total_minor == quoted.goods_minor - quoted.discount_minor + quoted.freight_minor >= 0
        assert sum(line.total_minor + line.freight_minor for line in quoted.lines) == quoted.total_minor


@pytest.mark.parametrize("region", ["31010", "3101066", "上海市静安区", "31010a", ""])
async def test_a_region_code_is_six_digits(given: Given, region: str) -> None:
    with pytest.raises(BadInput, match="six digits"):
        await given.priced({await given.sku(): 1}, fulfilment=Fulfilment.DELIVERY, region_code=region)


async def test_nothing_wanted_costs_nothing(given: Given, db: Database) -> None:
    with count_statements(db) as sent:
        quote = await given.priced({})

    assert (quote.lines, quote.total_minor, quote.problems, sent) == ((), 0, (), [])


async def test_no_table_that_grows_is_read_whole(given: Given, db: Database) -> None:
    asked = {
        "ids": [new_id()],
        "store_id": new_id(),
        "now": given.now,
        "from_day": given.now.date(),
        "to_day": given.now.date(),
    }
    async with db.transaction() as tx:
        await tx.connection.execute(text("SET LOCAL enable_seqscan = off"))
        for question in (queries._GOODS, screens._TAGS):
            plan = "\n".join(await tx.column(explained(question), asked))
            assert "sale_prices_sku_idx" in plan
            assert "deal_days_pkey" in plan
            assert "Seq Scan" not in plan


def explained(question: Select) -> TextClause:
    """EXPLAIN of a question, its parameters by name."""
    sql = str(question.compile(dialect=postgresql.dialect(paramstyle="named")))
    # text() reads ":name::TYPE" as no parameter at all
    sql = re.sub(r"(:[a-z_0-9]+)::([A-Z]+(?: WITH TIME ZONE)?(?:\[\])?)", r"CAST(\1 AS \2)", sql)
    return text("EXPLAIN " + sql.replace("CAST(:param_1 AS INTEGER)", "1"))
