"""Lucky draws as everybody sees them: what is promised, who has entered, who has won and how to check it; and entering."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from api import rates
from api.access import Who, public, to
from api.context import Info
from api.loaders import batched
from api.money import Money
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from api.stores import Store, find_store
from domain.accounts.rules import masked_name
from domain.chats.rules import BannedFromRoom
from domain.draws import queries, rules
from domain.foundation.database import Database
from domain.foundation.errors import NotFound
from domain.foundation.rates import Rate

T = TypeVar("T")

LuckyDrawState = strawberry.enum(
    rules.DrawState,
    name="LuckyDrawState",
    description="Where a draw stands. OPEN until it is drawn or called off: from `closesAt` on it cannot be entered any more.",
)
LuckyDrawOpenTo = strawberry.enum(
    rules.OpenTo,
    name="LuckyDrawOpenTo",
    description="Who may enter: everybody who is signed in, or who has paid for an order in the room and not had all of it back. "
    "The room's crew, and who is banned from it, never.",
)
WonPrizeState = strawberry.enum(
    rules.WonState, name="WonPrizeState", description="What became of a prize that was won."
)


@strawberry.type(directives=to(Who.INHERITED), description="What can be won. 奖品")
class LuckyDrawPrize:
    """A prize."""

    name: str
    value: Money = strawberry.field(description="What one piece is worth: 50,000 yuan at most.")
    pieces: int = strawberry.field(description="How many can be won.")

    @classmethod
    def of(cls, prize: rules.Prize) -> "LuckyDrawPrize":
        """The GraphQL object of a prize."""
        return cls(name=prize.name, value=Money.of(prize.value_minor), pieces=prize.pieces)


@strawberry.type(directives=to(Who.INHERITED), description="A place in a draw. 参与记录")
class LuckyDrawEntry:
    """An entry."""

    number: int = strawberry.field(description="1, 2, 3 ... of its draw, in order.")
    entry_id: str = strawberry.field(
        description="16 random bytes as 32 hexadecimal digits: what the score is reckoned from. Only whoever has it knows "
        "whose it is."
    )

    @classmethod
    def of(cls, entry: rules.Entry) -> "LuckyDrawEntry":
        """The GraphQL object of an entry."""
        return cls(number=entry.number, entry_id=entry.id.hex)


@strawberry.type(directives=to(Who.INHERITED), description="Who has won a piece. 中奖者")
class LuckyDrawWinner:
    """A winner."""

    rank: int = strawberry.field(description="1 has the lowest score of all.")
    entry: LuckyDrawEntry
    prize: LuckyDrawPrize
    name: str = strawberry.field(description="The first character of what they are called: 林**.")


@strawberry.type(directives=to(Who.ONLY_OWNER), description="What one has won oneself. 我的奖品")
class WonPrize(Node):
    """A prize that was won."""

    lucky_draw_id: strawberry.ID
    draw_title: str
    rank: int
    prize: LuckyDrawPrize
    code: str = strawberry.field(description="Ten digits to show at the store, and to nobody else. 领奖码")
    won_at: datetime
    prizes_until: datetime = strawberry.field(description="From this moment on it cannot be collected any more.")
    handed_over_at: datetime | None
    row: strawberry.Private[rules.Won]
    owner: strawberry.Private[UUID]

    @strawberry.field(description="What became of it.")
    def state(self, info: Info) -> WonPrizeState:
        """What became of it by now."""
        return self.row.state(info.context.now)

    @strawberry.field(description="Where it is collected.")
    async def store(self, info: Info) -> Store | None:
        """The store, fetched for all prizes together."""
        return await find_store(info, self.row.store_id)


@strawberry.type(
    directives=to(Who.ANYONE),
    description="Prizes drawn among those who entered; nobody wins at once. All that is promised, and `commitment`, is told when "
    "it opens and never changes. Who wins can be checked: an entry's score is SHA-256(seed + entriesDigest + entryId), all of "
    "them bytes, and the lowest win, the first prize first. 抽奖",
)
class LuckyDraw(Node):
    """A draw."""

    room_id: strawberry.ID
    title: str
    state: LuckyDrawState
    open_to: LuckyDrawOpenTo
    prizes: list[LuckyDrawPrize] = strawberry.field(description="1 to 20; the first is drawn first.")
    pieces: int = strawberry.field(description="Of all prizes together. One person wins one at most.")
    entrants: int = strawberry.field(description="How many have entered so far. A guest's answer may be a second old.")
    chance: float | None = strawberry.field(
        description="`pieces / entrants`, at most 1: how likely each of them wins if nobody else enters. Null while nobody has."
    )
    opened_at: datetime
    closes_at: datetime = strawberry.field(description="From this moment on it cannot be entered.")
    draw_by: datetime = strawberry.field(description="Drawn by itself then, if the crew has not drawn it before.")
    prizes_until: datetime = strawberry.field(description="Prizes that are not collected by then lapse.")
    commitment: str = strawberry.field(description="SHA-256 of the seed, 64 hexadecimal digits. 承诺值")
    seed: str | None = strawberry.field(
        description="32 bytes as 64 hexadecimal digits, known to nobody before it is DRAWN."
    )
    entries_digest: str = strawberry.field(
        description="64 hexadecimal digits over all entries so far, in order: SHA-256(digest before + the entry's 16 bytes), from "
        "`commitment` on. Whoever has noted it with `entrants` can prove that nothing before was changed. 名单摘要"
    )
    drawn_at: datetime | None
    called_off_at: datetime | None
    reason: str = strawberry.field(description="CALLED_OFF: why. Else empty.")
    row: strawberry.Private[rules.Draw]

    @strawberry.field(description="Whether it can be entered now.")
    def is_open(self, info: Info) -> bool:
        """Whether it can be entered."""
        return self.row.is_open(info.context.now)

    @strawberry.field(description="When this answer was made. A guest's may be a second old.")
    def server_time(self, info: Info) -> datetime:
        """The moment of this operation."""
        return info.context.now

    @strawberry.field(description="Where prizes are collected.")
    async def store(self, info: Info) -> Store | None:
        """The store, fetched for all draws together."""
        return await find_store(info, self.row.store_id)

    @strawberry.field(description="Who has entered, by number.")
    async def entries(self, info: Info, first: int = 20, after: str | None = None) -> Connection[LuckyDrawEntry]:
        """The entries."""
        page = await queries.entries_of(info.context.market.db, self.row.id, first=first, after=after)
        return Connection.of(page, LuckyDrawEntry.of)

    @strawberry.field(description="Who has won, by rank; nobody before it is DRAWN.")
    async def winners(self, info: Info, first: int = 20, after: str | None = None) -> Connection[LuckyDrawWinner]:
        """The winners."""
        page = await queries.winners_of(info.context.market.db, self.row.id, first=first, after=after)
        return Connection.of(page, self._show_winner)

    @strawberry.field(description="One's own entry; null for who has not entered.")
    async def my_entry(self, info: Info) -> LuckyDrawEntry | None:
        """One's own entry, fetched for all draws together."""
        entry = await _own(info, queries.own_entries).load(self.row.id)
        return LuckyDrawEntry.of(entry) if entry else None

    @strawberry.field(description="What one has won; null for who has not.")
    async def my_prize(self, info: Info) -> WonPrize | None:
        """One's own prize, fetched for all draws together."""
        won = await _own(info, queries.own_prizes).load(self.row.id) if self.row.drawn_at else None
        return show_won(won) if won else None

    def _show_winner(self, winner: queries.Winner) -> LuckyDrawWinner:
        return LuckyDrawWinner(
            rank=winner.rank,
            entry=LuckyDrawEntry.of(winner.entry),
            prize=self.prizes[winner.prize - 1],
            name=masked_name(winner.name),
        )


