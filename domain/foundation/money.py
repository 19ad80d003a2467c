"""Money is whole minor units with a currency; a float never touches it."""

import re
from dataclasses import dataclass
from typing import Self

SHOP_CURRENCY = "CNY"
POINTS_CURRENCY = "PTS"
"""What points are posted in: whole points, never mixed with money, and never shown with decimals."""
LARGEST_MINOR = 10**15
"""Ten trillion yuan: far above any order, far below the 63 bits of a BIGINT, so sums cannot overflow."""

_AMOUNT = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (fen for CNY, two decimals), or of points, which have none."""

    minor: int
    currency: str = SHOP_CURRENCY

    @classmethod
    def parse(cls, amount: str, currency: str = SHOP_CURRENCY) -> Self:
        """`"19.9"` is 1990 fen. Raises ValueError when there are more than two decimals or anything but digits."""
        match = _AMOUNT.fullmatch(amount.strip())
        if not match:
            raise ValueError(f"{amount!r} is not an amount; allowed: digits with at most two decimals, like 19.90")
        sign, whole, fraction = match.groups()
        minor = int(whole) * 100 + int((fraction or "").ljust(2, "0"))
        return cls(-minor if sign else minor, currency)

    @property
    def amount(self) -> str:
        """The decimal text, always with two decimals: `"19.90"`; of points the whole number."""
        if self.currency == POINTS_CURRENCY:
            return str(self.minor)
        sign = "-" if self.minor < 0 else ""
        whole, fraction = divmod(abs(self.minor), 100)
        return f"{sign}{whole}.{fraction:02d}"
