"""What a product out of a file makes of the product that the shop keeps under the same handle. Pure.

SKUs find each other by code, else by their options. A SKU that the file does not name stays as it is, behind those
that it names; what the file has no column for stays as well. Images are the file's, all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from domain.products.cells import Mistake
from domain.products.layouts import Columns
from domain.products.listings import Entry, Spoilt
from domain.products.rules import Kept, Listing, Variant

T = TypeVar("T", Listing, Variant)


@dataclass(frozen=True, slots=True)
class Merged:
    """The listing as it shall be. An id is None for a product or SKU that is new; `kept` is what stood there before."""

    entry: Entry
    listing: Listing
    id: UUID | None
    sku_ids: tuple[UUID | None, ...]
    kept: Kept | None = None

    @property
    def is_changed(self) -> bool:
        """Whether anything has to be written."""
        return self.kept is None or self.kept.listing != self.listing or self.kept.sku_ids != self.sku_ids


def merge(columns: Columns, entry: Entry, kept: Kept | None, *, elsewhere: Mapping[str, str]) -> Merged | Spoilt:
    """The product after the import. `elsewhere`: SKU codes that other products have, with their handles.

    Spoilt when a code belongs to another product, or when the SKUs that stay do not go with the file's options.
    """
    mistakes = [
        Mistake(line, columns.name("code"), code[:80], f"codes of no other product; {elsewhere[code]!r} has this one")
        for line, variant in zip(entry.lines, entry.listing.variants, strict=True)
        if (code := variant.code or "") in elsewhere
    ]
    if mistakes:
        return Spoilt(entry.line, entry.listing.handle, tuple(mistakes))
    if kept is None:
        return Merged(entry, entry.listing, None, (None,) * len(entry.listing.variants))
    return _onto(columns, entry, kept)


def _onto(columns: Columns, entry: Entry, kept: Kept) -> Merged | Spoilt:
    theirs = entry.listing.variants
    found = _same_skus(theirs, kept.listing.variants)
    variants = [
        variant if at is None else _keeping(variant, kept.listing.variants[at], columns.unsaid_of_variant)
        for variant, at in zip(theirs, found, strict=True)
    ]
    staying = [at for at in range(len(kept.listing.variants)) if at not in found]
    names, options = entry.listing.option_names, {variant.options for variant in theirs}
    for at in staying:
        unnamed = kept.listing.variants[at]
        if len(unnamed.options) != len(names) or unnamed.options in options:
            wanted = (
                f"all SKUs of a product whose options change; {unnamed.code or '/'.join(unnamed.options)!r} is missing"
            )
            mistake = Mistake(entry.line, columns.name("option1_name"), " / ".join(names)[:80], wanted)
            return Spoilt(entry.line, entry.listing.handle, (mistake,))
        variants.append(unnamed)
    listing = _keeping(entry.listing, kept.listing, columns.unsaid_of_listing)
    sku_ids = [None if at is None else kept.sku_ids[at] for at in found] + [kept.sku_ids[at] for at in staying]
    return Merged(entry, replace(listing, variants=tuple(variants)), kept.id, tuple(sku_ids), kept)


def _same_skus(theirs: Sequence[Variant], ours: Sequence[Variant]) -> list[int | None]:
    """For each of theirs, which of ours it is: by code, and for those left over, by options."""
    by_code = {variant.code: at for at, variant in enumerate(ours) if variant.code}
    found = [by_code.get(variant.code) if variant.code else None for variant in theirs]
    taken = set(found)
    by_options = {variant.options: at for at, variant in enumerate(ours) if at not in taken}
    return [by_options.get(variant.options) if at is None else at for at, variant in zip(found, theirs, strict=True)]


def _keeping(new: T, old: T, parts: Sequence[str]) -> T:
    return replace(new, **{part: getattr(old, part) for part in parts}) if parts else new
