"""Which engines run together, and where they answer."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from domain.foundation.embedded.postgres import Postgres
from domain.foundation.embedded.valkey import Valkey


@dataclass(frozen=True)
class Engines:
    """Engines that answer. One that was not asked for is None, and its address is empty."""

    database: Postgres | None
    gate: Valkey | None
    broker: Valkey | None

    @property
    def database_url(self) -> str:
        """For SQLAlchemy, by the asyncpg driver."""
        return self.database.url if self.database else ""

    @property
    def redis_url(self) -> str:
        """For redis-py: a unix socket, and the first logical database."""
        return self.gate.url if self.gate else ""

    @property
    def broker_url(self) -> str:
        """Likewise, of a server of its own: what fills or stalls the queue leaves the gate alone."""
        return self.broker.url if self.broker else ""

    def stop(self) -> None:
        """Leave them, the ledger last; what nobody else uses is stopped. A second call does nothing."""
        with ExitStack() as leaving:  # one that fails to stop does not keep the next one running
            for engine in (self.database, self.gate, self.broker):
                if engine:
                    leaving.callback(engine.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(data_dir: Path, *, database: bool = True, redis: bool = True, broker: bool = True) -> Engines:
    """Start the engines, or join those that other processes run on the same data directory; they answer on return.

    Blocks, a second or two on a new directory, a fraction of one on a known: call it before the event loop runs.
    What a killed run has left behind is recovered. Raises EnginesMissing before anything is touched, and EngineFailed
    after what had been started is stopped.
    """
    data_dir = data_dir.expanduser().resolve()
    engines = Engines(
        database=Postgres(data_dir / "postgres") if database else None,
        gate=Valkey(data_dir / "gate", instead_of="REDIS_URL") if redis else None,
        broker=Valkey(data_dir / "broker", instead_of="BROKER_URL") if broker else None,
    )
    try:
        for engine in (engines.database, engines.gate, engines.broker):
            if engine:
                engine.start()
    except BaseException:
        engines.stop()
        raise
    return engines
