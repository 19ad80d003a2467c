"""Counting requests: exactly in the gate, nearly exactly in memory, and without a gate."""

import asyncio
from collections import Counter

import pytest
from structlog.testing import capture_logs

from domain.foundation import embedded, metrics, rate_desk
from domain.foundation.errors import RateLimited
from domain.foundation.rate_desk import RateDesk
from domain.foundation.rates import FIGURES, By, Rate
from domain.foundation.redis import connect

MEI = [(By.SHOPPER, "mei")]
MEI_AT_HOME = [(By.SHOPPER, "mei"), (By.DEVICE, "phone")]
LOGINS = FIGURES[Rate.LOGIN].each.burst
CLAIMS = FIGURES[Rate.CLAIM].each.burst


async def outcomes(desk, who, charges, times):
    """How many were let in and how many refused."""
    answers = await asyncio.gather(*(desk.admit(who, charges) for _ in range(times)), return_exceptions=True)
    return Counter(type(answer) for answer in answers)


async def settled(*desks):
    """Everything told to the gate."""
    while any(desk._telling or desk._to_tell for desk in desks):
        await asyncio.sleep(0.005)


async def test_a_strict_class_lets_in_its_burst_and_says_when_to_come_again(gate):
    desk = RateDesk(gate)

    counted = await outcomes(desk, MEI, {Rate.LOGIN: 1}, LOGINS + 5)
    with pytest.raises(RateLimited) as refused:
        await desk.admit(MEI, {Rate.LOGIN: 1})

    assert counted == {type(None): LOGINS, RateLimited: 5}
    assert 4.0 < refused.value.retry_after <= 6.0, "ten a minute: the next one after six seconds"


async def test_requests_of_one_tick_share_one_script_call(gate):
    desk = RateDesk(gate)
    await desk.admit([(By.SHOPPER, "first")], {Rate.PAY: 1})  # loads the script
    before = await _script_calls(gate)

    await asyncio.gather(*(desk.admit([(By.SHOPPER, f"shopper {n}")], {Rate.PAY: 1}) for n in range(100)))

    assert await _script_calls(gate) - before == 1


async def test_several_processes_count_a_strict_class_exactly(gate):
    desks = [RateDesk(gate) for _ in range(4)]

    counted = sum([await outcomes(desk, MEI, {Rate.COUPON: 1}, 10) for desk in desks], Counter())

    assert counted == {type(None): 10, RateLimited: 30}


async def test_a_request_refused_to_a_device_is_not_charged_to_the_shopper(gate):
    desk = RateDesk(gate)
    await outcomes(desk, [(By.DEVICE, "phone")], {Rate.LOGIN: 1}, LOGINS)

    counted = await outcomes(desk, MEI_AT_HOME, {Rate.LOGIN: 1}, 20)

    assert counted == {RateLimited: 20}
    assert await outcomes(desk, MEI, {Rate.LOGIN: 1}, LOGINS + 1) == {type(None): LOGINS, RateLimited: 1}


async def test_aliased_fields_count_each(gate):
    desk = RateDesk(gate)

    await desk.admit(MEI, {Rate.LOGIN: 7})
    with pytest.raises(RateLimited) as refused:
        await desk.admit(MEI, {Rate.LOGIN: 7})
    with pytest.raises(RateLimited) as hopeless:
        await desk.admit(MEI, {Rate.LOGIN: LOGINS + 1})

    assert 20 < refused.value.retry_after <= 24, "four too many, six seconds each"
    assert hopeless.value.retry_after is None


async def test_a_relaxed_class_asks_nobody_until_an_eighth_is_spent(gate):
    desk = RateDesk(gate)

    for _ in range(3):
        await desk.admit(MEI, {Rate.CLAIM: 1})
    nothing = await gate.dbsize()
    await desk.admit(MEI, {Rate.CLAIM: 1})
    await settled(desk)

    assert (nothing, await gate.dbsize()) == (0, 1)


async def test_a_relaxed_class_lets_in_its_burst(gate):
    desk = RateDesk(gate)

    assert await outcomes(desk, MEI, {Rate.CLAIM: 1}, CLAIMS + 10) == {type(None): CLAIMS, RateLimited: 10}


async def test_a_process_learns_what_was_spent_in_another(gate):
    here, there = RateDesk(gate), RateDesk(gate)
    await outcomes(here, MEI, {Rate.CLAIM: 1}, CLAIMS)
    await settled(here)

    let_in = 0
    for _ in range(CLAIMS):
        let_in += (await outcomes(there, MEI, {Rate.CLAIM: 1}, 1))[type(None)]
        await settled(there)

    assert 4 <= let_in <= 6, "the eighth of the burst after which it is told, and what came back meanwhile"


async def test_whoever_stays_within_the_rate_in_each_process_is_told_of_all_the_same(gate):
    desk = RateDesk(gate)

    for _ in range(15):
        await desk.admit(MEI, {Rate.GENERAL: 1})
        await asyncio.sleep(0.101)  # ten a second come back
    await settled(desk)

    assert await gate.pttl("{rate:00}:general:shopper:mei") > 500


