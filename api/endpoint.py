"""GraphQL over HTTP: one request in, one answer out, with as little as possible in between.

strawberry builds the schema; its HTTP view and its extensions are not used. A request meets, in this order: the
media type and size checks (wire), the answers everyone may share (shared_answers), and what executes it (answering).
"""

from collections.abc import Callable, Hashable
from time import perf_counter

from api.answering import Answering, answer_of, refused
from api.answers import Answer
from api.faults import METHOD_NOT_ALLOWED, SUBSCRIPTION_NEEDS_SOCKET, RequestFault, internal_error
from api.operations import Operation
from api.requests import Request
from api.shared_answers import SharedAnswers
from api.wire import (
    JSON,
    RESPONSE_JSON,
    ASGIApp,
    ClientGone,
    Receive,
    RequestHead,
    Scope,
    Send,
    check_json,
    decode,
    read_body,
    wants_response_json,
)

OnOperation = Callable[[str, str, float, str], None]


class GraphQLEndpoint:
    """An ASGI application that answers GraphQL operations over HTTP, to be mounted as a Starlette route or by itself.

    `make_context(head)` is called once per operation, after its document was found valid.

    `on_operation(label, kind, seconds, outcome)` is told of every request once its answer is known: the label is the
    operation's root field, "several" or "none"; the outcome one of ok, cached, refused (not executed), client_error,
    timeout, internal.

    With `shares_answers`, requests without an Authorization header share the answers of public fields: those that agree
    in every byte of the body and in what `language` makes of the Accept-Language header (bytes; by default the header
    as it is). `ide` answers GET requests of browsers.
    """

    def __init__(
        self,
        answering: Answering,
        *,
        make_context: Callable[[RequestHead], object],
        body_bytes: int = 65_536,
        ide: ASGIApp | None = None,
        on_operation: OnOperation | None = None,
        shares_answers: bool = False,
        language: Callable[[bytes], Hashable] = bytes,
    ) -> None:
        self._answering = answering
        self._shared = SharedAnswers() if shares_answers else None
        self._make_context, self._body_bytes = make_context, body_bytes
        self._ide, self._on_operation, self._language = ide, on_operation, language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; nobody left to answer is no error."""
        head = RequestHead(scope)
        accept = head.headers.get(b"accept", b"")
        if self._ide is not None and scope["method"] == "GET" and b"text/html" in accept:
            await self._ide(scope, receive, send)
            return
        started = perf_counter()
        try:
            answer = await self._answer(head, receive)
        except RequestFault as fault:
            answer = refused(fault)
        except ClientGone:
            return
        except Exception as error:
            answer = answer_of({"errors": [internal_error(error, "none")]}, "internal")
            answer = answer._replace(status=500, older_status=500)
        if self._on_operation is not None:
            self._on_operation(answer.label, answer.kind, perf_counter() - started, answer.outcome)
        await _send(send, answer, newer=wants_response_json(accept))

    async def _answer(self, head: RequestHead, receive: Receive) -> Answer:
        if head.scope["method"] != "POST":
            raise RequestFault.of(METHOD_NOT_ALLOWED, "Send operations by POST.", status=405)
        check_json(head)
        body = await read_body(head, receive, self._body_bytes)
        if self._shared is None or b"authorization" in head.headers:
            request = decode(body)
            return await self._execute(self._prepare(request), request, head)
        asked = (body, self._language(head.headers.get(b"accept-language", b"")))
        if (answer := self._shared.get(asked)) is not None:
            return answer
        request = decode(body)
        operation = self._prepare(request)
        if not operation.public_seconds:
            return await self._execute(operation, request, head)
        return await self._shared.share(
            asked, seconds=operation.public_seconds, find=lambda: self._execute(operation, request, head)
        )

    def _prepare(self, request: Request) -> Operation:
        operation = self._answering.prepare(request)
        if operation.kind == "subscription":
            raise RequestFault.of(
                SUBSCRIPTION_NEEDS_SOCKET, "Subscriptions are answered on the WebSocket only.", well_formed=True
            )
        return operation

    async def _execute(self, operation: Operation, request: Request, head: RequestHead) -> Answer:
        return await self._answering.execute(operation, request.variables, lambda: self._make_context(head))


async def _send(send: Send, answer: Answer, *, newer: bool) -> None:
    headers = [
        (b"content-type", RESPONSE_JSON if newer else JSON),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    status = answer.status if newer else answer.older_status
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
    except OSError:  # some servers say so when nobody listens any more
        return
