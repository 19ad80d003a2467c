"""What a crew starts from a room: a flash sale, a group-buy, coupons. Never below the floor that the merchandiser has set."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from domain.accounts.rules import Principal
from domain.audiences import checking
from domain.audiences.rules import Crowd, Door, Doors
from domain.coupons import store as coupons
from domain.coupons.rules import Batch
from domain.flash_sales import actions as flash_sales
from domain.flash_sales.actions import NewItem as SaleItem
from domain.flash_sales.doors import set_doors
from domain.flash_sales.rules import FlashSaleClosed, Sale, SaleState
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import BadInput, NotFound
from domain.foundation.money import Money
from domain.foundation.redis import Gate
from domain.group_buys import actions as group_buys
from domain.group_buys.rules import Campaign, NewCampaign
from domain.group_buys.rules import NewItem as GroupItem
from domain.live_rooms import store, timeline
from domain.live_rooms.bus import LiveBus
from domain.live_rooms.rules import (
    BelowTheFloor,
    CouponsDroppedElsewhere,
    EventKind,
    NewEvent,
    NotOnTheShelf,
    PromotionKind,
    Room,
    RoomItem,
)
from domain.live_rooms.running import check_crew
from domain.live_rooms.telling import tell
from domain.products.tables import skus
from domain.stock.rules import NotEnoughStock
from domain.trail import store as trail

SHORTEST_SECONDS, LONGEST_SECONDS = 10, 86_400


@dataclass(frozen=True, slots=True)
class RoomFlashSale:
    """A flash sale of one item on the shelf, open from now on for so many seconds."""

    title: str
    items: tuple[SaleItem, ...]
    seconds: int
    pay_seconds: int = 300
    only_for: tuple[Crowd, ...] = ()


@dataclass(frozen=True, slots=True)
class RoomGroupBuy:
    """A group-buy of one item on the shelf, whose groups can be opened from now on for so many seconds."""

    title: str
    items: tuple[GroupItem, ...]
    seconds: int
    seats: int
    fill_seconds: int
    pay_seconds: int = 900
    per_shopper: int = 1
    newcomers_only: bool = False
    only_for: tuple[Crowd, ...] = ()


async def start_flash_sale(
    db: Database,
    gate: Gate,
    bus: LiveBus,
    *,
    room_id: UUID,
    item_id: UUID,
    wish: RoomFlashSale,
    by: Principal,
    idempotency_key: str,
    now: datetime,
) -> Sale:
    """Open a flash sale of an item at once, and tell the room. The same key goes on with the same sale.

    Each step is one transaction and can be repeated; a sale without stock is cancelled. Raises BadInput, NotFound,
    NotAllowed, RoomNotOn, NotOnTheShelf, BelowTheFloor, NotEnoughStock, IdempotencyConflict, WrongSaleState for a repeat
    after that, FlashSaleClosed for one that comes when the sale would be over.
    """
    prices = {item.sku_id: item.sale_price_minor for item in wish.items}
    doors = _doors(wish.only_for)
    begun_at = await _begin(
        db, PromotionKind.FLASH_SALE, room_id, item_id, prices, doors, asdict(wish), by, idempotency_key, now
    )
    sale = await flash_sales.create(
        db,
        title=wish.title,
        opens_at=begun_at,
        closes_at=begun_at + timedelta(seconds=wish.seconds),
        pay_seconds=wish.pay_seconds,
        items=wish.items,
        by=by.account_id,
        idempotency_key=_key(idempotency_key),
        now=begun_at,
    )
    if sale.state in {SaleState.DRAFT, SaleState.SCHEDULED, SaleState.CANCELLED}:
        if now >= sale.closes_at:
            raise FlashSaleClosed(closed_at=sale.closes_at)
        # by its room from the first: shoppers may find the sale before they are told
        await _belongs(db, PromotionKind.FLASH_SALE, sale.id, room_id, item_id, by=by, now=now)
        if doors is not None:
            await set_doors(db, sale_id=sale.id, doors=doors, by=by.account_id, now=now)
        await flash_sales.schedule(db, sale_id=sale.id, by=by.account_id, now=now)
        try:
            sale = await flash_sales.warm(db, gate, sale_id=sale.id, by=by.account_id, now=now)
        except NotEnoughStock:
            await flash_sales.cancel(db, sale_id=sale.id, by=by.account_id, now=now)
            raise
    await tell(db, bus, room_id=room_id, kind=PromotionKind.FLASH_SALE, target_id=sale.id, item_id=item_id, now=now)
    return sale


async def start_group_buy(
    db: Database,
    bus: LiveBus,
    *,
    room_id: UUID,
    item_id: UUID,
    wish: RoomGroupBuy,
    by: Principal,
    idempotency_key: str,
    now: datetime,
) -> Campaign:
    """Let groups be opened for an item at once, and tell the room. The same key goes on with the same campaign.

    Raises BadInput, NotFound, NotAllowed, RoomNotOn, NotOnTheShelf, BelowTheFloor, NotOneProduct, NotEnoughStock,
    IdempotencyConflict, GroupBuyCampaignClosed for a repeat that comes when the campaign would be over.
    """
    prices = {item.sku_id: item.group_price_minor for item in wish.items}
    doors = _doors(wish.only_for)
    begun_at = await _begin(
        db, PromotionKind.GROUP_BUY, room_id, item_id, prices, doors, asdict(wish), by, idempotency_key, now
    )
    campaign = await group_buys.create(
        db,
        NewCampaign(
            title=wish.title,
            opens_at=begun_at,
            closes_at=begun_at + timedelta(seconds=wish.seconds),
            seats=wish.seats,
            fill_seconds=wish.fill_seconds,
            items=wish.items,
            pay_seconds=wish.pay_seconds,
            per_shopper=wish.per_shopper,
            newcomers_only=wish.newcomers_only,
        ),
        by=by.account_id,
        idempotency_key=_key(idempotency_key),
        now=begun_at,
    )
    if campaign.published_at is None:
        await _belongs(db, PromotionKind.GROUP_BUY, campaign.id, room_id, item_id, by=by, now=now)
        if doors is not None:
            await group_buys.set_doors(db, campaign_id=campaign.id, doors=doors, by=by.account_id, now=now)
        campaign = await group_buys.publish(db, campaign_id=campaign.id, by=by.account_id, now=now)
    await tell(db, bus, room_id=room_id, kind=PromotionKind.GROUP_BUY, target_id=campaign.id, item_id=item_id, now=now)
    return campaign


async def stop_flash_sale(
    db: Database, gate: Gate, *, room_id: UUID, sale_id: UUID, by: Principal, now: datetime
) -> Sale:
    """Take no more claims in a sale of the room, also once that is over. Stopped already: no change.

    Raises NotFound, NotAllowed, WrongSaleState.
    """
    await _check_own(db, room_id, "flashsale", sale_id, by=by)
    return await flash_sales.stop(db, gate, sale_id=sale_id, by=by.account_id, now=now)


async def stop_group_buy(db: Database, *, room_id: UUID, campaign_id: UUID, by: Principal, now: datetime) -> Campaign:
    """Let no more groups be opened in a campaign of the room, also once that is over. Stopped already: no change.

    Raises NotFound, NotAllowed, WrongCampaignState.
    """
    await _check_own(db, room_id, "campaign", campaign_id, by=by)
    return await group_buys.stop(db, campaign_id=campaign_id, by=by.account_id, now=now)


async def _check_own(db: Database, room_id: UUID, kind: str, target_id: UUID, *, by: Principal) -> None:
    async with db.reading() as reader:
        await check_crew(reader, room_id, by)
        if await store.room_of_promotion(reader, target_id) != room_id:
            raise NotFound.of(kind, target_id)


async def drop_coupons(
    db: Database, bus: LiveBus, *, room_id: UUID, batch_id: UUID, by: Principal, now: datetime
) -> Batch:
    """Give a batch of coupons to whoever is in the room. Dropped there already: no change.

    Raises NotFound (room, couponbatch), NotAllowed, RoomNotOn, CouponsDroppedElsewhere, and what keeps the batch from being
    claimed: CouponsNotYet, CouponsOver, CouponsOnlyGiven.
    """
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        await check_crew(tx, room_id, by)
        room.check_on()
        batch = await coupons.lock_batch(tx, batch_id)
        batch.check_claimable(now, is_dropped=True)
        kind = PromotionKind.COUPONS
        if not await store.note_promotion(tx, room_id, kind, batch_id, None, by=by.account_id, now=now, is_told=True):
            if await store.room_of_promotion(tx, batch_id) != room_id:
                raise CouponsDroppedElsewhere()
            return batch
        event = NewEvent(EventKind.COUPONS_DROPPED, {"batch_id": str(batch_id)})
        await timeline.append(tx, bus, room_id, [event], now=now)
        await _note(tx, room, "drop_coupons", by=by, now=now, batch=str(batch_id))
    return batch


async def _begin(
    db: Database,
    kind: PromotionKind,
    room_id: UUID,
    item_id: UUID,
    prices: dict[UUID, int],
    doors: Doors | None,
    request: dict[str, object],
    by: Principal,
    key: str,
    now: datetime,
) -> datetime:
    """Check that it may be started, and when it was: the first time that this key was used."""
    seconds = request["seconds"]
    assert isinstance(seconds, int)
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise BadInput(f"seconds is {seconds}; allowed: {SHORTEST_SECONDS} to {LONGEST_SECONDS}")
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        await check_crew(tx, room_id, by)
        replay = await idempotency.begin(
            tx,
            owner_id=by.account_id,
            key=key,
            operation=f"start_room_{kind.value}",
            request={**request, "room": room_id, "item": item_id},
            answer=now.isoformat(),
        )
        if replay:
            return datetime.fromisoformat(replay.answer)
        room.check_on()
        item = await store.item_on_shelf(tx, room_id, item_id)
        if item is None:
            raise NotOnTheShelf()
        await _check_floor(tx, item, prices)
        await checking.check(tx, doors, opens_at=now, now=now)
    return now


def _doors(only_for: tuple[Crowd, ...]) -> Doors | None:
    """Whom a sale lets in that opens at once: nobody earlier."""
    return Doors(tuple(map(Door, only_for)), lets_others_in=False) if only_for else None


async def _check_floor(tx: Transaction, item: RoomItem, prices: dict[UUID, int]) -> None:
    """Raises NotOnTheShelf for a SKU of another product, BelowTheFloor for a price below the floor: the list price, where the
    merchandiser has set none.
    """
    wanted = select(skus.c.id, skus.c.price_minor).where(
        skus.c.product_id == item.product_id, skus.c.id == func.any(list(prices))
    )
    list_prices = {row.id: row.price_minor for row in await tx.rows(wanted)}
    for sku_id, minor in prices.items():
        if sku_id not in list_prices:
            raise NotOnTheShelf()
        said = item.price_of(sku_id)
        floor_minor = said.floor_minor if said else list_prices[sku_id]
        if minor < floor_minor:
            raise BelowTheFloor(floor=Money(floor_minor))


async def _belongs(
    db: Database, kind: PromotionKind, target_id: UUID, room_id: UUID, item_id: UUID, *, by: Principal, now: datetime
) -> None:
    """What nobody knows of yet is the room's, which must still be on: a repeat may come when it has ended."""
    async with db.transaction() as tx:
        room = await store.lock(tx, room_id)
        room.check_on()
        if await store.note_promotion(tx, room_id, kind, target_id, item_id, by=by.account_id, now=now):
            await _note(tx, room, f"start_room_{kind.value}", by=by, now=now, item=str(item_id))


async def _note(tx: Transaction, room: Room, deed: str, *, by: Principal, now: datetime, **facts: str) -> None:
    await trail.note(
        tx, by=by.account_id, deed=deed, subject="room", subject_id=room.id, now=now, title=room.title, **facts
    )


def _key(key: str) -> str:
    """The key of a step of what was asked under a key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
