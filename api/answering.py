"""From a request that was understood to its answer, whichever wire brought it.

A request meets, in this order: the document as it was parsed and validated the first time (documents), whoever may say
that there were too many of them (admit), the executor (execution), and the rules of what an error tells (faults).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
import strawberry
from graphql import assert_valid_schema
from graphql.execution.values import VariableValues

from api.answers import NO_STORE, Answer, Headers
from api.documents import Documents
from api.execution import Execution
from api.faults import (
    TIMEOUT,
    UNAVAILABLE,
    RequestFault,
    code_of,
    internal_error,
    message_of,
    sentence,
    sort_out,
)
from api.limits import Limits
from api.operations import Operation, PublicSeconds
from api.outages import RETRY_AFTER_SECONDS
from api.patience import Gone, while_awaited, within
from api.reading import Reader
from api.reading_time import ReadingTime
from api.requests import Request

C = TypeVar("C")
Admit = Callable[[Any, Operation, dict[str, Any]], Awaitable[None]]

NOT_ADMITTED = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429}
HEADERS: dict[int, Headers] = {
    401: ((b"www-authenticate", b"Bearer"),),
    408: ((b"connection", b"close"),),  # what is left of the body would be taken for the next request
}

RETRY_AFTER = (b"retry-after", b"%d" % RETRY_AFTER_SECONDS)


class Answering:
    """Executes the operations of one schema.

    What a context's maker or a resolver raises of `client_errors` is told with its own `code` and message; anything else
    raised is masked and logged. `admit(context, operation, variables)` may raise one of them before anything is executed;
    how long it takes is its own to limit, as `seconds` begin after it.

    `documents` are the registered ones, text by id; without `adhoc` no others are executed.

    `public_seconds(field)` says how long a root field's answer is the same for everyone, 0 for never. `seconds` is the
    time an operation may take; one that takes longer is cancelled. `suggestions` lets errors guess what a misspelt name
    was meant to be, which tells the schema.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        client_errors: tuple[type[Exception], ...] = (),
        limits: Limits = Limits(),  # noqa: B008  # frozen
        seconds: float = 10.0,
        introspection: bool = True,
        suggestions: bool = False,
        public_seconds: PublicSeconds | None = None,
        admit: Admit | None = None,
        documents: Mapping[str, str] | None = None,
        adhoc: bool = True,
        reading_time: ReadingTime | None = None,
    ) -> None:
        assert_valid_schema(schema._schema)
        reader = Reader(
            schema, limits=limits, introspection=introspection, suggestions=suggestions, public_seconds=public_seconds
        )
        self._documents = Documents(reader, registered=documents, adhoc=adhoc, reading_time=reading_time)
        self.client_errors, self._seconds, self._admit = client_errors, seconds, admit

    def prepare(
        self,
        request: Request,
        *,
        only_persisted: bool = False,
        address: Callable[[], str] | None = None,
        language: str = "en",
    ) -> Operation:
        """The operation asked for, of any kind. Raises RequestFault when it cannot be executed.

        With `only_persisted` the document must be named by its id, or be a registered one. `address` tells where the
        request comes from, should anybody have to know; `language` is spoken to whoever has sent too many documents.
        """
        try:
            document = self._documents.find(request, only_persisted=only_persisted, address=address)
        except self.client_errors as error:
            raise not_admitted(error, language) from None
        return document.operation(request.name)

    async def admit(
        self, operation: Operation, given: dict[str, Any], make_context: Callable[[], C], language: str = "en"
    ) -> tuple[C, VariableValues, orjson.Fragment]:
        """What a query, mutation or subscription that may be executed now is executed with: its context, its variables
        as resolvers take them, and the `extensions` of its answers. Raises RequestFault for one that may not, and for
        a fault of ours, which is masked and logged.
        """
        try:
            context = make_context()
            if self._admit is not None:
                await self._admit(context, operation, given)
        except self.client_errors as error:  # who asks may not ask at all, or not now
            raise not_admitted(error, language) from None
        except Exception as error:
            raise fault_of_ours(error, operation.label, language) from error
        variables = operation.coerce(given)
        return context, variables, operation.price(variables)

    async def execute(
        self,
        operation: Operation,
        given: dict[str, Any],
        make_context: Callable[[], object],
        language: str = "en",
        *,
        gone: Gone | None = None,
    ) -> Answer:
        """The answer of a query or a mutation. Never raises, but for Abandoned; cancellation passes through.

        `language` is spoken to whoever is not let in; from then on it is the context's. `gone()` comes to its end when
        nobody waits for the answer any more.
        """
        label, kind = operation.label, operation.kind
        try:
            context, variables, extensions = await self.admit(operation, given, make_context, language)
        except RequestFault as fault:
            return refused(fault, label, kind)
        return await self.run(operation, context, variables, extensions, gone=gone)

    async def run(
        self,
        operation: Operation,
        context: object,
        variables: VariableValues,
        extensions: orjson.Fragment,
        *,
        event: object = None,
        gone: Gone | None = None,
    ) -> Answer:
        """The answer of what was admitted: of a query, a mutation, or one event of a subscription. Never raises, but for
        Abandoned; cancellation passes through.
        """
        label, kind, language = operation.label, operation.kind, getattr(context, "language", "en")
        try:
            work = Execution(operation, variables, context, event).run()
            waiting = within(self._seconds, work) if gone is None else while_awaited(self._seconds, gone, work)
            data, errors = await waiting
        except TimeoutError:
            message = sentence(TIMEOUT, language, seconds=self._seconds)
            entry = {"message": message, "extensions": {"code": TIMEOUT}}
            answer = answer_of({"errors": [entry], "data": None, "extensions": extensions}, "timeout", label, kind)
            return answer._replace(has_data=False)
        if not errors:
            return answer_of({"data": data, "extensions": extensions}, "ok", label, kind)
        entries, outcome = sort_out(errors, self.client_errors, label, language)
        answer = answer_of({"errors": entries, "data": data, "extensions": extensions}, outcome, label, kind)
        answer = answer._replace(has_data=data is not None)
        if outcome == "unavailable" and not any(value is not None for value in (data or {}).values()):
            return answer._replace(status=503, headers=(*answer.headers, RETRY_AFTER))
        return answer


