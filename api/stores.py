"""Stores: where goods are picked up, when they are open, and how their prices fall in the evening."""

import re
from datetime import time
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.access import Who, public, to
from api.context import Info
from api.loaders import batched
from api.nodes import Connection, Node, finds, read_id, show_id
from api.refusals import refusal
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.ids import new_id
from domain.pricing import ladders, screens
from domain.stores import actions, queries, rules

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@strawberry.type(directives=to(Who.INHERITED), description="From `at` on, until the next step, so much is off.")
class PriceLadderStep:
    """A step."""

    at: str = strawberry.field(description='Time of the shop\'s day (Asia/Shanghai): "19:00".')
    percent_off: int = strawberry.field(description="1 to 100: what comes off the list price.")


@strawberry.type(
    directives=to(Who.ANYONE),
    description="How the prices of a store's fresh goods fall in the evening, for pickup there; at midnight they are "
    "back. 阶梯降价",
)
class PriceLadder:
    """A ladder."""

    steps: list[PriceLadderStep] = strawberry.field(description="Every change of the evening, in order.")
    now: int = strawberry.field(description="What is off at this moment: 0 to 100 percent.")
    store: strawberry.Private[UUID]

    @strawberry.field(description="Which SKUs get cheaper, a thousand at most.")
    async def sku_ids(self, info: Info) -> list[strawberry.ID]:
        """Its SKUs."""
        found = await batched(info, screens.ladder_skus_by_store_ids).load(self.store)
        return [show_id("sku", sku_id) for sku_id in found or ()]


@strawberry.type(directives=to(Who.ANYONE), description="A place where goods are handed out. 门店")
class Store(Node):
    """A store."""

    code: str = strawberry.field(description="What staff call it, unique.")
    name: str
    phone: str
    region_code: str = strawberry.field(description="GB/T 2260 code of the district, six digits.")
    address: str
    opens_at: str = strawberry.field(description='Time of the shop\'s day (Asia/Shanghai): "09:00".')
    closes_at: str = strawberry.field(
        description="Earlier than `opensAt`: open past midnight; the same: always open. At this moment it is closed."
    )
    is_open: bool = strawberry.field(description="Whether it is open at this moment.")
    takes_pickups: bool = strawberry.field(description="Whether new orders may be picked up here.")
    key: strawberry.Private[UUID]

    @strawberry.field(description="Null for a store whose prices stay.")
    async def price_ladder(self, info: Info) -> PriceLadder | None:
        """Its ladder."""
        ladder = await batched(info, screens.ladders_by_store_ids).load(self.key)
        if ladder is None:
            return None
        return PriceLadder(
            steps=[PriceLadderStep(at=f"{at.at:%H:%M}", percent_off=at.percent_off) for at in ladders.steps(ladder)],
            now=ladders.percent_off(ladder, info.context.now),
            store=self.key,
        )


@strawberry.input(description="A new store.")
class CreateStoreInput:
    """A new store."""

    code: str = strawberry.field(description="1 to 40 lower-case letters, digits and hyphens; it never changes.")
    name: str = strawberry.field(description="1 to 120 characters.")
    phone: str = strawberry.field(default="", description="At most 20 characters.")
    region_code: str = strawberry.field(description="GB/T 2260 code of the district, six digits.")
    address: str = strawberry.field(description="1 to 300 characters.")
    opens_at: str = strawberry.field(description='Time of the shop\'s day: "09:00".')
    closes_at: str = strawberry.field(description="Earlier than `opensAt`: open past midnight; the same: always open.")
    takes_pickups: bool = strawberry.field(default=True, description="Whether orders may be picked up here.")


@strawberry.input(description="What is to change of a store; what is left out stays.")
class UpdateStoreInput:
    """What is to change."""

    store_id: strawberry.ID
    name: str | None = None
    phone: str | None = None
    region_code: str | None = None
    address: str | None = None
    opens_at: str | None = None
    closes_at: str | None = None
    takes_pickups: bool | None = strawberry.field(
        default=None, description="False: no new orders are handed out here; those that stand are."
    )


