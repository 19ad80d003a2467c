"""What the metrics of paid membership say, each with its numerator and denominator. Days are the shop's, money is minor units.

- *Member*, at a moment: who then has a running membership of any plan but a trial, bought, given or activated, grace
  included.
- *People*, on a day: who by its end had paid for an order, of any outcome, or had been a member.
- *Spend*: totals of orders paid on a day, less what was given back on it of orders of any day. Whose it is, members' or
  others', is decided by whether the order's shopper was a member when they paid for it. Card fees are not in it.
"""

from dataclasses import dataclass
from datetime import date, datetime

from domain.foundation.errors import BadInput

RENEWED_WITHIN_DAYS = 30
"""A term that is over counts as renewed if its holder has had the next one by then."""
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class MemberFigures:
    """Sums of the days `first` to `last`, both of them included, and the metrics made of them; as of `as_of`.

    `members`, `people`: at the end of the last day, `members_before` at the end of the day before the first. `member_days`,
    `other_days`: members, and people who were none, added up over the days' ends.
    """

    first: date
    last: date
    as_of: datetime
    days: int
    members: int
    members_before: int
    people: int
    new_members: int
    terms_due: int
    terms_renewed: int
    member_days: int
    other_days: int
    member_orders: int
    other_orders: int
    member_spend_minor: int
    other_spend_minor: int

    @property
    def penetration(self) -> float | None:
        """渗透率: members in people, at the end of the last day. None without people."""
        return _ratio(self.members, self.people)

    @property
    def conversion(self) -> float | None:
        """转化率: who became a member for the first time in the period, in people at its end who were no members before it.

        None where there are none of these.
        """
        return _ratio(self.new_members, self.people - self.members_before)

    @property
    def renewal_rate(self) -> float | None:
        """续费率: of terms that were over in the period, neither trials nor ended early, those whose holder has
        had a next one, made before or within 30 days after the end. None without such terms.
        """
        return _ratio(self.terms_renewed, self.terms_due)

    @property
    def revenue_per_member_minor(self) -> int | None:
        """单客产值: members' spend in the period / members on average, over the ends of its days; rounded down.

        None without members.
        """
        return self.member_spend_minor * self.days // self.member_days if self.member_days else None

    @property
    def revenue_per_other_minor(self) -> int | None:
        """The same of people who were no members."""
        return self.other_spend_minor * self.days // self.other_days if self.other_days else None

    @property
    def spend_multiple(self) -> float | None:
        """消费倍数: a member's spend a day, on average, in that of somebody who is none. None unless the others spent something."""
        if not self.member_days or self.other_spend_minor <= 0:
            return None
        return (self.member_spend_minor * self.other_days) / (self.other_spend_minor * self.member_days)


def check_days(first: date, last: date) -> None:
    """Raises BadInput unless it is a stretch of 1 to 366 days."""
    if not 1 <= (last - first).days + 1 <= LONGEST_DAYS:
        raise BadInput(f"from {first} to {last}: allowed are 1 to {LONGEST_DAYS} days, from before to")


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None
