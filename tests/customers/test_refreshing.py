"""Bringing customers up to date: whatever happens in between, they are what everybody worked out anew would be."""

from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import text

from domain.customers import refreshing
from domain.customers.rules import ValueRules
from domain.foundation.clock import shop_day
from tests.customers import reckoning
from tests.given.customers import Bought

DAY = timedelta(days=1)


async def snapshot(db):
    rows = await db.rows(text("SELECT * FROM customers ORDER BY account_id"))
    steps = await db.rows(text("SELECT cohort, step, days, customers FROM customer_ladder WHERE customers > 0"))
    people = {
        row.account_id: {key: value for key, value in row._mapping.items() if key != "refreshed_at"} for row in rows
    }
    return people, Counter({(row.cohort, row.step, row.days): row.customers for row in steps})


async def check(db, *, now, rules=ValueRules()):  # noqa: B008 - frozen
    people, steps = await snapshot(db)
    expected = await reckoning.reckon(db, as_of=shop_day(now), rules=rules)

    assert people.keys() == expected.keys()
    for account_id, one in expected.items():
        found = people[account_id]
        assert found["ladder"] == one.days[:4]
        assert (found["first_day"], found["last_day"], found["purchases"]) == (one.days[0], one.days[-1], len(one.days))
        for name, value in vars(one).items():
            if name != "days":
                assert found[name] == value, (name, account_id)
    assert steps == reckoning.ladder(expected)


@pytest.mark.parametrize("seed", range(2))
async def test_evenings_of_any_kind_leave_what_a_rebuild_leaves(db, given, seed):
    random = Random(seed)
    shoppers = await given.shoppers(40)
    links = [await given.link(shopper_id) for shopper_id in shoppers[:4]]
    sku_id = await given.sku()
    now, order_ids = given.now, []

    for _ in range(12):
        now += random.choice([timedelta(hours=3), DAY, 40 * DAY, 200 * DAY])
        bought = [
            Bought(
                random.choice(shoppers[4:]),
                now - timedelta(minutes=random.randrange(600)),
                random.randrange(100_000),
                cost_minor=random.choice([None, 5_000]),
                sku_id=sku_id,
                by=random.choice([None, *links]),
                back_minor=0,
            )
            for _ in range(random.randrange(15))
        ]
        order_ids += await given.history(bought)
        gone = await given.whole_orders_back(random.sample(order_ids, k=len(order_ids) // 10))
        heard = [one.shopper_id for one in bought] + gone
        if heard:
            await given.hears_of(*heard)
        await refreshing.refresh(db, now=now, at_once=random.choice([3, 2_000]))
        await check(db, now=now)

    before = await snapshot(db)
    assert before[0]
    await refreshing.rebuild(db, now=now)
    assert await snapshot(db) == before
