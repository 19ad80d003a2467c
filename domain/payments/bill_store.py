"""How comparisons of bills are kept: the only SQL that writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.ledger import store as ledger
from domain.ledger.rules import Account, EntryKind, moved
from domain.payments.bill_rules import Difference, DifferenceKind
from domain.payments.rules import BillKind, BillRow
from domain.payments.tables import bill_differences, bills

REPAIRED = "asked about and booked"
"""The words of a difference that was only a lost notice."""

b = bills.c
d = bill_differences.c


@dataclass(frozen=True, slots=True)
class ComparedBill:
    """A gateway's bill of a day, compared: what it says came and went, what was kept as fees, how often we differ."""

    id: UUID
    gateway: str
    day: date
    payments: int
    captured_minor: int
    refunds: int
    refunded_minor: int
    fees_minor: int
    differences: int
    compared_at: datetime


@dataclass(frozen=True, slots=True)
class KeptDifference:
    """A difference, and whether somebody has settled it. Settled by nobody: it was a lost notice, and is booked."""

    id: UUID
    bill_id: UUID
    kind: DifferenceKind
    subject: BillKind
    subject_id: UUID | None
    reference: str
    ours_minor: int | None
    theirs_minor: int | None
    settled_at: datetime | None
    settled_by: UUID | None
    words: str


def bill_of(row: Any) -> ComparedBill:
    """A compared bill out of a row of its table."""
    return ComparedBill(**row._mapping)


def difference_of(row: Any) -> KeptDifference:
    """A difference out of a row of its table."""
    values = dict(row._mapping)
    return KeptDifference(**values | {"kind": DifferenceKind(row.kind), "subject": BillKind(row.subject)})


async def keep(
    tx: Transaction,
    *,
    gateway: str,
    day: date,
    rows: Sequence[BillRow],
    differences: Sequence[Difference],
    now: datetime,
) -> bool:
    """Keep a comparison with its differences, and post the fees. False when the day was compared before: nothing changes."""
    bill_id = new_id()
    found = {"differences": len(differences), "compared_at": now}
    values = {"id": bill_id, "gateway": gateway, "day": day, **_sums(rows), **found}
    if not await tx.execute(insert(bills).values(values).on_conflict_do_nothing()):
        return False
    if differences:
        await tx.execute(insert(bill_differences), [_row(bill_id, difference, now) for difference in differences])
    await _post_fees(tx, bill_id, gateway, rows, now)
    return True


async def lock_difference(tx: Transaction, difference_id: UUID) -> KeptDifference | None:
    """A difference, locked until the transaction ends."""
    row = await tx.one(select(bill_differences).where(d.id == difference_id).with_for_update())
    return difference_of(row) if row else None


async def settle(tx: Transaction, difference_id: UUID, *, by: UUID, words: str, now: datetime) -> None:
    """Somebody has looked into it, and says what it was."""
    settled = update(bill_differences).where(d.id == difference_id, d.settled_at.is_(None))
    await tx.execute(settled.values(settled_at=now, settled_by=by, words=words))


def _sums(rows: Sequence[BillRow]) -> dict[str, int]:
    captured, refunded = ([row.amount_minor for row in rows if row.kind is kind] for kind in BillKind)
    return {
        "payments": len(captured),
        "captured_minor": sum(captured),
        "refunds": len(refunded),
        "refunded_minor": sum(refunded),
        "fees_minor": sum(row.fee_minor for row in rows),
    }


def _row(bill_id: UUID, difference: Difference, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "bill_id": bill_id,
        "kind": difference.kind,
        "subject": difference.subject,
        "subject_id": difference.subject_id,
        "reference": difference.reference,
        "ours_minor": difference.ours_minor,
        "theirs_minor": difference.theirs_minor,
        "settled_at": now if difference.is_repaired else None,
        "words": REPAIRED if difference.is_repaired else "",
    }


async def _post_fees(tx: Transaction, bill_id: UUID, gateway: str, rows: Sequence[BillRow], now: datetime) -> None:
    """What the gateway has kept of our money is an expense; fees it gives back, with refunds, may be more than it keeps."""
    fees_minor = sum(row.fee_minor for row in rows)
    if fees_minor == 0:
        return
    fees, money = (Account.FEES, ""), (Account.GATEWAY, gateway)
    debit, credit = (fees, money) if fees_minor > 0 else (money, fees)
    entry = moved(
        EntryKind.GATEWAY_FEES,
        cause_id=bill_id,
        about_id=None,
        at=max(row.at for row in rows),
        amount_minor=abs(fees_minor),
        debit=debit[0],
        debit_subject=debit[1],
        credit=credit[0],
        credit_subject=credit[1],
    )
    await ledger.post(tx, [entry], now=now)
