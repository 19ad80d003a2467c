"""The checks of customers: clean once everybody was worked out, and then exactly one thing is wrong."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.audit import customers as checks
from domain.foundation.clock import shop_day
from domain.foundation.ids import encode
from tests.audit.corrupting import Corruption, check_found, differing, found_after
from tests.given.customers import Bought


@pytest.fixture
async def buyers(given) -> dict[str, UUID]:
    """One who came again after three days, and one who has not."""
    again, once = await given.shoppers(2)
    days = given.now - timedelta(days=3), given.now
    await given.history([*(Bought(again, at, 1_000) for at in days), Bought(once, given.now, 1_000)])
    await given.customers_rebuilt()
    return {"again": again, "once": once}


def who(name):
    return lambda buyers: {encode("account", buyers[name])}


def step(number, days):
    return lambda buyers: {f"cohort 2026-11-01, step {number}, {days} days"}


CORRUPTIONS = [
    Corruption(
        "a spend of nobody's",
        "UPDATE customers SET spend_minor = 1 WHERE account_id = :once",
        (checks.WORKED_OUT,),
        who("once"),
    ),
    Corruption(
        "an order that nobody counted",
        "UPDATE customers SET orders = orders + 1 WHERE account_id = :again",
        (checks.WORKED_OUT,),
        who("again"),
    ),
    Corruption(
        "a step that was not counted",
        "UPDATE customer_ladder SET customers = 0 WHERE step = 1",
        (checks.LADDER,),
        step(1, 3),
    ),
    Corruption(
        "a cohort of more",
        "UPDATE customer_ladder SET customers = 9 WHERE step = 0",
        (checks.LADDER,),
        step(0, 0),
    ),
]


def of_customers(lines):
    names = {check.name for check in checks.CHECKS}
    return [line for line in lines if line.check in names]


async def test_customers_who_were_worked_out_leave_clean_books(given, buyers):
    assert shop_day(given.now).month == 11
    found = await found_after(given.db, "UPDATE customers SET refreshed_at = refreshed_at", {}, now=given.now)

    assert differing(of_customers(found)) == []


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
async def test_exactly_what_was_corrupted_is_found(given, buyers, corruption):
    lines = await found_after(given.db, corruption.sql, buyers, now=given.now)

    check_found(of_customers(lines), corruption, buyers)


async def test_whoever_is_still_to_be_worked_out_differs_from_nothing(given, buyers):
    [order_id] = await given.history([Bought(buyers["once"], given.now, 500)])
    unheard = differing(
        of_customers(
            await found_after(given.db, f"UPDATE orders SET remark = '' WHERE id = '{order_id}'", {}, now=given.now)
        )
    )
    await given.hears_of(buyers["once"])
    heard = differing(
        of_customers(await found_after(given.db, "UPDATE customers SET orders = orders", {}, now=given.now))
    )

    assert {line.check for line in unheard} == {checks.WORKED_OUT.name}
    assert heard == []
