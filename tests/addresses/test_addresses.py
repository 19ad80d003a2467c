"""Addresses: what they may say, whose they are, and which one is the default, also in a race."""

from asyncio import gather
from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from domain.addresses import actions, queries
from domain.addresses.rules import MOST_ADDRESSES, Destination, TooManyAddresses, tidied
from domain.addresses.tables import addresses
from domain.foundation.database import Database
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from tests.given import Given

HOME = Destination("王小明", "13812345678", "上海市", "上海市", "静安区", "310106", "南京西路 1 号 203 室")


def nth(number: int) -> Destination:
    return replace(HOME, street=f"南京西路 {number} 号")


async def keep(given: Given, shopper_id, destination: Destination = HOME, *, is_default: bool = False):
    return await actions.create(
        given.db, shopper_id=shopper_id, destination=destination, is_default=is_default, now=given.now
    )


async def defaults(db: Database, shopper_id) -> list:
    a = addresses.c
    return list(await db.column(select(a.id).where(a.shopper_id == shopper_id, a.is_default)))


@pytest.mark.parametrize(
    "phone", ["13812345678", "19900000000", " 138 1234 5678 ", "+8613812345678", "+86 138 1234 5678"]
)
def test_a_mobile_number_is_read_however_it_is_spaced(phone: str) -> None:
    assert tidied(replace(HOME, phone=phone)).phone[0] == "1"
    assert len(tidied(replace(HOME, phone=phone)).phone) == 11


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone": "12812345678"},
        {"phone": "1381234567"},
        {"phone": "138123456789"},
        {"phone": "021-62580000"},
        {"phone": "１３８１２３４５６７８"},
        {"phone": ""},
        {"phone": "13812345678\n"},
        {"recipient": ""},
        {"recipient": "   "},
        {"recipient": "王" * 61},
        {"recipient": "王\0明"},
        {"street": "路" * 201},
        {"street": "一\n二"},
        {"province": "省" * 41},
        {"city": ""},
        {"district": "区" * 41},
        {"region_code": "31010"},
        {"region_code": "3101066"},
        {"region_code": "31010a"},
        {"region_code": "３１０１０６"},
    ],
)
def test_an_address_that_nobody_could_deliver_to_is_refused(wrong) -> None:
    with pytest.raises(BadInput, match=f"{next(iter(wrong)).split('_')[0]}.*allowed"):
        tidied(replace(HOME, **wrong))


async def test_the_first_address_is_the_default_one(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()

    first, second = await keep(given, shopper_id, nth(1)), await keep(given, shopper_id, nth(2))

    assert (first.is_default, second.is_default) == (True, False)
    assert (await queries.default_of(db, shopper_id)).id == first.id


async def test_the_same_address_again_is_the_one_that_is_kept(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()
    first, other = await keep(given, shopper_id), await keep(given, shopper_id, nth(2))

    again = await keep(given, shopper_id, replace(other.destination, recipient=" 王小明 "), is_default=True)

    assert (again.id, again.is_default) == (other.id, True)
    assert await defaults(db, shopper_id) == [other.id]
    assert (await queries.by_ids(db, [first.id]))[first.id].is_default is False


async def test_in_a_race_for_the_default_one_wins(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()

    kept = await gather(*(keep(given, shopper_id, nth(number), is_default=True) for number in range(20)))
    made = await gather(
        *(actions.make_default(db, address_id=each.id, shopper_id=shopper_id) for each in kept[:10]),
        *(actions.delete(db, address_id=each.id, shopper_id=shopper_id) for each in kept[10:]),
    )

    assert len(made) == 20
    assert len(await defaults(db, shopper_id)) == 1
    assert await db.value(select(func.count()).select_from(addresses)) == 10


async def test_fifty_addresses_are_kept_and_no_more(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()
    for number in range(MOST_ADDRESSES - 3):
        await keep(given, shopper_id, nth(number))

    more = (keep(given, shopper_id, nth(number)) for number in range(100, 120))
    outcomes = await gather(*more, return_exceptions=True)

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"Address": 3, "TooManyAddresses": 17}
    assert await db.value(select(func.count()).select_from(addresses)) == MOST_ADDRESSES
    with pytest.raises(TooManyAddresses):
        await keep(given, shopper_id, nth(999))


async def test_nobody_touches_anothers_address(given: Given, db: Database) -> None:
    mine, stranger = await keep(given, await given.shopper()), await given.shopper()
    whose = {"address_id": mine.id, "shopper_id": stranger}

    for touch in (
        actions.update(db, destination=nth(9), now=given.now, **whose),
        actions.make_default(db, **whose),
        actions.delete(db, **whose),
        queries.destination(db, **whose),
    ):
        with pytest.raises(NotFound):
            await touch
    assert (await queries.by_ids(db, [mine.id]))[mine.id] == mine
    assert (await queries.of_shopper(db, stranger, first=50)).rows == []


async def test_when_the_default_one_goes_the_newest_takes_over(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()
    first, second, third = [await keep(given, shopper_id, nth(number)) for number in range(3)]

    for gone, left in ((second, first), (first, third), (third, None)):
        await actions.delete(db, address_id=gone.id, shopper_id=shopper_id)
        assert await defaults(db, shopper_id) == ([left.id] if left else [])


async def test_an_address_changes_and_keeps_its_place(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()
    kept = await keep(given, shopper_id)

    changed = await actions.update(db, address_id=kept.id, shopper_id=shopper_id, destination=nth(7), now=given.now)

    assert changed == replace(kept, destination=nth(7))
    assert await queries.destination(db, address_id=kept.id, shopper_id=shopper_id) == nth(7)


async def test_addresses_come_in_pages_newest_first(given: Given, db: Database) -> None:
    shopper_id = await given.shopper()
    kept = [(await keep(given, shopper_id, nth(number))).id for number in range(5)]

    first = await queries.of_shopper(db, shopper_id, first=3)
    second = await queries.of_shopper(db, shopper_id, first=3, after=first.cursors[-1])

    assert [each.id for each in [*first.rows, *second.rows]] == kept[::-1]
    with pytest.raises(BadInput, match="cursor"):
        await queries.of_shopper(db, new_id(), first=3, after="nonsense")
