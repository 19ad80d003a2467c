"""Whole answers that are the same for everyone."""

import asyncio

import pytest
import strawberry
from graphql import GraphQLField
from structlog.testing import capture_logs

from api.shared_answers import SharedAnswers
from tests.given.small_market import BOTH_WAYS, OLDER, Forbidden, Market


@pytest.fixture(params=BOTH_WAYS)
def schema(request: pytest.FixtureRequest) -> strawberry.Schema:
    return request.param()  # type: ignore[no-any-return]


def half_a_second(field: GraphQLField) -> float:
    return 0.5 if "catalogue" in str(field.extensions["strawberry-definition"].python_name) else 0.0


@pytest.fixture
def shop(schema: strawberry.Schema) -> Market:
    return Market(schema, public_seconds=half_a_second, language=lambda header: header[:2].decode())


async def test_a_public_answer_is_found_once_while_it_is_fresh(shop: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("api.shared_answers.monotonic", lambda: now)

    first = await shop.ask("{ catalogue }")
    now = 1000.499
    second = await shop.ask("{ catalogue }", OLDER)
    now = 1000.5
    third = await shop.ask("{ catalogue }")

    assert [a.json["data"]["catalogue"] for a in (first, second, third)] == ["page 1, look 1"] * 2 + ["page 1, look 2"]
    assert second.media_type == f"{OLDER}; charset=utf-8"
    assert shop.operations == [("catalogue", "query", outcome) for outcome in ("ok", "cached", "ok")]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"query": "{ catalogue }", "variables": {"a": 1}}', {}),
        (b'{"query": "{ catalogue(page: 1) }"}', {}),
        (b'{"query": "query A { catalogue } query B { catalogue }", "operationName": "B"}', {}),
        (b'{"query": "{ catalogue }"}', {"accept-language": "en"}),
        (b'{"query": "{ catalogue }"}', {"accept-language": "zh", "authorization": "Bearer x"}),
    ],
    ids=["variables", "document", "operation name", "language", "somebody known"],
)
async def test_an_answer_to_another_question_is_not_shared(shop: Market, body: bytes, headers: dict[str, str]) -> None:
    await shop.send(b'{"query": "{ catalogue }"}', {"accept-language": "zh-CN"})
    await shop.send(b'{"query": "query A { catalogue } query B { catalogue }", "operationName": "A"}')

    answered = await shop.send(body, headers)

    assert answered.json == {"data": {"catalogue": "page 1, look 3"}}


async def test_equal_languages_share(shop: Market) -> None:
    await shop.send(b'{"query": "{ catalogue }"}', {"accept-language": "zh-CN,zh;q=0.9"})
    await shop.send(b'{"query": "{ catalogue }"}', {"accept-language": "zh"})

    assert shop.context.calls["catalogue"] == 1


@pytest.mark.parametrize("query", ["{ mine }", "{ catalogue mine }", "{ catalogue ...F } fragment F on Query { mine }"])
async def test_one_private_root_field_makes_the_answer_private(shop: Market, query: str) -> None:
    await shop.ask(query)
    await shop.ask(query)

    assert shop.context.calls["mine"] == 2


async def test_who_asks_at_the_same_time_shares_one_search(shop: Market) -> None:
    shop.context.gate.clear()
    asking = [asyncio.create_task(shop.ask("{ __typename catalogue }")) for _ in range(20)]
    await shop.context.begun.wait()
    asking[0].cancel()  # the one who came first goes away, and takes nothing with him
    shop.context.gate.set()

    answers = await asyncio.gather(*asking[1:])

    assert [a.json["data"]["catalogue"] for a in answers] == ["page 1, look 1"] * 19
    assert shop.context.calls["catalogue"] == 1


async def test_who_came_first_and_is_not_let_in_turns_nobody_else_away(schema: strawberry.Schema) -> None:
    refused = iter([True])

    async def admit(context: object, operation: object, variables: object) -> None:
        if next(refused, False):
            raise Forbidden("too often")

    shop = Market(schema, public_seconds=half_a_second, admit=admit)

    first, *others = await asyncio.gather(*(shop.ask("{ catalogue }") for _ in range(3)))

    assert (first.status, first.codes) == (403, ["FORBIDDEN"])
    assert [answer.status for answer in others] == [200, 200]


async def test_an_answer_with_errors_is_never_kept(shop: Market) -> None:
    with capture_logs():
        first = await shop.ask("{ catalogue(fails: true) }")
        second = await shop.ask("{ catalogue(fails: true) }")

    assert first.codes == second.codes == ["INTERNAL"]
    assert shop.context.calls["catalogue"] == 2
    assert not shop.endpoint._shared._kept  # type: ignore[union-attr]


async def test_the_room_for_shared_answers_is_bounded(shop: Market) -> None:
    kept = shop.endpoint._shared
    assert kept is not None
    kept._room = 3_500
    padding = b" " * 400  # a question takes its room as well as its answer

    for page in (1, 2, 3, 4, 5):
        await shop.send(b'{"query": "{ catalogue(page: %d) }"}%b' % (page, padding))
    for page in (5, 1):
        await shop.send(b'{"query": "{ catalogue(page: %d) }"}%b' % (page, padding))

    assert len(kept._kept) == 3
    assert shop.context.calls["catalogue"] == 6


async def test_an_answer_too_large_for_the_room_is_not_kept(shop: Market) -> None:
    shop.endpoint._shared = SharedAnswers(kept_bytes=4_000)

    await shop.ask("{ catalogue }")
    await shop.ask("{ catalogue }")

    assert shop.context.calls["catalogue"] == 2
