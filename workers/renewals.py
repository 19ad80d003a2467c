"""Cards that renew themselves: charges are opened, told of, asked for and settled, and contracts looked after."""

from domain.memberships import contracting, reminding, renewing
from domain.memberships.contracts import contract_gateway_of
from domain.memberships.events import MembershipBegan, MembershipEnded, MembershipExtended
from domain.memberships.renewal_rules import AutoRenewalSwitchedOff
from domain.memberships.rules import EndReason
from workers.context import WorkerContext
from workers.hearing import hears
from workers.timetable import every

BATCH = 50


@hears(MembershipBegan)
@hears(MembershipExtended)
async def settle_charges(context: WorkerContext, event: MembershipBegan | MembershipExtended) -> None:
    """What was paid is settled, by itself or by hand. Safe to run twice: the purchases decide."""
    await renewing.settle(context.market.db, account_id=event.account_id, now=context.now())


@hears(MembershipEnded)
async def leave_contract(context: WorkerContext, event: MembershipEnded) -> None:
    """A card that is over is not charged for. Safe to run twice: a contract that rests or has ended does so."""
    await renewing.leave(
        context.market.db,
        account_id=event.account_id,
        plan_id=event.plan_id,
        reason=EndReason(event.reason),
        now=context.now(),
    )


@every(seconds=60.0)
async def open_charges(context: WorkerContext) -> None:
    """Tell members of the charge that comes. Safe to run twice: a term has one charge."""
    while await renewing.open_due(context.market.db, now=context.now(), limit=BATCH) == BATCH:
        pass


@every(seconds=5.0)
async def advance_charges(context: WorkerContext) -> None:
    """Announce charges and ask for them. Safe to run twice: the gateway takes a payment once."""
    try:
        gateway = contract_gateway_of(context.market.settings)
    except AutoRenewalSwitchedOff:
        return
    while await renewing.advance(context.market.db, gateway, now=context.now(), limit=BATCH) == BATCH:
        pass


@every(seconds=2.0)
async def reconcile_contracts(context: WorkerContext) -> None:
    """Find signatures whose notice was lost, and tell of contracts that ended. Safe to run twice: both stay as they are."""
    try:
        gateway = contract_gateway_of(context.market.settings)
    except AutoRenewalSwitchedOff:
        return
    while await contracting.reconcile(context.market.db, gateway, now=context.now(), limit=BATCH) == BATCH:
        pass


@every(seconds=600.0)
async def remind(context: WorkerContext) -> None:
    """Have members be told of ends that come. Safe to run twice: each is told of once."""
    await reminding.remind_due(context.market.db, now=context.now())


@every(seconds=60.0)
async def send_messages(context: WorkerContext) -> None:
    """Tell members what comes, by day. Safe to run twice: each thing is told once."""
    messenger = reminding.messenger_of(context.market.settings)
    if messenger is not None:
        await reminding.send(context.market.db, messenger, now=context.now(), limit=4 * BATCH)
