"""How whole listings are written: new ones and known ones alike, hundreds in five statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from domain.foundation.database import Transaction
from domain.foundation.money import SHOP_CURRENCY
from domain.products import store, words
from domain.products.rules import Kept

# Between the items of a list: unnest takes no lists of lists, and no cell of a catalogue holds this character.
_SEPARATOR = "\x1f"


async def write(tx: Transaction, listings: Sequence[Kept], *, now: datetime) -> None:
    """Write products with their SKUs and images. SKUs that a listing does not name are left alone, images are not."""
    paths = await store.categories_by_path(tx, (kept.listing.category_path for kept in listings))
    await tx.execute(_WRITE_PRODUCTS, _product_columns(listings, paths) | {"now": now, "currency": SHOP_CURRENCY})
    skus = _sku_columns(listings)
    await tx.execute(_WRITE_SKUS, skus | {"now": now})
    await store.note_costs(tx, skus["ids"], skus["costs"], since=now)
    await tx.execute(_DROP_IMAGES, {"ids": [kept.id for kept in listings]})
    await tx.execute(_WRITE_IMAGES, _image_columns(listings))


def _product_columns(listings: Sequence[Kept], paths: Mapping[str, UUID]) -> dict[str, list[Any]]:
    all_listings = [kept.listing for kept in listings]
    return {
        "ids": [kept.id for kept in listings],
        "handles": [listing.handle for listing in all_listings],
        "titles": [listing.title for listing in all_listings],
        "bodies": [listing.body_html for listing in all_listings],
        "vendors": [listing.vendor for listing in all_listings],
        "category_ids": [paths.get(listing.category_path) for listing in all_listings],
        "tags": [_SEPARATOR.join(listing.tags) for listing in all_listings],
        "option_names": [_SEPARATOR.join(listing.option_names) for listing in all_listings],
        "states": [listing.state.value for listing in all_listings],
        "lowest": [listing.lowest_price_minor for listing in all_listings],
        "highest": [listing.highest_price_minor for listing in all_listings],
        "words": [words.document(listing.searchable()) for listing in all_listings],
    }


def _sku_columns(listings: Sequence[Kept]) -> dict[str, list[Any]]:
    all_variants = [
        (kept.id, sku_id, position, variant)
        for kept in listings
        for position, (sku_id, variant) in enumerate(zip(kept.sku_ids, kept.listing.variants, strict=True), 1)
    ]
    return {
        "ids": [sku_id for _, sku_id, _, _ in all_variants],
        "product_ids": [product_id for product_id, _, _, _ in all_variants],
        "positions": [position for _, _, position, _ in all_variants],
        "codes": [variant.code for *_, variant in all_variants],
        "options": [_SEPARATOR.join(variant.options) for *_, variant in all_variants],
        "prices": [variant.price_minor for *_, variant in all_variants],
        "compare_at": [variant.compare_at_minor for *_, variant in all_variants],
        "costs": [variant.cost_minor for *_, variant in all_variants],
        "barcodes": [variant.barcode for *_, variant in all_variants],
        "grams": [variant.grams for *_, variant in all_variants],
        "shipped": [variant.requires_shipping for *_, variant in all_variants],
        "image_urls": [variant.image_url for *_, variant in all_variants],
    }


def _image_columns(listings: Sequence[Kept]) -> dict[str, list[Any]]:
    all_images = [
        (kept.id, position, image) for kept in listings for position, image in enumerate(kept.listing.images, 1)
    ]
    return {
        "product_ids": [product_id for product_id, _, _ in all_images],
        "positions": [position for _, position, _ in all_images],
        "urls": [image.url for _, _, image in all_images],
        "alt_texts": [image.alt_text for _, _, image in all_images],
    }


_WRITE_PRODUCTS = text(r"""
    INSERT INTO products (id, handle, title, body_html, vendor, category_id, tags, option_names, state, currency,
                          lowest_price_minor, highest_price_minor, words, created_at, updated_at, published_at)
    SELECT id, handle, title, body_html, vendor, category_id, string_to_array(tags, E'\x1f'),
           string_to_array(option_names, E'\x1f'), state, :currency, lowest, highest, CAST(words AS tsvector),
           :now, :now, CASE WHEN state = 'published' THEN CAST(:now AS timestamptz) END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:handles AS text[]), CAST(:titles AS text[]), CAST(:bodies AS text[]),
                CAST(:vendors AS text[]), CAST(:category_ids AS uuid[]), CAST(:tags AS text[]),
                CAST(:option_names AS text[]), CAST(:states AS text[]), CAST(:lowest AS bigint[]),
                CAST(:highest AS bigint[]), CAST(:words AS text[]))
      AS given (id, handle, title, body_html, vendor, category_id, tags, option_names, state, lowest, highest, words)
    ON CONFLICT (id) DO UPDATE SET
      handle = EXCLUDED.handle, title = EXCLUDED.title, body_html = EXCLUDED.body_html, vendor = EXCLUDED.vendor,
      category_id = EXCLUDED.category_id, tags = EXCLUDED.tags, option_names = EXCLUDED.option_names,
      state = EXCLUDED.state, lowest_price_minor = EXCLUDED.lowest_price_minor,
      highest_price_minor = EXCLUDED.highest_price_minor, words = EXCLUDED.words, updated_at = EXCLUDED.updated_at,
      -- what was published already keeps its date and its author
      published_at = CASE WHEN products.state = EXCLUDED.state THEN products.published_at
                     ELSE EXCLUDED.published_at END,
      published_by = CASE WHEN products.state = EXCLUDED.state THEN products.published_by END
""")

_WRITE_SKUS = text(r"""
    INSERT INTO skus (id, product_id, position, code, options, price_minor, compare_at_minor, cost_minor, barcode,
                      grams, requires_shipping, image_url, created_at, updated_at)
    SELECT id, product_id, position, code, string_to_array(options, E'\x1f'), price, compare_at, cost, barcode, grams,
           shipped, image_url, :now, :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:product_ids AS uuid[]), CAST(:positions AS smallint[]),
                CAST(:codes AS text[]), CAST(:options AS text[]), CAST(:prices AS bigint[]),
                CAST(:compare_at AS bigint[]), CAST(:costs AS bigint[]), CAST(:barcodes AS text[]),
                CAST(:grams AS integer[]), CAST(:shipped AS boolean[]), CAST(:image_urls AS text[]))
      AS given (id, product_id, position, code, options, price, compare_at, cost, barcode, grams, shipped, image_url)
    ON CONFLICT (id) DO UPDATE SET
      position = EXCLUDED.position, code = EXCLUDED.code, options = EXCLUDED.options,
      price_minor = EXCLUDED.price_minor, compare_at_minor = EXCLUDED.compare_at_minor,
      cost_minor = EXCLUDED.cost_minor, barcode = EXCLUDED.barcode, grams = EXCLUDED.grams,
      requires_shipping = EXCLUDED.requires_shipping, image_url = EXCLUDED.image_url, updated_at = EXCLUDED.updated_at
""")

_DROP_IMAGES = text("DELETE FROM product_images WHERE product_id = ANY(CAST(:ids AS uuid[]))")

_WRITE_IMAGES = text("""
    INSERT INTO product_images (product_id, position, url, alt_text)
    SELECT * FROM unnest(CAST(:product_ids AS uuid[]), CAST(:positions AS smallint[]), CAST(:urls AS text[]),
                         CAST(:alt_texts AS text[]))
""")
