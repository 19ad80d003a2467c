"""The host's console (直播中控台): the page at GET /console from which rooms are run, a page beside it that watches one as
shoppers do, and the files of both, all of them from here.

The pages ask the same GraphQL as everybody, in documents of their own: those are registered wherever the pages are served,
so they work where nothing else is executed. `assets/README.md` tells how the scripts are laid out.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import graphql
import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.documents import id_of
from api.gathering import documents_in
from domain.foundation.runtime import Market

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""What is served of the assets, and as what: the same on every system, whatever its table of types says."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: https:",  # merchants keep the pictures of their products wherever they like
        "media-src {video}",  # and the video comes from whoever carries it
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # text that shoppers wrote never becomes markup, whatever the scripts do
        "trusted-types 'none'",
    )
)
HEADERS = {
    "cache-control": "no-cache",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
A_YEAR = "public, max-age=31536000, immutable"


@lru_cache
def documents() -> Mapping[str, str]:
    """The documents that the pages ask in: text by id, for the registry."""
    return {id_of(text): text for text in documents_in([HERE / "documents"])}


def _names() -> bytes:
    """The module that tells scripts the ids of the documents by the names of their operations."""
    by_name = {graphql.get_operation_ast(graphql.parse(text)).name.value: id for id, text in documents().items()}  # type: ignore[union-attr]
    return b"export const documents = " + orjson.dumps(by_name, option=orjson.OPT_INDENT_2) + b";\n"


@lru_cache
def _files() -> Mapping[str, tuple[str, bytes]]:
    """The media type and the bytes of each file that is served, by its name."""
    found = {path.name: (KINDS[path.suffix], path.read_bytes()) for path in ASSETS.iterdir() if path.suffix in KINDS}
    return found | {"documents.js": (KINDS[".js"], _names())}


@lru_cache
def stamp() -> str:
    """The folder of the files in addresses. Scripts name each other by name alone, so one folder has one state of all of
    them: it changes whenever a file does, and browsers may keep its files for good.
    """
    whole = sha256()
    for name, (_, content) in sorted(_files().items()):
        whole.update(f"{name} {len(content)}\n".encode() + content)
    return whole.hexdigest()[:12]


@lru_cache
def _page(name: str, above: str, logins: str) -> str:
    text = Template(HERE.joinpath(name).read_text("utf-8"))
    # relative to the page: they hold behind a proxy that gives the market a path of its own, too
    return text.substitute(assets=f"{above}console/assets/{stamp()}", logins=logins)


async def _console(request: Request) -> Response:
    return _shown(request, "console.html", above="")


async def _watch(request: Request) -> Response:
    return _shown(request, "watch.html", above="../../")


def _shown(request: Request, name: str, *, above: str) -> Response:
    market: Market = request.app.state.market
    settings = market.settings
    logins = "staff development" if settings.development_login else "staff"
    policy = POLICY.format(video=_origin(settings.video_play_url) or "'none'")
    return HTMLResponse(_page(name, above, logins), headers={**HEADERS, "content-security-policy": policy})


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if url else ""


async def _asset(request: Request) -> Response:
    file = _files().get(request.path_params["name"]) if request.path_params["stamp"] == stamp() else None
    if file is None:  # a page of an older release asks while processes are replaced: it is loaded anew
        return PlainTextResponse("Not Found", 404, {"cache-control": "no-store"})
    kind, content = file
    return Response(content, media_type=kind, headers={"cache-control": A_YEAR, "x-content-type-options": "nosniff"})


routes = [
    Route("/console", _console, methods=["GET"]),
    Route("/console/watch/{room}", _watch, methods=["GET"]),
    Route("/console/assets/{stamp}/{name}", _asset, methods=["GET"]),
]
"""The pages and their files."""
