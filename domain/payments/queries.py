"""How screens read payments."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on

from domain.foundation.database import Database, Reader
from domain.payments.rules import Payment, PaymentState, Refund
from domain.payments.store import COLUMNS, REFUND_COLUMNS, p, payment_of, r, refund_of
from domain.payments.tables import payments, refunds


async def by_ids(db: Database | Reader, ids: Sequence[UUID]) -> dict[UUID, Payment]:
    """Payments that exist, by id."""
    rows = await db.rows(select(*COLUMNS).where(p.id == func.any(list(ids))))
    return {row.id: payment_of(row) for row in rows}


async def by_payable_ids(db: Database, payable_ids: Sequence[UUID], *, payable: str) -> dict[UUID, Payment]:
    """The payment that tells most of each payable: the captured one, else the newest."""
    statement = (
        select(*COLUMNS)
        .ext(distinct_on(p.payable_id))
        .where(p.payable == payable, p.payable_id == func.any(list(payable_ids)))
        .order_by(p.payable_id, (p.state == PaymentState.CAPTURED).desc(), p.id.desc())
    )
    return {row.payable_id: payment_of(row) for row in await db.rows(statement)}


async def refunds_by_payment_ids(db: Database, payment_ids: Sequence[UUID]) -> dict[UUID, list[Refund]]:
    """The refunds of each payment, oldest first; an empty list for one without."""
    found: dict[UUID, list[Refund]] = {payment_id: [] for payment_id in payment_ids}
    statement = select(*REFUND_COLUMNS).join_from(refunds, payments).where(r.payment_id == func.any(list(payment_ids)))
    for row in await db.rows(statement.order_by(r.id)):
        found[row.payment_id].append(refund_of(row))
    return found


async def refunds_by_ids(db: Database, ids: Sequence[UUID]) -> dict[UUID, Refund]:
    """Refunds that exist, by id."""
    rows = await db.rows(select(*REFUND_COLUMNS).join_from(refunds, payments).where(r.id == func.any(list(ids))))
    return {row.id: refund_of(row) for row in rows}
