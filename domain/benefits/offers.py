"""Benefits as an offer at the counter: member prices, free delivery, and goods that are sold to members only."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from domain.benefits import store
from domain.benefits.rules import Benefit, BenefitKind, combined, credited
from domain.checkout.rules import PriceChanged, Wish
from domain.foundation.database import Reader, Transaction
from domain.foundation.money import Money
from domain.pricing.rules import Offers, PricedLine, Quote, Rule

# What the shopper holds now, a row each, and what is known of each SKU.
_ASKED = text("""
    SELECT benefits, NULL AS sku_id, NULL AS price_minor, NULL AS member_minor, NULL AS is_members_only
    FROM benefit_holdings
    WHERE account_id = :shopper_id AND starts_at <= :now AND (ends_at IS NULL OR ends_at > :now) AND withdrawn_at IS NULL
    UNION ALL
    SELECT NULL, sku.id, sku.price_minor, member.price_minor,
           EXISTS (SELECT FROM member_only_goods AS good WHERE good.product_id = sku.product_id)
    FROM skus AS sku LEFT JOIN member_prices AS member ON member.sku_id = sku.id
    WHERE sku.id = ANY(CAST(:sku_ids AS uuid[]))
""")


class BenefitOffers:
    """What members' benefits come to in a basket."""

    async def offers(self, reader: Reader, wish: Wish, sku_ids: Sequence[UUID], *, now: datetime) -> Offers:
        """Member prices and free delivery of a holder, and what is not for somebody who holds nothing. One statement."""
        asked = {"shopper_id": wish.shopper_id, "sku_ids": list(sku_ids), "now": now}
        rows = await reader.rows(_ASKED, asked)
        held = combined(Benefit.read(kept) for row in rows if row.sku_id is None for kept in row.benefits)
        skus = [row for row in rows if row.sku_id is not None]
        percent = held.member_price_percent
        return Offers(
            member_prices={
                row.sku_id: row.price_minor * percent // 100 if row.member_minor is None else row.member_minor
                for row in skus
                if percent is not None and (percent < 100 or row.member_minor is not None)
            },
            free_delivery_from_minor=held.free_delivery_from_minor,
            members_only=frozenset(
                row.sku_id for row in skus if row.is_members_only and not held.has_member_only_goods
            ),
        )

    async def redeem(
        self, tx: Transaction, offers: Offers, wish: Wish, quote: Quote, *, order_id: UUID, now: datetime
    ) -> None:
        """Note which holdings the savings are owed to. No statement for an order without any, two for others.

        Raises PriceChanged when a holding was ended at this very moment.
        """
        saved = {
            BenefitKind.MEMBER_PRICE: sum(_saved_by_price(line) for line in quote.lines),
            BenefitKind.FREE_DELIVERY: sum(_saved_on_freight(line) for line in quote.lines),
        }
        if not any(saved.values()):
            return
        held = await store.lock_held(tx, wish.shopper_id, now=now)
        owed = {kind: credited(held, kind) for kind, minor in saved.items() if minor}
        rows = [
            {"order_id": order_id, "kind": kind, "holding_id": holding.id, "minor": saved[kind]}
            for kind, holding in owed.items()
            if holding is not None
        ]
        if len(rows) < len(owed):
            total, otherwise = quote.total_minor, quote.total_minor + sum(saved.values())
            raise PriceChanged(expected=Money(total, quote.currency), now=Money(otherwise, quote.currency))
        await store.add_uses(tx, rows)


def _saved_by_price(line: PricedLine) -> int:
    return sum(
        (step.facts["otherwise_minor"] - step.facts["unit_minor"]) * line.quantity
        for step in line.explanation
        if step.rule is Rule.MEMBER_PRICE
    )


def _saved_on_freight(line: PricedLine) -> int:
    is_members = (step for step in line.explanation if step.rule is Rule.FREIGHT and step.facts.get("is_members"))
    return sum(step.facts["otherwise_minor"] for step in is_members)
