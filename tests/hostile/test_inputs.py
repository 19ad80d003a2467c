"""Hostile input gets its stated answer, quickly, and leaves neither a log full of it nor a server that is down."""

import json
import socket
from time import perf_counter
from urllib.parse import urlsplit

import httpx
import pytest

from tests.hostile.inputs import ALL, JSON, NEWER, VIEWER, Input, query
from tests.hostile.test_any_operation import BEHIND_THE_HOUSE

RAW = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00",
    "a line without an end": b"GET " + b"/" * 200_000,
    "a header of 200 kB": b"POST /graphql HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 200_000 + b"\r\n\r\n",
    "two lengths": b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
    "a negative length": b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n{}",
    "a chunk of no size": b"POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.fixture(scope="module")
def client(house):
    with httpx.Client(base_url=house.url, timeout=10) as client:
        yield client


def send(client: httpx.Client, given: Input) -> httpx.Response:
    headers = {"content-type": JSON, "accept": NEWER, **given.headers}
    return client.request(given.method, given.path, content=body_of(given), headers=headers)


def body_of(given: Input) -> bytes:
    return given.body if isinstance(given.body, bytes) else json.dumps(given.body).encode()


def test_there_are_enough_of_them() -> None:
    assert len({given.name for given in ALL}) == len(ALL) >= 60


@pytest.mark.parametrize("given", ALL, ids=lambda given: given.name)
def test_a_hostile_input_gets_its_answer(client: httpx.Client, given: Input) -> None:
    started = perf_counter()
    response = send(client, given)
    took = perf_counter() - started

    assert response.status_code == given.status, response.text
    told = response.json().get("errors", [])
    if given.code:
        assert {error["extensions"]["code"] for error in told} == {given.code}
    assert not [error for error in told if BEHIND_THE_HOUSE.search(error["message"])]
    assert took < 0.5  # the server shares its cores with whoever else tests; a figure of its own is test_limits's


@pytest.mark.parametrize("request_bytes", RAW.values(), ids=RAW)
def test_what_is_not_http_ends_its_own_connection_only(house, client: httpx.Client, request_bytes: bytes) -> None:
    address = urlsplit(house.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.settimeout(5)
        try:
            connection.sendall(request_bytes)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65_536)
        except OSError:
            answer = b""

    assert not answer or answer.split()[1][:1] == b"4", answer[:200]
    assert client.post("/graphql", json=query(VIEWER)).json() == {"data": {"viewer": None}} | extensions_of(client)


def extensions_of(client: httpx.Client) -> dict[str, object]:
    answer = client.post("/graphql", json=query(VIEWER)).json()
    return {"extensions": answer["extensions"]} if "extensions" in answer else {}


def test_bad_input_writes_at_most_twice_its_size_to_the_log(house, client: httpx.Client) -> None:
    log = house.settings.data_dir / "api.log"
    before, sent = log.stat().st_size, 0
    for _ in range(5):
        for given in ALL:
            response = send(client, given)
            sent += len(response.request.content) + sum(len(n) + len(v) + 4 for n, v in response.request.headers.raw)

    assert log.stat().st_size - before <= 2 * sent
