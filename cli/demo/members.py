"""The members' (会员) evening: cards are bought and given, members enter a sale early, one card goes back, and the metrics."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cli.demo import errands, member_errands
from cli.demo.counter import HOME, MINIMUM_MINOR
from cli.demo.door import Answer, MarketFault, expect, sign_in
from cli.demo.member_telling import metrics_of
from cli.demo.patience import until
from cli.demo.stall import CREATE, SCHEDULE, WARM, Goods, Offer, Sale, Stall, sale_price
from cli.demo.till import Till
from cli.demo.visit import CLAIM, LEAVE, TICKET
from cli.report.members import Basket, CardBack, EarlySale, MembersReport
from domain.audit.rules import yuan
from domain.foundation import clock
from domain.foundation.runtime import Market
from domain.insights import member_days

MEMBERS = 24
STRANGERS = 6
UNITS = 12
PRICE_MINOR = 36_500
MINUTES_EARLY = 10
EARLIER = timedelta(minutes=MINUTES_EARLY)
DOOR_SECONDS = 4
"""Until the members' door opens: as long as cards are being bought."""
POINTS = 300
PAY_SECONDS = 600
PLAN = "夜市年卡"
BENEFITS = (
    {"kind": "MEMBER_PRICE", "percent": 90},
    {"kind": "FREE_DELIVERY", "fromMinor": 0},
    {"kind": "EARLY_ACCESS", "minutes": MINUTES_EARLY},
    {"kind": "POINTS_MULTIPLIER", "percent": 150},
    {"kind": "SERVICE_LANE", "rank": 1},
)
OVER = frozenset({"RESERVED", "REFUSED", "ENDED", "LAPSED"})


