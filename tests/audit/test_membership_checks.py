"""The checks of memberships: clean with all that can become of a card, and then exactly one thing is wrong."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from domain.audit import ledger as books
from domain.audit import memberships as checks
from domain.audit import payments
from domain.foundation.ids import encode
from domain.foundation.outbox import events
from domain.memberships import activating, ending, queries, refunding
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.memberships.books import CHECKS, assert_books

DAY = timedelta(days=1)


@pytest.fixture
async def cards(given) -> dict[str, UUID]:
    """A card of two terms, one that was given, one that was refunded, one that was upgraded, an open gift and a used code."""
    yearly, monthly = await given.plan(), await given.monthly()
    long = await given.card(monthly)
    await given.card(monthly, long.account_id)
    refunded = await given.card(yearly)
    await refunding.refund(
        given.db,
        account_id=refunded.account_id,
        amount_minor=36_400,
        idempotency_key="refund-1",
        now=given.now + DAY,
    )
    upgraded = await given.card(monthly)
    upgrade = await given.upgrade_to(yearly, upgraded.account_id, now=given.now + DAY)
    await given.pay_membership(upgrade, now=given.now + DAY)
    gift, _ = await given.gift(yearly, await given.shopper())
    friend = await given.shopper()
    codes = await given.code_batch(monthly, pieces=1)
    [code] = await given.codes_of(codes)
    await activating.activate(given.db, code=code, account_id=friend, idempotency_key="activate-1", now=given.now)
    await given.earn_until(given.now + 3 * DAY)
    await ending.end_due(given.db, now=given.now + 3 * DAY, limit=9)
    async with given.db.transaction() as tx:  # everybody has heard of everything
        await tx.execute(update(events).values(delivered_at=given.now))
    gifts = await queries.gifts_by_purchase_ids(given.db, [gift.id])
    [given_back] = await given.terms(refunded.id)
    bought = await given.purchase_again((await given.terms(long.id))[0].purchase_id)
    upgraded_to = await given.current(upgraded.account_id, now=given.now + 3 * DAY)
    return {
        "long": long.id, "holder": long.account_id, "refunded": refunded.id, "ex_member": refunded.account_id,
        "upgraded": upgraded.id, "upgraded_to": upgraded_to.id, "upgrader": upgraded.account_id, "upgrade": upgrade.id,
        "gift": gift.id, "gift_code": gifts[gift.id].id, "friend": friend, "codes": codes.id,
        "bought": bought.id, "payment": bought.paid_with, "refunded_purchase": given_back.purchase_id,
    }  # fmt: skip


def of(prefix, *names):
    return lambda cards: {encode(prefix, cards[name]) for name in names}


CORRUPTIONS = [
    Corruption(
        "a purchase of another price",
        "UPDATE membership_purchases SET price_minor = price_minor + 1 WHERE id = :gift",
        (checks.HAVE_MONEY, checks.POSTED, checks.OWED, payments.MONEY_ADDS_UP),
        lambda cards: {encode("purchase", cards["gift"]), "all memberships", "all payments"},
    ),
    Corruption(
        "a purchase that was never paid",
        "UPDATE membership_purchases SET state = 'pending', paid_at = NULL, paid_with = NULL WHERE id = :bought",
        (checks.POSTED, checks.BEGUN, payments.MONEY_HAS_ORDERS, payments.MONEY_ADDS_UP, books.ORDERS_POSTED),
        lambda cards: {
            "all payments",
            encode("payment", cards["payment"]),
            *(encode(of, cards["bought"]) for of in ("purchase", "order")),
        },
    ),
    Corruption(
        "money that went back twice",
        "UPDATE membership_purchases SET refunded_minor = refunded_minor + 1 WHERE account_id = :ex_member",
        (checks.HAVE_MONEY, checks.GIVEN_BACK, payments.MONEY_ADDS_UP),
        lambda cards: {
            encode("purchase", cards["refunded_purchase"]),
            encode("account", cards["ex_member"]),
            "all payments",
        },
    ),
    Corruption(
        "a term that was worth more",
        "UPDATE membership_terms SET paid_minor = paid_minor + 310 WHERE purchase_id = :bought",
        (checks.BEGUN, checks.OWED, checks.EARNED),
        lambda cards: {encode("purchase", cards["bought"]), "all memberships"},
    ),
    Corruption(
        "a code that was used without a term",
        "UPDATE membership_codes SET used_at = valid_until, used_by = :friend WHERE purchase_id = :gift",
        (checks.BEGUN, checks.CODES_USED),
        lambda cards: {encode("purchase", cards["gift"]), f"code {cards['gift_code']}"},
    ),
    Corruption(
        "a batch that has lost a code",
        "UPDATE membership_code_batches SET pieces = 2",
        (checks.CODES_USED,),
        of("codebatch", "codes"),
    ),
    Corruption(
        "a term that begins late",
        "UPDATE membership_terms SET first_day = first_day + 20 WHERE membership_id = :long AND number = 2",
        (checks.TERMS_FOLLOW,),
        of("membership", "long"),
    ),
    Corruption(
        "a card that ends later than it was paid for",
        "UPDATE memberships SET ends_at = ends_at + interval '1 day' WHERE id = :long",
        (checks.TERMS_FOLLOW, checks.HELD),
        of("membership", "long"),
    ),
    Corruption(
        "two cards at a time",
        "UPDATE memberships SET ended_at = ended_at + interval '1 hour' WHERE id = :upgraded",
        (checks.ONE_AT_A_TIME, checks.ENDED, checks.HELD),
        lambda cards: {encode("account", cards["upgrader"]), encode("membership", cards["upgraded"])},
    ),
    Corruption(
        "a refunded card whose term runs on",
        "UPDATE membership_terms SET closed_at = NULL, refunded_minor = 0 WHERE membership_id = :refunded",
        (checks.ENDED, checks.GIVEN_BACK, checks.OWED, checks.EARNED),
        lambda cards: {
            encode("membership", cards["refunded"]),
            encode("account", cards["ex_member"]),
            "all memberships",
        },
    ),
    Corruption(
        "benefits that go on after a refund",
        "UPDATE benefit_holdings SET ends_at = ends_at + interval '1 day' WHERE source_id = :refunded",
        (checks.HELD,),
        of("membership", "refunded"),
    ),
    Corruption(
        "a card without benefits",
        "DELETE FROM benefit_holdings WHERE source_id = :upgraded_to",
        (checks.HELD,),
        of("membership", "upgraded_to"),
    ),
    Corruption(
        "a day that was left out",
        "DELETE FROM membership_earnings WHERE day = (SELECT min(day) FROM membership_earnings)",
        (checks.DAYS_BOOKED,),
        lambda _: {"day of no term"},
    ),
    Corruption(
        "a day that brought more",
        "UPDATE membership_earnings SET earned_minor = earned_minor + 1 WHERE day = (SELECT max(day) FROM membership_earnings)",
        (checks.DAYS_BOOKED,),
        lambda _: {"day 2026-11-13"},
    ),
    Corruption(
        "a last day that was forgotten",
        "DELETE FROM membership_earnings WHERE day = (SELECT max(day) FROM membership_earnings)",
        (checks.DAYS_BOOKED, checks.OWED, checks.EARNED),
        lambda _: {"day of no term", "all memberships"},
    ),
]


async def test_what_was_corrupted_is_found_and_nothing_else(given, cards):
    await assert_books(given.db)

    for corruption in CORRUPTIONS:  # one scene for all: it takes longer to make than to look at
        lines = await found_after(given.db, corruption.sql, cards, now=given.now, among=CHECKS)
        check_found(lines, corruption, cards)
