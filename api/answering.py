"""From a request that was understood to its answer, whichever wire brought it.

A request meets, in this order: the document as it was parsed and validated the first time (documents), whoever may say
that there were too many of them (admit), the executor (execution), and the rules of what an error tells (faults).
"""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import strawberry
from graphql import assert_valid_schema

from api.answers import Answer
from api.documents import Documents
from api.execution import Execution
from api.faults import TIMEOUT, RequestFault, code_of, internal_error, sort_out
from api.limits import Limits
from api.operations import Operation, PublicSeconds
from api.patience import within
from api.requests import Request

Admit = Callable[[Any, Operation, dict[str, Any]], Awaitable[None]]

NOT_ADMITTED = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429}
HEADERS: dict[int, tuple[tuple[bytes, bytes], ...]] = {
    401: ((b"www-authenticate", b"Bearer"),),
    405: ((b"allow", b"POST"),),
    408: ((b"connection", b"close"),),  # what is left of the body would be taken for the next request
}


class Answering:
    """Executes the operations of one schema.

    What a context's maker or a resolver raises of `client_errors` is told with its own `code` and message; anything else
    raised is masked and logged. `admit(context, operation, variables)` may raise one of them before anything is executed.

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
    ) -> None:
        assert_valid_schema(schema._schema)
        self._documents = Documents(
            schema, limits=limits, introspection=introspection, suggestions=suggestions, public_seconds=public_seconds
        )
        self._client_errors, self._seconds, self._admit = client_errors, seconds, admit

    def prepare(self, request: Request) -> Operation:
        """The operation asked for, of any kind. Raises RequestFault when it cannot be executed."""
        assert request.text is not None
        return self._documents.get(request.text).operation(request.name)

    async def execute(self, operation: Operation, given: dict[str, Any], make_context: Callable[[], object]) -> Answer:
        """The answer of a query or a mutation. Never raises; cancellation passes through."""
        label, kind = operation.label, operation.kind
        try:
            context = make_context()
            if self._admit is not None:
                await self._admit(context, operation, given)
            variables = operation.coerce(given)
        except RequestFault as fault:
            return refused(fault, label, kind)
        except self._client_errors as error:  # who asks may not ask at all
            return refused(not_admitted(error), label, kind)
        try:
            data, errors = await within(self._seconds, Execution(operation, variables, context).run())
        except TimeoutError:
            message = f"The operation took longer than {self._seconds:g} seconds and was cancelled."
            content = {"errors": [{"message": message, "extensions": {"code": TIMEOUT}}], "data": None}
            return answer_of(content, "timeout", label, kind)
        if not errors:
            return answer_of({"data": data}, "ok", label, kind)
        entries, is_ours = sort_out(errors, self._client_errors, label)
        return answer_of({"errors": entries, "data": data}, "internal" if is_ours else "client_error", label, kind)


def answer_of(content: dict[str, Any], outcome: str, label: str = "none", kind: str = "none") -> Answer:
    """The answer of this content as JSON."""
    try:
        return Answer(orjson.dumps(content), outcome, label, kind)
    except TypeError as error:  # a scalar of ours made something that is not JSON, or an integer beyond 64 bits
        masked = {"errors": [internal_error(error, label)], "data": None}
        return Answer(orjson.dumps(masked), "internal", label, kind)


def refused(fault: RequestFault, label: str = "none", kind: str = "none") -> Answer:
    """The answer of a request that is not executed."""
    return answer_of({"errors": fault.errors}, "refused", label, kind)._replace(
        status=fault.status,
        older_status=200 if fault.well_formed else fault.status,
        headers=(*HEADERS.get(fault.status, ()), *fault.headers),
    )


def not_admitted(error: Exception) -> RequestFault:
    """The fault of somebody who may not ask at all, or not now: with `retryAfter` in seconds where waiting helps."""
    code, status = code_of(error), NOT_ADMITTED.get(code_of(error), 400)
    seconds = getattr(error, "retry_after", None)
    if seconds is None:
        return RequestFault.of(code, str(error), status=status)
    entry = {"message": str(error), "extensions": {"code": code, "retryAfter": seconds}}
    return RequestFault([entry], status=status, headers=((b"retry-after", b"%d" % -(-seconds // 1)),))
