"""Growth that moves and levels that follow it: once for each cause, up at once, down when the guarantee is over."""

from asyncio import gather
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from domain.benefits import queries as benefits
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.levels import actions, queries
from domain.levels.rules import ChangeReason, Level, LevelLadderChanged, NewLadder, Rung
from domain.levels.tables import changes, growth_moves
from tests.given.after_sales import Goods
from tests.given.levels import NO_FREIGHT, POINTS_AND_HALF, THREE_LEVELS
from tests.statements import count_statements

# NOON is on 2026-11-11
END = datetime(2027, 11, 30, 16, 0, tzinfo=UTC)
"""The shop's midnight before 2027-12-01: the end of the month that comes twelve months later."""
A_MOMENT = timedelta(microseconds=1)


@pytest.fixture
async def shopper(given):
    await given.level_ladder()
    return await given.shopper()


async def state_of(db, shopper_id):
    """What must be as before: rank, guarantee, growth that counts, and what is held."""
    standing = await queries.standing_of(db, shopper_id, now=datetime(2026, 11, 12, tzinfo=UTC))
    held = await benefits.holdings_of(db, shopper_id, now=datetime(2026, 11, 12, tzinfo=UTC))
    return standing.rank, standing.guaranteed_until, standing.growth, [(each.source_id, each.benefits) for each in held]


async def rows_of(db, table):
    return await db.value(text(f"SELECT count(*) FROM {table}"))


async def test_growth_comes_of_goods_less_discounts_and_without_freight(db, given, shopper):
    goods = (Goods(quantity=2, price_minor=5_050, discount_minor=1_001), Goods(price_minor=99, freight_minor=800))
    order = await given.received(shopper, *goods)

    await actions.settle(db, order_id=order.id, cause_id=order.id, now=given.now)

    [move] = await db.rows(select(growth_moves))
    # 2 x 50.50 - 10.01 + 0.99 = 91.98
    assert (move.growth, move.settled_minor, str(move.month), str(move.day)) == (91, 9_198, "2026-11-01", "2026-11-11")
    assert (await given.standing(shopper)).growth == 91


async def test_news_that_comes_many_times_and_at_once_moves_growth_once(db, given, shopper):
    order = await given.received(shopper, Goods(price_minor=50_000))
    hear = {"order_id": order.id, "cause_id": order.id, "now": given.now}

    await gather(*(actions.settle(db, **hear) for _ in range(10)))

    assert await rows_of(db, "growth_moves") == await rows_of(db, "level_changes") == 1
    assert await given.reasons(shopper) == ["reached"]
    assert await given.rank(shopper) == 3


async def test_an_order_that_is_not_received_brings_nothing(db, given, shopper):
    order = await given.bought(Goods(price_minor=50_000))

    await actions.settle(db, order_id=order.id, cause_id=order.id, now=given.now)

    assert await rows_of(db, "growth_moves") == await rows_of(db, "account_levels") == 0


async def test_a_level_brings_its_benefits_and_the_next_one_others(db, given, shopper):
    await given.spent(shopper, 100)
    [second] = await benefits.holdings_of(db, shopper, now=given.now)

    await given.spent(shopper, 400)

    [third] = await benefits.holdings_of(db, shopper, now=given.now)
    assert (second.benefits, third.benefits) == ((NO_FREIGHT,), (POINTS_AND_HALF,))
    assert await given.reasons(shopper) == ["reached", "reached"]


async def test_a_refund_takes_back_exactly_its_share_and_everything_is_as_before(db, given, shopper):
    await given.spent(shopper, 150)
    before = await state_of(db, shopper)
    order = await given.received(shopper, Goods(quantity=3, price_minor=13_333, discount_minor=100))
    await actions.settle(db, order_id=order.id, cause_id=order.id, now=given.now)
    assert await given.rank(shopper) == 3

    await given.gone_back(order, {1: 1})
    growth_then = (await given.standing(shopper)).growth
    await given.gone_back(await given.order_again(order.id))

    # 399.99 less 1.00; a third of it is gone, then all
    assert growth_then == 150 + (39_899 - 13_299) // 100
    assert await state_of(db, shopper) == before
    assert await given.reasons(shopper) == ["reached", "reached", "refunded"]
    assert await db.value(select(func.sum(growth_moves.c.growth))) == 150


