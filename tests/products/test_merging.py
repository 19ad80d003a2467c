"""What a product out of a file makes of the one that the shop keeps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from domain.foundation.ids import new_id
from domain.products.exporting import header
from domain.products.layouts import Columns, Layout, columns_of
from domain.products.listings import Entry, Spoilt
from domain.products.merging import Merged, merge
from domain.products.rules import Image, Kept, Listing, State, Variant

COLUMNS = columns_of(header(Layout.NEW))
RED = Variant(("red",), 1000, "R", cost_minor=400, barcode="691")
BLUE = Variant(("blue",), 1200, "B")
SHIRT = Listing(
    "shirt", "Shirt", (RED, BLUE), "<p>Soft</p>", "Loom", "Clothes", ("new",), ("colour",), State.DRAFT, (Image("a"),)
)
A, B = new_id(), new_id()
KEPT = Kept(new_id(), (A, B), SHIRT)


def entry(*variants: Variant, **changes: Any) -> Entry:
    """The shirt as a file describes it."""
    listing = replace(SHIRT, variants=variants, **changes)
    return Entry(2, listing, (None,) * len(variants), tuple(range(2, 2 + len(variants))))


def merged(found: Entry, columns: Columns = COLUMNS) -> Merged:
    result = merge(columns, found, KEPT, elsewhere={})
    assert isinstance(result, Merged), result
    return result


def lacking(*names: str) -> Columns:
    """The columns of a file without these."""
    return columns_of([name for name in header(Layout.NEW) if name not in names])


def test_what_says_the_same_changes_nothing() -> None:
    assert not merged(entry(RED, BLUE)).is_changed


def test_a_new_product_gets_new_ids() -> None:
    result = merge(COLUMNS, entry(RED), None, elsewhere={})

    assert isinstance(result, Merged)
    assert (result.id, result.sku_ids, result.is_changed) == (None, (None,), True)


@pytest.mark.parametrize(
    ("theirs", "sku_ids"),
    [
        ([RED, BLUE], (A, B)),
        ([BLUE, RED], (B, A)),
        # by code, whatever the options say
        ([replace(RED, options=("crimson",)), BLUE], (A, B)),
        ([replace(RED, options=("blue",)), replace(BLUE, options=("red",))], (A, B)),
        # else by options
        ([replace(RED, code=None), BLUE], (A, B)),
        ([replace(RED, code="R2"), BLUE], (A, B)),
        # a code beats options
        ([replace(RED, code="B"), replace(BLUE, code="R")], (B, A)),
        ([RED, BLUE, Variant(("green",), 900)], (A, B, None)),
        # what is not named stays, behind what is
        ([BLUE], (B, A)),
    ],
)
def test_skus_find_each_other(theirs: Sequence[Variant], sku_ids: tuple[object, ...]) -> None:
    assert merged(entry(*theirs)).sku_ids == sku_ids


def test_a_sku_that_the_file_does_not_name_stays_as_it_is() -> None:
    result = merged(entry(replace(BLUE, price_minor=1)))

    assert result.listing.variants == (replace(BLUE, price_minor=1), RED)


def test_what_the_file_has_no_column_for_stays() -> None:
    bare = lacking("Description", "Vendor", "Type", "Product category", "Tags", "Status", "Published on online store")
    found = entry(RED, BLUE, title="T-Shirt", body_html="", vendor="", category_path="", tags=(), state=State.PUBLISHED)

    assert merged(found, bare).listing == replace(SHIRT, title="T-Shirt")


def test_what_the_file_has_no_column_for_stays_with_each_sku() -> None:
    bare = lacking("Cost per item", "Barcode")
    found = entry(replace(RED, cost_minor=None, barcode=None, price_minor=5), BLUE)

    assert merged(found, bare).listing.variants == (replace(RED, price_minor=5), BLUE)


def test_an_empty_cell_empties_what_was_there() -> None:
    assert merged(entry(replace(RED, cost_minor=None), BLUE)).listing.variants[0].cost_minor is None


def test_images_are_those_of_the_file() -> None:
    assert merged(entry(RED, BLUE, images=(Image("b"),))).listing.images == (Image("b"),)
    assert merged(entry(RED, BLUE, images=())).listing.images == ()
    assert merged(entry(RED, BLUE, images=()), lacking("Product image URL")).listing.images == (Image("a"),)


def refused(found: Entry, **elsewhere: str) -> tuple[int, str, str]:
    result = merge(COLUMNS, found, KEPT, elsewhere=elsewhere)
    assert isinstance(result, Spoilt), result
    (mistake,) = result.mistakes
    return mistake.line, mistake.column, mistake.value


def test_a_code_of_another_product_is_refused() -> None:
    assert refused(entry(RED, replace(BLUE, code="X")), X="coat") == (3, "SKU", "X")


def test_a_combination_that_a_staying_sku_has_is_refused() -> None:
    assert refused(entry(replace(RED, options=("blue",)))) == (2, "Option1 name", "colour")


def test_new_options_need_every_sku() -> None:
    sized = replace(RED, options=("red", "S"))

    assert refused(entry(sized, option_names=("colour", "size"))) == (2, "Option1 name", "colour / size")
    assert merged(entry(sized, replace(BLUE, options=("blue", "S")), option_names=("colour", "size"))).sku_ids == (A, B)
