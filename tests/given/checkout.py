"""Builders for checkout: where goods go, what they cost to send, and orders placed at the quoted price."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from domain.addresses import actions as addresses
from domain.addresses.rules import Destination
from domain.checkout import actions, quoting
from domain.checkout.rules import Wish
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.orders.rules import Order
from domain.pricing import actions as pricing
from domain.pricing.freight import Measure, Template, Zone
from domain.pricing.rules import Fulfilment, Wanted
from domain.stores import actions as stores
from domain.stores.rules import Store

JINGAN = Destination("林小满", "13812345678", "上海市", "上海市", "静安区", "310106", "南京西路 1 号")
PAY_WITHIN = timedelta(minutes=30)


class CheckoutGiven:
    """Builders for wishes and what becomes of them."""

    db: Database
    now: datetime

    async def home_of(self, shopper_id: UUID, destination: Destination = JINGAN) -> UUID:
        """An address of the shopper, in Shanghai."""
        kept = await addresses.create(
            self.db, shopper_id=shopper_id, destination=destination, is_default=True, now=self.now
        )
        return kept.id

    async def pickup_store(self, *, takes_pickups: bool = True) -> UUID:
        """A store that hands out orders."""
        store = Store(
            id=new_id(),
            code=f"s-{new_id()}",
            name="静安店",
            phone="",
            region_code="310106",
            address="南京西路 1 号",
            opens_at=time(9),
            closes_at=time(22),
            takes_pickups=takes_pickups,
        )
        return (await stores.create(self.db, store, by=new_id(), now=self.now)).id

    async def freight(self, *zones: Zone, measure: Measure = Measure.PIECE) -> None:
        """The default template: 6 yuan for the first piece and 2 for each more, unless zones are given."""
        zones = zones or (Zone((), first_minor=600, more_minor=200),)
        template = Template(new_id(), f"t-{new_id()}", measure, zones, is_default=True)
        await pricing.write_template(self.db, template, by=new_id(), now=self.now, is_new=True)

    async def minimum(self, fulfilment: Fulfilment, minimum_minor: int) -> None:
        """The minimum order of a way of fulfilment."""
        await pricing.set_minimum(
            self.db, fulfilment=fulfilment, minimum_minor=minimum_minor, by=new_id(), now=self.now
        )

    async def sale_price(self, sku_id: UUID, price_minor: int) -> None:
        """A sale price from now on, for a day."""
        await pricing.set_sale_price(
            self.db,
            sku_id=sku_id,
            price_minor=price_minor,
            starts_at=self.now,
            ends_at=self.now + timedelta(days=1),
            by=new_id(),
            now=self.now,
        )

    async def delivery_wish(
        self, units: Mapping[UUID, int] | None, shopper_id: UUID | None = None, **more: Any
    ) -> Wish:
        """So many units of each SKU, or what is chosen in the cart, to be sent home to a shopper."""
        shopper_id = shopper_id or await self.shopper()  # type: ignore[attr-defined]
        lines = None if units is None else tuple(Wanted(*each) for each in units.items())
        address_id = await self.home_of(shopper_id)
        return Wish(shopper_id, lines, **{"fulfilment": Fulfilment.DELIVERY, "address_id": address_id} | more)

    async def quote(self, wish: Wish, **more: Any) -> Any:
        """What it costs now."""
        return await quoting.quote(self.db, wish, now=self.now, **more)

    async def placed(self, wish: Wish, *, expected: int | None = None, key: str = "", **more: Any) -> Order:
        """The order, at the expected total, or at the quoted one."""
        if expected is None:
            source = {name: value for name, value in more.items() if name == "source"}
            expected = (await self.quote(wish, **source)).total_minor
        return await actions.place(
            self.db,
            wish,
            expected_total_minor=expected,
            idempotency_key=key or f"order-{new_id()}",
            pay_within=PAY_WITHIN,
            now=self.now,
            **more,
        )
