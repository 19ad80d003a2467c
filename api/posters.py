"""Posters of share links: asked for by whoever shares, shown to anybody who has the link, and the door where the picture is."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api import rates
from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import read_id
from api.refusals import refusal
from domain.foundation import clock
from domain.foundation.errors import NotFound
from domain.foundation.rates import Rate
from domain.foundation.runtime import Market
from domain.posters import actions, queries, rules
from domain.sharing import queries as sharing
from domain.sharing.rules import TOKEN_SHAPE

KEEP = "public, max-age=300"
"""A price that has changed is on the poster five minutes later; what was saved to a phone stays as it was."""

PosterState = strawberry.enum(
    rules.PosterState,
    name="SharePosterState",
    description="What has become of a poster. MAKING: ask again in a second. READY: its picture is at `url`. "
    "FAILED: given up after three tries; asking for it again begins anew.",
)


@strawberry.type(
    directives=to(Who.ONLY_OWNER),
    description="A picture to share: what the link leads to, who shares it, and a code that opens it. 分享海报",
)
class SharePoster:
    """A poster."""

    state: PosterState
    url: str | None = strawberry.field(description="A PNG, 750 pixels wide, at most 1 MiB; null until it is READY.")
    wanted_at: datetime
    made_at: datetime | None
    owner: strawberry.Private[UUID]


SharePosterResult = Annotated[SharePoster | refusal(NotFound), strawberry.union("SharePosterResult")]


@strawberry.input(description="Ask for the poster of one's own link.")
class RequestSharePosterInput:
    """Which link's."""

    link_id: strawberry.ID


@strawberry.type
class PosterQuery:
    """Questions about posters."""

    @strawberry.field(
        directives=to(Who.SIGNED_IN),
        description="The poster of one's own link; null when none was asked for, nobody has looked at it for 30 days, "
        "or 100 others were asked for since.",
    )
    async def share_poster(self, info: Info, link_id: strawberry.ID) -> SharePoster | None:
        """One's own."""
        db, key = info.context.market.db, read_id("sharelink", link_id)
        link = (await sharing.by_ids(db, [key])).get(key)
        is_own = link is not None and link.sharer_id == info.context.shopper.account_id
        return await poster_of_link(info, key) if is_own else None


@strawberry.type
class PosterMutation:
    """What is done with posters."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.POSTER)],
        description="Have the poster of one's own link made. It takes a second or two: ask `sharePoster` until it is READY. "
        "While nothing that is seen on it has changed, a second call makes nothing and answers the same.",
    )
    async def request_share_poster(self, info: Info, input: RequestSharePosterInput) -> SharePosterResult:
        """Have one made."""
        context = info.context
        wanted = await actions.want(
            context.market.db,
            context.market.settings,
            link_id=read_id("sharelink", input.link_id),
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_poster(info, wanted)


async def poster_of_link(info: Info, link_id: UUID) -> SharePoster | None:
    """The poster of a link, fetched for all links of the answer together; None when none was ever asked for."""
    found: rules.Poster | None = await batched(info, queries.by_link_ids).load(link_id)
    return show_poster(info, found) if found else None


def show_poster(info: Info, poster: rules.Poster) -> SharePoster:
    """The GraphQL object of a poster."""
    home = info.context.market.settings.home
    is_ready = poster.state is rules.PosterState.READY
    return SharePoster(
        state=poster.state,
        url=poster_address(home, poster.token) if is_ready else None,
        wanted_at=poster.wanted_at,
        made_at=poster.made_at,
        owner=poster.sharer_id,
    )


def poster_address(home: str, token: str) -> str:
    """Where the picture is."""
    return f"{home}/posters/{token}.png"


async def poster_png(request: Request) -> Response:
    """GET /posters/<token>.png: the picture; 304 for who has it already, 404 for none, 429 for who asks too often."""
    if not await rates.admits(request, Rate.GENERAL):
        return PlainTextResponse("Too Many Requests", 429, {"cache-control": "no-store", "retry-after": "1"})
    market: Market = request.app.state.market
    token = request.path_params["token"]
    made = await queries.made_of_token(market.db, token) if TOKEN_SHAPE.fullmatch(token) else None
    if made is None:
        return _none()
    headers = {"cache-control": KEEP, "etag": f'"{made.fingerprint}"', "cross-origin-resource-policy": "cross-origin"}
    if request.method == "GET":
        await actions.look(market.db, made, now=clock.now())
    if headers["etag"] in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    png = await queries.png_of(market.db, made)
    return Response(png, media_type="image/png", headers=headers) if png is not None else _none()


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _none() -> Response:
    return PlainTextResponse("Not Found", 404, {"cache-control": "no-store"})
