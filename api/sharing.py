"""Share links: making one's own, seeing what came of them, and opening anybody's."""

from contextlib import nullcontext
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api import rates
from api.access import Who, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, Node, find, finds, read_id, show_id
from api.posters import SharePoster, poster_of_link
from api.refusals import refusal
from api.scalars import Long
from api.visitors import visitor_of
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.rates import Rate
from domain.posters import cards
from domain.sharing import actions, queries, rules, visiting
from domain.sharing.rules import TargetKind

ShareTargetKind = strawberry.enum(TargetKind, name="ShareTargetKind", description="What can be shared.")

KINDS = {
    "product": TargetKind.PRODUCT,
    "groupbuy": TargetKind.GROUP_BUY,
    "flashsale": TargetKind.FLASH_SALE,
    "room": TargetKind.LIVE_ROOM,
}
"""What can be shared, by what its id begins with."""
_PREFIXES = {kind: prefix for prefix, kind in KINDS.items()}


@strawberry.type(directives=to(Who.INHERITED), description="What was shared. 分享内容")
class ShareTarget:
    """A target."""

    kind: ShareTargetKind
    id: strawberry.ID = strawberry.field(
        description="Of a product, a group (not its campaign), a flash sale or a live room."
    )

    @classmethod
    def of(cls, link: rules.Link) -> "ShareTarget":
        """The target of a link."""
        return cls(kind=link.target_kind, id=show_id(_PREFIXES[link.target_kind], link.target_id))


@strawberry.type(
    directives=to(Who.INHERITED),
    description="What came of a link. An order came of the last share that its shopper had opened before they placed it, if "
    "that was less than the shop's days ago (usually seven). A share never counts for its sharer's own visits, nor for those "
    "by which people would lead to each other in a circle. 转化漏斗",
)
class ShareFunnel:
    """A funnel."""

    opened: Long = strawberry.field(description="Shoppers who opened it, and devices on which nobody was signed in.")
    signed_in: Long = strawberry.field(description="Of these, whose share counts for the shopper who signed in.")
    joined: Long = strawberry.field(description="Orders that came of it, seats in groups among them.")
    paid: Long = strawberry.field(description="Of these, those that were paid.")


@strawberry.type(directives=to(Who.ONLY_OWNER), description="Somebody's share of one thing. 分享链接")
class ShareLink(Node):
    """A link."""

    token: str = strawberry.field(description="16 letters and digits: the scene of a mini-program code.")
    url: str = strawberry.field(description="Of a page for browsers, which opens the mini-program.")
    target: ShareTarget
    channel: str
    campaign: str = strawberry.field(description="Empty where none was named.")
    created_at: datetime
    key: strawberry.Private[UUID]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What came of it so far; nobody is rewarded for it.")
    async def funnel(self, info: Info) -> ShareFunnel:
        """Fetched for all links of the answer together."""
        funnel = await batched(info, queries.funnels_by_link_ids).load(self.key) or rules.Funnel()
        return ShareFunnel(opened=funnel.opened, signed_in=funnel.signed_in, joined=funnel.joined, paid=funnel.paid)

    @strawberry.field(description="Its poster; null when none was asked for by `requestSharePoster`.")
    async def poster(self, info: Info) -> SharePoster | None:
        """Fetched for all links of the answer together."""
        return await poster_of_link(info, self.key)


@strawberry.type(directives=to(Who.ANYONE), description="A link that was opened: where to go from here.")
class OpenedShare:
    """An opened link."""

    target: ShareTarget
    sharer_name: str = strawberry.field(
        description="What the sharer is called, in full: they have shown it by sharing."
    )
    channel: str

    @strawberry.field(description="What was shared; null where the asker may not see it, or not any more.")
    async def node(self, info: Info) -> Node | None:
        """The target."""
        return await find(info, self.target.id)  # type: ignore[no-any-return]


@strawberry.input(description="Share something.")
class CreateShareLinkInput:
    """What, and how."""

    target_id: strawberry.ID = strawberry.field(
        description="Of a product, a group, a flash sale or a live room that is public."
    )
    channel: str = strawberry.field(
        default="friend",
        description="Where it is shared, like friend, moments or poster: 1 to 30 of a-z, 0-9, _ and -.",
    )
    campaign: str = strawberry.field(default="", description="What it is shared for: up to 60 letters, digits or _.:-")


