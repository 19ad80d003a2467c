"""From a listing to its rows in a catalogue file: what an import reads back as the same listing. Pure."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from domain.foundation.money import Money
from domain.products.cells import harmless
from domain.products.layouts import NAMES, Layout
from domain.products.rules import Image, Listing, State, Variant

_ALWAYS = {"tracker": "shopify", "policy": "deny", "fulfillment": "manual", "weight_unit": "g"}
"""What Shopify wants to read in the row of every SKU."""


def header(layout: Layout) -> list[str]:
    """The names of all columns, in the layout's words."""
    return [old if layout is Layout.OLD else new for old, new in NAMES.values()]


def rows_of(listing: Listing, units: Sequence[int]) -> Iterator[list[str]]:
    """The listing's rows: one for each SKU with its units, the images beside them, a row for each image left over."""
    skus = [_sku(listing, variant, count) for variant, count in zip(listing.variants, units, strict=True)]
    images = [_image(image, position) for position, image in enumerate(listing.images, 1)]
    nothing: dict[str, str] = {}
    for about, sku, image in zip_longest([_about(listing)], skus, images, fillvalue=nothing):
        cells = {"handle": listing.handle, **about, **sku, **image}
        yield [cells.get(field, "") for field in NAMES]


def _about(listing: Listing) -> dict[str, str]:
    is_published = listing.state is State.PUBLISHED
    names = {f"option{at}_name": harmless(name) for at, name in enumerate(listing.option_names or ("Title",), 1)}
    return names | {
        "title": harmless(listing.title),
        "body_html": harmless(listing.body_html),
        "vendor": harmless(listing.vendor),
        "type": harmless(listing.category_path),
        "tags": harmless(", ".join(listing.tags)),
        "published": "TRUE" if is_published else "FALSE",
        "status": "active" if is_published else "draft",
    }


def _sku(listing: Listing, variant: Variant, units: int) -> dict[str, str]:
    values = variant.options if listing.option_names else ("Default Title",)
    return {f"option{at}_value": harmless(value) for at, value in enumerate(values, 1)} | {
        "code": harmless(variant.code or ""),
        "barcode": harmless(variant.barcode or ""),
        "price": Money(variant.price_minor).amount,
        "compare_at": _amount(variant.compare_at_minor),
        "cost": _amount(variant.cost_minor),
        "units": str(units),
        "grams": str(variant.grams),
        "requires_shipping": "TRUE" if variant.requires_shipping else "FALSE",
        "variant_image": variant.image_url or "",
        **_ALWAYS,
    }


def _image(image: Image, position: int) -> dict[str, str]:
    return {"image_url": image.url, "image_position": str(position), "image_alt": harmless(image.alt_text)}


def _amount(minor: int | None) -> str:
    return "" if minor is None else Money(minor).amount
