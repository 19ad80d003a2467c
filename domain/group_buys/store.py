"""How group-buys change: the only SQL that writes campaigns, groups, seats and what shoppers hold.

Lock order, everywhere: the group (or the campaign), then orders, then the shopper's limit, then payments and stock as those
features say. Whatever changes in a group changes under its row's lock; no transaction locks two groups, but for the one that
ends the time of all of a campaign's, which asks for nothing after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, insert, literal_column, select, text, update

from domain.audiences.rules import Doors
from domain.foundation.database import AnyRow, Reader, Transaction
from domain.foundation.errors import NotFound
from domain.group_buys.rules import (
    Campaign,
    CampaignState,
    Course,
    Group,
    GroupState,
    Item,
    OpenerBenefit,
    Seat,
    SeatState,
)
from domain.group_buys.tables import campaigns, groups, items, seats
from domain.orders.rules import OrderState
from domain.orders.tables import orders
from domain.suppliers.tables import supplied_skus, suppliers

c, g, i, s = campaigns.c, groups.c, items.c, seats.c
CAMPAIGN_COLUMNS = (
    c.id, c.title, c.product_id, c.state, c.opens_at, c.closes_at, c.seats, c.fill_seconds, c.pay_seconds, c.per_shopper,
    c.newcomers_only, c.opener_benefit, c.opener_discount_minor, c.published_at, c.stopped_at,
    c.called_off_at, c.settled_at, c.doors,
)  # fmt: skip
ITEM_COLUMNS = (
    i.id, i.campaign_id, i.sku_id, i.title, i.group_price_minor, i.currency, i.units, i.allotment_id
)  # fmt: skip
GROUP_COLUMNS = (
    g.id, g.campaign_id, g.opened_by, g.leader_id, g.state, g.seats, g.taken, g.paid, g.events, g.opened_at, g.expires_at,
    g.ended_at, g.completed_by,
)  # fmt: skip
SEAT_COLUMNS = (
    s.id, s.group_id, s.number, s.shopper_id, s.item_id, s.quantity, s.order_id, s.state, s.held_at, s.paid_at, s.freed_at,
    s.refund_at, s.refund_failures, s.refunded_at, s.share_link_id,
)  # fmt: skip
_LIVING: ColumnElement[bool] = literal_column("state IN ('held', 'paid')")


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an item is ordered: the campaign, and who sends the SKU at what cost, if not we."""

    campaign: Campaign
    item: Item
    supplier_id: UUID | None
    cost_minor: int | None


class Unheard(NamedTuple):
    """A seat that has not heard what became of its order: paid then, or ended unpaid."""

    seat_id: UUID
    paid_at: datetime | None


