"""GraphiQL's page and its files, asked for without a server or a browser."""

import asyncio
import re
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import parse, validate
from starlette.applications import Starlette
from starlette.routing import Route

from api import graphiql, schema
from api.answering import Answering
from api.app import Api
from api.endpoint import GraphQLEndpoint
from domain.foundation.settings import Settings

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"


@dataclass
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


app = Starlette(
    routes=[
        Route(
            "/graphql",
            GraphQLEndpoint(Answering(strawberry.Schema(Query)), make_context=lambda head: None, ide=graphiql.app),
        ),
        *graphiql.routes,
    ]
)


async def get(path: str, *, accept: str = BROWSER, app: Starlette = app) -> Answered:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # a client that sends no body and does not hang up
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"accept", accept.encode())],
    }
    await app(scope, receive, send)
    start, *chunks = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answered(start["status"], headers, b"".join(chunk.get("body", b"") for chunk in chunks))


def addresses(page: str) -> list[str]:
    """Everything that a browser loads by itself because the page says so."""
    return re.findall(r'(?:src|href)="([^"]*)"', page)


async def test_a_browser_sees_graphiql_and_a_program_does_not() -> None:
    page = await get("/graphql")
    told = await get("/graphql", accept="application/json")

    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<title>夜市 Night Market · GraphiQL</title>" in page.text
    assert (page.headers["cache-control"], page.headers["vary"]) == ("no-cache", "Accept")
    assert told.status == 400


async def test_the_page_names_nothing_from_elsewhere_and_runs_no_script_of_its_own() -> None:
    page = (await get("/graphql")).text

    assert "//" not in page
    assert len(addresses(page)) == 7
    assert all(address.startswith("graphql/assets/") for address in addresses(page))
    assert re.findall(r"<script[^>]*>([^<]+)", page) == []
    assert re.findall(r"<style|\son\w+=|\sstyle=", page) == []


async def test_the_policy_allows_the_page_its_own_origin_and_a_nonce_used_once() -> None:
    first, second = await get("/graphql"), await get("/graphql")

    nonces = [re.findall(r'nonce="([^"]+)"', page.text) for page in (first, second)]
    assert [len(found) for found in nonces] == [1, 1]
    assert nonces[0] != nonces[1]
    assert first.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' 'nonce-{nonces[0][0]}'",
        "img-src 'self' data:",
        "font-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert first.headers["referrer-policy"] == "no-referrer"
    assert first.headers["x-content-type-options"] == "nosniff"


async def test_every_file_of_the_page_is_there_for_good_and_as_what_it_is() -> None:
    page = (await get("/graphql")).text

    kinds = {}
    for address in addresses(page):
        asset = await get(f"/{address}", accept="*/*")
        stem, stamp, suffix = address.removeprefix("graphql/assets/").rsplit(".", 2)
        assert (asset.status, sha256(asset.body).hexdigest()[:12]) == (200, stamp)
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert asset.headers["x-content-type-options"] == "nosniff"
        kinds[f"{stem}.{suffix}"] = asset.headers["content-type"]

    assert kinds == {
        "lantern.svg": "image/svg+xml",
        "graphiql.min.css": "text/css; charset=utf-8",
        "page.css": "text/css; charset=utf-8",
        "react.production.min.js": "text/javascript; charset=utf-8",
        "react-dom.production.min.js": "text/javascript; charset=utf-8",
        "graphiql.min.js": "text/javascript; charset=utf-8",
        "page.js": "text/javascript; charset=utf-8",
    }


@pytest.mark.parametrize(
    "name",
    [
        "",
        "page.js",
        "README.md",
        "LICENSES.md",
        "../page.html",
        "../__init__.py",
        "..%2f__init__.py",
        "%2e%2e/%2e%2e/app.py",
        "..\\__init__.py",
        "/etc/passwd",
        "page.000000000000.js",
    ],
)
async def test_nothing_else_is_served(name: str) -> None:
    assert (await get(f"/graphql/assets/{name}", accept="*/*")).status == 404


async def test_the_market_shows_it_unless_it_is_told_not_to() -> None:
    shown, hidden = Api(Settings(graphiql=True)).app, Api(Settings(graphiql=False)).app

    page = await get("/graphql", app=shown)
    asset = f"/{addresses(page.text)[0]}"
    assert (page.status, (await get(asset, app=shown)).status) == (200, 200)
    assert ((await get("/graphql", app=hidden)).status, (await get(asset, app=hidden)).status) == (400, 404)


def test_the_first_query_is_one_that_the_market_answers() -> None:
    page = Path(graphiql.__file__).with_name("page.html").read_text("utf-8")
    found = re.search(r'<template id="first-query">(.*?)</template>', page, re.DOTALL)

    assert found is not None
    assert validate(schema.build()._schema, parse(unescape(found[1]))) == []


def test_the_files_of_others_are_as_they_published_them() -> None:
    licenses = (graphiql.ASSETS / "LICENSES.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `([^`]+)` .*\| `([0-9a-f]{64})` \|$", licenses, re.MULTILINE))

    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in graphiql.ASSETS.glob("*.min.*")}
    assert told == files
    assert len(files) == 4
