"""How payments change: the only SQL that writes them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, and_, bindparam, func, literal_column, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from domain.foundation.database import Transaction
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.ledger import store as ledger
from domain.ledger.rules import Account, EntryKind, moved
from domain.payments.rules import (
    NEXT,
    Captured,
    GatewayUnavailable,
    News,
    Notice,
    Payment,
    PaymentState,
    Refund,
    Refunded,
    RefundState,
)
from domain.payments.tables import notices, payments, refunds

FIRST_LOOK = timedelta(seconds=10)
"""A notice usually comes within a second of the money; after this long the gateway is asked, then ever more rarely."""
LONGEST_LOOK = timedelta(minutes=10)
LEASE = timedelta(seconds=30)
"""A refund that is being asked for is nobody else's for so long: much longer than the slowest answer may take."""

p = payments.c
COLUMNS = (
    p.id, p.payable, p.payable_id, p.payer_id, p.amount_minor, p.currency, p.gateway, p.gateway_reference, p.state,
    p.asked_at, p.expires_at, p.captured_at, p.refund_asked_minor, p.refunded_minor,
)  # fmt: skip

r = refunds.c
REFUND_COLUMNS = (
    r.id, r.payment_id, r.amount_minor, r.currency, r.reason, r.cause_id, r.state, r.asked_at, r.attempts, r.error,
    r.refunded_at, p.gateway, p.gateway_reference, p.amount_minor.label("paid_minor"),
)  # fmt: skip

# written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
_IS_PENDING = p.state == literal_column("'pending'")

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
        refund_asked_minor=row.refund_asked_minor,
        refunded_minor=row.refunded_minor,
    )