CreateStoreResult = Annotated[Store | refusal(rules.StoreCodeTaken), strawberry.union("CreateStoreResult")]
UpdateStoreResult = Annotated[Store | refusal(NotFound), strawberry.union("UpdateStoreResult")]


@strawberry.type
class StoreQuery:
    """Questions about stores."""

    @strawberry.field(directives=public(), description="Stores by their codes.")
    async def stores(
        self, info: Info, first: int = 20, after: str | None = None, region: str = "", for_pickup: bool = False
    ) -> Connection[Store]:
        """Stores; `region` is the beginning of a region code."""
        page = await queries.page(
            info.context.market.db, first=first, after=after, region=region, for_pickup=for_pickup
        )
        return Connection.of(page, lambda store: show_store(info, store))

    @strawberry.field(directives=public(), description="A store; null when there is none.")
    async def store(self, info: Info, id: strawberry.ID) -> Store | None:
        """One store."""
        found: Store | None = await find_store(info, read_id("store", id))
        return found


@strawberry.type
class StoreMutation:
    """What staff do with stores."""

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Open a store.")
    async def create_store(self, info: Info, input: CreateStoreInput) -> CreateStoreResult:
        """Open it."""
        context = info.context
        new = rules.Store(
            id=new_id(),
            code=input.code,
            name=input.name,
            phone=input.phone,
            region_code=input.region_code,
            address=input.address,
            opens_at=read_time("opensAt", input.opens_at),
            closes_at=read_time("closesAt", input.closes_at),
            takes_pickups=input.takes_pickups,
        )
        return show_store(
            info, await actions.create(context.market.db, new, by=context.shopper.account_id, now=context.now)
        )

    @strawberry.mutation(directives=to(Who.MERCHANDISER), description="Change what is said of a store.")
    async def update_store(self, info: Info, input: UpdateStoreInput) -> UpdateStoreResult:
        """Change it."""
        context = info.context
        changed = await actions.update(
            context.market.db,
            store_id=read_id("store", input.store_id),
            changes=_changes(input),
            by=context.shopper.account_id,
            now=context.now,
        )
        return show_store(info, changed)


@finds("store")
async def find_store(info: Info, id: UUID) -> Store | None:
    """A store."""
    found = await batched(info, queries.by_ids).load(id)
    return show_store(info, found) if found else None


def show_store(info: Info, store: rules.Store) -> Store:
    """The GraphQL object of a store."""
    return Store(
        id=show_id("store", store.id),
        code=store.code,
        name=store.name,
        phone=store.phone,
        region_code=store.region_code,
        address=store.address,
        opens_at=f"{store.opens_at:%H:%M}",
        closes_at=f"{store.closes_at:%H:%M}",
        is_open=store.is_open(info.context.now),
        takes_pickups=store.takes_pickups,
        key=store.id,
    )


def read_time(name: str, text: str) -> time:
    """The time of day that a text like "19:00" means. Raises BadInput naming the field for any other."""
    match = _CLOCK.fullmatch(text)
    if not match:
        raise BadInput(f"{name} is {text[:20]!r}; allowed: a time of day like 09:00, from 00:00 to 23:59")
    return time(int(match[1]), int(match[2]))


def _changes(input: UpdateStoreInput) -> dict[str, Any]:
    texts = {"name": input.name, "phone": input.phone, "region_code": input.region_code, "address": input.address}
    times = {
        name: None if text is None else read_time(shown, text)
        for name, shown, text in (
            ("opens_at", "opensAt", input.opens_at),
            ("closes_at", "closesAt", input.closes_at),
        )
    }
    every = texts | times | {"takes_pickups": input.takes_pickups}
    return {name: value for name, value in every.items() if value is not None}
