"""How groups end: filled by the last payment, expired with the money going back, or completed by the merchant."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.after_sales import deciding
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.group_buys import actions, ending, outcomes, queries
from domain.group_buys import store as group_store
from domain.group_buys.rules import (
    CampaignState,
    EventKind,
    GroupBuyOver,
    GroupState,
    NobodyHasPaid,
    SeatState,
)
from domain.orders import actions as orders
from domain.orders import refunding, rules, store
from domain.orders.rules import NotYourOwnOrder, OrderState
from domain.payments.tables import refunds
from domain.stock.queries import allotments_by_ids, levels_by_sku_ids
from domain.trail.tables import deeds
from tests.audit import assert_clean

HOUR = timedelta(hours=1)


async def kinds(given, group):
    return [event.kind for event in (await queries.events_since(given.db, {group.id: 0}))[group.id]]


async def orders_of(given, group):
    return [await given.order_again(seat.order_id) for seat in await given.seats_of(group)]


async def expire(given, *, now=None):
    return await ending.expire_due(given.db, now=now or given.now + HOUR, limit=100)


async def test_the_last_payment_fills_the_group_once_and_confirms_every_order(given):
    group = await given.group(members=3, paid=2)
    last = (await given.seats_of(group))[2]
    assert [order.is_confirmed for order in await orders_of(given, group)] == [False] * 3

    await given.pay_seat(last)
    filled = await given.group_again(group.id)
    await outcomes.paid(given.db, seat_id=last.id, paid_at=given.now + HOUR)

    assert (filled.state, filled.paid, filled.ended_at, filled.completed_by) == (GroupState.FILLED, 3, given.now, None)
    assert await given.group_again(group.id) == filled
    assert [order.is_confirmed for order in await orders_of(given, group)] == [True] * 3
    assert (await kinds(given, group))[-2:] == [EventKind.PAID, EventKind.FILLED]
    assert await expire(given) == 0
    await assert_clean(given.market, in_flight=True)


async def test_seats_that_nobody_pays_for_are_free_again(given):
    campaign = await given.campaign(pay_seconds=600)
    group = await given.group(campaign, members=3, paid=1)
    opener, *others = await given.seats_of(group)

    await given.seats_lapse(now=given.now + timedelta(minutes=10))
    await outcomes.ended_unpaid(given.db, seat_id=others[0].id, at=given.now)

    group = await given.group_again(group.id)
    assert (group.state, group.taken, group.paid) == (GroupState.OPEN, 1, 1)
    assert [seat.id for seat in await given.seats_of(group)] == [opener.id]
    await given.joined(group, others[0].shopper_id)
    await assert_clean(given.market, in_flight=True)


async def test_a_group_whose_time_is_over_gives_every_member_their_money_back_once(given):
    campaign = await given.campaign()
    group = await given.group(campaign, members=2, paid=2)

    assert await expire(given) == 1
    expired = await given.group_again(group.id)
    first = await ending.refund_due(given.db, now=given.now + HOUR, limit=100)
    second = await ending.refund_due(given.db, now=given.now + HOUR, limit=100)

    assert (expired.state, expired.ended_at, expired.paid) == (GroupState.EXPIRED, given.now + HOUR, 2)
    assert (first, second) == ((2, 0), (0, 0))
    found = await orders_of(given, group)
    assert [(order.state, order.refunded.minor, order.is_confirmed) for order in found] == [
        (OrderState.REFUNDED, 990, False)
    ] * 2
    kept = await given.db.rows(select(refunds.c.cause_id, refunds.c.amount_minor, refunds.c.reason))
    assert sorted(kept) == sorted((seat.id, 990, ending.REASON) for seat in await given.seats_of(group))
    assert {seat.state for seat in await given.seats_of(group)} == {SeatState.REFUNDED}
    assert (await kinds(given, group))[-3:] == [EventKind.EXPIRED, EventKind.REFUNDED, EventKind.REFUNDED]
    await assert_clean(given.market, in_flight=True)


async def test_refunded_units_are_for_sale_in_other_groups_while_the_campaign_goes_on(given):
    campaign = await given.campaign(units=3)
    group = await given.group(campaign, members=2, paid=2)
    await expire(given)

    await ending.refund_due(given.db, now=given.now + HOUR, limit=100)

    allotment_id = campaign.items[0].allotment_id
    assert (await allotments_by_ids(given.db, [allotment_id]))[allotment_id].free == 3
    again = await given.opened(campaign, (await given.seats_of(group))[0].shopper_id, now=given.now + HOUR)
    assert again.seat.state is SeatState.HELD
    await assert_clean(given.market, in_flight=True)


async def test_once_the_campaign_is_over_they_are_free_for_everything(given):
    campaign = await given.campaign(units=3, closes_at=given.now + timedelta(minutes=30))
    await given.group(campaign, members=2, paid=2)
    await expire(given)
    await ending.refund_due(given.db, now=given.now + HOUR, limit=100)

    assert await actions.settle(given.db, campaign_id=campaign.id, now=given.now + HOUR)

    sku_id = campaign.items[0].sku_id
    level = (await levels_by_sku_ids(given.db, [sku_id]))[0]
    assert (level.free, level.held, level.sold) == (3, 0, 0)
    await assert_clean(given.market, in_flight=True)


async def test_a_group_waits_for_money_that_may_have_come_in_time(given):
    group = await given.group(members=3, paid=2)
    last = (await given.seats_of(group))[2]

    assert await expire(given) == 0
    await given.pay_seat(last, now=given.now + HOUR - timedelta(microseconds=1))

    assert (await given.group_again(group.id)).state is GroupState.FILLED
    await assert_clean(given.market, in_flight=True)


async def test_nobody_joins_once_the_time_is_over_though_a_hold_is_still_to_end(given):
    group = await given.group(members=2, paid=1)

    with pytest.raises(GroupBuyOver):
        await given.joined(group, now=group.expires_at)
    await given.seats_lapse(now=group.expires_at)
    assert await expire(given) == 1

    assert (await given.group_again(group.id)).state is GroupState.EXPIRED


async def test_one_refund_that_fails_keeps_nobody_else_waiting_and_is_tried_again_later(given, monkeypatch):
    group = await given.group(members=2, paid=2)
    await expire(given)
    stuck, other = await given.seats_of(group)
    give_back = refunding.give_back

    async def failing(tx, order, *arguments, **more):
        if order.id == stuck.order_id:
            raise RuntimeError("the books are on fire")
        return await give_back(tx, order, *arguments, **more)

    monkeypatch.setattr(refunding, "give_back", failing)
    first = await ending.refund_due(given.db, now=given.now + HOUR, limit=100)
    at_once = await ending.refund_due(given.db, now=given.now + HOUR, limit=100)
    later = await ending.refund_due(given.db, now=given.now + HOUR + timedelta(seconds=5), limit=100)

    put_off = await given.seat_again(stuck.id)
    assert (first, at_once, later) == ((1, 1), (0, 0), (0, 1))
    assert (await given.seat_again(other.id)).state is SeatState.REFUNDED
    assert (put_off.state, put_off.refund_failures) == (SeatState.PAID, 2)
    assert put_off.refund_at == given.now + HOUR + timedelta(seconds=15)
    monkeypatch.undo()
    assert await ending.refund_due(given.db, now=put_off.refund_at, limit=100) == (1, 0)
    await assert_clean(given.market, in_flight=True)


async def test_a_group_does_not_fill_with_a_member_whose_money_has_just_gone_back(given):
    group = await given.group(members=3, paid=2)
    opener, _, third = await given.seats_of(group)
    await deciding.refund(
        given.db, order_id=opener.order_id, by=new_id(), words="缺货", idempotency_key="refund-0001", now=given.now
    )

    await given.pay_seat(third)
    unheard = await given.group_again(group.id)
    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)
    await given.pay_seat((await given.joined(group)).seat)

    assert (unheard.state, unheard.paid) == (GroupState.OPEN, 3)
    assert (await given.group_again(group.id)).state is GroupState.FILLED
    assert [order.is_confirmed for order in await orders_of(given, group)].count(True) == 3
    await assert_clean(given.market, in_flight=True)


async def test_a_group_that_cannot_be_ended_keeps_no_other_waiting(given, monkeypatch):
    campaign = await given.campaign()
    stuck, other = [await given.group(campaign, members=1, paid=1) for _ in range(2)]
    ask_refunds = group_store.ask_refunds

    async def failing(tx, group_id, **more):
        if group_id == stuck.id:
            raise RuntimeError("the books are on fire")
        await ask_refunds(tx, group_id, **more)

    monkeypatch.setattr(group_store, "ask_refunds", failing)
    assert await expire(given) == 1
    assert (await given.group_again(stuck.id)).state is GroupState.OPEN
    assert (await given.group_again(other.id)).state is GroupState.EXPIRED
    monkeypatch.undo()
    assert await expire(given) == 1
    await assert_clean(given.market, in_flight=True)


async def test_a_member_whom_staff_gave_the_money_back_makes_room_in_an_open_group(given):
    group = await given.group(members=2, paid=2)
    opener, second = await given.seats_of(group)
    await give_all_back(given, opener)

    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)
    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)

    group = await given.group_again(group.id)
    assert (group.taken, group.paid, group.leader_id) == (1, 1, second.shopper_id)
    assert (await kinds(given, group))[-2:] == [EventKind.REFUNDED, EventKind.HANDED_ON]
    assert (await given.joined(group, opener.shopper_id)).seat.number == 1


@pytest.mark.parametrize("is_sold", [False, True])
async def test_the_units_of_such_a_member_are_for_who_comes_next_unless_somebody_else_has_them(given, is_sold):
    campaign = await given.campaign(units=2, seats=2)
    group = await given.group(campaign, members=2, paid=1)
    opener, second = await given.seats_of(group)
    await deciding.refund(
        given.db, order_id=opener.order_id, by=new_id(), words="缺货", idempotency_key="refund-0001", now=given.now
    )
    if is_sold:
        await given.order(campaign.items[0].sku_id)

    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)

    level = (await allotments_by_ids(given.db, [campaign.items[0].allotment_id]))[campaign.items[0].allotment_id]
    assert (level.free, level.held) == (0 if is_sold else 1, 1)
    assert (await given.group_again(group.id)).leader_id == second.shopper_id
    await assert_clean(given.market, in_flight=True)


async def test_money_that_staff_gave_back_before_is_not_given_again(given):
    group = await given.group(members=1, paid=1)
    seat = (await given.seats_of(group))[0]
    await expire(given)
    await give_all_back(given, seat)

    assert await ending.refund(given.db, seat_id=seat.id, now=given.now + HOUR)
    await outcomes.given_back(given.db, seat_id=seat.id, now=given.now + HOUR)

    assert (await given.seat_again(seat.id)).state is SeatState.REFUNDED
    assert await given.db.column(select(refunds.c.amount_minor)) == [990]


async def give_all_back(given, seat):
    async with given.db.transaction() as tx:
        order = await store.lock(tx, seat.order_id)
        await refunding.give_back(
            tx, order, [rules.LineRefund(1, 1, 1, 990, 0)], reason="kind", cause_id=new_id(), now=given.now
        )


async def complete(given, group, *, by=None, key="complete-1", reason="庆祝开业"):
    by = by or await given.shopper()
    return await ending.complete(given.db, group_id=group.id, by=by, reason=reason, idempotency_key=key, now=given.now)


async def test_the_merchant_completes_a_group_with_the_members_it_has(given):
    by = await given.shopper()
    group = await given.group(members=3, paid=1, seats=10)
    paid, held, freed = await given.seats_of(group)

    completed = await complete(given, group, by=by)
    again = await complete(given, group, by=by)

    assert (completed.state, completed.completed_by, completed.paid) == (GroupState.FILLED, by, 1)
    assert again == completed
    assert [order.is_confirmed for order in await orders_of(given, group)] == [True, False, False]
    assert len(await given.seats_of(group)) == 3
    noted = await given.db.one(select(deeds.c.by, deeds.c.facts).where(deeds.c.deed == "complete_group_buy"))
    assert noted == (by, {"reason": "庆祝开业", "paid": 1, "seats": 10})

    await given.pay_seat(held)
    await given.left(freed)
    group = await given.group_again(group.id)

    assert (group.state, group.taken, group.paid) == (GroupState.FILLED, 2, 2)
    assert [order.is_confirmed for order in await orders_of(given, group)] == [True, True]
    with pytest.raises(GroupBuyOver):
        await given.joined(group)
    assert paid.id in {seat.id for seat in await given.seats_of(group)}
    await assert_clean(given.market, in_flight=True)


async def test_a_leader_who_never_pays_hands_on_a_group_that_the_merchant_completed(given):
    group = await given.group(members=3)
    leader, second, _ = await given.seats_of(group)
    await given.pay_seat(second)
    await complete(given, group)

    await given.seats_lapse(now=leader.held_at + timedelta(minutes=15))

    group = await given.group_again(group.id)
    assert (group.state, group.taken, group.leader_id) == (GroupState.FILLED, 1, second.shopper_id)
    await assert_clean(given.market, in_flight=True)


async def test_the_merchant_completes_no_group_without_money_and_none_that_has_ended(given):
    unpaid, filled = await given.group(), await given.group(members=2, paid=2, seats=2)

    with pytest.raises(NobodyHasPaid):
        await complete(given, unpaid)
    with pytest.raises(GroupBuyOver):
        await complete(given, filled, key="complete-2")
    with pytest.raises(BadInput):
        await complete(given, unpaid, key="complete-3", reason="  ")

    assert await given.group_again(unpaid.id) == unpaid


async def test_a_group_whose_only_payer_has_the_money_back_is_not_completed_though_nobody_has_heard(given):
    group = await given.group(members=2, paid=1)
    opener = (await given.seats_of(group))[0]
    await deciding.refund(
        given.db, order_id=opener.order_id, by=new_id(), words="缺货", idempotency_key="refund-0001", now=given.now
    )

    with pytest.raises(NobodyHasPaid):
        await complete(given, group)

    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)
    assert (await given.group_again(group.id)).state is GroupState.OPEN
    await assert_clean(given.market, in_flight=True)


@pytest.mark.parametrize("has_paid", [True, False])
async def test_nobody_completes_a_group_in_which_they_sit_themselves(given, has_paid):
    group = await given.group(members=2, paid=1)
    mine = (await given.seats_of(group))[0 if has_paid else 1]

    with pytest.raises(NotYourOwnOrder) as refused:
        await complete(given, group, by=mine.shopper_id)

    assert refused.value.order_id == mine.order_id
    assert await given.group_again(group.id) == group


async def test_a_campaign_settles_once_its_last_group_has_ended(given):
    campaign = await given.campaign(units=10)
    await given.group(campaign, members=3, paid=3)
    open_group = await given.group(campaign, members=1, paid=1)
    await actions.stop(given.db, campaign_id=campaign.id, by=new_id(), now=given.now)

    assert not await actions.settle(given.db, campaign_id=campaign.id, now=given.now)
    await expire(given)
    assert not await actions.settle(given.db, campaign_id=campaign.id, now=given.now + HOUR)
    await ending.refund_due(given.db, now=given.now + HOUR, limit=100)
    assert await actions.settle(given.db, campaign_id=campaign.id, now=given.now + HOUR)
    assert not await actions.settle(given.db, campaign_id=campaign.id, now=given.now + HOUR)

    sku_id = campaign.items[0].sku_id
    level = (await levels_by_sku_ids(given.db, [sku_id]))[0]
    assert (level.free, level.held, level.sold) == (7, 0, 3)
    assert (await given.campaign_again(campaign.id)).state is CampaignState.SETTLED
    assert (await given.group_again(open_group.id)).state is GroupState.EXPIRED
    await assert_clean(given.market, in_flight=True)


async def test_seats_whose_news_was_lost_are_told_so_that_their_groups_can_end(given):
    group = await given.group(members=3, paid=1)
    _, paid, lapsed = await given.seats_of(group)
    order = await given.order_again(paid.order_id)
    payment = await given.money_for(order, at=given.now)
    await orders.take_payment(
        given.db, payable_id=order.id, payment_id=payment.id, amount_minor=990, captured_at=given.now, now=given.now
    )
    await orders.lapse_due(given.db, now=group.expires_at, limit=9)

    early = await ending.hear_again(given.db, now=group.expires_at + timedelta(minutes=1), limit=9)
    told = await ending.hear_again(given.db, now=group.expires_at + timedelta(seconds=61), limit=9)
    again = await ending.hear_again(given.db, now=group.expires_at + timedelta(seconds=61), limit=9)

    assert (early, told, again) == (0, 2, 0)
    assert (await given.seat_again(paid.id)).state is SeatState.PAID
    assert (await given.seat_again(lapsed.id)).state is SeatState.FREED
    assert await expire(given) == 1
    await assert_clean(given.market, in_flight=True)


async def test_a_seat_of_a_completed_group_whose_news_was_lost_is_confirmed_after_all(given):
    group = await given.group(members=2, paid=1)
    late = (await given.seats_of(group))[1]
    await complete(given, group)
    order = await given.order_again(late.order_id)
    payment = await given.money_for(order, at=given.now)
    await orders.take_payment(
        given.db, payable_id=order.id, payment_id=payment.id, amount_minor=990, captured_at=given.now, now=given.now
    )

    assert await ending.hear_again(given.db, now=group.expires_at + timedelta(seconds=61), limit=9) == 1

    assert (await given.order_again(late.order_id)).is_confirmed
    await assert_clean(given.market, in_flight=True)
