"""The landing page: what people and previews see of a link, and whose visit is noted."""

import re
from html.parser import HTMLParser

import pytest

from api.app import Api
from domain.foundation import rate_desk
from domain.foundation.rates import Allowance, By, Rate
from domain.live_rooms import running
from domain.products.actions import unpublish
from domain.products.rules import Image
from domain.sharing.rules import Funnel, TargetKind
from tests.api.conftest import call

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.50"
EVIL = """<script>alert(1)</script>"'><img src=x onerror=alert(2)>${title}$body"""


class Page(HTMLParser):
    """A page as a browser takes it: its tags, its text and what it says to previews."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.meta: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append((tag, named))
        if tag == "meta":
            self.meta[named.get("property") or named.get("name") or ""] = named.get("content")

    def handle_data(self, data):
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def visit(app):
    """`await visit(token)`: the answer to a browser on a phone."""

    async def visit(token: str, method: str = "GET", agent: str = PHONE, app=app):
        return await call(app, method, f"/s/{token}", headers={"user-agent": agent})

    return visit


async def test_a_page_shows_the_card_to_people_and_to_previews(visit, sharing, given, settings):
    link = await sharing.product(images=(Image("https://pictures.example/1.jpg?a=1&b=2"),))

    answer = await visit(link.token)
    page = Page(answer.body.decode())

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "private, max-age=60"
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/=]{44}'; img-src https: data:; base-uri 'none'; form-action 'none'; "
        r"frame-ancestors 'none'",
        answer.headers["content-security-policy"],
    )
    assert (answer.headers["x-content-type-options"], answer.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert {name: page.meta[name] for name in ("og:title", "og:description", "og:image", "og:url", "twitter:card")} == {
        "og:title": "桂花酒酿",
        "og:description": "阿美 推荐给你 · ¥19.90",
        "og:image": "https://pictures.example/1.jpg?a=1&b=2",
        "og:url": f"{settings.home}/s/{link.token}",
        "twitter:card": "summary_large_image",
    }
    assert "阿美 推荐给你" in page.text and "¥19.90" in page.text
    assert page.of("html") == [{"lang": "zh-CN"}]
    assert not {"script", "link", "iframe", "form"} & {tag for tag, _ in page.tags}
    assert page.of("a") == []  # without a mini-program there is nothing to open


async def test_a_poster_is_the_picture_of_the_preview_once_it_is_made(visit, sharing, settings):
    link = await sharing.product()
    before = Page((await visit(link.token)).body.decode())
    await sharing.made(link)

    after = Page((await visit(link.token)).body.decode())

    assert ("og:image" in before.meta, before.meta["twitter:card"]) == (False, "summary")
    assert after.meta["og:image"] == f"{settings.home}/posters/{link.token}.png"


async def test_a_group_says_how_many_are_missing_and_when_it_is_over(visit, given):
    group = await given.group(members=2)
    link = await given.link(target_kind=TargetKind.GROUP_BUY, target_id=group.id)

    page = Page((await visit(link.token)).body.decode())

    assert "3人团 · 已结束" in page.text  # the groups of tests are opened at a moment that is long ago
    assert "¥9.90" in page.text


async def test_a_live_room_says_when_it_begins_and_that_it_is_on(visit, given):
    room = await given.live_room(is_live=False)
    link = await given.link(await given.shopper("阿美"), target_kind=TargetKind.LIVE_ROOM, target_id=room.id)
    before = Page((await visit(link.token)).body.decode())
    await running.go_live(given.db, given.bus, room_id=room.id, by=room.host, now=given.now)

    after = Page((await visit(link.token)).body.decode())

    assert before.meta["og:description"].startswith("阿美 邀你看直播 · ")
    assert before.meta["og:description"].endswith(" 开播")
    assert after.meta["og:description"] == "阿美 邀你看直播 · 直播中"
    assert "夜市直播间" in after.text
    assert "¥" not in after.text


async def test_nothing_that_anybody_wrote_becomes_a_part_of_the_page(visit, given):
    for url in ("javascript:alert(1)", 'https://a/"><script>x</script>', "data:text/html,x"):
        product = await given.product(EVIL[:200], images=(Image(url),))
        link = await given.link(await given.shopper(EVIL), target_id=product.id)

        page = Page((await visit(link.token)).body.decode())

        assert {tag for tag, _ in page.tags} <= set(
            "html head meta title style body main p span b article div small h1 section img footer".split()
        )
        assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
        assert all(image["src"].startswith(("https://a/", "data:image/png;base64,")) for image in page.of("img"))
        assert page.meta["og:title"] == EVIL[:200]
        assert page.text.count(EVIL[:200]) >= 2  # the title, and the heading


async def test_an_unknown_link_is_a_page_that_says_so(visit):
    for token in ("Ab12Cd34Ef56Gh78", "x", "%00%00", "<script>", "a" * 400):
        answer = await visit(token)

        assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
        assert "链接不存在" in answer.body.decode()
        assert b"<script" not in answer.body


async def test_what_is_gone_is_a_page_that_says_so(visit, sharing, given, db):
    link = await sharing.product()
    await unpublish(db, product_id=link.target_id, by=link.sharer_id, now=given.now)

    answer = await visit(link.token)

    assert (answer.status, "活动已结束" in answer.body.decode()) == (410, True)
    assert await given.funnel(link) == Funnel()


async def test_people_are_noted_once_for_each_device_and_programs_never(visit, sharing, given):
    link = await sharing.product()

    for agent in (PHONE, PHONE, PHONE + " Android"):
        await visit(link.token, agent=agent)
    await visit(link.token, "HEAD")
    for agent in (
        "",
        "facebookexternalhit/1.1",
        "Twitterbot/1.0",
        "WhatsApp/2.2",
        "Slackbot-LinkExpanding 1.0",
        "curl/8",
    ):
        assert (await visit(link.token, agent=agent)).status == 200

    assert await given.funnel(link) == Funnel(opened=2)


async def test_the_button_opens_the_mini_program_and_is_missing_when_wechat_is(with_wechat, wechat, sharing, visit):
    api = Api(with_wechat)
    async with api.started():
        one, other = await sharing.product(), await sharing.product()
        await wechat.fail(45009, door="link")

        missing = Page((await visit(one.token, app=api.app)).body.decode())
        there = Page((await visit(other.token, app=api.app)).body.decode())
        again = Page((await visit(other.token, app=api.app)).body.decode())

    assert missing.of("a") == []
    [button] = there.of("a")
    assert button["href"].startswith("https://wxaurl.cn/")
    assert again.of("a") == [button]  # asked for once


async def test_a_browser_names_no_device(app, sharing, given):
    link = await sharing.product()

    for number in range(3):
        await call(app, "GET", f"/s/{link.token}", headers={"user-agent": PHONE, "x-device-id": f"phone-000{number}"})

    assert await given.funnel(link) == Funnel(opened=1)


@pytest.fixture
async def limited(settings, clean, monkeypatch):
    """An API process that lets an address ask twice in a class of requests: `await limited(Rate.GENERAL)`."""
    api = Api(settings.model_copy(update={"rate_limits": True}))

    def limit(rate):
        prefix, _ = rate_desk._COUNTED[rate, By.ADDRESS]
        monkeypatch.setitem(rate_desk._COUNTED, (rate, By.ADDRESS), (prefix, Allowance(2, 2)))
        return api.app

    async with api.started():
        yield limit


async def test_an_address_that_asks_too_often_is_told_so(limited, sharing, visit):
    link, app = await sharing.product(), limited(Rate.GENERAL)

    statuses = [(await visit(link.token, app=app)).status for _ in range(4)]

    assert statuses == [200, 200, 429, 429]


async def test_made_up_programs_of_an_address_are_answered_and_soon_not_noted(limited, sharing, visit, given):
    link, app = await sharing.product(), limited(Rate.CART)

    statuses = [(await visit(link.token, agent=f"{PHONE} {number}", app=app)).status for number in range(4)]

    assert statuses == [200] * 4
    assert await given.funnel(link) == Funnel(opened=2)


async def test_an_address_that_fetches_pictures_too_often_is_told_so(limited, sharing):
    link, app = await sharing.product(), limited(Rate.GENERAL)
    await sharing.made(link)

    answers = [await call(app, "GET", f"/posters/{link.token}.png") for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert (answers[2].headers["cache-control"], len(answers[2].body) < 100) == ("no-store", True)
