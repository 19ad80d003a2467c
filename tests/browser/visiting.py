"""Pages of the console in browsers of their own, over a whole market; none of them asks anybody else, or complains."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from cli.house import House
from domain.foundation import clock
from domain.foundation.ids import encode
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
from tests.given import Given
from tests.given.live_rooms import RoomGiven

if TYPE_CHECKING:
    from playwright.async_api import Browser, Locator, Page, Request

DOCUMENTS = Path(__file__).parents[2] / "clients/documents.json"
PHONE = {"width": 320, "height": 640}
DESK = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def house(browser: "Browser", settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A market as in production, but for who may sign in and who is paid; its engines are the tests' own."""
    folder = tmp_path_factory.mktemp("house")
    as_in_production = {"adhoc_documents": False, "introspection": False, "suggestions": False, "graphiql": False}
    here = {"console": True, "documents": DOCUMENTS, "data_dir": folder, "port": 0}
    with House(settings.model_copy(update=as_in_production | here), logs=folder) as house:
        yield house


@pytest.fixture
def given(house: House, market: Market, clean: None) -> Given:
    return Given(market, now=clock.now())


@dataclass
class Visitor:
    """Somebody's page, and what it did that a test wants to know of."""

    page: "Page"
    home: str
    hosts: set[str | None] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(20_000)
        self.page.on("request", self._note)
        self.page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, request: "Request") -> None:
        self.hosts.add(urlsplit(request.url).hostname)

    @property
    def dialog(self) -> "Locator":
        return self.page.get_by_role("dialog")

    def button(self, name: str) -> "Locator":
        return self.page.get_by_role("button", name=name, exact=True)

    async def sign_in(self, name: str, role: str = "HOST", *, at: str = "") -> None:
        """By the development login, at a place of the console."""
        await self.page.goto(f"{self.home}/console{at}")
        login = self.page.locator(".development")
        await login.locator("input").fill(name)
        await login.locator("select").select_option(role)
        await login.get_by_role("button").click()
        await self.page.locator(".brand").wait_for()

    async def watch(self, room: RoomGiven, name: str = "") -> None:
        """The room as a shopper sees it, signed in where a name is given."""
        await self.page.goto(f"{self.home}/console/watch/{encode('room', room.id)}")
        await self.page.locator(".picture-side").wait_for()
        if name:
            await self.button("登录后参与").click()
            await self.dialog.get_by_label("名字").fill(name)
            await self.dialog.get_by_role("button", name="登录", exact=True).click()
            await self.page.locator(".write input").wait_for()

    async def write(self, text: str) -> None:
        line = self.page.locator(".write input")
        await line.fill(text)
        await line.press("Enter")
        while await line.input_value():
            await asyncio.sleep(0.02)

    async def scrolls_sideways(self) -> bool:
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > innerWidth"))


@pytest.fixture
async def visit(browser: "Browser", house: House) -> "AsyncIterator[Visit]":
    """`await visit(**of_the_browser)`: a page of a browser of its own. None of them asks anybody else or complains."""
    visit = Visit(browser, house.url)
    yield visit
    for visitor in visit.made:
        await visitor.page.context.close()
        assert visitor.hosts == {"127.0.0.1"}
        assert visitor.complaints == []


@dataclass
class Visit:
    browser: "Browser"
    home: str
    made: list[Visitor] = field(default_factory=list)

    async def __call__(self, **options: object) -> Visitor:
        context = await self.browser.new_context(
            **{"viewport": DESK, "locale": "zh-CN", "reduced_motion": "reduce"} | options
        )
        self.made.append(Visitor(await context.new_page(), self.home))
        return self.made[-1]