_ITEM_WITH_SUPPLIER = (
    select(*ITEM_COLUMNS, suppliers.c.id.label("supplier_id"), supplied_skus.c.cost_minor)
    .select_from(
        items.outerjoin(
            supplied_skus.join(
                suppliers, (suppliers.c.id == supplied_skus.c.supplier_id) & suppliers.c.ended_at.is_(None)
            ),
            supplied_skus.c.sku_id == i.sku_id,
        )
    )
    .where(i.id == bindparam("item_id"), i.campaign_id == bindparam("campaign_id"))
)
_CAMPAIGN = select(*CAMPAIGN_COLUMNS).where(c.id == bindparam("campaign_id"))
_LOCK_GROUP = select(*GROUP_COLUMNS).where(g.id == bindparam("group_id")).with_for_update()
# The lowest number that nobody has; under the group's lock it is still nobody's when it is taken.
_TAKE_SEAT = text("""
    INSERT INTO group_buy_seats (id, group_id, number, shopper_id, item_id, quantity, order_id, state, is_newcomers,
                                 share_link_id, held_at)
    SELECT :id, :group_id, min(number), :shopper_id, :item_id, :quantity, :order_id, 'held', :is_newcomers,
           :share_link_id, :now
    FROM generate_series(1, :seats) AS number
    WHERE number NOT IN (SELECT number FROM group_buy_seats WHERE group_id = :group_id AND state IN ('held', 'paid'))
    ON CONFLICT DO NOTHING
    RETURNING number
""")
_TAKE_SEAT_AGAIN = text("""
    UPDATE group_buy_seats SET state = 'held', freed_at = NULL, held_at = :now, number = (
        SELECT min(number) FROM generate_series(1, :seats) AS number
        WHERE number NOT IN (SELECT number FROM group_buy_seats WHERE group_id = :group_id AND state IN ('held', 'paid')))
    WHERE id = :id
      AND NOT EXISTS (SELECT FROM group_buy_seats AS other
                      WHERE other.shopper_id = :shopper_id AND other.state IN ('held', 'paid')
                        AND (other.group_id = :group_id
                             OR (other.is_newcomers AND group_buy_seats.is_newcomers)))
      AND NOT (is_newcomers AND :has_ever_paid)
    RETURNING number
""")
_TAKE_LIMIT = text("""
    INSERT INTO group_buy_shoppers AS held (campaign_id, shopper_id, units, most)
    VALUES (:campaign_id, :shopper_id, :units, :most)
    ON CONFLICT (campaign_id, shopper_id) DO UPDATE SET units = held.units + excluded.units
    WHERE held.units + excluded.units <= held.most
    RETURNING units
""")
_GIVE_LIMIT_BACK = text("""
    UPDATE group_buy_shoppers SET units = units - :units
    WHERE campaign_id = :campaign_id AND shopper_id = :shopper_id
""")
_WRITE_COURSE = text("""
    WITH changed AS (
        UPDATE group_buys
        SET state = :state, leader_id = :leader_id, taken = :taken, paid = :paid, events = :events, ended_at = :ended_at,
            completed_by = :completed_by
        WHERE id = :id
    )
    INSERT INTO group_buy_events (group_id, number, kind, seat, taken, paid, happened_at)
    SELECT :id, number, kind, seat, taken, paid, happened_at
    FROM unnest(CAST(:numbers AS int[]), CAST(:kinds AS text[]), CAST(:seat_numbers AS smallint[]),
                CAST(:takens AS smallint[]), CAST(:paids AS smallint[]), CAST(:moments AS timestamptz[]))
      AS news (number, kind, seat, taken, paid, happened_at)
""")
# A group of the same campaign with room, the fullest first, in which the shopper does not sit already.
_ANOTHER = text("""
    SELECT id FROM group_buys AS another
    WHERE campaign_id = :campaign_id AND state = 'open' AND paid >= 1 AND taken < seats AND expires_at > :now
      AND NOT EXISTS (SELECT FROM group_buy_seats AS mine
                      WHERE mine.group_id = another.id AND mine.shopper_id = :shopper_id AND mine.state IN ('held', 'paid'))
    ORDER BY paid DESC, id LIMIT 1
""")


def campaign_of(row: AnyRow, item_rows: Sequence[AnyRow] = ()) -> Campaign:
    """A campaign out of its row and its items' rows."""
    kept = {column.name: getattr(row, column.name) for column in CAMPAIGN_COLUMNS}
    kept |= {"state": CampaignState(row.state), "opener_benefit": OpenerBenefit(row.opener_benefit)}
    kept["doors"] = Doors.read(row.doors)
    return Campaign(**kept, items=tuple(map(item_of, item_rows)))


def item_of(row: AnyRow) -> Item:
    """An item out of a row that begins with `ITEM_COLUMNS`."""
    return Item(*row[: len(ITEM_COLUMNS)])


def group_of(row: AnyRow) -> Group:
    """A group out of a row of `GROUP_COLUMNS`."""
    return Group(**{**row._mapping, "state": GroupState(row.state)})


def seat_of(row: AnyRow) -> Seat:
    """A seat out of a row of `SEAT_COLUMNS`."""
    return Seat(**{**row._mapping, "state": SeatState(row.state)})


async def add_campaign(tx: Transaction, campaign: Campaign, *, created_by: UUID, now: datetime) -> None:
    """Write a new draft with its items, in the order given."""
    row = {column.name: getattr(campaign, column.name) for column in CAMPAIGN_COLUMNS}
    row |= {"begins_at": campaign.begins_at, "created_at": now, "created_by": created_by}
    await tx.execute(insert(campaigns).values(row))
    rows = [{column.name: getattr(item, column.name) for column in ITEM_COLUMNS} for item in campaign.items]
    await tx.execute(insert(items), [{**row, "position": position} for position, row in enumerate(rows, 1)])


