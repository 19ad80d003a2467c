"""The line before a sale: so many a second, in order of arrival, nobody twice."""

import asyncio
import hashlib
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.flash_sales import admission
from domain.flash_sales.admission import AdmissionDesk, Place
from domain.flash_sales.rules import FlashSaleBusy, FlashSalePlaceRefused
from domain.foundation import clock, metrics, redis
from domain.foundation.ids import new_id
from domain.foundation.redis import connect

RATE = 100
STEP = timedelta(milliseconds=10)


CLOCK = "clock-of-the-gate"


class Script(redis.Script):
    """The script, on a gate whose time is set by hand."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.text, replaced = re.subn(r"'TIME'", f"'LRANGE', '{CLOCK}', 0, 1", self.text)
        assert replaced == 1
        self.sha = hashlib.sha1(self.text.encode()).hexdigest()


@pytest.fixture
def set_clock(gate, monkeypatch):
    """`await set_clock(now)`: the gate's time from now on."""

    async def set_clock(now):
        seconds, us = divmod(int(now.timestamp() * 1_000_000), 1_000_000)
        await gate.delete(CLOCK)
        await gate.rpush(CLOCK, seconds, us)

    monkeypatch.setattr(admission, "_script", Script(Path(admission.__file__).parent / "admission.lua"))
    return set_clock


class Crowd:
    """Shoppers who stand in line before one sale; a clock that is set by hand."""

    def __init__(self, desk: AdmissionDesk, sale, set_clock, *, patient: bool) -> None:
        self.desk, self.sale, self.patient = desk, sale, patient
        self.set_clock = set_clock
        self.opens_at = sale.opens_at
        self.now = self.opens_at
        self.arrived, self.admitted = [], []
        self.next_at, self.places = {}, {}
        self.polls = Counter()
        self.positions = {}

    async def arrive(self, shopper_ids) -> None:
        self.arrived += shopper_ids
        await self._ask(shopper_ids)

    async def run(self, *, until_second: float) -> None:
        """Let time pass, everybody asking as they were told: at their turn, or after `pollAfterMs` when `patient`."""
        while self.now < self.opens_at + timedelta(seconds=until_second):
            self.now += STEP
            await self._ask([shopper_id for shopper_id, at in self.next_at.items() if at <= self.now])

    async def _ask(self, shopper_ids) -> None:
        await self.set_clock(self.now)
        answers = await asyncio.gather(
            *(self.desk.ask(self.sale, shopper_id=one, place=self.places.get(one), now=self.now) for one in shopper_ids)
        )
        for shopper_id, answer in zip(shopper_ids, answers, strict=True):
            self._note(shopper_id, answer)

    def _note(self, shopper_id, answer: Place | None) -> None:
        if answer is None:
            self.admitted.append((shopper_id, self.now))
            self.next_at.pop(shopper_id, None)
            return
        self.polls[int((self.now - self.opens_at) / timedelta(milliseconds=100))] += 1
        assert answer.position <= self.positions.get(shopper_id, answer.position), "positions only fall"
        self.positions[shopper_id] = answer.position
        self.places[shopper_id] = answer.token
        pause = timedelta(milliseconds=answer.poll_after_ms)
        self.next_at[shopper_id] = self.now + pause if self.patient else answer.admitted_at

    @property
    def admitted_per_second(self) -> list[int]:
        counted = Counter(int((at - self.opens_at).total_seconds()) for _, at in self.admitted)
        return [counted[second] for second in range(max(counted) + 1)]

    @property
    def admitted_ids(self):
        return [shopper_id for shopper_id, _ in self.admitted]


@pytest.fixture
async def sale(given):
    """An open sale that lets in a hundred a second."""
    return (await given.flash_sale(admissions_per_second=RATE)).sale


@pytest.fixture
def desk(gate, settings):
    return AdmissionDesk(gate, key=settings.signing_secret)


def ids(number):
    return [new_id() for _ in range(number)]


async def test_two_thousand_shoppers_come_in_at_a_hundred_a_second_in_order_of_arrival(desk, sale, set_clock):
    crowd = Crowd(desk, sale, set_clock, patient=False)

    await crowd.arrive(ids(2_000))
    await crowd.run(until_second=21)

    assert crowd.admitted_per_second == [RATE] * 20
    assert crowd.admitted_ids == crowd.arrived


