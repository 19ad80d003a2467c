"""What a client asks for, whichever wire brought it: a document or its name, an operation, variables. Never executes."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from api.faults import BAD_REQUEST, BAD_USER_INPUT, RequestFault

NESTED_AT_MOST = 100  # levels of objects and lists in the variables: what reads them calls itself for each level

_DOCUMENT_ID = re.compile("sha256:[0-9a-f]{64}")


class Request(NamedTuple):
    """One operation asked for: a document's text or its id, or both, which then must fit."""

    text: str | None
    document_id: str | None  # sha256:<64 hex digits>
    is_automatic: bool  # an Apollo persisted query: a client that is told NOT_FOUND sends the text along
    name: str | None
    variables: dict[str, Any]


def read_request(content: Mapping[str, Any], source: bytes) -> Request:
    """The request in the parameters of GraphQL over HTTP, or in the payload of a socket's `subscribe`.

    `source` is the JSON text that `content`, or at least its variables, were read from. Raises RequestFault.
    """
    text, name, variables = content.get("query"), content.get("operationName"), content.get("variables")
    document_id, extensions = content.get("documentId"), content.get("extensions")
    is_automatic = False
    if not isinstance(extensions, dict | None):
        raise RequestFault.of(BAD_REQUEST, "extensions must be an object.")
    if document_id is not None and not _is_document_id(document_id):
        raise RequestFault.of(BAD_REQUEST, "documentId must be sha256: and 64 lower-case hex digits.")
    if extensions and (persisted := extensions.get("persistedQuery")) is not None:
        is_automatic, document_id = True, _automatic_id(persisted, document_id)
    if text is None and document_id is None:
        raise RequestFault.of(BAD_REQUEST, "Send a query, a documentId or extensions.persistedQuery.")
    if text is not None and (not isinstance(text, str) or not text):
        raise RequestFault.of(BAD_REQUEST, "query must be a GraphQL document.")
    if name is not None and not isinstance(name, str):
        raise RequestFault.of(BAD_REQUEST, "operationName must be a string.")
    if variables is None:
        variables = {}
    elif not isinstance(variables, dict):
        raise RequestFault.of(BAD_REQUEST, "variables must be an object.")
    _check_values(variables, source)
    return Request(text, document_id, is_automatic, name, variables)


def _is_document_id(given: Any) -> bool:
    return isinstance(given, str) and _DOCUMENT_ID.fullmatch(given) is not None


def _automatic_id(persisted: Any, document_id: str | None) -> str:
    """The id of a document named as Apollo clients name it."""
    found = f"sha256:{persisted.get('sha256Hash')}" if isinstance(persisted, dict) else ""
    if not _is_document_id(found) or persisted.get("version") != 1:
        raise RequestFault.of(
            BAD_REQUEST, "extensions.persistedQuery must have version 1 and a sha256Hash of 64 lower-case hex digits."
        )
    if document_id is not None and document_id != found:
        raise RequestFault.of(BAD_REQUEST, "documentId and extensions.persistedQuery name different documents.")
    return found


def _check_values(variables: dict[str, Any], source: bytes) -> None:
    if b"\\u0000" in source:  # PostgreSQL's text holds every character but this one
        raise RequestFault.of(BAD_USER_INPUT, "The character U+0000 is not allowed anywhere in a request.")
    if source.count(b"{") + source.count(b"[") > NESTED_AT_MOST and _is_nested_too_deep(variables):
        raise RequestFault.of(BAD_USER_INPUT, f"variables are nested deeper than {NESTED_AT_MOST} levels.")


def _is_nested_too_deep(value: Any) -> bool:
    layer = [value]
    for _ in range(NESTED_AT_MOST + 1):
        containers = [outer for outer in layer if isinstance(outer, dict | list)]
        layer = [inner for outer in containers for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return bool(containers)
