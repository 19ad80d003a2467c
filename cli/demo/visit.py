"""One shopper's way: a pass, a claim, a ticket that is looked after until it is decided, and the money."""

import asyncio
from time import perf_counter

from cli.demo.door import Answer, MarketFault, expect
from cli.demo.journal import Claimed
from cli.demo.occasion import Occasion
from cli.demo.plan import Shopper

FIRST_PAUSES_MS = (300, 300, 600)
"""Before looking after a queued ticket: shorter than `pollAfterMs` at first, to see it happen."""
LOOK_FOR_PAID_MS = 1_000
PATIENCE = 4
LONGEST_PAUSE_SECONDS = 4.0
"""Who waited for an answer waits four times as long before asking again, up to this: a slow market is not asked to death."""
RESERVED_ONCE = frozenset({"RESERVED", "PAID", "LAPSED"})
OVER = frozenset({"LAPSED", "REFUSED", "ENDED"})
PAY_TRIES = 10
PAY_PAUSE_SECONDS = 0.5

LEAVE = """
mutation Leave($input: RequestFlashSalePassInput!) {
  requestFlashSalePass(input: $input) {
    __typename ... on FlashSalePass { pass } ... on FlashSaleNotOpen { opensAt } ... on UserError { code message }
  }
}"""
CLAIM = """
mutation Claim($input: ClaimFlashSaleInput!) {
  claimFlashSale(input: $input) {
    __typename
    ... on FlashSaleTicket { id state pollAfterMs }
    ... on FlashSaleBusy { retryAfterMs }
    ... on UserError { code message }
  }
}"""
TICKET = """
query Ticket($id: ID!) {
  flashSaleTicket(id: $id) {
    __typename ... on FlashSaleTicket { id state pollAfterMs order { id } } ... on UserError { code message }
  }
}"""
PAY = """
mutation Pay($input: PayOrderInput!) {
  payOrder(input: $input) {
    __typename
    ... on PaymentInstructions { wechat { appId timeStamp nonceStr package signType paySign } }
    ... on UserError { code message }
  }
}"""


