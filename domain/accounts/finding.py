"""How admins find people. Never locks, and never reads WeChat's name of anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, exists, func, or_, select

from domain.accounts.queries import PHONE
from domain.accounts.rules import Role, masked
from domain.accounts.sessions import is_living
from domain.accounts.tables import accounts, identities, roles, sessions, staff_credentials
from domain.foundation.database import AnyRow, Database
from domain.foundation.errors import BadInput
from domain.foundation.pages import Page, page_of, page_size, read_cursor

LONGEST_TEXT = 100

_a, _c = accounts.c, staff_credentials.c
_ROLES = select(func.array_agg(roles.c.role)).where(roles.c.account_id == _a.id).scalar_subquery()
_USERNAME = select(_c.username).where(_c.account_id == _a.id).scalar_subquery()
_PHONE = (
    select(identities.c.subject)
    .where(identities.c.account_id == _a.id, identities.c.provider == PHONE)
    .order_by(identities.c.created_at.desc())
    .limit(1)
    .scalar_subquery()
)
_PEOPLE = select(
    _a.id,
    _a.display_name,
    _ROLES.label("roles"),
    _a.created_at,
    _a.disabled_at,
    _a.disabled_by,
    _a.disabled_why,
    _USERNAME.label("username"),
    _PHONE.label("phone"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """An account as admins see it. `username` is that of staff; the phone number is masked."""

    id: UUID
    display_name: str
    roles: frozenset[Role]
    created_at: datetime
    disabled_at: datetime | None
    disabled_by: UUID | None
    disabled_why: str | None
    username: str | None
    phone: str | None


async def by_ids(db: Database, account_ids: Sequence[UUID]) -> dict[UUID, Person]:
    """People that exist, by id."""
    rows = await db.rows(_PEOPLE.where(_a.id == func.any(list(account_ids))))
    return {row.id: _person_of(row) for row in rows}


async def page(
    db: Database,
    *,
    role: Role | None = None,
    is_banned: bool | None = None,
    text: str = "",
    first: int,
    after: str | None = None,
) -> Page[Person]:
    """People, the newest first: those in this role, those who are banned or are not, those called so.

    `text` is part of a display name or a whole username. Raises BadInput for one above 100 characters and for a cursor
    of another list.
    """
    newest_first = _narrowed(_PEOPLE, role, is_banned, text).order_by(_a.id.desc())
    if after is not None:
        newest_first = newest_first.where(_a.id < read_cursor(after, UUID)[0])
    rows = await db.rows(newest_first.limit(page_size(first) + 1))
    return page_of([_person_of(row) for row in rows], first, lambda person: (str(person.id),))


async def sessions_by_account_ids(db: Database, account_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """On how many devices people are signed in; without those who are on none."""
    counted = select(sessions.c.account_id, func.count()).where(
        is_living(now), sessions.c.account_id == func.any(list(account_ids))
    )
    return {row[0]: row[1] for row in await db.rows(counted.group_by(sessions.c.account_id))}


def _narrowed(people: Select[AnyRow], role: Role | None, is_banned: bool | None, text: str) -> Select[AnyRow]:
    if role is not None and role is not Role.SHOPPER:  # which everybody is
        people = people.where(exists().where(roles.c.account_id == _a.id, roles.c.role == role))
    if is_banned is not None:
        people = people.where(_a.disabled_at.isnot(None) if is_banned else _a.disabled_at.is_(None))
    if text:
        if len(text) > LONGEST_TEXT or "\0" in text:
            raise BadInput(f"text has {len(text)} characters; allowed: up to {LONGEST_TEXT}, none of them NUL")
        called = _a.display_name.icontains(text, autoescape=True)
        people = people.where(or_(called, _USERNAME.in_([text.strip().lower()])))
    return people


def _person_of(row: AnyRow) -> Person:
    held = frozenset(Role(role) for role in row.roles or ()) | {Role.SHOPPER}
    return Person(
        row.id,
        row.display_name,
        held,
        row.created_at,
        row.disabled_at,
        row.disabled_by,
        row.disabled_why,
        row.username,
        masked(row.phone) if row.phone else None,
    )
