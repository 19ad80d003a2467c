"""GraphiQL in a real browser: it runs a query, takes a token from the link, and never leaves the machine."""

import json
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, Request

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiLlpJzluIIifQ.c2ln-bmF0dXJl_"


class Tab:
    """A page and everything it did that a test wants to know of."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.hosts: set[str | None] = set()
        self.complaints: list[str] = []
        self.operations: list[Request] = []
        page.on("request", self._note)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, request: "Request") -> None:
        address = urlsplit(request.url)
        if address.scheme != "data":
            self.hosts.add(address.hostname)
        if request.method == "POST":
            self.operations.append(request)

    async def open(self, url: str) -> None:
        await self.page.goto(url)
        await self.page.get_by_role("button", name="Execute query").wait_for()
        await self.schema_known()

    async def schema_known(self) -> None:
        await self.page.get_by_role("button", name="Show Documentation Explorer").click()
        await self.page.get_by_text("A GraphQL schema provides a root type").wait_for()
        await self.page.get_by_role("button", name="Hide Documentation Explorer").click()

    async def run(self) -> str:
        await self.page.get_by_role("button", name="Execute query").click()
        await self.page.locator(".result-window .CodeMirror-code").filter(has_text="flashSales").wait_for()
        return await self.text_in(".result-window")

    async def text_in(self, part: str) -> str:
        text = await self.page.locator(f"{part} .CodeMirror").evaluate("editor => editor.CodeMirror.getValue()")
        return str(text)

    async def headers(self) -> str:
        return await self.text_in(".graphiql-editor-tool .graphiql-editor:not(.hidden)")


@pytest.fixture
async def tab(browser: "Browser") -> AsyncIterator[Tab]:
    """A page in a browser that remembers nothing, which at the end has asked nobody else and complained of nothing."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    tab = Tab(await context.new_page())
    tab.page.set_default_timeout(15_000)
    yield tab
    await context.close()
    assert tab.hosts == {"127.0.0.1"}
    assert tab.complaints == []


async def test_the_first_query_is_answered(tab: Tab, market_url: str) -> None:
    await tab.open(f"{market_url}/graphql")

    answer = json.loads(await tab.run())

    assert await tab.page.title() == "夜市 Night Market · GraphiQL"
    assert [sale["title"] for sale in answer["data"]["flashSales"]["nodes"]] == ["双十一 午夜场"]
    assert [product["lowestPrice"]["amount"] for product in answer["data"]["products"]["nodes"]] == ["39.00"]
    assert await tab.headers() == ""


async def test_a_token_in_the_link_is_sent_and_then_neither_shown_nor_kept(tab: Tab, market_url: str) -> None:
    await tab.open(f"{market_url}/graphql#token={TOKEN}")
    await tab.run()

    assert json.loads(await tab.headers()) == {"Authorization": f"Bearer {TOKEN}"}
    assert tab.page.url == f"{market_url}/graphql"
    assert await tab.operations[-1].header_value("authorization") == f"Bearer {TOKEN}"
    await tab.page.wait_for_timeout(700)  # GraphiQL writes down its tabs half a second after they changed
    kept = await tab.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])")
    assert "flashSales" in kept
    assert TOKEN not in kept


async def test_another_token_takes_the_place_of_the_first(tab: Tab, market_url: str) -> None:
    await tab.open(f"{market_url}/graphql#token=first")

    async with tab.page.expect_navigation(wait_until="load"):
        await tab.page.evaluate("location.hash = 'token=second'")
    await tab.page.get_by_role("button", name="Execute query").wait_for()

    assert json.loads(await tab.headers()) == {"Authorization": "Bearer second"}
    assert tab.page.url == f"{market_url}/graphql"


async def test_a_new_tab_of_graphiql_has_the_token_too(tab: Tab, market_url: str) -> None:
    await tab.open(f"{market_url}/graphql#token=first")

    await tab.page.get_by_role("button", name="New tab").click()

    assert json.loads(await tab.headers()) == {"Authorization": "Bearer first"}


async def test_every_corner_of_it_works_under_its_policy(tab: Tab, market_url: str) -> None:
    page = tab.page
    await tab.open(f"{market_url}/graphql")
    await tab.run()

    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await page.get_by_role("link", name="Query", exact=True).click()
    await page.get_by_role("link", name="FlashSales", exact=True).click()
    await page.get_by_role("link", name="FlashSale", exact=True).click()
    await page.locator("strong", has_text="限时抢购").wait_for()
    await page.get_by_role("button", name="Show History").click()
    await page.locator(".graphiql-history-item").first.wait_for()
    await page.get_by_role("button", name="Open short keys dialog").click()
    await page.get_by_role("dialog").get_by_text("Execute query").wait_for()
    assert await page.evaluate("getComputedStyle(document.body).overflow") == "hidden"  # a style made under the nonce
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Open settings dialog").click()
    await page.get_by_role("button", name="Dark").click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=re.compile("Prettify")).click()

    await page.locator("body.graphiql-dark").wait_for()
