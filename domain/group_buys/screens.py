"""The lists that screens show of group-buys: keyset pages, each served by an index, however many rows stand behind it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
    union_all,
)

from domain.accounts.tables import accounts
from domain.foundation.database import AnyRow, Database
from domain.foundation.pages import Page, page_of, page_size, read_cursor
from domain.group_buys.rules import Campaign, Group, GroupState, Seat, SeatState
from domain.group_buys.store import (
    CAMPAIGN_COLUMNS,
    GROUP_COLUMNS,
    ITEM_COLUMNS,
    SEAT_COLUMNS,
    campaign_of,
    group_of,
    seat_of,
)
from domain.group_buys.tables import campaigns, groups, items, seats
from domain.orders import queries as orders_queries
from domain.orders.rules import Fulfilment, Line, OrderState, shown_number
from domain.orders.tables import orders

c, g, s, o = campaigns.c, groups.c, seats.c, orders.c
# written out, not bound: a prepared plan uses a partial index only if it can see that its condition holds
_IS_LIVE: ColumnElement[bool] = c.state == literal_column("'live'")
_HAS_ROOM: ColumnElement[bool] = literal_column(
    "group_buys.state = 'open' AND group_buys.paid >= 1 AND group_buys.taken < group_buys.seats"
)
_IS_LIVING: ColumnElement[bool] = s.state.in_((literal_column("'held'"), literal_column("'paid'")))
_SAT_TO_THE_END: ColumnElement[bool] = (s.state == literal_column("'refunded'")) & (
    g.state == literal_column("'expired'")
)
_IS_FILLED: ColumnElement[bool] = g.state == literal_column("'filled'")
_IS_UNDER_WAY: ColumnElement[bool] = o.is_confirmed & o.state.in_(
    (literal_column("'paid'"), literal_column("'shipped'"))
)
_STATE = SEAT_COLUMNS.index(s.state)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a group: their seat, and what they are called."""

    seat: Seat
    name: str


@dataclass(frozen=True, slots=True)
class OrderToHandOver:
    """A member's order that the leader is to hand over: who gets what, and nothing about where they live."""

    order_id: UUID
    order_number: str
    group_id: UUID
    seat: int
    member: str
    state: OrderState
    fulfilment: Fulfilment | None
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class LeaderFigures:
    """A leader's groups by where they stand; members of those that are open or filled, by whether they have paid."""

    open: int
    filled: int
    expired: int
    members_paid: int
    members_unpaid: int


async def open_campaigns(db: Database, *, now: datetime, first: int, after: str | None = None) -> Page[Campaign]:
    """Campaigns in which a group can be opened now, by somebody at least, the next to close first."""
    query = _open_campaigns(now).order_by(c.closes_at, c.id)
    if after is not None:
        query = query.where(func.row(c.closes_at, c.id) > func.row(*read_cursor(after, datetime, UUID)))
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of(await _with_items(db, rows), first, lambda one: (one.closes_at.isoformat(), str(one.id)))


async def all_campaigns(db: Database, *, first: int, after: str | None = None) -> Page[Campaign]:
    """Every campaign, newest first; for merchandisers."""
    query = select(*CAMPAIGN_COLUMNS).order_by(c.id.desc())
    if after is not None:
        query = query.where(c.id < read_cursor(after, UUID)[0])
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of(await _with_items(db, rows), first, _id)


async def campaigns_of_products(
    db: Database, product_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, list[Campaign]]:
    """The campaigns of each product in which a group can be opened now, the next to close first; two statements."""
    wanted = _open_campaigns(now).where(c.product_id == func.any(list(product_ids)))
    found: dict[UUID, list[Campaign]] = defaultdict(list)
    for campaign in await _with_items(db, await db.rows(wanted.order_by(c.closes_at, c.id))):
        found[campaign.product_id].append(campaign)
    return found


