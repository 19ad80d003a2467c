"""A real purchase history told to the market: what it makes of it is what pandas makes of it, to the last cent."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.customers import figures, queries
from domain.customers.rules import CURVE_POINTS, HIGH_FROM, LADDER_STEPS, SEGMENTS, Segment
from domain.foundation.clock import shop_midnight
from tests.customers.history import SAMPLE, WHOLE, pandas, transactions
from tests.given.customers import Bought

END = datetime(1998, 7, 1, 4, 0, tzinfo=UTC)
LAST_DAY = date(1998, 7, 1)
COST_MINOR = 700


def cost_of(number: int, cents: int) -> int | None:
    """What a disc cost: of a third of the customers its supplier's price, of a third the shop's own, of a third nobody knows."""
    return (cents * 3 // 5, COST_MINOR, None)[number % 3]


async def told(given, name):
    """The file as orders, at noon of their days; and as a table of pandas, a row for each."""
    rows = list(transactions(name))
    names = sorted({customer for customer, _, _ in rows})
    ids = dict(zip(names, await given.shoppers(len(names)), strict=True))
    own, unknown = await given.sku(), await given.sku()
    async with given.db.transaction() as tx:
        await tx.execute(
            text("INSERT INTO sku_costs (sku_id, since, cost_minor) VALUES (:sku, '1996-01-01', :cost)"),
            {"sku": own, "cost": COST_MINOR},
        )
    number = {customer: at for at, customer in enumerate(names)}
    await given.history(
        Bought(
            ids[customer],
            shop_midnight(day) + timedelta(hours=12),
            cents,
            cost_minor=cost_of(0, cents) if number[customer] % 3 == 0 else None,
            sku_id=unknown if number[customer] % 3 == 2 else own,
        )
        for customer, day, cents in rows
    )
    await given.customers_rebuilt(now=END)
    return pandas().DataFrame(
        {
            "customer": [ids[customer] for customer, _, _ in rows],
            "day": pandas().to_datetime([day for _, day, _ in rows]),
            "cents": [cents for _, _, cents in rows],
            "cost": pandas().array([cost_of(number[customer], cents) for customer, _, cents in rows], dtype="Int64"),
        }
    )


def by_customer(sold):
    """Orders, purchases, spend, known spend, margin, first and last day of each."""
    sold = sold.assign(margin=(sold.cents - sold.cost).fillna(0), costed=sold.cents.where(sold.cost.notna(), 0))
    return sold.groupby("customer").agg(
        orders=("cents", "size"),
        purchases=("day", "nunique"),
        spend=("cents", "sum"),
        costed=("costed", "sum"),
        margin=("margin", "sum"),
        first=("day", "min"),
        last=("day", "max"),
    )


async def check(db, sold):
    recent = by_customer(sold[sold.day > pandas().Timestamp(LAST_DAY) - pandas().Timedelta(days=365)])
    everybody = by_customer(sold)
    await check_customers(db, everybody, recent)
    await check_ladder(db, sold)
    await check_segments(db, recent)
    await check_pareto(db, everybody)


async def check_customers(db, everybody, recent):
    rows = await db.rows(text("SELECT * FROM customers"))
    assert {
        row.account_id: (
            row.orders,
            row.purchases,
            row.spend_minor,
            row.costed_minor,
            row.margin_minor,
            row.first_day,
            row.last_day,
        )
        for row in rows
    } == {
        one.Index: (one.orders, one.purchases, one.spend, one.costed, one.margin, one.first.date(), one.last.date())
        for one in everybody.itertuples()
    }
    values = await queries.values_of(db, list(everybody.index))
    assert {
        id: (value.orders, value.margin_minor, value.value_minor) for id, value in values.items() if value.orders
    } == {one.Index: (one.orders, one.margin, one.margin) for one in recent.itertuples()}
    page = await queries.highest(db, first=100)
    assert [one.value.value_minor for one in page.rows] == recent.margin.sort_values(ascending=False).head(
        100
    ).to_list()


async def check_ladder(db, sold):
    days = sold.drop_duplicates(["customer", "day"]).sort_values(["customer", "day"])
    days = days.assign(
        number=days.groupby("customer").cumcount() + 1,
        gap=-days.groupby("customer").day.diff(-1).dt.days,
        cohort=days.groupby("customer").day.transform("min").dt.to_period("M").dt.to_timestamp(),
    )
    for within in (None, 30, 90):
        found = await figures.repurchase_ladder(db, first=date(1997, 1, 1), last=LAST_DAY, within_days=within)
        assert [cohort.month for cohort in found] == [at.date() for at in sorted(days.cohort.unique())]
        for cohort in found:
            of_cohort = days[days.cohort == pandas().Timestamp(cohort.month)]
            assert cohort.customers == of_cohort.customer.nunique()
            for step in range(1, LADDER_STEPS + 1):
                had = of_cohort[of_cohort.number == step]
                again = had.gap.notna() if within is None else had.gap <= within
                rung = cohort.steps[step - 1]
                assert (rung.number, rung.had, rung.came_again) == (step, len(had), again.sum())
                assert rung.rate == (pytest.approx(again.mean(), rel=1e-9) if len(had) else None)


async def check_segments(db, recent):
    def score(column):
        less = recent[column].rank(method="min").astype(int) - 1
        return less * 5 // len(recent) + 1

    scores = pandas().DataFrame({"r": score("last"), "f": score("purchases"), "m": score("spend")})
    high = (scores >= HIGH_FROM).apply(lambda row: SEGMENTS[bool(row.r), bool(row.f), bool(row.m)], axis=1)
    found = await figures.segments(db)
    assert {one.segment: (one.customers, one.spend_minor, one.margin_minor) for one in found.segments} == {
        segment: (
            int((high == segment).sum()), int(recent.spend[high == segment].sum()), int(recent.margin[high == segment].sum())
        )
        for segment in Segment
    }  # fmt: skip
    some = await queries.by_ids(db, list(recent.index[:500]))
    assert {id: one.segment for id, one in some.items()} == high.head(500).to_dict()


async def check_pareto(db, everybody):
    running = everybody.margin.sort_values(ascending=False).cumsum().to_list()
    total = int(everybody.margin.sum())
    found = await figures.pareto(db)
    assert (found.customers, found.margin_minor, found.costed_minor) == (len(everybody), total, everybody.costed.sum())
    assert found.carriers == 1 + next(at for at, sum in enumerate(running) if sum * 10 >= total * 8)
    assert found.carriers_share == pytest.approx(found.carriers / len(everybody), rel=1e-9)
    places = [-(-step * len(everybody) // CURVE_POINTS) for step in range(1, CURVE_POINTS + 1)]
    assert [(point.customers, point.margin_minor) for point in found.curve] == [
        (place, running[place - 1]) for place in places
    ]


async def test_the_sample_of_a_real_history_is_what_pandas_makes_of_it(db, given):
    sold = await told(given, SAMPLE)

    await check(db, sold)

    assert (len(sold), sold.customer.nunique()) == (6_919, 2_357)


@pytest.mark.faults
async def test_all_of_a_real_history_is_what_pandas_makes_of_it(db, given):
    sold = await told(given, WHOLE)

    await check(db, sold)

    assert (len(sold), sold.customer.nunique()) == (69_659, 23_570)
