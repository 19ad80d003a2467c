"""The console and the viewer's page beside it, in a real browser over a whole market that executes registered documents only."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from api import console
from domain.accounts import enrolling
from domain.accounts.rules import Principal, Role
from domain.foundation import clock
from domain.foundation.ids import encode
from tests.browser.visiting import PHONE, Visit, Visitor, given, house, visit
from tests.given import Given
from tests.given.live_rooms import RoomGiven

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, WebSocketRoute

__all__ = ["given", "house", "visit"]

AT_ONCE = 1.0
"""Seconds from the answer to the host's click until a viewer sees what came of it."""


async def a_room(given: Given, **about: Any) -> RoomGiven:
    """A room of the host who is called 主播, unless said otherwise with three items on its shelf."""
    host = Principal(await given.shopper("主播"), frozenset({Role.SHOPPER, Role.HOST}))
    return await given.live_room(**{"items": 3, "host": host} | about)


def desk(room: RoomGiven) -> str:
    return f"#/rooms/{encode('room', room.id)}"


async def seconds_until_seen(host: Visitor, act: "Locator", operation: str, seen: "Locator") -> float:
    """From the answer to what the host does until the viewer's page shows it; below zero where that was quicker."""
    [document] = [id for id, text in console.documents().items() if text.startswith(f"mutation {operation}(")]
    async with host.page.expect_response(lambda response: document in (response.request.post_data or "")) as answered:
        await act.click()
    await answered.value
    told_at = time.monotonic()
    await seen.wait_for()
    return time.monotonic() - told_at


async def test_a_host_sells_and_a_viewer_sees_it_at_once_claims_and_pays(given: Given, visit: Visit) -> None:
    room = await a_room(given, is_live=False)
    host, viewer = await visit(), await visit(viewport=PHONE, is_mobile=True, has_touch=True)
    await viewer.watch(room, "林小夜")
    await viewer.button("预约开播").click()
    await viewer.page.get_by_text("已预约").wait_for()
    await host.sign_in("主播", at=desk(room))
    shelf = host.page.locator(".shelf li")

    await host.button("开播").click()
    live = await seconds_until_seen(
        host,
        host.dialog.get_by_role("button", name="开播", exact=True),
        "ConsoleGoLive",
        viewer.page.locator(".badge.live"),
    )
    on_air = await seconds_until_seen(
        host, shelf.nth(1).get_by_role("button", name="讲解"), "ConsolePutOnAir", viewer.page.locator(".on-air")
    )
    assert await viewer.page.locator(".on-air .price").inner_text() == "¥15.90"
    await shelf.nth(1).get_by_role("button", name=re.compile("限时秒杀")).click()
    await host.dialog.get_by_label("价格（元）").fill("9.89")
    await host.button("立即开抢").click()
    await host.page.get_by_text("不低于 ¥9.90").last.wait_for()
    await host.dialog.get_by_label("价格（元）").fill("9.90")
    sale = await seconds_until_seen(host, host.button("立即开抢"), "ConsoleStartFlashSale", viewer.button("马上抢"))
    assert max(live, on_air, sale) < AT_ONCE

    await viewer.button("马上抢").click()
    await viewer.page.get_by_role("button", name=re.compile("去支付")).click()
    async with viewer.page.context.expect_page() as opened:
        await viewer.page.get_by_role("link", name="打开钱包付款").click()
    wallet = await opened.value
    await wallet.get_by_role("button").first.click()
    await viewer.dialog.get_by_text("支付成功").first.wait_for()

    await host.page.locator("#sum-gmv", has_text="¥9.90").wait_for()
    assert await host.page.locator("#sum-orders").inner_text() == "1"
    await host.page.locator(".bars", has_text="夜市好物 2").wait_for()
    await host.page.locator(".chart .area").first.wait_for()
    await host.page.locator(".selling", has_text="剩 9 / 10").wait_for()


async def test_a_host_who_has_promised_too_many_units_offers_fewer(given: Given, visit: Visit) -> None:
    room = await a_room(given)
    host = await visit()
    await host.sign_in("主播", at=desk(room))
    await host.page.locator(".shelf li").first.get_by_role("button", name=re.compile("限时秒杀")).click()

    for units in ("9999", "5"):
        await host.dialog.get_by_label("数量").fill(units)
        async with host.page.expect_response(re.compile("/graphql$")):
            await host.button("立即开抢").click()

    await host.page.locator(".selling", has_text="剩 5 / 5").wait_for()


