"""What a lucky draw allows: what can be promised, who may enter, when it is drawn, and what becomes of prizes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from domain.chats.rules import BannedFromRoom
from domain.foundation.errors import BadInput, Refusal
from domain.foundation.money import Money

MOST_VALUE_MINOR = 5_000_000
"""What a prize is worth at most: 50,000 yuan, by 反不正当竞争法 and 规范促销行为暂行规定."""
MOST_PRIZES = 20
MOST_PIECES = 1_000
"""Of all prizes of a draw together."""
SHORTEST_OPEN = timedelta(seconds=10)
LONGEST_OPEN = timedelta(hours=24)
DRAWN_WITHIN = timedelta(minutes=2)
"""How long after its closing the crew may draw it on air; then the timetable does."""
SHORTEST_COLLECTING = timedelta(days=1)
LONGEST_COLLECTING = timedelta(days=90)
"""How long after its closing prizes can be collected."""


class DrawState(StrEnum):
    """Where a draw stands. OPEN until it is drawn or called off, also after its closing."""

    OPEN = "open"
    DRAWN = "drawn"
    CALLED_OFF = "called_off"


class OpenTo(StrEnum):
    """Who may enter: everybody, or who has paid for an order in the room. Its crew, and who is banned from it, never."""

    EVERYBODY = "everybody"
    BUYERS = "buyers"


class WonState(StrEnum):
    """What became of a prize that was won."""

    TO_COLLECT = "to_collect"
    HANDED_OVER = "handed_over"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Prize:
    """So many pieces of one thing, each worth `value_minor`."""

    name: str
    value_minor: int
    pieces: int


@dataclass(frozen=True, slots=True)
class NewDraw:
    """A draw that is to be. Its first prize is drawn first."""

    room_id: UUID
    title: str
    open_to: OpenTo
    prizes: tuple[Prize, ...]
    closes_at: datetime
    store_id: UUID
    prizes_until: datetime


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw. `seed` is None until it is drawn; until then only `commitment`, its SHA-256, is known."""

    id: UUID
    room_id: UUID
    title: str
    open_to: OpenTo
    prizes: tuple[Prize, ...]
    store_id: UUID
    opened_at: datetime
    closes_at: datetime
    draw_by: datetime
    prizes_until: datetime
    commitment: bytes
    state: DrawState
    entrants: int
    digest: bytes
    seed: bytes | None = None
    drawn_at: datetime | None = None
    called_off_at: datetime | None = None
    reason: str = ""

    @property
    def pieces(self) -> int:
        """Pieces of all prizes together."""
        return sum(prize.pieces for prize in self.prizes)

    @property
    def chance(self) -> float | None:
        """How likely each who has entered is to win, if nobody else enters: 0 to 1; None while nobody has."""
        return min(1.0, self.pieces / self.entrants) if self.entrants else None

    def is_open(self, now: datetime) -> bool:
        """Whether it can be entered."""
        return self.state is DrawState.OPEN and now < self.closes_at


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody's place in a draw. `id` is random and says nothing of whose it is."""

    draw_id: UUID
    number: int
    id: UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """What it depends on whether somebody may enter: the entry they have, if they have, and what they are to the room."""

    entry: Entry | None
    is_crew: bool
    is_banned: bool
    has_paid: bool


@dataclass(frozen=True, slots=True)
class Won:
    """A prize that was won, as its winner sees it. `code` is what they show at the store."""

    id: UUID
    draw_id: UUID
    draw_title: str
    shopper_id: UUID
    rank: int
    number: int
    prize: Prize
    store_id: UUID
    code: str
    won_at: datetime
    prizes_until: datetime
    handed_over_at: datetime | None = None

    def state(self, now: datetime) -> WonState:
        """What became of it by then."""
        if self.handed_over_at is not None:
            return WonState.HANDED_OVER
        return WonState.TO_COLLECT if now < self.prizes_until else WonState.LAPSED


