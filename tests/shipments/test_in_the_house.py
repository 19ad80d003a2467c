"""Everything together: a parcel leaves, and workers, WeChat and the tracking company do the rest by themselves."""

import asyncio

import pytest

from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.shipments.rules import ShipmentState, UploadState
from tests.given import Given
from tests.running import house_of_its_own


async def until(looks, *, seconds=40.0):
    for _ in range(int(seconds / 0.2)):
        if await looks():
            return
        await asyncio.sleep(0.2)
    raise TimeoutError(looks.__name__)


@pytest.fixture
def house():
    with house_of_its_own() as house:
        yield house


async def test_a_parcel_is_told_followed_and_seen(house):
    market = Market.open(house.settings)
    given = Given(market, now=clock.now())
    order = await given.bought()
    parcel = await given.shipped(order)

    async def is_told():
        return [upload.state for upload in await given.uploads([order])] == [UploadState.UPLOADED]

    async def is_seen():
        return (await given.shipment_again(parcel.id)).state is ShipmentState.MOVING

    await until(is_told)
    await until(is_seen)
    await market.close()
