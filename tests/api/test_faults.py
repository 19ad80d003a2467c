"""What errors tell, and what they never tell."""

from typing import Any

import orjson
import pytest
import strawberry
from structlog.testing import capture_logs

from api.requests import read_request
from api.wire import RequestHead
from tests.given.small_market import BOTH_WAYS, NEWER, OLDER, SECRET, Context, Forbidden, Market, NotSignedIn


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


@pytest.fixture
def market(schema: strawberry.Schema) -> Market:
    return Market(schema)


@pytest.mark.parametrize("name", ["failing", "failingInGraphql", "notANumber"])
async def test_a_fault_of_ours_is_masked_and_logged_once_with_its_reference(market: Market, name: str) -> None:
    with capture_logs() as logs:
        answered = await market.ask(f"{{ hello {name} again {{ {name} }} }}")

    first, second = answered.json["errors"]
    reference = first["extensions"]["reference"]
    assert answered.status == 200
    assert answered.json["data"] == {"hello": "hello you", name: None, "again": {name: None}}
    assert first == {
        "message": "internal error",
        "locations": [{"line": 1, "column": 9}],
        "path": [name],
        "extensions": {"code": "INTERNAL", "reference": reference},
    }
    assert second["path"] == ["again", name]
    assert second["extensions"] == first["extensions"]
    assert SECRET not in str(answered.json)
    [log] = logs
    assert (log["reference"], log["operation"], log["places"]) == (reference, "several", [[name], ["again", name]])
    assert SECRET in str(log["exc_info"])
    assert log["exc_info"].__traceback__ is not None
    assert market.operations == [("several", "query", "internal")]


async def test_a_required_field_that_fails_leaves_no_data(market: Market) -> None:
    with capture_logs():
        answered = await market.ask("{ hello failingForGood }")

    assert (answered.status, answered.json["data"], answered.codes) == (200, None, ["INTERNAL"])
    assert SECRET not in str(answered.json)


async def test_what_is_not_json_is_a_fault_of_ours(market: Market) -> None:
    with capture_logs() as logs:
        answered = await market.ask("{ beyond64Bits }")

    assert (answered.status, answered.json["data"], answered.codes) == (200, None, ["INTERNAL"])
    assert len(logs) == 1


async def test_a_client_error_keeps_its_code_and_message_and_is_not_logged(market: Market) -> None:
    with capture_logs() as logs:
        answered = await market.ask("{ hello forbidden }")

    assert answered.json == {
        "errors": [
            {
                "message": "staff only",
                "locations": [{"line": 1, "column": 9}],
                "path": ["forbidden"],
                "extensions": {"code": "FORBIDDEN"},
            }
        ],
        "data": {"hello": "hello you", "forbidden": None},
    }
    assert logs == []
    assert market.operations == [("several", "query", "client_error")]


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ byGlobalId(id: "not base64") }', {}),
        ("query ($id: ID!) { byGlobalId(id: $id) }", {"id": "!"}),
        ('query ($n: String = "you") { again { hello(name: $n) } }', {"n": None}),
    ],
)
async def test_an_argument_that_shows_its_fault_late_is_still_the_clients(
    market: Market, query: str, variables: dict[str, Any]
) -> None:
    answered = await market.ask(query, variables=variables)

    assert (answered.status, answered.codes) == (200, ["BAD_USER_INPUT"])


@pytest.mark.parametrize(("error", "status"), [(NotSignedIn("token expired"), 401), (Forbidden("blocked"), 403)])
async def test_who_may_not_ask_is_told_before_anything_runs(
    schema: strawberry.Schema, error: Exception, status: int
) -> None:
    def refuse(head: RequestHead) -> Context:
        raise error

    market = Market(schema, make_context=refuse)
    for accept in (NEWER, OLDER):
        answered = await market.ask("{ hello }", accept)

        assert answered.status == status
        assert answered.json == {"errors": [{"message": str(error), "extensions": {"code": error.code}}]}  # type: ignore[attr-defined]
        assert answered.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    assert market.operations == [("hello", "query", "refused")] * 2


async def test_a_context_that_cannot_be_made_is_a_fault_of_ours(schema: strawberry.Schema) -> None:
    def fail(head: RequestHead) -> Context:
        raise RuntimeError(SECRET)

    with capture_logs() as logs:
        answered = await Market(schema, make_context=fail).ask("{ hello }", OLDER)

    assert (answered.status, answered.codes) == (500, ["INTERNAL"])
    assert SECRET not in str(answered.json)
    assert logs[0]["reference"] == answered.json["errors"][0]["extensions"]["reference"]


async def test_an_admission_that_breaks_is_a_fault_of_ours_on_every_wire(schema: strawberry.Schema) -> None:
    async def admit(context: object, operation: object, variables: object) -> None:
        raise RuntimeError(SECRET)

    market = Market(schema, admit=admit)
    with capture_logs() as logs:
        over_http = await market.ask("{ hello }")
        operation = market.answering.prepare(read_request({"query": "{ hello }"}, b""))
        elsewhere = await market.answering.execute(operation, {}, lambda: market.context, "zh")

    assert (over_http.status, over_http.codes) == (500, ["INTERNAL"])
    assert (elsewhere.outcome, elsewhere.is_executed) == ("internal", False)
    [told] = orjson.loads(elsewhere.body)["errors"]
    assert told["message"] == f"系统繁忙，请稍后再试（编号 {told['extensions']['reference']}）"
    assert SECRET not in f"{over_http.json} {told}"
    assert [(log["operation"], log["reference"] in str(over_http.json)) for log in logs] == [
        ("hello", True),
        ("hello", False),
    ]
    assert market.operations == [("hello", "query", "internal")]


async def test_what_an_error_repeats_of_a_document_is_cut(market: Market) -> None:
    literal = "x" * 5_000

    told = await market.ask(f'{{ catalogue(page: "{literal}") }}')
    of_variables = await market.ask(
        "mutation ($i: ClaimInput!) { claim(input: $i) { __typename } }", variables={"i": literal}
    )

    for answered in (told, of_variables):
        messages = [error["message"] for error in answered.json["errors"]]
        assert answered.status == 400
        assert messages and all(len(message) <= 500 for message in messages)
    assert len(told.json["errors"][0]["message"]) == 500
