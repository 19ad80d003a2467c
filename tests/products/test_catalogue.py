"""Catalogue files into the shop and out of it: what is written, what stays, what is counted."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from domain.foundation.database import Database
from domain.foundation.errors import BadInput
from domain.products import store
from domain.products.layouts import Layout
from domain.products.rules import Kept, State
from domain.products.tables import categories, images, products, skus
from domain.stock import importing
from domain.stock.exporting import export_file
from domain.stock.importing import Report, import_file
from domain.stock.tables import levels, movements
from tests.conftest import NOON
from tests.given import Given
from tests.products.files import SAMPLE, real, rows, write

LATER = NOON + timedelta(hours=1)
BIG = {"Option1 Value": "100克", "Variant SKU": "TEA-100", "Title": "", "Option1 Name": "", "Image Src": ""}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.csv"


def counts(report: Report) -> tuple[int, int, int, int]:
    """Created, updated, unchanged, skipped."""
    return report.created, report.updated, report.unchanged, report.skipped


async def imported(db: Database, file: Path, *changes: dict[str, str], dry_run: bool = False) -> Report:
    write(file, rows(*changes))
    return await import_file(db, file, now=NOON, dry_run=dry_run)


def contents(folder: Path) -> dict[str, str]:
    """The files of a folder and what is in them."""
    return {path.name: path.read_text() for path in folder.iterdir()}


async def kept(db: Database) -> list[Kept]:
    """Everything the shop keeps, in the order in which it was made."""
    async with db.reading() as reader:
        return await store.kept_after(reader, None, limit=1_000)


async def free_units(db: Database) -> dict[str, int]:
    """Free units by SKU code."""
    found = await db.rows(select(skus.c.code, levels.c.free).join_from(skus, levels).order_by(skus.c.code))
    return {row.code: row.free for row in found}


async def moved(db: Database) -> list[tuple[str, int, str]]:
    """The ledger of movements: kind, quantity, cause."""
    c = movements.c
    return [tuple(row) for row in await db.rows(select(c.movement, c.quantity, c.cause).order_by(c.position))]


async def everything(db: Database) -> list[object]:
    """All rows of the tables that an import touches."""
    return [
        sorted(map(repr, await db.rows(select(*(column for column in table.c if column.name != "words")))))
        for table in (products, skus, images, categories, levels, movements)
    ]


async def test_a_product_is_imported_with_all_it_has(db: Database, file: Path) -> None:
    report = await imported(db, file, {"Type": "茶饮 > 乌龙", "Tags": "热卖"}, BIG | {"Variant Inventory Qty": "0"})

    (product,) = await kept(db)
    assert counts(report) == (1, 0, 0, 0)
    assert report.skus == 2
    assert [variant.code for variant in product.listing.variants] == ["TEA-50", "TEA-100"]
    assert (product.listing.category_path, product.listing.tags) == ("茶饮 > 乌龙", ("热卖",))
    assert await free_units(db) == {"TEA-50": 5}
    assert await moved(db) == [("received", 5, "import")]


async def test_categories_are_opened_with_all_that_lead_to_them_once(db: Database, file: Path) -> None:
    for _ in range(2):
        await imported(
            db,
            file,
            {"Type": "茶饮 > 乌龙"},
            {"Handle": "b", "Variant SKU": "", "Type": "茶饮 > 红茶"},
            {"Handle": "c", "Variant SKU": "", "Type": "茶饮"},
        )

    found = await db.rows(
        select(categories.c.path, categories.c.name, categories.c.parent_id).order_by(categories.c.path)
    )
    root = await db.value(select(categories.c.id).where(categories.c.path == "茶饮"))
    assert [tuple(row) for row in found] == [
        ("茶饮", "茶饮", None),
        ("茶饮 > 乌龙", "乌龙", root),
        ("茶饮 > 红茶", "红茶", root),
    ]


async def test_the_same_file_again_changes_nothing(db: Database, file: Path) -> None:
    await imported(db, file, {}, BIG)
    before = await everything(db)

    report = await imported(db, file, {}, BIG)

    assert counts(report) == (0, 0, 1, 0)
    assert await everything(db) == before


async def test_a_file_with_changes_updates_in_place(db: Database, file: Path) -> None:
    await imported(db, file, {}, BIG)
    (before,) = await kept(db)

    report = await imported(db, file, {"Title": "桂花乌龙茶"}, BIG | {"Variant Price": "39.90"})

    (after,) = await kept(db)
    assert counts(report) == (0, 1, 0, 0)
    assert (after.id, after.sku_ids) == (before.id, before.sku_ids)
    assert after.listing.title == "桂花乌龙茶"
    prices = await db.rows(select(products.c.lowest_price_minor, products.c.highest_price_minor))
    assert [tuple(row) for row in prices] == [(1990, 3990)]


async def test_a_product_keeps_the_date_of_its_publication(db: Database, file: Path) -> None:
    await imported(db, file, {})
    write(file, rows({"Title": "新"}))

    await import_file(db, file, now=LATER)

    dates = await db.rows(select(products.c.created_at, products.c.published_at, products.c.updated_at))
    assert [tuple(row) for row in dates] == [(NOON, NOON, LATER)]


async def test_a_product_is_withdrawn_and_published_again_by_its_file(db: Database, file: Path) -> None:
    for published, state in (("TRUE", State.PUBLISHED), ("FALSE", State.DRAFT), ("TRUE", State.PUBLISHED)):
        await imported(db, file, {"Published": published})
        assert [product.listing.state for product in await kept(db)] == [state]


async def test_two_skus_may_swap_their_codes_and_their_options(db: Database, file: Path) -> None:
    await imported(db, file, {}, BIG)
    (before,) = await kept(db)

    report = await imported(db, file, {"Option1 Value": "100克"}, BIG | {"Option1 Value": "50克"})

    (after,) = await kept(db)
    assert counts(report) == (0, 1, 0, 0)
    assert [(code, options) for _, options, code in described(after)] == [
        ("TEA-50", ("100克",)),
        ("TEA-100", ("50克",)),
    ]
    assert after.sku_ids == before.sku_ids


def described(product: Kept) -> list[tuple[object, tuple[str, ...], str | None]]:
    pairs = zip(product.sku_ids, product.listing.variants, strict=True)
    return [(sku_id, variant.options, variant.code) for sku_id, variant in pairs]


async def test_a_quantity_is_what_shall_be_free(db: Database, file: Path) -> None:
    await imported(db, file, {}, BIG)

    report = await imported(db, file, {"Variant Inventory Qty": "8"}, BIG | {"Variant Inventory Qty": "1"})

    assert counts(report) == (0, 1, 0, 0)
    assert await free_units(db) == {"TEA-100": 1, "TEA-50": 8}
    assert Counter(await moved(db)) == {
        ("received", 5, "import"): 2,
        ("adjusted", 3, "import"): 1,
        ("adjusted", -4, "import"): 1,
    }


async def test_a_quantity_that_is_not_given_leaves_stock_alone(db: Database, file: Path) -> None:
    await imported(db, file, {})

    report = await imported(db, file, {"Variant Inventory Qty": ""})

    assert counts(report) == (0, 0, 1, 0)
    assert await free_units(db) == {"TEA-50": 5}


async def test_held_units_are_not_counted_as_free(db: Database, file: Path, given: Given) -> None:
    await imported(db, file, {})
    (product,) = await kept(db)
    await given.order(product.sku_ids[0], quantity=2)

    await imported(db, file, {"Variant Inventory Qty": "5"})

    (level,) = await db.rows(select(levels.c.total, levels.c.free, levels.c.held))
    assert tuple(level) == (7, 5, 2)


async def test_a_dry_run_counts_and_writes_nothing(db: Database, file: Path) -> None:
    await imported(db, file, {})
    before = await everything(db)

    changes = (
        {"Title": "新"},
        {"Handle": "b", "Variant SKU": ""},
        {"Handle": "c", "Variant SKU": "", "Variant Price": "?"},
    )
    report = await imported(db, file, *changes, dry_run=True)

    assert counts(report) == (1, 1, 0, 1)
    assert await everything(db) == before
    assert counts(await imported(db, file, *changes)) == (1, 1, 0, 1)


async def test_a_bad_product_is_skipped_whole_and_told(db: Database, file: Path) -> None:
    report = await imported(db, file, {}, BIG | {"Variant Price": "1,299.00"}, {"Handle": "b", "Variant SKU": "B"})

    assert counts(report) == (1, 0, 0, 1)
    assert [str(mistake) for mistake in report.mistakes] == [
        "line 3, Variant Price: '1,299.00'; allowed: digits with at most two decimals and nothing else, like 1299.00"
    ]
    assert [product.listing.handle for product in await kept(db)] == ["b"]
    assert await free_units(db) == {"B": 5}


async def test_a_known_product_with_a_mistake_stays_as_it_was(db: Database, file: Path) -> None:
    await imported(db, file, {})
    before = await everything(db)

    report = await imported(db, file, {"Title": "新", "Variant Grams": "heavy", "Variant Inventory Qty": "9"})

    assert counts(report) == (0, 0, 0, 1)
    assert await everything(db) == before


async def test_a_code_of_another_product_is_refused(db: Database, file: Path) -> None:
    await imported(db, file, {})

    report = await imported(db, file, {"Handle": "b"}, {"Handle": "c", "Variant SKU": "C"})

    assert counts(report) == (1, 0, 0, 1)
    assert (
        str(report.mistakes[0])
        == "line 2, Variant SKU: 'TEA-50'; allowed: codes of no other product; 'tea' has this one"
    )


async def test_mistakes_are_all_counted_and_the_first_hundred_told(db: Database, file: Path) -> None:
    bad = [{"Handle": f"p{number}", "Variant SKU": "", "Variant Price": "?"} for number in range(130)]

    report = await imported(db, file, *bad)

    assert (report.skipped, report.mistakes_found, len(report.mistakes)) == (130, 130, 100)
    assert report.mistakes[-1].line == 101


async def test_a_file_of_another_kind_changes_nothing(db: Database, file: Path) -> None:
    write(file, "name,price\ntea,1\n")

    with pytest.raises(BadInput):
        await import_file(db, file, now=NOON)

    assert await kept(db) == []


async def test_a_file_goes_in_by_transactions_and_says_how_far_it_is(
    db: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PRODUCTS_IN_A_TRANSACTION", 10)
    write(file, rows(*({"Handle": f"p{number}", "Variant SKU": f"S{number}"} for number in range(35))))
    said: list[tuple[int, bool]] = []

    report = await import_file(
        db, file, now=NOON, progress=lambda report, share: said.append((report.products, share <= 1))
    )

    assert report.created == 35
    assert said == [(10, True), (20, True), (30, True), (35, True)]


async def test_an_import_that_was_cut_short_is_simply_started_again(
    db: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "PRODUCTS_IN_A_TRANSACTION", 10)
    write(file, rows(*({"Handle": f"p{number}", "Variant SKU": f"S{number}"} for number in range(35))))

    def cut(report: Report, share: float) -> None:
        if report.products == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_file(db, file, now=NOON, progress=cut)
    report = await import_file(db, file, now=NOON)

    assert counts(report) == (15, 0, 20, 0)
    assert await db.value(select(func.count()).select_from(movements)) == 35


async def test_two_imports_of_one_file_at_once_create_each_product_once(db: Database, file: Path) -> None:
    write(file, rows(*({"Handle": f"p{number}", "Variant SKU": f"S{number}"} for number in range(50))))

    reports = await asyncio.gather(*(import_file(db, file, now=NOON) for _ in range(2)))

    assert sorted(map(counts, reports)) == [(0, 0, 50, 0), (50, 0, 0, 0)]
    assert await db.value(select(func.count()).select_from(movements)) == 50


async def test_our_sample_goes_in_and_comes_out_and_goes_in_unchanged(db: Database, file: Path) -> None:
    first = await import_file(db, SAMPLE, now=NOON)
    before = await everything(db)
    for layout in Layout:
        assert await export_file(db, file, layout=layout) == 48
        again = await import_file(db, file, now=LATER)
        assert counts(again) == (0, 0, 48, 0)

    assert (counts(first), first.skus, first.mistakes) == ((48, 0, 0, 0), 132, [])
    assert await everything(db) == before


@pytest.mark.parametrize(
    ("name", "in_file", "in_shop"), [("yanxuan", 239, 244), ("apparel", 20, 22), ("home-and-garden", 20, 21)]
)
async def test_real_shops_go_in_and_come_out_unchanged(
    db: Database, file: Path, name: str, in_file: int, in_shop: int
) -> None:
    report = await import_file(db, real(f"{name}.csv"), now=NOON)
    await export_file(db, file)
    again = await import_file(db, file, now=LATER)

    assert (counts(report), report.skus) == ((in_file, 0, 0, 0), in_shop)
    assert counts(again) == (0, 0, in_file, 0)


async def test_an_exported_shop_opens_again_elsewhere_just_the_same(db: Database, file: Path, clean: None) -> None:
    await import_file(db, SAMPLE, now=NOON)
    was, units = [product.listing for product in await kept(db)], await free_units(db)
    await export_file(db, file)
    async with db.transaction() as tx:
        for table in (levels, images, skus, products, categories):
            await tx.execute(table.delete())

    report = await import_file(db, file, now=LATER)

    assert report.created == 48
    assert [product.listing for product in await kept(db)] == was
    assert await free_units(db) == units


async def test_an_export_that_fails_leaves_the_old_file(db: Database, file: Path, given: Given) -> None:
    await given.product()
    write(file, "old")

    def fail(exported: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await export_file(db, file, progress=fail)

    assert contents(file.parent) == {file.name: "old"}


async def test_drafts_are_exported_too(db: Database, file: Path, given: Given) -> None:
    await given.product(state=State.DRAFT)

    assert await export_file(db, file) == 1
    assert counts(await import_file(db, file, now=NOON)) == (0, 0, 1, 0)


async def test_a_sku_that_a_file_leaves_out_stays(db: Database, file: Path) -> None:
    await imported(db, file, {}, BIG)
    (before,) = await kept(db)

    report = await imported(db, file, {})

    assert counts(report) == (0, 0, 1, 0)
    assert await kept(db) == [before]


async def test_a_file_without_a_column_leaves_what_it_would_say(db: Database, file: Path) -> None:
    await imported(db, file, {"Cost per item": "7", "Vendor": "茶行"})
    (before,) = await kept(db)
    write(file, "Handle,Title,Variant SKU,Variant Price,Option1 Name,Option1 Value\ntea,桂花乌龙,TEA-50,21,规格,50克\n")

    report = await import_file(db, file, now=LATER)

    (after,) = await kept(db)
    assert counts(report) == (0, 1, 0, 0)
    (variant,) = before.listing.variants
    assert after.listing == replace(before.listing, variants=(replace(variant, price_minor=2100),))
