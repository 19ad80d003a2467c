"""The console's pages, their files and their documents, without a browser."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
from graphql import get_operation_ast, parse, validate
from starlette.applications import Starlette

from api import console, schema
from api.app import Api
from api.documents import id_of
from domain.foundation.runtime import Market
from tests.api.conftest import Response, call

PAGES = ["/console", "/console/watch/room_01"]
JSON = {"content-type": "application/json"}
OURS = sorted(path for path in console.ASSETS.glob("*.js") if ".min." not in path.name)
CODE = "\n".join(path.read_text("utf-8") for path in OURS)


@pytest.fixture
def get(settings):
    """`await get("/console", video_play_url="...")`: a page or a file, under these knobs."""

    async def get(path: str, **knobs: object) -> Response:
        app = Starlette(routes=console.routes)
        app.state.market = Market.open(settings.model_copy(update=knobs))  # which nobody dials
        return await call(app, "GET", path)

    return get


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_runs_and_loads_nothing_but_its_own_files(get, path: str) -> None:
    page = await get(path)
    text = page.body.decode()

    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["cache-control"] == "no-cache"
    assert "//" not in text
    assert re.findall(r"<script[^>]*>([^<]+)|<style|\son\w+=|\sstyle=", text) == []
    assert page.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: https:",
        "media-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
async def test_the_files_of_a_page_are_there_for_good(get, path: str) -> None:
    page = (await get(path)).body.decode()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    depth = path.count("/") - 1

    assert len(addresses) == 4
    for address in addresses:
        assert address.startswith("../" * depth + f"console/assets/{console.stamp()}/")
        asset = await get("/" + address.removeprefix("../" * depth))
        assert (asset.status, asset.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
        assert asset.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    [
        "LICENSES.md",
        "README.md",
        "../console.html",
        "..%2f__init__.py",
        "%2e%2e/%2e%2e/app.py",
        "/etc/passwd",
        "console",
    ],
)
async def test_nothing_else_is_served(get, name: str) -> None:
    assert (await get(f"/console/assets/{console.stamp()}/{name}")).status == 404
    assert (await get("/console/assets/000000000000/console.js")).status == 404


@pytest.mark.parametrize(("is_shown", "status"), [(True, 200), (False, 404)])
async def test_the_market_shows_it_unless_it_is_told_not_to(settings, clean, is_shown: bool, status: int) -> None:
    api = Api(settings.model_copy(update={"console": is_shown}))

    async with api.started():
        assert [(await call(api.app, "GET", path)).status for path in PAGES] == [status, status]


async def test_only_where_there_is_a_development_login_does_a_page_offer_it(get) -> None:
    with_it, without = await get("/console"), await get("/console", development_login=False)

    assert 'data-logins="staff development"' in with_it.body.decode()
    assert 'data-logins="staff"' in without.body.decode()


async def test_the_video_may_come_from_where_it_is_played(get) -> None:
    page = await get("/console", video_play_url="https://play.example.com/live")

    assert "; media-src https://play.example.com; " in page.headers["content-security-policy"]


def test_every_document_fits_the_schema() -> None:
    built = schema.build()._schema

    assert {
        text: [str(fault) for fault in found]
        for text in console.documents().values()
        if (found := validate(built, parse(text)))
    } == {}
    assert all(id == id_of(text) for id, text in console.documents().items())


async def test_its_documents_are_executed_where_no_others_are(settings, tmp_path: Path) -> None:
    registry = tmp_path / "documents.json"
    registry.write_text("{}")
    about = {"console": True, "adhoc_documents": False, "introspection": False, "documents": registry}
    [viewer] = [id for id, text in console.documents().items() if text.startswith("query Viewer ")]
    api = Api(settings.model_copy(update=about))

    async with api.started():
        known = await call(api.app, "POST", "/graphql", f'{{"documentId": "{viewer}"}}'.encode(), JSON)
        other = await call(api.app, "POST", "/graphql", b'{"query": "{ viewer { id } }"}', JSON)

    assert known.json["data"] == {"viewer": None}
    assert other.codes == ["DOCUMENT_NOT_TRUSTED"]


def test_scripts_ask_for_documents_that_there_are_and_for_all_of_them() -> None:
    named = {get_operation_ast(parse(text)).name.value for text in console.documents().values()}
    asked = set(re.findall(r"'([A-Z][A-Za-z]+)'", CODE)) & {
        name for name in re.findall(r"'(\w+)'", CODE) if name[0].isupper()
    }

    assert named - asked == set()
    assert {name for name in asked if re.match(r"(Console|Watch|Room)[A-Z]", name)} - named == {"RoomPersonalNews"}


def test_every_word_is_there_in_both_languages_with_the_same_facts() -> None:
    source = (console.ASSETS / "words.js").read_text("utf-8")
    words = dict(re.findall(r"^  (\w+): (\[.*?\]),$", source, re.MULTILINE | re.DOTALL))
    asked = set(re.findall(r"\bt\('(\w+)'", CODE))

    assert asked - words.keys() == set()
    for name, pair in words.items():
        chinese, english = re.findall(r"'((?:[^'\\]|\\.)*)'", pair)
        assert chinese and english
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english)), name


def test_scripts_import_files_that_there_are_and_make_no_markup_of_text() -> None:
    for path in OURS:
        for name in re.findall(r"from '\./([^']+)'", path.read_text("utf-8")):
            assert name == "documents.js" or (console.ASSETS / name).exists(), (path.name, name)

    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacent|dangerously|document\.write|\beval\b|https?://[a-z0-9]", CODE)
        == []
    )


def test_the_file_of_others_is_as_they_published_it() -> None:
    licenses = (console.ASSETS / "LICENSES.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `([^`]+)` .*\| `([0-9a-f]{64})` \|$", licenses, re.MULTILINE))

    assert told == {path.name: sha256(path.read_bytes()).hexdigest() for path in console.ASSETS.glob("*.min.*")}
    assert len(told) == 1
