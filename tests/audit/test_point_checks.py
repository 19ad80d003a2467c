"""The checks of points: clean after shoppers earned, spent, gave back and let expire, and then exactly one thing is wrong."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from domain.after_sales.rules import AfterSaleState
from domain.audit import ledger, points, running
from domain.foundation.ids import encode
from domain.orders import actions as orders
from domain.orders.rules import Order
from domain.points import actions
from domain.points.rules import MoveKind
from domain.points.tables import lots
from tests.audit import assert_clean
from tests.audit.corrupting import STRANGER, Corruption, check_found, found_after
from tests.given.after_sales import Goods
from workers import points as _points  # noqa: F401 - importing registers the hearers


@dataclass(frozen=True)
class Shoppers:
    """One who has a living order with points and an ended one; one who has earned, and has given a part back."""

    shopper: UUID
    lot: UUID
    given: UUID
    using: Order
    ended: Order
    earned: Order

    @property
    def earner(self) -> UUID:
        """Whose points are earned."""
        return self.earned.shopper_id


@pytest.fixture
async def shoppers(given, listener) -> Shoppers:
    """Orders with points, of every fate, and every event was heard."""
    await given.point_rules()
    me, sku_id = await given.shopper(), await given.sku(price_minor=6000)
    await given.points(me, 10, given_at=given.now - timedelta(days=400))
    await given.points(me, 1000)
    lot = await given.db.value(select(lots.c.id).where(lots.c.account_id == me, lots.c.points == 1000))
    wish = await given.delivery_wish({sku_id: 1}, me, points=400)
    ended = await given.placed(wish, source=given.point_offers)
    await orders.lapse_due(given.db, now=given.now + timedelta(hours=1), limit=10)
    using = await given.placed(wish, source=given.point_offers)
    earned = await given.bought_and_received(Goods(quantity=2, price_minor=5000))
    await listener.hear()
    await given.after_sale(earned, {1: 1}, state=AfterSaleState.REFUNDED)
    await listener.hear()
    (first,) = [move.id for move in await given.point_moves(me) if move.kind is MoveKind.GIVEN and move.points == 1000]
    return Shoppers(me, lot, first, using, ended, earned)


def names_of(shoppers: Shoppers) -> dict[str, UUID]:
    """What the corruptions name."""
    return {
        "shopper": shoppers.shopper,
        "earner": shoppers.earner,
        "lot": shoppers.lot,
        "given": shoppers.given,
        "using": shoppers.using.id,
        "ended": shoppers.ended.id,
        "earned": shoppers.earned.id,
    }


def accounts(*names):
    return lambda shoppers: {encode("account", getattr(shoppers, name)) for name in names}


def order(name):
    return lambda shoppers: {encode("order", getattr(shoppers, name).id)}


def move(shoppers):
    return {encode("pointmove", shoppers.given)}


def all_of(*subjects):
    return lambda shoppers: {each for some in subjects for each in some(shoppers)}


def in_all(shoppers):
    return {"points"}


CORRUPTIONS = [
    Corruption(
        "a lot that has lost a point",
        "UPDATE point_lots SET unused = unused - 1 WHERE id = :lot",
        (points.LOTS,),
        accounts("shopper"),
    ),
    Corruption(
        "an account that has a point more than it was given",
        "UPDATE point_accounts SET balance = balance + 1 WHERE account_id = :shopper",
        (points.LOTS, points.MOVES, points.IN_LEDGER),
        all_of(accounts("shopper"), in_all),
    ),
    Corruption(
        "a debt that nobody has taken back",
        "UPDATE point_lots SET unused = 0 WHERE account_id = :earner;"
        "UPDATE point_accounts SET balance = 0, owed = 7 WHERE account_id = :earner",
        (points.MOVES, points.IN_LEDGER),
        all_of(accounts("earner"), in_all),
    ),
    Corruption(
        "a history that does not add up",
        "UPDATE point_moves SET balance = balance + 1 WHERE id = :given",
        (points.MOVES,),
        accounts("shopper"),
    ),
    Corruption(
        "an account that nobody has opened",
        "DELETE FROM point_accounts WHERE account_id = :earner",
        (points.LOTS, points.MOVES, points.IN_LEDGER),
        all_of(accounts("earner"), in_all),
    ),
    Corruption(
        "a move that was posted twice as high",
        "UPDATE ledger_postings SET amount_minor = 2 * amount_minor"
        " WHERE entry_id = (SELECT id FROM ledger_entries WHERE cause_id = :given )",
        (points.POSTED, points.IN_LEDGER),
        all_of(move, in_all),
    ),
    Corruption(
        "a move that was posted for another",
        "UPDATE ledger_entries SET cause_id = :stranger WHERE cause_id = :given",
        (points.POSTED,),
        lambda shoppers: move(shoppers) | {encode("pointmove", STRANGER)},
    ),
    Corruption(
        "a move that was posted against another account",
        "UPDATE ledger_postings SET account = 'points_spent' WHERE account = 'points_given'"
        " AND entry_id = (SELECT id FROM ledger_entries WHERE cause_id = :given )",
        (points.POSTED,),
        move,
    ),
    Corruption(
        "points that are there still, though their time was over when others moved",
        "UPDATE point_lots SET expires_at = expires_at - interval '2 years' WHERE id = :lot",
        (points.IN_TIME,),
        accounts("shopper"),
    ),
    Corruption(
        "an order whose points nobody has spent",
        "DELETE FROM point_uses WHERE order_id = :using",
        (points.SPENT,),
        order("using"),
    ),
    Corruption(
        "an ended order that has kept points",
        "UPDATE point_uses SET points = 1 WHERE order_id = :ended",
        (points.SPENT,),
        order("ended"),
    ),
    Corruption(
        "an order that was paid with somebody else's points",
        "UPDATE orders SET shopper_id = :earner WHERE id = :using",
        (points.SPENT,),
        order("using"),
    ),
    Corruption(
        "an order that has earned more than was paid",
        "UPDATE point_earnings SET points = points + 1 WHERE order_id = :earned",
        (points.EARNED,),
        order("earned"),
    ),
    Corruption(
        "a refund that has taken nothing back",
        "UPDATE point_earnings SET taken_back = 0 WHERE order_id = :earned",
        (points.EARNED,),
        order("earned"),
    ),
    Corruption(
        "points of an order that has earned none",
        "DELETE FROM point_earnings WHERE order_id = :earned",
        (points.EARNED,),
        order("earned"),
    ),
]


async def test_the_books_are_clean_and_each_check_finds_what_was_corrupted(given, shoppers, monkeypatch):
    await assert_clean(given.market)

    # one scene for all, as each leaves it as it was, and only the checks that know of points, or it would take half a minute
    monkeypatch.setattr(running, "LEDGER", (*points.CHECKS, *ledger.CHECKS))
    for corruption in CORRUPTIONS:
        lines = await found_after(given.db, corruption.sql, names_of(shoppers), now=given.now)
        check_found(lines, corruption, shoppers)


async def test_points_that_the_timetable_has_forgotten_are_told(given, shoppers):
    ((expires_at, _),) = await given.point_lots(shoppers.shopper)

    async def overdue(now):
        async with running.snapshot(given.db) as ledger:
            (line,) = await points.OVERDUE.lines(ledger, {"now": now})
        return line.found, line.ok

    later = expires_at + timedelta(hours=1, seconds=1)
    assert await overdue(expires_at + timedelta(hours=1)) == ("0 lots, 0 points", None)
    assert await overdue(later) == ("2 lots, 650 points", None)
    await actions.expire_due(given.db, now=later, limit=10)
    assert await overdue(later) == ("0 lots, 0 points", None)
    await assert_clean(given.market)
