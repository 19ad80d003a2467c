"""Access tokens, signed statements of who somebody is and in which roles, and refresh tokens, which say nothing.

Keys rotate by key id: the first configured key signs, every configured key verifies; drop a key to end its tokens.
Only HS256 is accepted, whatever a token's header says.
"""

import hashlib
import math
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt

from domain.accounts.rules import Principal, Role
from domain.foundation import ids
from domain.foundation.errors import NotSignedIn
from domain.foundation.settings import Settings

ALGORITHM = "HS256"
AUDIENCE = "nightmarket"
LONGEST = 2_048
"""Characters of an access token, at most; ours have about 400. A longer one is refused unread."""
REFRESH_SHAPE = re.compile(r"nmr_[A-Za-z0-9_-]{43}")
"""A refresh token: 256 random bits behind a prefix by which logs can tell it."""


@dataclass(frozen=True)
class AccessToken:
    """A signed token and the moment from which on it is refused."""

    text: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class RefreshToken:
    """What gets the next access token, once, and the moment from which on it does not."""

    text: str = field(repr=False)
    expires_at: datetime


def issue(settings: Settings, principal: Principal, *, now: datetime) -> AccessToken:
    """A token for `token_seconds` from now, signed with the newest key."""
    key_id, secret = next(iter(settings.token_keys.items()))
    expires_at = now + timedelta(seconds=settings.token_seconds)
    claims = {
        "sub": ids.encode("account", principal.account_id),
        "roles": sorted(principal.roles),
        "aud": AUDIENCE,
        # to the microsecond: whoever signs out everywhere and in again within a second is believed
        "iat": now.timestamp(),
        "exp": int(expires_at.timestamp()),
    }
    if principal.session_id is not None:
        claims["sid"] = ids.encode("session", principal.session_id)
    text = jwt.encode(claims, secret.get_secret_value(), ALGORITHM, headers={"kid": key_id})
    return AccessToken(text, expires_at.replace(microsecond=0))


def new_refresh_token(expires_at: datetime) -> RefreshToken:
    """A fresh one. Whoever keeps it keeps its digest only."""
    return RefreshToken(f"nmr_{secrets.token_urlsafe(32)}", expires_at)


def digest_of(refresh_token: str) -> bytes | None:
    """The SHA-256 under which a refresh token is kept; None for what cannot be one."""
    return hashlib.sha256(refresh_token.encode()).digest() if REFRESH_SHAPE.fullmatch(refresh_token) else None


def _nobody(principal: Principal) -> bool:
    return False


class Verifier:
    """Checks tokens; one that was good a moment ago is remembered, so that a busy shopper costs one signature."""

    def __init__(
        self, settings: Settings, *, is_revoked: Callable[[Principal], bool] = _nobody, remembered: int = 10_000
    ) -> None:
        self._keys = {key_id: secret.get_secret_value() for key_id, secret in settings.token_keys.items()}
        self._seconds = settings.token_seconds
        self._is_revoked = is_revoked
        self._remembered: OrderedDict[str, Principal] = OrderedDict()
        self._capacity = remembered

    def principal(self, token: str, *, now: datetime) -> Principal:
        """Who the token speaks of. Raises NotSignedIn when it is forged, of an unknown key, over, or revoked, and what
        `is_revoked` raises.
        """
        known = self._remembered.get(token)
        if known is None:
            known = self._verify(token)
            self._remembered[token] = known
            if len(self._remembered) > self._capacity:
                self._remembered.popitem(last=False)
        if now.timestamp() >= known.expires_at:
            self._remembered.pop(token, None)
            raise NotSignedIn("the access token has expired; sign in again")
        if self._is_revoked(known):
            raise NotSignedIn("the access token was revoked; sign in again")
        return known

    def _verify(self, token: str) -> Principal:
        try:
            if len(token) > LONGEST:
                raise ValueError("too long")
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            # expiry is compared with our own `now` on every use, also on remembered tokens
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "roles", "iat", "exp"], "verify_exp": False, "verify_iat": False},
            )
            issued_at = _moment(claims["iat"])
            return Principal(
                ids.decode("account", claims["sub"]),
                frozenset(Role(role) for role in claims["roles"]),
                ids.decode("session", claims["sid"]) if "sid" in claims else None,
                issued_at,
                # none outlives this: what was revoked is remembered no longer
                min(_moment(claims["exp"]), issued_at + self._seconds),
            )
        except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise NotSignedIn("the access token is not valid; sign in again") from error


def _moment(claim: Any) -> float:
    """Seconds since 1970. Raises ValueError for anything but a number."""
    if type(claim) not in {int, float} or not math.isfinite(claim):
        raise ValueError("no moment")
    return float(claim)
