"""Stories of made-up neighbourhoods as rows of the tables: accounts, groups, seats, orders, payments, stock and shares.

They agree with each other as the audit demands, but for what stands outside of group-buys: nothing is entered in the ledger
of money, and what has left is in no parcel.
"""

import base64
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from benchmarks.neighbourhoods import SHARED, Ids, Neighbourhood, Story
from domain.foundation.money import SHOP_CURRENCY
from domain.group_buys.ending import REASON
from domain.group_buys.joining import SOURCE
from domain.group_buys.rules import LIVING, GroupState, Item, Seat, SeatState
from domain.orders.actions import PAYABLE
from domain.sharing.rules import SHARDS
from domain.stock.rules import ON_ALLOTMENT, Movement, change_of_sku

COUNTS_FOR = timedelta(days=7)
FAMILY_NAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何林高罗"
GIVEN_NAMES = "小满,建国,秀英,子涵,浩然,雨桐,桂花,志强,梓萱,大山,春燕,一诺,明月,文静,海燕,思远".split(",")
LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
HOME = {
    "recipient": "林小满", "phone": "13812345678", "province": "上海市", "city": "上海市", "district": "静安区",
    "region_code": "310106", "street": "南京西路 1 号",
}  # fmt: skip
COLUMNS = {
    "accounts": "id display_name created_at",
    "share_links": "id token sharer_id target_kind target_id channel campaign created_at",
    "share_visits": "id link_id visitor shopper_id outcome opened_at last_opened_at counts_until known_at",
    "share_counts": "link_id shard opened signed_in joined paid",
    "orders": (
        "id shopper_id state goods_minor total_minor currency source source_id is_confirmed placed_at pay_by fulfilment"
        " destination store_id pickup_code paid_at paid_with cancelled_at cancelled_by shipped_at receive_by received_at"
        " received_by refunded_at refunded_minor"
    ),
    "order_lines": (
        "order_id position sku_id title allotment_id quantity unit_price_minor total_minor shipped refunded unsent"
        " restocked refunded_goods_minor"
    ),
    "stock_holds": "id order_id sku_id allotment_id quantity returned held_at ended_at outcome",
    "stock_movements": "sku_id allotment_id movement quantity cause cause_id moved_at",
    "group_buys": (
        "id campaign_id opened_by leader_id state seats taken paid events opened_at expires_at ended_at completed_by"
    ),
    "group_buy_seats": (
        "id group_id number shopper_id item_id quantity order_id state held_at paid_at freed_at refunded_at is_newcomers"
        " share_link_id"
    ),
    "group_buy_events": "group_id number kind seat taken paid happened_at",
    "group_buy_shoppers": "campaign_id shopper_id units most",
    "payments": (
        "id payable payable_id payer_id amount_minor currency gateway state asked_at expires_at look_at captured_at"
        " refund_asked_minor refunded_minor"
    ),
    "refunds": "id payment_id amount_minor currency reason cause_id state asked_at attempts refunded_at",
    "staff_deeds": "by deed subject subject_id facts done_at",
    "share_attributions": "order_id link_id sharer_id shopper_id opened_at placed_at paid_at",
}
"""In this order, as each names only rows of those before."""


