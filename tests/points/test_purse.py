"""The arithmetic of points without a database: what is used first, what is owed, and what comes back."""

from datetime import datetime, timedelta
from random import Random

import pytest

from domain.foundation.ids import new_id
from domain.points.purse import Purse, Reason
from domain.points.rules import Cause, MoveKind, NotEnoughPoints, expiry_after_return
from tests.conftest import NOON

DAY = timedelta(days=1)
ORDER = new_id()


def reason(cause=Cause.ORDER, order_id=ORDER):
    return Reason(cause, new_id(), order_id)


def purse(**lots):
    """`purse(later=100, sooner=50)`: points that expire in two days and in one."""
    days = {"sooner": 1, "later": 2, "last": 3}
    mine = Purse(new_id(), 0, 0)
    for name, points in lots.items():
        mine.give(points, reason(Cause.CHECK_IN, None), expires_at=NOON + days[name] * DAY, now=NOON)
    mine.moves.clear()
    mine.changed.clear()
    return mine


def left(mine):
    return {(lot.expires_at - NOON) // DAY: lot.unused for lot in mine.lots}


def moved(mine):
    return [(move.kind, move.points, move.balance, move.owed) for move in mine.moves]


def test_what_expires_first_is_spent_first():
    mine = purse(later=100, sooner=50)

    mine.spend(70, reason(), now=NOON)

    assert left(mine) == {2: 80}
    assert moved(mine) == [(MoveKind.SPENT, 70, 80, 0)]
    assert sorted(use.points for use in mine.uses.values()) == [20, 50]


def test_more_than_there_is_cannot_be_spent():
    mine = purse(sooner=50)

    with pytest.raises(NotEnoughPoints) as refused:
        mine.spend(51, reason(), now=NOON)

    assert refused.value == NotEnoughPoints(wanted=51, points=50)
    assert (left(mine), mine.moves, mine.uses) == ({1: 50}, [], {})


def test_what_comes_back_counts_as_long_as_it_did_and_what_expires_last_comes_first():
    mine = purse(sooner=50, later=100)
    mine.spend(120, reason(), now=NOON)

    mine.put_back(80, reason(Cause.REFUND), now=NOON)
    assert left(mine) == {1: 10, 2: 100}
    mine.put_back(40, reason(Cause.REFUND), now=NOON)

    assert left(mine) == {1: 50, 2: 100}
    assert mine.used == 0


def test_what_comes_back_late_counts_for_seven_days_more():
    mine = purse(sooner=50, later=100)
    mine.spend(120, reason(), now=NOON)
    late = NOON + DAY

    mine.expire(late)
    mine.put_back(120, reason(Cause.REFUND), now=late)

    assert [(lot.expires_at, lot.unused) for lot in mine.lots] == [
        (NOON + 2 * DAY, 100),
        (expiry_after_return(late), 50),
    ]
    assert expiry_after_return(late) == datetime.fromisoformat("2026-11-20T00:00+08:00")


def test_no_more_comes_back_than_the_order_has():
    mine = purse(sooner=50)
    mine.spend(20, reason(), now=NOON)

    with pytest.raises(AssertionError):
        mine.put_back(21, reason(Cause.REFUND), now=NOON)


def test_what_was_spent_already_is_owed_and_the_next_points_pay():
    mine = purse(sooner=50)
    mine.spend(40, reason(), now=NOON)

    mine.take_back(30, reason(Cause.STAFF), now=NOON)
    assert (mine.balance, mine.owed, left(mine)) == (0, 20, {})
    nothing = mine.give(15, reason(Cause.CHECK_IN), expires_at=NOON + DAY, now=NOON)
    assert (mine.balance, mine.owed, nothing) == (0, 5, None)
    mine.give(15, reason(Cause.CHECK_IN), expires_at=NOON + DAY, now=NOON)

    assert (mine.balance, mine.owed, left(mine)) == (10, 0, {1: 10})


def test_what_comes_back_pays_what_is_owed():
    mine = purse(sooner=50)
    mine.spend(50, reason(), now=NOON)
    mine.take_back(30, reason(Cause.STAFF), now=NOON)

    mine.put_back(50, reason(Cause.REFUND), now=NOON)

    assert (mine.balance, mine.owed, left(mine)) == (20, 0, {1: 20})


def test_what_is_taken_back_comes_out_of_its_own_lot_first():
    mine = purse(sooner=50, later=100)
    own = mine.lots[1].id

    mine.take_back(30, reason(Cause.REFUND), now=NOON, lot_id=own)
    assert left(mine) == {1: 50, 2: 70}
    mine.take_back(80, reason(Cause.REFUND), now=NOON, lot_id=own)

    assert left(mine) == {1: 40}


def test_what_was_owed_for_an_order_is_the_first_to_come_back():
    mine = purse(sooner=50)
    mine.spend_or_owe(80, reason(), now=NOON)
    assert (mine.balance, mine.owed, mine.used) == (0, 30, 80)

    mine.put_back(35, reason(Cause.REFUND), now=NOON)

    assert (mine.balance, mine.owed, left(mine)) == (5, 0, {1: 5})


def test_points_expire_at_their_moment_and_not_before():
    mine = purse(sooner=50, later=100)

    mine.expire(NOON + DAY - timedelta(microseconds=1))
    assert left(mine) == {1: 50, 2: 100}
    mine.expire(NOON + DAY)
    mine.expire(NOON + DAY)

    assert left(mine) == {2: 100}
    assert moved(mine) == [(MoveKind.EXPIRED, 50, 100, 0)]
    (gone,) = [lot for lot in mine.changed.values() if lot.expired]
    assert (gone.expired, gone.unused, mine.moves[0].cause_id) == (50, 0, gone.id)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_nothing_is_negative_and_nothing_is_lost(seed):
    random, mine, now = Random(seed), Purse(new_id(), 0, 0), NOON
    for _ in range(200):
        now += timedelta(hours=random.randrange(12))
        mine.expire(now)
        points = random.randint(1, 100)
        match random.randrange(4):
            case 0:
                mine.give(points, reason(Cause.CHECK_IN), expires_at=now + random.randrange(1, 9) * DAY, now=now)
            case 1 if mine.balance >= points:
                mine.spend(points, reason(), now=now)
            case 2 if mine.used:
                mine.put_back(min(points, mine.used), reason(Cause.REFUND), now=now)
            case 3:
                mine.take_back(points, reason(Cause.STAFF), now=now)

        assert mine.balance == sum(lot.unused for lot in mine.lots) >= 0
        assert mine.owed >= 0 == mine.balance * mine.owed
        assert mine.balance - mine.owed == sum(move.kind.sign * move.points for move in mine.moves)
        assert all(lot.unused > 0 and lot.expires_at > now for lot in mine.lots)
        assert mine.lots == sorted(mine.lots, key=lambda lot: (lot.expires_at, lot.id))
        assert all(lot.unused >= 0 and lot.unused + lot.expired <= lot.points for lot in mine.changed.values())
