"""Sessions (登录会话): the devices on which somebody is signed in, from signing in to signing out.

A short access token tells who somebody is without a look-up; a refresh token of the session gets the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, select, update

from domain.accounts import tokens
from domain.accounts.rules import DEVICE_LENGTH, Account, AccountDisabled, Principal, Session, last_moment
from domain.accounts.tables import accounts, refresh_tokens, sessions
from domain.accounts.tokens import AccessToken, RefreshToken
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.foundation.settings import Settings

MOST_SHOWN = 50
KEPT = timedelta(days=7)
"""How long a session is kept after its end. Access tokens and clocks that differ are over long before."""

_s, _t = sessions.c, refresh_tokens.c
_LIVES = _s.ended_at.is_(None)


@dataclass(frozen=True)
class SignedIn:
    """What a client gets at signing in, and at every refresh."""

    principal: Principal
    access: AccessToken
    refresh: RefreshToken


def check_device(device: str) -> None:
    """Raises BadInput for a name that is too long."""
    if len(device) > DEVICE_LENGTH:
        raise BadInput(f"device must have at most {DEVICE_LENGTH} characters")


async def start(tx: Transaction, *, settings: Settings, account: Account, device: str, now: datetime) -> SignedIn:
    """A new session on a device, with its first tokens. Raises AccountDisabled; BadInput for a name that is too long.

    The account is one that `account_of` has given within this transaction: whoever bans it, or takes a role away, waits
    for that lock, and ends this session as well.
    """
    check_device(device)
    if account.disabled_at is not None:
        raise AccountDisabled(disabled_at=account.disabled_at)
    session = Session(new_id(), account.id, device, started_at=now, refreshed_at=now)
    await tx.execute(
        insert(sessions).values(
            id=session.id, account_id=account.id, device=device, started_at=now, refreshed_at=now, generation=0
        )
    )
    return await give_tokens(
        tx, settings=settings, session_id=session.id, generation=0, account=account, started_at=now, now=now
    )


async def give_tokens(
    tx: Transaction,
    *,
    settings: Settings,
    session_id: UUID,
    generation: int,
    account: Account,
    started_at: datetime,
    now: datetime,
) -> SignedIn:
    """An access token, and a refresh token of this generation of the session, which began at `started_at`."""
    # another process whose clock is ahead may have ended all tokens up to a moment that is not here yet
    now = max(now, account.tokens_valid_from or now)
    principal = Principal(account.id, account.roles, session_id)
    unvisited = now + timedelta(days=settings.refresh_days)
    refresh = tokens.new_refresh_token(last_moment(started_at, account.roles, unvisited=unvisited))
    await tx.execute(
        insert(refresh_tokens).values(
            digest=tokens.digest_of(refresh.text),
            session_id=session_id,
            generation=generation,
            expires_at=refresh.expires_at,
        )
    )
    return SignedIn(principal, tokens.issue(settings, principal, now=now), refresh)


async def end(db: Database, *, account_id: UUID, session_id: UUID, now: datetime) -> None:
    """Sign one of one's own devices out. A second call changes nothing. Raises NotFound for anybody else's session."""
    async with db.transaction() as tx:
        own = sessions.update().where(_s.id == session_id, _s.account_id == account_id)
        if await tx.execute(own.where(_LIVES).values(ended_at=now, ended_why="signed_out")):
            return
        if not await tx.value(select(_s.id).where(_s.id == session_id, _s.account_id == account_id)):
            raise NotFound.of("session", session_id)


async def end_everywhere(db: Database, *, account_id: UUID, now: datetime) -> None:
    """Sign every device of a person out, the one that asks among them."""
    async with db.transaction() as tx:
        await end_all(tx, account_id=account_id, why="everywhere", now=now)


async def end_all(tx: Transaction, *, account_id: UUID, why: str, now: datetime) -> None:
    """End every session of an account and every access token issued before now; `why` is everywhere or banned.

    For bans and for roles that are taken away, in the transaction that does it.
    """
    # the account first: a sign-in under way holds it, and its session is there to be ended once it has let go
    latest = func.greatest(accounts.c.tokens_valid_from, now)
    await tx.execute(update(accounts).where(accounts.c.id == account_id).values(tokens_valid_from=latest))
    theirs = update(sessions).where(_s.account_id == account_id, _LIVES)
    await tx.execute(theirs.values(ended_at=now, ended_why=why))


def is_living(now: datetime) -> ColumnElement[bool]:
    """Of a session: it has not been ended, and a token can still continue it."""
    continues = exists().where(_t.session_id == _s.id, _t.generation == _s.generation, _t.expires_at > now)
    return and_(_LIVES, continues)


async def of_account(db: Database, account_id: UUID, *, now: datetime) -> list[Session]:
    """Where somebody is signed in, the most recently used first; 50 at most."""
    theirs = select(sessions).where(_s.account_id == account_id, is_living(now))
    rows = await db.rows(theirs.order_by(_s.refreshed_at.desc(), _s.id.desc()).limit(MOST_SHOWN))
    return [Session(r.id, r.account_id, r.device, r.started_at, r.refreshed_at, r.generation) for r in rows]


async def forget(db: Database, *, now: datetime, limit: int) -> int:
    """Drop refresh tokens that are over, and sessions that ended a week ago or have no token left; how many were looked at.

    Each is over for a day before it goes: no clock of ours is so wrong that somebody could still come with it.
    """
    over = select(refresh_tokens.c.digest).where(refresh_tokens.c.expires_at < now - timedelta(days=1)).limit(limit)
    gone = delete(refresh_tokens).where(refresh_tokens.c.digest.in_(over)).returning(refresh_tokens.c.session_id)
    async with db.transaction() as tx:
        left = await tx.column(gone)
        await _drop_empty(tx, left)
        ended = select(_s.id).where(_s.ended_at < now - KEPT).limit(limit)
        dropped = await tx.execute(delete(sessions).where(_s.id.in_(ended)))
    return max(len(left), dropped)


async def _drop_empty(tx: Transaction, session_ids: Sequence[UUID]) -> None:
    has_token = select(refresh_tokens.c.digest).where(refresh_tokens.c.session_id == _s.id).exists()
    await tx.execute(delete(sessions).where(_s.id == func.any(list(set(session_ids))), ~has_token))
