"""Subscriptions that many share: what happens is executed once for all who asked the same, and sent to each of them.

Who belongs together has the same operation, variables, language and thing to watch; where each of them goes on from is their
own. What is shared is executed as nobody: nothing that is anybody's can get into it.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from api import socket_messages as messages
from api.answering import Answering, not_admitted
from api.answers import Answer
from api.audience_members import Member, Shared
from api.audience_sources import Source, same_for_all
from api.context import Context
from api.faults import RequestFault, internal_error
from api.subscribing import Begun
from domain.live_rooms.rules import RoomEvent
from domain.live_rooms.timeline import AT_ONCE

AT_A_TIME, BYTES_AT_A_TIME = 200, 1_000_000
"""Members who are told before others on the event loop have their turn: some 4 ms. Fewer, where an answer is long."""
FRESH_SECONDS = 0.25
"""For which the answer to one who comes is also that of the next, unless something happens."""
ATTEMPTS, AGAIN_SECONDS = 3, 0.5
"""At executing what has happened, while the ledger does not answer."""
FAR_BEHIND_AT_A_TIME = 1
"""Members who are told of more than 500 events: each 500 take 30 ms, and whoever asks may be a hundred thousand behind."""
OWN_AT_A_TIME = 10
"""Members who are told of what is their own, each from the ledger; when a sale is over it may be thousands at once."""


class Audiences:
    """All audiences of a process. `make_context(language)` makes nobody's."""

    def __init__(self, answering: Answering, *, make_context: Callable[[str], Context]) -> None:
        self._answering, self._make_context = answering, make_context
        self._all: dict[Hashable, Audience] = {}
        self._turns, self._far_turns = asyncio.Semaphore(OWN_AT_A_TIME), asyncio.Semaphore(FAR_BEHIND_AT_A_TIME)

    async def join(self, begun: Begun, given: dict[str, Any], language: str, member: Member) -> None:
        """Tell the member what it has missed, and from then on what happens, until it leaves: by `Member.cancel`, or when
        this is cancelled. Raises RequestFault when it cannot be told what it has missed.
        """
        key = (begun.operation, begun.source.key, language, same_for_all(begun.operation, given))
        audience = self._all.get(key)
        if audience is None:
            audience = self._all[key] = Audience(
                self._answering,
                begun,
                language=language,
                turns=self._turns,
                far_turns=self._far_turns,
                make_context=lambda: self._make_context(language),
                on_empty=lambda: self._all.pop(key, None),
            )
        await audience.join(member)


class _Moment(NamedTuple):
    """An answer, and the number of the last event that is known with it."""

    shared: Shared
    last: int


