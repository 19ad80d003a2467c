"""The page that a share link leads a browser to: GET /s/<token>, plain HTML that needs no script and loads nothing of others
but the product's picture.

Whoever opens a link in the mini-program is noted there, by `openShareLink`. This page notes a visit too, of a device known by
its address and its program: but only for people. A HEAD is nobody's visit, nor is the look of a program that makes a preview
of the link for a chat, or of a search engine.
"""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import segno
import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.forwarded import device_of
from api.posters import poster_address
from api.services import Services
from domain.accounts import visitors
from domain.accounts.queries import names_by_ids
from domain.foundation import clock
from domain.foundation.errors import RateLimited
from domain.foundation.money import Money
from domain.foundation.rates import By, Rate, counted_address
from domain.foundation.runtime import Market
from domain.foundation.wechat_platform import PlatformFailed
from domain.posters import queries as posters
from domain.posters.cards import card_of
from domain.posters.mini_program import CodeRefused, MiniProgram, mini_program_of
from domain.posters.rules import INVITATIONS, SOMEBODY, Card
from domain.posters.tiles import PALETTES, initials, palette_of
from domain.sharing import queries as sharing
from domain.sharing import visiting
from domain.sharing.rules import TOKEN_SHAPE, Link

log = structlog.get_logger(__name__)

LINK_SECONDS = 2.0
"""So long the page waits for WeChat's link into the mini-program; without it, the page has no button."""
_PREVIEWS = re.compile(
    r"bot\b|crawl|spider|preview|externalhit|facebookcatalog|whatsapp|embedly|skypeuripreview|headless|curl|wget|python|okhttp",
    re.IGNORECASE,
)
_HERE = Path(__file__).parent
_STYLE = _HERE.joinpath("landing.css").read_text("utf-8") + "".join(
    f".p{number} {{ background: linear-gradient(135deg, {first}, {last}); }}\n"
    for number, (first, last) in enumerate(PALETTES)
)
_PAGE = Template(_HERE.joinpath("landing.html").read_text("utf-8"))
HEADERS = {
    "cache-control": "private, max-age=60",
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
            "img-src https: data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
}


async def landing_page(request: Request) -> Response:
    """GET /s/<token>: the page of a link; 404 for an unknown one, 410 once what was shared is not shown any more."""
    market: Market = request.app.state.market
    services: Services = request.app.state.services
    address = request.app.state.address_of(request.scope)
    if not await _is_admitted(services, market, address):
        return _words("请稍后再试", "访问太频繁了，过一会儿再打开这个链接。", 429)
    token = request.path_params["token"]
    link = await sharing.by_token(market.db, token) if TOKEN_SHAPE.fullmatch(token) else None
    if link is None:
        return _words("链接不存在", "请检查链接是否完整，或让好友重新分享。", 404)
    now = clock.now()
    card = await card_of(market.db, kind=link.target_kind, target_id=link.target_id, now=now)
    if card is None:
        return _words("活动已结束", "您来晚了一步，分享的内容已经下架。", 410)
    agent = request.headers.get("user-agent", "")
    if request.method == "GET" and agent and not _PREVIEWS.search(agent):
        device = device_of(request.headers.get("x-device-id", ""))
        visitor = visitors.visitor_of(market.settings, device=device, address=counted_address(address), agent=agent)
        await visiting.open_link(
            market.db, token=token, visitor=visitor, shopper_id=None, share_days=market.settings.share_days, now=now
        )
    names = await names_by_ids(market.db, [link.sharer_id])
    poster = await posters.made_of_token(market.db, token)
    return _page_of(
        card,
        link,
        sharer=names.get(link.sharer_id, "").strip() or SOMEBODY,
        home=market.settings.home,
        picture=_shown(poster_address(market.settings.home, token) if poster else card.picture_url),
        opens=await _url_link(services, mini_program_of(market.settings), token),
    )


async def _is_admitted(services: Services, market: Market, address: str) -> bool:
    if not market.settings.rate_limits or not (counted := counted_address(address)):
        return True
    try:
        await services.rates.admit([(By.ADDRESS, counted)], {Rate.GENERAL: 1})
    except RateLimited:
        return False
    return True


