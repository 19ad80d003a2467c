"""A campaign that is called off ends its open groups at once, and everybody's money goes back."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.group_buys import actions, ending
from domain.group_buys.rules import (
    CampaignState,
    GroupBuyCampaignClosed,
    GroupBuyOver,
    GroupState,
    WrongCampaignState,
)
from domain.orders import actions as orders
from domain.orders.rules import OrderState
from domain.payments.tables import refunds
from domain.trail.tables import deeds
from tests.audit import assert_clean

HOUR = timedelta(hours=1)


async def complete(given, group, *, by=None, key="complete-1", reason="庆祝开业"):
    by = by or await given.shopper()
    return await ending.complete(given.db, group_id=group.id, by=by, reason=reason, idempotency_key=key, now=given.now)


async def call_off(given, campaign, *, by=None, now=None):
    return await actions.call_off(
        given.db, campaign_id=campaign.id, by=by or new_id(), reason=" 标错价格 ", now=now or given.now
    )


async def end_called_off(given, *, now):
    """What the timetable does, twice: a second round finds nothing."""
    for _ in range(2):
        await ending.call_off_held(given.db, now=now, limit=100)
        await ending.expire_due(given.db, now=now, limit=100)
        await ending.refund_due(given.db, now=now, limit=100)


async def test_a_campaign_that_is_called_off_gives_everybody_their_money_back_at_once(given):
    by = await given.shopper()
    campaign = await given.campaign(units=30)
    full = await given.group(campaign, members=3, paid=3)
    waiting = await given.group(campaign, members=2, paid=1)
    unpaid = await given.group(campaign)
    held = [(await given.seats_of(waiting))[1], (await given.seats_of(unpaid))[0]]

    called_off = await call_off(given, campaign, by=by)
    assert await call_off(given, campaign, now=given.now + HOUR) == called_off
    with pytest.raises(GroupBuyOver):
        await given.joined(waiting)
    with pytest.raises(GroupBuyCampaignClosed):
        await given.opened(campaign)
    await end_called_off(given, now=given.now)

    assert (called_off.state, called_off.called_off_at) == (CampaignState.STOPPED, given.now)
    states = [(await given.group_again(group.id)).state for group in (full, waiting, unpaid)]
    assert states == [GroupState.FILLED, GroupState.EXPIRED, GroupState.DISSOLVED]
    assert [(await given.order_again(seat.order_id)).state for seat in held] == [OrderState.CANCELLED] * 2
    assert await given.db.column(select(refunds.c.amount_minor)) == [990]
    noted = await given.db.one(select(deeds.c.by, deeds.c.facts).where(deeds.c.deed == "call_off_group_buy_campaign"))
    assert noted == (by, {"title": "三人同行", "reason": "标错价格"})
    assert await actions.settle(given.db, campaign_id=campaign.id, now=given.now)
    await assert_clean(given.market, in_flight=True)


async def test_money_on_its_way_fills_no_group_of_a_campaign_that_was_called_off(given):
    group = await given.group(members=3, paid=2)
    last = (await given.seats_of(group))[2]
    await call_off(given, await given.campaign_again(group.campaign_id))

    await given.pay_seat(last)
    await end_called_off(given, now=given.now)

    assert (await given.group_again(group.id)).state is GroupState.EXPIRED
    assert await given.db.column(select(refunds.c.amount_minor)) == [990] * 3
    await assert_clean(given.market, in_flight=True)


async def test_seats_whose_money_is_on_its_way_keep_no_other_seat_from_being_called_off(given):
    group = await given.group(members=3)
    first, second, third = await given.seats_of(group)
    for seat in (first, second):
        order = await given.order_again(seat.order_id)
        payment = await given.money_for(order, at=given.now)
        await orders.take_payment(
            given.db, payable_id=order.id, payment_id=payment.id, amount_minor=990, captured_at=given.now, now=given.now
        )
    await call_off(given, await given.campaign_again(group.campaign_id))

    rounds = [await ending.call_off_held(given.db, now=given.now, limit=1) for _ in range(2)]

    assert rounds == [1, 0]
    assert (await given.order_again(third.order_id)).state is OrderState.CANCELLED
    await ending.hear_again(given.db, now=given.now + HOUR, limit=9)
    await end_called_off(given, now=given.now + HOUR)
    assert (await given.group_again(group.id)).state is GroupState.EXPIRED
    assert await given.db.column(select(refunds.c.amount_minor)) == [990] * 2
    await assert_clean(given.market, in_flight=True)


async def test_nobody_completes_a_group_of_a_campaign_that_was_called_off(given):
    group = await given.group(members=2, paid=1)
    await call_off(given, await given.campaign_again(group.campaign_id))
    before = await given.group_again(group.id)

    with pytest.raises(GroupBuyOver):
        await complete(given, group)

    assert await given.group_again(group.id) == before


async def test_a_campaign_that_is_stopped_already_is_called_off_all_the_same_and_a_settled_one_is_not(given):
    group = await given.group(members=2, paid=1)
    campaign = await given.campaign_again(group.campaign_id)
    stopped = await actions.stop(given.db, campaign_id=campaign.id, by=new_id(), now=given.now)
    over = await given.campaign()
    await actions.stop(given.db, campaign_id=over.id, by=new_id(), now=given.now)
    assert await actions.settle(given.db, campaign_id=over.id, now=given.now)

    called_off = await call_off(given, campaign, now=given.now + timedelta(minutes=1))
    with pytest.raises(WrongCampaignState):
        await call_off(given, over)
    await end_called_off(given, now=given.now + timedelta(minutes=1))

    assert (called_off.stopped_at, called_off.called_off_at) == (stopped.stopped_at, given.now + timedelta(minutes=1))
    assert (await given.group_again(group.id)).state is GroupState.EXPIRED
    await assert_clean(given.market, in_flight=True)


async def test_only_a_campaign_under_way_is_called_off_and_for_a_reason(given):
    draft, live = await given.campaign(is_live=False), await given.campaign()

    with pytest.raises(WrongCampaignState):
        await call_off(given, draft)
    with pytest.raises(BadInput):
        await actions.call_off(given.db, campaign_id=live.id, by=new_id(), reason=" ", now=given.now)

    assert await given.campaign_again(live.id) == live
