"""How a catalogue file is read: its encoding, its header, its lines."""

from pathlib import Path

import pytest

from benchmarks.catalogue import write_catalogue
from domain.foundation.errors import BadInput
from domain.products.exporting import header
from domain.products.importing import CatalogueFile
from domain.products.layouts import NAMES, Layout
from domain.products.listings import Entry, Spoilt
from tests.products.files import COLUMNS, SAMPLE, read, real, rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.csv"


def told(found: list[Entry | Spoilt]) -> list[str]:
    """The handles of good products, and the mistakes of bad ones as line and column."""
    said = []
    for one in found:
        if isinstance(one, Entry):
            said.append(one.listing.handle)
        else:
            said += [f"{mistake.line} {mistake.column}" for mistake in one.mistakes]
    return said


@pytest.mark.parametrize(
    ("name", "products", "skus"), [("yanxuan", 239, 244), ("apparel", 20, 22), ("home-and-garden", 20, 21)]
)
def test_the_files_of_real_shops_are_read_without_a_mistake(name: str, products: int, skus: int) -> None:
    with CatalogueFile(real(f"{name}.csv")) as file:
        found = list(file)

    assert all(isinstance(one, Entry) for one in found)
    assert (len(found), sum(len(one.lines) for one in found if isinstance(one, Entry))) == (products, skus)


def test_our_own_sample_is_read_without_a_mistake() -> None:
    with CatalogueFile(SAMPLE) as file:
        found = list(file)

    assert all(isinstance(one, Entry) for one in found)
    assert (len(found), sum(len(one.lines) for one in found if isinstance(one, Entry))) == (48, 132)


def test_a_synthetic_catalogue_is_read_without_a_mistake(file: Path) -> None:
    write_catalogue(file, skus=2_000)

    with CatalogueFile(file) as opened:
        found = list(opened)

    assert sum(len(one.lines) for one in found if isinstance(one, Entry)) == 2_000


