"""The merchant's page of members, in a real browser: metrics, tiers, ladder, value, and segments that are made and saved."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.insights import member_days
from domain.super_users import actions as super_users
from tests.browser.visiting import PHONE, Visit, given, house, visit
from tests.given import Given
from tests.given.customers import Bought

if TYPE_CHECKING:
    from playwright.async_api import Locator

__all__ = ["given", "house", "visit"]

PAGE = "#/members"
FANS, OTHERS = 3, 5


@pytest.fixture
async def shop(given: Given) -> Given:
    """Three super users who bought twice, and five customers who bought once."""
    bought = [
        Bought(shopper_id, given.now - timedelta(days=2), 20_000, cost_minor=15_000)
        for shopper_id in await given.shoppers(OTHERS)
    ]
    await given.history(bought)
    await given.super_user_rules()
    await given.fans(FANS)
    await super_users.derive(given.db, now=given.now)
    await member_days.keep(given.db, now=given.now)
    await given.tiers_counted()
    return given


async def test_a_merchandiser_sees_who_customers_are_and_saves_some_of_them(
    shop: Given, visit: Visit, tmp_path: Path
) -> None:
    merchandiser = await visit()
    await merchandiser.sign_in("运营小王", "MERCHANDISER")
    page = merchandiser.page
    await page.get_by_role("link", name="会员", exact=True).click()

    def panel(name: str) -> "Locator":
        return page.get_by_role("region", name=name, exact=True)

    await panel("会员").filter(has_text="0.0%").filter(has_text=f"0 名会员 / {FANS + OTHERS} 人").wait_for()
    await panel("信任分层").filter(has_text="陌生").wait_for()
    await panel("超级用户").filter(has_text=f"{FANS} / 150").wait_for()
    await panel("复购阶梯").first.locator("tbody tr").first.wait_for()
    await panel("毛利集中度").filter(has_text="的客户贡献 80% 毛利").filter(has_text="¥550.00").wait_for()
    best = panel("用户价值最高").locator("li")
    await best.first.filter(has_text="¥100").wait_for()
    assert await best.count() == FANS + OTHERS

    await merchandiser.button("新建人群").click()
    await merchandiser.dialog.get_by_label("名称").fill("老客")
    await merchandiser.dialog.get_by_label("订单数不少于").fill("2")
    await merchandiser.dialog.get_by_text(f"将选中 {FANS} 人").wait_for()
    await merchandiser.button("创建").click()
    row = page.locator(".crowds li", has_text="老客")
    await row.get_by_text(f"{FANS} 人").wait_for()
    async with page.expect_download() as saved:
        await row.get_by_role("button", name="导出 CSV").click()
    file = tmp_path / "segment.csv"
    await (await saved.value).save_as(file)

    assert (await saved.value).suggested_filename == "老客.csv"
    assert file.read_text(encoding="utf-8-sig").count("account_") == FANS


@pytest.mark.parametrize("locale", [pytest.param("zh-CN", marks=pytest.mark.faults), "en-US"])
async def test_a_phone_shows_the_page_without_scrolling_sideways(shop: Given, visit: Visit, locale: str) -> None:
    staff = await visit(viewport=PHONE, is_mobile=True, has_touch=True, locale=locale, color_scheme="dark")
    await staff.sign_in("财务小李" if locale == "zh-CN" else "Li", "ADMIN", at=PAGE)
    await staff.page.locator(".ladder-table tbody tr").first.wait_for()

    assert not await staff.scrolls_sideways()
    assert await staff.page.evaluate("innerWidth") == PHONE["width"]


async def test_a_host_who_is_no_staff_finds_no_way_to_the_page(given: Given, visit: Visit) -> None:
    host = await visit()
    await host.sign_in("主播", at=PAGE)

    assert await host.page.locator(".places").count() == 0
    assert await host.page.locator("main.rooms").count() == 1
