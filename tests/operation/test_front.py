"""What every answer says to browsers, whom CORS lets in, and the ids of requests."""

import pytest
from structlog.contextvars import get_contextvars

from api.app import Api
from api.front import Front
from tests.api.conftest import call

SHOP = "https://shop.example"
PREFLIGHT = {"origin": SHOP, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}


async def answer(scope, receive, send):
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept"), (b"x-app", b"graphql")]}
    )
    await send({"type": "http.response.body", "body": b"{}"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/graphql"), ("GET", "/graphql"), ("PUT", "/graphql"), ("GET", "/livez"), ("GET", "/nowhere"),
     ("POST", "/payments/wechat/notice"), ("GET", "/exports/orders.csv"), ("OPTIONS", "/graphql")],
)  # fmt: skip
async def test_every_answer_has_the_headers_that_browsers_heed(app, method, path):
    answered = await call(app, method, path)

    assert ALWAYS.items() <= answered.headers.items()
    assert "strict-transport-security" not in answered.headers
    assert not any(name.startswith("access-control-") for name in answered.headers)
    assert "server" not in answered.headers


async def test_the_page_of_graphiql_keeps_its_own_policy(app):
    answered = await call(app, "GET", "/graphql", headers={"accept": "text/html"})

    assert "script-src 'self'" in answered.headers["content-security-policy"]
    assert answered.headers["x-frame-options"] == "DENY"


async def test_only_a_market_reached_by_https_asks_for_https_for_ever(settings):
    secure = Api(settings.model_copy(update={"public_url": SHOP}))

    answered = await call(secure.app, "GET", "/livez")

    assert answered.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_page_of_an_allowed_origin_may_call_without_credentials():
    front = Front(answer, answer, origins=[SHOP, "https://staff.example"])

    asked = await call(front, "OPTIONS", "/graphql", headers=PREFLIGHT)
    called = await call(front, "POST", "/graphql", headers={"origin": SHOP})

    assert (asked.status, asked.body) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == SHOP
    assert asked.headers["access-control-allow-methods"] == "GET, POST"
    assert set(asked.headers["access-control-allow-headers"].split(", ")) == {
        "authorization", "content-type", "accept-language", "x-device-id", "x-request-id", "traceparent",
    }  # fmt: skip
    assert asked.headers["access-control-max-age"] == "7200"
    assert called.headers["access-control-allow-origin"] == SHOP
    assert called.headers["access-control-expose-headers"] == "x-request-id, retry-after, etag"
    assert "access-control-allow-credentials" not in asked.headers | called.headers
    assert ALWAYS.items() <= called.headers.items()


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null", ""]
)
async def test_a_page_of_any_other_origin_is_told_nothing(origin):
    front = Front(answer, answer, origins=[SHOP])

    asked = await call(front, "OPTIONS", "/graphql", headers={**PREFLIGHT, "origin": origin})
    called = await call(front, "POST", "/graphql", headers={"origin": origin})

    for answered in (asked, called):
        assert not any(name.startswith("access-control-") for name in answered.headers)
        assert answered.headers["vary"] == "Origin"  # the last of several: a shared cache keeps answers apart
        assert answered.headers["x-app"] == "graphql"


async def test_a_star_lets_any_page_in_and_answers_are_the_same_for_all():
    front = Front(answer, answer, origins=["*"])

    asked = await call(front, "OPTIONS", "/graphql", headers={**PREFLIGHT, "origin": "https://anybody.example"})
    called = await call(front, "POST", "/graphql")

    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == called.headers["access-control-allow-origin"] == "*"
    assert called.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("given", "is_kept"), [("mini-2026.11_A", True), ("short", False), ("x" * 65, False), ("a b c d e f", False)]
)
async def test_a_request_is_known_by_the_id_it_brings_when_that_looks_like_one(given, is_kept):
    seen = {}

    async def look(scope, receive, send):
        seen.update(get_contextvars())
        await answer(scope, receive, send)

    answered = await call(Front(look, look), "POST", "/graphql", headers={"x-request-id": given})

    assert answered.headers["x-request-id"] == seen["request_id"]
    assert (seen["request_id"] == given) is is_kept
    assert is_kept or len(seen["request_id"]) == 16


async def test_a_socket_is_known_by_an_id_of_its_connection():
    seen = {}

    async def look(scope, receive, send):
        seen.update(get_contextvars())

    await Front(look, look)({"type": "websocket", "path": "/graphql", "headers": []}, None, None)

    assert len(seen["connection_id"]) == 16
