"""Somebody of the staff, with a password of their own and an authenticator app. Hashing is quick here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from uuid import UUID

import pyotp
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from domain.accounts import enrolling, passwords, staff
from domain.accounts.enrolling import Enrolment
from domain.accounts.rules import Role
from domain.accounts.sessions import SignedIn
from domain.accounts.staff_rules import Attempt
from domain.foundation.database import Database
from domain.foundation.settings import Settings

OWN = "lantern-market-9"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Member:
    """What somebody of the staff knows and holds."""

    db: Database
    settings: Settings
    id: UUID
    username: str
    password: str
    uri: str

    def code(self, at: datetime) -> str:
        """What the app shows at this moment."""
        app = pyotp.parse_uri(self.uri)
        assert isinstance(app, pyotp.TOTP)
        return app.at(at)

    def wrong_code(self, at: datetime) -> str:
        """Six digits that no app shows about this moment."""
        shown = {self.code(at + timedelta(seconds=30 * step)) for step in (-1, 0, 1)}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in shown)

    def attempt(self, at: datetime, **changes: str) -> Attempt:
        """Name, password and code of this moment, or what is said instead."""
        return replace(Attempt(self.username, self.password, self.code(at)), **changes)

    async def sign_in(self, at: datetime, **changes: str) -> SignedIn:
        """Try."""
        return await staff.sign_in(
            self.db, settings=self.settings, attempt=self.attempt(at, **changes), device="前台", now=at
        )

    async def change_password(self, new: str, at: datetime, **changes: str) -> SignedIn:
        """Try."""
        return await staff.change_password(
            self.db,
            settings=self.settings,
            attempt=self.attempt(at, **changes),
            new_password=new,
            device="前台",
            now=at,
        )


async def member_of(db: Database, settings: Settings, enrolment: Enrolment) -> Member:
    """Whoever was handed this."""
    account_id = await enrolling.account_called(db, enrolment.username)
    return Member(db, settings, account_id, enrolment.username, enrolment.password, enrolment.uri)


Enrol = Callable[..., Awaitable[Member]]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost nothing, and a line for as many as a test sends at once."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(CHEAPEST))
    monkeypatch.setattr(passwords, "_places", BoundedSemaphore(100))


@pytest.fixture
def newcomer(db: Database, settings: Settings, now: datetime, quick: None) -> Enrol:
    """`await newcomer("amei", Role.ADMIN)`: enrolled ten minutes ago, with the one-time password."""

    async def newcomer(username: str = "amei", *roles: Role) -> Member:
        enrolment = await enrolling.add(db, settings=settings, username=username, given=roles, now=now - 10 * MINUTE)
        return await member_of(db, settings, enrolment)

    return newcomer


@pytest.fixture
def member(newcomer: Enrol, now: datetime) -> Enrol:
    """`await member("amei", Role.ADMIN)`: with a password of their own since nine minutes ago."""

    async def member(username: str = "amei", *roles: Role) -> Member:
        new = await newcomer(username, *roles)
        await new.change_password(OWN, now - 9 * MINUTE)
        return replace(new, password=OWN)

    return member
