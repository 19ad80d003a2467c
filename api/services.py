"""What an API process keeps between requests."""

from dataclasses import dataclass

from domain.accounts.tokens import Verifier
from domain.flash_sales.desk import ClaimDesk
from domain.flash_sales.passes import PassDesk
from domain.foundation.runtime import Market


@dataclass(frozen=True, slots=True)
class Services:
    """The desks and the verifier of one process, on its one event loop."""

    verifier: Verifier
    desk: ClaimDesk
    passes: PassDesk

    @classmethod
    def of(cls, market: Market) -> "Services":
        """Fresh ones."""
        settings = market.settings
        return cls(
            Verifier(settings),
            ClaimDesk(market.gate, key=settings.signing_secret, sold_out_seconds=settings.sold_out_seconds),
            PassDesk(market.db, seconds=settings.pass_seconds),
        )
