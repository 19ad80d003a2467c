"""Which errors mean that an engine or a company does not answer just now: nobody's fault here, and worth another try."""

from redis.exceptions import ClusterDownError, OutOfMemoryError, ReadOnlyError, RedisClusterException
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from domain.flash_sales.rules import FlashSaleBusy

RETRY_AFTER_SECONDS = 2

_GONE = (
    ConnectionError,
    TimeoutError,
    PoolExhausted,  # the ledger: it answers, but not soon enough for all who ask
    # the gate: not there, full, or without a master
    RedisConnectionError,
    RedisTimeoutError,
    RedisClusterException,
    ClusterDownError,
    ReadOnlyError,
    OutOfMemoryError,
    FlashSaleBusy,  # the gate again, at a field that has no refusals to answer with: node(id:)
)

_GONE_STATES = ("08", "53", "57P")
"""What PostgreSQL calls it (SQLSTATE): connection exceptions, insufficient resources, shutting down or starting."""


def is_outage(error: BaseException) -> bool:
    """Whether whoever asked may hope that the same request succeeds in a moment."""
    if isinstance(error, _GONE):
        return True
    told_by: BaseException | None = error
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        told_by = error.orig
    return str(getattr(told_by, "sqlstate", None)).startswith(_GONE_STATES)
