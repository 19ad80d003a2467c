"""Signing in and asking who one is."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.nodes import Node, show_id
from api.refusals import refusal
from domain.accounts import actions, tokens
from domain.accounts.rules import AccountDisabled, LoginSwitchedOff, Principal, Role
from domain.foundation.errors import BadInput

RoleName = strawberry.enum(Role, name="Role", description="What a person may do.")


@strawberry.type(description="The person the access token speaks of.")
class Viewer(Node):
    """The person who asks."""

    roles: list[RoleName] = strawberry.field(description="What they may do, as long as the token lives.")


@strawberry.type(description="Signed in: send the token as `Authorization: Bearer <accessToken>`.")
class SignedIn:
    """A fresh access token."""

    access_token: str
    expires_at: datetime = strawberry.field(description="From this moment on the token is refused.")
    viewer: Viewer


@strawberry.input(description="Sign in as anybody; only where the development login is switched on.")
class SignInForDevelopmentInput:
    """Who to be."""

    name: str = strawberry.field(description="1 to 64 characters; the same name is the same person.")
    roles: list[RoleName] = strawberry.field(default_factory=list, description="Roles to take on, besides shopper.")


SignInResult = Annotated[
    SignedIn | refusal(LoginSwitchedOff) | refusal(AccountDisabled), strawberry.union("SignInResult")
]


@strawberry.type
class AccountQuery:
    """Questions about oneself."""

    @strawberry.field(directives=to(Who.ANYONE), description="Who asks; null without an access token.")
    def viewer(self, info: Info) -> Viewer | None:
        """Who asks."""
        return _viewer(info.context.principal) if info.context.principal else None


@strawberry.type
class AccountMutation:
    """Signing in."""

    @strawberry.mutation(
        directives=to(Who.ANYONE), description="The development login. Never switched on in production."
    )
    async def sign_in_for_development(self, info: Info, input: SignInForDevelopmentInput) -> SignInResult:
        """Sign in as anybody."""
        context = info.context
        settings = context.market.settings
        if not settings.development_login:
            raise LoginSwitchedOff()
        name = input.name.strip()
        if not 1 <= len(name) <= 64:
            raise BadInput("name must have 1 to 64 characters")
        account = await actions.sign_in(
            context.market.db, provider=actions.DEVELOPMENT, subject=name, display_name=name, now=context.now
        )
        principal = Principal(account.id, account.roles | frozenset(input.roles))
        token = tokens.issue(settings, principal, now=context.now)
        return SignedIn(access_token=token.text, expires_at=token.expires_at, viewer=_viewer(principal))


def _viewer(principal: Principal) -> Viewer:
    return Viewer(id=show_id("account", principal.account_id), roles=sorted(principal.roles))
