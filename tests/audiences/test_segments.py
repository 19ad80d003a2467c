"""Segments: whom a rule chooses, how it is looked at again, and lists of people who are named."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.audiences import queries, refreshing, segment_actions, segment_store
from domain.audiences.segment_rules import MemberState, SegmentNameTaken, SegmentRule
from domain.audiences.tables import segment_members
from domain.customers import queries as customer_queries
from domain.customers.rules import Segment as Rfm
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import encode, new_id
from domain.orders.tables import lines
from domain.trust import caring
from domain.trust.rules import EvidenceKind, Tier
from tests.audit import assert_clean
from tests.given.customers import Bought
from workers import audiences as audiences_worker

DAY = timedelta(days=1)


@pytest.fixture
async def people(given):
    """A shop's customers: who bought often, long ago, once, never; each with their orders."""
    loyal, sleepy, once, never = await given.shoppers(4)
    at = given.now - timedelta(hours=3)
    bought = [Bought(loyal, at - n * DAY, 10_000, cost_minor=5_000) for n in (1, 3, 5)]
    bought += [Bought(sleepy, at - n * DAY, 20_000, cost_minor=5_000) for n in (100, 101)]
    bought += [Bought(once, at - 2 * DAY, 3_000, cost_minor=1_000)]
    await given.history(bought)
    await given.customers_rebuilt()
    return {"loyal": loyal, "sleepy": sleepy, "once": once, "never": never}


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        (SegmentRule(orders_at_least=2), {"loyal", "sleepy"}),
        (SegmentRule(orders_at_most=1), {"once", "never"}),
        (SegmentRule(orders_at_most=0), {"never"}),
        (SegmentRule(orders_at_least=1, orders_at_most=2), {"sleepy", "once"}),
        (SegmentRule(spent_at_least_minor=40_000), {"sleepy"}),
        (SegmentRule(spent_at_least_minor=30_000), {"sleepy", "loyal"}),
        (SegmentRule(value_at_least_minor=15_000), {"sleepy", "loyal"}),
        (SegmentRule(ordered_within_days=2), {"loyal"}),
        (SegmentRule(ordered_within_days=3), {"loyal", "once"}),
        (SegmentRule(not_ordered_within_days=30), {"sleepy", "never"}),
        (SegmentRule(not_ordered_within_days=30, orders_at_least=1), {"sleepy"}),
        (SegmentRule(member_state=MemberState.NEVER, orders_at_least=1), {"loyal", "sleepy", "once"}),
        (SegmentRule(rank_at_least=1, orders_at_least=1), {"loyal", "sleepy", "once"}),
        (SegmentRule(rank_at_least=2), set()),
    ],
)
async def test_a_rule_chooses_whoever_meets_all_of_it(given, people, rule, chosen):
    segment = await given.segment(rule)

    assert await given.held_by(segment) == {people[name] for name in chosen}
    assert segment.members == len(chosen)
    assert await refreshing.count(given.db, rule, now=given.now) == len(chosen)


async def test_rfm_segments_are_those_of_the_customers(given, people):
    found = await customer_queries.by_ids(given.db, list(people.values()))

    for kind in Rfm:
        segment = await given.segment(SegmentRule(rfm=(kind,)))
        assert await given.held_by(segment) == {id for id, one in found.items() if one.segment is kind}