async def test_coupons_a_group_and_a_draw_are_started_and_taken(given: Given, visit: Visit) -> None:
    room = await a_room(given, is_on_air=True, store_id=await given.pickup_store())
    await given.batch(title="夜市满减券")
    host, viewer = await visit(), await visit()
    await viewer.watch(room, "林小夜")
    await host.sign_in("主播", at=desk(room))

    await host.button("发券").click()
    await host.dialog.get_by_text("夜市满减券").click()
    await host.button("发放").click()
    await viewer.button("领取").click()
    await viewer.button("已领取").wait_for()
    await host.button("拼团").click()
    await host.button("开始拼团").click()
    await viewer.button("开团").click()
    await viewer.dialog.get_by_role("link", name="打开钱包付款").wait_for()
    await viewer.page.keyboard.press("Escape")
    await host.button("抽奖").click()
    await host.dialog.get_by_label("抽奖标题").fill("开场福袋")
    await host.dialog.get_by_label("奖品名称").fill("手绘茶杯")
    await host.dialog.get_by_label("价值（元）").fill("128")
    await host.button("发布抽奖").click()
    await viewer.button("参与抽奖").click()
    await viewer.button("已参与，等待开奖").wait_for()

    running = host.page.locator(".running > li")
    for told in ("剩 99 张", "剩 9 / 10", "1 人参与"):
        await running.filter(has_text=told).wait_for()


async def test_what_shoppers_write_is_text_and_is_moderated(given: Given, visit: Visit) -> None:
    room = await a_room(given)
    host, viewer, guest = await visit(), await visit(), await visit()
    await viewer.watch(room, "周星星")
    await guest.watch(room)
    await host.sign_in("主播", at=desk(room))
    hostile = [
        "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>",
        "שלום לכולם 你好 (1)",
        "x" + "\u0301\u0302\u0303" * 30,
        "很" * 200,
    ]

    said = host.page.locator(".comments .said bdi:last-child")
    for number, text in enumerate(hostile):
        await viewer.write(text)
        await said.nth(number).wait_for()

    told = await said.all_inner_texts()
    assert [*told[:2], told[3]] == [*hostile[:2], hostile[3]]
    assert told[2][:2] == "x\u0301", "of marks that stack up, no more than a few are kept"
    heights = "lines => lines.map(line => Math.round(line.closest('li').getBoundingClientRect().height))"
    assert max((await said.evaluate_all(heights))[:3]) < 80
    assert await host.page.evaluate(
        "[window.pwned, document.querySelectorAll('.comments img, .comments script').length]"
    ) == [
        None,
        0,
    ]
    for each in (host, viewer, guest):
        assert not await each.scrolls_sideways()
    await host.page.keyboard.press("/")
    await host.page.keyboard.type("欢迎来到夜市")
    await host.page.keyboard.press("Enter")
    await guest.page.locator(".comments .staff", has_text="欢迎来到夜市").wait_for()

    await host.page.get_by_role("button", name=re.compile("处理评论")).first.click()
    await host.dialog.get_by_role("button", name="删除", exact=True).click()
    await guest.page.locator(".comments .said", has_text="window.pwned").wait_for(state="detached")
    await host.page.get_by_role("button", name=re.compile("处理评论")).first.click()
    await host.dialog.get_by_text("移出直播间").first.click()
    await host.dialog.get_by_role("button", name="移出直播间").click()
    await viewer.page.locator(".curtain").wait_for()
    assert await guest.page.locator(".picture-side").is_visible()


async def test_the_shelf_is_run_by_keys(given: Given, visit: Visit) -> None:
    room = await a_room(given)
    host = await visit()
    await host.sign_in("主播", at=desk(room))
    rows, keys = host.page.locator(".shelf li"), host.page.keyboard

    await rows.first.focus()
    await keys.press("ArrowDown")
    await keys.press("Enter")
    await host.page.locator(".shelf li.airing", has_text="夜市好物 2").wait_for()
    await keys.press("End")
    await keys.press("p")
    await rows.nth(2).locator("[aria-pressed=true]").wait_for()
    assert (
        await rows.nth(2).evaluate("row => row === document.activeElement && getComputedStyle(row).outlineStyle")
        == "solid"
    )
    await keys.press("f")
    await host.dialog.wait_for()
    assert await host.dialog.get_by_label("货架").input_value() == encode("roomitem", room.items[2].id)
    await keys.press("Escape")

    assert await rows.nth(2).evaluate("row => row === document.activeElement")


