"""GraphiQL: the page a browser is shown at GET /graphql, and the files it loads, all of them from here.

The page may load and call nothing but its own origin, and says so to the browser in its policy. `assets/README.md`
tells where its files come from.
"""

from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from string import Template

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.wire import Receive, Scope, Send

ASSETS = Path(__file__).parent / "assets"
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""What is served of the assets, and as what: the same on every system, whatever its table of types says."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'nonce-{nonce}'",  # its dialogs make a style element that keeps the page from scrolling
        "img-src 'self' data:",
        "font-src data:",  # the style sheet has its fonts inside
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
A_YEAR = "public, max-age=31536000, immutable"


class _Page(Template):
    """The page's text: `${page.js}` stands for the address of that asset."""

    braceidpattern = r"[a-z.-]+"


def _stamped(path: Path) -> str:
    """The name of an asset in addresses. It changes whenever the file does, so a browser may keep the file for good."""
    return f"{path.stem}.{sha256(path.read_bytes()).hexdigest()[:12]}{path.suffix}"


_files = {_stamped(path): path for path in sorted(ASSETS.iterdir()) if path.suffix in KINDS}
# relative to the page: they hold behind a proxy that gives the market a path of its own, too
_addresses = {path.name: f"graphql/assets/{stamped}" for stamped, path in _files.items()}
_page = _Page(Path(__file__).with_name("page.html").read_text("utf-8"))


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The page, for a GET of /graphql by a browser."""
    nonce = token_urlsafe(16)
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY.format(nonce=nonce),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    await HTMLResponse(_page.substitute(_addresses, nonce=nonce), headers=headers)(scope, receive, send)


async def _asset(request: Request) -> Response:
    path = _files.get(request.path_params["name"])
    if path is None:
        return PlainTextResponse("Not Found", 404)
    headers = {"Cache-Control": A_YEAR, "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, media_type=KINDS[path.suffix], headers=headers)


routes = [Route("/graphql/assets/{name}", _asset, methods=["GET"])]
"""The files of the page, to stand beside the endpoint at /graphql."""
