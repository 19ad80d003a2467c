"""The GraphQL endpoint: one HTTP request in, one answer out, with as little as possible in between.

strawberry builds the schema; its HTTP view and its extensions are not used. A request meets, in this order: the
media type and size checks (wire), the answers everyone may share (shared_answers), the document as it was parsed
and validated the first time (documents), the executor (execution), and the rules of what an error tells (faults).
"""

from collections.abc import Callable, Hashable
from time import perf_counter
from typing import Any

import orjson
import strawberry
from graphql import assert_valid_schema

from api.documents import Documents
from api.execution import Execution
from api.faults import (
    METHOD_NOT_ALLOWED,
    SUBSCRIPTION_NEEDS_SOCKET,
    TIMEOUT,
    RequestFault,
    code_of,
    internal_error,
    sort_out,
)
from api.limits import Limits
from api.operations import Operation, PublicSeconds
from api.patience import within
from api.shared_answers import Answer, SharedAnswers
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

NOT_ADMITTED = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403}
HEADERS: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    405: ((b"allow", b"POST"),),
    408: ((b"connection", b"close"),),  # what is left of the body would be taken for the next request
}


class GraphQLEndpoint:
    """An ASGI application that executes GraphQL operations, to be mounted as a Starlette route or called by itself.

    `make_context(head)` is called once per operation, after its document was found valid. What it or a resolver
    raises of `client_errors` is told with its own `code` and message; anything else raised is masked and logged.

    `on_operation(label, kind, seconds, outcome)` is told of every request once its answer is known: the label is the
    operation's root field, "several" or "none"; the outcome one of ok, cached, refused (not executed), client_error,
    timeout, internal.

    `public_seconds(field)` says how long a root field's answer is the same for everyone, 0 for never. Only requests
    without an Authorization header share answers, and only those that agree in every byte of the body and in what
    `language` makes of the Accept-Language header (bytes; by default the header as it is).

    `seconds` is the time an operation may take; one that takes longer is cancelled. `ide` answers GET requests of
    browsers. `suggestions` lets errors guess what a misspelt name was meant to be, which tells the schema.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        make_context: Callable[[RequestHead], object],
        client_errors: tuple[type[Exception], ...] = (),
        limits: Limits = Limits(),  # noqa: B008  # frozen
        body_bytes: int = 65_536,
        seconds: float = 10.0,
        introspection: bool = True,
        suggestions: bool = False,
        ide: ASGIApp | None = None,
        on_operation: OnOperation | None = None,
        public_seconds: PublicSeconds | None = None,
        language: Callable[[bytes], Hashable] = bytes,
    ) -> None:
        assert_valid_schema(schema._schema)
        self._documents = Documents(
            schema, limits=limits, introspection=introspection, suggestions=suggestions, public_seconds=public_seconds
        )
        self._shared = None if public_seconds is None else SharedAnswers()
        self._make_context, self._client_errors = make_context, client_errors
        self._body_bytes, self._seconds = body_bytes, seconds
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
            answer = _refused(fault)
        except ClientGone:
            return
        except Exception as error:
            answer = _answer({"errors": [internal_error(error, "none")]}, "internal")
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
            operation, given = self._prepare(body)
            return await self._execute(operation, given, head)
        asked = (body, self._language(head.headers.get(b"accept-language", b"")))
        if (answer := self._shared.get(asked)) is not None:
            return answer
        operation, given = self._prepare(body)
        if not operation.public_seconds:
            return await self._execute(operation, given, head)
        return await self._shared.share(
            asked, seconds=operation.public_seconds, find=lambda: self._execute(operation, given, head)
        )

    def _prepare(self, body: bytes) -> tuple[Operation, dict[str, Any]]:
        text, name, variables = decode(body)
        operation = self._documents.get(text).operation(name)
        if operation.kind == "subscription":
            raise RequestFault.of(
                SUBSCRIPTION_NEEDS_SOCKET, "Subscriptions are answered on the WebSocket only.", well_formed=True
            )
        return operation, variables

    async def _execute(self, operation: Operation, given: dict[str, Any], head: RequestHead) -> Answer:
        label, kind = operation.label, operation.kind
        try:
            context = self._make_context(head)
            variables = operation.coerce(given)
        except RequestFault as fault:
            return _refused(fault, label, kind)
        except self._client_errors as error:  # who asks may not ask at all
            return _refused(_not_admitted(error), label, kind)
        try:
            data, errors = await within(self._seconds, Execution(operation, variables, context).run())
        except TimeoutError:
            message = f"The operation took longer than {self._seconds:g} seconds and was cancelled."
            content = {"errors": [{"message": message, "extensions": {"code": TIMEOUT}}], "data": None}
            return _answer(content, "timeout", label, kind)
        if not errors:
            return _answer({"data": data}, "ok", label, kind)
        entries, is_ours = sort_out(errors, self._client_errors, label)
        return _answer({"errors": entries, "data": data}, "internal" if is_ours else "client_error", label, kind)


def _answer(content: dict[str, Any], outcome: str, label: str = "none", kind: str = "none") -> Answer:
    try:
        return Answer(orjson.dumps(content), outcome, label, kind)
    except TypeError as error:  # a scalar of ours made something that is not JSON, or an integer beyond 64 bits
        masked = {"errors": [internal_error(error, label)], "data": None}
        return Answer(orjson.dumps(masked), "internal", label, kind)


def _refused(fault: RequestFault, label: str = "none", kind: str = "none") -> Answer:
    return _answer({"errors": fault.errors}, "refused", label, kind)._replace(
        status=fault.status,
        older_status=200 if fault.well_formed else fault.status,
        headers=HEADERS.get(fault.status, ()),
    )


def _not_admitted(error: Exception) -> RequestFault:
    code = code_of(error)
    return RequestFault.of(code, str(error), status=NOT_ADMITTED.get(code, 400))


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