def fault_of_ours(error: Exception, label: str = "none", language: str = "en") -> RequestFault:
    """What a fault of ours, or an outage, is told with when nothing was executed; logged here."""
    entry = internal_error(error, label, language)
    return RequestFault([entry], status=503 if entry["extensions"]["code"] == UNAVAILABLE else 500)


def answer_of(content: dict[str, Any], outcome: str, label: str = "none", kind: str = "none") -> Answer:
    """The answer of this content as JSON."""
    try:
        return Answer(orjson.dumps(content), outcome, label, kind)
    except TypeError as error:  # a scalar of ours made something that is not JSON, or an integer beyond 64 bits
        masked = {**content, "errors": [internal_error(error, label)], "data": None}
        return Answer(orjson.dumps(masked), "internal", label, kind)


def refused(fault: RequestFault, label: str = "none", kind: str = "none") -> Answer:
    """The answer of a request that is not executed."""
    outcome = {500: "internal", 503: "unavailable"}.get(fault.status, "refused")
    return answer_of({"errors": fault.errors}, outcome, label, kind)._replace(
        is_executed=False,
        status=fault.status,
        older_status=200 if fault.well_formed else fault.status,
        headers=(*NO_STORE, *HEADERS.get(fault.status, ()), *fault.headers),
    )


def not_admitted(error: Exception, language: str = "en") -> RequestFault:
    """The fault of somebody who may not ask at all, or not now: with `retryAfter` in seconds where waiting helps."""
    code, status = code_of(error), NOT_ADMITTED.get(code_of(error), 400)
    seconds = getattr(error, "retry_after", None)
    if seconds is None:
        return RequestFault.of(code, message_of(error, language), status=status)
    entry = {"message": message_of(error, language), "extensions": {"code": code, "retryAfter": seconds}}
    return RequestFault([entry], status=status, headers=((b"retry-after", b"%d" % -(-seconds // 1)),))
