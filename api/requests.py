"""What a client asks for, whichever wire brought it: a document or its name, an operation, variables. Never executes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.faults import BAD_REQUEST, RequestFault


class Request(NamedTuple):
    """One operation asked for. It has a text, a document id, or a hash (an Apollo persisted query), or text and hash."""

    text: str | None
    document_id: str | None
    hash: str | None
    name: str | None
    variables: dict[str, Any]


def read_request(content: Mapping[str, Any]) -> Request:
    """The request in a JSON object of GraphQL over HTTP or of a socket's `subscribe`. Raises RequestFault."""
    text, name, variables = content.get("query"), content.get("operationName"), content.get("variables")
    if not isinstance(text, str) or not text:
        raise RequestFault.of(BAD_REQUEST, "query must be a GraphQL document.")
    if name is not None and not isinstance(name, str):
        raise RequestFault.of(BAD_REQUEST, "operationName must be a string.")
    if variables is None:
        variables = {}
    elif not isinstance(variables, dict):
        raise RequestFault.of(BAD_REQUEST, "variables must be an object.")
    if not isinstance(content.get("extensions"), dict | None):
        raise RequestFault.of(BAD_REQUEST, "extensions must be an object.")
    return Request(text, None, None, name, variables)
