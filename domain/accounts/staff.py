"""How staff sign in: with a name, a password and a second factor, all three at once. Sign-ins and locks are on the trail.

Whoever tries is told nothing before all three are right, and it takes as long whatever is wrong.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select, update

from domain.accounts import passwords, sessions, totp
from domain.accounts.actions import account_of
from domain.accounts.rules import AccountDisabled
from domain.accounts.sessions import SignedIn
from domain.accounts.staff_rules import (
    Attempt,
    PasswordChangeNeeded,
    SignInRefused,
    StaffLocked,
    Tries,
    check_new_password,
)
from domain.accounts.tables import accounts, staff_credentials
from domain.foundation.database import AnyRow, Database, Transaction
from domain.foundation.errors import RateLimited, Refusal
from domain.foundation.ids import encode
from domain.foundation.settings import Settings
from domain.trail import store as trail

log = structlog.get_logger(__name__)

_c = staff_credentials.c


@dataclass(frozen=True, slots=True)
class _Proven:
    """Whose name, password and code were all right."""

    account_id: UUID
    must_change_password: bool


async def sign_in(db: Database, *, settings: Settings, attempt: Attempt, device: str, now: datetime) -> SignedIn:
    """A session for whoever brings name, password and code. A right code is used up, also where the answer is a refusal.

    Raises SignInRefused when one of them is wrong; when all are right, StaffLocked after too many wrong codes,
    AccountDisabled, or PasswordChangeNeeded. LoginSwitchedOff without NIGHTMARKET_SEAL_KEY. Nobody's try: BadInput for a
    device's name that is too long, RateLimited while too many passwords are being hashed.
    """
    sessions.check_device(device)
    kept = await _checked(db, settings, attempt)
    outcome: SignedIn | Refusal
    async with db.transaction() as tx:
        proven = await _prove(tx, settings, attempt, kept, now=now)
        if isinstance(proven, Refusal):
            outcome = proven
        elif proven.must_change_password:
            outcome = PasswordChangeNeeded()
        else:
            await _note(tx, "sign_in", proven.account_id, now=now, device=device)
            outcome = await _start(tx, settings, proven, device=device, now=now)
    # raised after the commit: a wrong code is remembered, and one that was taken is taken
    if isinstance(outcome, Refusal):
        raise outcome
    if kept and passwords.is_outdated(kept):
        with suppress(RateLimited):  # at the next sign-in, then
            await _renew(db, kept, await passwords.hashed(attempt.password))
    return outcome


async def change_password(
    db: Database, *, settings: Settings, attempt: Attempt, new_password: str, device: str, now: datetime
) -> SignedIn:
    """Set another password, with the present one and a code; every session ends but the one that is given back.

    Raises PasswordTooWeak, which uses up neither code nor try, and what `sign_in` does but PasswordChangeNeeded.
    """
    sessions.check_device(device)
    check_new_password(attempt, new_password)
    kept = await _checked(db, settings, attempt)
    fresh = await passwords.hashed(new_password)  # also where all is refused: each try takes as long
    outcome: SignedIn | Refusal
    async with db.transaction() as tx:
        proven = await _prove(tx, settings, attempt, kept, now=now)
        if isinstance(proven, Refusal):
            outcome = proven
        else:
            await _write(tx, proven.account_id, password_hash=fresh, must_change_password=False, changed_at=now)
            await _note(tx, "change_password", proven.account_id, now=now)
            await sessions.end_all(tx, account_id=proven.account_id, why="everywhere", now=now)
            outcome = await _start(tx, settings, proven, device=device, now=now)
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


async def _start(tx: Transaction, settings: Settings, proven: _Proven, *, device: str, now: datetime) -> SignedIn:
    account = await account_of(tx, proven.account_id)
    return await sessions.start(tx, settings=settings, account=account, device=device, now=now)


async def _checked(db: Database, settings: Settings, attempt: Attempt) -> str | None:
    """The hash that the password opens; None for a wrong one and for nobody's name, which take as long."""
    totp.seal_key(settings)
    kept: str | None = await db.value(select(_c.password_hash).where(_c.username == attempt.name))
    return kept if await passwords.is_right(attempt.password, kept) else None


async def _prove(
    tx: Transaction, settings: Settings, attempt: Attempt, kept: str | None, *, now: datetime
) -> _Proven | Refusal:
    """Whose name, password and code these are; or why not.

    A wrong code counts where the password was right: by wrong passwords anybody who has heard a name could keep its owner
    out. The hash was checked without a lock, for that takes long: it must still be the one that is kept.
    """
    row = await _lock(tx, attempt.name)
    if row is None:
        return SignInRefused()
    secret = totp.unseal(totp.seal_key(settings), account_id=row.account_id, sealed=row.totp_sealed)
    step = totp.step_of(secret, attempt.code, used=row.totp_step, now=now)
    tries = Tries(row.failures, row.locked_until)
    if step is None or kept != row.password_hash:
        after = tries.and_a_wrong_one(now) if kept == row.password_hash else tries
        # written also where nothing changes: a right password would show by the time that it takes
        await _write(tx, row.account_id, failures=after.failures, locked_until=after.locked_until)
        if after != tries and after.locked_until:
            log.warning("staff_locked", account=encode("account", row.account_id))
            await _note(tx, "sign_in_locked", row.account_id, now=now, until=after.locked_until.isoformat())
        return SignInRefused()
    if tries.is_locked(now):
        await _write(tx, row.account_id, totp_step=step)
        return StaffLocked(row.locked_until)
    await _write(tx, row.account_id, totp_step=step, failures=0, locked_until=None)
    if row.disabled_at is not None:
        return AccountDisabled(disabled_at=row.disabled_at)
    return _Proven(row.account_id, row.must_change_password)


async def _lock(tx: Transaction, username: str) -> AnyRow | None:
    return await tx.one(
        select(
            _c.account_id,
            _c.password_hash,
            _c.totp_sealed,
            _c.totp_step,
            _c.must_change_password,
            _c.failures,
            _c.locked_until,
            accounts.c.disabled_at,
        )
        .join_from(staff_credentials, accounts)
        .where(_c.username == username)
        .with_for_update(key_share=True, of=staff_credentials)
    )


async def _write(tx: Transaction, account_id: UUID, **changes: object) -> None:
    await tx.execute(update(staff_credentials).where(_c.account_id == account_id).values(changes))


async def _note(tx: Transaction, deed: str, account_id: UUID, *, now: datetime, **facts: str) -> None:
    """On the trail, as theirs: whoever it was had their password."""
    await trail.note(tx, by=account_id, deed=deed, subject="account", subject_id=account_id, now=now, **facts)


async def _renew(db: Database, kept: str, fresh: str) -> None:
    """Keep the same password under today's parameters, unless it was changed meanwhile."""
    async with db.transaction() as tx:
        await tx.execute(update(staff_credentials).where(_c.password_hash == kept).values(password_hash=fresh))
