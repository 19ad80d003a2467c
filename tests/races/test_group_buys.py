"""Seats of groups, many at once: each is taken, left and paid once."""

import asyncio
from collections import Counter

import pytest

from domain.group_buys.joining import Joined
from domain.group_buys.rules import (
    AlreadyInGroupBuy,
    Group,
    GroupBuyFull,
    GroupBuyLimitReached,
    GroupBuyOver,
    GroupState,
    NewcomersOnly,
    SeatNotLeavable,
    SeatState,
)
from domain.group_buys.tables import events, groups, seats
from domain.orders.rules import OrderNotCancellable, OrderState
from domain.orders.tables import orders as order_table
from domain.stock.queries import allotments_by_ids
from domain.stock.rules import NotEnoughStock
from tests.audit import assert_clean
from tests.races.grouping import GROUPS, count, gather, money_comes, shuffled
from workers import group_buys as _group_buys  # noqa: F401 - importing registers the hearers
from workers import payments as _payments  # noqa: F401


async def figures(db):
    """How much there is of everything that joining writes."""
    return [await count(db, table) for table in (groups, seats, events, order_table)]


# -- seats


@pytest.mark.parametrize("has_another", [True, False])
async def test_twenty_joiners_for_the_last_seat_are_one_member(given, market, db, has_another):
    campaign = await given.campaign()
    group = await given.group(campaign, members=2, paid=2)
    another = await given.group(campaign, members=1, paid=1) if has_another else None
    shoppers = await given.shoppers(20)
    before = await figures(db)

    taken = await gather(*(given.joined(group, shopper_id) for shopper_id in shoppers))

    assert Counter(map(type, taken)) == {Joined: 1, GroupBuyFull: 19}
    refused = [refusal for refusal in taken if isinstance(refusal, GroupBuyFull)]
    assert {refusal.another_id for refusal in refused} == {another.id if another else None}
    assert await figures(db) == [before[0], *(number + 1 for number in before[1:])]
    assert (await given.seats_of(group))[2:] == [_seat_of(taken)]
    level = (await allotments_by_ids(db, [campaign.items[0].allotment_id]))[campaign.items[0].allotment_id]
    assert (level.held, level.sold) == (1, 3 if has_another else 2)
    await assert_clean(market, in_flight=True)


def _seat_of(taken):
    return next(joined.seat for joined in taken if isinstance(joined, Joined))


async def test_the_last_unit_is_ordered_once_from_twenty_groups(given, market, db):
    campaign = await given.campaign(units=21)
    opened = await asyncio.gather(*(given.opened(campaign, id) for id in await given.shoppers(20)))
    shoppers = await given.shoppers(20)

    taken = await gather(*(given.joined(one.group, id) for one, id in zip(opened, shoppers, strict=True)))

    assert Counter(map(type, taken)) == {Joined: 1, NotEnoughStock: 19}
    assert await count(db, seats) == await count(db, order_table) == 21
    await assert_clean(market)


async def test_a_shopper_who_joins_twenty_times_at_once_has_one_seat(given, market, db):
    group = await given.group(seats=20)
    shopper_id = await given.shopper()

    taken = await gather(*(given.joined(group, shopper_id) for _ in range(20)))

    assert Counter(map(type, taken)) == {Joined: 1, AlreadyInGroupBuy: 19}
    assert {refusal.seat_id for refusal in taken if isinstance(refusal, AlreadyInGroupBuy)} == {_seat_of(taken).id}
    assert (await given.group_again(group.id)).taken == await count(db, order_table) == 2
    await assert_clean(market)


async def test_the_same_request_twenty_times_at_once_is_one_seat(given, market, db):
    campaign = await given.campaign(seats=20)
    opener, joiner = await given.shoppers(2)

    opened = await asyncio.gather(*(given.opened(campaign, opener, key="request-1") for _ in range(20)))
    taken = await asyncio.gather(*(given.joined(opened[0].group, joiner, key="request-2") for _ in range(20)))

    assert len({(one.group.id, one.seat.id) for one in opened}) == 1
    assert len({one.seat.id for one in taken}) == 1
    assert await figures(db) == [1, 2, 2, 2]
    await assert_clean(market)


