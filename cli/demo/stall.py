"""What the merchandiser does: choose goods, put a sale up, watch its figures, close it. All of it by GraphQL."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from cli.demo.door import Answer, Door, expect
from cli.demo.plan import Plan
from domain.foundation import clock

PAGES = 5
"""Pages of a hundred products that are looked through for goods."""
SALE_SHARE = 0.6
OPENS_IN_SECONDS = 3.0
WINDOW = timedelta(minutes=10)
SETTLE_SECONDS = 20.0

PRODUCTS = """
query Products($after: String) {
  products(first: 100, after: $after, filter: {inStock: true}) {
    nodes { title skus { id available price { minor } options { value } } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_SALE = "__typename ... on FlashSale { id state opensAt items { id skuId } } ... on UserError { code message }"
CREATE = f"mutation Create($input: CreateFlashSaleInput!) {{ createFlashSale(input: $input) {{ {_SALE} }} }}"
SCHEDULE = f"mutation Schedule($id: ID!) {{ scheduleFlashSale(id: $id) {{ {_SALE} }} }}"
WARM = f"mutation Warm($id: ID!) {{ warmFlashSale(id: $id) {{ {_SALE} }} }}"
STOP = f"mutation Stop($id: ID!) {{ stopFlashSale(id: $id) {{ {_SALE} }} }}"
STATE = "query State($id: ID!) { flashSale(id: $id) { state } }"
STATISTICS = """
query Statistics($id: ID!) {
  flashSaleStatistics(id: $id) { reserved paid lapsed waiting seconds { at reserved paid lapsed } }
}"""


class NothingToSell(Exception):
    """The catalogue cannot fill the sale; the message says why."""


@dataclass(frozen=True)
class Goods:
    """A SKU that may be sold."""

    sku_id: str
    title: str
    options: str
    price_minor: int
    available: int


@dataclass(frozen=True)
class Offer:
    """Some goods in the sale."""

    goods: Goods
    units: int
    sale_price_minor: int
    item_id: str = ""


@dataclass(frozen=True)
class Sale:
    """The sale as it was put up."""

    id: str
    title: str
    opens_at: datetime
    offers: Sequence[Offer]


async def goods_for_sale(door: Door) -> list[Goods]:
    """Of each published product the SKU that has most units; of some hundred products, the newest first."""
    goods: list[Goods] = []
    after = None
    for _ in range(PAGES):
        page = await door.ask(PRODUCTS, after=after)
        goods += [_most_plentiful(product) for product in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    return goods


def choose(goods: Sequence[Goods], plan: Plan) -> list[Offer]:
    """Some of the goods, as many SKUs as the plan wants or fewer that have enough units. Raises NothingToSell."""
    for items in range(min(plan.skus, len(goods), plan.units), 0, -1):
        shares = plan.share_out(items)
        plenty = [one for one in goods if one.available >= shares[0]]
        if len(plenty) >= items:
            chosen = Random(plan.seed).sample(plenty, items)  # noqa: S311 - nothing here is secret
            return [Offer(one, units, sale_price(one)) for one, units in zip(chosen, shares, strict=True)]
    raise NothingToSell(f"no published SKUs have {plan.units:,} units between them; --units makes the sale smaller")


class Stall:
    """The merchandiser's side of the market."""

    def __init__(self, door: Door, token: str) -> None:
        self._door = door
        self.token = token

    async def put_up(self, plan: Plan, offers: Sequence[Offer], *, title: str, key: str) -> Sale:
        """Create, schedule and warm a sale that opens in some seconds, at a whole one."""
        opens_at = clock.now().replace(microsecond=0) + timedelta(seconds=math.ceil(OPENS_IN_SECONDS) + 1)
        items = [
            {
                "skuId": offer.goods.sku_id,
                "salePriceMinor": offer.sale_price_minor,
                "units": offer.units,
                "perShopper": 1,
                "waitingPlaces": offer.units,
            }
            for offer in offers
        ]
        wish = {
            "title": title,
            "items": items,
            "paySeconds": plan.pay_seconds,
            "opensAt": opens_at.isoformat(),
            "closesAt": (opens_at + WINDOW).isoformat(),
            "idempotencyKey": key,
        }
        created = await self._change(CREATE, input=wish)
        await self._change(SCHEDULE, id=created["id"])
        await self._change(WARM, id=created["id"])
        item_ids = {item["skuId"]: item["id"] for item in created["items"]}
        named = [replace(offer, item_id=item_ids[offer.goods.sku_id]) for offer in offers]
        return Sale(created["id"], title, opens_at, named)

    async def statistics(self, sale: Sale) -> Answer:
        """The sale in figures, as the market tells them."""
        return await self._door.ask(STATISTICS, self.token, id=sale.id)

    async def close(self, sale: Sale) -> bool:
        """Stop the sale; whether everything of it was settled in time."""
        await self._change(STOP, id=sale.id)
        deadline = clock.now() + timedelta(seconds=SETTLE_SECONDS)
        while clock.now() < deadline:
            # with a token: an anonymous answer may be a second old
            found = await self._door.ask(STATE, self.token, id=sale.id)
            if found["state"] == "SETTLED":
                return True
            await asyncio.sleep(0.2)
        return False

    async def _change(self, operation: str, **variables: object) -> Answer:
        return expect(await self._door.ask(operation, self.token, **variables), "FlashSale")


def sale_price(goods: Goods) -> int:
    """Some 60 % of the price, ending in .90 where that is possible."""
    rounded = int(goods.price_minor * SALE_SHARE) // 100 * 100 - 10
    return rounded if rounded > 0 else max(goods.price_minor // 2, 1)


def _most_plentiful(product: Answer) -> Goods:
    sku = max(product["skus"], key=lambda sku: int(sku["available"]))
    options = " · ".join(option["value"] for option in sku["options"])
    return Goods(sku["id"], product["title"], options, sku["price"]["minor"], sku["available"])