async def open_groups(
    db: Database, campaign_id: UUID, *, now: datetime, first: int, after: str | None = None
) -> Page[Group]:
    """Groups of a campaign that can be joined and in which somebody has paid, the fullest first."""
    query = _open_groups(now).where(g.campaign_id == campaign_id)
    if after is not None:
        paid, group_id = read_cursor(after, int, UUID)
        query = query.where(g.paid <= paid, (g.paid < paid) | (g.id > group_id))
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of([group_of(row) for row in rows], first, _fullness)


async def open_groups_of_campaigns(
    db: Database, campaign_ids: Sequence[UUID], *, now: datetime, first: int
) -> dict[UUID, Page[Group]]:
    """The first page of `open_groups` of each campaign, in one statement."""
    wanted = func.unnest(bindparam("ids", type_=ARRAY(Uuid))).table_valued(column("id", Uuid)).render_derived()
    fullest = _open_groups(now).where(g.campaign_id == wanted.c.id).limit(page_size(first) + 1).lateral()
    in_order = select(fullest).select_from(wanted.join(fullest, true())).order_by(fullest.c.paid.desc(), fullest.c.id)
    of_campaign: dict[UUID, list[Group]] = {campaign_id: [] for campaign_id in campaign_ids}
    for row in await db.rows(in_order, {"ids": list(campaign_ids)}):
        of_campaign[row.campaign_id].append(group_of(row))
    return {campaign_id: page_of(found, first, _fullness) for campaign_id, found in of_campaign.items()}


async def groups_of_campaign(
    db: Database, campaign_id: UUID, *, first: int, after: str | None = None, state: GroupState | None = None
) -> Page[Group]:
    """A campaign's groups, newest first; only those in one state when it is given. For staff."""
    return await _newest_groups(db, g.campaign_id == campaign_id, first=first, after=after, state=state)


async def groups_of_leader(
    db: Database, leader_id: UUID, *, first: int, after: str | None = None, state: GroupState | None = None
) -> Page[Group]:
    """The groups somebody leads, newest first; only those in one state when it is given."""
    return await _newest_groups(db, g.leader_id == leader_id, first=first, after=after, state=state)


async def members_by_group_ids(db: Database, group_ids: Sequence[UUID]) -> dict[UUID, list[Member]]:
    """Who sits in each group, by number; in one that has expired also whose money has gone back, the last of each number."""
    found = _members(group_ids).where(_IS_LIVING | _SAT_TO_THE_END).order_by(s.group_id, s.number, s.id)
    of_group: dict[UUID, dict[int, Member]] = {group_id: {} for group_id in group_ids}
    for *seat, name in await db.rows(found):
        of_group[seat[1]][seat[2]] = Member(_seat(*seat), name)
    return {group_id: list(members.values()) for group_id, members in of_group.items()}


async def leaders_by_group_ids(db: Database, group_ids: Sequence[UUID]) -> dict[UUID, Member]:
    """Whoever leads each group, without reading who else sits in it; nobody leads one that is dissolved."""
    of_leaders = _members(group_ids).where(s.shopper_id == g.leader_id)
    # apart, so that the living are found by the key of group and member: one shopper may have thousands of seats
    found = union_all(of_leaders.where(_SAT_TO_THE_END), of_leaders.where(_IS_LIVING))
    return {seat[1]: Member(_seat(*seat), name) for *seat, name in await db.rows(found)}


async def seats_of_shopper(db: Database, shopper_id: UUID, *, first: int, after: str | None = None) -> Page[Seat]:
    """The seats a shopper has taken, newest first, whatever became of them."""
    query = select(*SEAT_COLUMNS).where(s.shopper_id == shopper_id).order_by(s.id.desc())
    if after is not None:
        query = query.where(s.id < read_cursor(after, UUID)[0])
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of([seat_of(row) for row in rows], first, _id)


