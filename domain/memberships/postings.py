"""What memberships mean for the ledger: fees are owed in days, earned as these pass, and owed back when they are refunded."""

from datetime import datetime
from uuid import UUID

from domain.ledger.rules import Account, Entry, EntryKind, moved
from domain.memberships.purchase_rules import Purchase


def paid(purchase: Purchase, at: datetime) -> Entry:
    """Captured money is kept: it is owed in days from now on."""
    return moved(
        EntryKind.MEMBERSHIP_PAID,
        cause_id=purchase.id,
        about_id=purchase.id,
        at=at,
        amount_minor=purchase.due.minor,
        debit=Account.RECEIPTS,
        credit=Account.MEMBERSHIPS,
    )


def earned(cause_id: UUID, amount_minor: int, at: datetime) -> Entry:
    """Days have passed: of all memberships on one day of the calendar, or, of a term that came late, before it was made."""
    return _to_fees(EntryKind.MEMBERSHIPS_EARNED, cause_id, amount_minor, at)


def rest_earned(membership_id: UUID, amount_minor: int, at: datetime) -> Entry:
    """A membership has ended before its time: what neither goes back nor into another plan is earned now.

    Below zero where an upgrade's money is heard days after it came: what these days had earned is credited.
    """
    return _to_fees(EntryKind.MEMBERSHIP_ENDED, membership_id, amount_minor, at)


def refund_agreed(purchase_id: UUID, *, refund_id: UUID, amount_minor: int, at: datetime) -> Entry:
    """Money of a purchase is owed back."""
    return moved(
        EntryKind.REFUND_AGREED,
        cause_id=refund_id,
        about_id=purchase_id,
        at=at,
        amount_minor=amount_minor,
        debit=Account.MEMBERSHIPS,
        credit=Account.REFUNDS,
    )


def _to_fees(kind: EntryKind, cause_id: UUID, amount_minor: int, at: datetime) -> Entry:
    return moved(
        kind,
        cause_id=cause_id,
        about_id=None,
        at=at,
        amount_minor=amount_minor,
        debit=Account.MEMBERSHIPS,
        credit=Account.MEMBER_FEES,
    )
