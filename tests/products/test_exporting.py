"""What is written into a catalogue file is read back as it was."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.products.cells import harmless, unharmed
from domain.products.exporting import header, rows_of
from domain.products.importing import CatalogueFile
from domain.products.layouts import Layout
from domain.products.listings import Entry
from domain.products.rules import Image, Listing, State, Variant

RUNNABLE = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "＋1", "－1", "＠a", "'=1", "''", "'", "'a", "\t=1"]

_letters = st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"])
_lines = st.one_of(
    st.text(st.one_of(_letters, st.just(" ")), min_size=1, max_size=20).map(str.strip).filter(bool),
    st.sampled_from([text for text in RUNNABLE if "\t" not in text]),
)
_bodies = st.text(st.one_of(_letters, st.sampled_from(' \n\t\r",')), max_size=60).map(str.strip)
_tags = st.lists(_lines.map(lambda tag: tag.replace(",", " ").strip()).filter(bool), unique=True, max_size=4)
_prices = st.integers(0, 10**9)
_codes = st.text("ABC-123", min_size=1, max_size=12)
_urls = st.from_regex(r"https://[a-z]{1,5}\.example/[a-z0-9,\"]{0,8}", fullmatch=True)


@st.composite
def listings(draw: st.DrawFn) -> tuple[Listing, list[int]]:
    """A listing that the shop may keep, and the units of its SKUs."""
    names = draw(st.lists(_lines, unique=True, max_size=3).filter(lambda names: names != ["Title"]))
    combinations = draw(
        st.lists(st.tuples(*(_lines for _ in names)), unique=True, min_size=1, max_size=4 if names else 1)
    )
    codes = draw(st.lists(st.one_of(st.none(), _codes), min_size=len(combinations), max_size=len(combinations)))
    variants = [
        Variant(
            options,
            draw(_prices),
            None if code in codes[:at] else code,
            draw(st.none() | _prices),
            draw(st.none() | _prices),
            draw(st.none() | st.text("0123456789", min_size=1, max_size=13)),
            draw(st.integers(0, 10**6)),
            draw(st.booleans()),
            draw(st.none() | _urls),
        )
        for at, (options, code) in enumerate(zip(combinations, codes, strict=True))
    ]
    listing = Listing(
        draw(st.from_regex(r"[a-z0-9\u4e00-\u4e10-]{1,20}", fullmatch=True)),
        draw(_lines),
        tuple(variants),
        draw(_bodies),
        draw(st.just("") | _lines),
        draw(st.sampled_from(["", "家居", "家居 > 床品"])),
        tuple(draw(_tags)),
        tuple(names),
        draw(st.sampled_from(State)),
        tuple(Image(url, draw(st.just("") | _lines)) for url in draw(st.lists(_urls, unique=True, max_size=4))),
    )
    return listing, draw(st.lists(st.integers(0, 10**6), min_size=len(variants), max_size=len(variants)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exporting") / "catalogue.csv"


@pytest.mark.parametrize("layout", Layout)
@for_all(given=listings())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_any_listing_is_read_back_as_it_was(file: Path, layout: Layout, given: tuple[Listing, list[int]]) -> None:
    listing, units = given
    with file.open("w", encoding="utf-8-sig", newline="") as text:
        csv.writer(text).writerows([header(layout), *rows_of(listing, units)])

    with CatalogueFile(file) as opened:
        (found,) = opened

    assert isinstance(found, Entry), found.mistakes
    assert (found.listing, list(found.units)) == (listing, units)


@pytest.mark.parametrize("text", RUNNABLE)
def test_a_spreadsheet_takes_what_it_would_run_for_text(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert unharmed(harmless(text)) == text


@for_all(st.text())
def test_the_guard_is_taken_off_exactly(text: str) -> None:
    assert unharmed(harmless(text)) == text


def test_a_listing_has_a_row_for_each_sku_and_each_image_beyond() -> None:
    variants = tuple(Variant((size,), 1990) for size in "SM")
    images = tuple(Image(f"https://images.example.com/{number}.jpg") for number in range(3))
    listing = Listing("shirt", "Shirt", variants, option_names=("size",), images=images)

    rows = [dict(zip(header(Layout.OLD), row, strict=True)) for row in rows_of(listing, [4, 0])]

    assert [row["Handle"] for row in rows] == ["shirt", "shirt", "shirt"]
    assert [row["Title"] for row in rows] == ["Shirt", "", ""]
    assert [row["Option1 Value"] for row in rows] == ["S", "M", ""]
    assert [row["Variant Inventory Qty"] for row in rows] == ["4", "0", ""]
    assert [row["Image Position"] for row in rows] == ["1", "2", "3"]
