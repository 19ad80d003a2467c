"""Pictures from the web: only from public machines, only so large, only of three kinds."""

import asyncio
import struct
import zlib
from io import BytesIO

import pytest
from aiohttp import web
from PIL import Image

from domain.posters import pictures
from domain.posters.pictures import MOST_BYTES, NoPicture, fetch, is_public, read

ANY = frozenset({"http", "https"})


def encoded(kind: str = "PNG", size: tuple[int, int] = (40, 30), colour: str = "red", **more) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, colour).save(written, kind, **more)
    return written.getvalue()


@pytest.fixture
async def server():
    """A web server of this machine, and the address of a page on it."""
    pages = {"/ok": lambda: web.Response(body=encoded())}

    async def answer(request):
        return await made if asyncio.iscoroutine(made := pages[request.path]()) else made

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    yield pages, f"http://127.0.0.1:{port}"
    await runner.cleanup()


def from_here(url: str):
    """Fetched as if this machine were a public one."""
    return fetch(url, schemes=ANY, is_allowed=lambda address: True)


async def test_a_picture_is_fetched(server):
    _, home = server

    assert await from_here(f"{home}/ok") == encoded()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "2001:db8::1", "fec0::1", "64:ff9b:1::7f00:1",
        "::ffff:0:127.0.0.1", "192.0.0.8", "192.88.99.1", "3fff::1", "5f00::1",
    ],
)  # fmt: skip
def test_no_address_of_ours_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "114.114.114.114", "2400:3200::1", "::ffff:8.8.8.8"])
def test_addresses_of_the_internet_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "127.1", "2130706433", "0x7f000001", "0", "[::ffff:127.0.0.1]"]
)
async def test_this_machine_is_never_asked_whatever_it_is_called(server, host):
    pages, home = server
    asked = []
    pages["/ok"] = lambda: asked.append(1) or web.Response()

    with pytest.raises(NoPicture):
        await fetch(f"http://{host}:{home.rpartition(':')[2]}/ok", schemes=ANY)

    assert asked == []


async def test_a_redirect_is_no_way_round(server):
    pages, home = server
    asked = []

    def only_first(address: str) -> bool:
        asked.append(address)
        return len(asked) == 1

    pages["/away"] = lambda: web.Response(status=302, headers={"location": f"{home}/ok"})
    with pytest.raises(NoPicture):
        await fetch(f"{home}/away", schemes=ANY, is_allowed=only_first)

    assert asked == ["127.0.0.1"] * 2


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1/x", "file:" + "//" + "/etc/passwd", "ftp://a/b", "gopher://a", "//"]
)
async def test_a_redirect_leads_to_no_other_scheme(server, location):
    pages, home = server
    pages["/away"] = lambda: web.Response(status=301, headers={"location": location})

    with pytest.raises(NoPicture):
        await fetch(f"{home}/away", schemes={"http"} - ({"http"} if location.startswith("http:") else set()))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/x.jpg",
        "file:" + "//" + "/etc/passwd",
        "data:image/png;base64,AA",
        "",
        "x",
        "https://",
        "https://\x00",
    ],
)
async def test_only_https_addresses_are_asked(url):
    with pytest.raises(NoPicture):
        await fetch(url)


async def test_redirects_come_to_an_end(server):
    pages, home = server
    pages["/round"] = lambda: web.Response(status=302, headers={"location": "/round"})

    with pytest.raises(NoPicture, match="more than 3 redirects"):
        await from_here(f"{home}/round")


async def test_a_picture_that_is_too_large_slow_or_missing_is_none(server, monkeypatch):
    pages, home = server
    monkeypatch.setattr(pictures, "PATIENCE_SECONDS", 0.2)
    pages["/large"] = lambda: web.Response(body=b"x" * (MOST_BYTES + 1))
    pages["/packed"] = lambda: web.Response(body=zlib.compress(encoded()), headers={"content-encoding": "deflate"})
    pages["/missing"] = lambda: web.Response(status=404)

    async def slow():
        await asyncio.sleep(1)
        return web.Response()

    pages["/slow"] = slow
    for page in ("/large", "/slow", "/missing"):
        with pytest.raises(NoPicture):
            await from_here(home + page)
    with pytest.raises(NoPicture):
        read(await from_here(f"{home}/packed"))  # nothing is unpacked


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_three_kinds_are_read(kind):
    assert read(encoded(kind, size=(64, 48))).size == (64, 48)


def test_a_large_photograph_is_read_smaller_and_a_large_drawing_is_not_read():
    size = (4_000, 3_200)

    assert max(read(encoded("JPEG", size=size)).size) <= 2_800
    for kind in ("PNG", "WEBP"):
        with pytest.raises(NoPicture, match="no JPEG"):
            read(encoded(kind, size=size))


def test_a_photograph_stands_the_right_way_up_and_what_is_transparent_is_white():
    exif = Image.Exif()
    exif[0x0112] = 6
    glass = BytesIO()
    Image.new("RGBA", (10, 10), (255, 0, 0, 0)).save(glass, "PNG")

    assert read(encoded("JPEG", size=(40, 20), exif=exif)).size == (20, 40)
    assert read(glass.getvalue()).getpixel((5, 5)) == (255, 255, 255)


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is so large."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n", encoded()[:60], encoded("JPEG")[:200],
        encoded("GIF"), encoded("BMP"), encoded("TIFF"), bomb(8_000, 8_000), bomb(60_000, 60_000), bomb(100, 100), bomb(0, 0),
        b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0",
    ],
)  # fmt: skip
def test_anything_else_is_no_picture(content):
    with pytest.raises(NoPicture):
        read(content)
