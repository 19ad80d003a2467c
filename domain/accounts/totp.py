"""The second factor of staff: time-based one-time passwords (RFC 6238) as every authenticator app has them.

30 seconds, 6 digits, SHA-1. Secrets are kept sealed, each for its account: a row copied to another account opens nothing.
"""

import hmac
import os
from datetime import datetime
from uuid import UUID

import pyotp
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.accounts.rules import LoginSwitchedOff
from domain.foundation.settings import Settings

ISSUER = "Night Market"
STEP_SECONDS = 30
_NONCE_BYTES = 12


def new_secret() -> str:
    """160 random bits in base 32."""
    return pyotp.random_base32()


def uri(secret: str, username: str) -> str:
    """What an app enrols by, mostly as a QR code: otpauth://totp/..."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def step_of(secret: str, code: str, *, used: int, now: datetime) -> int | None:
    """Which step of 30 seconds the code is of: the present one, the one before or the one after, and later than `used`.

    None for every other code. Spaces do not count: apps show `123 456`.
    """
    code = code.replace(" ", "")
    if not (code.isascii() and code.isdigit()):
        return None
    otp = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_SECONDS
    fitting = [step for step in range(present - 1, present + 2) if hmac.compare_digest(otp.generate_otp(step), code)]
    return next((step for step in fitting if step > used), None)


def seal_key(settings: Settings) -> bytes:
    """What secrets are sealed with. Raises LoginSwitchedOff where NIGHTMARKET_SEAL_KEY is not set."""
    key = settings.seal_key.get_secret_value().encode()
    if not key:
        raise LoginSwitchedOff()
    # a key of its own: the given one may come to seal other things
    return hmac.digest(key, b"staff-totp", "sha256")


def seal(key: bytes, *, account_id: UUID, secret: str) -> bytes:
    """The secret as it is kept: encrypted and authenticated (AES-256-GCM) with the account's id."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret.encode(), account_id.bytes)


def unseal(key: bytes, *, account_id: UUID, sealed: bytes) -> str:
    """The secret again. Raises cryptography's InvalidTag when key or account is another."""
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], account_id.bytes).decode()
