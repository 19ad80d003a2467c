"""The ways into the mini-program: its round codes (小程序码), and the links that open it from a browser."""

import math
import re
import secrets
from hashlib import sha256
from io import BytesIO
from typing import Any

import orjson
from PIL import Image, ImageDraw
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.wechat_platform.platform import Platform, Refused, as_json

SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
NARROWEST, WIDEST = 280, 1280
MOST_DAYS = 30


class Codes:
    """The doors, and what was asked for at them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._pages = {"pages/index/index", "pages/share/share"}
        self._made: list[dict[str, str]] = []

    def routes(self) -> list[Route]:
        """The doors."""
        return [
            Route("/wxa/getwxacodeunlimit", self.code, methods=["POST"]),
            Route("/wxa/generate_urllink", self.link, methods=["POST"]),
            Route("/commands/pages", self.pages, methods=["POST"]),
            Route("/commands/codes", self.codes, methods=["GET"]),
        ]

    async def code(self, request: Request) -> Response:
        """A PNG of the code, or why there is none."""
        wish = await self._asked(request, door="code")
        scene, page, width = wish["scene"], wish.get("page", ""), int(wish.get("width", 430))
        if not SCENE.fullmatch(scene):
            raise Refused(40169, "invalid length for scene, or the data is not json string")
        if wish.get("check_path", True) and page not in self._pages:
            raise Refused(41030, "invalid page")
        if not NARROWEST <= width <= WIDEST:
            raise Refused(40097, "invalid args")
        self._made.append({"scene": scene, "page": page})
        return Response(_drawn(f"{page}?{scene}", width), media_type="image/png")

    async def link(self, request: Request) -> Response:
        """An address that opens a page from a browser."""
        wish = await self._asked(request, door="link")
        if str(wish.get("path", "")).removeprefix("/") not in self._pages:
            raise Refused(40165, "invalid weapp pagepath")
        if wish.get("expire_type") == 1 and not 1 <= int(wish.get("expire_interval", 0)) <= MOST_DAYS:
            raise Refused(85401, "time limit between 1min and 1year")
        return as_json({"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"})

    async def pages(self, request: Request) -> Response:
        """Publish the mini-program with these pages."""
        self._pages = set(orjson.loads(await request.body())["pages"])
        return as_json({})

    async def codes(self, request: Request) -> Response:
        """The codes that were made."""
        return as_json({"codes": self._made})

    async def _asked(self, request: Request, *, door: str) -> dict[str, Any]:
        self._platform.check_token(request)
        await self._platform.fail_if_told(door)
        wish: dict[str, Any] = orjson.loads(await request.body())
        return wish


def _drawn(text: str, width: int) -> bytes:
    """Rays of dashes around a disc: it looks like one of the real codes, and no camera can read it."""
    bits = int.from_bytes(sha256(text.encode()).digest() * 2, "big")
    side, middle = width * 2, width
    image = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(image)
    for ray in range(72):
        angle = math.tau * ray / 72
        for ring in range(6):
            bits = bits >> 1 or int.from_bytes(sha256(f"{text}{ray}".encode()).digest(), "big")
            if bits & 1:
                near, far = (side * (0.27 + 0.035 * (ring + part)) for part in (0.0, 0.8))
                ends = [(middle + r * math.cos(angle), middle + r * math.sin(angle)) for r in (near, far)]
                draw.line(ends, fill=0, width=side // 60)
    radius = side * 0.2
    draw.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), outline=0, width=side // 50)
    written = BytesIO()
    image.resize((width, width), Image.Resampling.LANCZOS).save(written, "PNG")
    return written.getvalue()
