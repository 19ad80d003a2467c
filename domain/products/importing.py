"""A catalogue file as a stream of products: its encoding, its rows, and which rows belong together.

Memory holds one product at a time, plus some 80 bytes for each handle and SKU code met so far, to notice the second
mention of either.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from domain.foundation.errors import BadInput
from domain.products import rules
from domain.products.cells import Mistake, unharmed
from domain.products.layouts import columns_of
from domain.products.listings import Entry, Row, Spoilt, entry_of, handle_of

_MOST_ROWS = rules.MOST_SKUS + rules.MOST_IMAGES
_AS_CSV = 'cells as CSV has them: "in quotes", and each quote within as ""'
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class CatalogueFile:
    """An open file, iterated once. Raises BadInput at once when it is no catalogue: by its encoding or its header."""

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self.encoding = encoding_of(path)
        self._bytes = path.open("rb")
        try:
            text = io.TextIOWrapper(self._bytes, self.encoding, newline="")
            self._reader = csv.reader(text, strict=True)
            self.columns = columns_of(self._header())
        except BaseException:
            self._bytes.close()
            raise
        self._width = len(self.columns.header)
        self._handles: set[int] = set()
        self._codes: set[int] = set()
        self._sold_beyond_stock = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bytes.close()

    @property
    def position(self) -> int:
        """How many of its `size` bytes have been read."""
        return self._bytes.tell()

    def notices(self) -> list[str]:
        """What the merchant should know although it is no mistake; complete once all products have been read."""
        notices = []
        if self.encoding == "gb18030":
            notices.append("the file is not UTF-8; it was read as GB18030: look at a Chinese title before you trust it")
        if left_out := self.columns.left_out:
            notices.append(
                f"columns that have no place here and were left out ({len(left_out)}): {', '.join(left_out)[:300]}"
            )
        if self._sold_beyond_stock:
            notices.append(
                f"{self._sold_beyond_stock} SKUs are set to sell on when out of stock; here every SKU stops at none"
            )
        return notices

    def __iter__(self) -> Iterator[Entry | Spoilt]:
        handle = ""
        rows: list[Row] = []
        mistakes: list[Mistake] = []
        for row, mistake in self._records():
            its_handle = self._handle(row) or handle
            if rows and its_handle != handle:
                yield self._product(handle, rows, mistakes)
                rows, mistakes = [], []
            handle = its_handle
            if len(rows) < _MOST_ROWS:
                rows.append(row)
            elif not mistakes:
                value, allowed = f"row {_MOST_ROWS + 1} of {handle!r}", f"{_MOST_ROWS} rows in a product"
                mistake = Mistake(row.line, "", value, allowed)
            if mistake:
                mistakes.append(mistake)
        if rows:
            yield self._product(handle, rows, mistakes)

    def _header(self) -> list[str]:
        try:
            return next(self._reader, [])
        except csv.Error as error:
            raise BadInput(f"line 1 is no header of a CSV file: {error}") from None

    def _records(self) -> Iterator[tuple[Row, Mistake | None]]:
        """Rows as wide as the header, without the empty ones; one that is no CSV comes empty, with a mistake."""
        while True:
            line = self._reader.line_num + 1
            mistake = None
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                # it may have been a row of the product above it, so it is that product's mistake
                cells, mistake = [], Mistake(line, "", str(error), _AS_CSV)
            if len(cells) > self._width:
                allowed = f"{self._width}, as in the header; a comma within a cell needs quotes around the cell"
                mistake = Mistake(line, "", f"{len(cells)} cells", allowed)
            cells += [""] * (self._width - len(cells))
            if mistake or any(cells):
                yield Row(line, cells), mistake

    def _handle(self, row: Row) -> str:
        """Whose row it is; "" for a row that only goes on with the product above it."""
        at = self.columns.index.get("handle")
        handle = "" if at is None else unharmed(row.cells[at].strip()).lower()
        return handle or handle_of(unharmed(row.cells[self.columns.index["title"]].strip()))

    def _product(self, handle: str, rows: list[Row], mistakes: list[Mistake]) -> Entry | Spoilt:
        line = rows[0].line
        if handle and _is_second(handle, self._handles):
            allowed = "each product once, all of its rows together"
            mistakes = [*mistakes, Mistake(line, self.columns.name("handle"), handle[:80], allowed)]
        if mistakes:
            return Spoilt(line, handle, tuple(mistakes))
        found = entry_of(self.columns, handle, rows)
        if isinstance(found, Spoilt):
            return found
        for variant, at in zip(found.listing.variants, found.lines, strict=True):
            if variant.code and _is_second(variant.code, self._codes):
                mistakes.append(
                    Mistake(at, self.columns.name("code"), variant.code[:80], "each SKU code once in the file")
                )
        self._sold_beyond_stock += found.sells_beyond_stock
        return Spoilt(line, handle, tuple(mistakes)) if mistakes else found


def encoding_of(path: Path) -> str:
    """`utf-8-sig` (with or without the mark) or, where the bytes are not UTF-8, `gb18030`. Reads the whole file once.

    Raises BadInput when they are neither.
    """
    with path.open("rb") as file:
        if file.read(2) in _UTF_16:
            raise BadInput("the file is UTF-16; save it as CSV UTF-8")
    if _is(path, "utf-8-sig"):
        return "utf-8-sig"
    if _is(path, "gb18030"):
        return "gb18030"
    raise BadInput("the file is neither UTF-8 nor GB18030; save it as CSV UTF-8")


def _is(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_second(text: str, seen: set[int]) -> bool:
    # 64 bits stand for a text: among a million, two meet by chance once in 37 million files
    mark = hash(text)
    if mark in seen:
        return True
    seen.add(mark)
    return False
