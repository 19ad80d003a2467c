"""One cell of a catalogue file: what it may hold, and how a spreadsheet is kept from running it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.foundation.money import LARGEST_MINOR, Money
from domain.products.layouts import Columns

# A spreadsheet runs a cell that begins like this; an apostrophe in front makes it text (OWASP, "CSV Injection").
# The apostrophe is on the list so that taking one away is the exact reverse of putting one there.
_RUNNABLE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_IN_BODY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ROUNDED = re.compile(r"\d(\.\d+)?E\+\d+", re.IGNORECASE)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_WEIGHT = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)
_FLAGS = {"true": True, "false": False}


def harmless(text: str) -> str:
    """The text as a spreadsheet may open it: an apostrophe in front of what it would run."""
    return f"'{text}" if text.startswith(_RUNNABLE) else text


def unharmed(cell: str) -> str:
    """The text that `harmless` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_RUNNABLE) else cell


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a file: `line` counts from 1, the header; `column` is empty when a whole line is wrong."""

    line: int
    column: str
    value: str
    allowed: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{where}: {self.value!r}; allowed: {self.allowed}"


class Cells:
    """The cells of one row. A cell that is wrong is noted in `mistakes` and read as if it were empty."""

    def __init__(self, columns: Columns, line: int, cells: Sequence[str], mistakes: list[Mistake]) -> None:
        self.columns = columns
        self.line = line
        self.cells = cells
        self.mistakes = mistakes

    def raw(self, field: str) -> str:
        """The cell as it stands, without the spaces around it; "" where the file has no such column."""
        at = self.columns.index.get(field)
        return "" if at is None else self.cells[at].strip()

    def wrong(self, field: str, allowed: str, *, value: str | None = None) -> None:
        """Note that the cell is wrong."""
        shown = self.raw(field) if value is None else value
        self.mistakes.append(Mistake(self.line, self.columns.name(field), shown[:80], allowed))

    def text(self, field: str, longest: int) -> str:
        """One line of text of at most `longest` characters."""
        text = self.raw(field)
        if not text:
            return ""
        text = unharmed(text)
        if len(text) > longest:
            self.wrong(field, f"at most {longest} characters, not {len(text)}")
            return ""
        if _CONTROL.search(text):
            self.wrong(field, "one line without control characters", value=repr(text)[1:-1])
            return ""
        return text

    def needed(self, field: str, longest: int, allowed: str) -> str:
        """The same, where an empty cell is wrong too."""
        if not self.raw(field):
            self.wrong(field, allowed)
        return self.text(field, longest)

    def body(self, field: str) -> str:
        """Text of any length and lines."""
        text = unharmed(self.raw(field))
        if _CONTROL_IN_BODY.search(text):
            self.wrong(field, "text without control characters", value=repr(text)[1:-1])
            return ""
        return text

    def label(self, field: str, longest: int) -> str | None:
        """A code that machines read, or None; refused when a spreadsheet has rounded it: 6.91702E+12."""
        text = self.text(field, longest).removeprefix("'")
        if _ROUNDED.fullmatch(text):
            self.wrong(field, "the digits themselves; a spreadsheet has rounded them")
            return None
        return text or None

    def amount(self, field: str) -> int | None:
        """A price in minor units, or None."""
        text = self.raw(field)
        if not text:
            return None
        try:
            minor = Money.parse(text).minor
        except ValueError:
            minor = -1
        if not 0 <= minor <= LARGEST_MINOR:
            self.wrong(field, "digits with at most two decimals and nothing else, like 1299.00")
            return None
        return minor

    def whole(self, field: str, least: int, most: int) -> int | None:
        """A whole number, or None."""
        text = self.raw(field)
        if not text:
            return None
        number = int(text) if _WHOLE.fullmatch(text) else least - 1
        if not least <= number <= most:
            self.wrong(field, f"a whole number from {least} to {most}")
            return None
        return number

    def weight(self, field: str, most: int) -> int:
        """Grams, to the nearest; 0 when there are none."""
        text = self.raw(field)
        if not text:
            return 0
        whole, _, fraction = text.partition(".")
        if not _WEIGHT.fullmatch(text) or int(whole) >= most:
            self.wrong(field, f"grams from 0 to {most}, like 250 or 250.5")
            return 0
        return int(whole) + (fraction[:1] >= "5")

    def flag(self, field: str, *, empty: bool) -> bool:
        """TRUE or FALSE in any case; `empty` for an empty cell."""
        text = self.raw(field)
        if not text:
            return empty
        value = _FLAGS.get(text.casefold())
        if value is None:
            self.wrong(field, "TRUE or FALSE")
            return empty
        return value

    def url(self, field: str, longest: int) -> str | None:
        """A web address, or None."""
        text = self.text(field, longest)
        if text and not (text.startswith(("https://", "http://")) and " " not in text):
            self.wrong(field, "an address that begins with https:// or http://, without spaces")
            return None
        return text or None