EnterLuckyDrawResult = Annotated[
    LuckyDrawEntry
    | refusal(rules.LuckyDrawClosed)
    | refusal(rules.CrewDoesNotEnter)
    | refusal(BannedFromRoom)
    | refusal(rules.OnlyForBuyers)
    | refusal(NotFound),
    strawberry.union("EnterLuckyDrawResult"),
]


@strawberry.type
class LuckyDrawQuery:
    """Questions about draws."""

    @strawberry.field(directives=public(), description="One draw; null when there is none.")
    async def lucky_draw(self, info: Info, id: strawberry.ID) -> LuckyDraw | None:
        """One draw."""
        return await find_draw(info, read_id("luckydraw", id))

    @strawberry.field(directives=public(), description="The draws of a room, newest first.")
    async def room_draws(
        self, info: Info, room_id: strawberry.ID, first: int = 20, after: str | None = None
    ) -> Connection[LuckyDraw]:
        """A room's draws."""
        page = await queries.of_room(info.context.market.db, read_id("room", room_id), first=first, after=after)
        return Connection.of(page, show_draw)

    @strawberry.field(directives=to(Who.SIGNED_IN), description="What one has won, newest first.")
    async def my_prizes(self, info: Info, first: int = 20, after: str | None = None) -> Connection[WonPrize]:
        """One's prizes."""
        context = info.context
        page = await queries.won_by(context.market.db, context.shopper.account_id, first=first, after=after)
        return Connection.of(page, show_won)


