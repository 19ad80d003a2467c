"""Product lists per second: twenty products with their SKUs, prices and stock, executed and shared; statements per operation."""

import itertools

import orjson

from benchmarks import load
from benchmarks.figures import Figure
from cli.house import House

LIST = """
{ products(first: 20) { nodes { id title lowestPrice { amount } skus { id code price { amount } available } } } }
"""
# Measured elsewhere on one core of such a machine, each peer with its own list of 20; every one of them oversells.
SEARCH_INDEX_PEER = 488
REST_MALL_PEER = 3_780


async def executed(house: House, *, seconds: float) -> load.LoadResult:
    """Every answer executed: an unused variable makes each body another, and only equal bodies share an answer.

    The rows behind it are remembered for a second, as they are for signed-in shoppers. Each comes from another address:
    of one address they would be too many.
    """
    bodies = (
        (b"x-forwarded-for: 10.0.%d.%d\r\n" % (number >> 8 & 255, number & 255), _list(number))
        for number in itertools.count()
    )
    await load.run(f"{house.url}/graphql", bodies, connections=32, seconds=1)
    return await load.run(f"{house.url}/graphql", bodies, connections=32, seconds=seconds)


def _list(number: int) -> bytes:
    return orjson.dumps({"query": LIST, "variables": {"n": number}})


async def shared(house: House, *, seconds: float) -> load.LoadResult:
    """The same anonymous question by everybody: executed once a second, shared in between."""
    body = orjson.dumps({"query": LIST})
    await load.run(f"{house.url}/graphql", itertools.repeat(body), connections=64, seconds=1)
    return await load.run(f"{house.url}/graphql", itertools.repeat(body), connections=64, seconds=seconds)


async def measure(house: House, *, seconds: float, bare_rate: float) -> list[Figure]:
    """Both ways of answering."""
    each = await executed(house, seconds=seconds)
    once = await shared(house, seconds=seconds)
    assert set(each.statuses) == set(once.statuses) == {200}, (each.statuses, once.statuses)
    return [
        Figure(
            "list of 20 with SKUs and stock, each executed on rows of at most 1 s ago",
            each.per_second,
            "lists/s",
            bare_rate,
            f"> {SEARCH_INDEX_PEER}/s",
        ),
        Figure("list, executed: median", each.p50_ms, "ms"),
        Figure("the same list, shared for a second", once.per_second, "lists/s", bare_rate, f"> {REST_MALL_PEER:,}/s"),
        Figure("list, shared: median", once.p50_ms, "ms"),
    ]
