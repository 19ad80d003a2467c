"""Access tokens: signed statements of who somebody is and in which roles, checked without a look-up.

Keys rotate by key id: the first configured key signs, every configured key verifies; drop a key to end its tokens.
Only HS256 is accepted, whatever a token's header says.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

from domain.accounts.rules import Principal, Role
from domain.foundation import ids
from domain.foundation.errors import NotSignedIn
from domain.foundation.settings import Settings

ALGORITHM = "HS256"
AUDIENCE = "nightmarket"


@dataclass(frozen=True)
class AccessToken:
    """A signed token and the moment from which on it is refused."""

    text: str
    expires_at: datetime


def issue(settings: Settings, principal: Principal, *, now: datetime) -> AccessToken:
    """A token for `token_seconds` from now, signed with the newest key."""
    key_id, secret = next(iter(settings.token_keys.items()))
    expires_at = now + timedelta(seconds=settings.token_seconds)
    claims = {
        "sub": ids.encode("account", principal.account_id),
        "roles": sorted(principal.roles),
        "aud": AUDIENCE,
        "iat": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    text = jwt.encode(claims, secret.get_secret_value(), ALGORITHM, headers={"kid": key_id})
    return AccessToken(text, expires_at.replace(microsecond=0))


class Verifier:
    """Checks tokens; one that was good a moment ago is remembered, so that a busy shopper costs one signature."""

    def __init__(self, settings: Settings, *, remembered: int = 10_000) -> None:
        self._keys = {key_id: secret.get_secret_value() for key_id, secret in settings.token_keys.items()}
        self._remembered: OrderedDict[str, tuple[Principal, float]] = OrderedDict()
        self._capacity = remembered

    def principal(self, token: str, *, now: datetime) -> Principal:
        """Who the token speaks of. Raises NotSignedIn when it is forged, of an unknown key, or over."""
        known = self._remembered.get(token)
        if known is None:
            known = self._verify(token)
            self._remembered[token] = known
            if len(self._remembered) > self._capacity:
                self._remembered.popitem(last=False)
        principal, expires_at = known
        if now.timestamp() >= expires_at:
            self._remembered.pop(token, None)
            raise NotSignedIn("the access token has expired; sign in again")
        return principal

    def _verify(self, token: str) -> tuple[Principal, float]:
        try:
            key = self._keys[str(jwt.get_unverified_header(token).get("kid"))]
            # expiry is compared with our own `now` on every use, also on remembered tokens
            claims = jwt.decode(
                token,
                key,
                [ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "exp"], "verify_exp": False, "verify_iat": False},
            )
            account_id: UUID = ids.decode("account", claims["sub"])
            roles = frozenset(Role(role) for role in claims.get("roles", ()))
            return Principal(account_id, roles), float(claims["exp"])
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise NotSignedIn("the access token is not valid; sign in again") from error
