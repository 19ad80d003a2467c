"""What the rows of a product say, and what is wrong in them."""

from pathlib import Path

import pytest

from domain.products.listings import Entry, Spoilt
from domain.products.rules import Image, State, Variant
from tests.products.files import COLUMNS, read, rows

MORE = {
    "Title": "",
    "Option1 Name": "",
    "Published": "",
    "Option1 Value": "100克",
    "Variant SKU": "TEA-100",
    "Image Src": "",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.csv"


def entry(file: Path, *changes: dict[str, str]) -> Entry:
    """The only product of a file, which is good."""
    (found,) = read(file, rows(*changes))
    assert isinstance(found, Entry), found
    return found


def mistake(file: Path, *changes: dict[str, str]) -> tuple[int, str, str]:
    """The line, column and value of the only mistake of a file's only product."""
    (found,) = read(file, rows(*changes))
    assert isinstance(found, Spoilt), found
    (only,) = found.mistakes
    return only.line, only.column, only.value


def test_a_row_is_a_product_with_a_sku_and_an_image(file: Path) -> None:
    found = entry(file, {})

    assert found.listing.handle == "tea"
    assert found.listing.option_names == ("规格",)
    assert found.listing.variants == (Variant(("50克",), 1990, "TEA-50"),)
    assert found.listing.images == (Image("https://images.example.com/tea.jpg"),)
    assert found.units == (5,)


def test_the_first_row_speaks_for_the_product_and_each_row_for_its_sku(file: Path) -> None:
    found = entry(file, {}, MORE | {"Variant Price": "35", "Variant Inventory Qty": ""})

    assert [variant.price_minor for variant in found.listing.variants] == [1990, 3500]
    assert (found.listing.title, found.units, found.lines) == ("桂花乌龙", (5, None), (2, 3))


def test_a_row_with_an_image_only_is_no_sku(file: Path) -> None:
    picture = dict.fromkeys(COLUMNS, "") | {"Handle": "tea", "Image Src": "https://images.example.com/2.jpg"}

    found = entry(file, {}, picture)

    assert len(found.listing.variants) == 1
    assert [image.url[-5:] for image in found.listing.images] == ["a.jpg", "2.jpg"]


def test_images_stand_by_their_positions_each_address_once(file: Path) -> None:
    found = entry(
        file,
        {"Image Position": "3"},
        MORE | {"Image Src": "https://images.example.com/1.jpg", "Image Position": "1"},
        MORE | {"Option1 Value": "x", "Variant SKU": "", "Image Src": COLUMNS["Image Src"], "Image Position": "2"},
    )

    assert [image.url[-5:] for image in found.listing.images] == ["1.jpg", "a.jpg"]


def test_a_default_title_means_no_options(file: Path) -> None:
    found = entry(file, {"Option1 Name": "Title", "Option1 Value": "Default Title"})

    assert (found.listing.option_names, found.listing.variants[0].options) == ((), ())


@pytest.mark.parametrize(
    ("published", "status", "state"),
    [
        ("TRUE", "", State.PUBLISHED),
        ("true", "active", State.PUBLISHED),
        ("", "", State.PUBLISHED),
        ("False", "active", State.DRAFT),
        ("TRUE", "draft", State.DRAFT),
        ("TRUE", "Archived", State.DRAFT),
    ],
)
def test_a_product_is_published_when_both_columns_say_so(file: Path, published: str, status: str, state: State) -> None:
    assert entry(file, {"Published": published, "Status": status}).listing.state is state


@pytest.mark.parametrize(
    ("change", "part", "value"),
    [
        ({"Type": "家居>床品 >  四件套"}, "category_path", "家居 > 床品 > 四件套"),
        ({"Type": "", "Product Category": "Home & Garden > Bedding"}, "category_path", "Home & Garden > Bedding"),
        ({"Type": "床品", "Product Category": "Home & Garden"}, "category_path", "床品"),
        ({"Tags": "茶, 桂花 ,, 茶"}, "tags", ("茶", "桂花")),
        ({"Handle": "Night-Tea"}, "handle", "night-tea"),
        ({"Handle": ""}, "handle", "桂花乌龙"),
        ({"Handle": "", "Title": "Ocean Blue -- Shirt!"}, "handle", "ocean-blue-shirt"),
        ({"Title": "'=SUM(A1)"}, "title", "=SUM(A1)"),
        ({"Title": "'Tis the season"}, "title", "'Tis the season"),
        ({"Body (HTML)": "<p>a</p>\n<p>b</p>"}, "body_html", "<p>a</p>\n<p>b</p>"),
    ],
)
def test_what_a_cell_becomes(file: Path, change: dict[str, str], part: str, value: object) -> None:
    assert getattr(entry(file, change).listing, part) == value


@pytest.mark.parametrize(
    ("change", "part", "value"),
    [
        ({"Variant Price": "0"}, "price_minor", 0),
        ({"Variant Price": "19.9"}, "price_minor", 1990),
        ({"Variant Compare At Price": "25"}, "compare_at_minor", 2500),
        ({"Cost per item": "7.05"}, "cost_minor", 705),
        ({"Variant Barcode": "'6917024710072"}, "barcode", "6917024710072"),
        ({"Variant Grams": "250.5"}, "grams", 251),
        ({"Variant Grams": "0.49"}, "grams", 0),
        ({"Variant Requires Shipping": "FALSE"}, "requires_shipping", False),
        ({"Variant SKU": ""}, "code", None),
    ],
)
def test_what_a_cell_of_a_sku_becomes(file: Path, change: dict[str, str], part: str, value: object) -> None:
    assert getattr(entry(file, change).listing.variants[0], part) == value


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Variant Price", "1,299.00"),
        ("Variant Price", "¥19.90"),
        ("Variant Price", "19.901"),
        ("Variant Price", "-1"),
        ("Variant Price", "1e3"),
        ("Variant Price", ""),
        ("Variant Compare At Price", "free"),
        ("Cost per item", "-0.01"),
        ("Variant Inventory Qty", "-1"),
        ("Variant Inventory Qty", "1.5"),
        ("Variant Inventory Qty", "100000001"),
        ("Variant Grams", "a pound"),
        ("Variant Grams", "-5"),
        ("Variant Barcode", "6.91702E+12"),
        ("Variant SKU", "1.2E+5"),
        ("Published", "yes"),
        ("Status", "sold"),
        ("Variant Requires Shipping", "1"),
        ("Image Src", "ftp://images.example.com/1.jpg"),
        ("Image Src", "https://images.example.com/a b.jpg"),
        ("Image Position", "0"),
        ("Variant Image", "1.jpg"),
        ("Option1 Name", ""),
        ("Option1 Value", ""),
        ("Handle", "night market"),
        ("Handle", "night/market"),
        ("Title", ""),
    ],
)
def test_a_mistake_names_its_line_its_column_and_its_value(file: Path, column: str, value: str) -> None:
    assert mistake(file, {column: value}) == (2, column, value)


