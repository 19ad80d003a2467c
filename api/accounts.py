"""Signing in, staying signed in, and asking who one is."""

from datetime import datetime
from typing import Annotated

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.nodes import Node, show_id
from api.rates import Rate
from api.refusals import refusal
from api.sessions import Session
from api.visitors import visitor_of
from domain.accounts import actions, phones, queries, refreshing, sessions, wechat_login
from domain.accounts.rules import (
    AccountDisabled,
    LoginSwitchedOff,
    PhoneTaken,
    Principal,
    Role,
    SessionEnded,
    WechatBusy,
    WechatCodeRefused,
    WechatUserBlocked,
    masked,
)
from domain.foundation.errors import BadInput

RoleName = strawberry.enum(Role, name="Role", description="What a person may do.")


@strawberry.type(directives=to(Who.INHERITED), description="The person the access token speaks of.")
class Viewer(Node):
    """The person who asks."""

    principal: strawberry.Private[Principal]
    roles: list[RoleName] = strawberry.field(description="What they may do, as long as the token lives.")

    @strawberry.field(description="Where they are signed in, the most recently used first; 50 at most.")
    async def sessions(self, info: Info) -> list[Session]:
        """Their living sessions."""
        context = info.context
        found = await sessions.of_account(context.market.db, self.principal.account_id, now=context.now)
        return [Session.of(session, self.principal) for session in found]

    @strawberry.field(description="Their phone number, masked: 138****5678; null before `bindPhone`.")
    async def phone(self, info: Info) -> str | None:
        """Their phone number."""
        phone = await queries.phone_of(info.context.market.db, self.principal.account_id)
        return phone and masked(phone)

    @classmethod
    def of(cls, principal: Principal) -> "Viewer":
        """As they see themselves."""
        return cls(id=show_id("account", principal.account_id), principal=principal, roles=sorted(principal.roles))


@strawberry.type(
    directives=to(Who.INHERITED),
    description="Signed in: send the access token as `Authorization: Bearer <accessToken>`, and once it is refused the "
    "refresh token to `refreshSession`.",
)
class SignedIn:
    """Fresh tokens of a session."""

    access_token: str
    expires_at: datetime = strawberry.field(description="From this moment on the access token is refused.")
    refresh_token: str = strawberry.field(
        description="Gets the next tokens, once. Keep it like a password; a used one that comes back ends the session."
    )
    refresh_expires_at: datetime = strawberry.field(description="From this moment on the refresh token is refused.")
    viewer: Viewer

    @classmethod
    def of(cls, signed_in: sessions.SignedIn) -> "SignedIn":
        """What every way to sign in answers with."""
        return cls(
            access_token=signed_in.access.text,
            expires_at=signed_in.access.expires_at,
            refresh_token=signed_in.refresh.text,
            refresh_expires_at=signed_in.refresh.expires_at,
            viewer=Viewer.of(signed_in.principal),
        )


@strawberry.input(description="Sign in as anybody; only where the development login is switched on.")
class SignInForDevelopmentInput:
    """Who to be."""

    name: str = strawberry.field(description="1 to 64 characters; the same name is the same person.")
    roles: list[RoleName] = strawberry.field(
        default_factory=list, description="Roles to take on, besides those they have; they are kept."
    )
    device: str = strawberry.field(default="", description="What to call the device: at most 100 characters.")


@strawberry.input(description="Sign in with WeChat.")
class SignInWithWechatInput:
    """A code of wx.login."""

    code: str = strawberry.field(description="What `wx.login` has just given; it works once, for five minutes.")
    device: str = strawberry.field(default="", description="What to call the device: at most 100 characters.")


@strawberry.input(description="Bind the phone number that WeChat vouches for.")
class BindPhoneInput:
    """A code of getPhoneNumber."""

    code: str = strawberry.field(
        description="What the button `getPhoneNumber` has just given; it works once, for five minutes."
    )


@strawberry.input(description="Stay signed in.")
class RefreshSessionInput:
    """A refresh token."""

    refresh_token: str = strawberry.field(description="The one that came last.")


SignInResult = Annotated[
    SignedIn | refusal(LoginSwitchedOff) | refusal(AccountDisabled), strawberry.union("SignInResult")
]
SignInWithWechatResult = Annotated[
    SignedIn
    | refusal(WechatCodeRefused)
    | refusal(WechatUserBlocked)
    | refusal(WechatBusy)
    | refusal(LoginSwitchedOff)
    | refusal(AccountDisabled),
    strawberry.union("SignInWithWechatResult"),
]
BindPhoneResult = Annotated[
    Viewer
    | refusal(PhoneTaken)
    | refusal(WechatCodeRefused)
    | refusal(WechatUserBlocked)
    | refusal(WechatBusy)
    | refusal(LoginSwitchedOff),
    strawberry.union("BindPhoneResult"),
]
RefreshSessionResult = Annotated[SignedIn | refusal(SessionEnded), strawberry.union("RefreshSessionResult")]


@strawberry.type
class AccountQuery:
    """Questions about oneself."""

    @strawberry.field(directives=to(Who.ANYONE), description="Who asks; null without an access token.")
    def viewer(self, info: Info) -> Viewer | None:
        """Who asks."""
        return Viewer.of(info.context.principal) if info.context.principal else None


@strawberry.type
class AccountMutation:
    """Signing in."""

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.LOGIN)],
        description="The development login. Never switched on in production.",
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
        return SignedIn.of(
            await actions.sign_in_for_development(
                context.market.db,
                settings=settings,
                name=name,
                taken_on=input.roles,
                device=input.device,
                visitor=visitor_of(context),
                now=context.now,
            )
        )

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.LOGIN)],
        description="Sign in with a code of `wx.login`; the first visit opens an account. 微信登录",
    )
    async def sign_in_with_wechat(self, info: Info, input: SignInWithWechatInput) -> SignInWithWechatResult:
        """Sign in with WeChat."""
        context = info.context
        market = context.market
        return SignedIn.of(
            await wechat_login.sign_in(
                market.db,
                settings=market.settings,
                code=input.code,
                device=input.device,
                visitor=visitor_of(context),
                now=context.now,
            )
        )

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.LOGIN)],
        description="Bind the viewer's phone number, in the place of one that they had. A number is one account's. Where the "
        "answer was lost, ask for `viewer.phone`: the code does not work again. 绑定手机号",
    )
    async def bind_phone(self, info: Info, input: BindPhoneInput) -> BindPhoneResult:
        """Bind a phone number."""
        context = info.context
        market, principal = context.market, context.shopper
        await phones.bind(
            market.db, settings=market.settings, account_id=principal.account_id, code=input.code, now=context.now
        )
        return Viewer.of(principal)

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.REFRESH)],
        description="The next tokens of a session, for the refresh token that came last, in the roles of now. An access "
        "token is not needed. Where the answer was lost, the same token may be sent again for 30 seconds, four times at "
        "most. Whoever works behind the counter signs in again after twelve hours.",
    )
    async def refresh_session(self, info: Info, input: RefreshSessionInput) -> RefreshSessionResult:
        """Rotate the refresh token."""
        context = info.context
        return SignedIn.of(
            await refreshing.refresh(
                context.market.db,
                settings=context.market.settings,
                refresh_token=input.refresh_token,
                now=context.now,
            )
        )
