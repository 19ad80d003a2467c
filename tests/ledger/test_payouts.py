"""What a gateway pays into the bank: written down once, and never more than it keeps for us."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from domain.foundation.errors import BadInput, IdempotencyConflict
from domain.foundation.ids import new_id
from domain.foundation.money import LARGEST_MINOR, Money
from domain.ledger import actions, queries
from domain.ledger.rules import Account, EntryKind, MoreThanAtGateway, PostedEntry, Posting
from domain.trail import queries as trail


@pytest.fixture
async def record(db, given, somebody):
    """`await record(500)`: from a gateway that keeps 19.90 for us."""
    await given.posted(
        given.movement(1990, debit=Account.GATEWAY, debit_subject="wechat", credit=Account.RECEIPTS),
        given.movement(9990, debit=Account.GATEWAY, debit_subject="stripe", credit=Account.RECEIPTS),
    )

    def record(minor, *, gateway="wechat", reference="B20261111", occurred_at=given.now, key=""):
        return actions.record_payout(
            db, gateway=gateway, amount=Money(minor), reference=reference, occurred_at=occurred_at, by=somebody,
            idempotency_key=key or f"payout-{new_id()}", now=given.now,
        )  # fmt: skip

    return record


async def balances(db):
    return {(one.account, one.subject): one.balance_minor for one in await queries.trial_balance(db)}


async def test_a_payout_moves_money_from_the_gateway_to_the_bank(db, given, record, somebody):
    arrived_at = given.now - timedelta(hours=3)

    entry = await record(1500, occurred_at=arrived_at, reference=" B20261111 ")

    moved = (Posting(Account.BANK, 1500), Posting(Account.GATEWAY, -1500, "wechat"))
    assert entry == PostedEntry(entry.id, EntryKind.PAID_OUT, entry.cause_id, None, arrived_at, given.now, moved)
    assert await balances(db) == {
        (Account.GATEWAY, "stripe"): 9990,
        (Account.GATEWAY, "wechat"): 490,
        (Account.BANK, ""): 1500,
        (Account.RECEIPTS, ""): -11980,
    }
    [deed] = (await trail.page(db, first=9, by=somebody)).rows
    assert (deed.deed, deed.subject, deed.subject_id) == ("record_payout", "entry", entry.id)
    assert deed.facts == {
        "gateway": "wechat", "amount_minor": 1500, "reference": "B20261111", "occurred_at": arrived_at.isoformat()
    }  # fmt: skip


async def test_the_same_key_is_one_payout(db, record, somebody):
    first = await record(1500, key="payout-1")
    again = await record(1500, key="payout-1")
    with pytest.raises(IdempotencyConflict):
        await record(490, key="payout-1")

    assert again == first
    assert (await balances(db))[Account.BANK, ""] == 1500
    assert len((await trail.page(db, first=9, by=somebody)).rows) == 1


@pytest.mark.parametrize(("gateway", "kept"), [("wechat", 1990), ("nobody", 0)])
async def test_a_gateway_pays_out_no_more_than_it_keeps(db, record, gateway, kept):
    before = await balances(db)

    with pytest.raises(MoreThanAtGateway) as refused:
        await record(kept + 1, gateway=gateway)

    assert refused.value.facts == {"gateway": gateway, "amount": Money(kept + 1), "kept": Money(kept)}
    assert await balances(db) == before
    if kept:
        await record(kept, gateway=gateway)


@pytest.mark.parametrize(
    "wrong",
    [
        {"minor": 0},
        {"minor": -1},
        {"minor": LARGEST_MINOR + 1},
        {"gateway": " "},
        {"gateway": "x" * 65},
        {"gateway": "we\0chat"},
        {"reference": ""},
        {"reference": "x" * 201},
        {"reference": "B\0"},
        {"occurred_at": timedelta(seconds=1)},
    ],
)
async def test_what_cannot_be_a_payout(db, given, record, wrong):
    before = await balances(db)
    if "occurred_at" in wrong:
        wrong = {"occurred_at": given.now + wrong["occurred_at"]}

    with pytest.raises(BadInput):
        await record(**{"minor": 1, **wrong})

    assert await balances(db) == before


async def test_of_twenty_payouts_at_once_only_what_is_there_is_written_down(db, record):
    outcomes = await asyncio.gather(*(record(500) for _ in range(20)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {PostedEntry: 3, MoreThanAtGateway: 17}
    assert (await balances(db))[Account.GATEWAY, "wechat"] == 490
