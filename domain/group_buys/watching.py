"""Groups that somebody watches: one look at all of them, twice a second, however many watch."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.group_buys import queries
from domain.group_buys.rules import Group, GroupEvent, GroupState

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Between two looks at all groups that are watched."""
KEPT_EVENTS = 200
"""The last events of a group, kept for those who watch it; whoever is further behind reads them again."""
POLL_AFTER_MS, REFUNDING_POLL_AFTER_MS = 1_000, 5_000
"""For those who ask again and again: while members come, and while money goes back."""


@dataclass(frozen=True, slots=True)
class News:
    """A group as it stands, and what has happened in it since, in order and without a gap.

    `last` is the number of the last event that is known by then; where very much has happened it is not yet the group's
    last one. `is_settled`: nothing will happen in the group any more.
    """

    group: Group
    events: Sequence[GroupEvent]
    last: int
    is_settled: bool

    @property
    def is_whole(self) -> bool:
        """Whether everything that has happened is known by now."""
        return self.last == self.group.events

    @property
    def is_over(self) -> bool:
        """Whether that is so for ever."""
        return self.is_settled and self.is_whole

    @property
    def poll_after_ms(self) -> int | None:
        """Milliseconds after which to ask again; None when it is over."""
        if self.is_over:
            return None
        return REFUNDING_POLL_AFTER_MS if self.group.state is GroupState.EXPIRED else POLL_AFTER_MS


async def news_of(db: Database, group_id: UUID, *, since: int) -> News | None:
    """What has happened in a group after the event of this number, 0 for everything; None when there is no such group.

    A number that the group has not reached yet counts as its last. Raises BadInput for one below 0.
    """
    if since < 0:
        raise BadInput(f"since is {since}; allowed: 0 and above")
    group = (await queries.groups_by_ids(db, [group_id])).get(group_id)
    if group is None:
        return None
    since = min(since, group.events)
    events = (await queries.events_since(db, {group_id: since}))[group_id] if since < group.events else ()
    # the group was read first: what has happened since then is for the next time
    events = [event for event in events if event.number <= group.events]
    is_settled = group.id not in await _unsettled(db, [group])
    return News(group, events, events[-1].number if events else since, is_settled)


class GroupWatch:
    """Watches groups for subscribers. One per process and event loop; it looks while somebody watches."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._watched: dict[UUID, _Watched] = {}
        self._looking: asyncio.Task[None] | None = None
        self._is_failing = False

    async def watch(self, group_id: UUID, *, since: int) -> AsyncIterator[News | None]:
        """What has happened after the event `since`, at once and again whenever something has happened, until it is over.

        Every event is told once, in order, together with the group as it stands by then. Whoever is slow to take what is
        told is told more at a time, and misses nothing. None when there is no such group. Raises BadInput as `news_of` does.
        """
        news = await news_of(self._db, group_id, since=since)
        yield news
        if news is None or news.is_over:
            return
        watched = self._watched.setdefault(group_id, _Watched(news))
        bell = asyncio.Event()
        watched.bells.add(bell)
        try:
            while not news.is_over:
                news = await self._next(watched, bell, news)
                yield news
        finally:
            watched.bells.discard(bell)
            if not watched.bells:
                del self._watched[group_id]

    async def _next(self, watched: "_Watched", bell: asyncio.Event, told: News) -> News:
        while told.is_whole and watched.group.events <= told.last:
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
            bell.clear()
            await bell.wait()
        news = watched.after(told.last) or await news_of(self._db, watched.group.id, since=told.last)
        assert news is not None, f"group {watched.group.id} is gone"
        return news

    async def _look(self) -> None:
        try:
            while self._watched:
                await asyncio.sleep(LOOK_SECONDS)
                try:
                    await self._look_once()
                except Exception as error:  # whatever it is, those who watch go on watching
                    if not self._is_failing:
                        log.error("group_buys_not_seen", exc_info=error)
                    self._is_failing = True
                else:
                    self._is_failing = False
        finally:
            self._looking = None

    async def _look_once(self) -> None:
        groups = await queries.groups_by_ids(self._db, list(self._watched))
        known = {group_id: watched.group.events for group_id, watched in self._watched.items()}
        changed = [group for group in groups.values() if group.events > known.get(group.id, group.events)]
        if not changed:
            return
        events = await queries.events_since(self._db, {group.id: known[group.id] for group in changed})
        unsettled = await _unsettled(self._db, changed)
        for group in changed:
            if (watched := self._watched.get(group.id)) is not None:
                watched.see(group, events[group.id], is_settled=group.id not in unsettled)


class _Watched:
    """A group that is watched: as the last look found it, with its last events, and who is to be woken by news of it."""

    def __init__(self, news: News) -> None:
        self.group, self._is_settled = news.group, news.is_settled
        self._kept: deque[GroupEvent] = deque(maxlen=KEPT_EVENTS)
        self.bells: set[asyncio.Event] = set()

    def see(self, group: Group, events: Sequence[GroupEvent], *, is_settled: bool) -> None:
        """Take what a look has found: the group, and its events after those that were known."""
        if group.events <= self.group.events:  # it was let go and is watched anew, from a newer state
            return
        before, self.group, self._is_settled = self.group.events, group, is_settled
        new = [event for event in events if before < event.number <= group.events]
        self._kept.extend(new)
        if len(new) < group.events - before:  # too many for one look: they have to be read
            self._kept.clear()
        for bell in self.bells:
            bell.set()

    def after(self, last: int) -> News | None:
        """The news for somebody who knows the events up to `last`; None when these are not all kept."""
        events = [event for event in self._kept if event.number > last]
        if not events or events[0].number != last + 1:
            return None
        return News(self.group, events, self.group.events, self._is_settled)


async def _unsettled(db: Database, groups: Sequence[Group]) -> set[UUID]:
    """Those of the groups in which something may still happen."""
    found = {group.id for group in groups if group.state is GroupState.OPEN or group.taken > group.paid}
    if expired := [group.id for group in groups if group.state is GroupState.EXPIRED]:
        found |= {id for id, refunds in (await queries.refunds_by_group_ids(db, expired)).items() if refunds.pending}
    if settled := {group.id: group.events for group in groups if group.id not in found}:
        # what was the last to happen may have happened since the group was read
        again = await queries.groups_by_ids(db, list(settled))
        found |= {group.id for group in again.values() if group.events > settled[group.id]}
    return found