async def test_a_refund_that_was_heard_before_the_receipt_counts_once(db, given, shopper):
    order = await given.received(shopper, Goods(quantity=2, price_minor=5_000))
    await given.gone_back(order, {1: 1})

    await actions.settle(db, order_id=order.id, cause_id=order.id, now=given.now)

    assert (await given.standing(shopper)).growth == 50
    assert await rows_of(db, "growth_moves") == 1


async def test_a_refund_leaves_a_level_that_would_have_been_reached_without_it(db, given, shopper):
    small, large = await given.spent(shopper, 50), await given.spent(shopper, 700)

    await given.gone_back(small)

    assert await given.rank(shopper) == 3
    assert (await given.standing(shopper)).guaranteed_until == END
    assert await given.reasons(shopper) == ["reached"]
    await given.gone_back(large)
    assert await given.rank(shopper) == 1
    assert await benefits.holdings_of(db, shopper, now=given.now) == []


async def test_a_refund_prolongs_no_guarantee(db, given, shopper):
    first = await given.spent(shopper, 500, at=given.now + timedelta(days=9))
    later = given.now + timedelta(days=20)
    await given.spent(shopper, 600, at=later)

    await given.gone_back(first, at=later)

    standing = await given.standing(shopper, now=later)
    assert (standing.rank, standing.growth, standing.guaranteed_until) == (3, 600, END)


async def test_a_level_falls_at_the_end_of_its_guarantee_and_not_a_moment_before(db, given, shopper):
    await given.spent(shopper, 500)

    too_early = await actions.review_due(db, now=END - A_MOMENT, limit=10)
    rank_before = await given.rank(shopper)
    due = await actions.review_due(db, now=END, limit=10)

    assert (too_early, rank_before, due) == (0, 3, 1)
    assert await given.rank(shopper) == 1
    assert await given.reasons(shopper) == ["reached", "decayed"]
    assert await benefits.holdings_of(db, shopper, now=END) == []
    assert await actions.review_due(db, now=END, limit=10) == 0


async def test_whoever_spent_enough_meanwhile_keeps_the_level_and_its_benefits(db, given, shopper):
    await given.spent(shopper, 100)
    [held] = await benefits.holdings_of(db, shopper, now=given.now)
    await given.spent(shopper, 120, at=given.now + timedelta(days=40))

    await actions.review_due(db, now=END, limit=10)

    standing = await given.standing(shopper, now=END)
    assert (standing.rank, standing.growth) == (2, 120)
    assert standing.guaranteed_until == datetime(2028, 12, 31, 16, 0, tzinfo=UTC)
    assert await benefits.holdings_of(db, shopper, now=END) == [held]
    assert await given.reasons(shopper) == ["reached", "kept"]


async def test_two_timetables_side_by_side_decide_each_level_once(db, given):
    await given.level_ladder(NewLadder((Rung("新客", 0), Rung("熟客", 100))))
    people = await given.people_on_levels(60, guaranteed_until=END)

    found = await gather(*(actions.review_due(db, now=END, limit=20) for _ in range(6)))
    found += [await actions.review_due(db, now=END, limit=100)]

    assert sum(found) == 60
    assert await db.value(select(func.count()).where(changes.c.reason == "decayed")) == 60
    assert set((await queries.levels_of(db, people)).values()) == {Level(1, "新客")}


async def test_a_review_costs_statements_by_the_batch_and_looks_only_at_what_is_due(db, given):
    await given.level_ladder(NewLadder((Rung("新客", 0), Rung("熟客", 100))))
    await given.people_on_levels(100, guaranteed_until=END)

    with count_statements(db) as due:
        await actions.review_due(db, now=END, limit=200)
    with count_statements(db) as idle:
        await actions.review_due(db, now=END, limit=200)

    assert (len(due), len(idle)) == (6, 1)


async def test_settling_an_order_is_a_handful_of_statements(db, given, shopper):
    first = await given.received(shopper, Goods(price_minor=9_000))
    second = await given.received(shopper, Goods(price_minor=9_000))

    with count_statements(db) as stays:
        await actions.settle(db, order_id=first.id, cause_id=first.id, now=given.now)
    with count_statements(db) as climbs:
        await actions.settle(db, order_id=second.id, cause_id=second.id, now=given.now)
    with count_statements(db) as again:
        await actions.settle(db, order_id=second.id, cause_id=second.id, now=given.now)

    assert (len(stays), len(climbs), len(again)) == (8, 11, 4)


