"""The checks of automatic renewals: clean after one was paid and one called off, and then exactly one thing is wrong."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete

from domain.audit import renewals as checks
from domain.foundation.ids import encode
from domain.foundation.outbox import events
from domain.memberships import contracting
from tests.audit import assert_clean
from tests.audit.corrupting import Corruption, check_found, found_after
from tests.given.renewals import last_day_of, nine, renewals
from tests.given.wechat import company, gateway, wechat

__all__ = ["company", "gateway", "renewals", "wechat"]

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Members:
    """Whose charge was paid, beside one whose charge was called off."""

    paid: UUID
    purchase: UUID
    """What the charge was paid by."""


@pytest.fixture
async def members(renewals, given) -> Members:
    """Two who were charged, and one of them ended it before; every event was heard."""
    plan = await renewals.plan()
    paid, called_off = [await renewals.signed_member(plan) for _ in range(2)]
    last = last_day_of(paid)
    await renewals.days(nine(last - 6 * DAY), nine(last - DAY))
    await contracting.cancel(given.db, account_id=called_off.account_id, now=nine(last - DAY))
    await renewals.round(nine(last))
    async with given.db.transaction() as tx:
        await tx.execute(delete(events))
    purchase_id = (await renewals.charge(paid.account_id)).purchase_id
    assert purchase_id is not None
    return Members(paid.id, purchase_id)


def card(members):
    return {encode("membership", members.paid)}


CORRUPTIONS = [
    Corruption(
        "a charge that was paid and is not said to be",
        "UPDATE renewal_charges SET state = 'given_up' WHERE membership_id = :paid",
        (checks.PAID,),
        card,
    ),
    Corruption(
        "more than was signed",
        "UPDATE renewal_contracts SET price_minor = 100 WHERE id IN "
        "(SELECT contract_id FROM renewal_charges WHERE membership_id = :paid)",
        (checks.AGREED,),
        card,
    ),
    Corruption(
        "money that was asked for after the end",
        "UPDATE renewal_contracts SET state = 'ended', ended_at = signed_at - interval '1 year', ended_by = 'wallet' WHERE id IN "
        "(SELECT contract_id FROM renewal_charges WHERE membership_id = :paid)",
        (checks.AGREED,),
        card,
    ),
    Corruption(
        "money that was asked for too soon after the member was told",
        "UPDATE renewal_charges SET told_at = asked_at - interval '4 days' WHERE membership_id = :paid",
        (checks.AGREED,),
        card,
    ),
    Corruption(
        "a renewal that no charge asked for",
        "DELETE FROM renewal_charges WHERE membership_id = :paid",
        (checks.ONCE,),
        lambda members: {encode("membershippurchase", members.purchase)},
    ),
]


async def test_exactly_what_was_corrupted_is_found(given, market, members, subtests):
    await assert_clean(market)

    for corruption in CORRUPTIONS:
        with subtests.test(corruption.what):
            lines = await found_after(given.db, corruption.sql, {"paid": members.paid}, now=given.now)
            check_found(lines, corruption, members)