async def _url_link(services: Services, program: MiniProgram | None, token: str) -> str | None:
    """The address that opens the mini-program; None where there is none, or WeChat gives none in time."""
    if program is None:
        return None

    async def ask() -> str | None:
        try:
            return await program.link(token, now=clock.now())
        except (CodeRefused, PlatformFailed) as why:
            log.warning("no_url_link", why=str(why))
            return None

    try:
        async with asyncio.timeout(LINK_SECONDS):
            return await services.url_links.get(token, ask)
    except TimeoutError:
        return None


def _page_of(card: Card, link: Link, *, sharer: str, home: str, picture: str | None, opens: str | None) -> Response:
    address, subject = f"{home}/s/{link.token}", str(link.target_id)
    invitation = INVITATIONS[link.target_kind]
    said = " · ".join(filter(None, (f"{sharer} {invitation}", _amount(card.price), card.subtitle)))
    meta = {
        "description": said,
        "og:type": "website",
        "og:site_name": "夜市",
        "og:locale": "zh_CN",
        "og:title": card.title,
        "og:description": said,
        "og:url": address,
        "og:image": picture,
        "twitter:card": "summary_large_image" if picture else "summary",
        "twitter:title": card.title,
        "twitter:description": said,
        "twitter:image": picture,
    }
    shown = _shown(card.picture_url)
    body = f"""\
<p class="sharer"><span class="portrait p{palette_of(sharer)}">{escape(sharer[0])}</span>
<span><b>{escape(sharer)}</b> {invitation}</span></p>
<article class="card">
<div class="picture p{palette_of(subject)}">{escape(initials(card.title))}{_image(shown) if shown else ""}</div>
<div class="facts">
<p class="prices">{_price(card.price)}{_struck(card.struck_price)}{_note(card)}</p>
<h1>{escape(card.title)}</h1>
{f'<a class="open" href="{escape(opens)}">打开小程序</a>' if opens else ""}
</div>
</article>
<section class="code"><img src="{_qr(address)}" alt="二维码"><p>长按识别，或用微信扫一扫</p></section>"""
    return _html(card.title, "\n".join(_meta(name, text) for name, text in meta.items() if text), body, 200)


def _words(title: str, text: str, status: int) -> Response:
    """A page that has nothing to show."""
    return _html(title, "", f'<div class="words"><h1>{title}</h1><p>{text}</p></div>', status)


def _html(title: str, meta: str, body: str, status: int) -> Response:
    text = _PAGE.substitute(title=escape(title), meta=meta, style=_STYLE, body=body)
    return HTMLResponse(text, status, HEADERS if status == 200 else HEADERS | {"cache-control": "no-store"})


def _meta(name: str, text: str) -> str:
    key = "property" if name.startswith("og:") else "name"
    return f'<meta {key}="{name}" content="{escape(text)}">'


def _image(url: str) -> str:
    return f'<img src="{escape(url)}" alt="" referrerpolicy="no-referrer">'


def _shown(url: str | None) -> str | None:
    """A picture's address, if browsers may be sent there."""
    return url if url is not None and urlsplit(url).scheme in {"http", "https"} else None


def _price(price: Money) -> str:
    if price.minor == 0:
        return "<b>免费</b>"
    whole, _, fraction = price.amount.partition(".")
    return f"<span><small>{_sign(price)}</small><b>{whole}</b><small>.{fraction}</small></span>"


def _struck(price: Money | None) -> str:
    return f"<s>{escape(_amount(price))}</s>" if price else ""


def _note(card: Card) -> str:
    if not card.is_open:
        return '<span class="note over">已结束</span>' if not card.subtitle else _pill(card.subtitle, "note over")
    return _pill(card.subtitle, "note") if card.subtitle else ""


def _pill(text: str, kind: str) -> str:
    return f'<span class="{kind}">{escape(text)}</span>'


def _amount(price: Money) -> str:
    return f"{_sign(price)}{price.amount}" if price.minor else "免费"


def _sign(price: Money) -> str:
    return "¥" if price.currency == "CNY" else f"{price.currency} "


def _qr(address: str) -> str:
    return segno.make_qr(address, error="m").png_data_uri(scale=4, border=2)
