"""What a GraphQL answer says when something went wrong: codes, messages, and what is never told.

Four kinds: the request cannot be executed (RequestFault); a field refused its caller (a client error, told with its own
code); an engine does not answer (UNAVAILABLE, worth another try); anything else is a fault of ours, told as "internal
error" with a reference that the log knows.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from graphql import GraphQLError
from graphql.execution.values import get_argument_values
from strawberry.types.arguments import convert_arguments

from api.arguments import Arguments
from api.outages import RETRY_AFTER_SECONDS, is_outage
from domain.foundation.reporting import note_outage, report

BAD_REQUEST = "BAD_REQUEST"
BAD_USER_INPUT = "BAD_USER_INPUT"
BATCHING_REFUSED = "BATCHING_REFUSED"
DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
DOCUMENT_TOO_COMPLEX = "DOCUMENT_TOO_COMPLEX"
DOCUMENT_TOO_LARGE = "DOCUMENT_TOO_LARGE"
GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
INTERNAL = "INTERNAL"
METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
PERSISTED_QUERY_NOT_SUPPORTED = "PERSISTED_QUERY_NOT_SUPPORTED"
REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
REQUEST_TOO_SLOW = "REQUEST_TOO_SLOW"
SUBSCRIPTION_NEEDS_SOCKET = "SUBSCRIPTION_NEEDS_SOCKET"
TIMEOUT = "TIMEOUT"
UNAVAILABLE = "UNAVAILABLE"
UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"

MESSAGE_CHARACTERS = 500  # of a message that repeats what was sent

SENTENCES = {
    INTERNAL: ("系统繁忙，请稍后再试（编号 {reference}）", "internal error"),
    TIMEOUT: ("系统繁忙，请稍后再试", "The operation took longer than {seconds:g} seconds and was cancelled."),
    UNAVAILABLE: ("服务暂时不可用，请稍后再试", "the market cannot answer just now: try again in a moment"),
}
"""What shoppers read of faults that are not theirs, in Chinese and English."""


class RequestFault(Exception):
    """A request that is not executed; its answer has no `data`.

    `status` is the HTTP status of the answer. A `well_formed` request was understood as GraphQL over HTTP: the older
    media type, application/json, answers it with 200 and only the newer one with `status`.
    """

    def __init__(
        self,
        errors: Sequence[Mapping[str, Any]],
        *,
        status: int = 400,
        well_formed: bool = False,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(errors[0]["message"])
        self.errors = errors
        self.status = status
        self.well_formed = well_formed
        self.headers = headers

    @classmethod
    def of(cls, code: str, message: str, **more: Any) -> "RequestFault":
        """A fault with one error that has no place in a document; `more` is what the constructor takes."""
        return cls([{"message": message, "extensions": {"code": code}}], **more)

    @classmethod
    def in_document(cls, code: str, errors: Iterable[GraphQLError]) -> "RequestFault":
        """A fault of a document or of its variables, told where it stands. What it repeats of them is cut."""
        return cls([told(error, code, error.message[:MESSAGE_CHARACTERS]) for error in errors], well_formed=True)


class AnswerTooLarge(Exception):
    """An operation whose lists, one within the other, come to more than anybody can read."""

    code = DOCUMENT_TOO_COMPLEX


def told(error: GraphQLError, code: str, message: str, **extensions: Any) -> dict[str, Any]:
    """One member of an answer's `errors`: only what is given here, and the error's place."""
    entry: dict[str, Any] = {"message": message}
    if error.locations:
        entry["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path:
        entry["path"] = error.path
    entry["extensions"] = {"code": code, **extensions}
    return entry


def sort_out(
    errors: Iterable[GraphQLError], client_errors: tuple[type[Exception], ...], operation: str, language: str = "en"
) -> tuple[list[dict[str, Any]], str]:
    """The `errors` of an executed operation, and the worst of their kinds: client_error, unavailable or internal.

    Faults of ours share one reference and one log entry per answer: a list of a hundred items that fail alike would
    otherwise write a hundred tracebacks.
    """
    entries: list[dict[str, Any]] = []
    internal: list[GraphQLError] = []
    outcome, reference = "client_error", ""
    for error in errors:
        cause = error.original_error
        if cause is not None and isinstance(cause, (AnswerTooLarge, *client_errors)):
            entries.append(told(error, code_of(cause), message_of(cause, language), **_when(cause)))
        elif isinstance(cause or error, GraphQLError) and _is_about_an_argument(cause or error):
            entries.append(told(error, BAD_USER_INPUT, error.message))
        elif cause is not None and is_outage(cause):
            outcome = "internal" if internal else "unavailable"
            note_outage(cause, operation)
            message = sentence(UNAVAILABLE, language)
            entries.append(told(error, UNAVAILABLE, message, retryAfter=RETRY_AFTER_SECONDS))
        else:
            outcome, reference = "internal", reference or new_reference()
            internal.append(error)
            message = sentence(INTERNAL, language, reference=reference)
            entries.append(told(error, INTERNAL, message, reference=reference))
    if internal:
        report(internal[0].original_error or internal[0], reference, operation, places=_places(internal))
    return entries, outcome


def _when(error: Exception) -> dict[str, float]:
    """`retryAfter` in seconds, where waiting helps."""
    seconds = getattr(error, "retry_after", None)
    return {} if seconds is None else {"retryAfter": seconds}


def _places(errors: Sequence[GraphQLError]) -> list[list[str | int]]:
    """Where the first ten stand. Cut: a client may have called a field by a name of 60 kB."""
    return [[part[:50] if isinstance(part, str) else part for part in error.path or ()] for error in errors[:10]]


def code_of(error: BaseException | None) -> str:
    """The code of a client error, which is an attribute of it."""
    return str(getattr(error, "code", BAD_REQUEST))


def message_of(error: Exception, language: str) -> str:
    """What a client error says, in the language asked for where it speaks any."""
    message = getattr(error, "message", None)
    return message(language) if callable(message) else str(error)


def internal_error(error: BaseException, operation: str, language: str = "en") -> dict[str, Any]:
    """The member of `errors` for a fault of ours, or for an outage, outside every field; logged here."""
    if is_outage(error):
        note_outage(error, operation)
        facts = {"code": UNAVAILABLE, "retryAfter": RETRY_AFTER_SECONDS}
        return {"message": sentence(UNAVAILABLE, language), "extensions": facts}
    reference = new_reference()
    report(error, reference, operation)
    message = sentence(INTERNAL, language, reference=reference)
    return {"message": message, "extensions": {"code": INTERNAL, "reference": reference}}


def sentence(code: str, language: str, **facts: object) -> str:
    """What a fault that is not the shopper's is told with."""
    zh, en = SENTENCES[code]
    return (zh if language == "zh" else en).format(**facts)


def new_reference() -> str:
    """What a customer reads out on the telephone and support looks up in the log."""
    return secrets.token_hex(5)


# Where graphql-core, strawberry and our leaner resolvers turn what the client sent into what a resolver takes.
_READS_ARGUMENTS = {get_argument_values.__code__, convert_arguments.__code__, Arguments.read.__code__}


def _is_about_an_argument(error: BaseException) -> bool:
    """Whether the error was raised while a field's arguments were read.

    A GraphQLError does not say whose fault it is: "Int cannot represent 'x'" is raised for an argument of the client
    as for a result of ours, and the latter would show our data. Its traceback does say.
    """
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code in _READS_ARGUMENTS:
            return True
        step = step.tb_next
    return False
