"""Comments of one room per second, each kept with its event and a durable commit: through the desk of a process, against a
bare transaction for as many at once that writes the very same rows with prepared statements and asks no question.

Two hundred people write, each as soon as their last comment stands; ours and the bare one take turns.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import asyncpg
import orjson

from benchmarks.figures import Figure
from domain.accounts import actions as accounts
from domain.accounts.rules import Principal
from domain.chats import moderating
from domain.chats.desk import CommentDesk
from domain.chats.words import Word, WordAction
from domain.foundation import clock
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.redis import Gate
from domain.live_rooms import actions, running
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import Duty, NewRoom
from tests.statements import count_statements

WRITERS = 200
WORDS = 5_000
ROUNDS = 4
TEXT = "这个口红的颜色真好看，我想要两支，能不能包邮呢？"

Turn = Callable[[float], Awaitable[tuple[int, float]]]
"""Write for so many seconds: how many comments, in what time."""


async def measure(url: str, gate: Gate, *, seconds: float) -> list[Figure]:
    """Comments per second with a word list of 5,000 words, and the statements of a batch."""
    db = Database.connect(url, connections=4)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        bus, people = LiveBus(gate), await _people(db)
        host = people[0]
        await _set_words(db)
        desk, room_id = CommentDesk(db, bus), await _room(db, bus, host)
        await _post(desk, room_id, host)  # the word list is read once
        with count_statements(db) as sent:
            await asyncio.gather(*(_post(desk, room_id, by) for by in people))
        turns = (_ours(desk, room_id, people), _bare(connection, await _room(db, bus, host), people))
        rates = await _in_turns(turns, seconds=seconds)
        return [
            Figure(f"SQL statements of {WRITERS} comments at once", len(sent), "statements", target="6"),
            Figure("comments of one room", rates[0], "comments/s, each durable", rates[1]),
        ]
    finally:
        await connection.close()
        await db.close()


async def _in_turns(turns: Sequence[Turn], *, seconds: float) -> list[float]:
    served, spent = [0] * len(turns), [0.0] * len(turns)
    for _ in range(ROUNDS):
        for at, turn in enumerate(turns):
            comments, took = await turn(seconds / ROUNDS)
            served[at] += comments
            spent[at] += took
    return [comments / took for comments, took in zip(served, spent, strict=True)]


def _ours(desk: CommentDesk, room_id: UUID, people: Sequence[Principal]) -> Turn:
    async def turn(seconds: float) -> tuple[int, float]:
        started, served = time.perf_counter(), 0

        async def write(by: Principal) -> None:
            nonlocal served
            while time.perf_counter() - started < seconds:
                await _post(desk, room_id, by)
                served += 1

        await asyncio.gather(*map(write, people))
        return served, time.perf_counter() - started

    return turn


COUNT = "UPDATE live_rooms SET events = events + $2 WHERE id = $1 RETURNING events"
EVENT = "INSERT INTO live_room_events (room_id, number, kind, facts, happened_at) VALUES ($1, $2, 'commented', $3, $4)"
COMMENT = """INSERT INTO room_comments (id, room_id, author_id, number, text, state, idempotency_key, posted_at)
             VALUES ($1, $2, $3, $4, $5, 'shown', $6, $7)"""


def _bare(connection: asyncpg.Connection, room_id: UUID, people: Sequence[Principal]) -> Turn:
    """The rows of such a batch, written by hand: nothing is asked, judged or told to anybody."""

    async def turn(seconds: float) -> tuple[int, float]:
        started, served = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            now = clock.now()
            async with connection.transaction():
                last = await connection.fetchval(COUNT, room_id, len(people))
                numbered = [(last - len(people) + at, new_id(), by) for at, by in enumerate(people, 1)]
                events = [(room_id, number, _facts(id), now) for number, id, _ in numbered]
                await connection.executemany(EVENT, events)
                comments = [
                    (id, room_id, by.account_id, number, TEXT, str(new_id()), now) for number, id, by in numbered
                ]
                await connection.executemany(COMMENT, comments)
            served += len(people)
        return served, time.perf_counter() - started

    return turn


def _facts(comment_id: UUID) -> str:
    return orjson.dumps({"comment_id": str(comment_id), "author": "压**", "badge": None, "text": TEXT}).decode()


async def _post(desk: CommentDesk, room_id: UUID, by: Principal) -> None:
    await desk.post(room_id=room_id, by=by, text=TEXT, idempotency_key=str(new_id()), now=clock.now())


async def _people(db: Database) -> list[Principal]:
    async with db.transaction() as tx:
        names = [str(new_id()) for _ in range(WRITERS)]
        return [
            Principal(account_id)
            for account_id in await accounts.open_many(tx, provider="development", subjects=names, now=clock.now())
        ]


async def _set_words(db: Database) -> None:
    words = [Word(f"敏感词{number}", WordAction.MASK) for number in range(WORDS)]
    await moderating.set_words(db, words=words, version=0, by=new_id(), now=clock.now())


async def _room(db: Database, bus: LiveBus, host: Principal) -> UUID:
    now = clock.now()
    wish = NewRoom("压测", starts_at=now, crew={host.account_id: Duty.HOST})
    room = await actions.create(db, wish, by=host.account_id, idempotency_key=str(new_id()), now=now)
    await running.go_live(db, bus, room_id=room.id, by=host, now=now)
    return room.id
