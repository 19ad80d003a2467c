"""What staff sign in with: names and passwords that are allowed, and how many wrong codes lock a sign-in."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from domain.foundation.errors import BadInput, Refusal

TRIES = 5
"""Wrong codes in a row, each with the right password, that lock a sign-in."""
LOCKED_FOR = timedelta(minutes=15)
SHORTEST, LONGEST = 12, 128
"""Characters of a password."""
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
_DIFFERENT = 5
"""Different characters that a password has at least: 111111111111 is none."""
# Those of the well-known lists that are long enough to come this far.
_COMMON = frozenset({
    "123456789012", "1234567890123", "12345678901234", "123456789123", "123456123456", "987654321098", "1q2w3e4r5t6y",
    "1qaz2wsx3edc", "qwertyuiop12", "qwertyuiop123", "qwertyuiopasdfghjkl", "qwerty123456", "qwe123456789", "asdfghjkl123",
    "zxcvbnm12345", "abc123456789", "a123456789012", "abcd12345678", "abcdefghijkl", "password1234", "password12345",
    "passwordpassword", "passw0rd1234", "p@ssw0rd1234", "administrator", "administrator1", "admin1234567", "admin123456789",
    "welcome12345", "letmein12345", "iloveyou1234", "changeme1234", "woaini1314520", "woaini520520", "5201314woaini",
    "woaini123456", "wodemima1234", "nightmarket1", "nightmarket123", "nightmarket2026", "correcthorsebatterystaple",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody who says they are of the staff brings along. Its text shows no secret."""

    username: str
    password: str = field(repr=False)
    code: str = field(repr=False)

    @property
    def name(self) -> str:
        """The username as it is kept; empty when nobody can have it."""
        name = self.username.strip().lower()
        return name if _USERNAME.fullmatch(name) else ""


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong codes in a row, and until when there is a lock after too many."""

    failures: int
    locked_until: datetime | None

    def is_locked(self, now: datetime) -> bool:
        """Whether even the right password and code are refused at this moment."""
        return self.locked_until is not None and now < self.locked_until

    def and_a_wrong_one(self, now: datetime) -> "Tries":
        """The same and one more. What is tried under a lock does not count; after it, counting begins anew."""
        if self.is_locked(now):
            return self
        failures = 1 if self.locked_until else self.failures + 1
        return Tries(failures, now + LOCKED_FOR if failures >= TRIES else None)


class Weakness(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    USERNAME = "username"
    OLD = "old"
    COMMON = "common"


def check_username(username: str) -> str:
    """The name itself. Raises BadInput unless it has 2 to 64 lower-case letters, digits or `._-`."""
    if not _USERNAME.fullmatch(username):
        raise BadInput(
            f"username is {username[:70]!r}; allowed: 2 to 64 lower-case letters, digits or . _ -, a letter or digit first"
        )
    return username


def check_new_password(attempt: Attempt, new: str) -> None:
    """Raises PasswordTooWeak unless it has 12 to 128 characters besides the username, is not the old one and not common."""
    if len(new) > LONGEST:
        raise PasswordTooWeak(Weakness.TOO_LONG)
    composed, old = (unicodedata.normalize("NFKC", password) for password in (new, attempt.password[:LONGEST]))
    lowered = composed.lower()
    weaknesses = {
        Weakness.TOO_SHORT: min(len(new), len(composed)) < SHORTEST,
        Weakness.OLD: composed == old,
        Weakness.COMMON: lowered in _COMMON or len(set(lowered)) < _DIFFERENT,
        Weakness.USERNAME: bool(attempt.name) and len(lowered.replace(attempt.name, "")) < SHORTEST,
    }
    for weakness, is_so in weaknesses.items():
        if is_so:
            raise PasswordTooWeak(weakness)


@dataclass(eq=False)
class SignInRefused(Refusal):
    """Name, password and code do not belong together; which of them is wrong is not told."""

    code: ClassVar[str] = "SIGN_IN_REFUSED"
    zh: ClassVar[str] = "用户名、密码或动态码不正确；动态码连续 5 次错误将锁定 15 分钟"
    en: ClassVar[str] = "name, password or code is wrong; five wrong codes in a row lock the sign-in for 15 minutes"


@dataclass(eq=False)
class StaffLocked(Refusal):
    """After five wrong codes, each with the right password, nobody signs in under this name for 15 minutes.

    Told only to whoever brings the right password and code, which is used up by that: anybody else learns neither that
    there is such a name nor that it is locked.
    """

    locked_until: datetime

    code: ClassVar[str] = "STAFF_LOCKED"
    zh: ClassVar[str] = "动态码连续输错次数过多，请稍后再试"
    en: ClassVar[str] = "too many wrong codes; sign in again after {locked_until:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(eq=False)
class PasswordChangeNeeded(Refusal):
    """The password is a one-time one; `changeStaffPassword`, with a new code, sets one that stays."""

    code: ClassVar[str] = "PASSWORD_CHANGE_NEEDED"
    zh: ClassVar[str] = "请先修改初始密码"
    en: ClassVar[str] = "this password was for once; choose one of your own"


@dataclass(eq=False)
class PasswordTooWeak(Refusal):
    """A password that others would guess."""

    weakness: Weakness

    code: ClassVar[str] = "PASSWORD_TOO_WEAK"
    zh: ClassVar[str] = "密码不符合要求"
    en: ClassVar[str] = "this password is not allowed"

    def message(self, language: str = "zh") -> str:
        """The sentence about this weakness."""
        zh, en = _WEAKNESSES[self.weakness]
        return en if language == "en" else zh


_WEAKNESSES = {
    Weakness.TOO_SHORT: (f"密码至少需要 {SHORTEST} 个字符", f"a password has at least {SHORTEST} characters"),
    Weakness.TOO_LONG: (f"密码最多 {LONGEST} 个字符", f"a password has at most {LONGEST} characters"),
    Weakness.USERNAME: (
        f"除用户名外，密码至少还需要 {SHORTEST} 个字符",
        f"a password has at least {SHORTEST} characters besides the username",
    ),
    Weakness.OLD: ("新密码不能与旧密码相同", "the new password is the old one"),
    Weakness.COMMON: ("该密码过于常见", "this password is too common"),
}


@dataclass(eq=False)
class UsernameTaken(Refusal):
    """Somebody else of the staff has this name."""

    username: str

    code: ClassVar[str] = "USERNAME_TAKEN"
    zh: ClassVar[str] = "用户名 {username} 已被使用"
    en: ClassVar[str] = "somebody else of the staff is called {username}"


@dataclass(eq=False)
class LastAdmin(Refusal):
    """Without this admin there would be none left."""

    code: ClassVar[str] = "LAST_ADMIN"
    zh: ClassVar[str] = "至少需要保留一名管理员"
    en: ClassVar[str] = "this is the last admin; make somebody else one first"


@dataclass(eq=False)
class SecondFactorMissing(Refusal):
    """A role behind the counter is for those who sign in with a second factor; `nightmarket staff add` enrols them."""

    code: ClassVar[str] = "SECOND_FACTOR_MISSING"
    zh: ClassVar[str] = "该账户没有员工登录方式，不能担任后台角色"
    en: ClassVar[str] = "this account cannot sign in as staff, so it cannot have a role behind the counter"