async def test_a_newcomer_is_one_in_one_group_only(given, market):
    campaigns = [await given.campaign(newcomers_only=True) for _ in range(5)]
    opened = [await given.opened(campaign) for campaign in campaigns]
    newcomer = await given.shopper()

    taken = await gather(*(given.joined(one.group, newcomer) for one in opened))

    assert Counter(map(type, taken)) == {Joined: 1, NewcomersOnly: 4}
    await assert_clean(market)


async def test_a_shopper_has_as_much_as_the_limit_says_in_all_groups_together(given, market):
    campaign = await given.campaign(per_shopper=2)
    opened = await asyncio.gather(*(given.opened(campaign, id) for id in await given.shoppers(12)))
    shopper_id = await given.shopper()

    taken = await gather(*(given.joined(one.group, shopper_id) for one in opened))

    assert Counter(map(type, taken)) == {Joined: 2, GroupBuyLimitReached: 10}
    await assert_clean(market)


# -- leaving


async def test_who_joins_while_the_leader_leaves_leads_or_comes_too_late(given, market):
    campaign = await given.campaign(units=60)
    opened = [await given.opened(campaign) for _ in range(GROUPS)]
    shoppers = await given.shoppers(GROUPS)

    rounds = await gather(
        *(shuffled(given.left(one.seat), given.joined(one.group, id)) for one, id in zip(opened, shoppers, strict=True))
    )

    for one, shopper_id, (left, joined) in zip(opened, shoppers, rounds, strict=True):
        group = await given.group_again(one.group.id)
        assert isinstance(left, Group)
        if isinstance(joined, Joined):
            assert (group.state, group.leader_id, group.taken) == (GroupState.OPEN, shopper_id, 1)
            assert group.expires_at == one.group.expires_at
        else:
            assert isinstance(joined, GroupBuyOver)
            assert (group.state, group.leader_id, group.taken) == (GroupState.DISSOLVED, one.seat.shopper_id, 0)
    await assert_clean(market, in_flight=True)


async def test_who_leaves_while_their_money_comes_has_left_or_has_paid(given, listener, market):
    campaign = await given.campaign(units=60)
    opened = [await given.group(campaign, members=1, paid=1) for _ in range(GROUPS)]
    taken = [(await given.joined(group)).seat for group in opened]

    rounds = await gather(*(shuffled(given.left(seat), money_comes(given, seat)) for seat in taken))
    await listener.hear()

    for seat, (left, paid) in zip(taken, rounds, strict=True):
        order, after = await given.order_again(seat.order_id), await given.seat_again(seat.id)
        assert paid is None
        if order.state is OrderState.PAID:
            # money that came a moment after they had left takes the seat again: its group had room
            assert isinstance(left, Group | OrderNotCancellable | SeatNotLeavable), left
            assert after.state is SeatState.PAID
        else:
            assert isinstance(left, Group)
            assert (order.state, after.state) == (OrderState.CANCELLED, SeatState.FREED)
    await assert_clean(market)


async def test_a_shopper_leaves_one_group_and_joins_another_at_once(given, market):
    """Both change what the shopper may have and the units of one allotment: never in a ring."""
    campaign = await given.campaign(units=60, per_shopper=2)
    opened = [await given.opened(campaign) for _ in range(GROUPS)]
    others = [await given.opened(campaign) for _ in range(GROUPS)]

    rounds = await gather(
        *(
            shuffled(given.left(one.seat), given.joined(other.group, one.seat.shopper_id))
            for one, other in zip(opened, others, strict=True)
        )
    )

    assert {(type(left), type(joined)) for left, joined in rounds} == {(Group, Joined)}
    await assert_clean(market, in_flight=True)
