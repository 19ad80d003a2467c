"""How cards renew themselves: a charge is opened and told of, announced, asked for a few times, and paid or given up.

Each step is written before a gateway is asked and after it has answered, and everything it may be asked twice it does once: a
term has one charge, a charge one payment, and the payment's id is the gateway's key. So it does not matter who dies in between.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Transaction
from domain.foundation.money import Money
from domain.foundation.reporting import note_failure
from domain.memberships import buying, contracting, renewal_rules, renewal_store, store
from domain.memberships.contracts import ContractGateway
from domain.memberships.paying import PAYABLE
from domain.memberships.purchase_rules import PurchaseCause, PurchaseState
from domain.memberships.renewal_rules import (
    Charge,
    ChargeRefused,
    ChargeState,
    Contract,
    ContractEnd,
    ContractGone,
    ContractState,
    MessageKind,
)
from domain.memberships.rules import EndReason, Membership
from domain.payments import queries as payment_queries
from domain.payments import store as payments
from domain.payments.rules import GatewayFailed, PaymentState

log = structlog.get_logger(__name__)

ENDS_CONTRACT = frozenset({EndReason.REFUNDED, EndReason.UPGRADED})


async def open_due(db: Database, *, now: datetime, limit: int) -> int:
    """Open the charges of cards that end soon, and have their members told; how many were opened.

    Safe to run twice and side by side: a term has one charge.
    """
    async with db.reading() as reader:
        account_ids = await renewal_store.to_be_charged(reader, until=renewal_rules.told_until(now), limit=limit)
    opened = 0
    for account_id in account_ids:
        try:
            async with db.transaction() as tx:
                await store.lock_account(tx, account_id)
                opened += await _open(tx, account_id, now=now)
        except Exception as error:
            # one card's trouble must not keep the others from being renewed
            note_failure("renewal_not_opened", error, account=str(account_id))
    return opened


async def advance(db: Database, gateway: ContractGateway, *, now: datetime, limit: int) -> int:
    """Do what is next for the charges that are due; how many were. Safe to run twice and side by side.

    One that was asked for and not written down, because we died in between, is asked for again under the same id.
    """
    async with db.transaction() as tx:
        due = await renewal_store.take_charges(tx, gateway=gateway.name, now=now, limit=limit)
    # each to its end: one charge's trouble is not its neighbours'
    calls = (_advance(db, gateway, charge_id, account_id, now=now) for charge_id, account_id in due)
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
    return len(due)


async def settle(db: Database, *, account_id: UUID, now: datetime) -> None:
    """Write down which of an account's charges were paid, and which need not be any more. A second call changes nothing.

    It is the purchases and the card that decide, under the account's lock, and not the news that led here: money may have
    been faster than whoever gave a charge up, and a member than their own charge.
    """
    async with db.transaction() as tx:
        await store.lock_account(tx, account_id)
        membership = await store.living(tx, account_id)
        for charge, purchase in await renewal_store.unsettled(tx, account_id):
            if purchase is PurchaseState.PAID:
                await renewal_store.settle_charge(tx, charge, ChargeState.PAID, now=now)
            elif charge.state is ChargeState.OPEN and not _is_for(charge, membership):
                await renewal_store.settle_charge(tx, charge, ChargeState.CALLED_OFF, now=now)


async def leave(db: Database, *, account_id: UUID, plan_id: UUID, reason: EndReason, now: datetime) -> None:
    """A card is over: one that was refunded or upgraded ends its contract, else that rests. Nothing, when another runs."""
    async with db.transaction() as tx:
        await store.lock_account(tx, account_id)
        contract = await renewal_store.living_contract(tx, account_id)
        if contract is None or contract.plan_id != plan_id:
            return
        membership = await buying.running(tx, account_id, now=now)
        if membership is not None and membership.plan_id == plan_id:
            return
        if reason in ENDS_CONTRACT or contract.state is ContractState.SIGNING:
            await contracting.end(tx, contract, by=ContractEnd.CARD, now=now)
        elif contract.state is ContractState.SIGNED:
            await contracting.call_off(tx, account_id, now=now)
            await renewal_store.move_contract(tx, contract, ContractState.RESTING)


@dataclass(frozen=True, slots=True)
class _Step:
    """What a gateway is to be asked for a charge. Without a `payment_id`: to announce it."""

    charge: Charge
    contract: Contract
    title: str
    payment_id: UUID | None = None


async def _open(tx: Transaction, account_id: UUID, *, now: datetime) -> bool:
    contract = await renewal_store.living_contract(tx, account_id)
    membership = await buying.running(tx, account_id, now=now)
    if contract is None or membership is None or not contract.is_on or contract.plan_id != membership.plan_id:
        return False
    if membership.ends_at > renewal_rules.told_until(now):
        return False
    plan = await store.plan(tx, membership.plan_id)
    term = len(await store.terms_of(tx, membership.id)) + 1
    charge = Charge(
        id=renewal_rules.charge_id(membership.id, term),
        contract_id=contract.id,
        membership_id=membership.id,
        term=term,
        amount=Money(min(contract.price.minor, plan.price.minor)),
        ends_at=membership.ends_at,
        told_at=now,
        state=ChargeState.OPEN,
        due_at=now,
    )
    charge = replace(charge, due_at=renewal_rules.announce_at(charge.charged_at))
    if not await renewal_store.open_charge(tx, charge):
        return False
    await renewal_store.grant_grace(tx, charge, now=now)
    await renewal_store.add_message(tx, membership.id, membership.ends_at, MessageKind.CHARGE, now=now)
    return True


async def _advance(db: Database, gateway: ContractGateway, charge_id: UUID, account_id: UUID, *, now: datetime) -> None:
    step = await _prepare(db, charge_id, account_id, now=now)
    if step is not None:
        await _ask(db, gateway, step, now=now)


async def _prepare(db: Database, charge_id: UUID, account_id: UUID, *, now: datetime) -> _Step | None:
    """What is to be asked now, everything that it needs being written; None when nothing is."""
    async with db.transaction() as tx:
        await store.lock_account(tx, account_id)
        charge = await renewal_store.charge(tx, charge_id)
        contract = await renewal_store.contract(tx, charge.contract_id)
        assert contract is not None
        if charge.state is not ChargeState.OPEN:
            return None
        membership = await store.living(tx, account_id)
        if not contract.is_on or not _is_for(charge, membership):
            await contracting.call_off(tx, account_id, now=now)
            return None
        if charge.is_over or now >= charge.grace_until:
            await _give_up(tx, charge, contract, membership, now=now)
            return None
        plan = await store.plan(tx, contract.plan_id)
        if not charge.is_announced_for(shop_day(now)):
            at = renewal_rules.next_announcing(now)
            if at > now:
                await renewal_store.write_charge(tx, charge.id, due_at=at)
                return None
            return _Step(charge, contract, plan.name)
        if charge.payment_id is None:
            purchase = await buying.open_purchase(
                tx,
                account_id=account_id,
                plan=replace(plan, price=charge.amount),
                cause=PurchaseCause.RENEWAL,
                now=now,
            )
            payment_id = await payments.open_pending(
                tx,
                payable=PAYABLE,
                payable_id=purchase.id,
                payer_id=account_id,
                amount=charge.amount,
                gateway=contract.gateway,
                expires_at=charge.grace_until,
                now=now,
            )
            charge = replace(charge, purchase_id=purchase.id, payment_id=payment_id)
        asked = {"purchase_id": charge.purchase_id, "payment_id": charge.payment_id, "asked_at": now}
        await renewal_store.write_charge(tx, charge.id, **asked)
        return _Step(charge, contract, plan.name, charge.payment_id)


async def _ask(db: Database, gateway: ContractGateway, step: _Step, *, now: datetime) -> None:
    """Ask the gateway, and write down what it says. One that fails is asked again, ever later, and no try is counted."""
    charge, contract = step.charge, step.contract
    try:
        written = await _asked(gateway, step, now=now)
    except ContractGone:
        async with db.transaction() as tx:
            await store.lock_account(tx, contract.account_id)
            living = await renewal_store.living_contract(tx, contract.account_id)
            if living is not None and living.id == contract.id:
                await contracting.end(tx, living, by=ContractEnd.WALLET, now=now)
        return
    except GatewayFailed as failure:
        log.warning("charge_not_asked", charge=str(charge.id), error=str(failure))
        at = renewal_rules.retry_at(now, charge.failures)
        written = {"due_at": at, "failures": charge.failures + 1, "error": str(failure)[:1000]}
    async with db.transaction() as tx:
        await store.lock_account(tx, contract.account_id)
        await renewal_store.write_charge(tx, charge.id, **written)


async def _asked(gateway: ContractGateway, step: _Step, *, now: datetime) -> dict[str, object]:
    """What to write of the answer. Raises ContractGone, GatewayFailed."""
    charge, tries, error = step.charge, step.charge.tries, None
    try:
        if step.payment_id is None:
            window = await gateway.announce(step.contract, charge.amount)
            days = {"first_day": window.first_day, "last_day": window.last_day}
            return {"due_at": renewal_rules.first_try(charge, window), "failures": 0, "error": None, **days}
        await gateway.charge(step.contract, payment_id=step.payment_id, amount=charge.amount, title=step.title)
    except ChargeRefused as refused:
        error = str(refused)[:1000]
    tries += 1
    return {"due_at": renewal_rules.next_try(tries, now), "tries": tries, "failures": 0, "error": error}


async def _give_up(
    tx: Transaction, charge: Charge, contract: Contract, membership: Membership | None, *, now: datetime
) -> None:
    """The card was not renewed: it ends, the contract rests, and the member is told. Unless the money is here already."""
    if charge.payment_id is not None:
        payment = (await payment_queries.by_ids(tx, [charge.payment_id]))[charge.payment_id]
        if payment.state is PaymentState.CAPTURED:
            await renewal_store.write_charge(tx, charge.id, due_at=now + renewal_rules.LAST_WORD)
            return
    await renewal_store.settle_charge(tx, charge, ChargeState.GIVEN_UP, now=now)
    await renewal_store.move_contract(tx, contract, ContractState.RESTING)
    if membership is not None:
        await renewal_store.end_grace(tx, membership, now=now)
    await renewal_store.add_message(tx, charge.membership_id, charge.ends_at, MessageKind.GIVEN_UP, now=now)


def _is_for(charge: Charge, membership: Membership | None) -> bool:
    """Whether the term that a charge is for is still to be paid."""
    return membership is not None and (membership.id, membership.ends_at) == (charge.membership_id, charge.ends_at)
