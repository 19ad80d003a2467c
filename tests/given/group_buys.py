"""Builders for group-buys: campaigns, groups with members, and seats whose money has come."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.foundation.database import Database
from domain.foundation.ids import decode, new_id
from domain.group_buys import actions, joining, outcomes, queries
from domain.group_buys.joining import Joined
from domain.group_buys.rules import Campaign, Group, Item, NewCampaign, NewItem, Seat
from domain.group_buys.store import SEAT_COLUMNS, seat_of
from domain.group_buys.tables import seats
from domain.orders import actions as orders
from domain.orders.events import OrderLapsed
from domain.products.rules import Variant

GROUP_PRICE_MINOR = 990


class GroupBuysGiven:
    """Builders for group-buys."""

    db: Database
    now: datetime

    async def campaign(
        self,
        *,
        units: int = 30,
        skus: int = 1,
        price_minor: int = GROUP_PRICE_MINOR,
        is_live: bool = True,
        **about: Any,
    ) -> Campaign:
        """A campaign of one product whose SKUs have so many units each: groups of three, an hour to fill, open since a
        minute ago and live unless told otherwise. `about` are other fields of NewCampaign.
        """
        variants = tuple(Variant((f"{number} 号",), 2 * price_minor) for number in range(1, skus + 1))
        kept = await self.product(units=units, variants=variants, option_names=("款式",))  # type: ignore[attr-defined]
        wish: dict[str, Any] = {
            "title": "三人同行",
            "opens_at": self.now - timedelta(minutes=1),
            "closes_at": self.now + timedelta(days=1),
            "seats": 3,
            "fill_seconds": 3600,
            "items": tuple(NewItem(sku_id, price_minor, units) for sku_id in kept.sku_ids),
        }
        campaign = await actions.create(
            self.db, NewCampaign(**wish | about), by=new_id(), idempotency_key=f"campaign-{new_id()}", now=self.now
        )
        if is_live:
            await actions.publish(self.db, campaign_id=campaign.id, by=new_id(), now=self.now)
        return await self.campaign_again(campaign.id)

    async def group(self, campaign: Campaign | None = None, *, members: int = 1, paid: int = 0, **about: Any) -> Group:
        """A group with so many members, the first of them its opener; the first `paid` of them have paid.

        Of this campaign, or of one of its own that `about` tells of.
        """
        campaign = campaign or await self.campaign(**about)
        seats = [(opened := await self.opened(campaign)).seat]
        seats += [(await self.joined(opened.group)).seat for _ in range(members - 1)]
        for seat in seats[:paid]:
            await self.pay_seat(seat)
        return await self.group_again(opened.group.id)

    async def opened(
        self,
        campaign: Campaign,
        shopper_id: UUID | None = None,
        *,
        item: Item | None = None,
        quantity: int = 1,
        key: str = "",
        now: datetime | None = None,
    ) -> Joined:
        """A shopper opens a group with the first item unless another is named."""
        return await joining.open_group(
            self.db,
            campaign_id=campaign.id,
            item_id=(item or campaign.items[0]).id,
            quantity=quantity,
            shopper_id=shopper_id or await self.shopper(),  # type: ignore[attr-defined]
            idempotency_key=key or f"open-{new_id()}",
            now=now or self.now,
        )

    async def joined(
        self,
        group: Group,
        shopper_id: UUID | None = None,
        *,
        item: Item | None = None,
        quantity: int = 1,
        key: str = "",
        now: datetime | None = None,
    ) -> Joined:
        """A shopper joins with the campaign's first item unless another is named."""
        item = item or (await self.campaign_again(group.campaign_id)).items[0]
        return await joining.join(
            self.db,
            group_id=group.id,
            item_id=item.id,
            quantity=quantity,
            shopper_id=shopper_id or await self.shopper(),  # type: ignore[attr-defined]
            idempotency_key=key or f"join-{new_id()}",
            now=now or self.now,
        )

    async def left(self, seat: Seat, *, key: str = "", now: datetime | None = None) -> Group:
        """The seat's shopper leaves the group."""
        return await joining.leave(
            self.db,
            group_id=seat.group_id,
            shopper_id=seat.shopper_id,
            idempotency_key=key or f"leave-{new_id()}",
            now=now or self.now,
        )

    async def pay_seat(self, seat: Seat, *, now: datetime | None = None) -> Seat:
        """The seat's money comes and everybody hears of it."""
        at = now or self.now
        order = await self.order_again(seat.order_id)  # type: ignore[attr-defined]
        if order.total.minor:
            payment = await self.money_for(order, at=at)  # type: ignore[attr-defined]
            await orders.take_payment(
                self.db,
                payable_id=order.id,
                payment_id=payment.id,
                amount_minor=payment.amount.minor,
                captured_at=at,
                now=at,
            )
        await outcomes.paid(self.db, seat_id=seat.id, paid_at=at)
        return await self.seat_again(seat.id)

    async def seats_lapse(self, *, now: datetime) -> None:
        """Orders that nobody paid in time lapse, and everybody hears of it."""
        before = {event.order_id for event in await self.recorded(OrderLapsed)}  # type: ignore[attr-defined]
        await orders.lapse_due(self.db, now=now, limit=1000)
        for event in await self.recorded(OrderLapsed):  # type: ignore[attr-defined]
            if event.source == joining.SOURCE and event.order_id not in before:
                await outcomes.ended_unpaid(self.db, seat_id=event.source_id, at=event.lapsed_at)

    async def campaign_again(self, campaign_id: UUID) -> Campaign:
        """The campaign as it is now."""
        return (await queries.campaigns_by_ids(self.db, [campaign_id]))[campaign_id]

    async def group_again(self, group_id: UUID) -> Group:
        """The group as it is now."""
        return (await queries.groups_by_ids(self.db, [group_id]))[group_id]

    async def group_of_typed(self, group_id: str) -> Group:
        """The group of a typed id as it is now."""
        return await self.group_again(decode("groupbuy", group_id))

    async def seat_again(self, seat_id: UUID) -> Seat:
        """The seat as it is now."""
        return (await queries.seats_by_ids(self.db, [seat_id]))[seat_id]

    async def seats_of(self, group: Group) -> list[Seat]:
        """The seats that are held, paid or refunded, by number."""
        found = select(*SEAT_COLUMNS).where(seats.c.group_id == group.id, seats.c.state != "freed")
        return [seat_of(row) for row in await self.db.rows(found.order_by(seats.c.number, seats.c.id))]
