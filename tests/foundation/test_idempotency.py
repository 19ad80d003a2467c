"""Same key, same answer, however many ask at once."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from domain.foundation import idempotency
from domain.foundation.errors import BadInput, IdempotencyConflict
from domain.foundation.idempotency import Replay, check_key, fingerprint, keys
from domain.foundation.ids import new_id

KEY = "request-1"


class Shop:
    """Somebody who refunds, with a key, and counts how often it was really done."""

    def __init__(self, db, owner_id):
        self.db = db
        self.owner_id = owner_id
        self.done = []

    async def refund(self, minor, key=KEY, *, owner_id=None, fails=False, until=None):
        """The answer, and whether it was replayed."""
        owner_id = owner_id or self.owner_id
        async with self.db.transaction() as tx:
            request = {"minor": minor}
            replay = await idempotency.begin(tx, owner_id=owner_id, key=key, operation="refund", request=request)
            if replay:
                return replay
            if until:
                await until.wait()
            if fails:
                raise RuntimeError("the gateway is away")
            self.done.append(minor)
            answer = {"refunded": minor, "number": len(self.done)}
            await idempotency.finish(tx, owner_id=owner_id, key=key, answer=answer)
        return answer


@pytest.fixture
def shop(db, somebody):
    return Shop(db, somebody)


async def once_somebody_waits_for_a_lock(db):
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5):
        while not await db.value(waits):
            await asyncio.sleep(0.01)


async def test_the_same_request_again_gets_the_first_answer(shop):
    first = await shop.refund(1990)

    again = [await shop.refund(1990) for _ in range(3)]

    assert first == {"refunded": 1990, "number": 1}
    assert again == [Replay(first)] * 3
    assert shop.done == [1990]


async def test_the_same_key_for_another_request_is_refused(shop):
    await shop.refund(1990)

    with pytest.raises(IdempotencyConflict) as refused:
        await shop.refund(1991)

    assert refused.value.key == KEY
    assert shop.done == [1990]
    assert await shop.refund(1990) == Replay({"refunded": 1990, "number": 1})


async def test_the_same_key_for_another_operation_is_refused(shop, db):
    await shop.refund(1990)

    with pytest.raises(IdempotencyConflict):
        async with db.transaction() as tx:
            request = {"minor": 1990}
            await idempotency.begin(tx, owner_id=shop.owner_id, key=KEY, operation="cancel", request=request)


async def test_another_key_and_another_owner_are_another_request(shop):
    await shop.refund(1990)

    await shop.refund(1990, "request-2")
    await shop.refund(1990, owner_id=new_id())

    assert shop.done == [1990, 1990, 1990]


async def test_of_many_at_once_one_does_the_work_and_the_others_replay_it(shop):
    answers = await asyncio.gather(*(shop.refund(1990) for _ in range(15)))

    assert Counter(map(type, answers)) == {dict: 1, Replay: 14}
    assert {answer.answer["number"] for answer in answers if isinstance(answer, Replay)} == {1}
    assert shop.done == [1990]


async def test_the_second_waits_for_the_first_and_replays_it(shop, db):
    may_finish = asyncio.Event()
    first = asyncio.create_task(shop.refund(1990, until=may_finish))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(shop.refund(1990))
    await once_somebody_waits_for_a_lock(db)
    assert not second.done()

    may_finish.set()

    assert await first == {"refunded": 1990, "number": 1}
    assert await second == Replay(await first)
    assert shop.done == [1990]


async def test_when_the_first_rolls_back_the_second_does_the_work(shop, db):
    may_fail = asyncio.Event()
    first = asyncio.create_task(shop.refund(1990, until=may_fail, fails=True))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(shop.refund(1990))
    await once_somebody_waits_for_a_lock(db)

    may_fail.set()

    with pytest.raises(RuntimeError):
        await first
    assert await second == {"refunded": 1990, "number": 1}
    assert shop.done == [1990]


async def test_a_refusal_leaves_the_key_free(shop, db):
    with pytest.raises(RuntimeError):
        await shop.refund(1990, fails=True)

    assert await db.column(select(keys.c.key)) == []
    assert await shop.refund(1991) == {"refunded": 1991, "number": 1}


@pytest.mark.parametrize("key", ["request1", "a" * 64, "0b9d7b6e-3a53-4f57-9d2e-3ad8a0f4b6f1", "A_b.c:d-9"])
def test_a_key_is_8_to_64_plain_characters(key):
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key", ["", "seven77", "a" * 65, "with space", "new\nline1", "request-1\n", "请求请求请求请求", "a/b/c/d/e"]
)
def test_a_malformed_key_is_refused(key):
    with pytest.raises(BadInput, match=r"is malformed; allowed: 8 to 64 letters, digits or _ . : -") as refused:
        check_key(key)

    assert len(str(refused.value)) < 200


async def test_with_a_malformed_key_nothing_is_done_and_nothing_kept(shop, db):
    with pytest.raises(BadInput, match="'seven77' is malformed"):
        await shop.refund(1990, "seven77")

    assert shop.done == []
    assert await db.column(select(keys.c.key)) == []


def test_a_fingerprint_stands_for_the_content_whatever_its_order():
    mark = fingerprint("refund", {"order": 1, "lines": [1, 2], "more": {"a": 1, "b": 2}})

    assert fingerprint("refund", {"more": {"b": 2, "a": 1}, "lines": [1, 2], "order": 1}) == mark
    assert fingerprint("refund", {"more": {"b": 2, "a": 1}, "lines": [2, 1], "order": 1}) != mark
    assert fingerprint("cancel", {"order": 1, "lines": [1, 2], "more": {"a": 1, "b": 2}}) != mark
    assert fingerprint("refund", {"order": "1", "lines": [1, 2], "more": {"a": 1, "b": 2}}) != mark
    assert len(mark) == 16


async def test_keys_are_forgotten_after_a_month(shop, db):
    await shop.refund(1990, "request-of-old")
    await shop.refund(1990, "request-of-now")
    async with db.transaction() as tx:
        old = await tx.value(text("SELECT now()")) - timedelta(days=31)
        await tx.execute(update(keys).where(keys.c.key == "request-of-old").values(used_at=old))

    async with db.transaction() as tx:
        gone = await idempotency.forget(tx)

    assert gone == 1
    assert await db.column(select(keys.c.key)) == ["request-of-now"]


async def test_looking_for_an_answer_takes_no_key(db, shop):
    def recall(minor, key=KEY):
        request = {"minor": minor}
        return idempotency.recall(db, owner_id=shop.owner_id, key=key, operation="refund", request=request)

    before = await recall(100)
    answer = await shop.refund(100)

    assert (before, await recall(100)) == (None, Replay(answer))
    with pytest.raises(IdempotencyConflict):
        await recall(200)
    with pytest.raises(BadInput):
        await recall(100, key="short")