def refund_of(row: Any) -> Refund:
    """A refund out of a row of `REFUND_COLUMNS`."""
    return Refund(
        id=row.id,
        payment_id=row.payment_id,
        gateway=row.gateway,
        amount=Money(row.amount_minor, row.currency),
        paid=Money(row.paid_minor, row.currency),
        reason=row.reason,
        cause_id=row.cause_id,
        state=RefundState(row.state),
        asked_at=row.asked_at,
        attempts=row.attempts,
        error=row.error,
        refunded_at=row.refunded_at,
        payment_reference=row.gateway_reference,
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
    """The payment of a payable: the one that is captured or pending already, or else a new pending one.

    Raises GatewayUnavailable when it is pending at another gateway: somebody has just asked there.
    """
    of_payable = and_(p.payable == payable, p.payable_id == payable_id)
    states = [PaymentState.CAPTURED, PaymentState.PENDING]
    living = select(p.id, p.state, p.gateway).where(of_payable, p.state.in_(states)).order_by(p.state).limit(1)
    found = await tx.one(living)  # captured before pending
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
        found = await tx.one(new.on_conflict_do_nothing().returning(p.id, p.state, p.gateway))
    if found is None:  # somebody asked between our question and our insert
        found = await tx.one(living)
    assert found is not None
    if found.state == PaymentState.PENDING and found.gateway != gateway:
        raise GatewayUnavailable(gateway=gateway)
    found_id: UUID = found.id
    return found_id


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


async def lock_refund(tx: Transaction, refund_id: UUID) -> Refund | None:
    """A refund, locked until the transaction ends."""
    found = select(*REFUND_COLUMNS).join_from(refunds, payments).where(r.id == refund_id).with_for_update(of=refunds)
    row = await tx.one(found)
    return refund_of(row) if row else None


async def remember_notice(tx: Transaction, *, gateway: str, notice: Notice, news: News, now: datetime) -> bool:
    """Whether this notice is new; it is remembered with whatever the transaction makes of it."""
    row = {
        "gateway": gateway,
        "notice_id": notice.id,
        "payment_id": news.payment_id,
        "kind": "captured" if isinstance(news, Captured) else "refunded",
        "refund_id": news.refund_id if isinstance(news, Refunded) else None,
        "received_at": now,
    }
    return await tx.execute(insert(notices).values(row).on_conflict_do_nothing()) == 1


async def capture(tx: Transaction, payment: Payment, news: Captured, *, now: datetime) -> None:
    """The money is here, in the state and in the ledger."""
    reference = payment.reference or news.reference
    await _move(tx, payment, PaymentState.CAPTURED, captured_at=news.at, gateway_reference=reference)
    await _post_capture(tx, payment, news, now)


async def capture_unwanted(tx: Transaction, payment: Payment, news: Captured, *, reason: str, now: datetime) -> None:
    """The money is here and nobody wants it: it is on its way back from the start."""
    values = {"captured_at": news.at, "gateway_reference": payment.reference or news.reference}
    await _move(tx, payment, PaymentState.REFUND_DUE, refund_asked_minor=payment.amount.minor, **values)
    await _post_capture(tx, payment, news, now)
    await _give_back_all(tx, payment, reason=reason, now=now)


async def close(tx: Transaction, payment: Payment, *, now: datetime) -> None:
    """Nobody paid, and the gateway takes no money for it any more."""
    await _move(tx, payment, PaymentState.CLOSED, closed_at=now)


async def mark_refund_due(tx: Transaction, payment_id: UUID, *, reason: str, now: datetime) -> None:
    """Captured money that nobody keeps is to go back, all of it. A second call, with whatever reason, changes nothing."""
    is_kept = and_(p.id == payment_id, p.state == PaymentState.CAPTURED)
    marked = update(payments).where(is_kept).values(state=PaymentState.REFUND_DUE, refund_asked_minor=p.amount_minor)
    row = await tx.one(marked.returning(*COLUMNS))
    if row is not None:
        await _give_back_all(tx, payment_of(row), reason=reason, now=now)


async def ask_refund(
    tx: Transaction, payment_id: UUID, *, amount: Money, reason: str, cause_id: UUID, now: datetime
) -> UUID:
    """Give a part of kept money back for a cause (an after-sale); the refund's id. The caller posts to the ledger what the
    money was until now (`REFUND_AGREED`, cause: the refund). More than was captured is refused by the database.
    """
    asked = update(payments).where(p.id == payment_id, p.state == PaymentState.CAPTURED)
    changed = await tx.execute(asked.values(refund_asked_minor=p.refund_asked_minor + amount.minor))
    assert changed == 1, f"payment {payment_id} keeps no money"
    return await _add_refund(tx, payment_id, amount, reason=reason, cause_id=cause_id, now=now)


async def refund(tx: Transaction, payment: Payment, due: Refund, news: Refunded, *, now: datetime) -> None:
    """The payer has this money back; both rows are locked."""
    done = {"state": RefundState.REFUNDED, "refunded_at": news.at, "reference": news.reference}
    await tx.execute(update(refunds).where(r.id == due.id).values(retry_at=None, error=None, **done))
    whole = (
        payment.state is PaymentState.REFUND_DUE and payment.refunded_minor + due.amount.minor == payment.amount.minor
    )
    state = PaymentState.REFUNDED if whole else payment.state
    refunded = {"state": state, "refunded_minor": p.refunded_minor + due.amount.minor}
    await tx.execute(update(payments).where(p.id == payment.id).values(refunded))
    entry = moved(
        EntryKind.REFUNDED,
        cause_id=due.id,
        about_id=payment.payable_id,
        at=news.at,
        amount_minor=due.amount.minor,
        debit=Account.REFUNDS,
        credit=Account.GATEWAY,
        credit_subject=payment.gateway,
        currency=due.amount.currency,
    )
    await ledger.post(tx, [entry], now=now)


async def take_looks(tx: Transaction, *, gateway: str, now: datetime, limit: int) -> list[Payment]:
    """Pending payments about which the gateway is to be asked now. The next time, 10, 20, 40 s later, is set."""
    age = func.least(now - p.asked_at, LONGEST_LOOK)
    # when its time is over a payment is closed without delay
    look_at = func.least(now + func.greatest(age, FIRST_LOOK), func.greatest(p.expires_at, now + FIRST_LOOK))
    is_due = and_(_IS_PENDING, p.gateway == gateway, p.look_at <= now)
    return await _take(tx, is_due, p.look_at, limit, {"look_at": look_at})


async def take_refunds(tx: Transaction, *, gateway: str, now: datetime, limit: int) -> list[Refund]:
    """Refunds to ask for now. They are the caller's for `LEASE`; if it dies, somebody else's after that."""
    is_due = and_(r.state == literal_column("'due'"), p.gateway == gateway, r.retry_at <= now)
    found = select(r.id).join_from(refunds, payments).where(is_due).order_by(r.retry_at).limit(limit)
    due = found.with_for_update(of=refunds, skip_locked=True).cte("due")
    taken = update(refunds).where(r.id == due.c.id, p.id == r.payment_id)
    leased = taken.values(retry_at=now + LEASE, attempts=r.attempts + 1)
    return [refund_of(row) for row in await tx.rows(leased.returning(*REFUND_COLUMNS))]


async def take_refund(tx: Transaction, refund_id: UUID, *, now: datetime) -> Refund | None:
    """A refund to ask for now, whenever it would have been its turn; None when it is not due any more."""
    taken = update(refunds).where(r.id == refund_id, r.state == RefundState.DUE, p.id == r.payment_id)
    row = await tx.one(taken.values(retry_at=now + LEASE, attempts=r.attempts + 1).returning(*REFUND_COLUMNS))
    return refund_of(row) if row else None


async def put_refund_off(tx: Transaction, refund_id: UUID, *, retry_at: datetime, error: str | None) -> None:
    """Ask again later: the gateway is still at work on the refund, or (with an error) did not take it."""
    statement = update(refunds).where(r.id == refund_id, r.state == RefundState.DUE)
    await tx.execute(statement.values(retry_at=retry_at, error=error and error[:1000]))


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


async def _post_capture(tx: Transaction, payment: Payment, news: Captured, now: datetime) -> None:
    entry = moved(
        EntryKind.CAPTURED,
        cause_id=payment.id,
        about_id=payment.payable_id,
        at=news.at,
        amount_minor=payment.amount.minor,
        debit=Account.GATEWAY,
        debit_subject=payment.gateway,
        credit=Account.RECEIPTS,
        currency=payment.amount.currency,
    )
    await ledger.post(tx, [entry], now=now)


async def _give_back_all(tx: Transaction, payment: Payment, *, reason: str, now: datetime) -> None:
    refund_id = await _add_refund(tx, payment.id, payment.amount, reason=reason, cause_id=None, now=now)
    entry = moved(
        EntryKind.NOT_KEPT,
        cause_id=refund_id,
        about_id=payment.payable_id,
        at=now,
        amount_minor=payment.amount.minor,
        debit=Account.RECEIPTS,
        credit=Account.REFUNDS,
        currency=payment.amount.currency,
    )
    await ledger.post(tx, [entry], now=now)


async def _add_refund(
    tx: Transaction, payment_id: UUID, amount: Money, *, reason: str, cause_id: UUID | None, now: datetime
) -> UUID:
    refund_id = new_id()
    row = {
        "id": refund_id,
        "payment_id": payment_id,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "reason": reason,
        "cause_id": cause_id,
        "state": RefundState.DUE,
        "asked_at": now,
        "retry_at": now,
    }
    await tx.execute(insert(refunds).values(row))
    return refund_id
