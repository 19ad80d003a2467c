"""Cards: what a shared product, group, sale or live room shows of itself. Only what shoppers may see has one. Never writes."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from domain.flash_sales import queries as flash_sales
from domain.flash_sales.rules import SaleState
from domain.foundation.clock import SHOP_ZONE
from domain.foundation.database import Database
from domain.foundation.money import Money
from domain.group_buys import queries as group_buys
from domain.group_buys.rules import CampaignState, Group, GroupState
from domain.live_rooms import queries as live_rooms
from domain.live_rooms.rules import RoomState
from domain.posters.rules import Card
from domain.pricing import screens
from domain.pricing.engine import struck_through
from domain.products import queries as products
from domain.products.rules import Product, State
from domain.stock import queries as stock


async def card_of(db: Database, *, kind: str, target_id: UUID, now: datetime) -> Card | None:
    """The card of a "product", a "group_buy" (a group), a "flash_sale" or a "live_room"; None where shoppers may see none.

    Raises KeyError for any other kind.
    """
    return await _CARDS[kind](db, target_id, now)


async def _card_of_product(db: Database, product_id: UUID, now: datetime) -> Card | None:
    product = await _published(db, product_id)
    if product is None:
        return None
    skus = (await stock.skus_by_product_ids(db, [product_id]))[product_id]
    tags = await screens.tags_by_sku_ids(db, [sku.id for sku, _ in skus], now=now)
    prices = {sku.id: sku.price_minor if (sale := tags[sku.id].sale_minor) is None else sale for sku, _ in skus}
    cheapest = min(prices, key=prices.__getitem__)
    price = Money(prices[cheapest], product.currency)
    return Card(
        title=product.title,
        price=price,
        struck_price=_struck(tags[cheapest], price),
        picture_url=await _picture(db, product_id),
        note="",
        subtitle="",
        is_open=True,
    )


async def _card_of_group(db: Database, group_id: UUID, now: datetime) -> Card | None:
    group = (await group_buys.groups_by_ids(db, [group_id])).get(group_id)
    if group is None:
        return None
    campaign = (await group_buys.campaigns_by_ids(db, [group.campaign_id]))[group.campaign_id]
    if campaign.state is CampaignState.DRAFT or await _published(db, campaign.product_id) is None:
        return None
    item = min(campaign.items, key=lambda item: item.group_price_minor)
    return Card(
        title=campaign.title,
        price=item.group_price,
        struck_price=await _struck_of_sku(db, item.sku_id, item.group_price, now),
        picture_url=await _picture(db, campaign.product_id),
        note=f"{group.seats}人成团",
        subtitle=f"{group.seats}人团 · {_standing(group, now)}",
        is_open=group.is_joinable(now),
        ends_at=group.expires_at,
    )


async def _card_of_sale(db: Database, sale_id: UUID, now: datetime) -> Card | None:
    sale = (await flash_sales.sales_by_ids(db, [sale_id])).get(sale_id)
    if sale is None or not sale.is_public or not sale.items:
        return None
    item = sale.items[0]
    price = Money(item.sale_price_minor, item.currency)
    product_id = (await stock.skus_by_ids(db, [item.sku_id]))[item.sku_id][0].product_id
    return Card(
        title=sale.title,
        price=price,
        struck_price=await _struck_of_sku(db, item.sku_id, price, now),
        picture_url=await _picture(db, product_id),
        note="限时抢购",
        subtitle="限时抢购",
        is_open=sale.state in {SaleState.SCHEDULED, SaleState.WARM} and now < sale.closes_at,
        ends_at=sale.closes_at,
    )


async def _card_of_room(db: Database, room_id: UUID, now: datetime) -> Card | None:
    room = (await live_rooms.by_ids(db, [room_id])).get(room_id)
    if room is None or room.state is RoomState.CANCELLED:
        return None
    at = room.starts_at.astimezone(SHOP_ZONE)
    begins = f"{at.month}月{at.day}日 {at:%H:%M} 开播"
    return Card(
        title=room.title,
        price=None,
        struck_price=None,
        picture_url=room.cover_url or await _picture_of_shelf(db, room_id),
        note=begins,
        subtitle=_ROOM_WORDS.get(room.state, begins),
        is_open=room.state is not RoomState.ENDED,
    )


async def _picture_of_shelf(db: Database, room_id: UUID) -> str | None:
    shelf = (await live_rooms.items_by_room_ids(db, [room_id]))[room_id]
    return await _picture(db, shelf[0].product_id) if shelf else None


async def _published(db: Database, product_id: UUID) -> Product | None:
    product = (await products.by_ids(db, [product_id])).get(product_id)
    return product if product is not None and product.state is State.PUBLISHED else None


async def _picture(db: Database, product_id: UUID) -> str | None:
    images = (await products.images_by_product_ids(db, [product_id]))[product_id]
    return images[0].url if images else None


async def _struck_of_sku(db: Database, sku_id: UUID, price: Money, now: datetime) -> Money | None:
    return _struck((await screens.tags_by_sku_ids(db, [sku_id], now=now))[sku_id], price)


def _struck(tag: screens.Tag, price: Money) -> Money | None:
    minor = struck_through(tag.lowest_deal_minor, above=price.minor)
    return None if minor is None else Money(minor, price.currency)


def _standing(group: Group, now: datetime) -> str:
    if group.is_joinable(now):
        return f"还差{group.seats_left}人"
    if group.state is GroupState.FILLED:
        return "已成团"
    return "席位已满" if group.state is GroupState.OPEN and now < group.expires_at else "已结束"


_CARDS: dict[str, Callable[[Database, UUID, datetime], Awaitable[Card | None]]] = {
    "product": _card_of_product,
    "group_buy": _card_of_group,
    "flash_sale": _card_of_sale,
    "live_room": _card_of_room,
}
_ROOM_WORDS = {RoomState.LIVE: "直播中", RoomState.PAUSED: "直播中", RoomState.ENDED: "已结束"}
