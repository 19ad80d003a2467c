"""People as admins see and manage them: roles, bans, and sessions that end."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypedDict
from uuid import UUID

import strawberry

from api.access import Who, to
from api.accounts import RoleName
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.trail import StaffMember
from domain.accounts import finding, people
from domain.accounts.finding import Person
from domain.accounts.queries import names_by_ids
from domain.accounts.rules import Role
from domain.accounts.staff_rules import LastAdmin, SecondFactorMissing
from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.errors import IdempotencyConflict, NotFound


@strawberry.type(directives=to(Who.ADMIN), description="A person, as admins see them. 账户")
class Account(Node):
    """A person."""

    display_name: str
    username: str | None = strawberry.field(description="What they sign in by as staff; null for everybody else.")
    roles: list[RoleName] = strawberry.field(description="What they may do; everybody is a shopper.")
    phone: str | None = strawberry.field(description="The first three and the last four digits: `138****8000`.")
    created_at: datetime
    disabled_at: datetime | None = strawberry.field(description="Since when they are banned; null while they are not.")
    disabled_why: str | None = strawberry.field(description="What was said when they were banned.")
    key: strawberry.Private[UUID]
    banned_by: strawberry.Private[UUID | None]

    @strawberry.field(description="Who banned them.")
    async def disabled_by(self, info: Info) -> StaffMember | None:
        """Who banned them."""
        if self.banned_by is None:
            return None
        name = await batched(info, names_by_ids).load(self.banned_by)
        return StaffMember(id=show_id("account", self.banned_by), name=name)

    @strawberry.field(description="On how many devices they are signed in.")
    async def sessions(self, info: Info) -> int:
        """On how many devices they are signed in."""
        return await batched(info, _sessions_by_account_ids).load(self.key) or 0


async def _sessions_by_account_ids(db: Database, account_ids: Sequence[UUID]) -> dict[UUID, int]:
    return await finding.sessions_by_account_ids(db, account_ids, now=clock.now())


@strawberry.input(description="Which people; what is left out does not narrow them.")
class AccountsFilter:
    """Which people."""

    role: RoleName | None = strawberry.field(default=None, description="In this role.")
    is_banned: bool | None = strawberry.field(default=None, description="Banned, or not.")
    text: str = strawberry.field(
        default="", description="Part of a display name, or a whole username; at most 100 characters."
    )


@strawberry.input(description="A role of somebody.")
class RoleInput:
    """A role of somebody."""

    account_id: strawberry.ID
    role: RoleName = strawberry.field(description="Any but SHOPPER, which everybody is.")


@strawberry.input(description="Ban somebody.")
class BanAccountInput:
    """Whom, and why."""

    account_id: strawberry.ID
    why: str = strawberry.field(description="For the others behind the counter: 1 to 200 characters.")
    idempotency_key: str = strawberry.field(
        description="8 to 64 letters, digits or _.:- that name this wish: repeated, it changes nothing, even after they "
        "were let in again."
    )


GiveRoleResult = Annotated[
    Account | refusal(SecondFactorMissing) | refusal(NotFound), strawberry.union("GiveRoleResult")
]
TakeRoleResult = Annotated[Account | refusal(LastAdmin) | refusal(NotFound), strawberry.union("TakeRoleResult")]
BanAccountResult = Annotated[
    Account | refusal(LastAdmin) | refusal(NotFound) | refusal(IdempotencyConflict),
    strawberry.union("BanAccountResult"),
]
UnbanAccountResult = Annotated[Account | refusal(NotFound), strawberry.union("UnbanAccountResult")]
EndSessionsOfResult = Annotated[Account | refusal(NotFound), strawberry.union("EndSessionsOfResult")]


@strawberry.type
class PeopleQuery:
    """Questions about people."""

    @strawberry.field(directives=to(Who.ADMIN), description="People, the newest first.")
    async def accounts(
        self, info: Info, filter: AccountsFilter | None = None, first: int = 20, after: str | None = None
    ) -> Connection[Account]:
        """People."""
        wanted = filter or AccountsFilter()
        page = await finding.page(
            info.context.market.db,
            role=wanted.role,
            is_banned=wanted.is_banned,
            text=wanted.text,
            first=first,
            after=after,
        )
        return Connection.of(page, show_account)

    @strawberry.field(directives=to(Who.ADMIN), description="A person; null when there is none.")
    async def account(self, info: Info, id: strawberry.ID) -> Account | None:
        """A person."""
        return await _account(info, read_id("account", id))


@strawberry.type
class PeopleMutation:
    """What admins do with people."""

    @strawberry.mutation(
        directives=to(Who.ADMIN),
        description="Let somebody do more, from when their token is next refreshed. Roles behind the counter are for those "
        "who sign in as staff.",
    )
    async def give_role(self, info: Info, input: RoleInput) -> GiveRoleResult:
        """Give a role."""
        account_id = read_id("account", input.account_id)
        await people.give_role(info.context.market.db, account_id=account_id, role=input.role, **_by(info))
        return await _account(info, account_id)

    @strawberry.mutation(
        directives=to(Who.ADMIN),
        description="Let somebody do less: they are signed out everywhere, within five seconds.",
    )
    async def take_role(self, info: Info, input: RoleInput) -> TakeRoleResult:
        """Take a role."""
        account_id = read_id("account", input.account_id)
        await people.take_role(info.context.market.db, account_id=account_id, role=input.role, **_by(info))
        return await _account(info, account_id)

    @strawberry.mutation(
        directives=to(Who.ADMIN),
        description="Ban somebody: they are signed out everywhere, within five seconds, and do not sign in again.",
    )
    async def ban_account(self, info: Info, input: BanAccountInput) -> BanAccountResult:
        """Ban somebody."""
        account_id = read_id("account", input.account_id)
        await people.ban(
            info.context.market.db,
            account_id=account_id,
            why=input.why,
            idempotency_key=input.idempotency_key,
            **_by(info),
        )
        return await _account(info, account_id)

    @strawberry.mutation(directives=to(Who.ADMIN), description="Let somebody sign in again who was banned.")
    async def unban_account(self, info: Info, id: strawberry.ID) -> UnbanAccountResult:
        """Let somebody in again."""
        key = read_id("account", id)
        await people.unban(info.context.market.db, account_id=key, **_by(info))
        return await _account(info, key)

    @strawberry.mutation(directives=to(Who.ADMIN), description="Sign somebody out everywhere, within five seconds.")
    async def end_sessions_of(self, info: Info, id: strawberry.ID) -> EndSessionsOfResult:
        """Sign somebody out."""
        key = read_id("account", id)
        await people.end_sessions(info.context.market.db, account_id=key, **_by(info))
        return await _account(info, key)


@finds("account")
async def find_account(info: Info, id: UUID) -> Account | None:
    """A person, for admins."""
    principal = info.context.principal
    return await _account(info, id) if principal and Role.ADMIN in principal.roles else None


def show_account(person: Person) -> Account:
    """The GraphQL object of a person."""
    return Account(
        id=show_id("account", person.id),
        display_name=person.display_name,
        username=person.username,
        roles=sorted(person.roles),
        phone=person.phone,
        created_at=person.created_at,
        disabled_at=person.disabled_at,
        disabled_why=person.disabled_why,
        key=person.id,
        banned_by=person.disabled_by,
    )


class _By(TypedDict):
    by: UUID
    now: datetime


def _by(info: Info) -> _By:
    return {"by": info.context.shopper.account_id, "now": info.context.now}


async def _account(info: Info, id: UUID) -> Account | None:
    found = await finding.by_ids(info.context.market.db, [id])
    return show_account(found[id]) if id in found else None
