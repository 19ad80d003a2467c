"""Pictures from anywhere on the web, fetched for posters: nothing of ours is asked for them, and nothing in them is believed.

A product's picture is an address that somebody wrote. What is looked at is where each connection really goes, not what it
is called: so neither a redirect nor a name that changes its meaning leads to a machine of ours.
"""

import asyncio
import socket
from collections.abc import Callable, Collection
from io import BytesIO
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog
from PIL import Image, ImageOps

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 5.0
"""For all of it, redirects included."""
MOST_BYTES = 8_388_608
MOST_PIXELS = 40_000_000
"""Of a JPEG, which is read no larger than it will be needed: that takes a fraction of the time and of the memory."""
MOST_PIXELS_READ = 12_000_000
"""Of what is really decoded, at four bytes each in a few copies: more could cost the worker its life."""
MOST_REDIRECTS = 3
FORMATS = ("JPEG", "PNG", "WEBP")
HTTPS = frozenset({"https"})
_GIVEN_OUT = ip_network("2000::/3")
"""All of IPv6 that IANA gives out. What stands for other addresses, as NAT64's and site-local ones do, lies outside."""
_ROUNDABOUT = tuple(ip_network(each) for each in ("2002::/16", "192.88.99.0/24", "192.0.0.0/24", "3fff::/20"))
"""6to4 and its relays, what protocols use among themselves, examples: the Internet only at first sight."""
_WORKING_SIDE = 1_400
"""Pixels that are enough for a poster."""


class NoPicture(Exception):
    """There is none to be had there: the reason is the message."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to a machine of the open Internet, and to no network of anybody's own."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found not in _GIVEN_OUT:
            return False
    return found.is_global and not found.is_multicast and not any(found in network for network in _ROUNDABOUT)


async def fetch(url: str, *, schemes: Collection[str] = HTTPS, is_allowed: Callable[[str], bool] = is_public) -> bytes:
    """What is found at an address, at most `MOST_BYTES`. Raises NoPicture."""

    def open_socket(info: Any) -> socket.socket:
        family, kind, protocol, _, where = info
        if not is_allowed(where[0]):
            raise OSError("not a public address")
        return socket.socket(family, kind, protocol)

    connector = aiohttp.TCPConnector(socket_factory=open_socket, force_close=True)
    # as it comes: what is packed small could unpack to more than there is memory for
    session = aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), session:
            return await _follow(session, url, schemes)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise NoPicture(f"{type(error).__name__}: {error}"[:300]) from error


def read(content: bytes) -> Image.Image:
    """The picture as RGB, the right way up. Raises NoPicture for what is none, is of another kind, or far too large."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise NoPicture(f"{opened.width} x {opened.height} pixels")
            opened.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
            if opened.width * opened.height > MOST_PIXELS_READ:
                raise NoPicture(f"{opened.width} x {opened.height} pixels, and no JPEG")
            ImageOps.exif_transpose(opened, in_place=True)
            picture = opened.convert("RGBA")
    except NoPicture:
        raise
    except Exception as error:  # a decoder fed with anything at all may raise anything at all
        raise NoPicture(f"{type(error).__name__}: {error}"[:300]) from error
    on_white = Image.new("RGB", picture.size, "white")
    on_white.paste(picture, mask=picture)
    return on_white


async def _follow(session: aiohttp.ClientSession, url: str, schemes: Collection[str]) -> bytes:
    for _ in range(MOST_REDIRECTS + 1):
        if urlsplit(url).scheme not in schemes:
            raise NoPicture("not an https address")
        async with session.get(url, allow_redirects=False, headers={"accept-encoding": "identity"}) as response:
            if response.status in {301, 302, 303, 307, 308} and "location" in response.headers:
                url = urljoin(url, response.headers["location"])
                continue
            if response.status != 200:
                raise NoPicture(f"HTTP {response.status}")
            return await _read_body(response)
    raise NoPicture(f"more than {MOST_REDIRECTS} redirects")


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        content += piece
        if len(content) > MOST_BYTES:
            raise NoPicture(f"more than {MOST_BYTES} bytes")
    return bytes(content)
