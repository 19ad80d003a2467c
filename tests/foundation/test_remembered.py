import asyncio

import pytest

from domain.foundation.remembered import Remembered


class Look:
    """A look-up that counts."""

    def __init__(self, *, fails: bool = False) -> None:
        self.times, self.fails = 0, fails

    async def up(self) -> int:
        self.times += 1
        await asyncio.sleep(0.01)
        if self.fails:
            raise OSError("no answer")
        return self.times


async def test_many_at_once_are_answered_by_one_look_up():
    remembered, look = Remembered(seconds=60), Look()

    answers = await asyncio.gather(*(remembered.get("key", look.up) for _ in range(50)))

    assert (answers, look.times) == ([1] * 50, 1)


async def test_an_answer_is_kept_for_its_seconds_and_no_longer():
    remembered, look = Remembered(seconds=0.05), Look()

    first, second = await remembered.get("key", look.up), await remembered.get("key", look.up)
    await asyncio.sleep(0.06)
    third = await remembered.get("key", look.up)

    assert (first, second, third) == (1, 1, 2)


async def test_a_failure_is_told_to_all_who_wait_and_not_kept():
    remembered, look = Remembered(seconds=60), Look(fails=True)

    told = await asyncio.gather(*(remembered.get("key", look.up) for _ in range(3)), return_exceptions=True)
    look.fails = False
    await asyncio.sleep(0)

    assert [type(error) for error in told] == [OSError] * 3
    assert await remembered.get("key", look.up) == 2


async def test_who_gives_up_does_not_take_the_answer_from_the_others():
    remembered, look = Remembered(seconds=60), Look()

    patient = asyncio.create_task(remembered.get("key", look.up))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(remembered.get("key", look.up), 0.001)

    assert await patient == 1


async def test_what_is_kept_is_bounded():
    remembered, look = Remembered(seconds=60, capacity=3), Look()

    for key in range(10):
        await remembered.get(key, look.up)

    assert len(remembered._kept) <= 3
