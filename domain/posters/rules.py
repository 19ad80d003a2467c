"""What a card and a poster show, and what becomes of a poster that is wanted."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from domain.foundation.money import Money
from domain.sharing.rules import Link, TargetKind

DESIGN = 1
"""Counted up when posters are drawn in another way: every one is then made anew when it is next asked for."""
MOST_FAILURES = 3
MOST_OF_ONE = 100
"""Posters of one sharer that are kept: each takes a tenth to half a megabyte of the ledger."""
KEPT_UNLOOKED = timedelta(days=30)
NOTED_LOOKS = timedelta(days=1)
"""Looks at a poster are noted once in so long: a popular one is not written at each."""
FORGOTTEN = timedelta(minutes=1)
"""A poster that is wanted for so long, and neither made nor failed, has been lost sight of."""

INVITATIONS: Mapping[TargetKind, str] = {
    TargetKind.PRODUCT: "推荐给你",
    TargetKind.GROUP_BUY: "邀你一起拼",
    TargetKind.FLASH_SALE: "邀你来抢购",
    TargetKind.LIVE_ROOM: "邀你看直播",
}
SOMEBODY = "好友"


@dataclass(frozen=True, slots=True)
class Card:
    """What a share shows: a title, the smallest price, what may lawfully be struck through beside it, and a picture.

    `note` holds as long as the thing does ("3人成团"); `subtitle` only now ("3人团 · 还差1人"). Without a price, as of a live
    room, the note stands in its place.
    """

    title: str
    price: Money | None
    struck_price: Money | None
    picture_url: str | None
    note: str
    subtitle: str
    is_open: bool
    """Whether it can still be bought, or will be."""
    ends_at: datetime | None = None


class PosterState(StrEnum):
    """What has become of a poster that was wanted."""

    MAKING = "making"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Poster:
    """A poster, without its picture. `fingerprint` stands for everything that is seen on it."""

    link_id: UUID
    token: str
    sharer_id: UUID
    fingerprint: str
    wanted_at: datetime
    made_at: datetime | None
    failures: int

    @property
    def state(self) -> PosterState:
        """Whether it is there, on its way, or given up."""
        if self.made_at is not None:
            return PosterState.READY
        return PosterState.FAILED if self.failures >= MOST_FAILURES else PosterState.MAKING


@dataclass(frozen=True, slots=True)
class Face:
    """Everything that is seen on a poster. `subject` is what is shared: the colours of a missing picture come of it."""

    subject: str
    sharer: str
    invitation: str
    title: str
    price: Money | None
    struck_price: Money | None
    picture_url: str | None
    note: str
    address: str
    """Of the landing page, which stands in the code where the shop has no mini-program."""
    page: str
    """Of the mini-program that has a code of its own for it; empty: none has."""

    @property
    def fingerprint(self) -> str:
        """43 characters: another face, another fingerprint."""
        said = json.dumps([DESIGN, asdict(self)], ensure_ascii=False, sort_keys=True)
        return urlsafe_b64encode(sha256(said.encode("utf-8", "surrogatepass")).digest()).rstrip(b"=").decode()


def face_of(card: Card, link: Link, *, sharer: str, address: str, page: str) -> Face:
    """What the poster of a link shows of its target now."""
    return Face(
        subject=str(link.target_id),
        sharer=sharer,
        invitation=INVITATIONS[link.target_kind],
        title=card.title,
        price=card.price,
        struck_price=card.struck_price,
        picture_url=card.picture_url,
        note=card.note,
        address=address,
        page=page,
    )
