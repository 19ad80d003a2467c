"""Visitors (访客): by which device somebody came, told by a mark that can be known again and leads nowhere."""

import base64
import hmac

from domain.foundation.settings import Settings


def visitor_of(settings: Settings, *, device: str, address: str, agent: str) -> str:
    """43 characters that stand for a device: for the name that it keeps for itself or, without one, for its address and
    what its program calls itself.

    Neither name nor address can be found out from them without `pass_key`. Another key makes everybody a new visitor.
    """
    # a key of its own: the given one signs passes
    key = hmac.digest(settings.signing_secret, b"visitors", "sha256")
    named = f"device {device}" if device else f"address {address} {agent}"
    return base64.urlsafe_b64encode(hmac.digest(key, named.encode(), "sha256")).rstrip(b"=").decode()
