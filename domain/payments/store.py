"""How payments change: the only SQL that writes them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, and_, bindparam, func, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.payments.rules import NEXT, Captured, Notice, Payment, PaymentState, Refunded
from domain.payments.tables import notices, payments

FIRST_LOOK = timedelta(seconds=10)
"""A notice usually comes within a second of the money; after this long the gateway is asked, then ever more rarely."""
LONGEST_LOOK = timedelta(minutes=10)
LEASE = timedelta(seconds=30)
"""A refund that is being asked for is nobody else's for so long: much longer than the slowest answer may take."""

p = payments.c
COLUMNS = (
    p.id, p.payable, p.payable_id, p.payer_id, p.amount_minor, p.currency, p.gateway, p.gateway_reference, p.state,
    p.asked_at, p.expires_at, p.captured_at, p.refunded_at, p.refund_reason, p.refund_attempts, p.refund_error,
)  # fmt: skip

# written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
_IS_PENDING = p.state == literal_column("'pending'")
_IS_REFUND_DUE = p.state == literal_column("'refund_due'")

_mine = payments.alias()
_LOCK_ALL_OF_PAYABLE = (
    select(*COLUMNS)
    .where(
        tuple_(p.payable, p.payable_id).in_(
            select(_mine.c.payable, _mine.c.payable_id).where(_mine.c.id == bindparam("payment_id"))
        )
    )
    .order_by(p.id)
    .with_for_update()
)


def payment_of(row: Any) -> Payment:
    """A payment out of a row of `COLUMNS`."""
    return Payment(
        id=row.id,
        payable=row.payable,
        payable_id=row.payable_id,
        payer_id=row.payer_id,
        amount=Money(row.amount_minor, row.currency),
        gateway=row.gateway,
        reference=row.gateway_reference,
        state=PaymentState(row.state),
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        captured_at=row.captured_at,
        refunded_at=row.refunded_at,
        refund_reason=row.refund_reason,
        refund_attempts=row.refund_attempts,
        refund_error=row.refund_error,
    )


async def open_pending(
    tx: Transaction,
    *,
    payable: str,
    payable_id: UUID,
    payer_id: UUID,
    amount: Money,
    gateway: str,
    expires_at: datetime,
    now: datetime,
) -> UUID:
    """The payment of a payable: the one that is captured or pending already, or else a new pending one."""
    of_payable = and_(p.payable == payable, p.payable_id == payable_id)
    living = select(p.id).where(of_payable, p.state.in_([PaymentState.CAPTURED, PaymentState.PENDING]))
    found = await tx.value(living.order_by(p.state).limit(1))  # captured before pending
    if found is None:
        new = insert(payments).values(
            id=new_id(),
            payable=payable,
            payable_id=payable_id,
            payer_id=payer_id,
            amount_minor=amount.minor,
            currency=amount.currency,
            gateway=gateway,
            state=PaymentState.PENDING,
            asked_at=now,
            expires_at=expires_at,
            look_at=min(now + FIRST_LOOK, expires_at),
        )
        found = await tx.value(new.on_conflict_do_nothing().returning(p.id))
    if found is None:  # somebody asked between our question and our insert
        found = await tx.value(living)
    assert isinstance(found, UUID)
    return found


async def set_reference(tx: Transaction, payment_id: UUID, reference: str) -> None:
    """Keep the gateway's name for a payment; the first one stays."""
    statement = update(payments).where(p.id == payment_id, p.gateway_reference.is_(None))
    await tx.execute(statement.values(gateway_reference=reference))


async def withdraw(tx: Transaction, *, payable: str, payable_id: UUID, now: datetime) -> None:
    """Nobody is to pay this any more: the next sweep closes it at the gateway, unless the money was faster."""
    statement = update(payments).where(
        p.payable == payable, p.payable_id == payable_id, p.state == PaymentState.PENDING
    )
    await tx.execute(statement.values(expires_at=func.least(p.expires_at, now), look_at=now))


async def lock_all_of_payable(tx: Transaction, payment_id: UUID) -> dict[UUID, Payment]:
    """A payment and every other one of the same payable, locked in the order of their ids; none if there is no such."""
    return {row.id: payment_of(row) for row in await tx.rows(_LOCK_ALL_OF_PAYABLE, {"payment_id": payment_id})}


