"""Money that comes after its seat was freed: it counts if it came within the group's time and there is room."""

from datetime import timedelta

from domain.group_buys import ending, outcomes
from domain.group_buys import rules as rules_of_groups
from domain.group_buys.rules import (
    GroupState,
    SeatState,
)
from domain.orders import actions as orders
from domain.orders.events import OrderPaidLate
from domain.orders.rules import LateOutcome, OrderState
from tests.audit import assert_clean

HOUR = timedelta(hours=1)


async def expire(given, *, now=None):
    return await ending.expire_due(given.db, now=now or given.now + HOUR, limit=100)


async def lapsed_with_late_money(given, seat, *, at):
    """The seat's hold has ended, and now its money comes; the event that says so."""
    await given.seats_lapse(now=at)
    order = await given.order_again(seat.order_id)
    payment = await given.money_for(order, at=at)
    await orders.take_payment(
        given.db, payable_id=order.id, payment_id=payment.id, amount_minor=990, captured_at=at, now=at
    )
    return (await given.recorded(OrderPaidLate))[-1]


async def decide(given, event, *, now):
    return await outcomes.paid_late(
        given.db,
        seat_id=event.source_id,
        order_id=event.order_id,
        payment_id=event.payment_id,
        captured_at=event.captured_at,
        now=now,
    )


async def test_late_money_takes_the_seat_again_where_there_is_room(given):
    campaign = await given.campaign(pay_seconds=600)
    group = await given.group(campaign, members=2, paid=1)
    late = (await given.seats_of(group))[1]
    at = given.now + timedelta(minutes=10)
    event = await lapsed_with_late_money(given, late, at=at)
    await given.joined(group, now=at)

    decided = [await decide(given, event, now=at) for _ in range(2)]
    await outcomes.ended_unpaid(given.db, seat_id=late.id, at=at)
    await outcomes.paid(given.db, seat_id=late.id, paid_at=at)

    seat, order = await given.seat_again(late.id), await given.order_again(late.order_id)
    assert decided == [True, True]
    assert (seat.state, seat.number) == (SeatState.PAID, 3)
    assert (order.state, order.late_outcome) == (OrderState.PAID, LateOutcome.REVIVED)
    await assert_clean(given.market, in_flight=True)


async def test_late_money_goes_back_where_the_seat_is_gone(given):
    campaign = await given.campaign(pay_seconds=600, seats=2)
    group = await given.group(campaign, members=2, paid=1)
    late = (await given.seats_of(group))[1]
    at = given.now + timedelta(minutes=10)
    event = await lapsed_with_late_money(given, late, at=at)
    await given.joined(group, now=at)

    decided = [await decide(given, event, now=at) for _ in range(2)]

    order = await given.order_again(late.order_id)
    assert decided == [False, False]
    assert (await given.seat_again(late.id)).state is SeatState.FREED
    assert (order.state, order.late_outcome) == (OrderState.LAPSED, LateOutcome.REFUNDED)
    await assert_clean(given.market, in_flight=True)


async def test_late_money_goes_back_and_changes_nothing_where_the_units_are_gone(given):
    campaign = await given.campaign(pay_seconds=600, units=3, per_shopper=3)
    group = await given.group(campaign, members=2, paid=1)
    late = (await given.seats_of(group))[1]
    at = given.now + timedelta(minutes=10)
    event = await lapsed_with_late_money(given, late, at=at)
    await given.opened(campaign, quantity=2, now=at)

    assert not await decide(given, event, now=at)

    assert (await given.seat_again(late.id)).state is SeatState.FREED
    assert (await given.group_again(group.id)).taken == 1
    await assert_clean(given.market, in_flight=True)


async def test_late_money_seats_no_newcomer_who_has_bought_elsewhere_meanwhile(given):
    campaign = await given.campaign(pay_seconds=600, newcomers_only=True)
    group = await given.group(campaign, members=2, paid=1)
    late = (await given.seats_of(group))[1]
    at = given.now + timedelta(minutes=10)
    event = await lapsed_with_late_money(given, late, at=at)
    await given.pay_seat((await given.opened(await given.campaign(), late.shopper_id)).seat)

    assert not await decide(given, event, now=at)

    assert (await given.seat_again(late.id)).state is SeatState.FREED
    assert (await given.order_again(late.order_id)).late_outcome is LateOutcome.REFUNDED
    await assert_clean(given.market, in_flight=True)


async def test_money_that_came_in_time_and_was_told_of_just_after_still_counts(given):
    group = await given.group(members=3, paid=2)
    late = (await given.seats_of(group))[2]
    order = await given.order_again(late.order_id)
    await given.seats_lapse(now=group.expires_at)
    captured_at, now = group.expires_at - timedelta(seconds=1), group.expires_at + timedelta(seconds=4)
    payment = await given.money_for(order, at=captured_at)
    await orders.take_payment(
        given.db, payable_id=order.id, payment_id=payment.id, amount_minor=990, captured_at=captured_at, now=now
    )

    assert await ending.expire_due(given.db, now=now, limit=9, news_takes=rules_of_groups.NEWS_TAKES) == 0
    assert await decide(given, (await given.recorded(OrderPaidLate))[-1], now=now)
    await outcomes.paid(given.db, seat_id=late.id, paid_at=now)

    assert (await given.group_again(group.id)).state is GroupState.FILLED
    await assert_clean(given.market, in_flight=True)


async def test_money_that_came_after_the_time_goes_back_though_the_group_is_still_open(given):
    group = await given.group(members=3, paid=2)
    late = (await given.seats_of(group))[2]

    event = await lapsed_with_late_money(given, late, at=group.expires_at)

    assert not await decide(given, event, now=group.expires_at)
    assert await expire(given) == 1
