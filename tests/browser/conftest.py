"""A browser of this machine and a market to show it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox",  # it runs as root in containers, and visits nothing but our own page
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator["Browser"]:
    """Chromium, as the system has it. NIGHTMARKET_BROWSER_TESTS=1 says that it must be there."""
    try:
        from playwright.async_api import async_playwright
    except ImportError:
        _do_without("playwright is not installed: it is among the `dev` extras")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        _do_without("no chromium on this machine: tests/browser/setup.sh installs it on Debian")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
        yield browser
        await browser.close()


def _do_without(reason: str) -> None:
    if os.environ.get("NIGHTMARKET_BROWSER_TESTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def market_url() -> Iterator[str]:
    """The address of a market that a server of its own shows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([*command, "tests.browser.market:app"], cwd=ROOT, stderr=subprocess.STDOUT) as server:
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_for(port: int, server: "subprocess.Popen[bytes]", *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the market's server does not listen (exit code {server.poll()})")
            time.sleep(0.05)