async def remember_notice(tx: Transaction, *, gateway: str, notice: Notice, now: datetime) -> bool:
    """Whether this notice is new; it is remembered with whatever the transaction makes of it."""
    row = {
        "gateway": gateway,
        "notice_id": notice.id,
        "payment_id": notice.news.payment_id,
        "kind": "captured" if isinstance(notice.news, Captured) else "refunded",
        "received_at": now,
    }
    return await tx.execute(insert(notices).values(row).on_conflict_do_nothing()) == 1


async def capture(tx: Transaction, payment: Payment, news: Captured) -> None:
    """The money is here."""
    await _move(
        tx, payment, PaymentState.CAPTURED, captured_at=news.at, gateway_reference=payment.reference or news.reference
    )


async def capture_unwanted(tx: Transaction, payment: Payment, news: Captured, *, reason: str, now: datetime) -> None:
    """The money is here and nobody wants it: it is on its way back from the start."""
    await _move(
        tx,
        payment,
        PaymentState.REFUND_DUE,
        captured_at=news.at,
        gateway_reference=payment.reference or news.reference,
        refund_due_at=now,
        refund_reason=reason,
        refund_retry_at=now,
    )


async def close(tx: Transaction, payment: Payment, *, now: datetime) -> None:
    """Nobody paid, and the gateway takes no money for it any more."""
    await _move(tx, payment, PaymentState.CLOSED, closed_at=now)


async def mark_refund_due(tx: Transaction, payment_id: UUID, *, reason: str, now: datetime) -> None:
    """Captured money is to go back. A second call, with whatever reason, changes nothing."""
    statement = update(payments).where(p.id == payment_id, p.state == PaymentState.CAPTURED)
    await tx.execute(
        statement.values(state=PaymentState.REFUND_DUE, refund_due_at=now, refund_reason=reason, refund_retry_at=now)
    )


async def refund(tx: Transaction, payment: Payment, news: Refunded) -> None:
    """The payer has the money back."""
    await _move(
        tx,
        payment,
        PaymentState.REFUNDED,
        refunded_at=news.at,
        refund_reference=news.reference,
        refund_retry_at=None,
        refund_error=None,
    )


async def take_looks(tx: Transaction, *, gateway: str, now: datetime, limit: int) -> list[Payment]:
    """Pending payments about which the gateway is to be asked now. The next time, 10, 20, 40 s later, is set."""
    age = func.least(now - p.asked_at, LONGEST_LOOK)
    # when its time is over a payment is closed without delay
    look_at = func.least(now + func.greatest(age, FIRST_LOOK), func.greatest(p.expires_at, now + FIRST_LOOK))
    is_due = and_(_IS_PENDING, p.gateway == gateway, p.look_at <= now)
    return await _take(tx, is_due, p.look_at, limit, {"look_at": look_at})


async def take_refunds(tx: Transaction, *, gateway: str, now: datetime, limit: int) -> list[Payment]:
    """Refunds to ask for now. They are the caller's for `LEASE`; if it dies, somebody else's after that."""
    is_due = and_(_IS_REFUND_DUE, p.gateway == gateway, p.refund_retry_at <= now)
    taken = {"refund_retry_at": now + LEASE, "refund_attempts": p.refund_attempts + 1}
    return await _take(tx, is_due, p.refund_retry_at, limit, taken)


async def put_refund_off(tx: Transaction, payment_id: UUID, *, retry_at: datetime, error: str | None) -> None:
    """Ask again later: the gateway is still at work on the refund, or (with an error) did not take it."""
    statement = update(payments).where(p.id == payment_id, p.state == PaymentState.REFUND_DUE)
    await tx.execute(statement.values(refund_retry_at=retry_at, refund_error=error and error[:1000]))


async def _take(
    tx: Transaction, is_due: ColumnElement[bool], due_at: Column[datetime], limit: int, values: dict[str, Any]
) -> list[Payment]:
    due = select(p.id).where(is_due).order_by(due_at).limit(limit).with_for_update(skip_locked=True).cte("due")
    return [
        payment_of(row)
        for row in await tx.rows(update(payments).where(p.id == due.c.id).values(values).returning(*COLUMNS))
    ]


async def _move(tx: Transaction, payment: Payment, state: PaymentState, **values: Any) -> None:
    """Write a locked payment's new state."""
    assert state in NEXT[payment.state], f"{payment.state} -> {state}"
    await tx.execute(update(payments).where(p.id == payment.id).values(state=state, **values))
