"""How contracts, charges and messages are written and locked: the only SQL that changes them, and a card's grace.

Whoever changes somebody's contract or charges has locked the account, as for memberships.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.benefits import store as benefits
from domain.benefits.rules import HolderSource
from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.money import Money
from domain.memberships.paying import PAYABLE
from domain.memberships.purchase_rules import PurchaseState
from domain.memberships.renewal_rules import (
    LEASE,
    NEXT,
    Charge,
    ChargeState,
    Contract,
    ContractEnd,
    ContractState,
    MessageKind,
)
from domain.memberships.renewal_tables import charges, contracts, messages
from domain.memberships.rules import Membership
from domain.memberships.tables import memberships, purchases
from domain.payments import store as payments
from domain.payments.rules import PaymentState
from domain.payments.tables import payments as payments_table

c, h, m, u = contracts.c, charges.c, memberships.c, purchases.c
CONTRACT_COLUMNS = (
    c.id, c.account_id, c.plan_id, c.price_minor, c.gateway, c.state, c.asked_at, c.reference, c.signed_at, c.ended_at,
    c.ended_by, c.failures,
)  # fmt: skip
CHARGE_COLUMNS = (
    h.id, h.contract_id, h.membership_id, h.term, h.amount_minor, h.ends_at, h.told_at, h.state, h.due_at, h.first_day,
    h.last_day, h.purchase_id, h.payment_id, h.tries, h.failures, h.asked_at, h.error,
)  # fmt: skip


def contract_of(row: AnyRow) -> Contract:
    """A contract out of a row of `CONTRACT_COLUMNS`."""
    return Contract(
        id=row.id,
        account_id=row.account_id,
        plan_id=row.plan_id,
        price=Money(row.price_minor),
        gateway=row.gateway,
        state=ContractState(row.state),
        asked_at=row.asked_at,
        reference=row.reference,
        signed_at=row.signed_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by and ContractEnd(row.ended_by),
        failures=row.failures,
    )


def charge_of(row: AnyRow) -> Charge:
    """A charge out of a row that holds `CHARGE_COLUMNS`."""
    terms = {column.name: row._mapping[column.name] for column in CHARGE_COLUMNS if column.name != "amount_minor"}
    return Charge(**terms | {"amount": Money(row.amount_minor), "state": ChargeState(row.state)})


async def living_contract(reader: Reader, account_id: UUID) -> Contract | None:
    """What an account has signed, or is signing."""
    row = await reader.one(select(*CONTRACT_COLUMNS).where(c.account_id == account_id, c.state != ContractState.ENDED))
    return contract_of(row) if row else None


async def contract(reader: Reader, contract_id: UUID) -> Contract | None:
    """A contract, if there is such."""
    row = await reader.one(select(*CONTRACT_COLUMNS).where(c.id == contract_id))
    return contract_of(row) if row else None


async def add_contract(tx: Transaction, new: Contract, *, look_at: datetime | None) -> None:
    """Write a new contract of a locked account that has none; while it is to be signed, when the gateway is asked first."""
    row = {column.name: getattr(new, column.name) for column in CONTRACT_COLUMNS if column.name != "price_minor"}
    await tx.execute(insert(contracts).values(row | {"price_minor": new.price.minor, "look_at": look_at}))


async def ask_again(tx: Transaction, asked: Contract, *, look_at: datetime) -> None:
    """Write that a contract is to be signed since a later moment; its account is locked."""
    await tx.execute(update(contracts).where(c.id == asked.id).values(asked_at=asked.asked_at, look_at=look_at))


async def move_contract(tx: Transaction, before: Contract, state: ContractState, **values: Any) -> None:
    """Write a contract's new state; its account is locked."""
    assert state in NEXT[before.state], f"{before.state} -> {state}"
    await tx.execute(update(contracts).where(c.id == before.id).values(state=state, **values))


async def look_again(tx: Transaction, contract_id: UUID, at: datetime | None, *, failures: int = 0) -> None:
    """When the gateway is asked about a contract, or told of its end, next; None: not again."""
    await tx.execute(update(contracts).where(c.id == contract_id).values(look_at=at, failures=failures))


async def take_contracts(tx: Transaction, *, gateway: str, now: datetime, limit: int) -> list[Contract]:
    """Contracts about which the gateway is to be asked or told now; they are the caller's for `LEASE`."""
    found = select(c.id).where(c.gateway == gateway, c.look_at <= now).order_by(c.look_at).limit(limit)
    due = found.with_for_update(skip_locked=True).cte("due")
    leased = update(contracts).where(c.id == due.c.id).values(look_at=now + LEASE)
    return [contract_of(row) for row in await tx.rows(leased.returning(*CONTRACT_COLUMNS))]


async def to_be_charged(reader: Reader, *, until: datetime, limit: int) -> Sequence[UUID]:
    """Accounts with a signed contract for a card that ends by then, of which a charge can be opened: see `open_charge`."""
    p = payments_table.c
    is_open = (h.state == ChargeState.OPEN) | (p.state != PaymentState.CLOSED)
    stands = select(h.id).outerjoin(payments_table, p.id == h.payment_id)
    has_one = stands.where(h.membership_id == m.id, h.ends_at == m.ends_at, is_open).exists()
    found = (
        select(m.account_id)
        .join(contracts, (c.account_id == m.account_id) & (c.plan_id == m.plan_id))
        .where(m.ended_at.is_(None), func.coalesce(m.grace_until, m.ends_at) <= until)
        .where(c.state == ContractState.SIGNED, ~has_one)
    )
    return await reader.column(found.order_by(m.ends_at, m.id).limit(limit))


