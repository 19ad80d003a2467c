"""The gate on a real three-node cluster: the same code, the same answers."""

from datetime import timedelta

import pytest

from domain.flash_sales import gate as gates
from domain.flash_sales import reserving
from domain.flash_sales.rebuilding import balance, rebuild
from domain.foundation import embedded
from domain.foundation.redis import connect
from domain.foundation.runtime import Market
from tests.audit import assert_clean
from tests.given import Given


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with embedded.start_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def on_cluster(cluster, market, clean, now):
    """Builders over a market whose gate is the cluster."""
    gate = connect(cluster.url, cluster=True)
    await gate.flushall(target_nodes="primaries")
    yield Given(Market(market.settings, market.db, gate), now=now)
    await gate.aclose()


async def test_a_sale_in_buckets_spreads_over_the_nodes_and_sells_every_unit_once(on_cluster):
    market = on_cluster.market
    sale = await on_cluster.flash_sale(units=60, buckets=12)
    nodes = {market.gate.get_node_from_key(gates.keys(lane).gate).name for lane in sale.item.lanes}
    desk = on_cluster.desk()
    sold = 0

    for shopper_id in await on_cluster.shoppers(300):
        try:
            await desk.claim(
                leave=on_cluster.leave(sale.item, shopper_id),
                shopper_id=shopper_id,
                quantity=1,
                request_id="request-1",
                now=on_cluster.now,
            )
            sold += 1
        except Exception:
            await balance(market.gate, sale.item)
    reserved = await on_cluster.reserved_all(sale.item)

    assert len(nodes) == 3
    assert (sold, reserved) == (60, 60)
    await assert_clean(market)


async def test_a_cluster_gate_is_rebuilt_with_its_queue(on_cluster):
    market = on_cluster.market
    sale = await on_cluster.flash_sale(units=12, buckets=4)  # one bucket can serve all three shoppers
    desk = on_cluster.desk()
    for shopper_id in await on_cluster.shoppers(3):
        leave = on_cluster.leave(sale.item, shopper_id)
        await desk.claim(leave=leave, shopper_id=shopper_id, quantity=1, request_id="request-1", now=on_cluster.now)

    epoch = await rebuild(market.db, market.gate, item_id=sale.item.id, reason="test")

    figures = [await gates.figures(market.gate, lane=lane) for lane in sale.item.lanes]
    reserved = 0
    for lane in sale.item.lanes:
        batch = await reserving.reserve(
            market.db, market.gate, lane=lane, limit=10, now=on_cluster.now + timedelta(seconds=1)
        )
        reserved += batch.reserved
    assert epoch == sale.item.epoch + 1
    assert sum(f.free for f in figures) == 9
    assert reserved == 3
    await assert_clean(market)
