"""Builders of what a test is given, one mix-in per feature."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from domain.accounts import actions as accounts
from domain.accounts.rules import Principal, Role
from domain.accounts.tokens import issue
from domain.foundation.ids import new_id
from domain.foundation.outbox import Event, event_of, events
from domain.foundation.runtime import Market
from tests.given.after_sales import AfterSalesGiven
from tests.given.audiences import AudiencesGiven
from tests.given.back_office import BackOfficeGiven
from tests.given.benefits import BenefitsGiven
from tests.given.carts import CartsGiven
from tests.given.chats import ChatsGiven
from tests.given.check_ins import CheckInsGiven
from tests.given.checkout import CheckoutGiven
from tests.given.coupons import CouponsGiven
from tests.given.customers import CustomersGiven
from tests.given.draws import DrawsGiven
from tests.given.flash_sales import FlashSalesGiven
from tests.given.group_buys import GroupBuysGiven
from tests.given.ledger import LedgerGiven
from tests.given.levels import LevelsGiven
from tests.given.live_rooms import LiveRoomsGiven
from tests.given.memberships import MembershipsGiven
from tests.given.orders import OrdersGiven
from tests.given.points import PointsGiven
from tests.given.pricing import PricingGiven
from tests.given.products import ProductsGiven
from tests.given.sharing import SharingGiven
from tests.given.shipments import ShipmentsGiven
from tests.given.super_users import SuperUsersGiven
from tests.given.trust import TrustGiven


class Given(
    AfterSalesGiven,
    AudiencesGiven,
    BackOfficeGiven,
    BenefitsGiven,
    CartsGiven,
    ChatsGiven,
    CheckInsGiven,
    CheckoutGiven,
    CouponsGiven,
    CustomersGiven,
    DrawsGiven,
    FlashSalesGiven,
    GroupBuysGiven,
    LedgerGiven,
    LevelsGiven,
    LiveRoomsGiven,
    MembershipsGiven,
    OrdersGiven,
    PointsGiven,
    PricingGiven,
    ProductsGiven,
    SharingGiven,
    ShipmentsGiven,
    SuperUsersGiven,
    TrustGiven,
):
    """Builders over a market, at a moment."""

    def __init__(self, market: Market, *, now: datetime) -> None:
        self.market = market
        self.db = market.db
        self.now = now

    async def shopper(self, name: str = "") -> UUID:
        """A person with an account."""
        account = await accounts.sign_in(
            self.db, provider="development", subject=name or str(new_id()), display_name=name or "顾客", now=self.now
        )
        return account.id

    async def shoppers(self, count: int) -> list[UUID]:
        """Many people with accounts."""
        async with self.db.transaction() as tx:
            return await accounts.open_many(
                tx, provider="development", subjects=[str(new_id()) for _ in range(count)], now=self.now
            )

    def token(self, account_id: UUID, *roles: Role, now: datetime | None = None) -> str:
        """An access token for a person in these roles."""
        principal = Principal(account_id, frozenset({Role.SHOPPER, *roles}))
        return issue(self.market.settings, principal, now=now or self.now).text

    async def recorded(self, *kinds: type[Event]) -> list[Event]:
        """Events kept so far, in order; only these kinds when any are named."""
        rows = await self.db.rows(select(events.c.kind, events.c.payload).order_by(events.c.position))
        kept = [event_of(row.kind, row.payload) for row in rows]
        return [event for event in kept if not kinds or isinstance(event, kinds)]
