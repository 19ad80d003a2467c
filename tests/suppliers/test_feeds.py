"""Stock feeds: what a supplier can send becomes what is free, once, and never an older word over a newer one."""

import time
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.products.rules import Variant
from domain.products.tables import products, skus
from domain.stock.rules import Level
from domain.stock.tables import movements
from domain.suppliers import actions, feeds, rules
from domain.suppliers.rules import FeedOutdated, LetterForged, ReferenceTaken, SuppliedSku, SupplierEnded
from tests.audit import assert_clean


async def test_told_units_less_held_ones_are_free(given, db, market):
    supplier, _ = await given.supplier()
    first, second, third = await given.supplied(supplier, "A-1", "A-2", "A-3", units=10)
    await given.place([given.new_order(first, second, shopper_id=await given.shopper(), quantity=4)])

    report = await given.feed(supplier, {"A-1": 50, "A-2": 3, "A-3": 10, "B-9": 1})

    assert (report.rows, report.changed, report.refused, report.unknown) == (4, 2, 1, ("B-9",))
    assert await given.stock_of(first) == Level(first, free=46, held=4, sold=0)
    assert await given.stock_of(second) == Level(second, free=0, held=4, sold=0)
    assert (await given.stock_of(third)).free == 10
    causes = await db.rows(select(movements.c.cause, movements.c.quantity).where(movements.c.movement == "adjusted"))
    assert sorted(map(tuple, causes)) == [("supplier_feed", -6), ("supplier_feed", 40)]
    await assert_clean(market, in_flight=True)


async def test_a_sku_that_never_had_units_gets_some(given, market):
    supplier, _ = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1", units=0)

    await given.feed(supplier, {"A-1": 7})

    assert await given.stock_of(sku_id) == Level(sku_id, free=7, held=0, sold=0)
    await assert_clean(market, in_flight=True)


async def test_a_supplier_speaks_of_its_own_skus_only(given):
    one, other = (await given.supplier("one"))[0], (await given.supplier("other"))[0]
    (sku_id,) = await given.supplied(one, "A-1")

    report = await given.feed(other, {"A-1": 99})

    assert report.unknown == ("A-1",)
    assert (await given.stock_of(sku_id)).free == 10


async def test_the_same_feed_again_changes_nothing(given, market):
    supplier, _ = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1", units=0)
    first = await given.feed(supplier, {"A-1": 7}, reference="feed-0001")
    await given.place([given.new_order(sku_id, shopper_id=await given.shopper(), quantity=2)])

    again = await given.feed(supplier, {"A-1": 7}, reference="feed-0001")

    assert (again.is_replay, again.changed) == (True, first.changed)
    assert await given.stock_of(sku_id) == Level(sku_id, free=5, held=2, sold=0)
    with pytest.raises(ReferenceTaken):
        await given.feed(supplier, {"A-1": 8}, reference="feed-0001")
    await assert_clean(market, in_flight=True)


async def test_an_older_word_is_refused(given):
    supplier, _ = await given.supplier()
    (sku_id,) = await given.supplied(supplier, "A-1")
    await given.feed(supplier, {"A-1": 5}, as_of=given.now)

    with pytest.raises(FeedOutdated) as refused:
        await given.feed(supplier, {"A-1": 9}, as_of=given.now - timedelta(seconds=1))

    assert refused.value.newest == given.now
    assert (await given.stock_of(sku_id)).free == 5
    await given.feed(supplier, {"A-1": 6}, as_of=given.now)
    assert (await given.stock_of(sku_id)).free == 6


async def test_who_has_ended_feeds_nothing(given, db):
    supplier, _ = await given.supplier()
    await given.supplied(supplier, "A-1")
    await actions.end(db, supplier_id=supplier.id, by=new_id(), now=given.now)

    with pytest.raises(SupplierEnded):
        await given.feed(supplier, {"A-1": 5})


@pytest.mark.parametrize(
    "as_of", ["", "yesterday", "2026-11-11T12:00:00", "1970-01-01T00:00:00Z", "2026-11-12T00:00:00Z"]
)
def test_a_feed_is_of_a_moment_with_its_zone_and_not_of_tomorrow(now, as_of):
    with pytest.raises(BadInput):
        rules.read_as_of(as_of, now)


