"""The checks of trust: clean after people moved up and down, and then exactly one thing is wrong."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from domain.audit import trust
from domain.foundation.ids import encode, new_id
from domain.trust import caring
from domain.trust.caring import Complaint
from domain.trust.rules import EvidenceKind
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from workers import trust as _trust  # noqa: F401 - importing registers the hearers


@dataclass(frozen=True)
class People:
    """Somebody of a tier each, and a complaint that is open."""

    fan: UUID
    buyer: UUID
    gone: UUID
    complaint: Complaint


@pytest.fixture
async def people(given, listener) -> People:
    """Everybody was reviewed, some twice; messages were sent."""
    order, fan, gone = await given.bought(), await given.shopper(), await given.shopper()
    await listener.hear()
    await given.evidence(fan, EvidenceKind.LIKE)
    await given.evidence(gone, EvidenceKind.CHAT, at=given.now - timedelta(days=400), amount=3)
    await given.reviewed()
    complaint = await caring.open_complaint(
        given.db, account_id=order.shopper_id, words="漏发", reference="t-1", by=new_id(), now=given.now
    )
    await given.reviewed()
    await given.message(fan)
    await given.message(fan, at=given.now + timedelta(hours=1))
    return People(fan, order.shopper_id, gone, complaint)


def account(*names):
    return lambda people: {encode("account", getattr(people, name)) for name in names}


CORRUPTIONS = [
    Corruption(
        "a tier that nothing leads to",
        "UPDATE trust_states SET tier = 5 WHERE account_id = :fan",
        (trust.TIERS, trust.HISTORY),
        account("fan"),
    ),
    Corruption(
        "evidence that nobody looked at",
        "INSERT INTO trust_evidence (account_id, kind, cause, amount, at) VALUES (:fan, 'chat', 'x', 3, now())",
        (trust.TIERS,),
        account("fan"),
    ),
    Corruption(
        "evidence of nobody's tier",
        "DELETE FROM trust_moves WHERE account_id = :fan; DELETE FROM trust_states WHERE account_id = :fan",
        (trust.TIERS,),
        account("fan"),
    ),
    Corruption(
        "rules of a version that nobody set",
        "INSERT INTO trust_rules (version, terms, set_at, set_by)"
        ' SELECT 1, \'{"rungs": [], "ceilings": [], "silent_days": 1, "silent_at_most": "stranger"}\', now(), :fan;'
        " UPDATE trust_states SET rule_version = 1 WHERE account_id = :fan",
        (trust.TIERS,),
        account("fan"),
    ),
    Corruption(
        "a move that is gone",
        "DELETE FROM trust_moves WHERE position = (SELECT min(position) FROM trust_moves WHERE account_id = :buyer)",
        (trust.HISTORY,),
        account("buyer"),
    ),
    Corruption(
        "a purchase of nothing",
        "UPDATE trust_evidence SET cause = '0192f0c4-0000-7000-8000-000000000000'"
        " WHERE account_id = :buyer AND kind = 'purchase'",
        (trust.CAUSES,),
        account("buyer"),
    ),
    Corruption(
        "a complaint that is resolved and counts",
        "UPDATE customer_complaints SET resolved_at = now(), resolved_by = :buyer, resolution = '好' WHERE id = :complaint",
        (trust.CAUSES,),
        lambda people: {encode("complaint", people.complaint.id)},
    ),
    Corruption(
        "a message too many",
        "INSERT INTO customer_messages (id, account_id, purpose, key, sent_at, cap, cap_days, sent_by)"
        " SELECT :stranger, account_id, purpose, 'another-1', sent_at, cap, cap_days, sent_by FROM customer_messages"
        " ORDER BY sent_at DESC LIMIT 1",
        (trust.CAPS,),
        account("fan"),
    ),
]


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.what)
async def test_a_corruption_is_found_where_it_is(given, people, corruption):
    names = {"fan": people.fan, "buyer": people.buyer, "gone": people.gone, "complaint": people.complaint.id}

    lines = await found_after(given.db, corruption.sql, names, now=given.now + timedelta(hours=2))

    check_found(lines, corruption, people)


async def test_people_as_they_are_are_clean_whatever_is_due(given, people):
    await assert_clean(given.market)
