"""Rounds of the timetable that run in a process of their own, which is killed at each of its meetings with the ledger."""

from datetime import datetime
from uuid import UUID

from domain.foundation.runtime import Market
from domain.memberships import renewing
from domain.memberships.contracts import contract_gateway_of
from domain.payments.gateways import hang_up


async def open_charges(market: Market, now: datetime) -> None:
    """Members are told of the charge that comes."""
    await renewing.open_due(market.db, now=now, limit=10)


async def advance_charges(market: Market, now: datetime) -> None:
    """What is due is announced, or asked for."""
    await renewing.advance(market.db, contract_gateway_of(market.settings), now=now, limit=10)
    await hang_up()


async def settle(market: Market, account_id: UUID, now: datetime) -> None:
    """The worker hears that a term was paid."""
    await renewing.settle(market.db, account_id=account_id, now=now)
