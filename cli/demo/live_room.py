"""A night in a live room (直播间): viewers arrive, items go on air, a flash sale, coupons, a draw, and what it came to."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter

import aiohttp

from cli.demo import errands, room_errands
from cli.demo.door import Answer, expect, sign_in
from cli.demo.group_errands import OPEN_LINK, SHARE
from cli.demo.patience import until
from cli.demo.room_telling import PRIZE, TITLE, Good, Night, drawing_of, report_of
from cli.demo.spectator import Spectator
from cli.demo.steps import Step
from cli.demo.till import Till
from cli.demo.visit import CLAIM, LEAVE, TICKET
from cli.report.live_room import Drawing, LiveRoomReport, RoomSale
from domain.audit.rules import yuan
from domain.foundation import clock

VIEWERS = 300
MOST_SOCKETS = VIEWERS + 100
ARRIVAL_SECONDS = 6.0
AT_ONCE = 30
ITEMS = 3
BUYERS_OF_EACH = 8
SALE_UNITS, CLAIMERS = 20, 60
COUPONS, FANS = 30, 40
COUPON_MINOR = 100
DRAW_PIECES, ENTRANTS = 3, 80
DRAW_SECONDS = 12
"""From its opening to its closing: what happens meanwhile takes about as long."""
COMEBACKS = 40
PRIZE_MINOR = 9_900
TALK = ("来了来了", "这个好吃吗", "主播再讲讲", "已下单", "能便宜点吗", "蹲一个秒杀")
UNITS_OF_EACH = BUYERS_OF_EACH + SALE_UNITS
STORE_REGION = "310106"


@dataclass
class LiveRoom:
    """A night in a room of an open market, by the merchandiser, a host, two guides and viewers from the crowd."""

    till: Till
    sockets: aiohttp.ClientSession
    url: str
    staff: str
    tag: str
    tokens: Sequence[str]
    host: str = ""
    room_id: str = ""
    _viewers: list[Spectator] = field(default_factory=list)
    _orders: list[str] = field(default_factory=list)
    _faults: list[str] = field(default_factory=list)

    async def hold(self, step: Step) -> LiveRoomReport | None:
        """The whole night; None where too little is left for it. Raises MarketFault."""
        goods = await self._goods()
        if len(goods) < ITEMS:
            step.show("too little is left for a room")
            return None
        store_id = await self._store()
        began_at, items = clock.now(), await self._open(goods)
        guides = await self._arrive(step)
        expect(await self._host(room_errands.GO_LIVE, id=self.room_id), "Room")
        draw = await self._open_draw(store_id)
        heard: list[float] = []
        for good, item_id in zip(goods, items, strict=True):
            step.show(f"on air: {good.title}, {yuan(good.live_minor)} instead of {yuan(good.list_minor)}")
            heard += await self._on_air(item_id)
            await asyncio.gather(
                self._talk(), *(self._buy(each, good, store_id) for each in self._buyers_of(good, goods))
            )
        claimed = await self._coupons(goods[0], store_id)
        step.show(f"{claimed} coupons claimed; {len(self._viewers[-COMEBACKS:])} phones lose the network and come back")
        await self._come_back()
        sale = await self._flash_sale(goods[-1], items[-1])
        step.show(f"flash sale: {sale.sold} of {sale.claimed} who tapped have a unit")
        drawing = await self._draw(draw)
        figures = await self._figures(len(self._orders))
        expect(await self._host(room_errands.END, id=self.room_id), "Room")
        await self._all_heard()
        await asyncio.gather(*(viewer.leave() for viewer in self._viewers))
        told = report_of(
            Night(
                figures=figures,
                goods=dict(zip(items, goods, strict=True)),
                heard_ms=heard,
                came_back=sum(viewer.came_back for viewer in self._viewers),
                sale=sale,
                drawing=drawing,
                guides=guides,
                coupons_claimed=claimed,
                orders=len(self._orders),
                began_at=began_at,
                faults=self._faults,
            )
        )
        step.show(f"{told.viewers:,} viewers, {told.orders} orders, {yuan(told.gmv_minor)}")
        return told

    async def _goods(self) -> list[Good]:
        """The three cheapest products with enough units."""
        found = await self.till.door.ask(room_errands.PRODUCTS)
        goods = []
        for product in found["nodes"]:
            sku = max(product["skus"], key=lambda sku: int(sku["available"]))
            if sku["available"] >= UNITS_OF_EACH and sku["price"]["minor"] > COUPON_MINOR:
                goods.append(Good(product["id"], sku["id"], product["title"], sku["price"]["minor"]))
        return sorted(goods, key=lambda good: good.list_minor)[:ITEMS]

    async def _store(self) -> str:
        wish = {
            "code": f"night-{self.tag}",
            "name": "夜市静安店",
            "regionCode": STORE_REGION,
            "address": "上海市静安区南京西路 1 号",
            "opensAt": "10:00",
            "closesAt": "23:00",
        }
        return str(expect(await self._run(room_errands.STORE, input=wish), "Store")["id"])

    async def _open(self, goods: Sequence[Good]) -> list[str]:
        """Schedule the room with its host, and fill its shelf; the ids of its items."""
        self.host = await sign_in(self.till.door, f"demo-host-{self.tag}", ["HOST"])
        me = await self.till.door.ask("query Me { viewer { id } }", self.host)
        wish = {
            "title": TITLE,
            "startsAt": clock.now().isoformat(),
            "crew": [{"accountId": me["id"], "duty": "HOST"}],
            "prizeBudgetMinor": DRAW_PIECES * PRIZE_MINOR,
            "idempotencyKey": f"{self.tag}-room",
        }
        self.room_id = expect(await self._run(room_errands.CREATE, input=wish), "Room")["id"]
        shelf = [
            {
                "productId": good.product_id,
                "pitch": f"直播专享 {good.live_minor / 100:.2f} 元",
                "prices": [{"skuId": good.sku_id, "liveMinor": good.live_minor, "floorMinor": good.floor_minor}],
            }
            for good in goods
        ]
        room = expect(await self._run(room_errands.SHELF, input={"roomId": self.room_id, "items": shelf}), "Room")
        return [item["id"] for item in sorted(room["items"], key=lambda item: item["position"])]

    async def _arrive(self, step: Step) -> list[str]:
        """Viewers come over some seconds, two thirds of them by the links of two guides; the guides' names."""
        names = [f"导购小林 {self.tag}", f"导购小周 {self.tag}"]
        links = [await self._link(name) for name in names]
        tokens = self.tokens[:VIEWERS]
        done = 0

        async def arrive(number: int, token: str) -> None:
            nonlocal done
            if number % 3 < 2:
                wish = {"token": links[number % 3]}
                expect(await self.till.door.ask(OPEN_LINK, token, input=wish), "OpenedShare")
            viewer = Spectator(self.sockets, f"{self.url}/graphql", self.room_id, f"viewer {number}", token)
            await viewer.come()
            self._viewers.append(viewer)
            done += 1
            step.show(f"{done:,} of {len(tokens):,} viewers are here", bar=[("yellow", done)], whole=len(tokens))

        for start in range(0, len(tokens), AT_ONCE):
            turn = tokens[start : start + AT_ONCE]
            pause = asyncio.sleep(ARRIVAL_SECONDS * AT_ONCE / VIEWERS)
            await asyncio.gather(pause, *(arrive(start + at, token) for at, token in enumerate(turn)))
        return names

    async def _link(self, name: str) -> str:
        guide = await sign_in(self.till.door, name)
        wish = {"targetId": self.room_id, "channel": "wechat_group"}
        return str(expect(await self.till.door.ask(SHARE, guide, input=wish), "ShareLink")["token"])

    async def _on_air(self, item_id: str) -> list[float]:
        """Put an item on air; milliseconds from the host's tap until each phone heard of it."""
        before = {id(viewer): viewer.last or 0 for viewer in self._viewers}
        tapped_at = perf_counter()
        wish = {"roomId": self.room_id, "itemId": item_id}
        expect(await self._host(room_errands.ON_AIR, input=wish), "Room")

        def first_news() -> list[float]:
            return [
                (min(at for number, at in viewer.heard.items() if number > before[id(viewer)]) - tapped_at) * 1000
                for viewer in self._viewers
                if (viewer.last or 0) > before[id(viewer)]
            ]

        async def heard() -> list[float]:
            return first_news()

        return await until(heard, lambda all_ms: len(all_ms) == len(self._viewers), "every phone hears of an item")

    def _buyers_of(self, good: Good, goods: Sequence[Good]) -> Sequence[Spectator]:
        at = list(goods).index(good) * BUYERS_OF_EACH
        return self._viewers[at : at + BUYERS_OF_EACH]

    async def _buy(self, viewer: Spectator, good: Good, store_id: str, *, coupon: str | None = None) -> None:
        """One unit at its live price, to be fetched at the store."""
        wish = {
            "lines": [{"skuId": good.sku_id, "quantity": 1}],
            "fulfilment": {"pickup": {"storeId": store_id}},
            "roomId": self.room_id,
            "couponCode": coupon,
        }
        quote = await self.till.door.ask(errands.QUOTE, viewer.token, input=wish)
        total = quote["total"]["minor"]
        due = good.live_minor - (COUPON_MINOR if coupon else 0)
        if total != due:
            self._faults.append(f"{good.title} was quoted at {yuan(total)}, not {yuan(due)}: {quote['problems']}")
        key = f"{self.tag}-{viewer.name.replace(' ', '-')}-{good.sku_id[-6:]}-{'coupon' if coupon else 'live'}"
        placed = {**wish, "expectedTotal": total, "idempotencyKey": key}
        order = expect(await self.till.door.ask(errands.PLACE, viewer.token, input=placed), "Order")
        await self._pay(viewer, order["id"], key=f"{key}-pay")

    async def _pay(self, viewer: Spectator, order_id: str, *, key: str) -> None:
        await self.till.pay(viewer.token, order_id, key=key)
        self._orders.append(order_id)

    async def _talk(self) -> None:
        """Some say something, and many tap the heart."""

        async def say(number: int, viewer: Spectator) -> None:
            wish = {"roomId": self.room_id, "text": TALK[number % len(TALK)]}
            key = f"{self.tag}-say-{number}-{len(self._orders)}"
            await self.till.door.ask(room_errands.COMMENT, viewer.token, input={**wish, "idempotencyKey": key})

        async def like(viewer: Spectator) -> None:
            await self.till.door.ask(room_errands.LIKE, viewer.token, input={"roomId": self.room_id, "taps": 5})

        talkers, fans = self._viewers[100:120], self._viewers[120:180]
        await asyncio.gather(*(say(*each) for each in enumerate(talkers)), *map(like, fans))

    async def _coupons(self, good: Good, store_id: str) -> int:
        """A batch is dropped, more than it has pieces want one, and one of them uses it; how many were claimed."""
        now = clock.now()
        wish = {
            "title": f"直播间立减 {COUPON_MINOR / 100:.0f} 元",
            "pieces": COUPONS,
            "amountOffMinor": COUPON_MINOR,
            "claimableFrom": now.isoformat(),
            "claimableUntil": (now + timedelta(hours=1)).isoformat(),
            "usableDays": 7,
            "claimableIn": "ROOM",
            "idempotencyKey": f"{self.tag}-coupons",
        }
        batch = expect(await self._run(room_errands.BATCH, input=wish), "CouponBatch")
        dropped = {"roomId": self.room_id, "batchId": batch["id"]}
        expect(await self._host(room_errands.DROP, input=dropped), "CouponBatch")

        async def claim(number: int, viewer: Spectator) -> Answer:
            wish = {"batchId": batch["id"], "idempotencyKey": f"{self.tag}-coupon-{number}"}
            return await self.till.door.ask(room_errands.CLAIM_COUPON, viewer.token, input=wish)

        fans = self._viewers[:FANS]
        answers = await asyncio.gather(*(claim(*each) for each in enumerate(fans)))
        have = [
            (fan, answer["couponCode"])
            for fan, answer in zip(fans, answers, strict=True)
            if answer["__typename"] == "Coupon"
        ]
        if len(have) != min(COUPONS, len(fans)):
            self._faults.append(f"{len(have)} of {COUPONS} coupons were claimed by {len(fans)}")
        viewer, code = have[0]
        await self._buy(viewer, good, store_id, coupon=code)
        return len(have)

    async def _come_back(self) -> None:
        dropped = self._viewers[-COMEBACKS:]
        await asyncio.gather(*(viewer.drop() for viewer in dropped))
        await self._talk()
        await asyncio.gather(*(viewer.come() for viewer in dropped))

    async def _flash_sale(self, good: Good, item_id: str) -> RoomSale:
        wish = {
            "roomId": self.room_id,
            "itemId": item_id,
            "title": f"{good.title[:80]} · 直播秒杀",
            "offers": [{"skuId": good.sku_id, "salePriceMinor": good.floor_minor, "units": SALE_UNITS}],
            "seconds": 60,
            "paySeconds": 60,
            "idempotencyKey": f"{self.tag}-room-sale",
        }
        sale = expect(await self._host(room_errands.SALE, input=wish), "FlashSale")
        (item,) = sale["items"]
        claimers = self._viewers[:CLAIMERS]
        outcomes = await asyncio.gather(*(self._claim(viewer, item["id"]) for viewer in claimers))
        return RoomSale(wish["title"], good.floor_minor, SALE_UNITS, len(claimers), sum(outcomes))  # type: ignore[arg-type]

    async def _claim(self, viewer: Spectator, item_id: str) -> bool:
        """Whether the viewer had a unit, and paid for it."""
        leave = await self._asked_again(viewer, LEAVE, {"itemId": item_id}, "FlashSalePass")
        if leave is None:
            return False
        wish = {
            "pass": leave["pass"],
            "quantity": 1,
            "idempotencyKey": f"{self.tag}-{viewer.name.replace(' ', '-')}",
        }
        ticket = await self._asked_again(viewer, CLAIM, wish, "FlashSaleTicket")
        if ticket is None or ticket["state"] == "WAITING":
            return False
        decided = await until(
            lambda: self.till.door.ask(TICKET, viewer.token, id=ticket["id"]),
            lambda seen: seen.get("state") not in {"QUEUED", None},
            "a ticket is decided",
        )
        if decided["state"] != "RESERVED":
            return False
        await self._pay(viewer, decided["order"]["id"], key=f"{self.tag}-{viewer.name.replace(' ', '-')}-sale")
        return True

    async def _asked_again(self, viewer: Spectator, operation: str, wish: Answer, wanted: str) -> Answer | None:
        """The answer of this type; None when there is nothing to have."""
        for _ in range(20):
            answer = await self.till.door.ask(operation, viewer.token, input=wish)
            if answer["__typename"] == wanted:
                return answer
            if answer["__typename"] not in {"FlashSaleBusy", "FlashSaleNotOpen"}:
                return None
            await asyncio.sleep(answer.get("retryAfterMs", 200) / 1000)
        return None

    async def _open_draw(self, store_id: str) -> Answer:
        """A draw that is open for some seconds, and those who enter it."""
        closes_at = clock.now() + timedelta(seconds=DRAW_SECONDS)
        wish = {
            "roomId": self.room_id,
            "title": "开场福利",
            "prizes": [{"name": PRIZE, "valueMinor": PRIZE_MINOR, "pieces": DRAW_PIECES}],
            "closesAt": closes_at.isoformat(),
            "storeId": store_id,
            "prizesUntil": (closes_at + timedelta(days=7)).isoformat(),
            "idempotencyKey": f"{self.tag}-draw",
        }
        draw = expect(await self._host(room_errands.OPEN_DRAW, input=wish), "LuckyDraw")
        entrants = self._viewers[-ENTRANTS:]
        entered = await asyncio.gather(
            *(self.till.door.ask(room_errands.ENTER, each.token, id=draw["id"]) for each in entrants)
        )
        for answer in entered:
            expect(answer, "LuckyDrawEntry")
        return draw

    async def _draw(self, draw: Answer) -> Drawing:
        """Draw once it is closed, and reckon from what is published who must have won."""
        left = datetime.fromisoformat(draw["closesAt"]) - clock.now()
        await asyncio.sleep(max(left.total_seconds(), 0) + 0.1)
        expect(await self._host(room_errands.DRAW, id=draw["id"]), "LuckyDraw")
        told = await self.till.door.ask(room_errands.DRAWN, self.host, id=draw["id"])
        return drawing_of(told)

    async def _figures(self, orders: int) -> Answer:
        """The room's figures, once every order is in them."""
        return await until(
            lambda: self._asked(self._host(room_errands.FIGURES, id=self.room_id)),
            lambda seen: seen["sold"]["orders"] >= orders,
            f"{orders} orders are in the room's figures",
        )

    async def _asked(self, asking: Awaitable[Answer]) -> Answer:
        return expect(await asking, "RoomFigures")

    async def _all_heard(self) -> None:
        """Wait until every phone has heard the end."""

        async def lasts() -> set[int | None]:
            return {viewer.last for viewer in self._viewers}

        await until(lasts, lambda seen: len(seen) == 1, "every phone has heard the same")
        for viewer in self._viewers:
            if not viewer.is_gapless:
                self._faults.append(f"{viewer.name} has missed something, or heard it twice")

    def _host(self, operation: str, **variables: object) -> Awaitable[Answer]:
        return self.till.door.ask(operation, self.host, **variables)

    def _run(self, operation: str, **variables: object) -> Awaitable[Answer]:
        return self.till.door.ask(operation, self.staff, **variables)
