"""What an API process keeps between requests."""

import asyncio
from dataclasses import dataclass
from typing import Any

from domain.accounts.revocations import ANSWER_SECONDS, Revocations
from domain.accounts.tokens import Verifier
from domain.chats.desk import CommentDesk
from domain.chats.watching import BanWatch
from domain.coupons.claiming import CouponDesk
from domain.draws.entering import EntryDesk
from domain.flash_sales.admission import AdmissionDesk
from domain.flash_sales.desk import ClaimDesk
from domain.flash_sales.passes import PassDesk
from domain.flash_sales.tickets import TicketDesk
from domain.flash_sales.watching import TicketWatch
from domain.foundation.database import Database
from domain.foundation.rate_desk import RateDesk
from domain.foundation.remembered import Remembered
from domain.foundation.runtime import Market
from domain.group_buys.watching import GroupWatch
from domain.insights.desk import FiguresDesk
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.drops import RoomDrops
from domain.live_rooms.watching import RoomWatch
from domain.trust.likers import LikerDesk
from domain.viewers.liking import LikeDesk
from domain.viewers.presence import Presence, on_sockets

URL_LINK_SECONDS = 600.0
"""WeChat keeps such an address for thirty days, and makes a bounded number of them each day."""


@dataclass(frozen=True, slots=True)
class Services:
    """The desks and the verifier of one process, on its one event loop."""

    revocations: Revocations
    verifier: Verifier
    desk: ClaimDesk
    passes: PassDesk
    tickets: TicketDesk
    ticket_watch: TicketWatch
    group_watch: GroupWatch
    bus: LiveBus
    room_watch: RoomWatch
    presence: Presence
    likes: LikeDesk
    likers: LikerDesk
    figures: FiguresDesk
    entries: EntryDesk
    coupons: CouponDesk
    comments: CommentDesk
    ban_watch: BanWatch
    rates: RateDesk
    shelf: Remembered[Any]
    """Lists of products and cards that shoppers have just seen: signed-in ones too, whose whole answers are never shared."""
    openings: asyncio.Semaphore
    """Openings of share links by who is signed in that use the ledger at a time: they wait for one another there, and must
    leave connections to others."""
    url_links: Remembered[str | None]
    """Addresses that open the mini-program, by the token of the share link; None where WeChat gave none."""

    @classmethod
    def of(cls, market: Market) -> "Services":
        """Fresh ones. Raises ValueError without keys: an empty one would let anybody sign."""
        settings = market.settings
        if not settings.token_keys:
            raise ValueError("NIGHTMARKET_TOKEN_KEYS must be set")
        tickets = TicketDesk(market.db, market.gate)
        own = Database.connect(
            settings.database_url.get_secret_value(), connections=1, statement_seconds=ANSWER_SECONDS
        )
        revocations = Revocations(own, token_seconds=settings.token_seconds)
        bus = LiveBus(market.gate)
        room_watch = RoomWatch(market.db, market.gate)
        return cls(
            revocations,
            Verifier(settings, is_revoked=revocations.is_revoked),
            ClaimDesk(market.gate, key=settings.signing_secret, sold_out_seconds=settings.sold_out_seconds),
            PassDesk(market.db, AdmissionDesk(market.gate, key=settings.signing_secret), seconds=settings.pass_seconds),
            tickets,
            TicketWatch(tickets),
            GroupWatch(market.db),
            bus,
            room_watch,
            Presence(market.db, market.gate, on_sockets(room_watch)),
            LikeDesk(market.db, market.gate),
            LikerDesk(market.db),
            FiguresDesk(market.db),
            EntryDesk(market.db),
            CouponDesk(market.db, RoomDrops()),
            CommentDesk(market.db, bus),
            BanWatch(market.db, room_watch),
            RateDesk(market.gate),
            Remembered(seconds=settings.public_answer_seconds),
            asyncio.Semaphore(max(1, settings.database_connections // 3)),
            Remembered(seconds=URL_LINK_SECONDS),
        )