class Visit:
    """One shopper at the market."""

    def __init__(self, occasion: Occasion, shopper: Shopper, token: str) -> None:
        self._occasion = occasion
        self._journal = occasion.journal
        self._shopper = shopper
        self._token = token
        self._has_had_a_pass = False
        self._tapped_at = 0.0

    async def run(self) -> None:
        """Claim one wish after the other until there is a ticket, then see it through."""
        try:
            wish, ticket = await self._first_ticket()
        finally:
            self._journal.answered += 1
        if ticket is None:
            self._journal.turned_away += 1
            return
        self._journal.tickets += 1
        self._journal.takers[wish] += self._shopper.pays
        await self._follow(wish, ticket)

    async def _first_ticket(self) -> tuple[int, Answer | None]:
        for wish in self._shopper.wishes:
            ticket = await self._claim(wish)
            if ticket is not None:
                break
            await asyncio.sleep(self._shopper.reacts_seconds)
        return wish, ticket

    async def _claim(self, wish: int) -> Answer | None:
        """A ticket, or None when the item is sold out. Repeated, it gives the same ticket."""
        leave = await self._pass(wish)
        self._tapped_at = perf_counter()
        while leave is not None:
            answer = await self._tap(leave, wish)
            match answer["__typename"]:
                case "FlashSaleTicket":
                    return answer
                case "FlashSaleSoldOut" | "FlashSaleClosed":
                    return None
                case "FlashSalePassRefused":  # the gate was rebuilt since
                    self._journal.stale_passes += 1
                    leave = await self._pass(wish)
                case "FlashSaleBusy":
                    self._journal.busy += 1
                    await asyncio.sleep(answer["retryAfterMs"] / 1000)
                case _:
                    raise MarketFault(f"a claim was answered {answer}")
        return None

    async def _tap(self, leave: str, wish: int) -> Answer:
        tapped_at = perf_counter()
        claim = {"pass": leave, "quantity": 1, "idempotencyKey": self._key(f"claim-{wish}")}
        answer = await self._occasion.door.ask(CLAIM, self._token, input=claim)
        ms = (perf_counter() - tapped_at) * 1000
        self._journal.claims.append(Claimed(self._occasion.now, ms, str(answer.get("state") or answer["__typename"])))
        return answer

    async def _pass(self, wish: int) -> str | None:
        """Leave to claim, once the sale is open; None when it is over."""
        item_id = self._occasion.item_id(wish)
        while True:
            answer = await self._occasion.door.ask(LEAVE, self._token, input={"itemId": item_id})
            match answer["__typename"]:
                case "FlashSalePass":
                    self._journal.passes += not self._has_had_a_pass
                    self._has_had_a_pass = True
                    return str(answer["pass"])
                case "FlashSaleNotOpen":
                    self._journal.early += 1
                    await asyncio.sleep(max(-self._occasion.now, 0) + self._shopper.reacts_seconds)
                case "FlashSaleClosed":
                    return None
                case _:
                    raise MarketFault(f"the wish for a pass was answered {answer}")

    async def _follow(self, wish: int, ticket: Answer) -> None:
        """Look after a ticket until it cannot change any more, and pay in between."""
        waits = ticket["state"] == "WAITING"
        is_reserved = False
        looks, look_seconds = 0, 0.0
        while True:
            self._occasion.note_standing(self._shopper, ticket["state"])
            await asyncio.sleep(_pause_seconds(ticket, looks, look_seconds))
            looks += 1
            looked_at = perf_counter()
            found = await self._look(wish, ticket)
            look_seconds = perf_counter() - looked_at
            if found is None:
                return
            ticket = found
            if not is_reserved and ticket["state"] in RESERVED_ONCE:
                is_reserved = True
                self._note_reserved(waits)
                if not self._shopper.pays:
                    self._journal.walked_away += 1
                    return
                await self._pay(ticket["order"]["id"])
            elif ticket["state"] == "PAID":
                self._journal.buyers.append(self._shopper.number)
                return
            elif ticket["state"] in OVER:
                self._journal.too_late += ticket["state"] != "ENDED"
                return

    def _note_reserved(self, waits: bool) -> None:
        self._journal.reserved += 1
        if waits:
            self._journal.served += 1
        else:
            self._journal.reserve_ms.append((perf_counter() - self._tapped_at) * 1000)

    async def _look(self, wish: int, ticket: Answer) -> Answer | None:
        """The ticket as it is now. One that nobody knows was lost with its queue: claim again with the same key."""
        found = await self._occasion.door.ask(TICKET, self._token, id=ticket["id"])
        match found["__typename"]:
            case "NotFound":
                self._journal.lost_tickets += 1
                return await self._claim(wish)
            case "FlashSaleBusy":
                self._journal.busy += 1
                return ticket
            case _:
                return expect(found, "FlashSaleTicket")

    async def _pay(self, order_id: str) -> None:
        """Think, ask how, pay with the wallet. What became of it, the ticket tells."""
        await asyncio.sleep(self._shopper.thinks_seconds)
        for _ in range(PAY_TRIES):
            wish = {"orderId": order_id, "idempotencyKey": self._key("pay")}
            answer = await self._occasion.door.ask(PAY, self._token, input=wish)
            match answer["__typename"]:
                case "PaymentInstructions":
                    if answer["wechat"] is None or await self._occasion.pay(self._shopper, answer["wechat"]):
                        return
                case "OrderNotPayable":
                    return
                case "GatewayUnavailable":
                    pass
                case _:
                    raise MarketFault(f"the wish to pay was answered {answer}")
            await asyncio.sleep(PAY_PAUSE_SECONDS)

    def _key(self, what: str) -> str:
        return f"{self._occasion.tag}-{self._shopper.number}-{what}"


def _pause_seconds(ticket: Answer, looks: int, last_look_seconds: float) -> float:
    """How long to wait before looking after a ticket again."""
    if ticket["state"] == "QUEUED":
        return (FIRST_PAUSES_MS[looks] if looks < len(FIRST_PAUSES_MS) else int(ticket["pollAfterMs"])) / 1000
    usual_ms = int(ticket["pollAfterMs"]) * 2 if ticket["state"] == "WAITING" else LOOK_FOR_PAID_MS
    return max(usual_ms / 1000, min(last_look_seconds * PATIENCE, LONGEST_PAUSE_SECONDS))
