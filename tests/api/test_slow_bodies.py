"""Whoever has not shown who they are is not waited for."""

import asyncio

import orjson
import pytest

from api import wire
from domain.foundation import clock


@pytest.mark.parametrize("path", ["/suppliers/guihua/feed", "/suppliers/guihua/shipments", "/graphql"])
async def test_a_body_that_never_ends_is_answered_408(app, monkeypatch, path):
    monkeypatch.setattr(wire, "BODY_SECONDS", 0.05)
    sent = []

    async def receive():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message):
        sent.append(message)

    headers = {
        b"content-type": b"application/json",
        b"supplier-timestamp": str(int(clock.now().timestamp())).encode(),
        b"supplier-reference": b"letter-0001",
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers.items()),
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8000),
    }
    await asyncio.wait_for(app(scope, receive, send), 5)

    assert sent[0]["status"] == 408
    told = orjson.loads(sent[1]["body"])
    assert "TOO_SLOW" in (told.get("code") or told["errors"][0]["extensions"]["code"])
