"""The figures of a room worked out once more, row by row and by no statement of the market's."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from domain.foundation.database import Database
from domain.insights.rules import Sold
from domain.ledger.tables import entries, postings
from domain.live_rooms.tables import chapters, crew, events, items
from domain.live_rooms.tables import orders as room_orders
from domain.orders.tables import lines, orders
from domain.products.tables import skus
from domain.sharing.tables import attributions, links, visits
from domain.viewers.tables import viewers


class Rows:
    """Every row that the figures stand on."""

    def __init__(self, **tables: list[Any]) -> None:
        self.__dict__ |= tables

    @classmethod
    async def read(cls, db: Database) -> "Rows":
        tables = {
            "chapters": chapters, "crew": crew, "events": events, "items": items, "room_orders": room_orders, "lines": lines,
            "orders": orders, "skus": skus, "attributions": attributions, "links": links, "visits": visits, "viewers": viewers,
            "entries": entries, "postings": postings,
        }  # fmt: skip
        return cls(**{name: list(await db.rows(select(table))) for name, table in tables.items()})

    def bought(self, room_id: UUID) -> list[tuple[Any, Any]]:
        """Paid orders of a room with what the room knows of them."""
        by_id = {order.id: order for order in self.orders if order.paid_at}
        return [(of, by_id[of.order_id]) for of in self.room_orders if of.room_id == room_id and of.order_id in by_id]

    def sold(self, order_ids: Iterable[UUID]) -> Sold:
        """What these orders come to."""
        ids = set(order_ids)
        found = [order for order in self.orders if order.id in ids]
        return Sold(
            orders=len(found),
            buyers=len({order.shopper_id for order in found}),
            units=sum(line.quantity for line in self.lines if line.order_id in ids),
            gmv_minor=sum(order.total_minor for order in found),
            refunded_minor=sum(order.refunded_minor for order in found),
        )

    def item_of(self, room_id: UUID, sku_id: UUID) -> UUID | None:
        product_id = next(sku.product_id for sku in self.skus if sku.id == sku_id)
        found = (item.id for item in self.items if item.room_id == room_id and item.product_id == product_id)
        return next(found, None)

    def on_air_at(self, room_id: UUID, at: datetime) -> UUID | None:
        for chapter in self.chapters:
            is_within = chapter.began_at <= at and (chapter.ended_at is None or at < chapter.ended_at)
            if chapter.room_id == room_id and is_within:
                return chapter.item_id
        return None

    def by_item(self, room_id: UUID) -> dict[UUID | None, list[int]]:
        """Orders, units, GMV, units on air, GMV on air of each item of which anything was sold."""
        found: dict[UUID | None, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
        for of, order in self.bought(room_id):
            counted = set()
            for line in (line for line in self.lines if line.order_id == order.id):
                item_id = self.item_of(room_id, line.sku_id)
                figures = found[item_id]
                figures[0] += item_id not in counted
                counted.add(item_id)
                figures[1] += line.quantity
                figures[2] += line.total_minor
                if item_id is not None and self.on_air_at(room_id, of.placed_at) == item_id:
                    figures[3] += line.quantity
                    figures[4] += line.total_minor
        return dict(found)

    def watched(self, room_id: UUID) -> list[Any]:
        return [viewer for viewer in self.viewers if viewer.room_id == room_id and viewer.is_counted]

    def links_to(self, room_id: UUID) -> dict[UUID, UUID]:
        """Links to the room and their sharers."""
        return {link.id: link.sharer_id for link in self.links if link.target_id == room_id}

    def opened(self, room_id: UUID) -> dict[UUID, int]:
        """Visits by sharer."""
        found: dict[UUID, int] = defaultdict(int)
        for visit in self._visits(room_id):
            found[self.links_to(room_id)[visit.link_id]] += 1
        return found

    def brought(self, room_id: UUID) -> dict[UUID, int]:
        """Viewers by sharer: of what a viewer had opened before they were first seen, the last."""
        found: dict[UUID, int] = defaultdict(int)
        for viewer in self.watched(room_id):
            openings = []
            for visit in self._visits(room_id):
                is_theirs = (
                    visit.shopper_id == viewer.shopper_id if viewer.shopper_id else visit.visitor == viewer.viewer
                )
                before = [at for at in (visit.opened_at, visit.last_opened_at) if at <= viewer.first_seen_at]
                if is_theirs and before:
                    openings.append((max(before), visit.id, visit.link_id))
            if openings:
                found[self.links_to(room_id)[max(openings)[2]]] += 1
        return found

    def guided(self, room_id: UUID) -> dict[UUID, set[UUID]]:
        """Paid orders by the sharer of whose link to the room they came."""
        by_order = {share.order_id: share.link_id for share in self.attributions}
        found: dict[UUID, set[UUID]] = defaultdict(set)
        for _, order in self.bought(room_id):
            if (link_id := by_order.get(order.id)) in self.links_to(room_id):
                found[self.links_to(room_id)[link_id]].add(order.id)
        return found

    def _visits(self, room_id: UUID) -> list[Any]:
        ours = self.links_to(room_id)
        return [visit for visit in self.visits if visit.link_id in ours and visit.outcome in {None, "counted"}]

    def in_the_books(self, order_ids: set[UUID]) -> tuple[int, int]:
        """What the ledger says was paid for these orders, and agreed to go back."""
        about = {entry.id: entry for entry in self.entries if entry.about_id in order_ids}
        paid = refunded = 0
        for posting in self.postings:
            entry = about.get(posting.entry_id)
            if entry is not None and entry.kind == "order_paid" and posting.account == "prepaid":
                paid -= posting.amount_minor
            if entry is not None and entry.kind == "refund_agreed" and posting.account == "refunds":
                refunded -= posting.amount_minor
        return paid, refunded
