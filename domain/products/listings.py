"""From the rows of one product in a catalogue file to its listing. Pure: no file, no database.

The first row speaks for the product; a row with a price, a SKU code or an option value is a SKU; a row with an image's
address adds the image.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from domain.products import rules
from domain.products.cells import Cells, Mistake
from domain.products.layouts import Columns
from domain.products.rules import Image, Listing, State, Variant

_HANDLE = re.compile(rf"[\w-]{{1,{rules.LONGEST_NAME}}}")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_STATES = {"": State.PUBLISHED, "active": State.PUBLISHED, "draft": State.DRAFT, "archived": State.DRAFT}
_SHOWS_A_SKU = ("price", "code", "option1_value", "option2_value", "option3_value")


class Row(NamedTuple):
    """A row of the file and the line it begins on."""

    line: int
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A product out of a file. `units` and `lines` go with its variants; units are None where the file is silent."""

    line: int
    listing: Listing
    units: tuple[int | None, ...]
    lines: tuple[int, ...]
    sells_beyond_stock: int = 0
    """SKUs that the file wants to go on selling when there are none left, which this market never does."""


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A product that the file describes wrongly, and everything that is wrong with it."""

    line: int
    handle: str
    mistakes: tuple[Mistake, ...]


def handle_of(title: str) -> str:
    """The handle of a product that was given none: the words of its title, joined by dashes."""
    return _BETWEEN_WORDS.sub("-", title.casefold()).strip("-")[: rules.LONGEST_NAME]


def entry_of(columns: Columns, handle: str, rows: Sequence[Row]) -> Entry | Spoilt:
    """What the rows of one product say; Spoilt when anything is wrong in them."""
    found: list[Mistake] = []
    row_cells = [Cells(columns, row.line, row.cells, found) for row in rows]
    first = row_cells[0]
    in_first_row = "a title in the first row of a product, whose rows stand together"
    title = first.needed("title", rules.LONGEST_NAME, in_first_row)
    if not _HANDLE.fullmatch(handle):
        first.wrong("handle", f"1 to {rules.LONGEST_NAME} letters, digits, - or _", value=handle)

    sku_rows = [cells for cells in row_cells if any(map(cells.raw, _SHOWS_A_SKU))]
    option_fields, option_names = _option_names(row_cells, sku_rows)
    variants = [_variant(cells, option_fields) for cells in sku_rows]
    if not variants:
        first.wrong("price", "a price in at least one row of the product")
    if len(variants) > rules.MOST_SKUS:
        first.wrong("handle", f"at most {rules.MOST_SKUS} SKUs in a product, not {len(variants)}", value=handle)
    _each_once(sku_rows, variants)
    units = tuple(cells.whole("units", 0, rules.MOST_UNITS) for cells in sku_rows)
    images, tags, category, state = _images(row_cells), _tags(first), _category(first), _state(first)
    vendor, body = first.text("vendor", rules.LONGEST_NAME), first.body("body_html")
    if found:
        return Spoilt(first.line, handle, tuple(sorted(found, key=lambda mistake: mistake.line)))
    listing = Listing(handle, title, tuple(variants), body, vendor, category, tags, option_names, state, images)
    beyond = sum(cells.raw("policy").casefold() in {"continue", "true"} for cells in sku_rows)
    return Entry(first.line, listing, units, tuple(cells.line for cells in sku_rows), beyond)


def _option_names(rows: Sequence[Cells], sku_rows: Sequence[Cells]) -> tuple[list[str], tuple[str, ...]]:
    """The columns that hold option values, and the names of these options."""
    first = rows[0]
    names: dict[str, str] = {}
    for number in range(1, rules.MOST_OPTIONS + 1):
        field, value_field = f"option{number}_name", f"option{number}_value"
        name = first.text(field, rules.LONGEST_NAME)
        if name in names.values():
            first.wrong(field, "another name than the options before it")
        if name:
            names[value_field] = name
        for cells in sku_rows:
            if cells.raw(value_field) and not name:
                cells.wrong(
                    field,
                    f"the option's name, in the product's first row, as there is a value {cells.raw(value_field)!r}",
                )
                break
    # Shopify's way to say that there are no options
    if list(names.values()) == ["Title"] and all(c.raw("option1_value") == "Default Title" for c in sku_rows):
        names = {}
    return list(names), tuple(names.values())


def _variant(cells: Cells, option_fields: Sequence[str]) -> Variant:
    each = "a value for each option of the product"
    options = tuple(cells.needed(field, rules.LONGEST_NAME, each) for field in option_fields)
    price = cells.amount("price")
    if price is None and not cells.raw("price"):
        cells.wrong("price", "a price for each SKU")
    return Variant(
        options,
        price or 0,
        cells.label("code", rules.LONGEST_NAME),
        cells.amount("compare_at"),
        cells.amount("cost"),
        cells.label("barcode", rules.LONGEST_BARCODE),
        cells.weight("grams", rules.HEAVIEST_GRAMS),
        cells.flag("requires_shipping", empty=True),
        cells.url("variant_image", rules.LONGEST_URL),
    )


def _each_once(rows: Sequence[Cells], variants: Sequence[Variant]) -> None:
    codes: dict[str, int] = {}
    options: dict[tuple[str, ...], int] = {}
    for cells, variant in zip(rows, variants, strict=True):
        if variant.code and codes.setdefault(variant.code, cells.line) != cells.line:
            cells.wrong("code", f"each code once; line {codes[variant.code]} has it already")
        if options.setdefault(variant.options, cells.line) != cells.line:
            value = " / ".join(variant.options)
            cells.wrong(
                "option1_value",
                f"each combination of options once; line {options[variant.options]} has it already",
                value=value,
            )


def _images(rows: Sequence[Cells]) -> tuple[Image, ...]:
    """Images in their order, each address once: exports repeat the picture in the row of every SKU."""
    found: dict[str, tuple[int, Image]] = {}
    after = 0
    for cells in rows:
        url = cells.url("image_url", rules.LONGEST_URL)
        if url is None:
            continue
        after = cells.whole("image_position", 1, 100_000) or after + 1
        found.setdefault(url, (after, Image(url, cells.text("image_alt", rules.LONGEST_URL))))
    if len(found) > rules.MOST_IMAGES:
        rows[0].wrong("image_url", f"at most {rules.MOST_IMAGES} images in a product, not {len(found)}")
    in_order = sorted(found.values(), key=lambda placed: placed[0])
    return tuple(image for _, image in in_order)


def _tags(cells: Cells) -> tuple[str, ...]:
    longest = (rules.LONGEST_NAME + 2) * rules.MOST_TAGS
    tags = tuple(dict.fromkeys(filter(None, (tag.strip() for tag in cells.text("tags", longest).split(",")))))
    if len(tags) > rules.MOST_TAGS or any(len(tag) > rules.LONGEST_NAME for tag in tags):
        cells.wrong("tags", f"at most {rules.MOST_TAGS} tags of {rules.LONGEST_NAME} characters, separated by commas")
    return tags


def _category(cells: Cells) -> str:
    """The shop's own word for the category; where it has none, the standard taxonomy's."""
    field = "type" if cells.raw("type") else "taxonomy"
    names = rules.category_path(cells.text(field, rules.LONGEST_CATEGORY_PATH))
    if any(len(name) > rules.LONGEST_CATEGORY for name in names):
        cells.wrong(field, f"categories of at most {rules.LONGEST_CATEGORY} characters, with > between them")
    return rules.BETWEEN_CATEGORIES.join(names)


def _state(cells: Cells) -> State:
    state = _STATES.get(cells.raw("status").casefold())
    if state is None:
        cells.wrong("status", "active, draft or archived")
    return state or State.PUBLISHED if cells.flag("published", empty=True) else State.DRAFT
