"""Crowds at many groups, made up: shoppers who pay in time, twice, late or never, leave, and come again, in random order.

Everything goes through the domain's own actions and through the workers' hearers, side by side; the gateway's words are
made up here, as if their signatures had been checked. The clock moves on with what is done.
"""

import asyncio
import heapq
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any
from uuid import UUID

from domain.foundation.errors import Refusal
from domain.group_buys import ending
from domain.group_buys.joining import Joined
from domain.group_buys.rules import Campaign, Group, GroupBuyFull, Seat
from domain.orders import actions as orders
from domain.payments import actions as payments
from domain.payments import store as payments_store
from domain.payments.rules import Captured, Notice, Payment, Refunded
from tests.audit.evening import Listener
from tests.given import Given

AT_ONCE = 16
GATEWAY = "wechat"
Act = Callable[[], Awaitable[object]]


@dataclass
class Crowds:
    """What is going to happen, and what has been told so far: refusals by their code, deeds by their name."""

    given: Given
    listener: Listener
    chance: Random
    told: Counter[str] = field(default_factory=Counter)
    given_back: Counter[UUID] = field(default_factory=Counter)
    """How often the gateway gave money back for each refund."""
    _agenda: list[tuple[datetime, int, Act]] = field(default_factory=list)
    _number: Any = field(default_factory=count)

    @property
    def now(self) -> datetime:
        """The crowds' own moment."""
        return self.listener.now

    async def gather_at(self, campaign: Campaign, *, joiners: int) -> Group:
        """A shopper opens a group, and so many others will come to it while it is open."""
        opened = await self.given.opened(campaign, item=self.chance.choice(campaign.items), now=self.now)
        await self._live_on(campaign, opened)
        for shopper_id in await self.given.shoppers(joiners):
            self._plan(self._seconds(campaign.fill_seconds), partial(self._come, campaign, opened.group, shopper_id))
        return opened.group

    async def live(self, *, beside: Callable[..., Awaitable[object]]) -> None:
        """Everything that was planned, in its order, and what the workers do; then whatever is left comes to its end.

        `beside` is called again and again meanwhile.
        """
        over = asyncio.Event()

        async def again_and_again(work: Act) -> None:
            while not over.is_set():
                await work()
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as group:
            group.create_task(again_and_again(self._round))
            group.create_task(again_and_again(lambda: beside(now=self.now)))
            while self._agenda:
                together = [heapq.heappop(self._agenda) for _ in range(min(AT_ONCE, len(self._agenda)))]
                self.listener.now = max(self.now, together[-1][0])
                await asyncio.gather(*(act() for _, _, act in together))
            over.set()
        for _ in range(4):
            self.listener.now += timedelta(hours=2)
            await self._round()

    async def _come(self, campaign: Campaign, group: Group, shopper_id: UUID) -> None:
        """Somebody finds the group, perhaps full: then they try another one, come again, or give up."""
        joining = self.given.joined(group, shopper_id, item=self.chance.choice(campaign.items), now=self.now)
        joined, refusal = await self._try(joining)
        if joined is not None:
            await self._live_on(campaign, joined)
        elif isinstance(refusal, GroupBuyFull) and refusal.another_id and self.chance.random() < 0.2:
            another = await self.given.group_again(refusal.another_id)
            self._plan(1, lambda: self._come(campaign, another, shopper_id))
        elif self.chance.random() < 0.3:
            self._plan(self._seconds(600), lambda: self._come(campaign, group, shopper_id))

    async def _live_on(self, campaign: Campaign, joined: Joined) -> None:
        """What the member is going to do with the seat."""
        seat, pay_seconds = joined.seat, campaign.pay_seconds
        self.told["joined"] += 1
        order = await self.given.order_again(seat.order_id)
        if not order.total.minor:
            return
        payment = await self._asked(seat)
        in_time, fate = self._seconds(pay_seconds), self.chance.random()
        if fate < 0.60:
            self._plan(in_time, lambda: self._pay(payment))
        elif fate < 0.66:
            self._plan(in_time, lambda: self._pay_twice(seat, payment))
        elif fate < 0.74:
            self._plan(in_time, lambda: self._leave(seat))
        elif fate < 0.80:
            self._plan(in_time, lambda: self._all(self._leave(seat), self._pay(payment)))
        elif fate < 0.84:
            self._plan(pay_seconds, lambda: self._pay(payment))
        elif fate < 0.92:
            self._plan(pay_seconds + self._seconds(900), lambda: self._pay(payment))

    async def _asked(self, seat: Seat) -> Payment:
        return await self.given.payment(await self.given.order_again(seat.order_id))

    async def _pay(self, payment: Payment) -> None:
        """The money comes, and is told of more than once."""
        self.told["paid"] += 1
        news = Captured(payment.id, payment.reference or "", payment.amount, self.now)
        same = f"n{payment.id.hex}"
        for notice_id in (same, same) if self.chance.random() < 0.2 else (same,):
            await payments.take_notice(self.given.db, gateway=GATEWAY, notice=Notice(notice_id, news), now=self.now)

    async def _pay_twice(self, seat: Seat, given_up: Payment) -> None:
        """A payment that was given up is paid as well as the one that was asked for after it."""
        self.told["paid twice"] += 1
        async with self.given.db.transaction() as tx:
            found = (await payments_store.lock_all_of_payable(tx, given_up.id))[given_up.id]
            if found.state == "pending":
                await payments_store.close(tx, found, now=self.now)
        both = [given_up, await self._asked(seat)]
        for payment in self.chance.sample(both, len(both)):
            await self._pay(payment)

    async def _leave(self, seat: Seat) -> None:
        if (await self._try(self.given.left(seat, now=self.now)))[0] is not None:
            self.told["left"] += 1

    async def _round(self) -> None:
        """What the timetable does, and the relay, and the gateway."""
        db = self.given.db
        await orders.lapse_due(db, now=self.now, limit=1000)
        await self.listener.hear()
        await ending.expire_due(db, now=self.now, limit=1000)
        done, failed = await ending.refund_due(db, now=self.now, limit=1000)
        assert not failed, "a refund failed"
        self.told["refunded"] += done
        await self._give_back()
        await self.listener.hear()

    async def _give_back(self) -> None:
        """The gateway gives back what it is asked for, and tells so twice."""
        async with self.given.db.transaction() as tx:
            due = await payments_store.take_refunds(tx, gateway=GATEWAY, now=self.now, limit=1000)
        for refund in due:
            self.given_back[refund.id] += 1
            news = Refunded(refund.id, refund.payment_id, f"r{refund.id.hex}", refund.amount, self.now)
            for notice_id in (f"n{refund.id.hex}", f"m{refund.id.hex}"):
                notice = Notice(notice_id, news)
                await payments.take_notice(self.given.db, gateway=GATEWAY, notice=notice, now=self.now)

    async def _all(self, *work: Awaitable[object]) -> None:
        await asyncio.gather(*self.chance.sample(work, len(work)))

    async def _try(self, call: Awaitable[Any]) -> tuple[Any, Refusal | None]:
        try:
            return await call, None
        except Refusal as refusal:
            self.told[refusal.code] += 1
            return None, refusal

    def _plan(self, seconds: float, act: Act) -> None:
        heapq.heappush(self._agenda, (self.now + timedelta(seconds=seconds), next(self._number), act))

    def _seconds(self, most: float) -> float:
        return self.chance.uniform(0, most)
