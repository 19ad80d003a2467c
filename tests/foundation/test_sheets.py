"""Rows for a spreadsheet: nothing runs, and a number stays a number."""

import csv
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.foundation.money import Money
from domain.foundation.sheets import MARK, cells, heading, in_chunks

RUN = ("=", "+", "-", "@", "\t", "\r")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def read(row: bytes) -> list[str]:
    [cells] = csv.reader(StringIO(row.decode(), newline=""))
    return cells


@pytest.mark.parametrize("first", [*RUN, "\n", "＝", "＋", "－", "＠"])
def test_a_text_that_would_run_gets_an_apostrophe(first):
    assert read(cells([f"{first}cmd|' /C calc'!A0", "tea"])) == [f"'{first}cmd|' /C calc'!A0", "tea"]


@pytest.mark.parametrize(
    "unseen", [" ", "  ", "\u00a0", "\u3000", "\ufeff", "\u200b", "\u2060", "\u202e", "\x01", " \ufeff\u3000"]
)
@pytest.mark.parametrize("first", ["=", "+", "-", "@", "＝"])
def test_nothing_runs_behind_what_nobody_sees(unseen, first):
    text = f"{unseen}{first}1+1"

    assert read(cells(["tea", text])) == ["tea", f"'{text}"]


def test_a_text_that_only_begins_with_a_blank_stays():
    assert read(cells(["\u3000桂花 = 茶", " a+b", ""])) == ["\u3000桂花 = 茶", " a+b", ""]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Money(-1990), "-19.90"),
        (Money(0), "0.00"),
        (-3, "-3"),
        (None, ""),
        ("", ""),
        ("桂花, 酒酿", "桂花, 酒酿"),
        ('a "b"\nc', 'a "b"\nc'),
        ("-19.90", "'-19.90"),
        (datetime(2026, 11, 11, 16, 0, 1, 999, tzinfo=UTC), "2026-11-12 00:00:01"),
        (date(2026, 11, 11), "2026-11-11"),
    ],
)
def test_a_cell_is_shown_as_what_it_is(value, shown):
    assert read(cells(["first", value])) == ["first", shown]


@given(st.lists(TEXTS, min_size=2, max_size=5))
def test_no_text_runs_and_every_text_comes_back(texts):
    shown = read(cells(texts))

    assert not any(cell.startswith(RUN) for cell in shown)
    assert all(cell in (text, f"'{text}") for cell, text in zip(shown, texts, strict=True))


def test_the_heading_is_marked_and_in_both_languages():
    assert heading([("借方", "Debit"), ("贷方", "Credit")]) == MARK + "借方 Debit,贷方 Credit\r\n".encode()


async def test_chunks_hold_the_same_bytes():
    async def rows():
        for number in range(1000):
            yield cells([number, "x" * 10])

    chunks = [chunk async for chunk in in_chunks(rows(), chunk_bytes=1000)]

    assert b"".join(chunks) == b"".join([row async for row in rows()])
    assert all(1000 <= len(chunk) < 1020 for chunk in chunks[:-1])
