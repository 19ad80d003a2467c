"""The trail grows and never changes."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.foundation.errors import BadInput
from domain.foundation.ids import new_id
from domain.stock.importing import import_file
from domain.trail import queries, store
from tests.conftest import NOON

HOUR = timedelta(hours=1)


async def noted(db, *, by, deed="publish_product", subject_id=None, now=NOON, **facts):
    async with db.transaction() as tx:
        await store.note(tx, by=by, deed=deed, subject="product", subject_id=subject_id or new_id(), now=now, **facts)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE staff_deeds SET deed = 'nothing'",
        "DELETE FROM staff_deeds",
        "TRUNCATE staff_deeds",
        "UPDATE staff_deeds SET by = by WHERE false",
    ],
)
async def test_nobody_changes_what_was_done(db, somebody, change):
    await noted(db, by=somebody, price_minor=1990)

    with pytest.raises(Exception, match="append-only"):
        async with db.transaction() as tx:
            await tx.execute(text(change))

    [deed] = (await queries.page(db, first=9)).rows
    assert (deed.deed, deed.by, deed.facts, deed.done_at) == ("publish_product", somebody, {"price_minor": 1990}, NOON)


async def test_a_deed_that_is_undone_leaves_no_trace(db, somebody):
    with pytest.raises(RuntimeError):
        async with db.transaction() as tx:
            await store.note(tx, by=somebody, deed="set_sku_price", subject="sku", subject_id=new_id(), now=NOON)
            raise RuntimeError

    assert (await queries.page(db, first=9)).rows == []


async def test_the_trail_is_narrowed_by_whom_what_and_when(db):
    li, wang, product = new_id(), new_id(), new_id()
    await noted(db, by=li, subject_id=product, now=NOON)
    await noted(db, by=wang, subject_id=product, deed="unpublish_product", now=NOON + HOUR)
    await noted(db, by=li, now=NOON + 2 * HOUR)

    async def places(**narrowing):
        return [deed.position for deed in (await queries.page(db, first=9, **narrowing)).rows]

    assert await places() == [3, 2, 1]
    assert await places(by=li) == [3, 1]
    assert await places(subject_id=product) == [2, 1]
    assert await places(deed="unpublish_product") == await places(by=wang) == [2]
    assert await places(since=NOON + HOUR, until=NOON + 2 * HOUR) == [2]
    assert await places(by=wang, deed="publish_product") == []


async def test_pages_join(db, somebody):
    for _ in range(5):
        await noted(db, by=somebody)

    first = await queries.page(db, first=3)
    rest = await queries.page(db, first=3, after=first.cursors[-1])

    assert [deed.position for deed in [*first.rows, *rest.rows]] == [5, 4, 3, 2, 1]
    assert (first.has_next, rest.has_next) == (True, False)
    for cursor in ("nonsense", "WyJ4Il0"):
        with pytest.raises(BadInput):
            await queries.page(db, first=3, after=cursor)


async def test_an_import_by_a_person_is_noted_once_it_changes_something(db, somebody, tmp_path):
    file = tmp_path / "商品.csv"
    file.write_text(
        "Handle,Title,Option1 Name,Option1 Value,Variant Price,Variant Inventory Qty\ncake,桂花糕,Title,Default Title,19.90,5\n"
    )

    for by in (somebody, somebody, None):
        await import_file(db, file, now=NOON, by=by)

    [deed] = (await queries.page(db, first=9)).rows
    assert (deed.deed, deed.by) == ("import_products", somebody)
    assert deed.facts == {"file": "商品.csv", "products": 1, "restocked": 1}
