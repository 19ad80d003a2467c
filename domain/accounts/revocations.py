"""What was revoked before its time, in the memory of every API process: sessions that ended, tokens cut off, bans.

PostgreSQL is asked each second what has changed, so that no request asks it. An access token lives `token_seconds`; what
is older than that needs not be remembered.
"""

import asyncio
import time
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.exc import SQLAlchemyError

from domain.accounts.rules import Principal
from domain.accounts.tables import sessions
from domain.foundation import clock, metrics
from domain.foundation.database import Database

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 1.0
ANSWER_SECONDS = 3.0
OVERLAP = timedelta(seconds=60)
"""How far each look reaches back beyond the one before: a moment is taken at an operation's start and seen at its commit,
and the clocks of two machines differ."""

_REVOKED = text("""
    SELECT true AS is_session, id, ended_at AS at FROM account_sessions WHERE ended_at > :since
    UNION ALL SELECT false, id, tokens_valid_from FROM accounts WHERE tokens_valid_from > :since
    UNION ALL SELECT false, id, disabled_at FROM accounts WHERE disabled_at > :since
""").bindparams(bindparam("since", type_=sessions.c.ended_at.type))


class Revocations:
    """One per API process, on its one event loop. Until its first look it trusts nobody, and says that it cannot.

    It asks on a connection of its own, which `close` gives back: it hears of a ban also while all others are taken.
    """

    def __init__(self, db: Database, *, token_seconds: int) -> None:
        self._db = db
        self._kept_for = timedelta(seconds=token_seconds) + OVERLAP
        self._looked_at: datetime | None = None
        self._heard_at = time.monotonic()
        self._failing: type[BaseException] | None = None
        self._sessions: dict[UUID, float] = {}
        self._accounts: dict[UUID, float] = {}
        self._changed = asyncio.Event()

    def is_revoked(self, principal: Principal) -> bool:
        """Whether the token that proved this is refused by now: its session ended, or its account's tokens did.

        Raises ConnectionError before the first look: the token may be good, and whoever threw it away would be signed out.
        """
        if self._looked_at is None:
            raise ConnectionError("the ledger has not told yet what was revoked")
        return principal.session_id in self._sessions or principal.issued_at < self._accounts.get(
            principal.account_id, 0.0
        )

    async def wait_for_change(self) -> None:
        """Return when more has been revoked. Nothing is missed by whoever asks `is_revoked` and then waits, at once."""
        await self._changed.wait()

    async def run(self) -> None:
        """Look each second, until cancelled. While PostgreSQL does not answer, what is known stays known."""
        metrics.revocations_age.set_function(lambda: time.monotonic() - self._heard_at)
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await self.try_to_look()

    async def try_to_look(self) -> None:
        """Look; a failure is logged, once until it is over, and with its traceback where it is no outage."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self.look(clock.now())
        except (
            Exception
        ) as error:  # whatever it is: who ceases to look hears of no ban any more, and nobody would notice
            is_outage = isinstance(error, (SQLAlchemyError, OSError, TimeoutError))
            failing = OSError if is_outage else type(error)
            if failing is not self._failing:
                log.warning("revocations_not_heard", error=type(error).__name__, exc_info=not is_outage)
            self._failing = failing
        else:
            if self._failing:
                log.info("revocations_heard_again")
            self._failing = None

    async def look(self, now: datetime) -> None:
        """Ask for what was revoked since the last look; at the first, for all that may matter."""
        since = now - self._kept_for if self._looked_at is None else self._looked_at - OVERLAP
        rows = await self._db.rows(_REVOKED, {"since": since})
        is_news = False
        for is_session, id, at in rows:
            known = self._sessions if is_session else self._accounts
            if known.get(id, 0.0) < at.timestamp():
                known[id] = at.timestamp()
                is_news = True
        self._looked_at, self._heard_at = now, time.monotonic()
        self._forget((now - self._kept_for).timestamp())
        if is_news:
            self._changed.set()
            self._changed = asyncio.Event()

    async def close(self) -> None:
        """Give the connection back."""
        await self._db.close()

    def _forget(self, before: float) -> None:
        for known in (self._sessions, self._accounts):
            for id in [id for id, at in known.items() if at < before]:
                del known[id]
