"""The counter (柜台): a cart that becomes parcels, a unit that comes back, and money that comes too late. All by GraphQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cli.demo import errands
from cli.demo.door import Answer, Door, expect, sign_in
from cli.demo.patience import until
from cli.demo.stall import Goods
from cli.demo.till import Till
from cli.report import Scene
from domain.audit.rules import yuan
from domain.foundation import clock

MINIMUM_MINOR = 3_800
"""Home delivery only from 38 yuan: small orders cost more to carry than they bring."""
FREIGHT_MINOR, FREIGHT_MORE_MINOR, FREE_FROM_MINOR = 800, 200, 9_900
SALE_SHARE = 80
LONGEST_LINE = 999
LATE_MS = 1_200
HOME = {
    "recipient": "林小满",
    "phone": "13812345678",
    "province": "上海市",
    "city": "上海市",
    "district": "静安区",
    "regionCode": "310106",
    "street": "南京西路 1 号",
}


@dataclass
class Counter:
    """The counter of an open market, and who stands on both sides of it."""

    till: Till
    staff: str
    tag: str

    @property
    def door(self) -> Door:
        """The market's door."""
        return self.till.door

    async def serve(self, goods: Sequence[Goods], show: Callable[[str], None]) -> list[Scene]:
        """Every scene that these goods allow, in its order; what was told, for the report. Raises MarketFault."""
        if not of_cart(goods):
            show("too little is left for a cart")
            return []
        await self._set_rules(goods)
        shopper = await sign_in(self.door, f"{self.tag}-cart")
        home = await self._home_of(shopper)
        scenes = []
        for scene in (self._too_little, self._from_cart_to_parcels, self._late_money):
            scenes += await scene(shopper, home, goods)
            show(f"{scenes[-1].zh} {scenes[-1].en}" if scenes else "")
        show(f"{len(scenes)} scenes: {', '.join(scene.en for scene in scenes)}")
        return scenes

    async def _set_rules(self, goods: Sequence[Goods]) -> None:
        """A minimum order, freight, and a sale price for the first of the goods."""
        await self._run(errands.MINIMUM, input={"fulfilment": "DELIVERY", "minimumMinor": MINIMUM_MINOR})
        if not (await self._run(errands.TEMPLATES))["nodes"]:
            zone = {"regions": [], "firstMinor": FREIGHT_MINOR, "moreMinor": FREIGHT_MORE_MINOR}
            zone["freeFromMinor"] = FREE_FROM_MINOR
            template = {"name": "标准运费", "measure": "PIECE", "isDefault": True, "zones": [zone]}
            expect(await self._run(errands.FREIGHT, input=template), "FreightTemplate")
        first, now = of_cart(goods)[0][0], clock.now()
        price = {
            "skuId": first.sku_id,
            "priceMinor": max(first.price_minor * SALE_SHARE // 100, 1),
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(days=1)).isoformat(),
        }
        expect(await self._run(errands.SALE_PRICE, input=price), "SalePrice")

    async def _home_of(self, shopper: str) -> str:
        answer = await self.door.ask(errands.ADDRESS, shopper, input={"address": HOME, "isDefault": True})
        return str(expect(answer, "Address")["id"])

    async def _too_little(self, shopper: str, home: str, goods: Sequence[Goods]) -> list[Scene]:
        """One small thing is quoted, and refused for home delivery."""
        small = min(goods, key=lambda one: one.price_minor)
        wish = {"lines": [{"skuId": small.sku_id, "quantity": 1}], "fulfilment": {"delivery": {"addressId": home}}}
        quote = await self.door.ask(errands.QUOTE, shopper, input=wish)
        problems = [problem["message"] for problem in quote["problems"]]
        if not problems:
            return []
        return [Scene("起送", "minimum order", f"{small.title}: {problems[0]}")]

    async def _from_cart_to_parcels(self, shopper: str, home: str, goods: Sequence[Goods]) -> list[Scene]:
        for one, units in of_cart(goods):
            added = await self.door.ask(errands.ADD, shopper, input={"skuId": one.sku_id, "quantity": units})
            expect(added, "Cart")
        wish: dict[str, object] = {"fromCart": True, "fulfilment": {"delivery": {"addressId": home}}}
        quote = await self.door.ask(errands.QUOTE, shopper, input=wish)
        order = await self._place(shopper, wish, total=quote["total"]["minor"], key="cart")
        await self._pay(shopper, order["id"], key="cart")
        paid = await self._until(shopper, order["id"], lambda seen: seen["state"] == "PAID", "paid")
        scenes = [
            Scene("购物车", "cart", _price(quote)),
            Scene("下单", "order", f"{paid['number']} PAID {_minor(paid)}"),
        ]
        scenes += await self._send(shopper, order["id"], paid["lines"])
        return scenes + await self._bring_back(shopper, order["id"], paid["lines"][0])

    async def _send(self, shopper: str, order_id: str, lines: Sequence[Answer]) -> list[Scene]:
        """In two parcels, the second one with all that is left."""
        some = [{"position": lines[0]["position"], "quantity": 1}]
        for number, parcel in enumerate((some, None), 1):
            wish = {
                "orderId": order_id,
                "carrier": "SF",
                "trackingNumber": f"SF{int(self.tag, 16):011}{number}",
                "lines": parcel,
                "idempotencyKey": f"{self.tag}-parcel-{number}",
            }
            expect(await self._run(errands.SHIP, input=wish), "Shipment")
        confirmed = {"orderId": order_id, "idempotencyKey": f"{self.tag}-receipt"}
        expect(await self.door.ask(errands.CONFIRM, shopper, input=confirmed), "Order")
        return [Scene("发货", "parcels", "two parcels, split by staff; receipt confirmed by the shopper: RECEIVED")]

    async def _bring_back(self, shopper: str, order_id: str, line: Answer) -> list[Scene]:
        """One unit goes back: request, decision, parcel, arrival, and the money."""
        units = [{"position": line["position"], "quantity": 1}]
        wish = {"orderId": order_id, "kind": "RETURN", "reason": "DAMAGED", "lines": units}
        asked = expect(
            await self.door.ask(errands.ASK_BACK, shopper, input={**wish, "idempotencyKey": f"{self.tag}-ask-back"}),
            "AfterSale",
        )
        it = {"afterSaleId": asked["id"]}
        decision = {**it, "decision": "APPROVE", "idempotencyKey": f"{self.tag}-decide"}
        expect(await self._run(errands.DECIDE, input=decision), "AfterSale")
        parcel = {**it, "carrier": "SF", "number": "SF000000000009", "idempotencyKey": f"{self.tag}-send-back"}
        expect(await self.door.ask(errands.SEND_BACK, shopper, input=parcel), "AfterSale")
        arrival = {**it, "goods": "AS_AGREED", "restock": units, "idempotencyKey": f"{self.tag}-arrival"}
        expect(await self._run(errands.ARRIVAL, input=arrival), "AfterSale")
        seen = await self._until(
            shopper, order_id, lambda order: order["afterSales"][0]["state"] == "REFUNDED", "refunded"
        )
        back = yuan(seen["afterSales"][0]["agreed"]["minor"])
        return [
            Scene("退货", "return", f"1 of {line['title']}: damaged, approved, sent back, restocked; {back} refunded")
        ]

    async def _late_money(self, shopper: str, home: str, goods: Sequence[Goods]) -> list[Scene]:
        """Somebody pays an order that they have called off, and its units are somebody else's by then: the money goes back."""
        scarce = scarce_of(goods)
        if scarce is None:
            return []
        lines = {"lines": [{"skuId": scarce.sku_id, "quantity": scarce.available}]}
        wish: dict[str, object] = {**lines, "fulfilment": {"delivery": {"addressId": home}}}
        quote = await self.door.ask(errands.QUOTE, shopper, input=wish)
        late = await self._place(shopper, wish, total=quote["total"]["minor"], key="late")
        other = await sign_in(self.door, f"{self.tag}-other")
        there: dict[str, object] = {**lines, "fulfilment": {"delivery": {"addressId": await self._home_of(other)}}}
        await self._pay(shopper, late["id"], key="late", delay_ms=LATE_MS)
        await self._cancel(shopper, late["id"], key="late")
        taken = await self._place(other, there, total=quote["total"]["minor"], key="other")
        seen = await self._until(
            shopper, late["id"], lambda order: order["payment"]["state"] == "REFUNDED", "refunded by the gateway"
        )
        await self._cancel(other, taken["id"], key="other")
        note = f"{_minor(seen)} came for an order that was called off; its units were another's by then: {seen['lateOutcome']}"
        return [Scene("迟到付款", "late money", note)]

    async def _place(self, token: str, wish: dict[str, object], *, total: int, key: str) -> Answer:
        placed = {**wish, "expectedTotal": total, "idempotencyKey": f"{self.tag}-place-{key}"}
        return expect(await self.door.ask(errands.PLACE, token, input=placed), "Order")

    async def _pay(self, token: str, order_id: str, *, key: str, delay_ms: int = 0) -> None:
        await self.till.pay(token, order_id, key=f"{self.tag}-pay-{key}", delay_ms=delay_ms)

    async def _cancel(self, token: str, order_id: str, *, key: str) -> None:
        wish = {"orderId": order_id, "idempotencyKey": f"{self.tag}-cancel-{key}"}
        expect(await self.door.ask(errands.CANCEL, token, input=wish), "Order")

    async def _until(self, token: str, order_id: str, is_so: Callable[[Answer], bool], what: str) -> Answer:
        """The order, once it is as it should be. Raises MarketFault when it never is."""
        return await until(lambda: self.door.ask(errands.ORDER, token, id=order_id), is_so, f"the order is {what}")

    async def _run(self, operation: str, **variables: object) -> Answer:
        return await self.door.ask(operation, self.staff, **variables)


