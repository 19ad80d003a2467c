"""What an audit says, line by line, and when the books are clean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_SHOWN = 20
"""Differing subjects named by one check; beyond, only their number is told."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing looked at: what it should be and what it is. `ok` None is information, neither right nor wrong."""

    check: str
    subject: str
    expected: str
    found: str
    ok: bool | None
    zh: str = ""


def is_clean(lines: Iterable[Line]) -> bool:
    """Whether nothing differs."""
    return all(line.ok is not False for line in lines)


def verdict(check: str, zh: str, *, subject: str, named: Sequence[Line], differing: int) -> list[Line]:
    """What a check says: one line about all it looked at, then the first of the subjects that differ."""
    total = Line(check, subject, "0 differ", f"{differing:,} differ", differing == 0, zh)
    return [total, *named[:MOST_SHOWN]]


def counted(counts: Iterable[tuple[str, int]]) -> str:
    """Counts in words: `[("orders", 300), ("¥", 597000)]` is "300 orders, ¥5,970.00"; ¥ counts fen."""
    return ", ".join(yuan(count) if what == "¥" else f"{count:,} {_singular(what, count)}" for what, count in counts)


def yuan(minor: int) -> str:
    """`¥1,234.50` for 123450 fen, from whole numbers only."""
    whole, fen = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}¥{whole:,}.{fen:02d}"


def _singular(what: str, count: int) -> str:
    return what.removesuffix("s") if count == 1 else what