class Rows:
    """Rows that wait to be copied, by their table, and what they did to the units of each SKU."""

    def __init__(self, dice: random.Random, ids: Ids, store_ids: Sequence[UUID], *, now: datetime) -> None:
        self._dice, self._ids, self._store_ids, self._now = dice, ids, store_ids, now
        self._waiting: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._limits: Counter[tuple[UUID, UUID]] = Counter()
        self._moved: Counter[tuple[UUID, UUID, Movement, bool]] = Counter()

    async def copy_to(self, connection: asyncpg.Connection) -> None:
        """Write all that wait, in one transaction."""
        async with connection.transaction():
            for table, columns in COLUMNS.items():
                await connection.copy_records_to_table(table, records=self._waiting[table], columns=columns.split())
        self._waiting.clear()

    async def settle_stock(self, connection: asyncpg.Connection) -> None:
        """Count what was moved, by the rules of stock; allotments before SKUs."""
        on_allotments: dict[UUID, list[int]] = defaultdict(lambda: [0, 0, 0])
        on_skus: dict[UUID, list[int]] = defaultdict(lambda: [0, 0, 0])
        for (sku_id, allotment_id, movement, within), units in self._moved.items():
            for at, change in enumerate(change_of_sku(movement, within_allotment=within)):
                on_skus[sku_id][at] += change * units
            for at, change in enumerate(ON_ALLOTMENT[movement] if within else ()):
                on_allotments[allotment_id][at] += change * units
        for table, key, changes in (("stock_allotments", "id", on_allotments), ("stock_levels", "sku_id", on_skus)):
            statement = f"""
                UPDATE {table} SET free = free + $2, held = held + $3, sold = sold + $4, total = total + $2 + $3 + $4
                WHERE {key} = $1
            """
            await connection.executemany(statement, [(id, *change) for id, change in changes.items()])

    def add_people(self, neighbourhood: Neighbourhood, since: datetime) -> None:
        """Their accounts."""
        for id in (neighbourhood.leader_id, *neighbourhood.people):
            name = self._dice.choice(FAMILY_NAMES) + self._dice.choice(GIVEN_NAMES)
            self._waiting["accounts"].append((id, name, since))

    def add_limits(self) -> None:
        """What everybody of a neighbourhood has, once all its stories are told."""
        limits = self._waiting["group_buy_shoppers"]
        limits += [(campaign_id, id, units, 10_000) for (campaign_id, id), units in self._limits.items()]
        self._limits.clear()

    def add(self, story: Story) -> None:
        """A group with everything behind it."""
        group = story.group
        self._waiting["group_buys"].append(_OF_GROUP(group))
        self._waiting["group_buy_events"] += map(_OF_EVENT, story.events)
        if group.completed_by is not None:
            deed = (group.completed_by, "complete_group_buy", "groupbuy", group.id, '{"reason": "benchmark"}')
            self._waiting["staff_deeds"].append((*deed, group.ended_at))
        link_of = self._add_shares(story)
        for seat in story.seats:
            self._waiting["group_buy_seats"].append((*_OF_SEAT(seat), False, link_of.get(seat.shopper_id)))
            self._limits[group.campaign_id, seat.shopper_id] += seat.quantity if seat.state in LIVING else 0
            self._add_order(story, seat)

    def _add_shares(self, story: Story) -> Mapping[UUID, UUID]:
        """The leader's link to the group, who opened it and the orders that came of it; the link by whom it brought."""
        group, dice = story.group, self._dice
        link_id = self._ids.at(group.opened_at)
        token = "".join(dice.choices(LETTERS, k=16))
        self._waiting["share_links"].append(
            (link_id, token, group.leader_id, "group_buy", group.id, "wechat_group", "", group.opened_at)
        )
        counts = [[0, 0, 0, 0] for _ in range(SHARDS)]
        brought: dict[UUID, datetime] = {}
        for seat in story.seats:
            if seat.shopper_id == group.leader_id or seat.shopper_id.int % 10 >= SHARED * 10:
                continue
            count = dice.choice(counts)
            if seat.shopper_id not in brought:
                brought[seat.shopper_id] = seat.held_at - timedelta(seconds=30)
                self._add_visit(link_id, seat.shopper_id, brought[seat.shopper_id])
                count[0] += 1
                count[1] += 1
            self._waiting["share_attributions"].append(
                (
                    seat.order_id,
                    link_id,
                    group.leader_id,
                    seat.shopper_id,
                    brought[seat.shopper_id],
                    seat.held_at,
                    seat.paid_at,
                )
            )
            count[2] += 1
            count[3] += seat.paid_at is not None
        for _ in range(dice.randrange(4)):
            self._add_visit(link_id, None, group.opened_at)
            counts[0][0] += 1
        self._waiting["share_counts"] += [(link_id, shard, *count) for shard, count in enumerate(counts) if any(count)]
        return dict.fromkeys(brought, link_id)

    def _add_visit(self, link_id: UUID, shopper_id: UUID | None, at: datetime) -> None:
        visitor = base64.urlsafe_b64encode(self._dice.randbytes(32)).rstrip(b"=").decode()
        known = ("counted", at) if shopper_id else (None, None)
        self._waiting["share_visits"].append(
            (self._ids.at(at), link_id, visitor, shopper_id, known[0], at, at, at + COUNTS_FOR, known[1])
        )

    def _add_order(self, story: Story, seat: Seat) -> None:
        group, campaign = story.group, story.campaign
        item = next(item for item in campaign.items if item.id == seat.item_id)
        price = item.group_price_minor * seat.quantity
        pay_by = min(seat.held_at + timedelta(seconds=campaign.pay_seconds), group.expires_at)
        order = {
            "currency": SHOP_CURRENCY,
            "source": SOURCE,
            "source_id": seat.id,
            "is_confirmed": seat.state is SeatState.PAID and group.state is GroupState.FILLED,
            "placed_at": seat.held_at,
            "pay_by": pay_by,
            "refunded_minor": 0,
            **self._course_of_order(story, seat, price),
        }
        order |= {"id": seat.order_id, "shopper_id": seat.shopper_id, "goods_minor": price, "total_minor": price}
        self._waiting["orders"].append(tuple(map(order.get, _ORDER)))
        back = seat.quantity if seat.state is SeatState.REFUNDED else 0
        sent = seat.quantity if "shipped_at" in order or "received_at" in order else 0
        units = (seat.quantity, item.group_price_minor, price, sent, back, back, back, order["refunded_minor"])
        self._waiting["order_lines"].append((seat.order_id, 1, item.sku_id, item.title, item.allotment_id, *units))
        self._add_stock(seat, item, back)
        if seat.paid_at is not None:
            self._add_money(seat, order, price)

    def _add_money(self, seat: Seat, order: Mapping[str, Any], price: int) -> None:
        """The payment, and the refund of a member of an expired group."""
        back = 0 if seat.refunded_at is None else price
        whose = (
            order["paid_with"],
            PAYABLE,
            seat.order_id,
            seat.shopper_id,
            price,
            SHOP_CURRENCY,
            "simulated",
            "captured",
        )
        when = (seat.held_at, order["pay_by"], order["pay_by"], seat.paid_at)
        self._waiting["payments"].append((*whose, *when, back, back))
        if seat.refunded_at is not None:
            what = (
                self._ids.at(seat.refunded_at),
                order["paid_with"],
                price,
                SHOP_CURRENCY,
                REASON,
                seat.id,
                "refunded",
            )
            self._waiting["refunds"].append((*what, seat.refunded_at, 1, seat.refunded_at))

    def _course_of_order(self, story: Story, seat: Seat, price: int) -> dict[str, Any]:
        """The order's state with the moments and the place that belong to it."""
        if seat.state is SeatState.HELD:
            return {"state": "placed"}
        if seat.state is SeatState.FREED:
            return {"state": "cancelled", "cancelled_at": seat.freed_at, "cancelled_by": seat.shopper_id}
        assert seat.paid_at is not None
        paid = {"paid_at": seat.paid_at, "paid_with": self._ids.at(seat.paid_at)}
        if seat.state is SeatState.REFUNDED:
            return {"state": "refunded", **paid, "refunded_at": seat.refunded_at, "refunded_minor": price}
        if story.group.ended_at is None:
            return {"state": "paid", **paid}
        return {**paid, **self._underway(story.group.ended_at)}

    def _underway(self, confirmed_at: datetime) -> dict[str, Any]:
        """Six of ten are picked up, most on the third day; the others are sent after two days, most received after five."""
        age, is_slow = self._now - confirmed_at, self._dice.random() < 0.1
        if self._dice.random() < 0.6:
            code = str(self._dice.randrange(10_000_000, 100_000_000))
            place = {"fulfilment": "pickup", "store_id": self._dice.choice(self._store_ids), "pickup_code": code}
            if is_slow or age < timedelta(days=3):
                return {"state": "paid", **place}
            return {
                "state": "received",
                **place,
                "received_at": confirmed_at + timedelta(days=3),
                "received_by": "store",
            }
        place = {"fulfilment": "delivery", "destination": _DESTINATION}
        shipped_at = confirmed_at + timedelta(days=2)
        if shipped_at > self._now:
            return {"state": "paid", **place}
        received_at = confirmed_at + timedelta(days=17 if is_slow else 5)
        sent = {"shipped_at": shipped_at, "receive_by": shipped_at + timedelta(days=15)}
        if received_at > self._now:
            return {"state": "shipped", **place, **sent}
        return {
            "state": "received", **place, **sent, "received_at": received_at, "received_by": "time" if is_slow else "shopper"
        }  # fmt: skip

    def _add_stock(self, seat: Seat, item: Item, back: int) -> None:
        self._move(Movement.HELD, seat, item, seat.held_at)
        if seat.freed_at is not None:
            self._move(Movement.RELEASED, seat, item, seat.freed_at)
        if seat.paid_at is not None:
            self._move(Movement.SOLD, seat, item, seat.paid_at)
        if seat.refunded_at is not None:  # the unit is free again, and set aside for the campaign again
            self._move(Movement.RETURNED, seat, item, seat.refunded_at, within=False)
            self._move(Movement.ALLOTTED, seat, item, seat.refunded_at)
        ended_at, outcome = (
            seat.paid_at or seat.freed_at,
            "sold" if seat.paid_at else "released" if seat.freed_at else None,
        )
        units = (item.sku_id, item.allotment_id, seat.quantity, back)
        self._waiting["stock_holds"].append(
            (self._ids.at(seat.held_at), seat.order_id, *units, seat.held_at, ended_at, outcome)
        )

    def _move(self, movement: Movement, seat: Seat, item: Item, at: datetime, *, within: bool = True) -> None:
        assert item.allotment_id is not None
        self._waiting["stock_movements"].append(
            (item.sku_id, item.allotment_id if within else None, movement, seat.quantity, "order", seat.order_id, at)
        )
        self._moved[item.sku_id, item.allotment_id, movement, within] += seat.quantity


_DESTINATION = orjson.dumps(HOME).decode()
_ORDER = COLUMNS["orders"].split()
_OF_GROUP = attrgetter(*COLUMNS["group_buys"].split())
_OF_EVENT = attrgetter(*COLUMNS["group_buy_events"].split())
_OF_SEAT = attrgetter(*COLUMNS["group_buy_seats"].split()[:-2])
