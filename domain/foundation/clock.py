"""The only place that asks the machine for the time, and the shop's calendar.

Everywhere else `now` is a value handed in: taken once per request, message or tick.
"""

from datetime import UTC, date, datetime, time
from time import monotonic_ns
from zoneinfo import ZoneInfo

SHOP_ZONE = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def steady_us() -> int:
    """Microseconds on a clock that nobody sets: only the difference of two readings in one process says anything."""
    return monotonic_ns() // 1000


def shop_day(moment: datetime) -> date:
    """The calendar day at the shop, where the new day begins at 16:00 UTC."""
    return moment.astimezone(SHOP_ZONE).date()


def shop_midnight(day: date) -> datetime:
    """The moment at which this day begins at the shop, in UTC."""
    return datetime.combine(day, time.min, SHOP_ZONE).astimezone(UTC)