async def test_members_tiers_tags_levels_and_purchases_choose_whom_they_name(given, people):
    member, former = await given.member(), await given.member()
    await given.end_membership(former)
    await given.evidence(people["never"], EvidenceKind.PURCHASE)
    await given.reviewed()
    await given.level_ladder()
    [regular] = await given.people_on_levels(1, guaranteed_until=given.now + DAY)
    await caring.tag(given.db, account_id=people["once"], tag="喜欢酒酿", by=new_id(), now=given.now)
    sku_id = await given.db.value(select(lines.c.sku_id).limit(1))

    async def chosen(**conditions):
        return await given.held_by(await given.segment(SegmentRule(**conditions)))

    assert await chosen(member_state=MemberState.MEMBER) == {member}
    assert await chosen(member_state=MemberState.FORMER) == {former}
    assert await chosen(tier_at_least=Tier.TRUSTS) == {people["never"]}
    assert await chosen(tags=("喜欢酒酿", "别的")) == {people["once"]}
    assert await chosen(rank_at_least=2) == {regular}
    assert await chosen(bought_sku_ids=(sku_id,)) == {people["loyal"], people["sleepy"], people["once"]}
    assert await chosen(bought_sku_ids=(new_id(),)) == set()


async def test_a_refresh_goes_on_where_it_was_left_and_counts_once_it_is_over(given, people):
    segment = await given.segment(SegmentRule(orders_at_least=1))
    [newcomer] = await given.shoppers(1)
    await given.history([Bought(newcomer, given.now - DAY, 1_000, cost_minor=100)])
    await given.customers_rebuilt()
    before = {people[name] for name in ("loyal", "sleepy", "once")}

    await refreshing.start(given.db, segment_id=segment.id, now=given.now)
    side_by_side = [refreshing.advance(given.db, segment_id=segment.id, limit=2, now=given.now) for _ in range(5)]
    await asyncio.gather(*side_by_side)
    half_way = (await queries.segments_by_ids(given.db, [segment.id]))[segment.id]
    progress = (await queries.refreshes_under_way(given.db, [segment.id]))[segment.id]
    meanwhile = await given.held_by(half_way)
    again = await given.refreshed_segment(segment.id, limit=2)
    forgotten = await refreshing.forget(given.db, segment_id=segment.id)

    assert progress.looked_at in {2, 4}
    assert (meanwhile, half_way.members) == (before, 3)
    assert await given.held_by(again) == before | {newcomer}
    assert (again.members, again.generation, forgotten) == (4, 2, 3)
    assert await given.db.value(select(func.count()).select_from(segment_members)) == 4


async def test_another_rule_is_another_version_and_the_old_one_counts_until_it_is_looked_at(given, people):
    segment = await given.segment(SegmentRule(orders_at_least=1))
    await refreshing.start(given.db, segment_id=segment.id, now=given.now)
    await refreshing.advance(given.db, segment_id=segment.id, limit=2, now=given.now)

    changed = await segment_actions.change(
        given.db,
        segment_id=segment.id,
        rule=SegmentRule(orders_at_least=3),
        refresh_minutes=60,
        by=new_id(),
        now=given.now,
    )
    meanwhile = await given.held_by((await queries.segments_by_ids(given.db, [segment.id]))[segment.id])
    again = await given.refreshed_segment(segment.id)

    assert (changed.version, again.version, again.generation) == (2, 2, 3)
    assert meanwhile == {people[name] for name in ("loyal", "sleepy", "once")}
    assert await given.held_by(again) == {people["loyal"]}


async def test_a_refresh_waits_for_nobody_who_changes_the_rule(given, people):
    segment = await given.segment(SegmentRule(orders_at_least=1))
    await refreshing.start(given.db, segment_id=segment.id, now=given.now)

    async with given.db.transaction() as tx:
        await segment_store.lock(tx, segment.id)
        went_on = await refreshing.advance(given.db, segment_id=segment.id, now=given.now)

    assert not went_on
    assert (await queries.refreshes_under_way(given.db, [segment.id]))[segment.id].looked_at == 0
    assert (await given.refreshed_segment(segment.id)).generation == 2


