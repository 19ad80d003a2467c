"""A draw's seed until it is drawn: sealed for its draw, so that the tables alone tell nobody who will win."""

import hmac
import os
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.draws.rules import DrawsSwitchedOff
from domain.foundation.settings import Settings

_NONCE_BYTES = 12


def seal_key(settings: Settings) -> bytes:
    """What seeds are sealed with. Raises DrawsSwitchedOff where NIGHTMARKET_SEAL_KEY is not set."""
    key = settings.seal_key.get_secret_value().encode()
    if not key:
        raise DrawsSwitchedOff()
    # a key of its own: the given one seals other things
    return hmac.digest(key, b"draw-seed", "sha256")


def seal(key: bytes, *, draw_id: UUID, seed: bytes) -> bytes:
    """The seed as it is kept: encrypted and authenticated (AES-256-GCM) with the draw's id."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, seed, draw_id.bytes)


def unseal(key: bytes, *, draw_id: UUID, sealed: bytes) -> bytes:
    """The seed again. Raises cryptography's InvalidTag when key or draw is another."""
    return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], draw_id.bytes)
