"""The landing page in a real browser, on a phone: everything fits, nothing is refused, nothing of others is loaded."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PHONE = {"width": 375, "height": 812}


@pytest.fixture
async def page(browser: "Browser") -> AsyncIterator["Page"]:
    context = await browser.new_context(
        viewport=PHONE, device_scale_factor=2, is_mobile=True, java_script_enabled=False
    )
    yield await context.new_page()
    await context.close()


async def test_a_phone_shows_the_whole_card_without_scripts_and_without_others(page: "Page", market_url: str) -> None:
    complaints, hosts = [], set()
    page.on("console", lambda said: complaints.append(said.text))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))

    answer = await page.goto(f"{market_url}/s/Ab12Cd34Ef56Gh78")

    assert answer is not None and answer.status == 200
    assert await page.get_by_role("heading", name="桂花酒酿 江南手工").is_visible()
    button = page.get_by_role("link", name="打开小程序")
    assert await button.get_attribute("href") == "https://wxaurl.cn/AbCd"
    box = await button.bounding_box()
    assert box is not None and box["height"] >= 44, "a thumb needs so much"
    assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    code = await page.get_by_alt_text("二维码").bounding_box()
    assert code is not None and code["width"] == code["height"] == 152
    assert await page.locator(".picture").evaluate("tile => getComputedStyle(tile).backgroundImage") != "none"
    assert (complaints, hosts - {None, ""}) == ([], {"127.0.0.1"})
