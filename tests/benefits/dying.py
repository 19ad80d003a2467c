"""The timetable's visit, in a process of its own that is killed at each of its meetings with the ledger."""

from datetime import datetime

from domain.benefits import granting
from domain.foundation.runtime import Market


async def visit(market: Market, now: datetime) -> None:
    """Give what is due."""
    while await granting.grant_due(market.db, now=now):
        pass


async def retry(market: Market, now: datetime) -> None:
    """Try again what could not be given."""
    await granting.retry_failed(market.db, now=now)