def of_cart(goods: Sequence[Goods]) -> list[tuple[Goods, int]]:
    """Three things and how many of each: the dearest at its sale price, as often as a delivery takes, and two cheap ones.

    Fewer things where there are no more; nothing where too little is left for a delivery.
    """
    priced = sorted((one for one in goods if one.price_minor and one.available), key=lambda one: one.price_minor)
    if not priced:
        return []
    *cheap, dearest = priced
    sale_minor = max(dearest.price_minor * SALE_SHARE // 100, 1)
    units = max(2, -(-MINIMUM_MINOR // sale_minor))
    if units > min(dearest.available, LONGEST_LINE):
        return []
    return [(dearest, units), *((one, 1) for one in cheap[:2])]


def scarce_of(goods: Sequence[Goods]) -> Goods | None:
    """What is nearly gone, and still plainly enough for a delivery; not what lies in the cart."""
    in_cart = {one.sku_id for one, _ in of_cart(goods)}
    fit = [
        one
        for one in goods
        if one.sku_id not in in_cart
        and 0 < one.available <= LONGEST_LINE
        and one.available * one.price_minor >= 2 * MINIMUM_MINOR  # also at a sale price of an earlier evening
    ]
    return min(fit, key=lambda one: one.available, default=None)


def _price(quote: Answer) -> str:
    """The total and every step to it."""
    steps = [step["text"] for line in quote["lines"] for step in line["explanation"] if step["rule"] != "LIST"]
    return f"{len(quote['lines'])} items, {yuan(quote['total']['minor'])}: {'; '.join(dict.fromkeys(steps))}"


def _minor(order: Answer) -> str:
    return yuan(order["total"]["minor"])