async def test_whoever_asks_as_told_is_let_in_soon_after_their_turn_and_polls_spread(desk, sale, set_clock):
    crowd = Crowd(desk, sale, set_clock, patient=True)

    await crowd.arrive(ids(2_000))
    await crowd.run(until_second=22)

    assert sorted(crowd.admitted_ids) == sorted(crowd.arrived)
    assert max(crowd.admitted_per_second) <= RATE
    assert sum(crowd.polls.values()) < 9 * 2_000, "few polls for a wait of up to twenty seconds"
    crowd.polls.pop(0)  # the arrival itself
    assert max(crowd.polls.values()) < 2_000 / 5, "who came at one moment does not ask again at one moment"


async def test_a_lost_gate_costs_nobody_their_place(desk, sale, gate, set_clock):
    crowd = Crowd(desk, sale, set_clock, patient=False)
    await crowd.arrive(ids(1_000))
    await crowd.run(until_second=5)

    await gate.flushdb()
    await crowd.arrive(ids(200))
    await crowd.run(until_second=13)

    assert crowd.admitted_per_second == [RATE] * 12
    assert crowd.admitted_ids == crowd.arrived, "newcomers stand behind those the gate has forgotten"


async def test_another_process_takes_a_signed_place_back_after_the_gate_was_lost(desk, sale, gate, settings, set_clock):
    crowd = Crowd(desk, sale, set_clock, patient=False)
    await crowd.arrive(ids(500))
    await crowd.run(until_second=1)
    await gate.flushdb()

    crowd.desk = AdmissionDesk(gate, key=settings.signing_secret)
    await crowd.run(until_second=6)

    assert crowd.admitted_ids == crowd.arrived
    before, lost, *after = crowd.admitted_per_second
    assert (before, max(after)) == (RATE, RATE)
    assert RATE <= lost <= 2 * RATE, "how many had come in during this second was lost"


async def test_asking_again_gives_the_same_place_and_once_let_in_one_stays_in(desk, sale, gate, set_clock):
    first, second = ids(2)
    now = sale.opens_at
    await set_clock(now)
    await asyncio.gather(*(desk.ask(sale, shopper_id=one, place=None, now=now) for one in ids(30)))

    places = [await desk.ask(sale, shopper_id=first, place=None, now=now) for _ in range(3)]
    behind = await desk.ask(sale, shopper_id=second, place=None, now=now)
    much_later = now + timedelta(seconds=30)
    await set_clock(much_later)
    answers = [await desk.ask(sale, shopper_id=first, place=places[0].token, now=much_later) for _ in range(3)]

    assert [place.position for place in places] == [21, 21, 21], "ten of the thirty came in at once"
    assert behind.position == 22
    assert places[0].admitted_at == now + timedelta(milliseconds=210)
    assert answers == [None, None, None]
    assert await gate.hget(f"{{fsq:{sale.id.hex}}}:line", "admitted") == b"1"


async def test_whoever_missed_their_turn_comes_in_later_but_never_more_than_the_rate_in_a_second(desk, sale, set_clock):
    late = ids(300)
    crowd = Crowd(desk, sale, set_clock, patient=False)
    await crowd.arrive(late)
    crowd.now += timedelta(seconds=10)

    await crowd.run(until_second=15)

    assert crowd.admitted_per_second[10:] == [RATE, RATE, RATE - 10]
    assert sum(crowd.admitted_per_second[:10]) == 10


