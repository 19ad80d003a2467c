"""PostgreSQL: one `Database` per process, one `Transaction` per action.

A function that takes `db` owns its transaction; one that takes `tx` lives in its caller's.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.foundation import metrics, outbox, tracing
from domain.foundation.reporting import note_failure

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]
AnyRow = Row[*tuple[Any, ...]]
STATEMENTS = "nightmarket_statements"
"""Where a connection counts them, while traces are sent."""


class Reader:
    """What both a transaction and a plain connection can do: ask."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    async def one(self, statement: Executable, parameters: Parameters | None = None) -> AnyRow | None:
        """The only row, or None. Raises MultipleResultsFound when there are more."""
        return (await self.connection.execute(statement, parameters)).one_or_none()

    async def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[AnyRow]:
        """All rows, in memory: bound what you ask for."""
        return (await self.connection.execute(statement, parameters)).all()

    async def column(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Any]:
        """The first column of all rows."""
        return (await self.connection.execute(statement, parameters)).scalars().all()

    async def value(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.connection.execute(statement, parameters)).scalar()


class Transaction(Reader):
    """An open transaction. Leaving its block by an exception rolls back, events and all."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._events: list[outbox.Event] = []
        self._afterwards: list[Callable[[], Awaitable[object]]] = []

    async def execute(self, statement: Executable, parameters: Parameters | None = None) -> int:
        """Run a statement that changes rows; gives back how many it changed."""
        return (await self.connection.execute(statement, parameters)).rowcount

    def record(self, event: outbox.Event) -> None:
        """Keep an event with the data: it is delivered at least once if, and only if, this transaction commits."""
        self._events.append(event)

    def after_commit(self, call: Callable[[], Awaitable[object]]) -> None:
        """Best effort: called once the commit stands; a failure is logged and forgotten."""
        self._afterwards.append(call)

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """A part that may be undone by itself: leaving its block by an exception rolls back what was done within.

        The events recorded and the calls put off within it go with it; the transaction goes on.
        """
        return _OneSavepoint(self)

    async def _write_events(self) -> None:
        if self._events:
            await self.connection.execute(insert(outbox.events), [outbox.row_of(event) for event in self._events])
            await self.connection.execute(outbox.WAKE_RELAY)

    async def _call_afterwards(self) -> None:
        for call in self._afterwards:
            try:
                await call()
            except Exception as error:
                note_failure("after_commit_failed", error, call=repr(call))


class _OneTransaction(AbstractAsyncContextManager[Transaction]):
    """What `async with db.transaction()` enters.

    Not made by @asynccontextmanager, which writes to the exceptions that pass through it: refusals are frozen.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> Transaction:
        async with AsyncExitStack() as stack:
            stack.enter_context(tracing.within("transaction", kind="client"))
            connection = await stack.enter_async_context(_OneConnection(self._engine))
            await stack.enter_async_context(connection.begin())
            self._tx = Transaction(connection)
            stack.push_async_exit(self._write_events)
            self._stack = stack.pop_all()
        return self._tx

    async def __aexit__(self, kind: type[BaseException] | None, *raised: Any) -> None:
        await self._stack.__aexit__(kind, *raised)
        if kind is None:
            await self._tx._call_afterwards()

    async def _write_events(self, kind: type[BaseException] | None, *raised: Any) -> None:
        if kind is None:
            await self._tx._write_events()


class _OneSavepoint(AbstractAsyncContextManager[None]):
    """What `async with tx.savepoint()` enters; not made by @asynccontextmanager for the same reason."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def __aenter__(self) -> None:
        self._events, self._afterwards = len(self._tx._events), len(self._tx._afterwards)
        self._part = self._tx.connection.begin_nested()
        await self._part.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, *raised: Any) -> None:
        if kind is not None:
            del self._tx._events[self._events :]
            del self._tx._afterwards[self._afterwards :]
        await self._part.__aexit__(kind, *raised)


class _OneReading(AbstractAsyncContextManager[Reader]):
    """What `async with db.reading()` enters; not made by @asynccontextmanager for the same reason."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def __aenter__(self) -> Reader:
        async with AsyncExitStack() as stack:
            stack.enter_context(tracing.within("reading", kind="client"))
            connection = await stack.enter_async_context(_OneConnection(self._engine))
            reader = Reader(await connection.execution_options(isolation_level="AUTOCOMMIT"))
            self._stack = stack.pop_all()
        return reader

    async def __aexit__(self, *raised: Any) -> None:
        await self._stack.__aexit__(*raised)


class _OneConnection(AbstractAsyncContextManager[AsyncConnection]):
    """A connection of the pool, counted while it is waited for and while it is used."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._connection = engine.connect()

    async def __aenter__(self) -> AsyncConnection:
        metrics.connections_waiting.inc()
        try:
            connection = await self._connection.__aenter__()
        finally:
            metrics.connections_waiting.dec()
        metrics.connections_in_use.inc()
        connection.info.pop(STATEMENTS, None)
        return connection

    async def __aexit__(self, *raised: Any) -> None:
        metrics.connections_in_use.dec()
        if tracing.is_on() and not self._connection.invalidated:
            tracing.describe(statements=self._connection.info.get(STATEMENTS, 0))
        await self._connection.__aexit__(*raised)


class Database:
    """The pool of connections to the ledger."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    def connect(cls, url: str, *, connections: int = 10, statement_seconds: float = 15.0) -> "Database":
        """A lazy pool: nothing is dialled until the first statement."""
        engine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,  # an error's text goes to the log, and parameters are people's
            connect_args={
                "server_settings": {
                    "application_name": "nightmarket",
                    "timezone": "UTC",
                    "jit": "off",
                    "statement_timeout": str(int(statement_seconds * 1000)),
                    "idle_in_transaction_session_timeout": "60000",
                },
            },
        )
        if tracing.is_on():
            listen(engine.sync_engine, "before_cursor_execute", _count_statement)
        return cls(engine)

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction (READ COMMITTED): commits at the end of the block, rolls back when it raises."""
        return _OneTransaction(self.engine)

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """A connection for questions only; each statement sees the newest commit."""
        return _OneReading(self.engine)

    async def one(self, statement: Executable, parameters: Parameters | None = None) -> AnyRow | None:
        """`Reader.one` on a connection of its own."""
        async with self.reading() as reader:
            return await reader.one(statement, parameters)

    async def rows(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[AnyRow]:
        """`Reader.rows` on a connection of its own."""
        async with self.reading() as reader:
            return await reader.rows(statement, parameters)

    async def column(self, statement: Executable, parameters: Parameters | None = None) -> Sequence[Any]:
        """`Reader.column` on a connection of its own."""
        async with self.reading() as reader:
            return await reader.column(statement, parameters)

    async def value(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """`Reader.value` on a connection of its own."""
        async with self.reading() as reader:
            return await reader.value(statement, parameters)

    async def close(self) -> None:
        """Give every connection back to PostgreSQL."""
        await self.engine.dispose()


def _count_statement(connection: Connection, *_: Any) -> None:
    connection.info[STATEMENTS] = connection.info.get(STATEMENTS, 0) + 1
