"""What is to be rehearsed: how many come, for how much, and in which numbers people behave. Pure figures."""

from dataclasses import dataclass, replace
from random import Random

WISHES = {1: 0.3, 2: 0.4, 3: 0.3}
"""How many items a shopper asks for, one after the other, before going home: the share of each number."""
USUAL_SIGN_INS_PER_SECOND = 500.0
"""What two ordinary cores manage, market and crowd together."""
SLOWEST_PACE = 5.0
EARLY_SHARE = 0.15
LONGEST_EARLY_SECONDS = 2.0

# How a payment's notices travel to the market, see simulators.couriers: (share, behaviour, longest delay in ms).
NOTICES = ((0.80, "once", 0), (0.10, "twice", 0), (0.07, "late", 1_500), (0.03, "reordered", 1_000))


@dataclass(frozen=True)
class Plan:
    """A rehearsal. `seed` decides who does what; when they do it is up to the machine."""

    shoppers: int = 2_000
    units: int = 300
    seed: int = 0
    skus: int = 5
    pay_seconds: int = 8
    never_pay: float = 0.08
    connections: int = 200
    pace: float = 1.0
    """Above 1 everything people do takes so many times as long: for a machine that is slow, or busy with others."""

    def paced(self, sign_ins_per_second: float) -> "Plan":
        """The plan for a machine that was seen to manage so many sign-ins a second."""
        pace = min(max(USUAL_SIGN_INS_PER_SECOND / sign_ins_per_second, 1.0), SLOWEST_PACE)
        return replace(self, pace=pace, pay_seconds=round(self.pay_seconds * pace))

    def share_out(self, items: int) -> list[int]:
        """The units of each of so many items, as even as whole units can be."""
        share, rest = divmod(self.units, items)
        return [share + (item < rest) for item in range(items)]


@dataclass(frozen=True)
class Shopper:
    """One person's part: when they come (seconds after the opening, negative before), what they want, how they pay.

    It takes them `reacts_seconds` to tap again: after the opening, or for another item. `wishes` are numbers of items.
    Who never pays closes the app once a unit is reserved.
    """

    number: int
    comes_after: float
    wishes: tuple[int, ...]
    reacts_seconds: float
    pays: bool
    thinks_seconds: float
    notice: str
    notice_delay_ms: int


def cast(plan: Plan, *, items: int) -> list[Shopper]:
    """Give everybody a part. The same plan gives the same parts; exactly the planned share never pays."""
    dice = Random(plan.seed)  # noqa: S311 - nothing here is secret
    never_pay = set(dice.sample(range(plan.shoppers), round(plan.shoppers * plan.never_pay)))
    shoppers = []
    for number in range(plan.shoppers):
        ((_, notice, longest_delay_ms),) = dice.choices(NOTICES, [share for share, _, _ in NOTICES])
        shopper = Shopper(
            number=number,
            comes_after=_arrival(dice) * plan.pace,
            wishes=_wishes(dice, items),
            reacts_seconds=dice.gammavariate(2, 0.25) * plan.pace,
            pays=number not in never_pay,
            thinks_seconds=min(0.5 + dice.gammavariate(2, 0.8), plan.pay_seconds / 2),
            notice=notice,
            notice_delay_ms=dice.randint(0, longest_delay_ms),
        )
        shoppers.append(shopper)
    return shoppers


def _arrival(dice: Random) -> float:
    """Some wait before the doors; of the rest most come in the first two seconds, and nearly all within five."""
    if dice.random() < EARLY_SHARE:
        return -dice.uniform(0.1, LONGEST_EARLY_SECONDS)
    return dice.gammavariate(2, 0.8)


def _wishes(dice: Random, items: int) -> tuple[int, ...]:
    """Different items; the first of the sale is wanted most, the n-th as much as one n-th of that."""
    left = list(range(items))
    (wishes,) = dice.choices(list(WISHES), list(WISHES.values()))
    return tuple(_take(dice, left) for _ in range(min(wishes, items)))


def _take(dice: Random, left: list[int]) -> int:
    (item,) = dice.choices(left, [1 / (item + 1) for item in left])
    left.remove(item)
    return item