async def test_what_was_too_much_in_all_processes_together_is_a_debt(gate):
    here, there = RateDesk(gate), RateDesk(gate)
    await asyncio.gather(*(outcomes(desk, MEI, {Rate.CLAIM: 1}, CLAIMS) for desk in (here, there)))
    await settled(here, there)
    third = RateDesk(gate)
    await outcomes(third, MEI, {Rate.CLAIM: 1}, 4)
    await settled(third)

    with pytest.raises(RateLimited) as refused:
        await third.admit(MEI, {Rate.CLAIM: 1})

    # 28 of 30 were told by each, and 4 by the third; two come back each second
    assert 12 < refused.value.retry_after <= 15.5


async def test_a_mixed_request_is_charged_to_both_classes_or_to_none(gate):
    desk = RateDesk(gate)
    await outcomes(desk, MEI, {Rate.COUPON: 1}, 10)

    refused = await outcomes(desk, MEI, {Rate.GENERAL: 1, Rate.COUPON: 1}, 50)

    assert refused == {RateLimited: 50}
    assert await outcomes(desk, MEI, {Rate.GENERAL: 1}, 121) == {type(None): 120, RateLimited: 1}


async def test_what_has_come_back_is_forgotten(gate):
    desk = RateDesk(gate)
    for number in range(1_000):
        await desk.admit([(By.DEVICE, str(number))], {Rate.GENERAL: 1})
    for spent in desk._spent.values():
        spent.until_us -= rate_desk.FORGOTTEN_AFTER_US
    desk._swept_at_us -= rate_desk.SWEPT_EVERY_US
    await asyncio.sleep(0.15)

    await desk.admit(MEI, {Rate.GENERAL: 1})

    assert list(desk._spent) == ["general:shopper:mei"]


async def test_a_gate_that_does_not_answer_refuses_nobody_and_each_process_counts_for_itself():
    desk = RateDesk(connect("redis://127.0.0.1:9"))
    before = metrics.rates_uncounted._value.get()

    with capture_logs() as logs:
        counted = await outcomes(desk, MEI, {Rate.LOGIN: 1}, LOGINS)
    elsewhere = await outcomes(RateDesk(connect("redis://127.0.0.1:9")), MEI, {Rate.LOGIN: 1}, 1)
    refused = await outcomes(desk, MEI, {Rate.LOGIN: 1}, 1)

    assert counted == {type(None): LOGINS}
    assert elsewhere == {type(None): 1}
    assert refused == {RateLimited: 1}
    assert metrics.rates_uncounted._value.get() - before == LOGINS + 2
    assert [entry["event"] for entry in logs] == ["requests_counted_in_this_process_only"], "once a minute is enough"


async def test_a_gate_that_hangs_keeps_nobody_for_long():
    async def hang(reader, writer):
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        gate = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        desk = RateDesk(gate)

        async with asyncio.timeout(1.5):
            await desk.admit(MEI, {Rate.LOGIN: 1})
        await gate.aclose()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with embedded.start_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def on_cluster(cluster):
    gate = connect(cluster.url, cluster=True)
    await gate.flushall(target_nodes="primaries")
    yield gate
    await gate.aclose()


async def test_on_a_cluster_every_node_counts(on_cluster):
    desk = RateDesk(on_cluster)

    everybody = [[(By.SHOPPER, f"shopper {n}"), (By.DEVICE, f"phone {n}")] for n in range(60)]
    counted = [await outcomes(desk, who, {Rate.PAY: 1}, 12) for who in everybody]

    sizes = await on_cluster.dbsize(target_nodes="primaries")
    assert counted == [{type(None): 10, RateLimited: 2}] * 60
    assert sizes == 120
    for node in on_cluster.get_primaries():
        assert await on_cluster.dbsize(target_nodes=node) > 0


async def test_on_a_cluster_a_refused_request_gives_back_what_other_nodes_have_charged(on_cluster):
    desk = RateDesk(on_cluster)
    devices = [f"phone {n}" for n in range(20)]
    for device in devices:
        await outcomes(desk, [(By.DEVICE, device)], {Rate.LOGIN: 1}, LOGINS)

    refused = [await outcomes(desk, [*MEI, (By.DEVICE, device)], {Rate.LOGIN: 1}, 1) for device in devices]
    await settled(desk)

    assert refused == [{RateLimited: 1}] * 20
    assert await outcomes(desk, MEI, {Rate.LOGIN: 1}, LOGINS + 1) == {type(None): LOGINS, RateLimited: 1}


async def test_a_relaxed_class_is_told_to_a_cluster_too(on_cluster):
    here, there = RateDesk(on_cluster), RateDesk(on_cluster)
    await outcomes(here, MEI_AT_HOME, {Rate.CLAIM: 1}, CLAIMS)
    await settled(here)
    await outcomes(there, MEI_AT_HOME, {Rate.CLAIM: 1}, 4)
    await settled(there)

    assert await outcomes(there, MEI_AT_HOME, {Rate.CLAIM: 1}, 1) == {RateLimited: 1}


async def _script_calls(gate) -> int:
    commands = await gate.info("commandstats")
    return commands.get("cmdstat_evalsha", {"calls": 0})["calls"]