def check_draw(wish: NewDraw, *, now: datetime) -> None:
    """Raises BadInput for a draw that cannot be."""
    if not 1 <= len(wish.title.strip()) <= 60 or "\0" in wish.title:
        raise BadInput("title must have 1 to 60 characters")
    if not now + SHORTEST_OPEN <= wish.closes_at <= now + LONGEST_OPEN:
        raise BadInput("closesAt must be 10 seconds to 24 hours ahead")
    if not wish.closes_at + SHORTEST_COLLECTING <= wish.prizes_until <= wish.closes_at + LONGEST_COLLECTING:
        raise BadInput("prizesUntil must be 1 to 90 days after closesAt")
    if not 1 <= len(wish.prizes) <= MOST_PRIZES:
        raise BadInput(f"prizes has {len(wish.prizes)}; allowed: 1 to {MOST_PRIZES}")
    for prize in wish.prizes:
        if not 1 <= len(prize.name.strip()) <= 60 or "\0" in prize.name:
            raise BadInput("the name of a prize must have 1 to 60 characters")
        if not 1 <= prize.value_minor <= MOST_VALUE_MINOR:
            raise BadInput(f"valueMinor is {prize.value_minor}; allowed: 1 to {MOST_VALUE_MINOR}, 50,000 yuan")
        if prize.pieces < 1:
            raise BadInput(f"pieces is {prize.pieces}; allowed: 1 and more")
    if (pieces := sum(prize.pieces for prize in wish.prizes)) > MOST_PIECES:
        raise BadInput(f"all prizes together have {pieces} pieces; allowed: at most {MOST_PIECES}")


def check_budget(wish: NewDraw, *, promised_minor: int, budget_minor: int) -> None:
    """Raises PrizesBeyondBudget when the prizes, with those that the room has promised already, are worth more."""
    left_minor = max(budget_minor - promised_minor, 0)
    if sum(prize.value_minor * prize.pieces for prize in wish.prizes) > left_minor:
        raise PrizesBeyondBudget(left=Money(left_minor))


