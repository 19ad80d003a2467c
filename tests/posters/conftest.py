"""An API process, links to share, the WeChat platform in a process of its own, and what a worker does with what was recorded."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from domain.foundation import wechat_platform
from domain.posters import actions, queries
from domain.posters.events import PosterWanted
from domain.posters.rules import Poster
from domain.sharing.rules import Link, TargetKind
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.given.shipments import wechat, wechat_company
from workers.context import WorkerContext
from workers.posters import make_poster, send_poster

__all__ = ["api", "app", "ask", "post", "wechat", "wechat_company"]


@dataclass
class Sharing:
    """Links, their posters, and the worker that makes them."""

    given: Given

    async def product(self, title: str = "桂花酒酿", *, name: str = "阿美", **about) -> Link:
        """A link of somebody called so to a product called so."""
        product = await self.given.product(title, **about)
        return await self.given.link(
            await self.given.shopper(name), target_kind=TargetKind.PRODUCT, target_id=product.id
        )

    async def want(self, link: Link, *, settings=None, now=None) -> Poster:
        """Its sharer asks for the poster."""
        market = self.given.market
        return await actions.want(
            market.db, settings or market.settings, link_id=link.id, by=link.sharer_id, now=now or self.given.now
        )

    async def make(self, link: Link, *, settings=None, now=None) -> bool:
        """A worker makes it, if it is wanted."""
        market = self.given.market
        return await actions.make(market.db, settings or market.settings, link_id=link.id, now=now or self.given.now)

    async def made(self, link: Link) -> bytes:
        """Its picture, asked for and made."""
        await self.want(link)
        assert await self.make(link)
        return await self.png(link)

    async def png(self, link: Link) -> bytes:
        """The picture that is kept."""
        made = await queries.made_of_token(self.given.db, link.token)
        assert made is not None
        png = await queries.png_of(self.given.db, made)
        assert png is not None
        return png

    async def poster(self, link: Link) -> Poster | None:
        """How the poster stands."""
        return (await queries.by_link_ids(self.given.db, [link.id])).get(link.id)

    async def hear(self) -> list[UUID]:
        """A worker hears everything that was ever recorded, and makes what it is sent; which links' posters."""
        sent: list[UUID] = []

        async def send(name: str, link_id: str) -> None:
            assert name == make_poster.__name__
            sent.append(UUID(link_id))
            await make_poster(context, link_id)

        context = WorkerContext(self.given.market, send)
        for event in await self.given.recorded(PosterWanted):
            await send_poster(context, event)
        return sent


@pytest.fixture
async def with_wechat(settings, wechat):
    """Settings with a mini-program in them, without an access token yet."""
    yield wechat.settings(settings)
    await wechat_platform.hang_up()


@pytest.fixture
def sharing(given) -> Sharing:
    return Sharing(given)