@pytest.mark.parametrize(("locale", "colours"), [("zh-CN", "dark"), ("en-US", "light")])
async def test_a_phone_shows_everything_without_scrolling_sideways(
    given: Given, visit: Visit, locale: str, colours: str
) -> None:
    room = await a_room(given, is_on_air=True)
    host = await visit(viewport=PHONE, is_mobile=True, has_touch=True, locale=locale, color_scheme=colours)
    await host.page.goto(f"{host.home}/console")
    await host.page.locator(".ways").wait_for()
    assert not await host.scrolls_sideways()
    await host.sign_in("主播", at=desk(room))
    await host.page.locator(".airing").wait_for()

    assert await host.page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]") == [
        "zh-CN" if locale == "zh-CN" else "en",
        colours,
    ]
    for tab, panel in enumerate((".shelf", ".selling", ".chat", ".figures")):
        await host.page.locator(".tabs button").nth(tab).tap()
        assert await host.page.locator(panel).is_visible()
        assert not await host.scrolls_sideways()
        small = "buttons => buttons.filter(b => b.offsetParent && b.getBoundingClientRect().height < 28).map(b => b.outerHTML)"
        assert await host.page.locator("button").evaluate_all(small) == []
    for kind in range(4):
        await host.page.locator(".tabs button").nth(1).tap()
        await host.page.locator(".kinds button").nth(kind).tap()
        box = await host.dialog.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
        if kind == 0:
            await host.dialog.locator("[name=price]").fill("0.01")
            await host.dialog.locator("button.main").tap()
            await host.dialog.locator(".toasts .bad").wait_for()
        await host.page.keyboard.press("Escape")
    await host.page.evaluate("location.hash = '#/'")
    await host.page.locator(".door-card").first.wait_for()
    assert not await host.scrolls_sideways()


async def test_a_merchandiser_schedules_a_room_and_stocks_its_shelf(given: Given, visit: Visit) -> None:
    await given.product("手绘茶杯一对", price_minor=12_800)
    merchandiser = await visit()
    await merchandiser.sign_in("运营小王", "MERCHANDISER")

    await merchandiser.button("新建直播间").click()
    await merchandiser.dialog.get_by_label("直播标题").fill("秋冬好物专场")
    await merchandiser.button("创建").click()
    await merchandiser.page.get_by_role("heading", name="秋冬好物专场").wait_for()
    await merchandiser.button("编辑货架").click()
    await merchandiser.dialog.get_by_role("searchbox").fill("手绘茶杯")
    await merchandiser.button("搜索商品").click()
    await merchandiser.button("添加").click()
    await merchandiser.dialog.get_by_label("直播价").fill("99.00")
    await merchandiser.dialog.get_by_label("底价").fill("88")
    await merchandiser.button("保存").click()

    row = merchandiser.page.locator(".shelf li", has_text="手绘茶杯一对")
    await row.get_by_text("直播价 ¥99.00").wait_for()
    assert await merchandiser.page.locator(".head .badge").inner_text() == "待开播"


async def test_staff_sign_in_with_a_second_factor_and_a_password_of_their_own(given: Given, visit: Visit) -> None:
    enrolled = await enrolling.add(
        given.db, settings=given.market.settings, username="xiaowang", given=[Role.MERCHANDISER], now=given.now
    )
    app = pyotp.parse_uri(enrolled.uri)
    assert isinstance(app, pyotp.TOTP)
    staff = await visit()
    await staff.page.goto(f"{staff.home}/console")
    login = staff.page.locator(".ways form").first

    await login.get_by_label("用户名").fill("xiaowang")
    await login.get_by_label("密码", exact=True).fill(enrolled.password)
    await login.get_by_label("动态验证码").fill(app.at(clock.now()))
    await login.get_by_role("button").click()
    await login.get_by_label("新密码").fill("lantern-market-9")
    await login.get_by_label("动态验证码").fill(app.at(clock.now() + timedelta(seconds=30)))
    await login.get_by_role("button").click()

    await staff.button("新建直播间").wait_for()
    kept = await staff.page.evaluate("[Object.keys(sessionStorage), JSON.stringify(localStorage), document.cookie]")
    assert kept[0] == ["market.console"]
    assert "Token" not in kept[1] and kept[2] == ""
    await staff.button("退出登录").click()
    await login.wait_for()
    assert await staff.page.evaluate("sessionStorage.length") == 0


