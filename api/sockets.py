"""All sockets of a process: who is let in, who has to go because a token was revoked, and how they end with the process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from api.answering import Answering
from api.audiences import Audiences
from api.context import Context
from api.socket_connection import Connection, Greeting, OnOperation, Terms, close
from api.socket_messages import SUBPROTOCOL, Closing
from api.wire import Receive, RequestHead, Scope, Send
from domain.accounts.revocations import Revocations
from domain.foundation import metrics
from domain.foundation.rates import counted_address

DRAIN_SECONDS = 3.0
"""For all sockets to be told that the process ends, and to be gone."""


class Sockets:
    """An ASGI application that speaks graphql-transport-ws; of WebSockets only.

    Any origin may come: the token is in the handshake's payload, cookies mean nothing, and mini-programs send origins of
    their own. At most `at_most` sockets are open, and `per_address` from one address, or one customer's network of IPv6
    (`counted_address`); who comes then is asked to try later.
    """

    def __init__(
        self,
        answering: Answering,
        *,
        terms: Terms,
        at_most: int,
        per_address: int,
        make_context: Callable[[Greeting], Context],
        make_public_context: Callable[[str], Context],
        address: Callable[[RequestHead], str],
        on_operation: OnOperation,
    ) -> None:
        self._answering, self._terms = answering, terms
        self._audiences = Audiences(answering, make_context=make_public_context)
        self._at_most, self._per_address = at_most, per_address
        self._make_context, self._address, self._on_operation = make_context, address, on_operation
        self._open: set[Connection] = set()
        self._addresses: Counter[str] = Counter()
        self._is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until it is closed."""
        await receive()  # websocket.connect
        head = RequestHead(scope)
        if SUBPROTOCOL not in scope.get("subprotocols", ()):
            await _refuse(send, Closing.WRONG_SUBPROTOCOL, "Subprotocol not acceptable", None)
            return
        address = self._address(head)
        if self._is_draining:
            await _refuse(send, Closing.RESTART, "The server restarts.")
        elif len(self._open) >= self._at_most or self._addresses[counted_address(address)] >= self._per_address:
            await _refuse(send, Closing.TRY_LATER, "Too many sockets.")
        else:
            await self._serve(head, address, receive, send)

    async def _serve(self, head: RequestHead, address: str, receive: Receive, send: Send) -> None:
        connection = Connection(
            head,
            receive,
            send,
            address=address,
            terms=self._terms,
            answering=self._answering,
            audiences=self._audiences,
            make_context=self._make_context,
            on_operation=self._on_operation,
        )
        counted = counted_address(address)
        self._open.add(connection)
        self._addresses[counted] += 1
        metrics.sockets_open.set(len(self._open))
        try:
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
            await connection.serve()
        finally:
            self._open.discard(connection)
            self._addresses[counted] -= 1
            if not self._addresses[counted]:
                del self._addresses[counted]
            metrics.sockets_open.set(len(self._open))

    @asynccontextmanager
    async def running(self, revocations: Revocations) -> AsyncIterator[None]:
        """While the process serves: whoever is revoked has to go, and at the end everybody."""
        watching = asyncio.create_task(self._watch(revocations))
        try:
            yield
        finally:
            watching.cancel()
            await self.drain()

    async def drain(self) -> None:
        """Tell every socket that the server restarts (1012) and let none in; returns when all are gone, or after
        DRAIN_SECONDS. A second call does no harm.
        """
        self._is_draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self._open:
                    for connection in self._open:
                        connection.end(Closing.RESTART, "The server restarts.")
                    await asyncio.sleep(0.02)

    async def _watch(self, revocations: Revocations) -> None:
        while True:
            for connection in self._open:
                if connection.principal is not None and revocations.is_revoked(connection.principal):
                    connection.end(Closing.FORBIDDEN, "The access token was revoked.")
            await revocations.wait_for_change()


async def _refuse(send: Send, code: Closing, reason: str, subprotocol: str | None = SUBPROTOCOL) -> None:
    """Accept and close at once: only so a client is told why."""
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    await close(send, (code, reason))
