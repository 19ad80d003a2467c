"""The port to a company that charges by contract. What stands behind it speaks its protocol; nothing else here does."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from domain.foundation.money import Money
from domain.foundation.settings import Settings
from domain.memberships.renewal_rules import AutoRenewalSwitchedOff, Contract, ContractNotice, Signing, Told, Window
from domain.memberships.wechat_contracts import WechatContracts
from domain.payments.gateways import gateway_of
from domain.payments.wechat import WechatGateway


class ContractGateway(Protocol):
    """A gateway for charges by contract. Every call may be repeated: the contract's or payment's id is its key for it.

    Each raises GatewayFailed when the gateway does not answer or answers nonsense; what it did then is not known.
    """

    name: str

    async def sign(self, contract: Contract, payer: str | None, *, title: str, charged_on: date) -> Signing:
        """What the member signs with, in their wallet. `charged_on`: the day of the first charge, as they are told.

        Raises PayerUnknown, and SignedAlready when the contract is signed and only its notice is not here yet.
        """

    async def query(self, contract: Contract) -> Told | None:
        """How the contract stands; None when nobody has signed it."""

    async def end(self, contract: Contract) -> None:
        """Charge no more by this contract. One that has ended before, or was never signed, stays so."""

    async def announce(self, contract: Contract, amount: Money) -> Window:
        """Have the member told of the next charge; when it may be made. Raises ContractGone, ChargeRefused."""

    async def charge(self, contract: Contract, *, payment_id: UUID, amount: Money, title: str) -> None:
        """Have the money taken soon, once for this payment: a notice tells of it. A payment that has its money stays so.

        Raises ContractGone and ChargeRefused.
        """

    def read_notice(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> ContractNotice:
        """The notice in a request, verified, without asking anybody.

        Raises NoticeForged (also when stale), NoticeMalformed or NoticeMismatch.
        """


def contract_notice_path(gateway: str) -> str:
    """Where a gateway brings its notices about contracts to our door."""
    return f"/payments/{gateway}/contract-notice"


def contract_gateway_of(settings: Settings) -> ContractGateway:
    """The gateway for contracts. Raises AutoRenewalSwitchedOff when none is configured."""
    if not settings.wechat_mch_id or not settings.wechat_contract_plan:
        raise AutoRenewalSwitchedOff()
    gateway = gateway_of(settings, WechatGateway.name)
    assert isinstance(gateway, WechatGateway)
    notify_url = settings.home + contract_notice_path(gateway.name)
    return WechatContracts(gateway, plan_id=settings.wechat_contract_plan, notify_url=notify_url)