def test_rows_that_cannot_be_read_are_kept_apart():
    rows = [
        {"code": "A-1", "quantity": 1}, {"code": "A-1", "quantity": 2}, {"code": "", "quantity": 1}, {"code": 7}, 7,
        {"code": "A-2", "quantity": -1}, {"code": "A-3", "quantity": 1.5}, {"code": "A-4", "quantity": True},
        {"code": "A-5", "quantity": 10**9}, {"code": "A\0", "quantity": 1}, {"code": " A-6 ", "quantity": "12"},
    ]  # fmt: skip

    content = feeds.read(orjson.dumps(rows), is_csv=False)

    assert content.quantities == {"A-1": 1, "A-6": 12}
    assert (content.rows, len(content.mistaken)) == (11, 9)
    assert content.mistaken[0] == "row 2: code 'A-1' stands in an earlier row"


def test_a_table_is_read_as_well():
    content = feeds.read("\ufeffname,code,quantity\n桂花,A-1,5\n米酒,A-2,x\n,A-3\n".encode(), is_csv=True)

    assert content.quantities == {"A-1": 5}
    assert [line[:5] for line in content.mistaken] == ["row 2", "row 3"]


@pytest.mark.parametrize(
    ("body", "is_csv"), [(b"", False), (b"{}", False), (b"[", False), (b"\xff", True), (b"a,b\n1,2\n", True)]
)
def test_what_is_no_feed_is_refused_whole(body, is_csv):
    with pytest.raises(BadInput):
        feeds.read(body, is_csv=is_csv)


def test_a_feed_is_not_endless():
    with pytest.raises(BadInput):
        feeds.read(orjson.dumps([{"code": str(n), "quantity": 1} for n in range(20_001)]), is_csv=False)


def test_letters_are_believed_for_five_minutes_and_from_the_supplier_only(given, now):
    key = rules.new_key()
    letter = given.letter("feed", b"[]", key=key, as_of="x")

    rules.check_signed(key, letter)
    for wrong in (rules.new_key(), None):
        with pytest.raises(LetterForged):
            rules.check_signed(wrong, letter)
    for change in (
        {"door": "shipments"},
        {"body": b"[1]"},
        {"as_of": "y"},
        {"reference": "other-one"},
        {"timestamp": "1"},
    ):
        with pytest.raises(LetterForged):
            rules.check_signed(key, type(letter)(**{f: getattr(letter, f) for f in letter.__slots__} | change))
    rules.check_fresh(letter.timestamp, letter.reference, now + timedelta(minutes=5))
    for moment in (now + timedelta(minutes=5, seconds=1), now - timedelta(minutes=5, seconds=1)):
        with pytest.raises(LetterForged):
            rules.check_fresh(letter.timestamp, letter.reference, moment)
    for timestamp, reference in (
        ("", "reference"),
        ("-1", "reference"),
        ("1" * 13, "reference"),
        (letter.timestamp, "short"),
    ):
        with pytest.raises(LetterForged):
            rules.check_fresh(timestamp, reference, now)


async def test_ten_thousand_rows_take_seconds(given, db, market):
    supplier, _ = await given.supplier()
    for at in range(0, 10_000, 2_500):
        kept = await given.product(
            option_names=("款",), variants=tuple(Variant((str(n),), 1990) for n in range(at, at + 2_500)), units=3
        )
        async with db.transaction() as tx:
            await actions.store.assign(
                tx,
                supplier.id,
                [SuppliedSku(sku_id, supplier.id, f"A-{at + n}", Money(800)) for n, sku_id in enumerate(kept.sku_ids)],
            )
    assert len(await db.column(select(skus.c.id))) == 10_000
    assert len(await db.column(select(products.c.id))) == 4

    began = time.perf_counter()
    report = await given.feed(supplier, {f"A-{n}": n % 7 for n in range(10_000)})
    seconds = time.perf_counter() - began

    assert (report.rows, report.refused) == (10_000, 0)
    assert report.changed == sum(n % 7 != 3 for n in range(10_000))
    assert seconds < 5, f"{seconds:.1f} s"
    await assert_clean(market, in_flight=True)