async def open_charge(tx: Transaction, new: Charge) -> bool:
    """Write a charge; whether it is open now. One that was given up or called off is opened again, under the new contract.

    Not while money for it may still arrive: its payment must be closed.
    """
    row = {column.name: getattr(new, column.name) for column in CHARGE_COLUMNS if column.name != "amount_minor"}
    row |= {"amount_minor": new.amount.minor}
    again = {name: value for name, value in row.items() if name not in {"id", "membership_id", "term"}}
    p = payments_table.c
    is_closed = select(p.id).where(p.id == h.payment_id, p.state == PaymentState.CLOSED).exists()
    written = (
        insert(charges)
        .values(row)
        .on_conflict_do_update(
            index_elements=[h.membership_id, h.term],
            set_=again | {"settled_at": None},
            where=h.state.in_([ChargeState.GIVEN_UP, ChargeState.CALLED_OFF]) & or_(h.payment_id.is_(None), is_closed),
        )
    )
    return await tx.execute(written) == 1


async def charge(reader: Reader, charge_id: UUID) -> Charge:
    """A charge."""
    row = await reader.one(select(*CHARGE_COLUMNS).where(h.id == charge_id))
    assert row is not None, f"no charge {charge_id}"
    return charge_of(row)


async def take_charges(tx: Transaction, *, gateway: str, now: datetime, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Open charges for which something is to be done now, each with its account; they are the caller's for `LEASE`."""
    # written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
    is_due = (h.state == literal_column("'open'")) & (h.due_at <= now) & (c.gateway == gateway)
    found = select(h.id, c.account_id).join_from(charges, contracts).where(is_due).order_by(h.due_at).limit(limit)
    due = found.with_for_update(of=charges, skip_locked=True).cte("due")
    leased = update(charges).where(h.id == due.c.id).values(due_at=now + LEASE)
    return [(row.id, row.account_id) for row in await tx.rows(leased.returning(h.id, due.c.account_id))]


async def write_charge(tx: Transaction, charge_id: UUID, **values: Any) -> None:
    """Change an open charge of a locked account."""
    await tx.execute(update(charges).where(h.id == charge_id, h.state == ChargeState.OPEN).values(values))


async def settle_charge(tx: Transaction, before: Charge, state: ChargeState, *, now: datetime) -> None:
    """Write what has become of a charge; nobody is to pay it any more if it was not paid."""
    settled = update(charges).where(h.id == before.id, h.state == before.state)
    assert await tx.execute(settled.values(state=state, due_at=None, settled_at=now)) == 1
    if state is not ChargeState.PAID and before.purchase_id is not None:
        await payments.withdraw(tx, payable=PAYABLE, payable_id=before.purchase_id, now=now)


async def unsettled(reader: Reader, account_id: UUID) -> list[tuple[Charge, PurchaseState | None]]:
    """An account's charges that are not paid, as far as we know, with how their purchases stand."""
    found = (
        select(*CHARGE_COLUMNS, u.state.label("purchase_state"))
        .join_from(charges, contracts)
        .outerjoin(purchases, u.id == h.purchase_id)
        .where(c.account_id == account_id, h.state != ChargeState.PAID)
        .order_by(h.id)
    )
    return [
        (charge_of(row), row.purchase_state and PurchaseState(row.purchase_state)) for row in await reader.rows(found)
    ]


async def last_asked(reader: Reader, contract_id: UUID) -> datetime | None:
    """When money was last asked for by a contract."""
    last: datetime | None = await reader.value(select(func.max(h.asked_at)).where(h.contract_id == contract_id))
    return last


async def grant_grace(tx: Transaction, charge: Charge, *, now: datetime) -> None:
    """The card that the charge renews, and its benefits, stay for a while after its end."""
    is_mine = (m.id == charge.membership_id) & m.ended_at.is_(None) & (m.ends_at == charge.ends_at)
    await tx.execute(update(memberships).where(is_mine).values(grace_until=charge.grace_until))
    await benefits.extend(
        tx, source=HolderSource.MEMBERSHIP, source_id=charge.membership_id, ends_at=charge.grace_until, now=now
    )


async def end_grace(tx: Transaction, membership: Membership, *, now: datetime) -> None:
    """Nothing is tried any more: a living card ends as it would have, or now if that is past."""
    if membership.grace_until is None:
        return
    over_at = max(membership.ends_at, now)
    grace_until = over_at if over_at > membership.ends_at else None
    await tx.execute(update(memberships).where(m.id == membership.id).values(grace_until=grace_until))
    await benefits.end(tx, source=HolderSource.MEMBERSHIP, source_id=membership.id, ends_at=over_at, now=now)


async def add_message(
    tx: Transaction, membership_id: UUID, ends_at: datetime, kind: MessageKind, *, now: datetime
) -> None:
    """Have the member told, once about this end of the card."""
    row = {"membership_id": membership_id, "ends_at": ends_at, "kind": kind, "made_at": now}
    await tx.execute(insert(messages).values(row).on_conflict_do_nothing())
