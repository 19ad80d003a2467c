"""Price ladders (阶梯降价): what is left in the evening gets cheaper step by step, and is free at last."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.errors import BadInput


@dataclass(frozen=True, slots=True)
class Ladder:
    """From `starts_at` on `step_percent` off, as much more every `step_minutes`, free from `free_at` to midnight.

    Times are of the shop's day (Asia/Shanghai), whole minutes. At midnight every price is back.
    """

    store_id: UUID
    starts_at: time
    step_minutes: int
    step_percent: int
    free_at: time


@dataclass(frozen=True, slots=True)
class LadderStep:
    """From this time of the day on, until the next step, so much is off."""

    at: time
    percent_off: int


def percent_off(ladder: Ladder, now: datetime) -> int:
    """How many percent are off at a moment, 0 to 100. Every step holds from its first instant to just before the next."""
    at = now.astimezone(SHOP_ZONE).time()
    if at < ladder.starts_at:
        return 0
    if at >= ladder.free_at:
        return 100
    steps = 1 + (_minute(at) - _minute(ladder.starts_at)) // ladder.step_minutes
    return min(100, steps * ladder.step_percent)


def steps(ladder: Ladder) -> Iterator[LadderStep]:
    """Every change of the evening, in order; the last one is 100 percent."""
    off = 0
    for minute in range(_minute(ladder.starts_at), _minute(ladder.free_at), ladder.step_minutes):
        off += ladder.step_percent
        if off >= 100:
            yield LadderStep(time(*divmod(minute, 60)), 100)
            return
        yield LadderStep(time(*divmod(minute, 60)), off)
    yield LadderStep(ladder.free_at, 100)


def laddered(list_minor: int, percent: int) -> int:
    """The price of a unit with so many percent off, rounded down to the fen: in the shopper's favour."""
    return list_minor * (100 - percent) // 100


def check(ladder: Ladder) -> None:
    """Raises BadInput unless it starts before it is free, at whole minutes, in steps of 1 to 720 minutes and 1 to 100 %."""
    for name, at in (("startsAt", ladder.starts_at), ("freeAt", ladder.free_at)):
        if at.second or at.microsecond or at.tzinfo is not None:
            raise BadInput(f"{name} is {at.isoformat()}; allowed: a whole minute of the shop's day, like 19:00")
    if ladder.starts_at >= ladder.free_at:
        raise BadInput(f"freeAt is {ladder.free_at:%H:%M}; allowed: later than startsAt, {ladder.starts_at:%H:%M}")
    if not 1 <= ladder.step_minutes <= 720:
        raise BadInput(f"stepMinutes is {ladder.step_minutes}; allowed: 1 to 720")
    if not 1 <= ladder.step_percent <= 100:
        raise BadInput(f"stepPercent is {ladder.step_percent}; allowed: 1 to 100")


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