async def test_what_nobody_used_is_not_saved_up(desk, sale, set_clock):
    crowd = Crowd(desk, sale, set_clock, patient=False)
    crowd.now += timedelta(seconds=30)

    await crowd.arrive(ids(250))
    await crowd.run(until_second=34)

    assert crowd.admitted_per_second[30:] == [RATE, RATE, RATE // 2]


@pytest.mark.parametrize("seconds", [-60, 60])
async def test_a_process_whose_clock_is_wrong_changes_nothing(gate, settings, sale, set_clock, seconds):
    right, wrong = (AdmissionDesk(gate, key=settings.signing_secret) for _ in range(2))
    now = sale.opens_at + timedelta(minutes=5)
    its_now = now + timedelta(seconds=seconds)
    await set_clock(now)

    by_wrong = [await wrong.ask(sale, shopper_id=one, place=None, now=its_now) for one in ids(15)]
    by_right = [await right.ask(sale, shopper_id=one, place=None, now=now) for one in ids(15)]

    assert by_wrong[:10] == [None] * 10, "the burst of this moment"
    waiting = [*by_wrong[10:], *by_right]
    assert [place.position for place in waiting] == list(range(1, 21))
    turns = [(place.admitted_at - now) / timedelta(milliseconds=10) for place in waiting]
    assert turns == list(range(1, 21)), "a hundredth of a second for each"
    await set_clock(now + timedelta(seconds=1))
    assert [await right.ask(sale, shopper_id=one, place=None, now=now) for one in ids(5)] == [None] * 5


async def test_the_time_is_the_gates(desk, sale):
    now = clock.now()
    sale = replace(sale, opens_at=now - timedelta(seconds=100), closes_at=now + timedelta(hours=1))

    for minutes in (1, -1):
        crowd = await asyncio.gather(
            *(desk.ask(sale, shopper_id=one, place=None, now=now + timedelta(minutes=minutes)) for one in ids(200))
        )
        last = max((place for place in crowd if place is not None), key=lambda place: place.position)
        assert 100 <= last.position <= 400
        assert timedelta(0) < last.admitted_at - now < timedelta(seconds=10)


async def test_a_sale_without_a_rate_lets_everybody_in(desk, given, gate):
    sale = (await given.flash_sale()).sale

    assert await desk.ask(sale, shopper_id=new_id(), place=None, now=given.now) is None
    assert await gate.keys("{fsq:*") == []


async def test_a_malformed_forged_foreign_or_old_place_is_refused(desk, sale, given, settings, gate):
    mine, theirs = ids(2)
    key, until_ms = settings.signing_secret, int(given.now.timestamp() * 1000) + 1
    good = admission.sign(key, sale.id, mine, number=7, until_ms=until_ms)
    places = {
        "malformed": good + "A",
        "forged": admission.sign(b"x" * 32, sale.id, mine, number=7, until_ms=until_ms),
        "another shopper's": admission.sign(key, sale.id, theirs, number=7, until_ms=until_ms),
        "of another sale": admission.sign(key, new_id(), mine, number=7, until_ms=until_ms),
        "expired": admission.sign(key, sale.id, mine, number=7, until_ms=until_ms - 1),
    }

    refused = {}
    for name, place in places.items():
        with pytest.raises(FlashSalePlaceRefused) as raised:
            await desk.ask(sale, shopper_id=mine, place=place, now=given.now)
        refused[name] = raised.value.reason

    assert refused == {name: name for name in places}
    assert await gate.keys("{fsq:*") == []


async def test_the_line_goes_an_hour_after_the_sale(desk, given, gate, set_clock):
    sale = (await given.flash_sale(admissions_per_second=1)).sale
    shortly_before = sale.closes_at - timedelta(minutes=1)
    await set_clock(shortly_before)

    await desk.ask(sale, shopper_id=new_id(), place=None, now=shortly_before)

    lives = [await gate.pttl(f"{{fsq:{sale.id.hex}}}:{name}") for name in ("line", "places")]
    assert all(3_650_000 < ms <= 3_660_000 for ms in lives)


async def test_a_gate_that_does_not_answer_is_told(sale, given, settings):
    desk = AdmissionDesk(connect("redis://127.0.0.1:9"), key=settings.signing_secret)

    with pytest.raises(FlashSaleBusy):
        await desk.ask(sale, shopper_id=new_id(), place=None, now=given.now)


async def test_what_is_counted(desk, sale, set_clock):
    await set_clock(sale.opens_at)
    before = metrics.admissions.labels("waiting")._value.get()

    await asyncio.gather(*(desk.ask(sale, shopper_id=one, place=None, now=sale.opens_at) for one in ids(50)))

    assert metrics.admissions.labels("waiting")._value.get() - before == 40


async def test_who_waits_is_counted_over_all_lines_that_are_asked_for(desk, given, set_clock, monkeypatch):
    now_us = 0
    monkeypatch.setattr(clock, "steady_us", lambda: now_us)
    first, second = [(await given.flash_sale(admissions_per_second=RATE)).sale for _ in range(2)]
    await set_clock(max(first.opens_at, second.opens_at))

    async def ask(sale, shoppers):
        await asyncio.gather(*(desk.ask(sale, shopper_id=one, place=None, now=sale.opens_at) for one in ids(shoppers)))

    await ask(first, 50)
    now_us = 6_000_000
    await ask(second, 30)
    counted = [waiting()]
    now_us = 10_000_000
    counted.append(waiting())
    now_us = 16_000_000
    counted.append(waiting())

    assert counted == [60, 20, 0]


def waiting():
    """What a scrape is told."""
    [metric] = metrics.shoppers_waiting.collect()
    return metric.samples[0].value
