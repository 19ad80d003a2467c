"""How automatic renewal is signed and ended: by the member here or in the wallet, or by the shop.

No transaction is open while a gateway is asked. What it tells is written by one road, `_believe`, whether it came as a notice
or as the answer to our question; so it does not matter which comes first.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from domain.accounts.queries import openid_of
from domain.foundation.clock import shop_day
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.memberships import buying, renewal_queries, renewal_rules, renewal_store, store
from domain.memberships.contracts import ContractGateway
from domain.memberships.plan_rules import Plan
from domain.memberships.renewal_rules import (
    ChargeState,
    Contract,
    ContractEnd,
    ContractNotice,
    ContractState,
    NoAutoRenewal,
    NothingToRenew,
    SignedAlready,
    Signing,
    Told,
)
from domain.memberships.rules import Membership
from domain.payments.rules import GatewayFailed, GatewayUnavailable, NoticeMismatch
from domain.trail import store as trail

log = structlog.get_logger(__name__)

LONGEST_WORDS = 200
FIRST_LOOK = timedelta(seconds=10)
"""The notice of a signature usually comes within a second of it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A contract, and how to sign it: None when there is nothing to be signed."""

    contract: Contract
    signing: Signing | None


async def ask(db: Database, gateway: ContractGateway, *, account_id: UUID, now: datetime) -> Asked:
    """Have what somebody has now renew itself for its plan's price: what they sign with, unless they have signed.

    A contract that rests counts again. A second call gives the same contract. Raises NothingToRenew, PayerUnknown and
    GatewayUnavailable; the contract is then still to be signed.
    """
    async with db.transaction() as tx:
        await store.lock_account(tx, account_id)
        membership, plan = await _renewable(tx, account_id, now=now)
        contract = await _open(tx, gateway.name, account_id, plan, now=now)
    if contract.state is ContractState.SIGNED:
        return Asked(contract, None)
    try:
        return await _prepare(db, gateway, contract, plan, ends_at=membership.ends_at, now=now)
    except GatewayFailed as error:
        log.warning("contract_not_prepared", contract=str(contract.id), error=str(error))
        raise GatewayUnavailable(gateway=gateway.name) from error


async def cancel(db: Database, *, account_id: UUID, now: datetime) -> Contract:
    """Nothing is charged by itself from now on; the gateway is told by the sweep, until it has heard it.

    Ended already: no change. A charge that the gateway is working on at this very moment may still arrive; it is then the
    member's next term, as whatever they pay for. Raises NoAutoRenewal.
    """
    async with db.transaction() as tx:
        await store.lock_account(tx, account_id)
        contract = await renewal_store.living_contract(tx, account_id)
        if contract is not None:
            return await end(tx, contract, by=ContractEnd.MEMBER, now=now)
    return await _newest(db, account_id)


async def end_for(db: Database, *, account_id: UUID, words: str, by: UUID, now: datetime) -> Contract:
    """The shop ends a member's automatic renewal, and says why; the trail keeps it. Ended already: no change.

    Raises NoAutoRenewal, BadInput.
    """
    if not 1 <= len(words.strip()) <= LONGEST_WORDS or "\0" in words:
        raise BadInput(f"words must have 1 to {LONGEST_WORDS} characters")
    async with db.transaction() as tx:
        await store.lock_account(tx, account_id)
        contract = await renewal_store.living_contract(tx, account_id)
        if contract is not None:
            ended = await end(tx, contract, by=ContractEnd.STAFF, now=now)
            await trail.note(
                tx,
                by=by,
                deed="end_member_auto_renewal",
                subject="account",
                subject_id=account_id,
                now=now,
                words=words.strip(),
                price_minor=contract.price.minor,
            )
            return ended
    return await _newest(db, account_id)


async def take_notice(db: Database, *, gateway: str, notice: ContractNotice, now: datetime) -> Contract:
    """Act on a verified notice; the same one again changes nothing. Raises NoticeMismatch, and then nothing has changed."""
    return await _believe(db, gateway, notice.told, now=now)


async def reconcile(db: Database, gateway: ContractGateway, *, now: datetime, limit: int = 50) -> int:
    """Ask about contracts whose notice is overdue, and tell of those that have ended; how many were due.

    Safe to run twice and side by side: one that a run is asking about is not due for the next.
    """
    async with db.transaction() as tx:
        due = await renewal_store.take_contracts(tx, gateway=gateway.name, now=now, limit=limit)
    await asyncio.gather(*(_try_to_look(db, gateway, contract, now=now) for contract in due))
    return len(due)


async def look(db: Database, gateway: ContractGateway, contract: Contract, *, now: datetime) -> None:
    """Ask how a contract that is to be signed stands, or tell the gateway that one has ended. Raises GatewayFailed."""
    if contract.state is ContractState.ENDED:
        await gateway.end(contract)
        async with db.transaction() as tx:
            await renewal_store.look_again(tx, contract.id, None)
        return
    told = await gateway.query(contract)
    if told is not None:
        await _believe(db, gateway.name, told, now=now)
        return
    async with db.transaction() as tx:
        await store.lock_account(tx, contract.account_id)
        found = await renewal_store.contract(tx, contract.id)
        if found is None or found.state is not ContractState.SIGNING:
            return
        if now >= found.asked_at + renewal_rules.SIGNING_WITHIN:
            await end(tx, found, by=ContractEnd.UNSIGNED, now=now)
        else:
            await renewal_store.look_again(tx, found.id, now + max(now - found.asked_at, FIRST_LOOK))


async def _try_to_look(db: Database, gateway: ContractGateway, contract: Contract, *, now: datetime) -> None:
    """As `look`; a gateway that fails, or contradicts our books, is asked again later."""
    try:
        await look(db, gateway, contract, now=now)
    except (GatewayFailed, NoticeMismatch) as error:
        log.warning("contract_gateway_failed", contract=str(contract.id), error=str(error))
        at = renewal_rules.retry_at(now, contract.failures)
        async with db.transaction() as tx:
            await renewal_store.look_again(tx, contract.id, at, failures=contract.failures + 1)


async def end(tx: Transaction, contract: Contract, *, by: ContractEnd, now: datetime) -> Contract:
    """A living contract of a locked account charges nothing any more, nor does a charge that is open."""
    look_at = None if by is ContractEnd.WALLET else now
    # whoever waited for the lock has an older moment than who asked for money meanwhile
    ended_at = max(now, await renewal_store.last_asked(tx, contract.id) or now)
    ended = {"ended_at": ended_at, "ended_by": by, "look_at": look_at, "failures": 0}
    await renewal_store.move_contract(tx, contract, ContractState.ENDED, **ended)
    await call_off(tx, contract.account_id, now=now)
    return replace(contract, state=ContractState.ENDED, ended_at=ended_at, ended_by=by, failures=0)


async def call_off(tx: Transaction, account_id: UUID, *, now: datetime) -> None:
    """Nothing is tried any more for a locked account; its card ends as it would have."""
    for charge, _ in await renewal_store.unsettled(tx, account_id):
        if charge.state is ChargeState.OPEN:
            await renewal_store.settle_charge(tx, charge, ChargeState.CALLED_OFF, now=now)
    membership = await store.living(tx, account_id)
    if membership is not None:
        await renewal_store.end_grace(tx, membership, now=now)


async def _prepare(
    db: Database, gateway: ContractGateway, contract: Contract, plan: Plan, *, ends_at: datetime, now: datetime
) -> Asked:
    """What a contract for a card that ends then is signed with; None, once the gateway says that it is. Raises GatewayFailed."""
    charged_on = shop_day(renewal_rules.first_charge_at(ends_at, told_at=now))
    payer = await openid_of(db, contract.account_id)
    try:
        return Asked(contract, await gateway.sign(contract, payer, title=plan.name, charged_on=charged_on))
    except SignedAlready:
        await look(db, gateway, contract, now=now)
        return Asked((await renewal_queries.contracts_by_ids(db, [contract.id]))[contract.id], None)


async def _newest(db: Database, account_id: UUID) -> Contract:
    """Raises NoAutoRenewal."""
    found = (await renewal_queries.newest_contracts(db, [account_id])).get(account_id)
    if found is None:
        raise NoAutoRenewal()
    return found


async def _renewable(tx: Transaction, account_id: UUID, *, now: datetime) -> tuple[Membership, Plan]:
    membership = await buying.running(tx, account_id, now=now)
    plan = await store.plan(tx, membership.plan_id) if membership else None
    if membership is None or plan is None or not plan.is_renewable:
        raise NothingToRenew()
    return membership, plan


async def _open(tx: Transaction, gateway: str, account_id: UUID, plan: Plan, *, now: datetime) -> Contract:
    """The contract of a locked account for a plan: the one there is, if it is for this plan, or a new one to be signed."""
    contract = await renewal_store.living_contract(tx, account_id)
    if contract is not None and (contract.plan_id, contract.gateway) != (plan.id, gateway):
        await end(tx, contract, by=ContractEnd.CARD, now=now)
        contract = None
    if contract is None:
        contract = Contract(new_id(), account_id, plan.id, plan.price, gateway, ContractState.SIGNING, asked_at=now)
        await renewal_store.add_contract(tx, contract, look_at=now + FIRST_LOOK)
    elif contract.state is ContractState.SIGNING:  # they are given a page that lives from now on
        contract = replace(contract, asked_at=now)
        await renewal_store.ask_again(tx, contract, look_at=now + FIRST_LOOK)
    elif contract.state is ContractState.RESTING:
        await renewal_store.move_contract(tx, contract, ContractState.SIGNED)
        contract = replace(contract, state=ContractState.SIGNED)
    return contract


async def _believe(db: Database, gateway: str, told: Told, *, now: datetime) -> Contract:
    """Write what a gateway told, once. Raises NoticeMismatch for a contract that is none of ours there."""
    known = (await renewal_queries.contracts_by_ids(db, [told.contract_id])).get(told.contract_id)
    if known is None or known.gateway != gateway:
        raise NoticeMismatch("no such contract")
    if known.reference not in {None, told.reference}:
        raise NoticeMismatch("the contract has another reference")
    async with db.transaction() as tx:
        await store.lock_account(tx, known.account_id)
        contract = await renewal_store.contract(tx, known.id)
        assert contract is not None
        if not told.is_signed:
            is_known = contract.state is ContractState.ENDED
            return contract if is_known else await end(tx, contract, by=ContractEnd.WALLET, now=now)
        if contract.state is ContractState.SIGNING:
            signed = {"signed_at": told.at, "reference": told.reference, "look_at": None, "failures": 0}
            await renewal_store.move_contract(tx, contract, ContractState.SIGNED, **signed)
        elif contract.state is ContractState.ENDED:
            # signed after we had given it up: whoever wants it signs anew, by what they are then told
            await renewal_store.look_again(tx, contract.id, now)
    return (await renewal_queries.contracts_by_ids(db, [known.id]))[known.id]