async def lock_campaign(tx: Transaction, campaign_id: UUID, *, is_ending: bool = False) -> Campaign:
    """A campaign with its items, locked until the transaction ends; where it `is_ending` also against `keep_campaign`.

    Raises NotFound.
    """
    row = await tx.one(select(*CAMPAIGN_COLUMNS).where(c.id == campaign_id).with_for_update(key_share=not is_ending))
    return await _with_items(tx, campaign_id, row)


async def keep_campaign(tx: Transaction, campaign_id: UUID) -> Campaign:
    """A campaign with its items, which is not settled before the transaction ends. Raises NotFound."""
    # it may be stopped meanwhile: whoever stops it would wait for ever behind shoppers who keep it, one after another
    row = await tx.one(select(*CAMPAIGN_COLUMNS).where(c.id == campaign_id).with_for_update(read=True, key_share=True))
    return await _with_items(tx, campaign_id, row)


async def move_campaign(tx: Transaction, campaign: Campaign, **values: Any) -> None:
    """Write a locked campaign's new state with the moments that belong to it."""
    await tx.execute(update(campaigns).where(c.id == campaign.id).values(state=campaign.state, **values))


async def set_doors(tx: Transaction, campaign: Campaign) -> None:
    """Write who may take part in a locked campaign, and from when on the first of them."""
    doors = campaign.doors.kept() if campaign.doors else None
    await tx.execute(update(campaigns).where(c.id == campaign.id).values(doors=doors, begins_at=campaign.begins_at))


async def set_allotment(tx: Transaction, item_id: UUID, allotment_id: UUID) -> None:
    """The units of an item are set aside there."""
    await tx.execute(update(items).where(i.id == item_id).values(allotment_id=allotment_id))


async def terms(tx: Transaction, campaign: Campaign, item_id: UUID) -> Terms:
    """On what terms an item of the campaign is ordered. Raises NotFound for an item of another campaign."""
    row = await tx.one(_ITEM_WITH_SUPPLIER, {"item_id": item_id, "campaign_id": campaign.id})
    if row is None:
        raise NotFound.of("groupitem", item_id)
    return Terms(campaign, item_of(row), row.supplier_id, row.cost_minor)


async def campaign_of_group(reader: Reader, campaign_id: UUID) -> Campaign:
    """The campaign of a group, without its items. An open group keeps it from being settled."""
    row = await reader.one(_CAMPAIGN, {"campaign_id": campaign_id})
    assert row is not None, f"a group of no campaign {campaign_id}"
    return campaign_of(row)


async def add_group(tx: Transaction, group: Group) -> None:
    """Write a new group, in which nobody sits yet."""
    await tx.execute(insert(groups).values({column.name: getattr(group, column.name) for column in GROUP_COLUMNS}))


async def lock_group(tx: Transaction, group_id: UUID) -> Group:
    """A group, locked until the transaction ends. Raises NotFound."""
    row = await tx.one(_LOCK_GROUP, {"group_id": group_id})
    if row is None:
        raise NotFound.of("groupbuy", group_id)
    return group_of(row)


async def lock_group_of(tx: Transaction, seat_id: UUID) -> tuple[Group, Seat]:
    """The group of a seat, locked, and the seat as it is then."""
    group_id = await tx.value(select(s.group_id).where(s.id == seat_id))
    assert group_id is not None, f"an order without its seat {seat_id}"
    group = await lock_group(tx, group_id)
    row = await tx.one(select(*SEAT_COLUMNS).where(s.id == seat_id))
    assert row is not None
    return group, seat_of(row)


async def write(tx: Transaction, course: Course) -> None:
    """Keep what has happened to a locked group: its new figures and the news, in one statement."""
    group, news = course.group, course.news
    await tx.execute(
        _WRITE_COURSE,
        {
            "id": group.id,
            "state": group.state,
            "leader_id": group.leader_id,
            "taken": group.taken,
            "paid": group.paid,
            "events": group.events,
            "ended_at": group.ended_at,
            "completed_by": group.completed_by,
            "numbers": [event.number for event in news],
            "kinds": [event.kind for event in news],
            "seat_numbers": [event.seat for event in news],
            "takens": [event.taken for event in news],
            "paids": [event.paid for event in news],
            "moments": [event.happened_at for event in news],
        },
    )


