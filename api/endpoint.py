"""GraphQL over HTTP: one request in, one answer out, with as little as possible in between.

strawberry builds the schema; its HTTP view and its extensions are not used. A request meets, in this order: the
media type and size checks (wire), the answers everyone may share (shared_answers), and what executes it (answering).
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter

from api.answering import Answering, fault_of_ours, refused
from api.answers import Answer
from api.caching import cacheable, entity_tag, is_known
from api.faults import (
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    SUBSCRIPTION_NEEDS_SOCKET,
    RequestFault,
)
from api.languages import language_of
from api.operations import Operation
from api.patience import Abandoned
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
    decode_parameters,
    media_type,
    read_body,
)

READING = frozenset({"GET", "HEAD"})
ALLOWED = ((b"allow", b"GET, HEAD, POST"),)
ALLOWED_TO_CHANGE = ((b"allow", b"POST"),)

OnOperation = Callable[[str, str, float, str], None]


class GraphQLEndpoint:
    """An ASGI application that answers GraphQL operations over HTTP, to be mounted as a Starlette route or by itself.

    `make_context(head)` is called once per operation, after its document was found valid; `address(head)` is where a
    request comes from.

    `on_operation(label, kind, seconds, outcome)` is told of every request once its answer is known: the label is the
    operation's root field, "several" or "none"; the outcome one of ok, cached, refused (not executed), client_error,
    timeout, unavailable, internal.

    With `shares_answers`, requests without an Authorization header share the answers of public fields: those that agree
    in every byte of the body and in what `language` makes of the Accept-Language header. `ide` answers GET requests of
    browsers.
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
        language: Callable[[bytes], str] = language_of,
        address: Callable[[RequestHead], str] = lambda head: "",
    ) -> None:
        self._answering = answering
        self._shared = SharedAnswers() if shares_answers else None
        self._make_context, self._body_bytes = make_context, body_bytes
        self._ide, self._on_operation, self._language, self._address = ide, on_operation, language, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; nobody left to answer is no error."""
        head = RequestHead(scope)
        accept = head.headers.get(b"accept", b"")
        if self._ide is not None and scope["method"] == "GET" and b"text/html" in accept:
            await self._ide(scope, receive, send)
            return
        started = perf_counter()
        content_type = media_type(accept)
        language = self._language(head.headers.get(b"accept-language", b""))
        try:
            if content_type is None:
                message = "Accept application/graphql-response+json or application/json."
                raise RequestFault.of(NOT_ACCEPTABLE, message, status=406)
            answer = await self._answer(head, receive, language)
        except RequestFault as fault:
            answer = refused(fault)
        except (ClientGone, Abandoned):
            return
        except Exception as error:
            answer = refused(fault_of_ours(error, language=language))
        if self._on_operation is not None:
            self._on_operation(answer.label, answer.kind, perf_counter() - started, answer.outcome)
        await _send(send, answer, head, content_type or JSON, language)

    async def _answer(self, head: RequestHead, receive: Receive, language: str) -> Answer:
        method = head.scope["method"]
        if method == "POST":
            check_json(head)
            read, source = self._read_body, await read_body(head, receive, self._body_bytes)
        elif method in READING:
            read, source = self._read_url, b"?" + head.scope.get("query_string", b"")
        else:
            raise RequestFault.of(METHOD_NOT_ALLOWED, "Send operations by POST or GET.", status=405, headers=ALLOWED)
        if self._shared is None or b"authorization" in head.headers:
            request, operation = read(source, head, language)
            return await self._execute(operation, request, head, language, receive)
        asked = (source, language)
        if (answer := self._shared.get(asked)) is not None:
            return answer
        request, operation = read(source, head, language)
        seconds = operation.public_seconds
        if not seconds:
            return await self._execute(operation, request, head, language, receive)

        async def find() -> Answer:
            answer = await self._execute(operation, request, head, language)
            return cacheable(answer, seconds) if method in READING else answer

        return await self._shared.share(asked, seconds=seconds, find=find)

    def _read_body(self, source: bytes, head: RequestHead, language: str) -> tuple[Request, Operation]:
        request = decode(source)
        operation = self._answering.prepare(request, address=partial(self._address, head), language=language)
        _check_kind(operation)
        return request, operation

    def _read_url(self, source: bytes, head: RequestHead, language: str) -> tuple[Request, Operation]:
        """Anybody's page can make a browser send a GET: so it never changes anything, nor executes a document of theirs."""
        request = decode_parameters(source[1:])
        operation = self._answering.prepare(request, only_persisted=True, language=language)
        if operation.kind == "mutation":
            raise RequestFault.of(METHOD_NOT_ALLOWED, "Send mutations by POST.", status=405, headers=ALLOWED_TO_CHANGE)
        _check_kind(operation)
        return request, operation

    async def _execute(
        self, operation: Operation, request: Request, head: RequestHead, language: str, receive: Receive | None = None
    ) -> Answer:
        """A query ends with whoever waits for it; a mutation is carried to its end, as its client cannot know how far it got."""
        gone = partial(_hang_up, receive) if receive is not None and operation.kind == "query" else None
        return await self._answering.execute(
            operation, request.variables, lambda: self._make_context(head), language, gone=gone
        )


async def _hang_up(receive: Receive) -> None:
    """Comes to its end when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _check_kind(operation: Operation) -> None:
    if operation.kind == "subscription":
        raise RequestFault.of(
            SUBSCRIPTION_NEEDS_SOCKET, "Subscriptions are answered on the WebSocket only.", well_formed=True
        )


async def _send(send: Send, answer: Answer, head: RequestHead, content_type: bytes, language: str) -> None:
    newer = content_type is RESPONSE_JSON
    status = answer.status if newer else answer.older_status
    body = answer.body
    headers = [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"content-language", language.encode()),
        *answer.headers,
    ]
    if head.scope["method"] in READING:
        if answer.digest:
            tag = entity_tag(answer, newer=newer)
            headers.append((b"etag", tag))
            if is_known(tag, head.headers.get(b"if-none-match", b"")):
                status, headers = 304, headers[2:]
        if status == 304 or head.scope["method"] == "HEAD":
            body = b""
    try:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    except OSError:  # some servers say so when nobody listens any more
        return