@asynccontextmanager
async def no_answers(page: "Page") -> AsyncIterator[None]:
    """Whatever the page asks is answered by something that is no market."""
    await page.route("**/graphql", lambda route: route.fulfill(body="<p>"))
    yield
    await page.unroute_all()


async def test_viewers_check_a_draw_themselves(given: Given, visit: Visit) -> None:
    room = await a_room(given)
    draw = await given.lucky_draw(room, entrants=120)
    await given.drawn(draw)
    viewer = await visit()

    await viewer.watch(room)
    async with no_answers(viewer.page):
        await viewer.button("核验开奖").click()
        await viewer.page.locator(".toasts .bad", has_text="网络不给力").wait_for()
    await viewer.button("核验开奖").click()

    await viewer.page.get_by_text("核验通过").wait_for()
    assert await viewer.page.locator(".winners li").count() == 3


async def test_a_page_without_its_socket_polls_and_then_goes_on_without_gap_or_repeat(
    given: Given, visit: Visit
) -> None:
    room = await a_room(given)
    viewer, host = await visit(), await visit()
    sockets: list[WebSocketRoute] = []
    is_up = True

    async def let_through(socket: "WebSocketRoute") -> None:
        if not is_up:
            await socket.close(code=1012)
            return
        sockets.append(socket)
        socket.connect_to_server()

    await viewer.page.route_web_socket(re.compile("/graphql$"), let_through)
    await viewer.watch(room)
    await host.sign_in("主播", at=desk(room))
    lines = viewer.page.locator(".comments .said bdi:last-child")

    await host.write("第一句")
    await lines.get_by_text("第一句").wait_for()
    is_up = False
    await sockets[-1].close(code=1012)
    await host.write("第二句")
    await lines.get_by_text("第二句").wait_for()
    is_up = True
    while len(sockets) < 2:
        await asyncio.sleep(0.05)
    await host.write("第三句")
    await lines.get_by_text("第三句").wait_for()

    assert await lines.all_inner_texts() == ["第一句", "第二句", "第三句"]


async def test_an_answer_that_comes_before_the_news_hides_nothing_that_was_said(given: Given, visit: Visit) -> None:
    room = await a_room(given)
    host, viewer = await visit(), await visit()
    held: list[tuple[WebSocketRoute, str | bytes]] | None = None

    def let_through(socket: "WebSocketRoute") -> None:
        hear = lambda message: socket.send(message) if held is None else held.append((socket, message))  # noqa: E731
        socket.connect_to_server().on_message(hear)

    await host.page.route_web_socket(re.compile("/graphql$"), let_through)
    await host.sign_in("主播", at=desk(room))
    await viewer.watch(room, "林小夜")
    lines = host.page.locator(".comments .said bdi:last-child")
    await viewer.write("有人吗")
    await lines.get_by_text("有人吗").wait_for()

    held = []
    await viewer.write("还有货吗")
    await host.page.locator(".shelf li").first.get_by_role("button", name="讲解").click()
    await host.page.locator(".shelf li.airing").wait_for()
    late, held = held, None
    for socket, message in late:
        socket.send(message)

    await lines.get_by_text("还有货吗").wait_for()
    assert await lines.all_inner_texts() == ["有人吗", "还有货吗"]


async def test_viewers_see_a_live_price_run_out_once_its_item_has_left_the_air(given: Given, visit: Visit) -> None:
    room = await a_room(given, is_on_air=True)
    host, viewer = await visit(), await visit()
    await viewer.watch(room)
    await viewer.page.get_by_role("button", name="货架").click()
    first = viewer.dialog.locator(".found li").first
    await first.locator(".badge.live").wait_for()
    assert await first.locator(".countdown").count() == 0
    await host.sign_in("主播", at=desk(room))

    await host.button("结束讲解").click()

    await first.locator(".countdown").wait_for()
    assert await first.locator(".badge.live").count() == 0