@strawberry.type
class LuckyDrawMutation:
    """Entering."""

    @strawberry.mutation(
        directives=[*to(Who.SIGNED_IN), *rates.of(Rate.CLAIM)],
        description="Enter a draw, once: whoever has entered is given the same entry again. Nothing else is asked for it.",
    )
    async def enter_lucky_draw(self, info: Info, id: strawberry.ID) -> EnterLuckyDrawResult:
        """Enter."""
        context = info.context
        entry = await context.services.entries.enter(
            draw_id=read_id("luckydraw", id), shopper_id=context.shopper.account_id, now=context.now
        )
        return LuckyDrawEntry.of(entry)


@finds("luckydraw")
async def find_draw(info: Info, id: UUID) -> LuckyDraw | None:
    """A draw; null when there is none."""
    found = await batched(info, queries.by_ids).load(id)
    return show_draw(found) if found else None


@finds("prize")
async def find_won(info: Info, id: UUID) -> WonPrize | None:
    """What one has won oneself."""
    principal = info.context.principal
    won = await batched(info, queries.won_by_ids).load(id) if principal else None
    return show_won(won) if won and principal and won.shopper_id == principal.account_id else None


def show_draw(draw: rules.Draw) -> LuckyDraw:
    """The GraphQL object of a draw."""
    return LuckyDraw(
        id=show_id("luckydraw", draw.id),
        room_id=show_id("room", draw.room_id),
        title=draw.title,
        state=draw.state,
        open_to=draw.open_to,
        prizes=[LuckyDrawPrize.of(prize) for prize in draw.prizes],
        pieces=draw.pieces,
        entrants=draw.entrants,
        chance=draw.chance,
        opened_at=draw.opened_at,
        closes_at=draw.closes_at,
        draw_by=draw.draw_by,
        prizes_until=draw.prizes_until,
        commitment=draw.commitment.hex(),
        seed=draw.seed.hex() if draw.seed else None,
        entries_digest=draw.digest.hex(),
        drawn_at=draw.drawn_at,
        called_off_at=draw.called_off_at,
        reason=draw.reason,
        row=draw,
    )


def show_won(won: rules.Won) -> WonPrize:
    """A prize as its winner sees it."""
    return WonPrize(
        id=show_id("prize", won.id),
        lucky_draw_id=show_id("luckydraw", won.draw_id),
        draw_title=won.draw_title,
        rank=won.rank,
        prize=LuckyDrawPrize.of(won.prize),
        code=won.code,
        won_at=won.won_at,
        prizes_until=won.prizes_until,
        handed_over_at=won.handed_over_at,
        row=won,
        owner=won.shopper_id,
    )


def _own(
    info: Info, find: Callable[[Database, UUID, Sequence[UUID]], Awaitable[Mapping[UUID, T]]]
) -> DataLoader[UUID, T | None]:
    """What of draws is the asker's own; nothing for guests."""
    loaders, context = info.context.loaders, info.context
    if find not in loaders:

        async def load(draw_ids: list[UUID]) -> list[T | None]:
            if context.principal is None:
                return [None] * len(draw_ids)
            found = await find(context.market.db, context.principal.account_id, draw_ids)
            return [found.get(draw_id) for draw_id in draw_ids]

        loaders[find] = DataLoader(load_fn=load)
    loader: DataLoader[UUID, T | None] = loaders[find]
    return loader
