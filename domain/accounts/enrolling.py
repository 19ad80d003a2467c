"""How staff come to a name, a one-time password and a second factor: from an operator, at the machine's own console."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_new

from domain.accounts import passwords, sessions, totp
from domain.accounts.actions import give_roles
from domain.accounts.rules import Role
from domain.accounts.staff_rules import UsernameTaken, check_username
from domain.accounts.tables import accounts, roles, staff_credentials
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.foundation.settings import Settings
from domain.trail import store as trail

OPERATOR = UUID(int=0)
"""Whose deeds those are that are done at the console: whoever sits there has no account."""

_c = staff_credentials.c


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a member of the staff is handed once, and nobody can read again. Its text shows no secret."""

    username: str
    password: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How a member of the staff stands."""

    username: str
    roles: list[Role]
    must_change_password: bool
    locked_until: datetime | None
    disabled_at: datetime | None


async def add(db: Database, *, settings: Settings, username: str, given: Iterable[Role], now: datetime) -> Enrolment:
    """Open an account that signs in as staff, with a one-time password.

    Raises BadInput for a name outside of what is allowed, UsernameTaken, LoginSwitchedOff without NIGHTMARKET_SEAL_KEY.
    """
    account_id, held = new_id(), sorted(set(given) - {Role.SHOPPER})
    enrolment, credentials = await _enrol(settings, check_username(username), account_id, now=now)
    async with db.transaction() as tx:
        await tx.execute(insert(accounts).values(id=account_id, display_name=username, created_at=now))
        new = insert_new(staff_credentials).values(account_id=account_id, username=username, **credentials)
        if not await tx.execute(new.on_conflict_do_nothing(index_elements=[_c.username])):
            raise UsernameTaken(username)
        await give_roles(tx, account_id=account_id, given=held, by=OPERATOR, now=now)
        facts = {"username": username, "roles": held}
        await trail.note(tx, by=OPERATOR, deed="add_staff", subject="account", subject_id=account_id, now=now, **facts)
    return enrolment


async def reset(db: Database, *, settings: Settings, username: str, now: datetime) -> Enrolment:
    """A new one-time password and a new second factor, for whoever has lost one. The lock and all sessions end.

    Raises NotFound, LoginSwitchedOff without NIGHTMARKET_SEAL_KEY.
    """
    account_id = await account_called(db, username)
    enrolment, credentials = await _enrol(settings, username, account_id, now=now)
    async with db.transaction() as tx:
        await tx.execute(update(staff_credentials).where(_c.account_id == account_id).values(credentials))
        await sessions.end_all(tx, account_id=account_id, why="everywhere", now=now)
        await trail.note(tx, by=OPERATOR, deed="reset_staff", subject="account", subject_id=account_id, now=now)
    return enrolment


async def enrolled(db: Database) -> list[Enrolled]:
    """Everybody who signs in as staff, by name."""
    held = select(func.array_agg(roles.c.role)).where(roles.c.account_id == _c.account_id).scalar_subquery()
    columns = (_c.username, _c.must_change_password, _c.locked_until, accounts.c.disabled_at, held.label("roles"))
    rows = await db.rows(select(*columns).join_from(staff_credentials, accounts).order_by(_c.username))
    return [
        Enrolled(
            row.username,
            sorted(Role(role) for role in row.roles or ()),
            row.must_change_password,
            row.locked_until,
            row.disabled_at,
        )
        for row in rows
    ]


async def account_called(db: Database, username: str) -> UUID:
    """Whose name it is. Raises NotFound, BadInput for a name that nobody can have."""
    found: UUID | None = await db.value(select(_c.account_id).where(_c.username == check_username(username)))
    if found is None:
        raise NotFound("account", username)
    return found


async def _enrol(
    settings: Settings, username: str, account_id: UUID, *, now: datetime
) -> tuple[Enrolment, dict[str, Any]]:
    password = "-".join(secrets.token_hex(3) for _ in range(4))  # 96 bits, to be typed once
    secret = totp.new_secret()
    credentials = {
        "totp_sealed": totp.seal(totp.seal_key(settings), account_id=account_id, secret=secret),
        "totp_step": 0,
        "password_hash": await passwords.hashed(password),
        "must_change_password": True,
        "failures": 0,
        "locked_until": None,
        "changed_at": now,
    }
    return Enrolment(username, password, totp.uri(secret, username)), credentials
