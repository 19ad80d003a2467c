import asyncio, time
from datetime import timedelta
import pytest
from sqlalchemy import select, text
from domain.after_sales import deciding
from domain.foundation.ids import new_id
from domain.group_buys import actions, ending, joining, outcomes, store
from domain.group_buys.rules import *
from domain.orders.rules import OrderState
from domain.orders.events import OrderPaidLate
from tests.audit import assert_clean
from tests.group_buys.test_ending import give_all_back, complete, expire, lapsed_with_late_money, decide

HOUR = timedelta(hours=1)


async def test_stop_is_starved(given):
    campaign = await given.campaign(units=100000, per_shopper=10000)
    shoppers = await given.shoppers(12)
    done = asyncio.Event()
    opened = 0

    async def busy(shopper):
        nonlocal opened
        while not done.is_set():
            await given.opened(campaign, shopper)
            opened += 1

    tasks = [asyncio.create_task(busy(s)) for s in shoppers]
    await asyncio.sleep(1)
    began = time.monotonic()
    try:
        async with asyncio.timeout(8):
            await actions.stop(given.db, campaign_id=campaign.id, by=new_id(), now=given.now)
        print("STOPPED AFTER", time.monotonic() - began, opened)
    except BaseException as error:
        print("NOT STOPPED", type(error), time.monotonic() - began, opened)
    done.set()
    print(await asyncio.gather(*tasks, return_exceptions=True))


async def test_complete_nobody(given):
    group = await given.group(members=2, paid=1)
    opener, other = await given.seats_of(group)
    await give_all_back(given, opener)
    r = await complete(given, group)
    print("COMPLETED", r.state, r.paid)
    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)
    await given.left(other)
    print("THEN", await given.group_again(group.id), await given.seat_again(opener.id), (await given.order_again(opener.order_id)).is_confirmed)
    await assert_clean(given.market, in_flight=True)


async def test_free_expire(given):
    campaign = await given.campaign(opener_benefit=OpenerBenefit.FREE, per_shopper=2)
    s = await given.shopper()
    j = await given.opened(campaign, s)
    await given.pay_seat(j.seat)
    j2 = await given.opened(campaign, s)
    await given.pay_seat(j2.seat)
    print(await expire(given), await ending.refund_due(given.db, now=given.now+HOUR, limit=100))
    print((await given.order_again(j.seat.order_id)).state)
    await assert_clean(given.market, in_flight=True)


async def test_partial_then_expiry(given):
    campaign = await given.campaign(per_shopper=3)
    s = await given.shopper()
    j = await given.opened(campaign, s, quantity=3)
    await given.pay_seat(j.seat)
    await deciding.refund(given.db, order_id=j.seat.order_id, by=new_id(), words="缺货", units={1: 1}, agreed_minor=100, idempotency_key="refund-0001", now=given.now)
    print(await expire(given), await ending.refund_due(given.db, now=given.now+HOUR, limit=100))
    o = await given.order_again(j.seat.order_id)
    print(o.state, o.refunded, o.total)
    await assert_clean(given.market, in_flight=True)


async def test_staff_refund_makes_room_without_units(given):
    campaign = await given.campaign(units=3)
    group = await given.group(campaign, members=2, paid=2)
    opener, second = await given.seats_of(group)
    await give_all_back(given, opener)
    await outcomes.given_back(given.db, seat_id=opener.id, now=given.now)
    await given.joined(group)
    try:
        await given.joined(group)
        print("ROOM")
    except Exception as e:
        print("NO ROOM", repr(e), vars(e))


async def test_expired_newcomer(given):
    campaign = await given.campaign(newcomers_only=True)
    one, two = await given.group(campaign, members=2, paid=2), await given.group(campaign, members=1, paid=1)
    new = (await given.seats_of(one))[1]
    await expire(given); await ending.refund_due(given.db, now=given.now+HOUR, limit=100)
    three = await given.group(campaign, members=1, paid=1)
    try:
        await given.joined(three, new.shopper_id)
        print("JOINED")
    except Exception as e:
        print("REFUSED", repr(e))


async def test_captured_in_time_heard_late(given):
    group = await given.group(members=3, paid=2)
    last = (await given.seats_of(group))[2]
    await given.group(await given.campaign())
    event = await lapsed_with_late_money(given, last, at=group.expires_at)
    print("LATE", event.captured_at, await decide(given, event, now=group.expires_at + timedelta(seconds=1)), (await given.group_again(group.id)).state)


async def test_dead_letter(given):
    group = await given.group(members=3, paid=2)
    last = (await given.seats_of(group))[2]
    order = await given.order_again(last.order_id)
    payment = await given.money_for(order, at=given.now)
    from domain.orders import actions as orders
    await orders.take_payment(given.db, payable_id=order.id, payment_id=payment.id, amount_minor=990, captured_at=given.now, now=given.now)
    print("UNHEARD", await expire(given, now=given.now+timedelta(days=3)), (await given.group_again(group.id)).state)


async def test_undecided_plan(given):
    campaign = await given.campaign(units=1000)
    group = await given.group(campaign, members=3, paid=3)
    async with given.db.transaction() as tx:
        await tx.execute(text("""INSERT INTO group_buys SELECT gen_random_uuid(), campaign_id, opened_by, leader_id, state, seats, taken, paid, events, opened_at, expires_at, ended_at, completed_by FROM group_buys, generate_series(1, 2000) WHERE id = :id"""), {"id": group.id})
        await tx.execute(text("""INSERT INTO group_buy_seats SELECT gen_random_uuid(), g.id, n, s.shopper_id, s.item_id, 1, gen_random_uuid(), 'paid', false, null, s.held_at, s.paid_at, null, null, 0, null FROM group_buys g, generate_series(1,3) n, LATERAL (SELECT * FROM group_buy_seats WHERE group_id = :id AND number = n LIMIT 1) s WHERE g.id <> :id"""), {"id": group.id})
    async with given.db.transaction() as tx:
        await tx.execute(text("ANALYZE group_buys")); await tx.execute(text("ANALYZE group_buy_seats"))
        began = time.monotonic()
        await store.is_undecided(tx, campaign.id)
        print("UNDECIDED 6000 seats ms", 1000*(time.monotonic()-began))
