"""Opening, joining and leaving: seats are numbered, held together with an order, and free again when somebody leaves."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.foundation.errors import BadInput, IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.group_buys import ending, joining, queries
from domain.group_buys.rules import (
    AlreadyInGroupBuy,
    EventKind,
    GroupBuyCampaignClosed,
    GroupBuyFull,
    GroupBuyLimitReached,
    GroupBuyOver,
    GroupState,
    NewcomersOnly,
    OpenerBenefit,
    SeatNotLeavable,
    SeatState,
)
from domain.group_buys.tables import seats
from domain.orders import actions as orders
from domain.orders.rules import OrderNotCancellable, OrderState
from domain.stock.queries import allotments_by_ids
from domain.stock.rules import NotEnoughStock
from tests.audit import assert_clean


async def levels(given, campaign):
    allotment_id = campaign.items[0].allotment_id
    level = (await allotments_by_ids(given.db, [allotment_id]))[allotment_id]
    return level.free, level.held, level.sold


async def kinds(given, group):
    return [(event.number, event.kind) for event in (await queries.events_since(given.db, {group.id: 0}))[group.id]]


async def test_who_opens_a_group_sits_in_seat_one_and_holds_an_unconfirmed_order(given):
    campaign = await given.campaign(units=30, pay_seconds=600)

    joined = await given.opened(campaign)

    order = await given.order_again(joined.seat.order_id)
    assert (joined.group.state, joined.group.taken, joined.group.paid) == (GroupState.OPEN, 1, 0)
    assert joined.group.leader_id == joined.seat.shopper_id == order.shopper_id
    assert joined.group.expires_at == given.now + timedelta(hours=1)
    assert (joined.seat.number, joined.seat.state) == (1, SeatState.HELD)
    assert (order.source, order.source_id, order.is_confirmed) == ("group_buy", joined.seat.id, False)
    assert (order.total.minor, order.pay_by) == (990, given.now + timedelta(minutes=10))
    assert await levels(given, campaign) == (29, 1, 0)
    assert await given.group_again(joined.group.id) == joined.group
    assert await given.seat_again(joined.seat.id) == joined.seat
    await assert_clean(given.market, in_flight=True)


async def test_members_take_the_lowest_free_numbers(given):
    group = await given.group(members=4, seats=5)
    second = (await given.seats_of(group))[1]
    await given.left(second)

    third_time = await given.joined(group)
    last = await given.joined(group)

    assert (third_time.seat.number, last.seat.number) == (2, 5)
    assert [seat.number for seat in await given.seats_of(group)] == [1, 2, 3, 4, 5]
    assert last.group.taken == 5
    await assert_clean(given.market, in_flight=True)


async def test_nobody_pays_longer_than_the_group_has_time(given):
    group = await given.group(fill_seconds=100, pay_seconds=900)

    joined = await given.joined(group, now=given.now + timedelta(seconds=40))

    assert (await given.order_again(joined.seat.order_id)).pay_by == group.expires_at


async def test_the_same_key_gives_the_same_seat_and_another_request_with_it_is_refused(given):
    campaign = await given.campaign()
    shopper_id = await given.shopper()
    opened = await given.opened(campaign, shopper_id, key="open-once-1")
    neighbour_id = await given.shopper()
    joined = await given.joined(opened.group, neighbour_id, key="join-once-1")

    opened_again = await given.opened(campaign, shopper_id, key="open-once-1")
    joined_again = await given.joined(opened.group, neighbour_id, key="join-once-1")
    with pytest.raises(IdempotencyConflict):
        await given.joined(opened.group, neighbour_id, key="join-once-1", quantity=2)

    assert opened_again.seat == opened.seat
    assert joined_again == joined
    assert (await given.group_again(opened.group.id)).taken == 2
    assert await levels(given, campaign) == (28, 2, 0)


async def test_a_full_group_names_another_of_the_same_campaign_with_room(given):
    campaign = await given.campaign(seats=2)
    full = await given.group(campaign, members=2, paid=1)
    unpaid = await given.group(campaign)
    another = await given.group(campaign, paid=1)
    shopper_id = await given.shopper()

    with pytest.raises(GroupBuyFull) as refused:
        await given.joined(full, shopper_id)

    assert refused.value.facts == {"seats": 2, "another_id": another.id}
    assert (await given.group_again(full.id)).taken == 2
    assert (await given.group_again(unpaid.id)).taken == 1
    assert await given.db.value(select(seats.c.id).where(seats.c.shopper_id == shopper_id)) is None
    await assert_clean(given.market, in_flight=True)


async def test_without_another_group_one_is_told_to_open_one(given):
    group = await given.group(members=2, paid=2, seats=2)

    with pytest.raises(GroupBuyOver) as refused:
        await given.joined(group)

    assert refused.value.facts == {"group_id": group.id, "state": GroupState.FILLED, "another_id": None}


async def test_a_group_in_which_one_sits_is_never_offered(given):
    campaign = await given.campaign(seats=2, per_shopper=5)
    full = await given.group(campaign, members=2)
    mine = await given.opened(campaign)
    await given.pay_seat(mine.seat)

    with pytest.raises(GroupBuyFull) as refused:
        await given.joined(full, mine.seat.shopper_id)

    assert refused.value.another_id is None


async def test_nobody_sits_twice_in_a_group(given):
    campaign = await given.campaign(per_shopper=5)
    opened = await given.opened(campaign)

    with pytest.raises(AlreadyInGroupBuy) as refused:
        await given.joined(opened.group, opened.seat.shopper_id)

    assert refused.value.seat_id == opened.seat.id
    assert await levels(given, campaign) == (29, 1, 0)


async def test_the_limit_counts_every_group_of_the_campaign_and_is_given_back(given):
    campaign = await given.campaign(per_shopper=3)
    shopper_id = await given.shopper()
    first = await given.opened(campaign, shopper_id, quantity=2)
    group = await given.group(campaign)

    with pytest.raises(GroupBuyLimitReached):
        await given.joined(group, shopper_id, quantity=2)
    with pytest.raises(GroupBuyLimitReached):
        await given.joined(group, quantity=4)
    with pytest.raises(BadInput):
        await given.joined(group, quantity=0)
    assert (await given.group_again(group.id)).taken == 1

    await given.left(first.seat)
    joined = await given.joined(group, shopper_id, quantity=2)

    assert joined.seat.quantity == 2
    await assert_clean(given.market, in_flight=True)


async def test_only_newcomers_join_where_the_campaign_says_so_and_each_once(given):
    campaign = await given.campaign(newcomers_only=True, per_shopper=5)
    regular_id = await given.shopper()
    await given.pay_seat((await given.opened(await given.campaign(), regular_id)).seat)
    group = (await given.opened(campaign, regular_id)).group
    other = await given.group(campaign)
    newcomer_id = await given.shopper()

    with pytest.raises(NewcomersOnly):
        await given.joined(other, regular_id)
    joined = await given.joined(group, newcomer_id)
    with pytest.raises(NewcomersOnly):
        await given.joined(other, newcomer_id)
    await given.left(joined.seat)
    again = await given.joined(other, newcomer_id)

    assert again.seat.state is SeatState.HELD
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize(
    ("benefit", "off", "quantity", "total"),
    [
        (OpenerBenefit.NONE, None, 2, 1980),
        (OpenerBenefit.DISCOUNT, 500, 2, 1480),
        (OpenerBenefit.FREE, None, 2, 990),
    ],
)
async def test_only_the_opener_pays_less(given, benefit, off, quantity, total):
    campaign = await given.campaign(opener_benefit=benefit, opener_discount_minor=off, per_shopper=2)

    opened = await given.opened(campaign, quantity=quantity)
    joined = await given.joined(opened.group, quantity=quantity)

    assert (await given.order_again(opened.seat.order_id)).total.minor == total
    assert (await given.order_again(joined.seat.order_id)).total.minor == 1980
    await assert_clean(given.market, in_flight=True)


async def test_an_order_that_is_free_is_paid_at_once(given):
    campaign = await given.campaign(opener_benefit=OpenerBenefit.FREE)

    opened = await given.opened(campaign)

    order = await given.order_again(opened.seat.order_id)
    assert (order.state, order.total.minor, order.is_confirmed) == (OrderState.PAID, 0, False)
    paid = await given.pay_seat(opened.seat)
    assert paid.state is SeatState.PAID
    await assert_clean(given.market, in_flight=True)


async def test_a_campaign_opens_no_group_outside_its_window_nor_as_a_draft_nor_once_stopped(given):
    draft = await given.campaign(is_live=False)
    early = await given.campaign(opens_at=given.now + timedelta(minutes=1))
    live = await given.campaign()

    for campaign in (draft, early):
        with pytest.raises(GroupBuyCampaignClosed):
            await given.opened(campaign)
    with pytest.raises(GroupBuyCampaignClosed):
        await given.opened(live, now=live.closes_at)

    assert (await levels(given, live))[1] == 0


async def test_an_item_of_another_campaign_is_unknown(given):
    group, other = await given.group(), await given.campaign()

    with pytest.raises(NotFound):
        await given.joined(group, item=other.items[0])


async def test_a_campaign_without_units_lets_nobody_in_and_keeps_nothing(given):
    campaign = await given.campaign(units=3, seats=3, per_shopper=3)
    opened = await given.opened(campaign, quantity=3)

    with pytest.raises(NotEnoughStock):
        await given.joined(opened.group)

    assert (await given.group_again(opened.group.id)).taken == 1
    assert await kinds(given, opened.group) == [(1, EventKind.OPENED)]
    await assert_clean(given.market, in_flight=True)


async def test_who_leaves_frees_the_seat_the_units_and_the_limit(given):
    campaign = await given.campaign()
    opened = await given.opened(campaign)
    joined = await given.joined(opened.group)

    group = await given.left(joined.seat, key="leave-once-1")
    again = await given.left(joined.seat, key="leave-once-1")

    assert (group.taken, again.taken) == (1, 1)
    assert (await given.order_again(joined.seat.order_id)).state is OrderState.CANCELLED
    assert (await given.seat_again(joined.seat.id)).state is SeatState.FREED
    assert await levels(given, campaign) == (29, 1, 0)
    await given.joined(opened.group, joined.seat.shopper_id)
    await assert_clean(given.market, in_flight=True)


async def test_a_leader_who_leaves_hands_the_group_on_with_the_same_deadline(given):
    campaign = await given.campaign(seats=5)
    opened = await given.opened(campaign)
    await given.joined(opened.group)
    third = await given.joined(opened.group)
    await given.pay_seat(third.seat)

    group = await given.left(opened.seat)

    assert (group.leader_id, group.opened_by) == (third.seat.shopper_id, opened.seat.shopper_id)
    assert (group.expires_at, group.state, group.taken) == (opened.group.expires_at, GroupState.OPEN, 2)
    assert [kind for _, kind in await kinds(given, group)] == [
        EventKind.OPENED, EventKind.JOINED, EventKind.JOINED, EventKind.PAID, EventKind.LEFT, EventKind.HANDED_ON,
    ]  # fmt: skip
    await assert_clean(given.market, in_flight=True)


async def test_the_last_to_leave_dissolves_the_group(given):
    opened = await given.opened(await given.campaign())

    group = await given.left(opened.seat)

    assert (group.state, group.taken) == (GroupState.DISSOLVED, 0)
    with pytest.raises(GroupBuyOver):
        await given.joined(group)
    await assert_clean(given.market, in_flight=True)


async def test_a_paid_seat_cannot_be_left_nor_one_that_is_not_ones_own(given):
    group = await given.group(members=2, paid=1)
    paid = (await given.seats_of(group))[0]

    with pytest.raises(SeatNotLeavable):
        await given.left(paid)
    with pytest.raises(NotFound):
        await joining.leave(
            given.db, group_id=group.id, shopper_id=new_id(), idempotency_key="leave-once-1", now=given.now
        )

    assert await given.group_again(group.id) == group


@pytest.mark.parametrize("has_paid", [True, False])
async def test_a_seat_whose_order_has_just_ended_cannot_be_left_though_nobody_has_heard(given, has_paid):
    group = await given.group(members=2)
    seat = (await given.seats_of(group))[1]
    if has_paid:
        await given.money_for(await given.order_again(seat.order_id))
        await given.hear_payments()
    else:
        await orders.lapse_due(given.db, now=given.now + timedelta(hours=1), limit=10)

    with pytest.raises(OrderNotCancellable):
        await given.left(seat)

    assert await given.group_again(group.id) == group
    assert (await given.seat_again(seat.id)).state is SeatState.HELD
    await assert_clean(given.market, in_flight=True)


async def test_who_got_the_money_back_from_a_group_that_expired_is_still_a_newcomer(given):
    campaign = await given.campaign(newcomers_only=True)
    group, other = await given.group(campaign, paid=1), await given.group(campaign)
    newcomer = (await given.joined(group)).seat
    await given.pay_seat(newcomer)
    with pytest.raises(NewcomersOnly):
        await given.joined(other, newcomer.shopper_id)
    await ending.expire_due(given.db, now=group.expires_at, limit=9)
    await ending.refund_due(given.db, now=group.expires_at, limit=9)

    again = await given.joined(await given.group(campaign), newcomer.shopper_id)

    assert again.seat.state is SeatState.HELD
    await assert_clean(given.market, in_flight=True)