@strawberry.input(description="Open a link.")
class OpenShareLinkInput:
    """Which."""

    token: str = strawberry.field(description="From the link's address, or the scene of a mini-program code.")


CreateShareLinkResult = Annotated[ShareLink | refusal(NotFound), strawberry.union("CreateShareLinkResult")]
OpenShareLinkResult = Annotated[OpenedShare | refusal(NotFound), strawberry.union("OpenShareLinkResult")]


@strawberry.type
class SharingQuery:
    """Questions about one's links."""

    @strawberry.field(directives=to(Who.SIGNED_IN), description="One's own links, newest first.")
    async def my_share_links(self, info: Info, first: int = 20, after: str | None = None) -> Connection[ShareLink]:
        """One's own."""
        context = info.context
        page = await queries.of_sharer(context.market.db, context.shopper.account_id, first=first, after=after)
        home = context.market.settings.home
        return Connection.of(page, lambda link: show_link(link, home))


@strawberry.type
class SharingMutation:
    """Sharing, and opening what was shared."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CART)],
        description="One's link to something. The same thing on the same channel for the same campaign is the same link.",
    )
    async def create_share_link(self, info: Info, input: CreateShareLinkInput) -> CreateShareLinkResult:
        """Share."""
        context = info.context
        db, settings = context.market.db, context.market.settings
        kind, target_id = _read_target(input.target_id)
        rules.check_words(input.channel, input.campaign)
        if await cards.card_of(db, kind=kind, target_id=target_id, now=context.now) is None:
            raise NotFound.of(_PREFIXES[kind], target_id)
        link = await actions.share(
            db,
            sharer_id=context.shopper.account_id,
            target_kind=kind,
            target_id=target_id,
            channel=input.channel,
            campaign=input.campaign,
            now=context.now,
        )
        return show_link(link, settings.home)

    @strawberry.mutation(
        directives=[*to(Who.ANYONE), *rates.of(Rate.CART)],
        description="Say that somebody has come by a link, and learn what it leads to. It is noted for whoever is signed in, "
        "else for the device (`X-Device-Id`) until somebody signs in on it; again it only says when. Send it signed in where "
        "the client is going to sign in anyway.",
    )
    async def open_share_link(self, info: Info, input: OpenShareLinkInput) -> OpenShareLinkResult:
        """Open a link."""
        context = info.context
        settings, principal = context.market.settings, context.principal
        async with context.services.openings if principal else nullcontext():
            opened = await visiting.open_link(
                context.market.db,
                token=input.token,
                visitor=visitor_of(context),
                shopper_id=principal.account_id if principal else None,
                share_days=settings.share_days,
                now=context.now,
            )
        link = opened.link
        return OpenedShare(target=ShareTarget.of(link), sharer_name=opened.sharer_name, channel=link.channel)


@finds("sharelink")
async def find_link(info: Info, id: UUID) -> ShareLink | None:
    """One's own link."""
    principal, market = info.context.principal, info.context.market
    found = (await queries.by_ids(market.db, [id])).get(id) if principal else None
    if found is None or principal is None or found.sharer_id != principal.account_id:
        return None
    return show_link(found, market.settings.home)


def show_link(link: rules.Link, home: str) -> ShareLink:
    """The GraphQL object of a link: whoever calls this has made sure who asks. `home` is how the world reaches the API."""
    return ShareLink(
        id=show_id("sharelink", link.id),
        token=link.token,
        url=f"{home}/s/{link.token}",
        target=ShareTarget.of(link),
        channel=link.channel,
        campaign=link.campaign,
        created_at=link.created_at,
        key=link.id,
        owner=link.sharer_id,
    )


def _read_target(target_id: str) -> tuple[TargetKind, UUID]:
    prefix = target_id.rpartition("_")[0]
    if prefix not in KINDS:
        raise BadInput(f"{target_id[:64]!r} cannot be shared; targetId begins with one of {', '.join(KINDS)}")
    return KINDS[prefix], read_id(prefix, target_id)
