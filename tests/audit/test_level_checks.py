"""The checks of levels: clean after people climbed, fell and were moved, and then exactly one thing is wrong."""

from uuid import UUID

import pytest

from domain.after_sales.rules import AfterSaleState
from domain.audit import levels
from domain.foundation.ids import encode
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.given.after_sales import Goods
from workers import points as _points  # noqa: F401 - importing registers the hearers


@pytest.fixture
async def people(given, listener) -> dict[str, UUID]:
    """One who climbed twice, one who fell when an order was refunded, and one whose growth is too little."""
    await given.level_ladder()
    climbed, fell, low = await given.shoppers(3)
    await given.received(climbed, Goods(price_minor=10_000))
    await listener.hear()
    second = await given.received(climbed, Goods(price_minor=50_000))
    small = await given.received(low, Goods(price_minor=9_000))
    gone = await given.received(fell, Goods(price_minor=30_000))
    await listener.hear()
    await given.after_sale(gone, state=AfterSaleState.REFUNDED)
    await listener.hear()
    orders = {"second": second.id, "small": small.id, "gone": gone.id}
    return {"climbed": climbed, "fell": fell, "low": low, **orders}


def named(**names):
    """Typed ids of the scene: `named(account=("low",), order=("second",))`."""
    return lambda people: {encode(kind, people[name]) for kind, which in names.items() for name in which}


CORRUPTIONS = [
    Corruption(
        "growth that no order has brought, and some that went to somebody else",
        """
        UPDATE growth_moves SET growth = growth + 1 WHERE order_id = :small ;
        UPDATE growth_moves SET account_id = :low WHERE order_id = :second
        """,
        (levels.GROWTH, levels.DECISIONS),
        named(order=("small", "second"), account=("climbed",)),
    ),
    Corruption(
        "a refund that took nothing back",
        "DELETE FROM growth_moves WHERE order_id = :gone AND growth < 0",
        (levels.GROWTH, levels.DECISIONS),
        named(order=("gone",), account=("fell",)),
    ),
    Corruption(
        "decisions on more growth than there was, and with a threshold that the ladder does not have",
        """
        UPDATE level_changes SET growth = growth + 1 WHERE account_id = :climbed AND to_rank = 3 ;
        UPDATE level_changes SET threshold = 1 WHERE account_id = :fell AND to_rank = 2
        """,
        (levels.DECISIONS,),
        named(account=("climbed", "fell")),
    ),
    Corruption(
        "a level that was never reached, and a guarantee that nobody gave",
        """
        UPDATE account_levels SET rank = 2, guaranteed_until = now() WHERE account_id = :low ;
        UPDATE account_levels SET guaranteed_until = guaranteed_until - interval '1 day' WHERE account_id = :climbed
        """,
        (levels.HELD, levels.BENEFITS),
        named(account=("low", "climbed")),
    ),
    Corruption(
        "a step that is missing",
        "DELETE FROM level_changes WHERE account_id = :climbed AND to_rank = 2",
        (levels.HELD,),
        named(account=("climbed",)),
    ),
    Corruption(
        "benefits of a level that was left, and some that have ended too early",
        """
        UPDATE benefit_holdings SET ends_at = NULL WHERE account_id = :fell ;
        UPDATE benefit_holdings SET ends_at = starts_at WHERE account_id = :climbed AND ends_at IS NULL
        """,
        (levels.BENEFITS,),
        named(account=("fell", "climbed")),
    ),
    Corruption(
        "benefits of another level",
        "UPDATE benefit_holdings SET benefits = '[]' WHERE account_id = :climbed AND ends_at IS NULL",
        (levels.BENEFITS,),
        named(account=("climbed",)),
    ),
]


async def test_people_on_levels_leave_clean_books(given, people):
    await assert_clean(given.market, in_flight=True)


async def test_exactly_what_was_corrupted_is_found(given, people, subtests):
    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(given.db, corruption.sql, people, now=given.now)
            check_found(lines, corruption, people)
