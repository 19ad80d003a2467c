"""One socket, from its handshake to its close: what its client says is understood, answered, and bounded."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, NamedTuple

import orjson

from api import socket_messages as messages
from api import subscribing
from api.answering import Answering
from api.audience_members import Member
from api.audience_sources import Source
from api.audiences import Audiences
from api.context import Context
from api.faults import BAD_REQUEST, RequestFault, internal_error
from api.languages import language_of
from api.operations import Operation
from api.requests import Request, read_request
from api.socket_messages import ClientMessage, Closing, Malformed
from api.socket_outgoing import Outgoing
from api.wire import Message, Receive, RequestHead, Send
from domain.accounts.rules import Principal
from domain.foundation import metrics, tracing
from domain.foundation.errors import ClientFault

CLOSE_SECONDS = 1.0
"""For the close frame to be taken by whoever reads; then the connection is cut."""
LEAVE_SECONDS = 5.0
"""For operations that were cancelled to come to their end; one that does not must not hold the socket's place for ever."""
REASON_BYTES = 123
"""RFC 6455, 5.5: a control frame carries 125 bytes, two of which are the code."""
MESSAGES_PER_SECOND = 20
MESSAGES_AT_ONCE = 100
"""What a client may send of a sudden, where it was quiet before. A page that opens has some ten subscriptions."""
TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"

OnOperation = Callable[[str, str, float, str], None]


class Greeting(NamedTuple):
    """What a client says of itself in the handshake; empty where it says nothing."""

    head: RequestHead
    authorization: str = ""
    language: str = ""
    device: str = ""

    @property
    def spoken(self) -> str:
        """The language of its answers."""
        return language_of((self.language or self.head.header("accept-language")).encode())


@dataclass(frozen=True, slots=True)
class Terms:
    """What every socket of a process is held to. Sizes in bytes."""

    message_bytes: int
    queue_bytes: int
    subscriptions: int
    """Operations under way on one socket, at most."""
    ping_seconds: float
    greeting_seconds: float = 10.0


