"""The metrics of paid membership over a stretch of days, added up from what was kept of each."""

from datetime import date

from sqlalchemy import text

from domain.foundation.database import Database
from domain.insights.member_rules import MemberFigures, check_days

_FIGURES = text("""
    WITH grown AS (
      SELECT *, sum(new_people) OVER (ORDER BY day) AS people FROM member_days WHERE day <= :last
    ), asked AS (
      SELECT * FROM grown WHERE day >= :first
    )
    SELECT max(made_at) AS as_of, count(*) AS days, (array_agg(members ORDER BY day DESC))[1] AS members,
           (SELECT coalesce(max(members), 0) FROM grown WHERE day = CAST(:first AS date) - 1) AS members_before,
           max(people) AS people, sum(new_members) AS new_members,
           sum(terms_due) AS terms_due, sum(terms_renewed) AS terms_renewed, sum(members) AS member_days,
           sum(people - members) AS other_days, sum(member_orders) AS member_orders, sum(other_orders) AS other_orders,
           sum(member_spend_minor) AS member_spend_minor, sum(other_spend_minor) AS other_spend_minor
    FROM asked HAVING count(*) > 0
""")


async def figures(db: Database, *, first: date, last: date) -> MemberFigures | None:
    """The metrics of the days from `first` to `last`, both included, of those of them that have come; None while none has.

    Raises BadInput unless there are 1 to 366 of them.
    """
    check_days(first, last)
    row = await db.one(_FIGURES, {"first": first, "last": last})
    if row is None:
        return None
    as_of, *sums = row
    return MemberFigures(first, last, as_of, *map(int, sums))