async def test_a_new_ladder_moves_people_in_batches_and_nobody_falls_before_their_time(db, given, shopper):
    shoppers = [shopper, *await given.shoppers(2)]
    for each, yuan in zip(shoppers, (100, 500, 40), strict=True):
        await given.spent(each, yuan)
    harder = NewLadder(
        (Rung("新客", 0), Rung("朋友", 30), Rung("熟客", 1_000, (POINTS_AND_HALF,)), Rung("贵客", 5_000))
    )
    ladder = await given.level_ladder(harder)
    behind = await queries.people_behind(db, ladder)

    moved = [await actions.climb(db, now=given.now, limit=2) for _ in range(3)]

    assert (behind, moved, await queries.people_behind(db, ladder)) == (3, [2, 1, 0], 0)
    levels = await queries.levels_of(db, shoppers)
    assert [levels[id] for id in shoppers] == [Level(2, "朋友"), Level(3, "熟客"), Level(2, "朋友")]
    assert await given.reasons(shoppers[0]) == ["reached", "ladder"]  # the benefits are others
    assert await benefits.holdings_of(db, shoppers[0], now=given.now) == []
    assert await given.reasons(shoppers[1]) == ["reached"]  # neither level nor benefits are
    assert await given.reasons(shoppers[2]) == ["ladder"]
    assert (await given.standing(shoppers[1])).guaranteed_until == END


async def test_growth_of_an_order_goes_back_as_it_came_whatever_ladder_is_in_force(db, given, shopper):
    order = await given.spent(shopper, 100)
    await given.level_ladder(NewLadder(THREE_LEVELS.rungs, growth_per_yuan=5))

    await given.gone_back(order)

    assert (await given.standing(shopper)).growth == 0
    assert (await given.spent(shopper, 10)) and (await given.standing(shopper)).growth == 50


async def test_the_same_ladder_again_changes_nothing_and_an_old_version_is_refused(db, given):
    ladder = await given.level_ladder()
    others = NewLadder((Rung("新客", 0), Rung("熟客", 9)))
    by = {"by": new_id(), "now": given.now}

    assert await actions.set_ladder(db, THREE_LEVELS, version=0, **by) == ladder
    with pytest.raises(LevelLadderChanged) as refused:
        await actions.set_ladder(db, others, version=0, **by)
    with pytest.raises(BadInput):
        await actions.set_ladder(db, NewLadder((Rung("新客", 0),)), version=1, **by)

    assert refused.value.version == 1
    assert await rows_of(db, "level_ladders") == await rows_of(db, "staff_deeds") == 1


async def test_of_two_who_set_a_ladder_at_once_one_does(db, given):
    wishes = [NewLadder((Rung("新客", 0), Rung("熟客", 9 + n))) for n in range(5)]

    answers = await gather(
        *(actions.set_ladder(db, wish, version=0, by=new_id(), now=given.now) for wish in wishes),
        return_exceptions=True,
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["Ladder"] + 4 * ["LevelLadderChanged"]


async def test_orders_of_one_shopper_that_settle_at_once_add_up(db, given, shopper):
    orders = [await given.received(shopper, Goods(price_minor=12_000)) for _ in range(5)]

    await gather(*(actions.settle(db, order_id=each.id, cause_id=each.id, now=given.now) for each in orders * 3))

    standing = await given.standing(shopper)
    assert (standing.growth, standing.rank) == (600, 3)
    page = await queries.history_of(db, shopper, first=10)
    assert [(each.reason, each.to_rank, each.growth) for each in page.rows] == [
        (ChangeReason.REACHED, 3, 600),
        (ChangeReason.REACHED, 2, 120),
    ]


async def test_what_expires_is_told_by_month(given, shopper):
    await given.spent(shopper, 30)
    await given.spent(shopper, 50, at=given.now + timedelta(days=20))

    standing = await given.standing(shopper, now=given.now + timedelta(days=20))

    assert [(each.growth, each.expires_at) for each in standing.expiring] == [
        (30, END),
        (50, datetime(2027, 12, 31, 16, 0, tzinfo=UTC)),
    ]
    assert (standing.next_rung.title, standing.missing) == ("熟客", 20)
    assert (await given.standing(shopper, now=END)).growth == 50


@pytest.mark.parametrize("table", ["growth_moves", "level_changes"])
async def test_moves_and_history_never_change(db, given, shopper, table):
    await given.spent(shopper, 100)

    with pytest.raises(DBAPIError, match="append"):
        async with db.transaction() as tx:
            await tx.execute(text(f"UPDATE {table} SET growth = growth + 1"))