async def test_the_timetable_looks_again_when_it_is_time(given, people, worker):
    segment = await given.segment(SegmentRule(orders_at_least=1), refresh_minutes=60)

    async def refreshed_at(moment):
        await audiences_worker.begin_refreshes(worker(moment))
        await audiences_worker.refresh_segments(worker(moment))
        return (await queries.segments_by_ids(given.db, [segment.id]))[segment.id].refreshed_at

    just_before = given.now + timedelta(minutes=60) - timedelta(microseconds=1)
    assert await refreshed_at(just_before) == given.now
    on_time = given.now + timedelta(minutes=60)
    assert await refreshed_at(on_time) == on_time
    assert await refreshed_at(on_time + timedelta(minutes=59)) == on_time
    assert await given.db.value(select(func.count()).select_from(segment_members)) == 3


async def test_people_are_named_and_struck_as_csv(given):
    first, second, third = await given.shoppers(3)
    segment = await given.listed([first])
    edit = {"segment_id": segment.id, "by": new_id(), "now": given.now}
    ids = [encode("account", id) for id in (first, second, third)]

    named = await segment_actions.name_people(
        given.db, people=f"\ufeff账户 account,昵称 name\r\n{ids[0]},甲\r\n{ids[1]},乙\r\n\r\n{ids[1]},乙\r\n", **edit
    )
    struck = await segment_actions.strike_people(given.db, people=f"{ids[0]}\n{ids[2]}\n", **edit)

    assert (segment.members, named.members, struck.members) == (1, 2, 1)
    assert await given.held_by(struck) == {second}
    await assert_clean(given.market)


REFUSED: dict[str, Callable[[str], str]] = {
    "row 2 begins with 'somebody'; allowed: the id of an account": lambda good: f"{good}\nsomebody\n",
    "0 accounts; allowed: 1 to 2000 at a time": lambda good: "account\n",
    "row 1 begins with 'account_slip'; allowed: the id of an account": lambda good: f"account_slip\r{good}\r",
    "people cannot be read as CSV": lambda good: f'"{good * 5_000}"',
}


@pytest.mark.parametrize("why", list(REFUSED))
async def test_a_list_of_people_that_cannot_be_read_changes_nothing(given, why):
    shopper_id = await given.shopper()
    segment = await given.listed([shopper_id])
    people = REFUSED[why](encode("account", shopper_id))

    with pytest.raises(BadInput, match=why):
        await segment_actions.name_people(given.db, segment_id=segment.id, people=people, by=new_id(), now=given.now)
    with pytest.raises(NotFound):
        await segment_actions.name_people(
            given.db, segment_id=segment.id, people=encode("account", new_id()), by=new_id(), now=given.now
        )

    assert await given.held_by(segment) == {shopper_id}


async def test_what_a_segment_cannot_be_is_refused(given):
    listed = await given.listed([await given.shopper()], name="老客")
    create = {"by": new_id(), "now": given.now}

    async def refused(**wish):
        with pytest.raises((BadInput, SegmentNameTaken)) as caught:
            await segment_actions.create(given.db, **{"name": "新客", "idempotency_key": "segment-1"} | wish, **create)
        return str(caught.value)

    assert await refused(rule=SegmentRule()) == "a rule needs a condition at least"
    assert await refused(rule=SegmentRule(orders_at_least=-1)) == f"orders_at_least is -1; allowed: 0 to {10**12}"
    assert await refused(rule=None, refresh_minutes=60) == (
        "refreshMinutes belongs to a segment with a rule: a list changes when people are named"
    )
    assert await refused(rule=SegmentRule(orders_at_least=1), refresh_minutes=4) == (
        "refreshMinutes is 4; allowed: 5 to 43200"
    )
    assert await refused(rule=None, name=" ") == "name must have 1 to 60 characters"
    assert await refused(rule=None, name="老客") == "another segment is called 老客"
    with pytest.raises(BadInput, match="is a list: it cannot be given a rule"):
        await segment_actions.change(
            given.db, segment_id=listed.id, rule=SegmentRule(orders_at_least=1), refresh_minutes=None, **create
        )
    assert len((await queries.all_segments(given.db, first=10)).rows) == 1
