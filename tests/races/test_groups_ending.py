"""How groups end, many at once: one winner, and money and goods where the winner says."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from domain.after_sales import deciding
from domain.foundation.ids import new_id
from domain.group_buys import actions, ending, outcomes, store
from domain.group_buys.rules import (
    CampaignState,
    Group,
    GroupBuyCampaignClosed,
    GroupBuyOver,
    GroupState,
    SeatState,
)
from domain.group_buys.tables import groups, seats
from domain.orders import actions as orders
from domain.orders.rules import OrderState
from domain.payments.tables import refunds
from domain.stock import store as stock
from tests.audit import assert_clean
from tests.races.grouping import GROUPS, OVER, complete, count, gather, money_comes, shuffled
from tests.races.test_flash_sales import somebody_waits
from workers import group_buys as _group_buys  # noqa: F401 - importing registers the hearers
from workers import payments as _payments  # noqa: F401

S = GroupState


# -- the end


async def test_the_last_payment_and_the_end_of_time_have_one_winner(given, listener, market, db):
    campaign = await given.campaign(units=90)
    opened = [await given.group(campaign, members=2, paid=2) for _ in range(24)]
    last = [(await given.joined(group, now=given.now + timedelta(minutes=50))).seat for group in opened]
    listener.now = at_last = given.now + OVER

    async def end():
        for _ in range(3):
            await orders.lapse_due(db, now=at_last, limit=100)
            await listener.hear()
            await ending.expire_due(db, now=at_last, limit=100)

    await shuffled(end(), end(), *(money_comes(given, seat, at=at_last) for seat in last))
    await end()
    while (await ending.refund_due(db, now=at_last, limit=100)).done:
        pass
    await listener.hear()

    ended = Counter()
    for group, seat in zip(opened, last, strict=True):
        state = (await given.group_again(group.id)).state
        sold = Counter([(await given.order_again(one.order_id)).state for one in await given.seats_of(group)])
        assert (state, sold) in [(S.FILLED, {OrderState.PAID: 3}), (S.EXPIRED, {OrderState.REFUNDED: 2})]
        assert ((await given.order_again(seat.order_id)).state is OrderState.PAID) is (state is S.FILLED)
        ended[state] += 1
    # two members of each, and whoever paid a moment too late
    assert await count(db, refunds) == 3 * ended[S.EXPIRED]
    await assert_clean(market)


async def test_the_last_payment_heard_while_time_runs_out_fills_the_group(given, listener, market, db):
    """Money that came in time counts, however late it is heard of."""
    campaign = await given.campaign(units=90)
    opened = [await given.group(campaign, members=3, paid=2) for _ in range(GROUPS)]
    last = [(await given.seats_of(group))[2] for group in opened]
    for seat in last:
        await money_comes(given, seat)
    late = given.now + OVER

    await shuffled(
        *(ending.expire_due(db, now=late, limit=100) for _ in range(4)),
        *(outcomes.paid(db, seat_id=seat.id, paid_at=given.now) for seat in last * 2),
    )

    assert {(await given.group_again(group.id)).state for group in opened} == {S.FILLED}
    await listener.hear()
    await assert_clean(market)


async def test_complete_against_expire_has_one_winner(given, market):
    campaign = await given.campaign(units=90)
    opened = [await given.group(campaign, members=2, paid=2) for _ in range(GROUPS)]
    late = given.now + OVER

    rounds = await gather(
        *(
            shuffled(complete(given, group, now=late), ending.expire_due(given.db, now=late, limit=100))
            for group in opened
        )
    )

    for group, (completed, _) in zip(opened, rounds, strict=True):
        after = await given.group_again(group.id)
        is_confirmed = {(await given.order_again(seat.order_id)).is_confirmed for seat in await given.seats_of(group)}
        if isinstance(completed, Group):
            assert (after.state, after.completed_by is None, is_confirmed) == (S.FILLED, False, {True})
        else:
            assert isinstance(completed, GroupBuyOver)
            assert (after.state, after.completed_by, is_confirmed) == (S.EXPIRED, None, {False})
    await assert_clean(market, in_flight=True)


async def test_complete_against_the_last_payment_confirms_everybody_once(given, listener, market):
    campaign = await given.campaign(units=90)
    opened = [await given.group(campaign, members=3, paid=2) for _ in range(GROUPS)]
    last = [(await given.seats_of(group))[2] for group in opened]

    async def pay(seat):
        await money_comes(given, seat)
        await outcomes.paid(given.db, seat_id=seat.id, paid_at=given.now)

    rounds = await gather(
        *(shuffled(complete(given, group), pay(seat)) for group, seat in zip(opened, last, strict=True))
    )
    await listener.hear()

    for group, (completed, _) in zip(opened, rounds, strict=True):
        after = await given.group_again(group.id)
        assert isinstance(completed, Group | GroupBuyOver)
        assert (after.state, after.paid, after.completed_by is None) == (
            S.FILLED,
            3,
            isinstance(completed, GroupBuyOver),
        )
        assert {(await given.order_again(seat.order_id)).is_confirmed for seat in await given.seats_of(group)} == {True}
    await assert_clean(market)


async def test_groups_that_fill_at_once_with_the_same_goods_do_not_wait_in_a_ring(given, listener, market, db):
    campaign = await given.campaign(units=90, skus=2)
    one, other = campaign.items
    opened = [await given.opened(campaign, item=random.choice([one, other])) for _ in range(GROUPS)]
    taken = [first.seat for first in opened]
    for first in opened:
        taken += [(await given.joined(first.group, item=item)).seat for item in random.sample([one, other], 2)]

    paid = await gather(*(given.pay_seat(seat) for seat in random.sample(taken, len(taken))))

    assert [outcome for outcome in paid if isinstance(outcome, Exception)] == []
    assert {(await given.group_again(first.group.id)).state for first in opened} == {S.FILLED}
    await listener.hear()
    await assert_clean(market)


# -- money that goes back


async def test_sweeps_side_by_side_refund_everybody_once(given, listener, market, db):
    campaign = await given.campaign(units=90)
    for _ in range(6):
        await given.group(campaign, members=2, paid=2)
    late = given.now + OVER

    ended = await asyncio.gather(*(ending.expire_due(db, now=late, limit=100) for _ in range(4)))
    rounds = await asyncio.gather(*(ending.refund_due(db, now=late, limit=100) for _ in range(4)))

    assert (sum(ended), sum(done for done, _ in rounds), sum(failed for _, failed in rounds)) == (6, 12, 0)
    assert await count(db, refunds) == 12
    await listener.hear()
    await assert_clean(market)


async def test_staff_and_the_clock_give_the_money_back_once_together(given, listener, market, db):
    campaign = await given.campaign(units=90, per_shopper=2)
    seats = [await given.pay_seat((await given.opened(campaign, quantity=2)).seat) for _ in range(GROUPS)]
    late = given.now + OVER
    await ending.expire_due(db, now=late, limit=100)

    def by_staff(seat, **units):
        key = f"refund-{new_id()}"
        return deciding.refund(
            db, order_id=seat.order_id, by=new_id(), words="缺货", idempotency_key=key, now=late, **units
        )

    rounds = await gather(
        *(
            shuffled(ending.refund(db, seat_id=seat.id, now=late), by_staff(seat, units={1: 1}), by_staff(seat))
            for seat in seats
        )
    )

    for seat, (done, *_) in zip(seats, rounds, strict=True):
        order = await given.order_again(seat.order_id)
        assert (done, order.state, order.refunded) == (True, OrderState.REFUNDED, order.total)
    listener.now = late
    await listener.hear()
    await assert_clean(market, in_flight=True)


async def test_money_goes_back_while_others_pay_and_join_with_the_same_goods(given, listener, market, db):
    campaign = await given.campaign(units=120, per_shopper=2)
    over = [await given.group(campaign, members=2, paid=2) for _ in range(GROUPS // 2)]
    late = given.now + OVER
    await ending.expire_due(db, now=late, limit=100)
    going_on = [await given.opened(campaign, now=late) for _ in range(GROUPS)]
    members = [seat for group in over for seat in await given.seats_of(group)]

    outcome = await shuffled(
        *(ending.refund(db, seat_id=seat.id, now=late) for seat in members),
        *(money_comes(given, one.seat, at=late) for one in going_on),
        *(given.joined(one.group, seat.shopper_id, now=late) for one, seat in zip(going_on, members, strict=True)),
    )

    assert [raised for raised in outcome if isinstance(raised, Exception)] == []
    listener.now = late
    await listener.hear()
    await assert_clean(market)


async def test_a_refund_waits_for_the_allotment_before_it_takes_the_sku(given, market, db):
    """As everybody else: so who pays and who is refunded never wait in a ring."""
    group = await given.group(members=1, paid=1)
    [seat] = await given.seats_of(group)
    item = (await given.campaign_again(group.campaign_id)).items[0]
    await ending.expire_due(db, now=group.expires_at, limit=1)

    async with db.transaction() as tx:
        await stock.lock_allotment(tx, item.allotment_id)
        refunding = asyncio.create_task(ending.refund(db, seat_id=seat.id, now=group.expires_at))
        await somebody_waits(db)
        async with asyncio.timeout(5):
            await stock.lock_level(tx, item.sku_id)

    assert await refunding
    await assert_clean(market, in_flight=True)


@pytest.mark.parametrize("is_refund", [True, False])
async def test_a_limit_is_given_back_before_any_units_are(given, market, db, is_refund):
    """Who joins takes the limit, then the units: who leaves, or is refunded, must not do it the other way round."""
    group = await given.group(members=1, paid=int(is_refund), per_shopper=2)
    [seat] = await given.seats_of(group)
    campaign = await given.campaign_again(group.campaign_id)
    if is_refund:
        await ending.expire_due(db, now=group.expires_at, limit=1)

    async with db.transaction() as tx:
        assert await store.take_limit(tx, campaign, seat.shopper_id, 1)
        going = asyncio.create_task(
            ending.refund(db, seat_id=seat.id, now=group.expires_at) if is_refund else given.left(seat)
        )
        await somebody_waits(db)
        async with asyncio.timeout(5):
            await stock.lock_allotment(tx, campaign.items[0].allotment_id)
        await tx.connection.rollback()

    assert await going
    await assert_clean(market, in_flight=True)


async def test_a_campaign_is_stopped_at_once_and_settled_after_whoever_is_about_to_open_a_group(given, market, db):
    """Shoppers who open groups one after another would keep whoever stops it waiting for ever."""
    campaign = await given.campaign()

    async with db.transaction() as tx:
        await store.keep_campaign(tx, campaign.id)
        async with asyncio.timeout(5):
            stopped = await actions.stop(db, campaign_id=campaign.id, by=new_id(), now=given.now)
        settling = asyncio.create_task(actions.settle(db, campaign_id=campaign.id, now=given.now))
        await somebody_waits(db)

    assert stopped.state is CampaignState.STOPPED
    assert await settling
    await assert_clean(market)


def call_off(given, campaign):
    return actions.call_off(given.db, campaign_id=campaign.id, by=new_id(), reason="标错价格", now=given.now)


async def test_whoever_calls_a_campaign_off_waits_for_nobody_and_a_group_opened_just_then_ends_as_well(
    given, market, db
):
    """Else openers would keep it waiting, one after another, just where a wrong price makes everybody come."""
    campaign = await given.campaign()
    shopper_id = await given.shopper()

    async with db.transaction() as tx:
        await stock.lock_allotment(tx, campaign.items[0].allotment_id)
        opening = asyncio.create_task(given.opened(campaign, shopper_id))
        await somebody_waits(db)
        async with asyncio.timeout(5):
            called_off = await call_off(given, campaign)
        with pytest.raises(GroupBuyCampaignClosed):
            await given.opened(campaign)

    group = (await opening).group
    assert not await actions.settle(db, campaign_id=campaign.id, now=given.now)
    assert called_off.called_off_at == given.now
    assert (await given.group_again(group.id)).expires_at == given.now
    await assert_clean(market)


async def test_a_campaign_called_off_while_all_are_at_it_leaves_no_group_open_and_keeps_nobodys_money(
    given, listener, market, db
):
    campaign = await given.campaign(units=120)
    opened = [await given.group(campaign, members=3, paid=2) for _ in range(GROUPS // 2)]
    last = [(await given.seats_of(group))[2] for group in opened]
    roomy = [await given.group(campaign, members=1, paid=1) for _ in range(GROUPS // 2)]
    openers, joiners = [[await given.shopper() for _ in range(GROUPS // 2)] for _ in range(2)]

    async def end():
        await actions.settle(db, campaign_id=campaign.id, now=given.now)
        await ending.call_off_held(db, now=given.now, limit=100)
        await ending.expire_due(db, now=given.now, limit=100)
        while (await ending.refund_due(db, now=given.now, limit=100)).done:
            pass

    done = await shuffled(
        *(money_comes(given, seat) for seat in last),
        *(given.joined(group, shopper_id) for group, shopper_id in zip(roomy, joiners, strict=True)),
        *(given.opened(campaign, shopper_id) for shopper_id in openers),
        *(complete(given, group) for group in roomy[::2]),
        call_off(given, campaign),
        listener.hear(),
        end(),
    )
    for _ in range(2):
        await listener.hear()
        await end()
    await listener.hear()

    raised = {type(outcome) for outcome in done if isinstance(outcome, BaseException)}
    assert raised <= {GroupBuyCampaignClosed, GroupBuyOver}
    assert await count(db, groups, groups.c.state == S.OPEN) == 0
    kept = select(func.coalesce(func.sum(groups.c.paid), 0)).where(groups.c.state == S.FILLED)
    assert await count(db, seats, seats.c.state == SeatState.PAID) == await db.value(kept)
    await assert_clean(market)
