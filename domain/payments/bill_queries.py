"""How screens, and the comparison itself, read bills and what must stand in them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, select, tuple_

from domain.foundation.database import Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.payments.bill_rules import Booked, Books
from domain.payments.bill_store import ComparedBill, KeptDifference, b, bill_of, d, difference_of
from domain.payments.rules import BillKind, Payment, PaymentState, Refund
from domain.payments.store import COLUMNS, REFUND_COLUMNS, p, payment_of, r, refund_of
from domain.payments.tables import bill_differences, bills, payments, refunds

_BOOKED_PAYMENT: tuple[Any, ...] = (
    literal_column("'payment'").label("kind"), p.id, p.gateway, p.gateway_reference.label("reference"), p.amount_minor,
    p.captured_at.label("done_at"),
)  # fmt: skip
_BOOKED_REFUND: tuple[Any, ...] = (
    literal_column("'refund'").label("kind"), r.id, p.gateway, r.reference, r.amount_minor, r.refunded_at.label("done_at"),
)  # fmt: skip


async def booked(db: Database, payment_ids: Sequence[UUID], refund_ids: Sequence[UUID]) -> Books:
    """What our books know of these payments and refunds."""
    of_payments = select(*_BOOKED_PAYMENT).where(p.id == func.any(list(payment_ids)))
    of_refunds = select(*_BOOKED_REFUND).join_from(refunds, payments).where(r.id == func.any(list(refund_ids)))
    rows = [*await db.rows(of_payments), *await db.rows(of_refunds)]
    return {(BillKind(row.kind), row.id): _booked(row) for row in rows}


async def moved_between(db: Database, *, gateway: str, since: datetime, until: datetime) -> list[Booked]:
    """What came through a gateway, and went back, in a time (half-open), by our books."""
    came = p.gateway == gateway, p.captured_at.isnot(None), p.captured_at >= since, p.captured_at < until
    went = p.gateway == gateway, r.refunded_at.isnot(None), r.refunded_at >= since, r.refunded_at < until
    rows = [
        *await db.rows(select(*_BOOKED_PAYMENT).where(*came).order_by(p.captured_at)),
        *await db.rows(select(*_BOOKED_REFUND).join_from(refunds, payments).where(*went).order_by(r.refunded_at)),
    ]
    return [_booked(row) for row in rows]


async def first_money_at(db: Database, *, gateway: str, since: datetime) -> datetime | None:
    """When the first money since then came through a gateway."""
    first = select(p.captured_at).where(p.gateway == gateway, p.captured_at.isnot(None), p.captured_at >= since)
    found: datetime | None = await db.value(first.order_by(p.captured_at).limit(1))
    return found


async def days_compared(db: Database, *, gateway: str, since: date) -> Sequence[date]:
    """The days since then that were compared."""
    return await db.column(select(b.day).where(b.gateway == gateway, b.day >= since))


async def bill_of_day(db: Database, *, gateway: str, day: date) -> ComparedBill | None:
    """A day's bill, if it was compared."""
    row = await db.one(select(bills).where(b.gateway == gateway, b.day == day))
    return bill_of(row) if row else None


async def bills_page(db: Database, *, gateway: str | None, first: int, after: str | None) -> Page[ComparedBill]:
    """Compared bills, the newest day first."""
    wanted = select(bills).order_by(b.day.desc(), b.id.desc()).limit(page_size(first) + 1)
    if gateway is not None:
        wanted = wanted.where(b.gateway == gateway)
    if after is not None:
        day, bill_id = read_cursor(after, str, UUID)
        # as texts: a cursor that somebody made up compares with a day like any other, and a year has few bills
        wanted = wanted.where(tuple_(func.to_char(b.day, "YYYY-MM-DD"), b.id) < tuple_(day, bill_id))
    rows = [bill_of(row) for row in await db.rows(wanted)]
    return page_of(rows, first, lambda bill: (bill.day.isoformat(), str(bill.id)))


async def differences_by_bill_ids(db: Database, bill_ids: Sequence[UUID]) -> dict[UUID, list[KeptDifference]]:
    """The differences of each bill in the order they were found; an empty list for one without."""
    found: dict[UUID, list[KeptDifference]] = {bill_id: [] for bill_id in bill_ids}
    wanted = select(bill_differences).where(d.bill_id == func.any(list(bill_ids))).order_by(d.id)
    for row in await db.rows(wanted):
        found[row.bill_id].append(difference_of(row))
    return found


async def difference_by_id(db: Database, difference_id: UUID) -> KeptDifference | None:
    """A difference."""
    row = await db.one(select(bill_differences).where(d.id == difference_id))
    return difference_of(row) if row else None


async def refunds_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Refund]:
    """Refunds that exist, by id."""
    wanted = select(*REFUND_COLUMNS).join_from(refunds, payments).where(r.id == func.any(list(ids)))
    return {row.id: refund_of(row) for row in await db.rows(wanted)}


async def overdue_refunds_page(db: Database, *, asked_before: datetime, first: int, after: str | None) -> Page[Refund]:
    """Refunds that are still due although they were asked for before then, the oldest first."""
    due = select(*REFUND_COLUMNS).join_from(refunds, payments).where(r.state == literal_column("'due'"))
    wanted = due.where(r.asked_at < asked_before).order_by(r.asked_at, r.id).limit(page_size(first) + 1)
    if after is not None:
        wanted = wanted.where(tuple_(r.asked_at, r.id) > tuple_(*read_cursor(after, datetime, UUID)))
    rows = [refund_of(row) for row in await db.rows(wanted)]
    return page_of(rows, first, lambda refund: (refund.asked_at, str(refund.id)))


async def payments_page(
    db: Database, *, state: PaymentState | None, gateway: str | None, first: int, after: str | None
) -> Page[Payment]:
    """Payments, the newest first."""
    wanted = select(*COLUMNS).order_by(p.id.desc()).limit(page_size(first) + 1)
    if state is not None:
        wanted = wanted.where(p.state == state)
    if gateway is not None:
        wanted = wanted.where(p.gateway == gateway)
    if after is not None:
        [payment_id] = read_cursor(after, UUID)
        wanted = wanted.where(p.id < payment_id)
    rows = [payment_of(row) for row in await db.rows(wanted)]
    return page_of(rows, first, lambda payment: (str(payment.id),))


def _booked(row: Any) -> Booked:
    return Booked(BillKind(row.kind), row.id, row.gateway, row.reference or "", row.amount_minor, row.done_at)
