"""Members whose cards renew themselves, at WeChat Pay as it runs in the world, and the timetable's rounds on a day."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from domain.accounts import actions as accounts
from domain.foundation.clock import shop_day, shop_midnight
from domain.foundation.database import Database
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships import contracting, ending, renewal_queries, renewing
from domain.memberships.contracting import Asked
from domain.memberships.events import MembershipEnded
from domain.memberships.plan_rules import Plan, PlanKind
from domain.memberships.queries import current_of
from domain.memberships.renewal_rules import Charge, ChargeState, Contract, ContractState, charge_id
from domain.memberships.renewal_store import CHARGE_COLUMNS, add_contract, c, charge_of, h, open_charge
from domain.memberships.renewal_tables import charges, contracts, messages
from domain.memberships.rules import EndReason, Membership
from domain.memberships.tables import memberships
from domain.memberships.wechat_contracts import WechatContracts
from domain.payments import actions as payments
from domain.payments.rules import PaymentState
from domain.payments.store import COLUMNS, p, payment_of
from domain.payments.wechat import WechatGateway
from tests.given import Given
from tests.given.wechat import NOBODY, RunningWechatPay

PLAN_ID = 12535


@dataclass(frozen=True)
class Renewals:
    """What the timetable does about cards that renew themselves, and what their members do in their wallets."""

    given: Given
    wechat: RunningWechatPay
    gateway: WechatContracts
    money: WechatGateway

    @property
    def db(self) -> Database:
        """The ledger."""
        return self.given.db

    async def shopper(self) -> UUID:
        """Somebody whom WeChat knows."""
        openid = f"openid-{new_id().hex}"
        account = await accounts.sign_in(
            self.db, provider="wechat", subject=openid, display_name="顾客", now=self.given.now
        )
        return account.id

    async def plan(self, **terms: Any) -> Plan:
        """The monthly card of ¥31, unless said otherwise."""
        usual = {"name": "月卡", "kind": PlanKind.MONTHLY, "price_minor": 3100, "months": 1}
        return await self.given.plan(**{**usual, **terms})

    async def member(self, plan: Plan | None = None) -> Membership:
        """Somebody whom WeChat knows, with a card of a plan: the monthly one, unless another is named."""
        account_id = await self.shopper()
        await self.given.pay_membership(await self.given.purchase(plan or await self.plan(), account_id))
        return await self.given.current(account_id)

    async def ask(self, account_id: UUID, *, now: datetime | None = None) -> Asked:
        """They ask for automatic renewal."""
        return await contracting.ask(self.db, self.gateway, account_id=account_id, now=now or self.given.now)

    async def sign(self, asked: Asked, **behaviour: Any) -> int:
        """They sign in their wallet; the HTTP status."""
        assert asked.signing is not None
        wish = {"pre_entrustweb_id": asked.signing.session_id, **behaviour}
        return (await self.wechat.post("/wallet/sign", wish))[0]

    async def unsign(self, contract: Contract) -> int:
        """They end it in their wallet; the HTTP status."""
        return (await self.wechat.post("/wallet/unsign", {"out_contract_code": contract.id.hex}))[0]

    async def signed(self, account_id: UUID, *, now: datetime | None = None) -> Contract:
        """Their contract, asked for, signed, and known to be signed."""
        asked = await self.ask(account_id, now=now)
        assert await self.sign(asked) == 200
        await contracting.look(self.db, self.gateway, asked.contract, now=now or self.given.now)
        return await self.contract(account_id)

    async def signed_member(self, plan: Plan | None = None) -> Membership:
        """A member whose card renews itself."""
        membership = await self.member(plan)
        await self.signed(membership.account_id)
        return membership

    async def contract(self, account_id: UUID) -> Contract:
        """Their newest contract, as it is now."""
        return (await renewal_queries.newest_contracts(self.db, [account_id]))[account_id]

    async def charges(self, account_id: UUID) -> list[Charge]:
        """Their charges, in the order of their terms."""
        found = select(*CHARGE_COLUMNS).join_from(charges, contracts).where(c.account_id == account_id)
        return [charge_of(row) for row in await self.db.rows(found.order_by(h.term))]

    async def charge(self, account_id: UUID) -> Charge:
        """The only one."""
        (charge,) = await self.charges(account_id)
        return charge

    async def behave(self, now: datetime, **mood: Any) -> None:
        """On that day at WeChat Pay, in this mood."""
        await self.wechat.behave(today=shop_day(now).isoformat(), **mood)

    async def round(self, now: datetime, **mood: Any) -> None:
        """What the timetable and the workers do at this moment, once each, WeChat Pay being in this mood."""
        await self.behave(now, **mood)
        await self.ask_gateway(now)
        await self.hear(now)

    async def ask_gateway(self, now: datetime) -> None:
        """The rounds that open charges and ask for them."""
        await renewing.open_due(self.db, now=now, limit=100)
        await contracting.reconcile(self.db, self.gateway, now=now)
        await renewing.advance(self.db, self.gateway, now=now, limit=100)

    async def hear(self, now: datetime) -> None:
        """Money that was captured is asked for and heard of, and so are cards that are over."""
        await asyncio.sleep(0.01)  # the company takes it a moment after it has accepted the charge
        await payments.reconcile_pending(self.db, self.money, now=now + timedelta(minutes=15))
        captured = select(*COLUMNS).where(p.payable == "membership", p.state == PaymentState.CAPTURED)
        for row in await self.db.rows(captured):
            await self.given.hear_money(payment_of(row), now=now)
            await renewing.settle(self.db, account_id=row.payer_id, now=now)
        await ending.end_due(self.db, now=now, limit=100)
        for event in await self.given.recorded(MembershipEnded):
            assert isinstance(event, MembershipEnded)
            await renewing.leave(
                self.db,
                account_id=event.account_id,
                plan_id=event.plan_id,
                reason=EndReason(event.reason),
                now=now,
            )

    async def days(self, first: datetime, last: datetime, **mood: Any) -> None:
        """Rounds at both moments, and in between whenever something is due."""
        await self.round(first, **mood)
        now = first
        while (due := await self._next_due()) is not None and due < last:
            now = max(now, due)
            await self.round(now, **mood)
        await self.round(last, **mood)

    async def _next_due(self) -> datetime | None:
        due: datetime | None = await self.db.value(select(func.min(h.due_at)))
        return due

    async def messages(self, membership_id: UUID) -> list[str]:
        """What the member is told of, in its order."""
        m = messages.c
        return list(
            await self.db.column(select(m.kind).where(m.membership_id == membership_id).order_by(m.made_at, m.kind))
        )

    async def taken(self) -> int:
        """How many payments WeChat Pay took since the test began."""
        return (await self.wechat.payments_taken_and_given_back())[0]

    async def cards(self, account_id: UUID) -> int:
        """How many memberships somebody has ever had."""
        return len(await self.db.column(select(memberships.c.id).where(memberships.c.account_id == account_id)))


def nine(day: date) -> datetime:
    """Nine in the morning at the shop."""
    return shop_midnight(day) + timedelta(hours=9)


def last_day_of(membership: Membership) -> date:
    """The last day that a card is paid for."""
    return shop_day(membership.ends_at) - timedelta(days=1)


async def contract_with_charge(given: Given, account_id: UUID) -> Contract:
    """What somebody has signed for the card that they have or are given, and its open charge; WeChat Pay knows of neither."""
    if account_id not in await current_of(given.db, [account_id], now=given.now):
        await given.pay_membership(await given.purchase(await given.plan(), account_id))
    membership = await given.current(account_id)
    signed = Contract(
        new_id(),
        account_id,
        membership.plan_id,
        Money(3100),
        "wechat",
        ContractState.SIGNED,
        asked_at=given.now,
        reference=new_id().hex,
        signed_at=given.now,
    )
    charge = Charge(
        id=charge_id(membership.id, 2),
        contract_id=signed.id,
        membership_id=membership.id,
        term=2,
        amount=signed.price,
        ends_at=membership.ends_at,
        told_at=given.now,
        state=ChargeState.OPEN,
        due_at=membership.ends_at,
        error="NOT_ENOUGH",
    )
    async with given.db.transaction() as tx:
        await add_contract(tx, signed, look_at=None)
        await open_charge(tx, charge)
    return signed


@pytest.fixture
async def renewals(given: Given, wechat: RunningWechatPay, gateway: WechatGateway) -> Renewals:
    """The rounds, at the running WeChat Pay."""
    contracts = WechatContracts(gateway, plan_id=PLAN_ID, notify_url=NOBODY)
    return Renewals(given, wechat, contracts, gateway)
