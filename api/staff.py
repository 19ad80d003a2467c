"""Staff sign in: a name, a password and a second factor, all three at once."""

from typing import Annotated

import strawberry

from api import rates
from api.access import Who, to
from api.accounts import SignedIn
from api.context import Info
from api.rates import Rate
from api.refusals import refusal
from domain.accounts import staff
from domain.accounts.rules import AccountDisabled, LoginSwitchedOff
from domain.accounts.staff_rules import (
    Attempt,
    PasswordChangeNeeded,
    PasswordTooWeak,
    SignInRefused,
    StaffLocked,
    Weakness,
)

strawberry.enum(Weakness, name="PasswordWeakness", description="Why a password is not taken.")


@strawberry.input(description="Sign in as staff.")
class SignInAsStaffInput:
    """Who, and what proves it."""

    username: str
    password: str
    totp: str = strawberry.field(description="The six digits of the authenticator app; each is good for one try.")
    device: str = strawberry.field(default="", description="What this device is called: at most 100 characters.")


@strawberry.input(description="Choose another password, with the present one and a code.")
class ChangeStaffPasswordInput:
    """Who, what proves it, and the new password."""

    username: str
    password: str = strawberry.field(description="The present one; the one-time password at the first time.")
    totp: str = strawberry.field(description="The six digits of the authenticator app; each is good for one try.")
    new_password: str = strawberry.field(
        description="12 to 128 characters, of which the username counts for none; not a common one, and not the present one."
    )
    device: str = strawberry.field(default="", description="What this device is called: at most 100 characters.")


SignInAsStaffResult = Annotated[
    SignedIn
    | refusal(SignInRefused)
    | refusal(StaffLocked)
    | refusal(PasswordChangeNeeded)
    | refusal(AccountDisabled)
    | refusal(LoginSwitchedOff),
    strawberry.union("SignInAsStaffResult"),
]
ChangeStaffPasswordResult = Annotated[
    SignedIn
    | refusal(SignInRefused)
    | refusal(StaffLocked)
    | refusal(PasswordTooWeak)
    | refusal(AccountDisabled)
    | refusal(LoginSwitchedOff),
    strawberry.union("ChangeStaffPasswordResult"),
]


@strawberry.type
class StaffMutation:
    """Signing in behind the counter."""

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.STAFF_LOGIN)],
        description="Sign in as staff. Five wrong codes in a row, each with the right password, lock the sign-in for 15 minutes.",
    )
    async def sign_in_as_staff(self, info: Info, input: SignInAsStaffInput) -> SignInAsStaffResult:
        """Sign in."""
        context = info.context
        signed_in = await staff.sign_in(
            context.market.db,
            settings=context.market.settings,
            attempt=Attempt(input.username, input.password, input.totp),
            device=input.device,
            now=context.now,
        )
        return SignedIn.of(signed_in)

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.STAFF_LOGIN)],
        description="Choose another password, needed before the first sign-in. All other sessions end. Wrong codes count as "
        "those of `signInAsStaff`.",
    )
    async def change_staff_password(self, info: Info, input: ChangeStaffPasswordInput) -> ChangeStaffPasswordResult:
        """Change the password."""
        context = info.context
        signed_in = await staff.change_password(
            context.market.db,
            settings=context.market.settings,
            attempt=Attempt(input.username, input.password, input.totp),
            new_password=input.new_password,
            device=input.device,
            now=context.now,
        )
        return SignedIn.of(signed_in)