class Connection:
    """A socket. Its context is made anew for each operation, and for each event of a subscription."""

    def __init__(
        self,
        head: RequestHead,
        receive: Receive,
        send: Send,
        *,
        address: str,
        terms: Terms,
        answering: Answering,
        audiences: Audiences,
        make_context: Callable[[Greeting], Context],
        on_operation: OnOperation,
    ) -> None:
        self._greeting, self._address = Greeting(head), address
        self._receive, self._send = receive, send
        self._terms, self._answering, self._audiences = terms, answering, audiences
        self._make_context, self._on_operation = make_context, on_operation
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[tuple[Closing, str] | None] = self._loop.create_future()
        self._outgoing = Outgoing(send, at_most=terms.queue_bytes, on_full=self._drop, on_gone=self._leave)
        # a subscription that is told with others needs no task once it is under way
        self._operations: dict[str, asyncio.Task[None] | Member] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # those of operations, until they have come to their end
        self._heard_at = self._loop.time()
        self._allowance = float(MESSAGES_AT_ONCE)
        self._is_greeted = False
        self.principal: Principal | None = None
        """Who is signed in here; None for anybody."""
        self._alarm = self._loop.call_later(
            terms.greeting_seconds, self.end, Closing.SILENT, "No connection_init came."
        )
        self._expiry: asyncio.TimerHandle | None = None

    async def serve(self) -> None:
        """Answer until either side ends it. An accepted socket is closed when this returns."""
        listening = asyncio.create_task(self._listen())
        try:
            closing = await self._ended
        finally:
            self._alarm.cancel()
            if self._expiry is not None:
                self._expiry.cancel()
            self._outgoing.stop()
            for operation in (*self._operations.values(), *self._tasks):
                operation.cancel()
            # who still waits for a message keeps some servers from sending the close frame
            await _cancelled(listening, within=CLOSE_SECONDS)
        await close(self._send, closing)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LEAVE_SECONDS)

    def end(self, code: Closing, reason: str) -> None:
        """Close the socket with this code; what waits to be sent is not sent any more. The first who says so is obeyed."""
        if not self._ended.done():
            self._ended.set_result((code, reason))

    def _leave(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _drop(self) -> None:
        self._outgoing.stop()
        self.end(Closing.TRY_LATER, "Too slow to read what it asked for.")

    # what is heard

    async def _listen(self) -> None:
        try:
            while not self._ended.done():
                message = await self._next()
                if message["type"] == "websocket.disconnect":
                    self._leave()
                    return
                self._hear(message.get("text"))
        except Malformed as fault:
            self.end(Closing.MALFORMED, str(fault))
        except Exception as error:
            internal_error(error, "socket")
            self.end(Closing.FAULT_OF_OURS, "internal error")

    async def _next(self) -> Message:
        try:
            return await self._receive()
        except (OSError, RuntimeError):  # as some servers say that the other side has left
            return {"type": "websocket.disconnect"}

    def _hear(self, text: str | None) -> None:
        if not self._may_speak():
            return self.end(Closing.TOO_MANY, f"More than {MESSAGES_PER_SECOND} messages a second.")
        if text is None:
            raise Malformed("Messages are sent as text.")
        source = text.encode()
        if len(source) > self._terms.message_bytes:
            return self.end(Closing.TOO_BIG, f"More than {self._terms.message_bytes} bytes.")
        message = messages.read_message(text)
        match message.type:
            case "connection_init":
                self._greet(message.payload or {})
            case "subscribe":
                self._subscribe(message, source)
            case "complete":
                if (operation := self._operations.pop(message.id, None)) is not None:
                    operation.cancel()
            case "ping":
                self._outgoing.say(messages.pong(message.payload))
        return None

    def _may_speak(self) -> bool:
        now = self._loop.time()
        earned = (now - self._heard_at) * MESSAGES_PER_SECOND
        self._allowance = min(self._allowance + earned, float(MESSAGES_AT_ONCE)) - 1
        self._heard_at = now
        return self._allowance >= 0

    def _greet(self, payload: dict[str, Any]) -> None:
        if self._is_greeted:
            return self.end(Closing.TOO_MANY, "Too many initialisation requests")
        self._is_greeted = True
        said = [payload.get(name) or "" for name in ("authorization", "language", "device")]
        said[0] = said[0] or payload.get("Authorization") or ""
        if not all(isinstance(value, str) for value in said):
            raise Malformed("authorization, language and device must be strings.")
        self._greeting = Greeting(self._greeting.head, *said)
        try:
            context = self._make_context(self._greeting)
        except ClientFault:
            return self.end(Closing.FORBIDDEN, "Forbidden")
        self.principal = context.principal
        if self.principal is not None:
            seconds = self.principal.expires_at - context.now.timestamp()
            self._expiry = self._loop.call_later(seconds, self.end, Closing.FORBIDDEN, "The access token has expired.")
        self._alarm.cancel()
        self._alarm = self._loop.call_later(self._terms.ping_seconds, self._ping)
        self._outgoing.say(messages.ack({"serverTime": context.now.isoformat()}))
        return None

    def _ping(self) -> None:
        if self._loop.time() - self._heard_at > 2 * self._terms.ping_seconds:
            return self.end(Closing.SILENT, "Nothing was heard for two pings.")
        self._outgoing.say(messages.PING)
        self._alarm = self._loop.call_later(self._terms.ping_seconds, self._ping)
        return None

    # what is answered

    def _subscribe(self, message: ClientMessage, source: bytes) -> None:
        id = message.id
        if not self._is_greeted:
            return self.end(Closing.BEFORE_HANDSHAKE, "Unauthorized")
        if id in self._operations:
            return self.end(Closing.ID_IN_USE, f"Subscriber for {id} already exists")
        try:
            request = read_request(message.payload or {}, source)
            if len(self._operations) >= self._terms.subscriptions:
                text = f"A socket has {self._terms.subscriptions} operations under way, at most."
                raise RequestFault.of(TOO_MANY_SUBSCRIPTIONS, text)
        except RequestFault as fault:
            if fault.errors[0]["extensions"]["code"] == BAD_REQUEST:
                raise Malformed(str(fault)) from None
            return self._outgoing.say(messages.error(id, fault.errors))
        task = self._operations[id] = asyncio.create_task(self._answer(id, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def _answer(self, id: str, request: Request) -> None:
        try:
            end = await self._answer_all(id, request)
        except RequestFault as fault:
            end = messages.error(id, fault.errors)
        except Exception as error:
            end = messages.error(id, [internal_error(error, "socket", self._greeting.spoken)])
        operation = self._operations.get(id)
        task = operation.joining if isinstance(operation, Member) else operation
        if end is not None and task is asyncio.current_task():
            del self._operations[id]
            self._outgoing.say(end)

    def _end_member(self, member: Member, end: bytes) -> None:
        if self._operations.get(member.id) is member:
            del self._operations[member.id]
            self._outgoing.say(end)

    async def _answer_all(self, id: str, request: Request) -> bytes | None:
        """Say every result; the message that ends the operation is given back, or None while it goes on without us."""
        started = perf_counter()
        operation = self._answering.prepare(request, address=lambda: self._address, language=self._greeting.spoken)
        if operation.kind == "subscription":
            return await self._answer_each(id, operation, request)
        with tracing.span("socket", kind="server"):
            answer = await self._answering.execute(operation, request.variables, self._context, self._greeting.spoken)
            self._on_operation(answer.label, answer.kind, perf_counter() - started, answer.outcome)
        if not answer.is_executed:
            return messages.error(id, orjson.loads(answer.body)["errors"])
        self._outgoing.say(messages.next_(id, answer.body))
        return messages.complete(id)

    async def _answer_each(self, id: str, operation: Operation, request: Request) -> bytes | None:
        started, outcome, language = perf_counter(), "refused", self._greeting.spoken

        def observe() -> None:  # its time is that to its first result: it may go on for hours
            self._on_operation(operation.label, operation.kind, perf_counter() - started, outcome)

        try:
            begun = await subscribing.begin(self._answering, operation, request.variables, self._context, language)
            if isinstance(begun.source, Source):
                await self._join(id, begun, request)
                outcome = "ok"
                observe()
                return None
            async with aclosing(
                subscribing.answers_of(self._answering, begun, self._context, language)  # type: ignore[type-var]
            ) as results:
                async for result in results:
                    if outcome == "refused":
                        outcome = result.outcome
                        observe()
                    self._outgoing.say(messages.next_(id, result.body))
        except RequestFault:
            if outcome == "refused":
                observe()
            raise
        return messages.complete(id)

    async def _join(self, id: str, begun: subscribing.Begun, request: Request) -> None:
        """Have the operation told with all that ask the same; from then on it is no task."""
        member = Member(id, begun.source, say=self._outgoing.say, on_end=self._end_member, make_context=self._context)
        self._operations[id] = member
        await self._audiences.join(begun, request.variables, self._greeting.spoken, member)

    def _context(self) -> Context:
        return self._make_context(self._greeting)


async def close(send: Send, closing: tuple[Closing, str] | None) -> None:
    """Send the close frame, for as long as somebody may be there to read it; nothing for None, who has left."""
    if closing is None:
        metrics.socket_closes.labels("by_client").inc()
        return
    code, reason = closing[0], closing[1].encode()[:REASON_BYTES].decode(errors="ignore")
    metrics.socket_closes.labels(str(code.value)).inc()
    # cancelled, the server lets go of a connection that takes nothing
    with suppress(TimeoutError, OSError, RuntimeError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await send({"type": "websocket.close", "code": code.value, "reason": reason})


async def _cancelled(task: asyncio.Task[None], *, within: float) -> None:
    """A server whose `receive` does not mind being cancelled must not hold the socket's place for ever."""
    task.cancel()
    await asyncio.wait([task], timeout=within)
