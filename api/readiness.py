"""Whether the engines answer: what a proxy asks before it sends shoppers to this process."""

import asyncio
from collections.abc import Awaitable

from redis.exceptions import RedisClusterException, RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from domain.foundation.remembered import Remembered
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings

REMEMBERED_SECONDS = 1.0
ANSWER_SECONDS = 2.0


class Readiness:
    """One per API process, on its one event loop.

    It asks on connections of its own: while all others are taken, this process is busy, not out. Taken out of the rota
    for that, it would leave its load to the next.
    """

    def __init__(self, settings: Settings) -> None:
        self._market = Market.open(settings.model_copy(update={"database_connections": 1}))
        self._known: Remembered[dict[str, str]] = Remembered(seconds=REMEMBERED_SECONDS)

    async def look(self) -> dict[str, str]:
        """`ok` or `unreachable` for `ledger` and `gate`, of this second; after two seconds at most."""
        return await self._known.get("engines", self._look)

    async def _look(self) -> dict[str, str]:
        ledger, gate = await asyncio.gather(
            _answers(self._market.db.value(text("SELECT 1"))), _answers(self._market.gate.ping())
        )
        return {"ledger": ledger, "gate": gate}

    async def close(self) -> None:
        """Give the connections back."""
        await self._market.close()


async def _answers(question: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await question
    except (RedisError, RedisClusterException, SQLAlchemyError, OSError, TimeoutError):
        return "unreachable"
    return "ok"
