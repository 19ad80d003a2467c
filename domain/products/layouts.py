"""The columns of a catalogue file: Shopify's old layout (until 2024) and its new one, read by their headers.

A file may mix them, and may leave out all columns but the title and the price. What has no place in this market
(taxes, search-engine texts, advertising labels) is left out, and said once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.foundation.errors import BadInput


class Layout(StrEnum):
    """Which of the two a file is written in."""

    OLD = "old"
    NEW = "new"


NAMES = {
    "title": ("Title", "Title"),
    "handle": ("Handle", "URL handle"),
    "body_html": ("Body (HTML)", "Description"),
    "vendor": ("Vendor", "Vendor"),
    "taxonomy": ("Product Category", "Product category"),
    "type": ("Type", "Type"),
    "tags": ("Tags", "Tags"),
    "published": ("Published", "Published on online store"),
    "status": ("Status", "Status"),
    "code": ("Variant SKU", "SKU"),
    "barcode": ("Variant Barcode", "Barcode"),
    "option1_name": ("Option1 Name", "Option1 name"),
    "option1_value": ("Option1 Value", "Option1 value"),
    "option2_name": ("Option2 Name", "Option2 name"),
    "option2_value": ("Option2 Value", "Option2 value"),
    "option3_name": ("Option3 Name", "Option3 name"),
    "option3_value": ("Option3 Value", "Option3 value"),
    "price": ("Variant Price", "Price"),
    "compare_at": ("Variant Compare At Price", "Compare-at price"),
    "cost": ("Cost per item", "Cost per item"),
    "tracker": ("Variant Inventory Tracker", "Inventory tracker"),
    "units": ("Variant Inventory Qty", "Inventory quantity"),
    "policy": ("Variant Inventory Policy", "Continue selling when out of stock"),
    "grams": ("Variant Grams", "Weight value (grams)"),
    "weight_unit": ("Variant Weight Unit", "Weight unit for display"),
    "requires_shipping": ("Variant Requires Shipping", "Requires shipping"),
    "fulfillment": ("Variant Fulfillment Service", "Fulfillment service"),
    "image_url": ("Image Src", "Product image URL"),
    "image_position": ("Image Position", "Image position"),
    "image_alt": ("Image Alt Text", "Image alt text"),
    "variant_image": ("Variant Image", "Variant image URL"),
}
"""What a column is called in the old and in the new layout."""

REQUIRED = ("title", "price")

_FIELDS = {name.casefold(): field for field, names in NAMES.items() for name in names}

# Which parts of a listing and of a variant a file says nothing about when all of these columns are absent.
_LISTING_PARTS = {
    "body_html": {"body_html"},
    "vendor": {"vendor"},
    "category_path": {"type", "taxonomy"},
    "tags": {"tags"},
    "state": {"published", "status"},
    "images": {"image_url"},
}
_VARIANT_PARTS = {
    "code": {"code"},
    "compare_at_minor": {"compare_at"},
    "cost_minor": {"cost"},
    "barcode": {"barcode"},
    "grams": {"grams"},
    "requires_shipping": {"requires_shipping"},
    "image_url": {"variant_image"},
}


@dataclass(frozen=True)
class Columns:
    """Where a file has what. `unsaid_*` name the parts that it has no column for: a re-import leaves those alone."""

    header: tuple[str, ...]
    index: dict[str, int]
    left_out: tuple[str, ...]
    unsaid_of_listing: tuple[str, ...]
    unsaid_of_variant: tuple[str, ...]

    def name(self, field: str) -> str:
        """What the file calls the column, or what it should call it."""
        at = self.index.get(field)
        return NAMES[field][1] if at is None else self.header[at].strip()


def columns_of(header: Sequence[str]) -> Columns:
    """The columns of a header. Raises BadInput for a missing column, a doubled one, or a file of another kind."""
    index: dict[str, int] = {}
    left_out = []
    for at, name in enumerate(header):
        field = _FIELDS.get(name.strip().casefold())
        if field is None:
            left_out.append(name.strip())
        elif field in index:
            raise BadInput(
                f"line 1: column {name.strip()!r} says what {header[index[field]]!r} says; allowed: one of them"
            )
        else:
            index[field] = at
    for field in REQUIRED:
        if field not in index:
            old, new = NAMES[field]
            wanted = repr(old) if old == new else f"{old!r} or {new!r}"
            found = ", ".join(header)[:200]
            raise BadInput(f"line 1: no column {wanted}; found: {found}; cells are separated by commas")
    return Columns(
        tuple(header),
        index,
        tuple(filter(None, left_out)),
        tuple(part for part, fields in _LISTING_PARTS.items() if not fields & index.keys()),
        tuple(part for part, fields in _VARIANT_PARTS.items() if not fields & index.keys()),
    )
