"""Rows of a CSV file (RFC 4180) that a spreadsheet opens as they are: no cell is run as a formula. Pure."""

import csv
import unicodedata
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from io import StringIO
from uuid import UUID

from domain.foundation.clock import SHOP_ZONE
from domain.foundation.money import Money

MARK = "\ufeff".encode()
"""Stands before the first row: without it Excel takes the file for one in the machine's old encoding."""
CHUNK_BYTES = 64 * 1024

Cell = str | int | Money | datetime | date | UUID | None

# A spreadsheet runs a text that begins like this, also in Chinese full width; an apostrophe in front keeps it a text
# (OWASP, "CSV Injection"). Numbers are no texts: -19.90 stays one that can be added up.
_RUNNABLE = frozenset("=+-@\t\r\n＝＋－＠")
# Spreadsheets drop what nobody sees (blanks of any width, marks of byte order and of direction, controls) before they look.
_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})


def heading(names: Sequence[tuple[str, str]]) -> bytes:
    """The first row, after the mark: each column's name in Chinese and English."""
    return MARK + cells([f"{zh} {en}" for zh, en in names])


def cells(row: Sequence[Cell]) -> bytes:
    """One row in UTF-8, its end included.

    Money is a number of yuan with two decimals, a moment is the shop's time (Asia/Shanghai) to the second, None is
    empty. A text that a spreadsheet would run gets an apostrophe in front.
    """
    line = StringIO()
    csv.writer(line).writerow([_shown(cell) for cell in row])
    return line.getvalue().encode()


async def in_chunks(rows: AsyncIterator[bytes], *, chunk_bytes: int = CHUNK_BYTES) -> AsyncIterator[bytes]:
    """The same bytes in fewer pieces, each of at least `chunk_bytes` but for the last; no more than one is kept."""
    chunk = bytearray()
    async for row in rows:
        chunk += row
        if len(chunk) >= chunk_bytes:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)


def _shown(cell: Cell) -> str | int:
    match cell:
        case None:
            return ""
        case Money():
            return cell.amount
        case datetime():
            return f"{cell.astimezone(SHOP_ZONE):%Y-%m-%d %H:%M:%S}"
        case str():
            return f"'{cell}" if _runs(cell) else str(cell)
        case int():
            return cell
        case _:
            return str(cell)


def _runs(text: str) -> bool:
    """Whether the first letter that a spreadsheet looks at makes it run the text."""
    for letter in text:
        if letter in _RUNNABLE:
            return True
        if unicodedata.category(letter) not in _UNSEEN:
            return False
    return False