async def take_seat(tx: Transaction, group: Group, seat: Seat, *, is_newcomers: bool) -> int | None:
    """The number of the seat, whose lowest free one is taken in a locked group that has room.

    None when the shopper sits there already, or, where only newcomers may, somewhere else as a newcomer.
    """
    number: int | None = await tx.value(
        _TAKE_SEAT,
        {
            "id": seat.id,
            "group_id": group.id,
            "shopper_id": seat.shopper_id,
            "item_id": seat.item_id,
            "quantity": seat.quantity,
            "order_id": seat.order_id,
            "is_newcomers": is_newcomers,
            "share_link_id": seat.share_link_id,
            "seats": group.seats,
            "now": seat.held_at,
        },
    )
    return number


async def take_seat_again(tx: Transaction, group: Group, seat: Seat, *, now: datetime) -> int | None:
    """The number under which a freed seat is held anew in its locked group; None when its shopper has taken another since,
    or was a newcomer and is none any more.
    """
    wish = {"id": seat.id, "group_id": group.id, "shopper_id": seat.shopper_id, "seats": group.seats, "now": now}
    wish["has_ever_paid"] = await has_ever_paid(tx, seat.shopper_id)
    number: int | None = await tx.value(_TAKE_SEAT_AGAIN, wish)
    return number


async def move_seat(tx: Transaction, seat: Seat, state: SeatState, **values: Any) -> None:
    """Write the new state of a seat in a locked group."""
    await tx.execute(update(seats).where(s.id == seat.id).values(state=state, **values))


async def living_seat(reader: Reader, group_id: UUID, shopper_id: UUID) -> Seat | None:
    """The seat that a shopper holds or has in a group."""
    row = await reader.one(select(*SEAT_COLUMNS).where(s.group_id == group_id, s.shopper_id == shopper_id, _LIVING))
    return seat_of(row) if row else None


async def next_leader(tx: Transaction, group_id: UUID) -> UUID | None:
    """Who is to lead a locked group after its leader has left: who came first, of those who have paid before the others."""
    is_paid = s.state == SeatState.PAID
    living = select(s.shopper_id).where(s.group_id == group_id, _LIVING)
    leader_id: UUID | None = await tx.value(living.order_by(is_paid.desc(), s.held_at, s.id).limit(1))
    return leader_id


async def paid_orders(tx: Transaction, group_id: UUID) -> Sequence[UUID]:
    """The orders of the paid seats of a locked group."""
    return await tx.column(select(s.order_id).where(s.group_id == group_id, s.state == SeatState.PAID))


async def take_limit(tx: Transaction, campaign: Campaign, shopper_id: UUID, units: int) -> bool:
    """So many more units are the shopper's; whether they may have them."""
    wish = {"campaign_id": campaign.id, "shopper_id": shopper_id, "units": units, "most": campaign.per_shopper}
    return await tx.value(_TAKE_LIMIT, wish) is not None


async def give_limit_back(tx: Transaction, campaign_id: UUID, seat: Seat) -> None:
    """The units of a seat are the shopper's no more."""
    values = {"campaign_id": campaign_id, "shopper_id": seat.shopper_id, "units": seat.quantity}
    await tx.execute(_GIVE_LIMIT_BACK, values)


async def has_ever_paid(reader: Reader, shopper_id: UUID) -> bool:
    """Whether an order of this shopper was ever paid: who never has is a newcomer, and so is whom no group has kept."""
    came_to_nothing = (orders.c.state == OrderState.REFUNDED) & ~orders.c.is_confirmed
    paid = select(orders.c.id).where(orders.c.shopper_id == shopper_id, orders.c.paid_at.is_not(None), ~came_to_nothing)
    return bool(await reader.value(select(paid.exists())))


async def another(reader: Reader, group: Group, shopper_id: UUID, *, now: datetime) -> UUID | None:
    """An open group of the same campaign in which this shopper could take a seat."""
    wish = {"campaign_id": group.campaign_id, "shopper_id": shopper_id, "now": now}
    found: UUID | None = await reader.value(_ANOTHER, wish)
    return found