def test_a_mistake_says_what_is_allowed(file: Path) -> None:
    (found,) = read(file, rows({"Variant Price": "1,299.00"}))

    assert isinstance(found, Spoilt)
    assert str(found.mistakes[0]) == (
        "line 2, Variant Price: '1,299.00'; allowed: digits with at most two decimals and nothing else, like 1299.00"
    )


def test_a_title_is_not_too_long(file: Path) -> None:
    assert mistake(file, {"Title": "夜" * 256}) == (2, "Title", "夜" * 80)
    assert entry(file, {"Title": "夜" * 255}).listing.title == "夜" * 255


def test_a_control_character_is_a_mistake(file: Path) -> None:
    assert mistake(file, {"Vendor": "a\x00b"}) == (2, "Vendor", r"a\x00b")


def test_every_mistake_of_a_product_is_told(file: Path) -> None:
    (found,) = read(file, rows({"Variant Price": "?", "Published": "?"}, MORE | {"Variant Inventory Qty": "?"}))

    assert isinstance(found, Spoilt)
    assert [(one.line, one.column) for one in found.mistakes] == [
        (2, "Variant Price"),
        (2, "Published"),
        (3, "Variant Inventory Qty"),
    ]


def test_two_skus_of_a_product_differ_in_their_options_and_codes(file: Path) -> None:
    assert mistake(file, {}, MORE | {"Option1 Value": "50克"}) == (3, "Option1 Value", "50克")
    assert mistake(file, {}, MORE | {"Variant SKU": "TEA-50"}) == (3, "Variant SKU", "TEA-50")


def test_a_product_without_a_price_anywhere_is_a_mistake(file: Path) -> None:
    nothing = {"Variant Price": "", "Variant SKU": "", "Option1 Name": "", "Option1 Value": ""}

    assert mistake(file, nothing) == (2, "Variant Price", "")