class Audience:
    """Members who are all told the same. Whoever comes is told what it has missed first, alone or with others who miss the
    same, and is told with the others from the moment on that it knows what they know.
    """

    def __init__(
        self,
        answering: Answering,
        begun: Begun,
        *,
        language: str,
        turns: asyncio.Semaphore,
        far_turns: asyncio.Semaphore,
        make_context: Callable[[], Context],
        on_empty: Callable[[], object],
    ) -> None:
        self._answering, self._begun, self._language = answering, begun, language
        self._turns, self._far_turns = turns, far_turns
        self._make_context, self._on_empty = make_context, on_empty
        self._source: Source = begun.source
        self._last = self._source.last  # what all members know who are told together
        self._moved = asyncio.Event()
        self._here: set[Member] = set()
        self._together: set[Member] = set()
        self._by_owner: dict[UUID, set[Member]] = {}
        self._moments: dict[tuple[int, int], asyncio.Task[_Moment]] = {}
        self._pending: list[RoomEvent] = []
        self._is_counted = False
        self._telling: asyncio.Task[None] | None = None
        self._telling_all_own: asyncio.Task[None] | None = None
        self._unlisten = self._source.listen(self)

    # what is heard, as domain/live_rooms/feeds.py tells it

    def on_events(self, events: Sequence[RoomEvent]) -> None:
        """These have happened, after all that was heard before."""
        self._pending.extend(events)
        self._begin_telling()

    def on_counters(self, counters: object) -> None:
        """How things stand has changed, and nothing has happened."""
        self._is_counted = True
        self._begin_telling()

    def on_personal(self, shopper_id: UUID, kind: str, id: UUID) -> None:
        """Something of a shopper's own has changed."""
        for member in self._by_owner.get(shopper_id, ()):
            member.changed[kind, id] = None
            if member.telling is None:
                member.telling = asyncio.create_task(self._tell_own(member))

    def on_deaf(self) -> None:
        """What is somebody's own may have changed unheard: it is told anew to whoever is there."""
        if self._by_owner and self._telling_all_own is None:
            self._telling_all_own = asyncio.create_task(self._tell_all_own())

    # who comes and goes

    async def join(self, member: Member) -> None:
        """As `Audiences.join`."""
        self._here.add(member)
        member.audience = self
        if member.owner is not None:
            self._by_owner.setdefault(member.owner, set()).add(member)
        member.source.came()
        try:
            await self._catch_up(member)
            self._together.add(member)
            if member.owner is not None:
                await self._tell_own_at_first(member)
            member.joining = None
        except BaseException:
            member.cancel()
            raise

    def leave(self, member: Member) -> None:
        """The member is there no more; a second call does nothing."""
        if member not in self._here:
            return
        self._here.discard(member)
        self._together.discard(member)
        if member.owner is not None:
            theirs = self._by_owner[member.owner]
            theirs.discard(member)
            if not theirs:
                del self._by_owner[member.owner]
        member.source.left()
        if not self._here:
            self._unlisten()
            self._on_empty()

    async def _catch_up(self, member: Member) -> None:
        """Tell what is missed until the member knows what the others do. At once how things stand, whatever is missed."""
        number = member.source.since
        while True:
            async with self._far_turns if self._last - number > AT_ONCE else nullcontext():
                moment = await self._moment_after(number)
            member.tell(moment.shared)
            number = moment.last
            while number > self._last:  # it came from a process that was a little ahead
                self._moved.clear()
                await self._moved.wait()
            if number == self._last:
                return

    async def _moment_after(self, number: int) -> _Moment:
        key = number, self._last
        finding = self._moments.get(key)
        if finding is None:
            finding = self._moments[key] = asyncio.create_task(self._find_moment(*key))
            asyncio.get_running_loop().call_later(FRESH_SECONDS, self._moments.pop, key, None)
        # one who gives up must not take the answer from the others
        return await asyncio.shield(finding)

    async def _find_moment(self, number: int, last: int) -> _Moment:
        events: Sequence[RoomEvent] = ()
        if number < last:
            events = [event for event in await self._source.after(number) if event.number <= last]
            if not events:
                raise LookupError(f"no event after {number} of {self._source.key}, of {last}")
            number = events[-1].number
        answer, number = await self._shown(events, number)
        if not answer.has_data:
            raise RequestFault(orjson.loads(answer.body)["errors"])
        return _Moment(Shared(answer.body), number)

    # what is told to all

    def _begin_telling(self) -> None:
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        is_done_again = False
        try:
            while self._here and (self._pending or self._is_counted):
                self._is_counted = False
                events = self._pending[:AT_ONCE]
                answer, last = await self._shown(events, events[-1].number if events else self._last)
                if not answer.has_data:
                    if not events:
                        continue  # whoever is not told how many watch misses nothing
                    return self._end(orjson.loads(answer.body)["errors"])
                # with what has come meanwhile: to execute it all once more costs less than to tell so many twice
                is_done_again = not is_done_again and len(self._pending) > len(events) and self._is_large
                if is_done_again:
                    continue
                # no await from here on: who knows what the others know by now is in the list, and nobody else
                members = list(self._together)
                self._pending = [event for event in self._pending if event.number > last]
                self._last = last
                self._moved.set()
                await self._tell_each(members, Shared(answer.body), may_stop=not events)
        except Exception as error:
            self._end([internal_error(error, self._begun.operation.label)])
        finally:
            self._telling = None

    @property
    def _is_large(self) -> bool:
        return len(self._together) > AT_A_TIME

    async def _tell_each(self, members: Sequence[Member], shared: Shared, *, may_stop: bool) -> None:
        step = max(1, min(AT_A_TIME, BYTES_AT_A_TIME // shared.size))
        for start in range(0, len(members), step):
            if start:
                await asyncio.sleep(0)
            if may_stop and self._pending:
                return  # what has happened comes with how things stand
            for member in members[start : start + step]:
                member.tell(shared)

    def _end(self, errors: Sequence[Any]) -> None:
        """Whoever is told nothing goes on from what it knows, by asking again: rather that than a gap."""
        for member in list(self._here):
            member.end(messages.error(member.id, errors))

    async def _shown(self, events: Sequence[RoomEvent], last: int) -> tuple[Answer, int]:
        """What tells the first of these events, as many as an answer can hold, and the number of the last that it tells."""
        while True:
            answer = await self._executed(events, last)
            if answer.has_data or answer.outcome != "client_error" or len(events) < 2:
                return answer, last
            events = events[: len(events) // 2]
            last = events[-1].number

    async def _executed(self, events: Sequence[RoomEvent], last: int) -> Answer:
        for _ in range(ATTEMPTS - 1):
            answer = await self._run(self._source.show(events, last), self._make_context())
            if answer.has_data or answer.outcome not in {"unavailable", "timeout"}:
                return answer
            await asyncio.sleep(AGAIN_SECONDS)
        return await self._run(self._source.show(events, last), self._make_context())

    # what is told to one

    async def _tell_own_at_first(self, member: Member) -> None:
        async with self._turns:
            context = self._context_of(member)
            if (own := await member.source.own_at_first(context)) is not None:
                member.tell(Shared((await self._run(own, context)).body))

    async def _tell_all_own(self) -> None:
        """A few at a time, as there are turns; whoever has just come is told in any case."""
        try:
            here = [member for members in self._by_owner.values() for member in members if member in self._together]
            for start in range(0, len(here), AT_A_TIME):
                await asyncio.gather(*map(self._tell_own_anew, here[start : start + AT_A_TIME]))
        finally:
            self._telling_all_own = None

    async def _tell_own_anew(self, member: Member) -> None:
        if not member.is_here:
            return
        try:
            await self._tell_own_at_first(member)
        except RequestFault as fault:
            member.end(messages.error(member.id, fault.errors))
        except Exception as error:
            member.end(messages.error(member.id, [internal_error(error, self._begun.operation.label)]))

    async def _tell_own(self, member: Member) -> None:
        try:
            while member.changed and member.is_here:
                async with self._turns:
                    changed, member.changed = member.changed, {}
                    context = self._context_of(member)
                    own, is_over = member.source.own(changed, context)
                    if own is not None:
                        member.tell(Shared((await self._run(own, context)).body))
                if is_over:
                    member.end(messages.complete(member.id))
        except RequestFault as fault:
            member.end(messages.error(member.id, fault.errors))
        except Exception as error:
            member.end(messages.error(member.id, [internal_error(error, self._begun.operation.label)]))
        finally:
            member.telling = None

    def _context_of(self, member: Member) -> Context:
        """A fresh one, its token checked again."""
        try:
            return member.make_context()
        except self._answering.client_errors as error:
            raise not_admitted(error, self._language) from None

    async def _run(self, event: object, context: Context) -> Answer:
        operation, variables, extensions, _ = self._begun
        return await self._answering.run(operation, context, variables, extensions, event=event)
