"""The checks of benefits: clean after grants, failures and savings, and then exactly one thing is wrong."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from api.offers import OFFERS
from domain.audit import benefits
from domain.benefits.grants import Grant
from domain.benefits.rules import BenefitKind, Holding
from domain.foundation.ids import encode
from domain.orders.rules import Order
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after


@dataclass(frozen=True)
class Card:
    """What somebody holds, what it gave, could not give and saved."""

    holding: Holding
    coupons: Grant
    failed: Grant
    gift: Grant
    coupon_id: UUID
    order: Order


@pytest.fixture
async def card(given) -> Card:
    """Two coupons of a batch, one of two pieces of another, points for the birthday, and tea at a member price."""
    shopper, tea = await given.shopper(), await given.sku(price_minor=6000)
    plenty, scarce = await given.given_batch(), await given.given_batch(pieces=1)
    await given.birthday(shopper, 11, 11)
    holding = await given.holding(
        shopper,
        given.benefit(BenefitKind.MEMBER_PRICE, percent=90),
        given.monthly_coupons(plenty, 2),
        given.monthly_coupons(scarce, 2),
        given.benefit(BenefitKind.BIRTHDAY_GIFT, points=500),
    )
    await given.timetable(given.now)
    by_position = {grant.position: grant for grant in await given.grants_of(shopper)}
    order = await given.placed(await given.delivery_wish({tea: 1}, shopper), source=OFFERS)
    coupon_id = (await given.coupons_of(by_position[1]))[0]
    return Card(holding, by_position[1], by_position[2], by_position[3], coupon_id, order)


def names_of(card: Card) -> dict[str, UUID]:
    """What the corruptions name."""
    return {
        "holding": card.holding.id,
        "coupons": card.coupons.id,
        "failed": card.failed.id,
        "gift": card.gift.id,
        "coupon": card.coupon_id,
        "order": card.order.id,
    }


def grant(*names):
    return lambda card: {encode("benefitgrant", getattr(card, name).id) for name in names}


def order(card):
    return {encode("order", card.order.id)}


def coupon(card):
    return {encode("coupon", card.coupon_id)}


CORRUPTIONS = [
    Corruption(
        "a coupon that is not noted with its grant",
        "DELETE FROM benefit_coupons WHERE coupon_id = :coupon",
        (benefits.GRANTED, benefits.UNGRANTED),
        lambda card: grant("coupons")(card) | coupon(card),
    ),
    Corruption(
        "a coupon of somebody else",
        "UPDATE coupons SET shopper_id = :stranger WHERE id = :coupon",
        (benefits.GRANTED,),
        grant("coupons"),
    ),
    Corruption(
        "a grant that says it was given and was not",
        "UPDATE benefit_grants SET granted_at = due_at, failed_with = NULL, retry_at = NULL WHERE id = :failed",
        (benefits.GRANTED,),
        grant("failed"),
    ),
    Corruption(
        "a grant of more pieces than came",
        "UPDATE benefit_grants SET pieces = 3 WHERE id = :coupons",
        (benefits.GRANTED,),
        grant("coupons"),
    ),
    Corruption(
        "a grant that is gone while its points stay",
        "DELETE FROM benefit_grants WHERE id = :gift",
        (benefits.POINTS,),
        grant("gift"),
    ),
    Corruption(
        "a gift of more points than were given",
        "UPDATE benefit_grants SET points = 501 WHERE id = :gift",
        (benefits.POINTS,),
        grant("gift"),
    ),
    Corruption(
        "a birthday that brought two gifts",
        "DROP INDEX benefit_grants_birthday_key;"
        " ALTER TABLE benefit_grants DROP CONSTRAINT benefit_grants_holding_id_position_period_key;"
        " UPDATE benefit_grants SET kind = 'birthday_gift', period = 2026, position = 3 WHERE id = :failed",
        (benefits.PERIODS,),
        grant("failed", "gift"),
    ),
    Corruption(
        "a grant of no holding",
        "UPDATE benefit_grants SET holding_id = :stranger WHERE id = :coupons",
        (benefits.PERIODS,),
        grant("coupons"),
    ),
    Corruption(
        "a grant of another benefit than the holding has",
        "UPDATE benefit_grants SET position = 0 WHERE id = :coupons",
        (benefits.PERIODS,),
        grant("coupons"),
    ),
    Corruption(
        "a saving that is owed to nobody",
        "DELETE FROM benefit_uses WHERE order_id = :order",
        (benefits.USES,),
        order,
    ),
    Corruption(
        "a saving that is not in the price",
        "UPDATE benefit_uses SET minor = 601 WHERE order_id = :order",
        (benefits.USES,),
        order,
    ),
    Corruption(
        "a saving by another kind of benefit",
        "UPDATE benefit_uses SET kind = 'free_delivery' WHERE order_id = :order",
        (benefits.USES,),
        order,
    ),
    Corruption(
        "a saving by somebody else's holding",
        "UPDATE benefit_uses SET holding_id = :stranger WHERE order_id = :order;"
        " INSERT INTO benefit_holdings (id, account_id, source, source_id, benefits, starts_at, granted_at)"
        " SELECT :stranger, :stranger, source, :stranger, benefits, starts_at, granted_at FROM benefit_holdings"
        " WHERE id = :holding",
        (benefits.USES,),
        order,
    ),
]


async def test_a_card_that_was_used_leaves_clean_books(given, card):
    lines = await assert_clean(given.market)

    (note,) = [line for line in lines if line.check == benefits.FAILED.name]
    assert note.found == "1 grant, 1 to be tried again"


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
async def test_a_check_finds_what_was_corrupted(given, card, corruption):
    lines = await found_after(given.db, corruption.sql, names_of(card), now=given.now)

    check_found(lines, corruption, card)