async def unheard(reader: Reader, *, before: datetime, limit: int) -> Sequence[Unheard]:
    """Seats that are held though the time of their groups was over before this moment, and their orders are paid or have ended."""
    is_overdue = (g.taken > g.paid) & (g.expires_at < before) & (s.state == SeatState.HELD)
    found = (
        select(s.id, orders.c.paid_at)
        .select_from(seats.join(groups, g.id == s.group_id).join(orders, orders.c.id == s.order_id))
        .where(is_overdue, orders.c.state != OrderState.PLACED)
    )
    return [Unheard(*row) for row in await reader.rows(found.order_by(g.expires_at).limit(limit))]


async def due_to_expire(reader: Reader, *, now: datetime, limit: int) -> Sequence[UUID]:
    """Open groups whose time is over and in which nobody holds a seat without having paid: no money is on its way."""
    is_due = (g.state == literal_column("'open'")) & (g.expires_at <= now) & (g.taken == g.paid)
    return await reader.column(select(g.id).where(is_due).order_by(g.expires_at).limit(limit))


async def end_time(tx: Transaction, campaign_id: UUID, *, now: datetime) -> None:
    """The time of a campaign's open groups is over now."""
    is_open = (g.campaign_id == campaign_id) & (g.state == literal_column("'open'")) & (g.expires_at > now)
    await tx.execute(update(groups).where(is_open).values(expires_at=now))


async def held_though_called_off(reader: Reader, *, limit: int) -> Sequence[tuple[UUID, UUID]]:
    """Seats of open groups whose orders wait for their money though their campaign was called off, and by whom it was."""
    is_called_off = (c.state == literal_column("'stopped'")) & c.called_off_at.is_not(None)
    found = (
        select(s.id, c.called_off_by)
        .select_from(
            campaigns.join(groups, g.campaign_id == c.id)
            .join(seats, s.group_id == g.id)
            .join(orders, orders.c.id == s.order_id)
        )
        .where(is_called_off, g.state == literal_column("'open'"), s.state == SeatState.HELD)
        .where(orders.c.state == OrderState.PLACED)
    )
    return [(row.id, row.called_off_by) for row in await reader.rows(found.limit(limit))]


async def ask_refunds(tx: Transaction, group_id: UUID, *, now: datetime) -> None:
    """The money of every paid seat of a locked group is to go back."""
    paid = update(seats).where(s.group_id == group_id, s.state == SeatState.PAID)
    await tx.execute(paid.values(refund_at=now))


async def due_to_refund(reader: Reader, *, now: datetime, limit: int) -> Sequence[UUID]:
    """Seats whose money is to go back now, longest due first."""
    return await reader.column(select(s.id).where(s.refund_at <= now).order_by(s.refund_at).limit(limit))


async def put_refund_off(tx: Transaction, seat_id: UUID, *, pause: timedelta, failures: int, now: datetime) -> None:
    """A refund has failed so many times: the next attempt is after the pause. One that is done meanwhile stays done."""
    still_due = update(seats).where(s.id == seat_id, s.refund_at.is_not(None))
    await tx.execute(still_due.values(refund_at=now + pause, refund_failures=failures))


async def is_undecided(tx: Transaction, campaign_id: UUID) -> bool:
    """Whether a group of the campaign is still open, a seat unpaid, or money on its way back."""
    # a held seat shows in its group's figures: looking for one among the seats would read all of them
    is_waiting = (g.state == literal_column("'open'")) | (g.taken > g.paid)
    waiting = select(g.id).where(g.campaign_id == campaign_id, is_waiting)
    refunds = (
        select(s.id).join(groups, g.id == s.group_id).where(g.campaign_id == campaign_id, s.refund_at.is_not(None))
    )
    return bool(await tx.value(select(waiting.exists() | refunds.exists())))


async def to_settle(reader: Reader, *, now: datetime) -> Sequence[UUID]:
    """Campaigns that take no new groups any more, but still have units set aside."""
    living = c.state.in_((literal_column("'live'"), literal_column("'stopped'")))
    over = (c.closes_at <= now) | (c.state == literal_column("'stopped'"))
    return await reader.column(select(c.id).where(living, over).order_by(c.closes_at))


async def _with_items(tx: Transaction, campaign_id: UUID, row: AnyRow | None) -> Campaign:
    if row is None:
        raise NotFound.of("campaign", campaign_id)
    found = select(*ITEM_COLUMNS).where(i.campaign_id == campaign_id).order_by(i.position)
    return campaign_of(row, await tx.rows(found))
