"""How fees are earned: each day of the shop's calendar, once it is over, brings its part of every term that ran on it.

A day's part of a term is a difference of two floors, so that the parts add up to what was paid. No term is written to: what
was earned of it follows from the last day that is booked.
"""

from datetime import date, datetime, timedelta

from sqlalchemy import func, insert, select, text

from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.locks import MEMBERSHIP_BOOKS
from domain.ledger import store as ledger
from domain.memberships import postings
from domain.memberships.tables import earnings, terms

# What `rules.Term.earned_minor` says of the day, less what it says of the day before.
_EARNED = text("""
    SELECT count(*) AS terms,
           coalesce(sum(paid_minor * (CAST(:day AS date) - first_day + 1) / (last_day - first_day + 1)
                        - paid_minor * (CAST(:day AS date) - first_day) / (last_day - first_day + 1)), 0) AS minor
    FROM membership_terms
    WHERE closed_at IS NULL AND paid_minor > 0 AND last_day >= :day AND first_day <= :day
""")


async def earn_next_day(db: Database, *, now: datetime) -> date | None:
    """Book the first day that is over and not booked yet, in one entry; that day, None when there is none.

    Safe twice and side by side: days are booked one at a time and in order, each once.
    """
    async with db.transaction() as tx:
        await tx.value(select(func.pg_advisory_xact_lock(MEMBERSHIP_BOOKS)))
        booked: date | None = await tx.value(select(func.max(earnings.c.day)))
        first: date | None = await tx.value(select(func.min(terms.c.first_day))) if booked is None else None
        day = booked + timedelta(days=1) if booked else first
        if day is None or day >= shop_day(now):
            return None
        row = await tx.one(_EARNED, {"day": day})
        assert row is not None
        earned = {"id": new_id(), "day": day, "terms": row.terms, "earned_minor": int(row.minor), "recognised_at": now}
        await tx.execute(insert(earnings).values(earned))
        if row.minor:
            at = shop_midnight(day + timedelta(days=1))
            await ledger.post(tx, [postings.earned(earned["id"], int(row.minor), at)], now=now)
    return day