def test_both_layouts_say_the_same(file: Path) -> None:
    cells = dict.fromkeys(NAMES, "") | {
        "title": "桂花乌龙", "handle": "tea", "price": "19.90", "units": "5", "code": "TEA-50", "published": "FALSE",
        "option1_name": "规格", "option1_value": "50克", "type": "茶饮", "compare_at": "25", "cost": "7", "grams": "50",
        "image_url": "https://images.example.com/tea.jpg", "image_alt": "茶", "body_html": "<p>茶</p>",
    }  # fmt: skip
    old, new = (
        read(file, rows({}, columns=dict(zip(header(layout), cells.values(), strict=True)))) for layout in Layout
    )

    assert old == new
    assert told(old) == ["tea"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_is_read_in_its_encoding(file: Path, encoding: str) -> None:
    (found,) = read(file, rows({}).encode(encoding))

    assert isinstance(found, Entry)
    assert found.listing.title == "桂花乌龙"


def test_an_encoding_that_was_guessed_is_told(file: Path) -> None:
    file.write_bytes(rows({}).encode("gb18030"))

    with CatalogueFile(file) as opened:
        list(opened)
        (notice,) = opened.notices()

    assert notice.startswith("the file is not UTF-8; it was read as GB18030")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "line 1: no column 'Title'"),
        (
            b"Handle,Title,Variant SKU\n",
            "line 1: no column 'Variant Price' or 'Price'; found: Handle, Title, Variant SKU",
        ),
        (b"Handle;Title;Variant Price\n", "cells are separated by commas"),
        (b"Title,title,Price\n", "column 'title' says what 'Title' says"),
        (b"Handle,URL handle,Title,Price\n", "column 'URL handle' says what 'Handle' says"),
        ("Title,Price\n茶,1\n".encode("utf-16"), "the file is UTF-16; save it as CSV UTF-8"),
        (b"Title,Price\nCaf\xe9,1\n", "neither UTF-8 nor GB18030"),
        (b'"Title,Price\n', "line 1 is no header of a CSV file"),
    ],
)
def test_a_file_of_another_kind_is_refused_at_once(file: Path, content: bytes, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        read(file, content)

    assert told in str(refused.value)


def test_columns_without_a_place_are_told_once(file: Path) -> None:
    file.write_text(rows({"Gift Card": "false", "SEO Title": "x"}))

    with CatalogueFile(file) as opened:
        list(opened)
        assert opened.notices() == ["columns that have no place here and were left out (2): Gift Card, SEO Title"]


def test_skus_that_sell_on_without_stock_are_told(file: Path) -> None:
    file.write_text(rows({"Variant Inventory Policy": "continue"}))

    with CatalogueFile(file) as opened:
        list(opened)
        assert opened.notices() == ["1 SKUs are set to sell on when out of stock; here every SKU stops at none"]


def test_a_bad_product_does_not_touch_its_neighbours(file: Path) -> None:
    bad = {"Handle": "bad", "Variant SKU": "", "Variant Price": "?"}

    assert told(read(file, rows({}, bad, {"Handle": "good", "Variant SKU": ""}))) == ["tea", "3 Variant Price", "good"]


def test_lines_are_counted_as_an_editor_counts_them(file: Path) -> None:
    body = {"Body (HTML)": "one\ntwo\nthree"}
    bad = {"Handle": "bad", "Variant SKU": "", "Variant Price": "?"}

    assert told(read(file, rows(body, bad))) == ["tea", "5 Variant Price"]


def test_empty_lines_are_passed_over(file: Path) -> None:
    names, row = rows({}).splitlines()

    assert told(read(file, f"{names}\n\n{row}\n,,,\n\n")) == ["tea"]


def test_cells_missing_at_the_end_of_a_line_are_empty(file: Path) -> None:
    assert told(read(file, "Title,Price,Vendor,Tags\n茶,1\n")) == ["茶"]


def test_a_row_with_neither_handle_nor_title_goes_on_with_the_product_above(file: Path) -> None:
    (found,) = read(file, "Title,Price,Option1 name,Option1 value\n茶,1,规格,大\n,2,,小\n")

    assert isinstance(found, Entry)
    assert [variant.options for variant in found.listing.variants] == [("大",), ("小",)]


def test_too_many_cells_are_a_mistake_of_the_whole_line(file: Path) -> None:
    content = "Title,Price\n茶,1\n酒,1,299.00\n瓜,1\n"

    (_, spoilt, _) = found = read(file, content)

    assert told(found) == ["茶", "3 ", "瓜"]
    assert isinstance(spoilt, Spoilt)
    assert str(spoilt.mistakes[0]) == (
        "line 3: '3 cells'; allowed: 2, as in the header; a comma within a cell needs quotes around the cell"
    )


def test_a_broken_quote_spoils_the_product_it_may_belong_to_and_no_other(file: Path) -> None:
    content = 'Title,Price\n茶,1\n酒,2\n"瓜"子,3\n面,4\n'

    assert told(read(file, content)) == ["茶", "4 ", "面"]


def test_a_quote_that_never_ends_is_a_mistake(file: Path) -> None:
    assert told(read(file, 'Title,Price\n茶,1\n"酒,2\n瓜,3\n')) == ["3 "]


def test_a_product_whose_rows_do_not_stand_together_is_refused(file: Path) -> None:
    other = {"Handle": "other", "Variant SKU": ""}

    assert told(read(file, rows({}, other, {}))) == ["tea", "other", "4 Handle"]


def test_a_sku_code_is_named_once_in_a_file(file: Path) -> None:
    assert told(read(file, rows({}, {"Handle": "other"}))) == ["tea", "3 Variant SKU"]


def test_a_product_without_end_is_not_kept_in_memory(file: Path) -> None:
    endless = [{"Option1 Value": str(number), "Variant SKU": ""} for number in range(600)]

    assert told(read(file, rows(*endless, {"Handle": "good"}))) == ["502 ", "good"]


def test_the_share_that_was_read_is_known(file: Path) -> None:
    file.write_text(rows(*({"Handle": f"p{number}", "Variant SKU": ""} for number in range(1_000))))

    with CatalogueFile(file) as opened:
        before = opened.position
        list(opened)
        assert (before < opened.size / 2, opened.position) == (True, opened.size)


def test_every_column_of_the_good_row_is_known() -> None:
    assert set(COLUMNS) <= set(header(Layout.OLD))
