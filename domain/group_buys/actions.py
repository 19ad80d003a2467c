"""What a merchandiser can do with a campaign: create, publish, stop; and settling when it is over."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from domain.audiences import checking
from domain.audiences.rules import Doors, SaleDoorsFixed
from domain.foundation import idempotency
from domain.foundation.database import Database, Transaction
from domain.foundation.errors import NotFound
from domain.foundation.ids import new_id
from domain.foundation.money import SHOP_CURRENCY
from domain.group_buys import rules, store
from domain.group_buys.rules import Campaign, CampaignState, Item, NewCampaign, NewItem, NotOneProduct
from domain.products.tables import products, skus
from domain.stock import store as stock
from domain.stock.rules import Cause, Units
from domain.trail import store as trail

PURPOSE = "group_buy"
"""How stock names what the units are set aside for."""


async def create(db: Database, wish: NewCampaign, *, by: UUID, idempotency_key: str, now: datetime) -> Campaign:
    """A draft. The same key with the same wish gives the same campaign again.

    Raises BadInput, NotFound (sku), NotOneProduct, IdempotencyConflict.
    """
    rules.check_campaign(wish, now=now)
    campaign_id = new_id()
    async with db.transaction() as tx:
        replay = await idempotency.begin(
            tx,
            owner_id=by,
            key=idempotency_key,
            operation="create_group_buy_campaign",
            request=asdict(wish),
            answer=str(campaign_id),
        )
        if replay:
            return await store.keep_campaign(tx, UUID(replay.answer))
        product_id, items = await _items(tx, campaign_id, wish.items)
        draft = Campaign(
            id=campaign_id,
            title=wish.title.strip(),
            product_id=product_id,
            state=CampaignState.DRAFT,
            opens_at=wish.opens_at,
            closes_at=wish.closes_at,
            seats=wish.seats,
            fill_seconds=wish.fill_seconds,
            pay_seconds=wish.pay_seconds,
            per_shopper=wish.per_shopper,
            newcomers_only=wish.newcomers_only,
            opener_benefit=wish.opener_benefit,
            opener_discount_minor=wish.opener_discount_minor,
            items=items,
        )
        await store.add_campaign(tx, draft, created_by=by, now=now)
        await _note(tx, "create_group_buy_campaign", draft, by=by, now=now)
        return draft


async def set_doors(db: Database, *, campaign_id: UUID, doors: Doors | None, by: UUID, now: datetime) -> Campaign:
    """The campaign with these doors and no others; None: everybody may take part once it opens. The same again: no change.

    Raises NotFound (campaign, plan, segment), SaleDoorsFixed once somebody may have taken part, BadInput, also for a first
    door that would be open already.
    """
    async with db.transaction() as tx:
        campaign = await store.lock_campaign(tx, campaign_id, is_ending=True)
        if campaign.doors == doors:
            return campaign
        is_waiting = campaign.state is CampaignState.LIVE and now < campaign.begins_at
        if campaign.state is not CampaignState.DRAFT and not is_waiting:
            raise SaleDoorsFixed(state=campaign.state)
        await checking.check(tx, doors, opens_at=campaign.opens_at, now=now)
        campaign = replace(campaign, doors=doors)
        await store.set_doors(tx, campaign)
        kept = doors.kept() if doors else None
        await _note(tx, "set_sale_doors", campaign, by=by, now=now, doors=kept)
        return campaign


async def publish(db: Database, *, campaign_id: UUID, by: UUID, now: datetime) -> Campaign:
    """Set the units aside and let shoppers see it; groups can be opened once its window is. Live already: no change.

    Raises NotFound, WrongCampaignState, GroupBuyCampaignClosed after its window, and NotEnoughStock naming the SKU; then
    nothing has moved.
    """
    async with db.transaction() as tx:
        campaign = await store.lock_campaign(tx, campaign_id)
        if campaign.state is CampaignState.LIVE:
            return campaign
        campaign = replace(campaign.moved_to(CampaignState.LIVE), published_at=now)
        rules.check_not_over(campaign, now=now)
        allotments = {}
        # by SKU: two campaigns with the same goods must lock in the same order
        for item in sorted(campaign.items, key=lambda item: item.sku_id):
            units, cause = Units(item.sku_id, item.units), Cause("group_buy_campaign", campaign.id)
            allotments[item.id] = await stock.open_allotment(tx, units, purpose=PURPOSE, cause=cause, now=now)
            await store.set_allotment(tx, item.id, allotments[item.id])
        await store.move_campaign(tx, campaign, published_at=now)
        await _note(tx, "publish_group_buy_campaign", campaign, by=by, now=now)
        return replace(
            campaign, items=tuple(replace(item, allotment_id=allotments[item.id]) for item in campaign.items)
        )


async def stop(db: Database, *, campaign_id: UUID, by: UUID, now: datetime) -> Campaign:
    """No group can be opened from now on; those that are open go on to their own end. Stopped already: no change.

    Raises NotFound, WrongCampaignState.
    """
    async with db.transaction() as tx:
        campaign = await store.lock_campaign(tx, campaign_id)
        if campaign.state is CampaignState.STOPPED:
            return campaign
        campaign = replace(campaign.moved_to(CampaignState.STOPPED), stopped_at=now)
        await store.move_campaign(tx, campaign, stopped_at=now)
        await _note(tx, "stop_group_buy_campaign", campaign, by=by, now=now)
        return campaign


async def call_off(db: Database, *, campaign_id: UUID, by: UUID, reason: str, now: datetime) -> Campaign:
    """Stop a campaign and end the time of its open groups: nobody pays any more, and whoever has gets the money back, by
    the timetable, within moments. Called off already: no change.

    Groups that are full stay as they are. Raises NotFound, WrongCampaignState for a draft or a settled one, BadInput.
    """
    reason = rules.check_reason(reason)
    async with db.transaction() as tx:
        campaign = await store.lock_campaign(tx, campaign_id)
        if campaign.called_off_at is not None:
            return campaign
        if campaign.state is not CampaignState.STOPPED:
            campaign = replace(campaign.moved_to(CampaignState.STOPPED), stopped_at=now)
        campaign = replace(campaign, called_off_at=now)
        await store.move_campaign(tx, campaign, stopped_at=campaign.stopped_at, called_off_at=now, called_off_by=by)
        await store.end_time(tx, campaign.id, now=now)
        await _note(tx, "call_off_group_buy_campaign", campaign, by=by, now=now, reason=reason)
        return campaign


async def settle(db: Database, *, campaign_id: UUID, now: datetime) -> bool:
    """Give leftovers back to free stock once the campaign is over and every group of it has come to its end; whether it did.

    Called again and again by the timetable until the last seat is decided; it waits for whoever is opening a group.
    """
    async with db.transaction() as tx:
        campaign = await store.lock_campaign(tx, campaign_id, is_ending=True)
        is_over = campaign.state is CampaignState.STOPPED or now >= campaign.closes_at
        if CampaignState.SETTLED not in rules.NEXT[campaign.state] or not is_over:
            return False
        if campaign.called_off_at is not None:
            await store.end_time(tx, campaign.id, now=now)  # of groups that were being opened just then
        if await store.is_undecided(tx, campaign.id):
            return False
        allotment_ids = [item.allotment_id for item in campaign.items if item.allotment_id is not None]
        assert len(allotment_ids) == len(campaign.items), "a campaign that was live has its units set aside"
        await stock.close_allotments(tx, allotment_ids, cause=Cause("group_buy_campaign", campaign.id), now=now)
        await store.move_campaign(tx, campaign.moved_to(CampaignState.SETTLED), settled_at=now)
    return True


async def _items(tx: Transaction, campaign_id: UUID, wished: Sequence[NewItem]) -> tuple[UUID, tuple[Item, ...]]:
    """The product and the items, called as its SKUs are now."""
    named = [item.sku_id for item in wished]
    found = select(skus.c.id, skus.c.product_id, products.c.title, skus.c.options).join_from(skus, products)
    rows = {row.id: row for row in await tx.rows(found.where(skus.c.id == func.any(named)))}
    for sku_id in named:
        if sku_id not in rows:
            raise NotFound.of("sku", sku_id)
    product_ids = {row.product_id for row in rows.values()}
    if len(product_ids) > 1:
        raise NotOneProduct(products=len(product_ids))
    return product_ids.pop(), tuple(
        Item(
            id=new_id(),
            campaign_id=campaign_id,
            sku_id=item.sku_id,
            title=" ".join([rows[item.sku_id].title, *rows[item.sku_id].options])[:600],
            group_price_minor=item.group_price_minor,
            currency=SHOP_CURRENCY,
            units=item.units,
            allotment_id=None,
        )
        for item in wished
    )


async def _note(tx: Transaction, deed: str, campaign: Campaign, *, by: UUID, now: datetime, **facts: object) -> None:
    facts["title"] = campaign.title
    await trail.note(tx, by=by, deed=deed, subject="campaign", subject_id=campaign.id, now=now, **facts)
