"""The devices on which a person is signed in, and signing out."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.access import Who, to
from api.context import Info
from api.nodes import read_id, show_id
from api.refusals import refusal
from domain.accounts import rules, sessions
from domain.foundation.errors import NotFound


@strawberry.type(directives=to(Who.INHERITED), description="A device on which the viewer is signed in. 登录设备")
class Session:
    """A session."""

    id: strawberry.ID
    device: str = strawberry.field(description="As the client named it at signing in; may be empty.")
    started_at: datetime = strawberry.field(description="When they signed in there.")
    refreshed_at: datetime = strawberry.field(description="When it last got an access token.")
    is_this_one: bool = strawberry.field(description="Whether the access token of this request belongs to it.")

    @classmethod
    def of(cls, session: rules.Session, principal: rules.Principal) -> "Session":
        """As its owner sees it."""
        return cls(
            id=show_id("session", session.id),
            device=session.device,
            started_at=session.started_at,
            refreshed_at=session.refreshed_at,
            is_this_one=session.id == principal.session_id,
        )


@strawberry.type(
    directives=to(Who.INHERITED),
    description="Signed out: the refresh tokens are refused from now on, the access tokens within seconds.",
)
class SignedOut:
    """Signed out."""

    at: datetime


@strawberry.input(description="Which device to sign out.")
class EndSessionInput:
    """A session."""

    id: strawberry.ID = strawberry.field(description="One of `viewer.sessions`.")


EndSessionResult = Annotated[SignedOut | refusal(NotFound), strawberry.union("EndSessionResult")]


@strawberry.type
class SessionMutation:
    """Signing out."""

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN), description="Sign out on this device. A second call changes nothing."
    )
    async def sign_out(self, info: Info) -> SignedOut:
        """End the session of the access token."""
        context = info.context
        principal = context.shopper
        if principal.session_id is not None:
            await sessions.end(
                context.market.db, account_id=principal.account_id, session_id=principal.session_id, now=context.now
            )
        return SignedOut(at=context.now)

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN), description="Sign out on every device, this one too: for a phone that was lost."
    )
    async def sign_out_everywhere(self, info: Info) -> SignedOut:
        """End every session of the viewer."""
        context = info.context
        await sessions.end_everywhere(context.market.db, account_id=context.shopper.account_id, now=context.now)
        return SignedOut(at=context.now)

    @strawberry.mutation(
        directives=to(Who.SIGNED_IN), description="Sign out one of the viewer's devices. A second call changes nothing."
    )
    async def end_session(self, info: Info, input: EndSessionInput) -> EndSessionResult:
        """End one session of the viewer."""
        context = info.context
        await sessions.end(
            context.market.db,
            account_id=context.shopper.account_id,
            session_id=read_id("session", input.id),
            now=context.now,
        )
        return SignedOut(at=context.now)
