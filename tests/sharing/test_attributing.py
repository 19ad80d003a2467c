"""Which link an order came of: the last share that counts, within its days, noted and counted once."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.foundation.ids import new_id
from domain.sharing import attributing, visiting
from domain.sharing.rules import Funnel
from domain.sharing.tables import attributions
from tests.given.sharing import SHARE_DAYS
from tests.statements import count_statements

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
DAYS = timedelta(days=SHARE_DAYS)


async def noted(db):
    return await db.value(select(func.count()).select_from(attributions))


async def test_an_order_comes_of_the_last_share_that_was_opened(given, now):
    shopper_id, early, late = await given.shopper(), await given.link(), await given.link()
    await given.visit(early, by=shopper_id, at=now - 2 * DAY)
    await given.visit(late, by=shopper_id, at=now - DAY)

    assert await given.attributed(shopper_id) == late.id
    assert await given.attributed(shopper_id, at=now - DAY - SECOND) == early.id
    assert (await given.funnel(early), await given.funnel(late)) == (Funnel(1, 1, 1), Funnel(1, 1, 1))


async def test_a_share_that_is_opened_again_is_the_last_one(given, now):
    shopper_id, first, second = await given.shopper(), await given.link(), await given.link()
    for link, days_ago in ((first, 3), (second, 2), (first, 1)):
        await given.visit(link, by=shopper_id, at=now - days_ago * DAY)

    assert await given.attributed(shopper_id) == first.id


@pytest.mark.parametrize(
    ("opened_ago", "counts"),
    [
        (timedelta(), True),  # in the moment of the order
        (DAYS - timedelta(microseconds=1), True),
        (DAYS, False),  # half-open: exactly seven days are too many
        (DAYS + DAY, False),
        (-timedelta(microseconds=1), False),  # after the order
    ],
)
async def test_a_share_counts_for_its_days_from_its_opening_on(db, given, now, opened_ago, counts):
    shopper_id, link = await given.shopper(), await given.link()
    await given.visit(link, by=shopper_id, at=now - opened_ago)

    found = await given.attributed(shopper_id)

    assert found == (link.id if counts else None)
    assert await noted(db) == int(counts)


async def test_a_share_that_is_over_does_not_bring_an_earlier_one_back(db, given, now):
    """The earlier one was opened when the shop still said thirty days."""
    shopper_id, early, late = await given.shopper(), await given.link(), await given.link()
    for link, days, at in ((early, 30, now - 10 * DAY), (late, 7, now - 8 * DAY)):
        await visiting.open_link(db, token=link.token, visitor="phone", shopper_id=shopper_id, share_days=days, now=at)

    assert await given.attributed(shopper_id) is None


async def test_a_share_opened_again_after_the_order_counts_from_its_first_opening(given, now):
    shopper_id, link, other = await given.shopper(), await given.link(), await given.link()
    await given.visit(link, by=shopper_id, at=now - DAY)
    await given.visit(link, by=shopper_id, at=now + DAY)
    await given.visit(other, by=shopper_id, at=now + DAY)

    assert await given.attributed(shopper_id) == link.id


async def test_neither_nobodys_nor_anothers_visits_count(db, given, now):
    shopper_id, link = await given.shopper(), await given.link()
    await given.visit(link, on="phone")
    await given.visit(link, by=await given.shopper(), on="phone")

    assert await given.attributed(shopper_id) is None
    assert await noted(db) == 0


async def test_ones_own_share_never_counts(db, given):
    link = await given.link()
    await given.visit(link, by=link.sharer_id)

    assert await given.attributed(link.sharer_id) is None
    assert await noted(db) == 0
    assert await given.funnel(link) == Funnel(opened=1)


async def test_an_order_is_attributed_once_whatever_is_opened_since(db, given, now):
    shopper_id, order_id = await given.shopper(), new_id()
    first, second = await given.link(), await given.link()
    await given.visit(first, by=shopper_id, at=now - DAY)

    before = await given.attributed(shopper_id, order_id=order_id)
    await given.visit(second, by=shopper_id, at=now)
    after = await given.attributed(shopper_id, order_id=order_id)

    assert before == after == first.id
    assert await noted(db) == 1
    assert (await given.funnel(first)).joined == 1
    assert (await given.funnel(second)).joined == 0


async def test_twenty_attributions_of_one_order_at_once_count_once(db, given):
    shopper_id, link, order_id = await given.shopper(), await given.link(), new_id()
    await given.visit(link, by=shopper_id)

    found = await asyncio.gather(*(given.attributed(shopper_id, order_id=order_id) for _ in range(20)))

    assert set(found) == {link.id}
    assert await noted(db) == 1
    assert await given.funnel(link) == Funnel(opened=1, signed_in=1, joined=1)


async def test_twenty_payments_of_one_order_at_once_count_once(db, given, now):
    shopper_id, link, order_id = await given.shopper(), await given.link(), new_id()
    await given.visit(link, by=shopper_id)
    await given.attributed(shopper_id, order_id=order_id)

    async def paid(minutes):
        async with db.transaction() as tx:
            await attributing.paid(tx, order_id=order_id, paid_at=now + timedelta(minutes=minutes))

    await paid(0)
    await asyncio.gather(*(paid(minutes) for minutes in range(1, 20)))

    assert await given.funnel(link) == Funnel(opened=1, signed_in=1, joined=1, paid=1)
    assert await db.value(select(attributions.c.paid_at)) == now


async def test_an_order_that_came_of_no_share_is_not_counted_when_it_is_paid(db, given, now):
    async with db.transaction() as tx:
        await attributing.paid(tx, order_id=new_id(), paid_at=now)

    assert await noted(db) == 0


async def test_an_order_that_is_rolled_back_was_never_attributed(db, given, now):
    shopper_id, link = await given.shopper(), await given.link()
    await given.visit(link, by=shopper_id)

    with pytest.raises(ZeroDivisionError):
        async with db.transaction() as tx:
            await attributing.attribute(tx, order_id=new_id(), shopper_id=shopper_id, placed_at=now)
            raise ZeroDivisionError

    assert await noted(db) == 0
    assert (await given.funnel(link)).joined == 0


async def test_attributing_is_one_statement_and_so_is_its_payment(db, given, now):
    shopper_id, link, order_id = await given.shopper(), await given.link(), new_id()
    await given.visit(link, by=shopper_id)

    async with db.transaction() as tx:
        for order, whose in ((order_id, shopper_id), (order_id, shopper_id), (new_id(), await given.shopper())):
            with count_statements(db) as sent:
                await attributing.attribute(tx, order_id=order, shopper_id=whose, placed_at=now)
            assert len(sent) == 1
        with count_statements(db) as sent:
            await attributing.paid(tx, order_id=order_id, paid_at=now)
    assert len(sent) == 1
