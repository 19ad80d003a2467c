"""What expired groups give back is expected once for each refunded seat, and anything else differs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.after_sales import deciding
from domain.after_sales.rules import AfterSale
from domain.audit import after_sales, ledger, orders, running
from domain.foundation.ids import encode, new_id
from domain.group_buys import ending, outcomes
from domain.group_buys.rules import OpenerBenefit, Seat, SeatState
from domain.payments.tables import refunds
from tests.audit.corrupting import Corruption, check_found, differing, found_after

MINE = {
    check.name
    for check in (
        after_sales.UNITS_GIVEN_BACK,
        after_sales.MONEY_GIVEN_BACK,
        after_sales.REFUNDS_AGREED,
        after_sales.LINES_GIVE_BACK,
        ledger.EARNED_APART,
    )
}


@dataclass(frozen=True)
class Expired:
    """A group that expired: whose seats were refunded, of whom staff had given something back before, and who still waits."""

    free: Seat
    whole: Seat
    partly: Seat
    by_staff: Seat
    due: Seat
    staff_gave: AfterSale
    refund_of_staff: object
    refund_of_whole: object


@pytest.fixture
async def expired(given, db) -> Expired:
    """Five members have paid, the first of them nothing; staff give back one of two units, and one seat's whole order."""
    campaign = await given.campaign(seats=9, per_shopper=2, opener_benefit=OpenerBenefit.FREE)
    opened = await given.opened(campaign)
    joined = [await given.joined(opened.group, quantity=quantity) for quantity in (2, 2, 1, 1)]
    seats = [await given.pay_seat(seat) for seat in (opened.seat, *(one.seat for one in joined))]
    free, whole, partly, by_staff, _ = seats
    await staff_give_back(given, partly, units={1: 1}, agreed_minor=500)
    staff_gave = await staff_give_back(given, by_staff)
    await outcomes.given_back(db, seat_id=by_staff.id, now=given.now)
    await ending.expire_due(db, now=opened.group.expires_at, limit=5)
    for seat in (free, whole, partly):
        assert await ending.refund(db, seat_id=seat.id, now=opened.group.expires_at)
    again = [await given.seat_again(seat.id) for seat in seats]
    assert [seat.state for seat in again] == [SeatState.REFUNDED] * 4 + [SeatState.PAID]
    refund_id = select(refunds.c.id)
    return Expired(
        *again,
        staff_gave=staff_gave,
        refund_of_staff=await db.value(refund_id.where(refunds.c.cause_id == staff_gave.id)),
        refund_of_whole=await db.value(refund_id.where(refunds.c.cause_id == whole.id)),
    )


async def staff_give_back(given, seat, **about):
    return await deciding.refund(
        given.db,
        order_id=seat.order_id,
        by=new_id(),
        words="缺货",
        idempotency_key=f"refund-{new_id()}",
        now=given.now,
        **about,
    )


def order(name: str) -> Callable[[Expired], set[str]]:
    return lambda scene: {encode("order", getattr(scene, name).order_id)}


def seat(name: str) -> Callable[[Expired], set[str]]:
    return lambda scene: {encode("groupseat", getattr(scene, name).id)}


CORRUPTIONS = [
    Corruption(
        "a refunded seat whose refund is gone",
        "DELETE FROM refunds WHERE cause_id = :whole",
        (after_sales.MONEY_GIVEN_BACK, after_sales.REFUNDS_AGREED, ledger.EARNED_APART),
        lambda scene: order("whole")(scene) | seat("whole")(scene),
    ),
    Corruption(
        "a refund of a seat that still waits for it",
        "UPDATE group_buy_seats SET state = 'paid', refunded_at = NULL, refund_at = now() WHERE id = :whole",
        (
            after_sales.UNITS_GIVEN_BACK, after_sales.MONEY_GIVEN_BACK, after_sales.REFUNDS_AGREED,
            after_sales.LINES_GIVE_BACK, ledger.EARNED_APART,
        ),
        lambda scene: order("whole")(scene) | {encode("refund", scene.refund_of_whole)},
    ),
    Corruption(
        "a seat that says refunded before anything went back",
        "UPDATE group_buy_seats SET state = 'refunded', refunded_at = now(), refund_at = NULL WHERE id = :due",
        (
            after_sales.UNITS_GIVEN_BACK, after_sales.MONEY_GIVEN_BACK, after_sales.REFUNDS_AGREED,
            after_sales.LINES_GIVE_BACK,
        ),
        lambda scene: order("due")(scene) | seat("due")(scene),
    ),
    Corruption(
        "a fen less than staff had left of the order",
        "UPDATE refunds SET amount_minor = amount_minor - 1 WHERE cause_id = :partly",
        (after_sales.MONEY_GIVEN_BACK, after_sales.REFUNDS_AGREED),
        lambda scene: order("partly")(scene) | seat("partly")(scene),
    ),
    Corruption(
        "a refund of a seat of whose order staff had left nothing",
        "UPDATE refunds SET cause_id = :by_staff WHERE cause_id = :staff_gave",
        (after_sales.REFUNDS_AGREED,),
        lambda scene: {encode("aftersale", scene.staff_gave.id), encode("refund", scene.refund_of_staff)},
    ),
    Corruption(
        "a unit of a refunded seat that is not free again",
        "UPDATE order_lines SET restocked = restocked - 1 WHERE order_id = :whole_order",
        (after_sales.UNITS_GIVEN_BACK,),
        order("whole"),
    ),
]  # fmt: skip


async def test_exactly_what_was_corrupted_is_found(expired, db, now, subtests):
    names = {name: getattr(expired, name).id for name in ("whole", "partly", "by_staff", "due", "staff_gave")}
    names["whole_order"] = expired.whole.order_id

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(db, corruption.sql, names, now=now)
            check_found([line for line in lines if line.check in MINE], corruption, expired)


async def test_an_expired_group_leaves_clean_books(expired, db, now):
    async with running.snapshot(db) as reader:
        lines = await running.of_ledger(reader, now=now)

    assert differing(lines) == []
    said = {line.check: line.subject for line in lines}
    # 2 units of one, both of another, one each of the opener and of whom staff gave it back
    assert said[after_sales.UNITS_GIVEN_BACK.name] == "6 units, 6 in stock again"
    assert said[after_sales.REFUNDS_AGREED.name] == "2 after-sales, 2 refunds, ¥14.90, 4 refunded seats"
    assert said[orders.UNCONFIRMED_STAY.name] == "5 unconfirmed orders"


async def test_what_waits_for_its_group_does_not_stand_still_and_a_filled_one_does_from_then_on(given, db):
    campaign = await given.campaign(seats=2, closes_at=given.now + timedelta(days=9), fill_seconds=7 * 86_400)
    opened = await given.opened(campaign)
    await given.pay_seat(opened.seat)
    waiting = await stood_still(db, given.now + timedelta(days=15))
    later = given.now + timedelta(days=5)
    await given.pay_seat((await given.joined(opened.group, now=later)).seat, now=later)

    counts = [await stood_still(db, given.now + timedelta(days=days, seconds=1)) for days in (15, 19)]

    assert [waiting, *counts] == ["0 orders, ¥0.00", "0 orders, ¥0.00", "2 orders, ¥19.80"]


async def stood_still(db, now):
    async with running.snapshot(db) as reader:
        [line] = await orders.STANDING_STILL.lines(reader, {"now": now})
    return line.found
