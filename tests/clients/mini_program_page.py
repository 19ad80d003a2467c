"""docs/mini-program.md, as far as it is made from the code: its tables of codes, and the client."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import graphql

from api import faults, schema
from domain.foundation.errors import ClientFault, Refusal

Error = TypeVar("Error", ClientFault, Refusal)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/mini-program.md"
CLIENT = ROOT / "clients/mini-program/nightmarket.js"
MEANINGS = {
    "UNAUTHENTICATED": "sign in; with a token that is over, renew it",
    "FORBIDDEN": "signed in, and not allowed to",
    "RATE_LIMITED": "wait `retryAfter` seconds",
    "BAD_USER_INPUT": "a value outside what is allowed; the message says which",
    "UNAVAILABLE": "worth another try after `retryAfter` seconds",
    "TIMEOUT": "it took too long and was cancelled; with an idempotency key, send it again",
    "INTERNAL": "our fault; support finds it by `reference`",
    "PERSISTED_QUERY_NOT_FOUND": "this server does not know the document: deploy the registry first",
    "PERSISTED_QUERY_NOT_SUPPORTED": "this server takes registered documents only",
    "DOCUMENT_NOT_TRUSTED": "this server takes registered documents only",
    "DOCUMENT_TOO_COMPLEX": "asks for too much at once: smaller pages",
    "DOCUMENT_TOO_LARGE": "the document is too long",
    "GRAPHQL_PARSE_FAILED": "the document is not GraphQL",
    "GRAPHQL_VALIDATION_FAILED": "the document does not fit the schema",
    "BAD_REQUEST": "the request is not GraphQL over HTTP",
    "BATCHING_REFUSED": "one operation a request",
    "METHOD_NOT_ALLOWED": "POST, or GET for persisted queries",
    "NOT_ACCEPTABLE": "`Accept` names nothing that is answered",
    "REQUEST_TOO_LARGE": "the body has more than 64 kB",
    "REQUEST_TOO_SLOW": "the body did not come in time",
    "SUBSCRIPTION_NEEDS_SOCKET": "subscriptions go over the socket",
    "TOO_MANY_SUBSCRIPTIONS": "close some first",
    "UNSUPPORTED_MEDIA_TYPE": "send `application/json`",
}
"""What a developer does about a fault."""


def tables() -> str:
    """The tables of faults and of refusals."""
    chinese = {error.code: error.zh for error in _below(ClientFault) if error.zh}
    chinese |= {code: zh for code, (zh, _) in faults.SENTENCES.items()}
    told = [f"| {code} | {chinese.get(code, '')} | {meaning} |" for code, meaning in MEANINGS.items()]
    refused = [f"| {code} | {zh} |" for code, zh in refusals().items()]
    return "\n".join(
        [
            "### Faults",
            "",
            "In `errors[].extensions.code`; NETWORK and HTTP_... are the client's own. The sentence is what shoppers read.",
            "",
            "| code | sentence | what to do |",
            "|---|---|---|",
            *told,
            "",
            "### Refusals",
            "",
            "Those that the operations of `clients/documents/` can answer with; `{...}` are facts.",
            "",
            "| code | sentence |",
            "|---|---|",
            *refused,
        ]
    )


def refusals() -> dict[str, str]:
    """The codes of the refusals that the documents' operations may answer with, and their Chinese sentences."""
    by_type = {error.__name__: error for error in _below(Refusal)}
    found = {by_type[name].code: by_type[name].zh for name in _possible() if name in by_type}
    return dict(sorted(found.items()))


def client() -> str:
    """The client, as the page shows it."""
    return f"```js\n// clients/mini-program/nightmarket.js\n{CLIENT.read_text()}```"


def _possible() -> set[str]:
    """The types of which an object may be found where the documents spread UserError."""
    built = schema.build()._schema
    user_error = built.type_map["UserError"]
    texts = [path.read_text() for path in sorted((ROOT / "clients/documents").rglob("*.graphql"))]
    types = graphql.TypeInfo(built)
    found: set[str] = set()

    class Unions(graphql.Visitor):
        def enter_field(self, *_: object) -> None:
            answer = graphql.get_named_type(types.get_type())
            if isinstance(answer, graphql.GraphQLUnionType):
                found.update(member.name for member in answer.types if user_error in member.interfaces)

    graphql.visit(graphql.parse("\n".join(texts)), graphql.TypeInfoVisitor(types, Unions()))
    return found


def _below(base: type[Error]) -> Iterator[type[Error]]:
    for each in base.__subclasses__():
        yield each
        yield from _below(each)
