"""What a resolver knows of the request it serves."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from strawberry.types import Info as StrawberryInfo

from api.services import Services
from domain.accounts.rules import Principal
from domain.foundation.errors import NotSignedIn
from domain.foundation.runtime import Market


@dataclass(slots=True)
class Context:
    """One operation: who asks, when, in which language. Never shared between operations."""

    market: Market
    services: Services
    now: datetime
    principal: Principal | None = None
    language: str = "zh"
    address: str = ""
    """Where the request comes from: the client's IP address, as far as trusted proxies tell."""
    device: str = ""
    """The random name that a client keeps for its device, from `X-Device-Id`; anybody may send any."""
    agent: str = ""
    """What the client's program calls itself: its `User-Agent`."""
    refused: NotSignedIn | None = None
    """Why the access token that came along proves nothing: such an operation may sign in, and do nothing else."""
    loaders: dict[Any, Any] = field(default_factory=dict)

    @property
    def shopper(self) -> Principal:
        """Who asks, when it must be somebody. Raises NotSignedIn."""
        if self.principal is None:
            raise NotSignedIn("sign in first: send `Authorization: Bearer <access token>`")
        return self.principal


Info = StrawberryInfo[Context, None]
