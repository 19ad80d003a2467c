"""Stores: when they are open, what they may be called, and what staff do with them."""

from asyncio import gather
from dataclasses import replace
from datetime import datetime, time
from uuid import UUID

import pytest

from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.stores import actions, queries
from domain.stores.rules import Store, StoreCodeTaken, check
from tests.given import Given

JINGAN = Store(UUID(int=1), "sh-001", "静安店", "021-62580000", "310106", "南京西路 1 号", time(9), time(22))


@pytest.mark.parametrize(
    ("opens", "closes", "at", "is_open"),
    [
        (9, 22, "08:59:59.999999", False),
        (9, 22, "09:00:00", True),
        (9, 22, "21:59:59.999999", True),
        (9, 22, "22:00:00", False),
        (18, 2, "17:59:59", False),
        (18, 2, "18:00:00", True),
        (18, 2, "00:00:00", True),
        (18, 2, "01:59:59", True),
        (18, 2, "02:00:00", False),
        (9, 9, "09:00:00", True),
        (9, 9, "08:59:59", True),
    ],
)
def test_a_store_is_open_from_its_first_instant_until_before_its_last(opens, closes, at, is_open) -> None:
    store = replace(JINGAN, opens_at=time(opens), closes_at=time(closes))

    assert store.is_open(datetime.fromisoformat(f"2026-11-11T{at}+08:00")) is is_open


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": ""},
        {"code": "SH-1"},
        {"code": "-sh"},
        {"code": "a" * 41},
        {"name": " "},
        {"name": "店" * 121},
        {"name": "静安\n店"},
        {"address": ""},
        {"address": "a\0b"},
        {"phone": "电话"},
        {"phone": "1" * 21},
        {"region_code": "31010"},
        {"region_code": "３１０１０６"},
    ],
)
def test_a_store_that_makes_no_sense_is_refused(wrong) -> None:
    check(JINGAN)
    with pytest.raises(BadInput, match="allowed"):
        check(replace(JINGAN, **wrong))


async def test_of_two_stores_of_one_code_there_is_one(given: Given, db: Database) -> None:
    twins = [replace(JINGAN, id=new_id()) for _ in range(10)]

    outcomes = await gather(
        *(actions.create(db, twin, by=new_id(), now=given.now) for twin in twins), return_exceptions=True
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Store"] + ["StoreCodeTaken"] * 9
    assert [store.code for store in (await queries.page(db, first=10)).rows] == ["sh-001"]
    assert await given.noted_deeds() == [("create_store", "store")]


async def test_what_changes_is_noted_and_what_does_not_is_not(given: Given, db: Database) -> None:
    await actions.create(db, JINGAN, by=new_id(), now=given.now)
    change = {"store_id": JINGAN.id, "by": new_id(), "now": given.now}

    changed = await actions.update(db, changes={"closes_at": time(23), "takes_pickups": False}, **change)
    again = await actions.update(db, changes={"closes_at": time(23)}, **change)

    assert changed == again == replace(JINGAN, closes_at=time(23), takes_pickups=False)
    assert (await queries.by_ids(db, [JINGAN.id]))[JINGAN.id] == changed
    assert await given.noted_deeds() == [("create_store", "store"), ("update_store", "store")]


async def test_a_code_never_changes(given: Given, db: Database) -> None:
    await actions.create(db, JINGAN, by=new_id(), now=given.now)

    with pytest.raises(BadInput, match="code cannot be changed"):
        await actions.update(db, store_id=JINGAN.id, changes={"code": "sh-002"}, by=new_id(), now=given.now)
    with pytest.raises(StoreCodeTaken):
        await actions.create(db, replace(JINGAN, id=new_id()), by=new_id(), now=given.now)


async def test_nobody_changes_a_store_that_is_none(given: Given, db: Database) -> None:
    with pytest.raises(NotFound):
        await actions.update(db, store_id=new_id(), changes={"name": "店"}, by=new_id(), now=given.now)


async def test_stores_come_in_pages_by_region(given: Given, db: Database) -> None:
    for number, region in enumerate(("310106", "310115", "320100", "310106"), 1):
        store = replace(JINGAN, id=new_id(), code=f"s-{number}", region_code=region, takes_pickups=number != 4)
        await actions.create(db, store, by=new_id(), now=given.now)

    async def codes(**about) -> list[str]:
        return [store.code for store in (await queries.page(db, **{"first": 10} | about)).rows]

    first = await queries.page(db, first=3)
    assert await codes() == ["s-1", "s-2", "s-3", "s-4"]
    assert (await codes(after=first.cursors[-1]), first.has_next) == (["s-4"], True)
    assert await codes(region="31") == ["s-1", "s-2", "s-4"]
    assert await codes(region="310106", for_pickup=True) == ["s-1"]
    for region in ("沪", "3%", "3101061"):
        with pytest.raises(BadInput, match="up to six digits"):
            await codes(region=region)
