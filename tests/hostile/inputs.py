"""What hostile clients send, and what they are to be answered: status and code, over a real connection to a real server."""

import base64
import hashlib
import json
from typing import Any, NamedTuple

JSON = "application/json"
NEWER = "application/graphql-response+json"


class Input(NamedTuple):
    """One request: a body of bytes, or what becomes one as JSON."""

    name: str
    body: Any
    status: int
    code: str = ""
    headers: dict[str, str] = {}  # never changed
    method: str = "POST"
    path: str = "/graphql"


def query(text: str, **more: Any) -> dict[str, Any]:
    return {"query": text, **more}


def unsigned(**claims: Any) -> str:
    """A token that says of itself that nobody has signed it."""
    parts = [{"alg": "none", "typ": "JWT", "kid": "embedded"}, {"aud": "nightmarket", "exp": 9_999_999_999, **claims}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


VIEWER = "{ viewer { id } }"
SEARCH = "query ($text: String) { products(search: $text, first: 1) { nodes { id } } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
GROUP = "query ($id: ID!, $since: Int! = 0) { groupBuyEvents(id: $id, since: $since) { __typename } }"
NO_GROUP = "groupbuy_" + "0" * 26
MUTATION = "mutation%7BsignOut%7B__typename%7D%7D"
NESTED = "{ products { nodes " * 20 + "{ id }" + " } }" * 20
BOMB = (
    "{ ...f0 }"
    + "".join(f" fragment f{level} on Query {{ ...f{level + 1} ...f{level + 1} }}" for level in range(30))
    + " fragment f30 on Query { serverTime }"
)
SIBLINGS = (
    "{"
    + " ".join(f"...f{n}" for n in range(300))
    + "}"
    + "".join(f" fragment f{n} on Query {{ a: serverTime }}" for n in range(300))
)
CYCLE = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"
UNKNOWN_HASH = hashlib.sha256(b"nobody has said this").hexdigest()


def persisted(**more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": UNKNOWN_HASH, **more}}}


BODIES = [
    Input("no body", b"", 400, "BAD_REQUEST"),
    Input("half a body", b'{"query": "{ serv', 400, "BAD_REQUEST"),
    Input("a number", b"5", 400, "BAD_REQUEST"),
    Input("null", b"null", 400, "BAD_REQUEST"),
    Input("a string", b'"query"', 400, "BAD_REQUEST"),
    Input("a batch", [query(VIEWER)] * 2, 400, "BATCHING_REFUSED"),
    Input("an empty batch", b"[]", 400, "BATCHING_REFUSED"),
    Input("bytes that are not UTF-8", b'{"query": "\xff\xfe"}', 400, "BAD_REQUEST"),
    Input("UTF-16", json.dumps(query(VIEWER)).encode("utf-16"), 400, "BAD_REQUEST"),
    Input("a byte order mark", b"\xef\xbb\xbf" + json.dumps(query(VIEWER)).encode(), 400, "BAD_REQUEST"),
    Input("lists in lists, 30,000 deep", b"[" * 30_000 + b"]" * 30_000, 400),
    Input("objects in objects, 5,000 deep", b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400, "BAD_REQUEST"),
    Input("not a number", b'{"query": "{ serverTime }", "variables": {"a": NaN}}', 400, "BAD_REQUEST"),
    Input("half a surrogate pair", b'{"query": "{ serverTime }", "variables": {"a": "\\ud800"}}', 400, "BAD_REQUEST"),
    Input("no document", {"operationName": "A"}, 400, "BAD_REQUEST"),
    Input("an empty document", query(""), 400, "BAD_REQUEST"),
    Input("a document that is a list", {"query": [VIEWER]}, 400, "BAD_REQUEST"),
    Input("a numeric operation name", query(VIEWER, operationName=1), 400, "BAD_REQUEST"),
    Input("variables that are a list", query(VIEWER, variables=[1]), 400, "BAD_REQUEST"),
    Input("variables that are text", query(VIEWER, variables="{}"), 400, "BAD_REQUEST"),
    Input("extensions that are a list", query(VIEWER, extensions=[]), 400, "BAD_REQUEST"),
    Input("a body beyond the limit", query("#" + "x" * 70_000), 413, "REQUEST_TOO_LARGE"),
]
TYPES = [
    Input(
        "text, as a form of another site sends it",
        query(VIEWER),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"content-type": "text/plain"},
    ),
    Input(
        "a form",
        b"query=%7BserverTime%7D",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"content-type": "application/x-www-form-urlencoded"},
    ),
    Input("an upload", b"--x--", 415, "UNSUPPORTED_MEDIA_TYPE", {"content-type": "multipart/form-data; boundary=x"}),
    Input(
        "another charset",
        query(VIEWER),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"content-type": "application/json; charset=gbk"},
    ),
    Input(
        "a type of 400 bytes",
        query(VIEWER),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        {"content-type": "application/json" + "x" * 400},
    ),
    Input("PUT", query(VIEWER), 405, "METHOD_NOT_ALLOWED", method="PUT"),
    Input("DELETE", b"", 405, "METHOD_NOT_ALLOWED", method="DELETE"),
    Input("a mutation by GET", b"", 400, "DOCUMENT_NOT_TRUSTED", method="GET", path=f"/graphql?query={MUTATION}"),
    Input(
        "a document of one's own by GET",
        b"",
        400,
        "DOCUMENT_NOT_TRUSTED",
        method="GET",
        path="/graphql?query=%7BserverTime%7D",
    ),
]
DOCUMENTS = [
    Input("no GraphQL", query("SELECT * FROM accounts"), 400, "GRAPHQL_PARSE_FAILED"),
    Input("an unknown field", query("{ serverTim }"), 400, "GRAPHQL_VALIDATION_FAILED"),
    Input("too deep", query(NESTED), 400, "DOCUMENT_TOO_COMPLEX"),
    Input(
        "a hundred aliases",
        query("{" + " ".join(f"a{n}: serverTime" for n in range(100)) + "}"),
        400,
        "DOCUMENT_TOO_COMPLEX",
    ),
    Input("too many tokens", query("{" + " serverTime" * 1_100 + "}"), 400, "DOCUMENT_TOO_LARGE"),
    Input("too many bytes", query("{ serverTime } #" + "x" * 9_000), 400, "DOCUMENT_TOO_LARGE"),
    Input("fragments that go round", query(CYCLE), 400),
    Input("a bomb of 30 fragments", query(BOMB), 400, "DOCUMENT_TOO_COMPLEX"),
    Input("300 sibling fragments", query(SIBLINGS), 400),
    Input("200 directives", query("{ serverTime" + " @skip(if: false)" * 200 + " }"), 400),
    Input("a directive that does not exist", query("{ serverTime @defer }"), 400, "GRAPHQL_VALIDATION_FAILED"),
    Input("two operations and no name", query("query A { serverTime } query B { serverTime }"), 400, "BAD_REQUEST"),
    Input("a name that no operation has", query("query A { serverTime }", operationName="B"), 400, "BAD_REQUEST"),
    Input("a subscription by POST", query("subscription { __typename }"), 400),
    Input("a hash nobody knows", persisted(), 400, "PERSISTED_QUERY_NOT_FOUND"),
    Input("a hash of another document", query(VIEWER, **persisted()), 400),
    Input("a hash that is a number", persisted(sha256Hash=5), 400),
    Input("another version of persisted queries", persisted(version=2), 400),
    Input("a document id nobody knows", {"documentId": f"sha256:{UNKNOWN_HASH}"}, 400),
    Input("a document id that is none", {"documentId": "../../etc/passwd"}, 400),
]
VALUES = [
    Input("the character U+0000", query(SEARCH, variables={"text": "a\0b"}), 400, "BAD_USER_INPUT"),
    Input(
        "variables 200 deep",
        query(SEARCH, variables={"text": json.loads("[" * 200 + "]" * 200)}),
        400,
        "BAD_USER_INPUT",
    ),
    Input("a variable of the wrong type", query(SEARCH, variables={"text": {"$ne": None}}), 400, "BAD_USER_INPUT"),
    Input("no variable where one is needed", query(NODE), 400, "BAD_USER_INPUT"),
    Input("an integer beyond 32 bits", query("{ products(first: 99999999999) { nodes { id } } }"), 400),
    Input("a page of a million", query("{ products(first: 1000000) { nodes { id } } }"), 200, "BAD_USER_INPUT"),
    Input("a page of minus one", query("{ products(first: -1) { nodes { id } } }"), 200, "BAD_USER_INPUT"),
    Input(
        "a cursor of noise",
        query('{ products(after: "\\u202e%00", first: 1) { nodes { id } } }'),
        200,
        "BAD_USER_INPUT",
    ),
    Input("an id of no type", query(NODE, variables={"id": "1 OR 1=1"}), 200, "BAD_USER_INPUT"),
    Input("an id that is none", query(NODE, variables={"id": "order_" + "z" * 26}), 200, "BAD_USER_INPUT"),
    Input(
        "an id of ten thousand letters", query(NODE, variables={"id": "order_" + "0" * 10_000}), 200, "BAD_USER_INPUT"
    ),
    Input("a group that is an order", query(GROUP, variables={"id": "order_" + "0" * 26}), 200, "BAD_USER_INPUT"),
    Input("a group with SQL in its id", query(GROUP, variables={"id": NO_GROUP + "'--"}), 200, "BAD_USER_INPUT"),
    Input("news since minus one", query(GROUP, variables={"id": NO_GROUP, "since": -1}), 200, "BAD_USER_INPUT"),
    Input("news since for ever", query(GROUP, variables={"id": NO_GROUP, "since": 2**31}), 400, "BAD_USER_INPUT"),
    Input("news of nobody's group", query(GROUP, variables={"id": NO_GROUP, "since": 2**31 - 1}), 200),
    Input("SQL in a search", query(SEARCH, variables={"text": "'); DROP TABLE orders; --"}), 200),
    Input("wildcards in a search", query(SEARCH, variables={"text": "%_\\\\%" * 12}), 200),
    Input("a prototype in the variables", query(SEARCH, variables={"text": "x", "__proto__": {"admin": True}}), 200),
]
TOKENS = [
    Input("a token of noise", query(VIEWER), 401, "UNAUTHENTICATED", bearer("noise")),
    Input(
        "a token that nobody has signed",
        query(VIEWER),
        401,
        "UNAUTHENTICATED",
        bearer(unsigned(sub="account_01h455vb4pex5vsknk084sn02q", roles=["admin"])),
    ),
    Input("a token of twenty thousand letters", query(VIEWER), 401, "UNAUTHENTICATED", bearer("x" * 20_000)),
    Input(
        "a password instead of a token",
        query(VIEWER),
        401,
        "UNAUTHENTICATED",
        {"authorization": "Basic YWRtaW46YWRtaW4="},
    ),
    Input("a token of three dots", query(VIEWER), 401, "UNAUTHENTICATED", bearer("...")),
    Input("what only staff may ask", query("{ trialBalance { __typename } }"), 200, "UNAUTHENTICATED"),
]
ALL = [*BODIES, *TYPES, *DOCUMENTS, *VALUES, *TOKENS]