@dataclass
class Members:
    """Cards of an open market: the merchandiser, people who buy one, and people who do not."""

    till: Till
    market: Market
    staff: str
    tag: str
    _faults: list[str] = field(default_factory=list)

    async def hold(self, goods: Sequence[Goods], show: Callable[[str], None]) -> MembersReport | None:
        """From the plan to its figures; None where too little is left to sell. Raises MarketFault."""
        chosen = next((one for one in goods if one.available >= UNITS + basketful(one)), None)
        if chosen is None:
            show(f"no goods have {UNITS} units left: no card is sold")
            return None
        plan = await self._plan()
        members = [await sign_in(self.till.door, f"{self.tag}-member-{number}") for number in range(MEMBERS)]
        strangers = [await sign_in(self.till.door, f"{self.tag}-stranger-{number}") for number in range(STRANGERS)]
        sale = await self._early_sale(chosen)
        show(f"{PLAN}, {yuan(PRICE_MINOR)}: {MEMBERS} people want one")
        giver, *buyers = members
        await asyncio.gather(
            *(self._buy(token, plan["id"]) for token in buyers), self._give(buyers[0], giver, plan["id"])
        )
        show(f"{len(buyers)} bought, 1 given; their door opens {MINUTES_EARLY} minutes before the sale")
        early = await self._rush(sale, members, strangers)
        checked_in = [await self.till.door.ask(member_errands.CHECK_IN, token) for token in members]
        basket = await self._basket(members[-1], chosen)
        back = await self._card_back(members[-1])
        show(
            f"{early.sold} of {early.units} units went to members early; {yuan(back.refunded_minor)} of a card went back"
        )
        figures = await self._figures()
        if not await Stall(self.till.door, self.staff).close(sale):
            self._faults.append("the members' sale was not settled")
        return MembersReport(
            plan=PLAN,
            price_minor=PRICE_MINOR,
            bought=len(buyers),
            given=1,
            check_ins=len(checked_in),
            sale=early,
            basket=basket,
            card_back=back,
            metrics=metrics_of(figures),
            faults=self._faults,
        )

    async def _plan(self) -> Answer:
        wish = {"name": PLAN, "kind": "YEARLY", "priceMinor": PRICE_MINOR, "rank": 1, "months": 12, "isRenewable": True}
        wish |= {"benefits": list(BENEFITS), "idempotencyKey": f"{self.tag}-plan"}
        return expect(await self._run(member_errands.PLAN, input=wish), "MembershipPlan")

    async def _early_sale(self, goods: Goods) -> Sale:
        """A sale that opens to everybody in some minutes, and to members in some seconds."""
        door_opens_at = clock.now().replace(microsecond=0) + timedelta(seconds=DOOR_SECONDS + 1)
        opens_at, title, price_minor = door_opens_at + EARLIER, f"会员提前抢 {self.tag}", sale_price(goods)
        wish = {
            "title": title,
            "items": [
                {
                    "skuId": goods.sku_id,
                    "salePriceMinor": price_minor,
                    "units": UNITS,
                    "perShopper": 1,
                    "waitingPlaces": 0,
                }
            ],
            "paySeconds": PAY_SECONDS,
            "opensAt": opens_at.isoformat(),
            "closesAt": (opens_at + EARLIER).isoformat(),
            "idempotencyKey": f"{self.tag}-early-sale",
        }
        created = expect(await self._run(CREATE, input=wish), "FlashSale")
        door = {"crowd": {"kind": "MEMBERS"}, "minutesEarly": MINUTES_EARLY}
        expect(await self._run(member_errands.DOORS, input={"saleId": created["id"], "doors": [door]}), "FlashSale")
        for step in (SCHEDULE, WARM):
            expect(await self._run(step, id=created["id"]), "FlashSale")
        (item,) = created["items"]
        return Sale(created["id"], title, opens_at, [Offer(goods, UNITS, price_minor, item["id"])])

    async def _buy(self, token: str, plan_id: str) -> None:
        wish = {"planId": plan_id, "idempotencyKey": f"{self.tag}-card"}
        purchase = expect(await self.till.door.ask(member_errands.BUY, token, input=wish), "MembershipPurchase")
        await self._pay(token, purchase["id"], key="card")
        await self._is_member(token)

    async def _give(self, giver: str, lucky: str, plan_id: str) -> None:
        wish = {"planId": plan_id, "idempotencyKey": f"{self.tag}-gift"}
        purchase = expect(await self.till.door.ask(member_errands.GIVE, giver, input=wish), "MembershipPurchase")
        await self._pay(giver, purchase["id"], key="gift")
        gifts = await until(
            lambda: self.till.door.ask(member_errands.MY_GIFTS, giver),
            lambda found: bool(found["nodes"] and found["nodes"][0]["giftCode"]),
            "a gift's code",
        )
        code = {"code": gifts["nodes"][0]["giftCode"], "idempotencyKey": f"{self.tag}-activate"}
        expect(await self.till.door.ask(member_errands.ACTIVATE, lucky, input=code), "Membership")

    async def _pay(self, token: str, purchase_id: str, *, key: str) -> None:
        wish = {"purchaseId": purchase_id, "idempotencyKey": f"{self.tag}-pay-{key}"}
        await self.till.hand_over(await self.till.door.ask(member_errands.PAY, token, input=wish))

    async def _is_member(self, token: str) -> None:
        await until(lambda: self.till.door.ask(member_errands.MINE, token), bool, "a membership")

    async def _rush(self, sale: Sale, members: Sequence[str], strangers: Sequence[str]) -> EarlySale:
        """All members come as their door opens, and others who are told when theirs does."""
        await asyncio.sleep(max((sale.opens_at - EARLIER - clock.now()).total_seconds(), 0))
        (offer,) = sale.offers
        turned_away, tickets = await asyncio.gather(
            asyncio.gather(*(self._knock(token, offer.item_id) for token in strangers)),
            asyncio.gather(*(self._claim(token, offer.item_id) for token in members)),
        )
        told = {datetime.fromisoformat(answer["opensAt"]) for answer in turned_away if "opensAt" in answer}
        if told != {sale.opens_at}:
            self._faults.append(f"who is no member was told {turned_away}, not when the sale opens")
        sold = sum(ticket is not None for ticket in tickets)
        if sold != UNITS:
            self._faults.append(f"{sold} of {UNITS} units went to members")
        return EarlySale(sale.title, MINUTES_EARLY, UNITS, len(members), sold, len(turned_away))

    async def _knock(self, token: str, item_id: str) -> Answer:
        return await self.till.door.ask(LEAVE, token, input={"itemId": item_id})

    async def _claim(self, token: str, item_id: str) -> str | None:
        """A paid order of one unit; None where others were faster."""
        leave = await until(
            lambda: self._knock(token, item_id), lambda answer: "opensAt" not in answer, "a member's pass"
        )
        if leave["__typename"] != "FlashSalePass":
            return None
        wish = {"pass": leave["pass"], "idempotencyKey": f"{self.tag}-early"}
        claimed = await self.till.door.ask(CLAIM, token, input=wish)
        if claimed["__typename"] != "FlashSaleTicket":
            return None
        ticket = await until(
            lambda: self.till.door.ask(TICKET, token, id=claimed["id"]),
            lambda seen: seen.get("state") in OVER,
            "a member's ticket",
        )
        if ticket["state"] != "RESERVED":
            return None
        await self.till.pay(token, ticket["order"]["id"], key=f"{self.tag}-early-pay")
        return str(ticket["order"]["id"])

    async def _basket(self, member: str, goods: Goods) -> Basket:
        """A member buys a unit at their price, with points."""
        me = await self.till.door.ask("query Me { viewer { id } }", member)
        admin = await sign_in(self.till.door, "demo-admin", ["ADMIN"])
        gift = {"accountId": me["id"], "points": POINTS, "reason": "开卡礼", "idempotencyKey": f"{self.tag}-points"}
        expect(await self.till.door.ask(member_errands.GIVE_POINTS, admin, input=gift), "PointMove")
        home = expect(await self.till.door.ask(errands.ADDRESS, member, input={"address": HOME}), "Address")
        quantity = basketful(goods)
        wish = {
            "lines": [{"skuId": goods.sku_id, "quantity": quantity}],
            "fulfilment": {"delivery": {"addressId": home["id"]}},
            "points": POINTS,
        }
        quote = await self.till.door.ask(member_errands.QUOTE, member, input=wish)
        if quote["problems"]:
            raise MarketFault(f"a member's basket cannot be ordered: {quote['problems']}")
        order = {**wish, "expectedTotal": quote["total"]["minor"], "idempotencyKey": f"{self.tag}-basket"}
        placed = expect(await self.till.door.ask(errands.PLACE, member, input=order), "Order")
        await self.till.pay(member, placed["id"], key=f"{self.tag}-basket-pay")
        await until(
            lambda: self.till.door.ask(errands.ORDER, member, id=placed["id"]),
            lambda seen: seen["state"] == "PAID",
            "a member's order",
        )
        (line,) = quote["lines"]
        return Basket(
            goods.title,
            list_minor=line["listPrice"]["minor"] * quantity,
            member_minor=line["unitPrice"]["minor"] * quantity,
            points=quote["points"]["used"],
            points_minor=quote["points"]["worth"]["minor"],
            total_minor=quote["total"]["minor"],
        )

    async def _card_back(self, member: str) -> CardBack:
        """A card goes back: what is left of it, less what its benefits were worth."""
        preview = expect(await self.till.door.ask(member_errands.PREVIEW_REFUND, member), "MembershipRefundPreview")
        amount, used = preview["amount"]["minor"], preview["usedBenefits"]["minor"]
        wish = {"amountMinor": amount, "idempotencyKey": f"{self.tag}-card-back"}
        expect(await self.till.door.ask(member_errands.REFUND, member, input=wish), "Membership")
        if await self.till.door.ask(member_errands.MINE, member) is not None:
            self._faults.append("a card that went back is still somebody's")
        return CardBack(PRICE_MINOR, used, amount)

    async def _figures(self) -> Answer:
        """The metrics of today, which are otherwise made some minutes apart."""
        now = clock.now()
        await member_days.keep(self.market.db, now=now, again_after=timedelta(0))
        today = clock.shop_day(now)
        days = {"from": today.isoformat(), "to": (today + timedelta(days=1)).isoformat()}
        return await self._run(member_errands.FIGURES, **days)

    async def _run(self, operation: str, **variables: object) -> Answer:
        return await self.till.door.ask(operation, self.staff, **variables)


def basketful(goods: Goods) -> int:
    """Units that are worth a delivery, also at a member's price."""
    return -(-2 * MINIMUM_MINOR // goods.price_minor)
