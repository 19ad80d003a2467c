"""What admins do with people: roles, bans, and sessions that end. Each deed is on the trail.

Doing a thing twice changes nothing and is noted once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Exists, delete, exists, select, update

from domain.accounts import sessions
from domain.accounts.actions import give_roles
from domain.accounts.rules import STAFF, Role
from domain.accounts.staff_rules import LastAdmin, SecondFactorMissing
from domain.accounts.tables import accounts, roles, staff_credentials
from domain.foundation import idempotency
from domain.foundation.database import AnyRow, Database, Transaction
from domain.foundation.errors import BadInput, NotFound
from domain.trail import store as trail

LONGEST_WHY = 200


async def give_role(db: Database, *, account_id: UUID, role: Role, by: UUID, now: datetime) -> None:
    """Let somebody do more, from when their token is next refreshed.

    Raises NotFound, SecondFactorMissing for a role behind the counter unless they sign in as staff, BadInput for SHOPPER.
    """
    _check_given(role)
    async with db.transaction() as tx:
        await _lock(tx, account_id)
        if role in await tx.column(select(roles.c.role).where(roles.c.account_id == account_id)):
            return
        if role in STAFF and not await tx.value(select(_is_enrolled(account_id))):
            raise SecondFactorMissing()
        await give_roles(tx, account_id=account_id, given=[role], by=by, now=now)
        await _note(tx, "give_role", account_id, by=by, now=now, role=role)


async def take_role(db: Database, *, account_id: UUID, role: Role, by: UUID, now: datetime) -> None:
    """Let somebody do less: their sessions end, so that no token says they have the role.

    Raises NotFound, LastAdmin, BadInput for SHOPPER.
    """
    _check_given(role)
    async with db.transaction() as tx:
        admins = await _lock_admins(tx)
        await _lock(tx, account_id)
        if not await tx.execute(delete(roles).where(roles.c.account_id == account_id, roles.c.role == role)):
            return
        if role is Role.ADMIN:
            _check_not_last(account_id, admins)
        await sessions.end_all(tx, account_id=account_id, why="everywhere", now=now)
        await _note(tx, "take_role", account_id, by=by, now=now, role=role)


async def ban(db: Database, *, account_id: UUID, why: str, by: UUID, idempotency_key: str, now: datetime) -> None:
    """Disable an account: its sessions end, and it opens no other. The same key again changes nothing, even after `unban`.

    Raises NotFound, LastAdmin, IdempotencyConflict, BadInput unless `why` has 1 to 200 characters.
    """
    why = _check_why(why)
    request = {"account": account_id, "why": why}
    async with db.transaction() as tx:
        if await idempotency.begin(tx, owner_id=by, key=idempotency_key, operation="ban_account", request=request):
            return
        admins = await _lock_admins(tx)
        row = await _lock(tx, account_id)
        if row.disabled_at is not None:
            return
        _check_not_last(account_id, admins)
        await _write(tx, account_id, disabled_at=now, disabled_by=by, disabled_why=why)
        await sessions.end_all(tx, account_id=account_id, why="banned", now=now)
        await _note(tx, "ban_account", account_id, by=by, now=now, why=why)


async def unban(db: Database, *, account_id: UUID, by: UUID, now: datetime) -> None:
    """Let an account sign in again; the sessions that ended stay ended. Raises NotFound."""
    async with db.transaction() as tx:
        row = await _lock(tx, account_id)
        if row.disabled_at is not None:
            await _write(tx, account_id, disabled_at=None, disabled_by=None, disabled_why=None)
            await _note(tx, "unban_account", account_id, by=by, now=now)


async def end_sessions(db: Database, *, account_id: UUID, by: UUID, now: datetime) -> None:
    """Sign somebody out everywhere: a phone was lost, a token was seen. Raises NotFound."""
    async with db.transaction() as tx:
        await _lock(tx, account_id)
        await sessions.end_all(tx, account_id=account_id, why="everywhere", now=now)
        await _note(tx, "end_sessions_of", account_id, by=by, now=now)


async def _lock_admins(tx: Transaction) -> Sequence[UUID]:
    """Every admin who can sign in as staff, by id, with their roles: whoever asks next waits, and sees who is left.

    Before the account itself is locked, so that two admins who ban each other do not wait for each other.
    """
    found: Sequence[UUID] = await tx.column(
        select(accounts.c.id)
        .join_from(accounts, roles)
        .where(roles.c.role == Role.ADMIN, accounts.c.disabled_at.is_(None), _is_enrolled(accounts.c.id))
        .order_by(accounts.c.id)
        .with_for_update(key_share=True)
    )
    return found


def _check_not_last(account_id: UUID, admins: Sequence[UUID]) -> None:
    if list(admins) == [account_id]:
        raise LastAdmin()


async def _lock(tx: Transaction, account_id: UUID) -> AnyRow:
    locked = select(accounts.c.disabled_at).where(accounts.c.id == account_id).with_for_update(key_share=True)
    row = await tx.one(locked)
    if row is None:
        raise NotFound.of("account", account_id)
    return row


def _is_enrolled(account_id: UUID | Column[UUID]) -> Exists:
    return exists().where(staff_credentials.c.account_id == account_id)


async def _write(tx: Transaction, account_id: UUID, **changes: object) -> None:
    await tx.execute(update(accounts).where(accounts.c.id == account_id).values(changes))


async def _note(tx: Transaction, deed: str, account_id: UUID, *, by: UUID, now: datetime, **facts: Any) -> None:
    await trail.note(tx, by=by, deed=deed, subject="account", subject_id=account_id, now=now, **facts)


def _check_given(role: Role) -> None:
    if role is Role.SHOPPER:
        raise BadInput("role is SHOPPER, which everybody is; allowed: every other role")


def _check_why(why: str) -> str:
    said = why.strip()
    if not 1 <= len(said) <= LONGEST_WHY or "\0" in said:
        raise BadInput(f"why has {len(said)} characters; allowed: 1 to {LONGEST_WHY}, none of them NUL")
    return said