async def orders_to_hand_over(
    db: Database, leader_id: UUID, *, first: int, after: str | None = None
) -> Page[OrderToHandOver]:
    """Paid, confirmed orders in somebody's filled groups that their members do not have yet; newest group first."""
    query = (
        select(o.id, o.number, o.placed_at, s.group_id, s.number.label("seat"), accounts.c.display_name, o.state)
        .add_columns(o.fulfilment)
        .join_from(groups, seats, s.group_id == g.id)
        .join(orders, o.id == s.order_id)
        .join(accounts, accounts.c.id == s.shopper_id)
        .where(g.leader_id == leader_id, _IS_FILLED, s.state == "paid", _IS_UNDER_WAY)
        .order_by(g.id.desc(), s.number)
    )
    if after is not None:
        group_id, number = read_cursor(after, UUID, int)
        query = query.where(g.id <= group_id, (g.id < group_id) | (s.number > number))
    rows = await db.rows(query.limit(page_size(first) + 1))
    lines = await orders_queries.lines_by_order_ids(db, [row.id for row in rows]) if rows else {}
    return page_of(
        [_to_hand_over(row, lines[row.id]) for row in rows], first, lambda one: (str(one.group_id), one.seat)
    )


async def figures_of_leader(db: Database, leader_id: UUID) -> LeaderFigures:
    """How somebody's groups stand, in one statement."""
    living = g.state.in_(("open", "filled"))
    row = await db.one(
        select(
            *(func.count().filter(g.state == state) for state in ("open", "filled", "expired")),
            func.coalesce(func.sum(g.paid).filter(living), 0),
            func.coalesce(func.sum(g.taken - g.paid).filter(living), 0),
        ).where(g.leader_id == leader_id)
    )
    assert row is not None
    return LeaderFigures(*row)


def _open_campaigns(now: datetime) -> Select[Any]:
    return select(*CAMPAIGN_COLUMNS).where(_IS_LIVE, c.begins_at <= now, c.closes_at > now)


def _open_groups(now: datetime) -> Select[Any]:
    return select(*GROUP_COLUMNS).where(_HAS_ROOM, g.expires_at > now).order_by(g.paid.desc(), g.id)


async def _newest_groups(
    db: Database, whose: Any, *, first: int, after: str | None, state: GroupState | None
) -> Page[Group]:
    query = select(*GROUP_COLUMNS).where(whose).order_by(g.id.desc())
    if state is not None:
        query = query.where(g.state == state)
    if after is not None:
        query = query.where(g.id < read_cursor(after, UUID)[0])
    rows = await db.rows(query.limit(page_size(first) + 1))
    return page_of([group_of(row) for row in rows], first, _id)


async def _with_items(db: Database, rows: Sequence[AnyRow]) -> list[Campaign]:
    if not rows:
        return []
    by_campaign: dict[UUID, list[AnyRow]] = defaultdict(list)
    of_them = items.c.campaign_id == func.any([row.id for row in rows])
    for row in await db.rows(select(*ITEM_COLUMNS).where(of_them).order_by(items.c.campaign_id, items.c.position)):
        by_campaign[row.campaign_id].append(row)
    return [campaign_of(row, by_campaign[row.id]) for row in rows]


def _members(group_ids: Sequence[UUID]) -> Select[Any]:
    return (
        select(*SEAT_COLUMNS, accounts.c.display_name)
        .join_from(groups, seats, s.group_id == g.id)
        .join(accounts, accounts.c.id == s.shopper_id)
        .where(g.id == func.any(list(group_ids)))
    )


def _seat(*row: Any) -> Seat:
    """A seat out of the values of `SEAT_COLUMNS`, which stand in its fields' order: quicker than `seat_of`, for many at once."""
    values = list(row)
    values[_STATE] = SeatState(row[_STATE])
    return Seat(*values)


def _to_hand_over(row: AnyRow, lines: Sequence[Line]) -> OrderToHandOver:
    return OrderToHandOver(
        order_id=row.id,
        order_number=shown_number(row.number, row.placed_at),
        group_id=row.group_id,
        seat=row.seat,
        member=row.display_name,
        state=OrderState(row.state),
        fulfilment=row.fulfilment and Fulfilment(row.fulfilment),
        lines=lines,
    )


def _fullness(group: Group) -> tuple[int, str]:
    return group.paid, str(group.id)


def _id(row: Campaign | Group | Seat) -> tuple[str]:
    return (str(row.id),)
