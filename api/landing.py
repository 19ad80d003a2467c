"""The page that a share link leads a browser to: GET /s/<token>, plain HTML that needs no script and loads nothing of others
but the product's picture.

Whoever opens a link in the mini-program is noted there, by `openShareLink`. This page notes a visit too, of a device known by
its address and its program: but only for people. A HEAD is nobody's visit, nor is the look of a program that makes a preview
of the link for a chat, or of a search engine.
"""

import asyncio
import re
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api import rates
from api.landing_pages import page_of, page_of_words
from api.posters import poster_address
from api.services import Services
from domain.accounts import visitors
from domain.accounts.queries import names_by_ids
from domain.foundation import clock
from domain.foundation.rates import Rate, counted_address
from domain.foundation.runtime import Market
from domain.foundation.wechat_platform import PlatformFailed
from domain.posters import queries as posters
from domain.posters.cards import card_of
from domain.posters.mini_program import CodeRefused, MiniProgram, mini_program_of
from domain.posters.rules import SOMEBODY
from domain.sharing import queries as sharing
from domain.sharing import visiting
from domain.sharing.rules import TOKEN_SHAPE

log = structlog.get_logger(__name__)

LINK_SECONDS = 2.0
"""So long the page waits for WeChat's link into the mini-program; without it, the page has no button."""
_PREVIEWS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|preview|externalhit|facebookcatalog|whatsapp|embedly|skypeuripreview|headless|curl|wget|python|okhttp",
    re.IGNORECASE,
)


async def landing_page(request: Request) -> Response:
    """GET /s/<token>: the page of a link; 404 for an unknown one, 410 once what was shared is not shown any more."""
    market: Market = request.app.state.market
    services: Services = request.app.state.services
    if not await rates.admits(request, Rate.GENERAL):
        return page_of_words("请稍后再试", "访问太频繁了，过一会儿再打开这个链接。", 429)
    token = request.path_params["token"]
    link = await sharing.by_token(market.db, token) if TOKEN_SHAPE.fullmatch(token) else None
    if link is None:
        return page_of_words("链接不存在", "请检查链接是否完整，或让好友重新分享。", 404)
    now = clock.now()
    kind, target_id = link.target_kind, link.target_id
    card = await services.shelf.get(
        ("card", kind, target_id), lambda: card_of(market.db, kind=kind, target_id=target_id, now=now)
    )
    if card is None:
        return page_of_words("活动已结束", "您来晚了一步，分享的内容已经下架。", 410)
    is_person = request.method == "GET" and _is_person(request.headers.get("user-agent", ""))
    if is_person and await rates.admits(request, Rate.CART):
        await _note(request, market, token, now)
    names = await names_by_ids(market.db, [link.sharer_id])
    poster = await posters.made_of_token(market.db, token)
    return page_of(
        card,
        link,
        sharer=names.get(link.sharer_id, "").strip() or SOMEBODY,
        home=market.settings.home,
        poster=poster_address(market.settings.home, token) if poster else None,
        # WeChat makes a bounded number of them each day: none is spent on programs
        opens=await _url_link(services, mini_program_of(market.settings), token) if is_person else None,
    )


async def _note(request: Request, market: Market, token: str, now: datetime) -> None:
    """Note a visit. It is a row, as a guest's cart is, and is charged so: beyond that, pages are shown and nothing is noted."""
    address, agent = request.app.state.address_of(request.scope), request.headers["user-agent"]
    # a browser names no device: whoever sends X-Device-Id here would speak for somebody else's
    visitor = visitors.visitor_of(market.settings, device="", address=counted_address(address), agent=agent)
    await visiting.open_link(
        market.db, token=token, visitor=visitor, shopper_id=None, share_days=market.settings.share_days, now=now
    )


def _is_person(agent: str) -> bool:
    return bool(agent) and not _PREVIEWS.search(agent)


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
