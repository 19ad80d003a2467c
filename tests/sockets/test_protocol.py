"""graphql-transport-ws to the letter, on both servers: the handshake, operations, and what closes a socket."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from websockets.exceptions import InvalidStatus

from tests.sockets.talking import talk

SERVER_TIME = "{ serverTime }"
VIEWER = "{ viewer { id } }"
ASK = {"type": "subscribe", "id": "1", "payload": {"query": SERVER_TIME}}
SIGN_IN = "mutation ($input: SignInForDevelopmentInput!) { signInForDevelopment(input: $input) { __typename } }"
TICKET = "subscription ($id: ID!) { flashSaleTicketEvents(id: $id) { __typename } }"


async def test_the_handshake_is_answered_with_the_time(socket):
    async with socket() as talk:
        ack = await talk.greet()

        assert talk.socket.subprotocol == "graphql-transport-ws"
    assert abs(datetime.fromisoformat(ack["serverTime"]) - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    "origin", ["https://servicewechat.com", "https://evil.example", "null", "wechat://miniprogram"]
)
async def test_any_origin_may_come(socket, origin):
    async with socket(origin=origin) as talk:
        await talk.greet()

        assert "serverTime" in (await talk.answer(SERVER_TIME))["data"]


async def test_the_token_of_the_handshake_says_who_asks_and_a_cookie_or_header_does_not(socket, given):
    shopper_id = await given.shopper("mei")
    token = given.token(shopper_id)

    async with socket() as talk:
        await talk.greet(token)
        assert (await talk.answer(VIEWER))["data"]["viewer"]["id"].startswith("account_")
    async with socket() as talk:
        await talk.greet(Authorization=f"bearer {token}")
        assert (await talk.answer(VIEWER))["data"]["viewer"] is not None
    async with socket(additional_headers={"Authorization": f"Bearer {token}", "Cookie": f"token={token}"}) as talk:
        await talk.greet()
        assert (await talk.answer(VIEWER))["data"]["viewer"] is None


async def test_the_handshake_says_in_which_language_refusals_speak(socket, given):
    token = given.token(await given.shopper())
    ticket = '{ flashSaleTicket(id: "ticket_00000000000000000000000000") { ... on NotFound { message } } }'
    spoken = {}

    for language in ("en", "zh-CN"):
        async with socket(additional_headers={"Accept-Language": "zh"}) as talk:
            await talk.greet(token, language=language)
            spoken[language] = (await talk.answer(ticket))["data"]["flashSaleTicket"]["message"]

    assert spoken["en"].startswith("no ticket with id")
    assert spoken["zh-CN"] == "找不到该抢购记录"


async def test_queries_and_mutations_have_one_result_and_ids_may_be_used_again(socket):
    async with socket() as talk:
        await talk.greet()

        for _ in range(3):
            assert "serverTime" in (await talk.answer(SERVER_TIME))["data"]
        signed_in = await talk.answer(SIGN_IN, {"input": {"name": "mei"}})
    assert signed_in["data"]["signInForDevelopment"]["__typename"] == "SignedIn"


async def test_operations_run_beside_each_other(socket):
    async with socket() as talk:
        await talk.greet()
        for number in range(10):
            await talk.ask(SERVER_TIME, id=f"query-{number}")
        heard = [await talk.hear() for _ in range(20)]

    for number in range(10):
        assert [m["type"] for m in heard if m["id"] == f"query-{number}"] == ["next", "complete"]


async def test_every_operation_has_its_own_moment(socket):
    async with socket() as talk:
        await talk.greet()
        first = (await talk.answer(SERVER_TIME))["data"]["serverTime"]
        second = (await talk.answer(SERVER_TIME))["data"]["serverTime"]

    assert first < second


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: ID!) { node(id: $id) { id } }", "BAD_USER_INPUT"),
        (
            'subscription { flashSaleTicketEvents(id: "ticket_00000000000000000000000000") { __typename } }',
            "UNAUTHENTICATED",
        ),
    ],
)
async def test_what_cannot_be_executed_ends_with_an_error_and_the_socket_lives(socket, query, code):
    async with socket() as talk:
        await talk.greet()
        await talk.ask(query, id="bad")
        error = await talk.hear()

        assert (error["type"], error["id"]) == ("error", "bad")
        assert [each["extensions"]["code"] for each in error["payload"]] == [code]
        assert "serverTime" in (await talk.answer(SERVER_TIME, id="bad"))["data"]


async def test_errors_of_an_executed_operation_stand_in_its_result(socket):
    async with socket() as talk:
        await talk.greet()
        answer = await talk.answer("{ orders(first: 1) { nodes { id } } }")

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_pings_are_answered_with_their_payload_and_pongs_are_taken(socket):
    async with socket() as talk:
        await talk.say({"type": "ping"})
        assert await talk.hear() == {"type": "pong"}
        await talk.greet()
        await talk.say({"type": "pong", "payload": {"any": "thing"}})
        await talk.say({"type": "ping", "payload": {"at": 5}})
        assert await talk.hear() == {"type": "pong", "payload": {"at": 5}}
        await talk.say({"type": "complete", "id": "nobody knows"})
        assert "serverTime" in (await talk.answer(SERVER_TIME))["data"]


@pytest.mark.parametrize(
    "frame",
    [
        "not JSON",
        "",
        b"\x00\x01",
        b'{"type":"ping"}',
        "[]",
        "null",
        '"ping"',
        "{}",
        '{"type":5}',
        '{"type":"connection_ack"}',
        '{"type":"next","id":"1","payload":{}}',
        '{"type":"start","id":"1","payload":{}}',
        '{"type":"ping","payload":5}',
        '{"type":"connection_init","payload":"token"}',
        '{"type":"connection_init","payload":{"authorization":5}}',
        '{"type":"subscribe","payload":{"query":"{ serverTime }"}}',
        '{"type":"subscribe","id":"","payload":{"query":"{ serverTime }"}}',
        '{"type":"subscribe","id":7,"payload":{"query":"{ serverTime }"}}',
        '{"type":"subscribe","id":"1"}',
        '{"type":"complete"}',
        '{"type":"ping","payload":{"a":"\\u0000"}}',
        "[" * 20_000 + "]" * 20_000,
        '{"type":"ping","payload":' + '{"a":' * 5_000 + "1" + "}" * 5_001,
        '{"type":"' + "x" * 1_000 + '"}',
    ],
    ids=lambda frame: repr(frame[:40]),
)
async def test_a_malformed_message_closes_with_4400(socket, frame):
    async with socket() as talk:
        await talk.say(frame)

        assert await talk.ending() == 4400


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"query": 5},
        {"query": "{ serverTime }", "variables": []},
        {"query": "{ serverTime }", "operationName": 5},
        {"query": "{ serverTime }", "extensions": []},
    ],
    ids=str,
)
async def test_a_malformed_operation_closes_with_4400(socket, payload):
    async with socket() as talk:
        await talk.greet()
        await talk.say({"type": "subscribe", "id": "1", "payload": payload})

        assert await talk.ending() == 4400


async def test_an_operation_before_the_handshake_closes_with_4401(socket):
    async with socket() as talk:
        await talk.say(ASK)

        assert await talk.ending() == 4401


@pytest.mark.parametrize("authorization", ["Bearer nobody", "Basic bWVpOm1laQ==", "Bearer ", "x"])
async def test_a_token_that_is_refused_closes_with_4403(socket, authorization):
    async with socket() as talk:
        await talk.say({"type": "connection_init", "payload": {"authorization": authorization}})

        assert await talk.ending() == 4403


async def test_a_second_handshake_closes_with_4429(socket):
    async with socket() as talk:
        await talk.greet()
        await talk.say({"type": "connection_init"})

        assert await talk.ending() == 4429


async def test_an_id_in_use_closes_with_4409(socket, claimed):
    async with socket() as talk:
        await talk.greet(claimed.token)
        await talk.ask(TICKET, {"id": claimed.ticket_id})
        await talk.hear()
        await talk.ask(SERVER_TIME)

        assert await talk.ending() == 4409


async def test_a_client_without_the_subprotocol_is_closed_with_4406(socket):
    for offered in (None, ["graphql-ws"]):
        async with socket(subprotocols=offered) as talk:
            assert await talk.ending() == 4406
    async with socket(subprotocols=["graphql-ws", "graphql-transport-ws"]) as talk:
        await talk.greet()


async def test_a_message_beyond_the_limit_closes_with_1009(socket):
    async with socket() as talk:
        await talk.greet()
        await talk.say({"type": "ping", "payload": {"a": "x" * 65_000}})
        await talk.hear()
        await talk.say({"type": "ping", "payload": {"a": "x" * 65_536}})

        assert await talk.ending() == 1009


async def test_text_that_is_not_utf_8_ends_the_socket_and_is_no_news_for_the_log(socket, server):
    written = len(server.log)
    for _ in range(20):
        async with socket() as talk:
            await talk.greet()
            await talk.socket.send(b"\xff" * 200, text=True)

            assert await talk.ending() in {1005, 1007}

    assert len(server.log) == written


async def test_documents_may_be_named_by_their_hash(socket):
    document = "query NamedByItsHash { serverTime }"
    named = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha256(document.encode()).hexdigest()}}}
    async with socket() as talk:
        await talk.greet()
        await talk.say({"type": "subscribe", "id": "1", "payload": named})
        unknown = await talk.hear()
        registered = await talk.answer(document, **named)
        await talk.say({"type": "subscribe", "id": "1", "payload": named})
        known = await talk.hear()

    assert unknown["type"] == "error"
    assert [error["extensions"]["code"] for error in unknown["payload"]] == ["PERSISTED_QUERY_NOT_FOUND"]
    assert "serverTime" in registered["data"]
    assert "serverTime" in known["payload"]["data"]


async def test_more_messages_than_anybody_needs_close_with_4429(socket):
    async with socket() as talk:
        await talk.greet()
        for _ in range(101):
            await talk.say({"type": "pong"})

        assert await talk.ending() == 4429


async def test_no_other_path_has_sockets(server):
    with pytest.raises(InvalidStatus) as refused:
        async with talk(server.url.replace("/graphql", "/other")):
            pass

    assert refused.value.response.status_code == 403
