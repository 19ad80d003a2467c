"""What a movement of points means for the ledger, in points."""

from collections.abc import Mapping

from domain.foundation.money import POINTS_CURRENCY
from domain.ledger import rules as ledger
from domain.ledger.rules import Account, Entry, EntryKind
from domain.points.rules import Move, MoveKind

_ENTRIES: Mapping[MoveKind, tuple[EntryKind, Account]] = {
    MoveKind.GIVEN: (EntryKind.POINTS_GIVEN, Account.POINTS_GIVEN),
    MoveKind.TAKEN_BACK: (EntryKind.POINTS_TAKEN_BACK, Account.POINTS_GIVEN),
    MoveKind.SPENT: (EntryKind.POINTS_SPENT, Account.POINTS_SPENT),
    MoveKind.RETURNED: (EntryKind.POINTS_RETURNED, Account.POINTS_SPENT),
    MoveKind.EXPIRED: (EntryKind.POINTS_EXPIRED, Account.POINTS_EXPIRED),
}
"""What the entry is called, and from or to where the points went that shoppers have."""


def moved(move: Move) -> Entry:
    """The entry of a move, whose cause it is: all that shoppers have, less what they owe, is the account's balance."""
    kind, other = _ENTRIES[move.kind]
    is_more = move.kind.sign > 0
    return ledger.moved(
        kind,
        cause_id=move.id,
        about_id=move.order_id,
        at=move.moved_at,
        amount_minor=move.points,
        debit=other if is_more else Account.POINTS,
        credit=Account.POINTS if is_more else other,
        currency=POINTS_CURRENCY,
    )
