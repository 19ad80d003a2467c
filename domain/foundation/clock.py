"""The only place that asks the machine for the time, and the shop's calendar.

Everywhere else `now` is a value handed in: taken once per request, message or tick.
"""

from calendar import monthrange
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


def months_later(moment: datetime, months: int) -> datetime:
    """So many months (0 or more) later by the shop's calendar, at the same time of day, in UTC.

    Where that month has no such day, its last one: count from the beginning, and the 31st comes back in the next long month.
    """
    local = moment.astimezone(SHOP_ZONE)
    years, month = divmod(local.month - 1 + months, 12)
    year, month = local.year + years, month + 1
    day = min(local.day, monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(UTC)
