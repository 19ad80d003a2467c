"""What a process of the market holds open: settings, ledger and gate."""

from dataclasses import dataclass

from domain.foundation.database import Database
from domain.foundation.redis import Gate, connect
from domain.foundation.settings import Settings


@dataclass(frozen=True)
class Market:
    """The connections of one process, made on one event loop and closed there."""

    settings: Settings
    db: Database
    gate: Gate

    @classmethod
    def open(cls, settings: Settings) -> "Market":
        """Lazy connections to the configured engines; nothing is dialled yet."""
        db = Database.connect(
            settings.database_url.get_secret_value(),
            connections=settings.database_connections,
            statement_seconds=settings.statement_seconds,
        )
        return cls(settings, db, connect(settings.redis_url.get_secret_value(), cluster=settings.redis_cluster))

    async def close(self) -> None:
        """Close both; safe when one was never used."""
        await self.gate.aclose()
        await self.db.close()
