"""What errors tell, and what they never tell."""

from typing import Any

import pytest
import strawberry
from structlog.testing import capture_logs

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