def check_reason(reason: str) -> str:
    """The reason without spaces around it. Raises BadInput unless it has 1 to 200 characters."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 200 or "\0" in reason:
        raise BadInput("reason must have 1 to 200 characters")
    return reason


def why_not(draw: Draw, standing: Standing, *, now: datetime) -> "Refusal | None":
    """Why somebody who has not entered yet may not; None: they may."""
    if not draw.is_open(now):
        return LuckyDrawClosed(closed_at=draw.called_off_at or draw.closes_at)
    if standing.is_crew:
        return CrewDoesNotEnter()
    if standing.is_banned:
        return BannedFromRoom()
    if draw.open_to is OpenTo.BUYERS and not standing.has_paid:
        return OnlyForBuyers()
    return None


def check_open(draw: Draw) -> None:
    """Raises LuckyDrawOver once it is drawn or called off."""
    if draw.state is not DrawState.OPEN:
        raise LuckyDrawOver(state=draw.state)


def check_due(draw: Draw, *, now: datetime) -> None:
    """Raises LuckyDrawOver, and LuckyDrawStillOpen before its closing."""
    check_open(draw)
    if now < draw.closes_at:
        raise LuckyDrawStillOpen(closes_at=draw.closes_at)


def check_collectable(won: Won, *, by: UUID, now: datetime) -> None:
    """Raises PrizeHandedOver, PrizeLapsed, and NotYourOwnPrize: two people see to every prize."""
    if won.handed_over_at is not None:
        raise PrizeHandedOver(handed_over_at=won.handed_over_at)
    if now >= won.prizes_until:
        raise PrizeLapsed(prizes_until=won.prizes_until)
    if won.shopper_id == by:
        raise NotYourOwnPrize()


@dataclass(eq=False)
class LuckyDrawClosed(Refusal):
    """The draw cannot be entered any more."""

    closed_at: datetime

    code: ClassVar[str] = "LUCKY_DRAW_CLOSED"
    zh: ClassVar[str] = "抽奖报名已截止"
    en: ClassVar[str] = "the draw is closed"


@dataclass(eq=False)
class CrewDoesNotEnter(Refusal):
    """Who runs a room, or has opened the draw, does not win in it."""

    code: ClassVar[str] = "CREW_DOES_NOT_ENTER"
    zh: ClassVar[str] = "直播间工作人员不能参与抽奖"
    en: ClassVar[str] = "those who run the room cannot enter its draws"


@dataclass(eq=False)
class OnlyForBuyers(Refusal):
    """The draw is for those who have paid for an order in its room, and kept some of it."""

    code: ClassVar[str] = "ONLY_FOR_BUYERS"
    zh: ClassVar[str] = "仅限在本直播间下单并付款的顾客参与"
    en: ClassVar[str] = "this draw is for those who have paid for an order in this room"


@dataclass(eq=False)
class LuckyDrawStillOpen(Refusal):
    """The draw can still be entered, so it is not drawn yet."""

    closes_at: datetime

    code: ClassVar[str] = "LUCKY_DRAW_STILL_OPEN"
    zh: ClassVar[str] = "抽奖报名尚未截止"
    en: ClassVar[str] = "the draw can still be entered"


@dataclass(eq=False)
class LuckyDrawOver(Refusal):
    """The draw is drawn, or called off."""

    state: DrawState

    code: ClassVar[str] = "LUCKY_DRAW_OVER"
    zh: ClassVar[str] = "抽奖已结束"
    en: ClassVar[str] = "the draw is over: {state}"


@dataclass(eq=False)
class PrizesBeyondBudget(Refusal):
    """The crew may not promise prizes of so much: a merchandiser sets the room's budget, or opens the draw."""

    left: Money

    code: ClassVar[str] = "PRIZES_BEYOND_BUDGET"
    zh: ClassVar[str] = "奖品总价值超出本直播间预算，还可使用 ¥{left.amount}"
    en: ClassVar[str] = "the prizes are worth more than what is left of the room's budget: ¥{left.amount}"


@dataclass(eq=False)
class DrawsSwitchedOff(Refusal):
    """Seeds cannot be kept secret here."""

    code: ClassVar[str] = "DRAWS_SWITCHED_OFF"
    zh: ClassVar[str] = "抽奖功能未开启"
    en: ClassVar[str] = "draws are switched off: NIGHTMARKET_SEAL_KEY is not set"


@dataclass(eq=False)
class WrongPrizeCode(Refusal):
    """No prize with this code waits in this store."""

    code: ClassVar[str] = "WRONG_PRIZE_CODE"
    zh: ClassVar[str] = "领奖码不正确，或奖品不在本店领取"
    en: ClassVar[str] = "no prize with this code is collected in this store"


@dataclass(eq=False)
class PrizeHandedOver(Refusal):
    """The prize was collected before."""

    handed_over_at: datetime

    code: ClassVar[str] = "PRIZE_HANDED_OVER"
    zh: ClassVar[str] = "该奖品已领取"
    en: ClassVar[str] = "the prize was handed over before"


@dataclass(eq=False)
class PrizeLapsed(Refusal):
    """The prize was not collected in time."""

    prizes_until: datetime

    code: ClassVar[str] = "PRIZE_LAPSED"
    zh: ClassVar[str] = "已过领奖期限"
    en: ClassVar[str] = "the time to collect the prize is over"


@dataclass(eq=False)
class NotYourOwnPrize(Refusal):
    """Staff do not hand prizes to themselves."""

    code: ClassVar[str] = "NOT_YOUR_OWN_PRIZE"
    zh: ClassVar[str] = "不能为自己核销奖品"
    en: ClassVar[str] = "another member of staff must hand over what you have won yourself"
