"""Draws with many at once: numbers without gaps while it closes, one drawing, one hand over; and nothing lost to a kill."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.draws import actions, queries, sealing
from domain.draws.entering import EntryDesk, Wish, enter
from domain.draws.rules import Draw, Entry, LuckyDrawClosed, LuckyDrawOver, PrizeHandedOver, Won
from domain.draws.tables import entries, winners
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import EventKind
from tests.audit import assert_clean
from tests.draws.looking import count, hand_over, happened, won_in
from tests.faults.dying import die

SECOND = timedelta(seconds=1)


async def gather(*work):
    return await asyncio.gather(*work, return_exceptions=True)


async def numbers(given, draw):
    return await given.db.column(
        select(entries.c.number).where(entries.c.draw_id == draw.id).order_by(entries.c.number)
    )


async def test_a_hundred_who_enter_by_three_processes_while_it_closes_and_is_drawn(given, market):
    room, shoppers = await given.live_room(), await given.shoppers(100)
    draw = await given.lucky_draw(room)
    desks = [EntryDesk(given.db) for _ in range(3)]

    async def one(number, shopper_id):
        await asyncio.sleep(random.random() / 10)
        now = draw.closes_at if number % 5 == 4 else draw.closes_at - SECOND
        return await desks[number % 3].enter(draw_id=draw.id, shopper_id=shopper_id, now=now)

    async def drawing():
        await asyncio.sleep(0.07)
        return await given.drawn(draw, by=room.host)

    drawn, *answers = await gather(drawing(), *(one(*each) for each in enumerate(shoppers)))

    entered = [answer for answer in answers if isinstance(answer, Entry)]
    assert Counter(map(type, answers)) == {Entry: len(entered), LuckyDrawClosed: 100 - len(entered)}
    assert not any(isinstance(answer, Entry) for answer in answers[4::5])
    assert sorted(entry.number for entry in entered) == await numbers(given, draw) == list(range(1, drawn.entrants + 1))
    assert await given.draw_again(draw.id) == drawn
    await assert_clean(market)


async def test_one_who_enters_twenty_times_at_once_has_one_entry(given):
    draw, [shopper] = await given.lucky_draw(), await given.shoppers(1)

    answers = await gather(
        *(EntryDesk(given.db).enter(draw_id=draw.id, shopper_id=shopper, now=given.now) for _ in range(20))
    )

    assert set(answers) == {answers[0]} and answers[0].number == 1
    assert await numbers(given, draw) == [1]


async def test_ten_who_draw_at_once_draw_once(given, market):
    room = await given.live_room()
    draw = await given.lucky_draw(room, entrants=20)

    outcomes = await gather(*(given.drawn(draw, by=random.choice((None, room.host))) for _ in range(10)))

    assert outcomes == [await given.draw_again(draw.id)] * 10
    assert await count(given, winners) == 3
    assert [kind for kind, _ in await happened(given, room)] == [EventKind.DRAW_OPENED, EventKind.DRAWN]
    await assert_clean(market)


async def test_drawing_against_calling_off_has_one_winner(given, market):
    room = await given.live_room()
    for _ in range(5):
        draw = await given.lucky_draw(room, entrants=4)
        calling = {"draw_id": draw.id, "reason": "奖品破损", "by": room.host, "now": draw.closes_at}

        outcomes = await gather(given.drawn(draw), actions.call_off(given.db, given.bus, **calling))

        assert Counter(map(type, outcomes)) == {Draw: 1, LuckyDrawOver: 1}
        assert await given.draw_again(draw.id) in outcomes
    await assert_clean(market)


async def test_a_code_shown_at_ten_counters_at_once_collects_once(given, market):
    draw, shoppers = await given.lucky_draw(), await given.shoppers(1)
    await given.entered(draw, shoppers)
    await given.drawn(draw)
    [won] = await won_in(given, draw, shoppers)

    outcomes = await gather(*(hand_over(given, won) for _ in range(10)))

    assert Counter(map(type, outcomes)) == {Won: 1, PrizeHandedOver: 9}
    await assert_clean(market)


# -- processes that are killed


async def draw_it(market, draw_id, now):
    key = sealing.seal_key(market.settings)
    await actions.draw(market.db, LiveBus(market.gate), draw_id=draw_id, key=key, by=None, now=now)


async def enter_it(market, draw_id, shopper_ids, now):
    await enter(market.db, draw_id=draw_id, wishes=[Wish(shopper_id, now) for shopper_id in shopper_ids])


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.faults)])
async def test_a_process_killed_while_it_draws_has_drawn_or_has_not_and_the_next_one_draws_the_same(
    given, settings, market, every
):
    room, at, died = await given.live_room(), 0, True
    while died:
        draw = await given.lucky_draw(room, entrants=5)

        died = await die(settings, draw_it, at=at, draw_id=draw.id, now=draw.closes_at)
        after = await given.draw_again(draw.id)
        drawn = await given.drawn(draw)

        assert after in (draw, drawn)
        assert len((await queries.winners_of(given.db, draw.id, first=9)).rows) == 3
        assert (await happened(given, room))[-1] == (EventKind.DRAWN, str(draw.id))
        at += every
    assert at > 9
    kinds = Counter(kind for kind, _ in await happened(given, room))
    assert kinds[EventKind.DRAW_OPENED] == kinds[EventKind.DRAWN]
    await assert_clean(market)


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.faults)])
async def test_a_process_killed_while_people_enter_leaves_no_gap(given, settings, market, every):
    draw, shoppers, at, died = await given.lucky_draw(), [], 0, True
    while died:
        shoppers += await given.shoppers(2)
        died = await die(settings, enter_it, at=at, draw_id=draw.id, shopper_ids=shoppers[-2:], now=given.now)
        await given.entered(draw, shoppers[-2:])
        at += every
    assert at > 5
    assert await numbers(given, draw) == list(range(1, len(shoppers) + 1))
    await assert_clean(market)
