"""Refreshing a session: a refresh token is used once, for the next access token and the next refresh token.

Whoever holds the session's row decides, so two refreshes at once come one after the other. Tokens that came of the same
one are of one generation, and the first of them to be used makes the others used: a session never has two lines. A used
token that comes back has been copied, and ends its session for both who have it; but a client that has lost the answer
to its refresh comes back too, so for half a minute, and while nothing of the answer was used, it gets a few answers more.
"""

from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import array_agg

from domain.accounts import sessions, tokens
from domain.accounts.rules import USED_TOKENS_KEPT, Account, Role, Session, SessionEnded, Worth, last_moment, worth
from domain.accounts.sessions import SignedIn
from domain.accounts.tables import accounts, refresh_tokens, roles
from domain.accounts.tables import sessions as table
from domain.foundation.database import Database, Transaction
from domain.foundation.ids import encode
from domain.foundation.settings import Settings

log = structlog.get_logger(__name__)


async def refresh(db: Database, *, settings: Settings, refresh_token: str, now: datetime) -> SignedIn:
    """New tokens of the same session, in the roles that the ledger knows now. Raises SessionEnded."""
    digest = tokens.digest_of(refresh_token)
    if digest is None:
        raise SessionEnded()
    async with db.transaction() as tx:
        signed_in = await _refresh(tx, settings, digest, now)
    if signed_in is None:  # raised after the commit: that a token was used twice must be remembered
        raise SessionEnded()
    return signed_in


async def _refresh(tx: Transaction, settings: Settings, digest: bytes, now: datetime) -> SignedIn | None:
    session = await _lock(tx, digest)
    if session is None or session.ended_at is not None:
        return None
    found = await _generation_and_account(tx, session, digest, now)
    if found is None:
        return None
    generation, newest_tokens, account = found
    value = worth(session, generation, now, newest=newest_tokens)
    if value is Worth.NOTHING:
        return None
    if value is Worth.BETRAYS:
        log.warning("refresh_token_reused", session=encode("session", session.id))
        await _change(tx, session, ended_at=now, ended_why="reused")
        return None
    newest = session.generation
    if value is Worth.ROTATES:
        newest += 1
        await _change(tx, session, generation=newest, refreshed_at=now)
        await _shorten(tx, session, now)
    return await sessions.give_tokens(
        tx,
        settings=settings,
        session_id=session.id,
        generation=newest,
        account=account,
        started_at=session.started_at,
        now=now,
    )


async def _lock(tx: Transaction, digest: bytes) -> Session | None:
    of_token = select(refresh_tokens.c.session_id).where(refresh_tokens.c.digest == digest).scalar_subquery()
    row = await tx.one(select(table).where(table.c.id == of_token).with_for_update(key_share=True))
    if row is None:
        return None
    return Session(row.id, row.account_id, row.device, row.started_at, row.refreshed_at, row.generation, row.ended_at)


async def _generation_and_account(
    tx: Transaction, session: Session, digest: bytes, now: datetime
) -> tuple[int, int, Account] | None:
    """The token's generation, how many tokens the newest has, and whose they are.

    None when the token or the session is over, or the account disabled. A statement of its own, begun under the session's
    lock.
    """
    held = select(array_agg(roles.c.role)).where(roles.c.account_id == session.account_id).scalar_subquery()
    newest = select(func.count()).where(_of_newest(session)).correlate(None).scalar_subquery()
    row = await tx.one(
        select(
            refresh_tokens.c.generation,
            refresh_tokens.c.expires_at,
            newest.label("newest"),
            accounts,
            held.label("roles"),
        )
        .join_from(refresh_tokens, accounts, accounts.c.id == session.account_id)
        .where(refresh_tokens.c.digest == digest, accounts.c.disabled_at.is_(None))
    )
    if row is None:
        return None
    held_roles = frozenset(Role(role) for role in row.roles or ()) | {Role.SHOPPER}
    if now >= last_moment(session.started_at, held_roles, unvisited=row.expires_at):
        return None
    account = Account(row.id, row.display_name, held_roles, row.created_at, tokens_valid_from=row.tokens_valid_from)
    return row.generation, row.newest, account


def _of_newest(session: Session) -> ColumnElement[bool]:
    """The tokens of the generation that was the newest when the session was locked."""
    return and_(refresh_tokens.c.session_id == session.id, refresh_tokens.c.generation == session.generation)


async def _shorten(tx: Transaction, session: Session, now: datetime) -> None:
    """Forget the tokens that have just become used ones sooner: a session of months would keep thousands of them."""
    sooner = func.least(refresh_tokens.c.expires_at, now + USED_TOKENS_KEPT)
    await tx.execute(update(refresh_tokens).where(_of_newest(session)).values(expires_at=sooner))


async def _change(tx: Transaction, session: Session, **values: object) -> None:
    await tx.execute(update(table).where(table.c.id == session.id).values(values))
