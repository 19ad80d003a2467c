"""Prizes over the counter: for their code, once, in time, and by somebody else."""

from datetime import timedelta

import pytest

from domain.draws import queries
from domain.draws.rules import NotYourOwnPrize, PrizeHandedOver, PrizeLapsed, WrongPrizeCode
from domain.foundation.ids import new_id
from tests.audit import assert_clean
from tests.draws.looking import hand_over, noted, won_in

SECOND = timedelta(seconds=1)


@pytest.fixture
async def won(given):
    """A prize that somebody has won."""
    shoppers = await given.shoppers(1)
    draw = await given.lucky_draw()
    await given.entered(draw, shoppers)
    await given.drawn(draw)
    [won] = await won_in(given, draw, shoppers)
    return won


async def test_a_prize_is_handed_over_for_its_code_once(given, won):
    by = new_id()

    handed = await hand_over(given, won, by=by, key="counter-1", code=f" {won.code} ", now=won.won_at)
    again = await hand_over(given, won, by=by, key="counter-1", now=won.won_at + SECOND)
    with pytest.raises(PrizeHandedOver) as refused:
        await hand_over(given, won, by=by, key="counter-2", now=won.won_at + SECOND)

    assert handed == again == (await queries.won_by_ids(given.db, [won.id]))[won.id]
    assert refused.value.handed_over_at == handed.handed_over_at == won.won_at
    assert [(who, deed) for who, deed, _ in await noted(given)][1:] == [(by, "hand_over_prize")]
    await assert_clean(given.market)


async def test_a_prize_lapses_and_is_not_handed_to_oneself(given, won):
    with pytest.raises(PrizeLapsed):
        await hand_over(given, won, now=won.prizes_until)
    with pytest.raises(NotYourOwnPrize):
        await hand_over(given, won, by=won.shopper_id)

    assert (await queries.won_by_ids(given.db, [won.id]))[won.id] == won
    assert (await hand_over(given, won, now=won.prizes_until - SECOND)).handed_over_at == won.prizes_until - SECOND


async def test_a_wrong_code_is_noted_and_opens_nothing(given, won):
    by = new_id()
    elsewhere = await given.pickup_store()

    for wrong in ({"code": "0" * 9}, {"store_id": elsewhere}):
        for _ in range(2):
            with pytest.raises(WrongPrizeCode):
                await hand_over(given, won, by=by, key=f"counter-{'code' in wrong}", **wrong)

    assert [deed for _, deed, _ in await noted(given)][1:] == ["try_prize_code"] * 2
    assert (await queries.won_by_ids(given.db, [won.id]))[won.id] == won


async def test_one_finds_what_one_has_won_newest_first(given):
    room, [shopper] = await given.live_room(), await given.shoppers(1)
    for _ in range(3):
        draw = await given.lucky_draw(room)
        await given.entered(draw, [shopper])
        await given.drawn(draw)

    page = await queries.won_by(given.db, shopper, first=2)
    rest = await queries.won_by(given.db, shopper, first=2, after=page.cursors[-1])

    assert [won.draw_id for won in (*page.rows, *rest.rows)] == [
        each.id for each in (await queries.of_room(given.db, room.id, first=9)).rows
    ]
    assert rest.has_next is False
