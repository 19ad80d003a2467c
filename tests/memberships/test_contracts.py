"""Our client for contracts and WeChat Pay, door by door: what is signed, announced, charged, refused and ended."""

from datetime import date, timedelta

import pytest

from domain.foundation import clock
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships.renewal_rules import (
    ChargeRefused,
    Contract,
    ContractGone,
    ContractState,
    SignedAlready,
    Window,
)
from domain.memberships.wechat_contracts import WechatContracts
from domain.payments.rules import Captured, GatewayFailed, PayerUnknown, Standing
from tests.given.renewals import PLAN_ID
from tests.given.wechat import NOBODY, company, gateway, wechat
from tests.payments.test_gateway import wanted

__all__ = ["company", "gateway", "wechat"]

PRICE = Money(3100)
TODAY = date(2026, 11, 11)


@pytest.fixture
async def contracts(gateway, wechat):
    await wechat.behave(today=TODAY.isoformat())
    return WechatContracts(gateway, plan_id=PLAN_ID, notify_url=NOBODY)


def new_contract(**changes):
    terms = {"id": new_id(), "account_id": new_id(), "plan_id": new_id(), "price": PRICE, "gateway": "wechat"}
    return Contract(**{**terms, "state": ContractState.SIGNING, "asked_at": clock.now(), **changes})


async def sign(contracts, wechat, contract):
    """The contract, signed in the wallet, with WeChat's name for it."""
    signing = await contracts.sign(contract, "openid-1", title="月卡", charged_on=TODAY)
    status, told = await wechat.post("/wallet/sign", {"pre_entrustweb_id": signing.session_id})
    assert status == 200
    return new_contract(id=contract.id, state=ContractState.SIGNED, reference=told["contract_id"])


async def test_a_contract_is_signed_once_and_known_by_our_number(contracts, wechat):
    contract = new_contract()
    unsigned = await contracts.query(contract)

    signed = await sign(contracts, wechat, contract)

    told = await contracts.query(contract)
    assert unsigned is None
    assert told is not None and (told.contract_id, told.is_signed, told.reference) == (
        contract.id,
        True,
        signed.reference,
    )
    with pytest.raises(SignedAlready):
        await contracts.sign(contract, "openid-1", title="月卡", charged_on=TODAY)
    with pytest.raises(PayerUnknown):
        await contracts.sign(new_contract(), None, title="月卡", charged_on=TODAY)


async def test_a_charge_is_announced_two_days_before_and_taken_once(contracts, wechat, gateway):
    contract = await sign(contracts, wechat, new_contract())
    payment = wanted(amount=PRICE)
    charge = {"payment_id": payment.id, "amount": PRICE, "title": "月卡"}

    with pytest.raises(ChargeRefused, match="RULE_LIMIT"):
        await contracts.charge(contract, **charge)
    window = await contracts.announce(contract, PRICE)
    with pytest.raises(ChargeRefused, match="RULE_LIMIT"):
        await contracts.charge(contract, **charge)
    await wechat.behave(today=window.first_day.isoformat(), charges="not_enough")
    with pytest.raises(ChargeRefused, match="NOT_ENOUGH"):
        await contracts.charge(contract, **charge)
    await wechat.behave(today=window.first_day.isoformat(), charges="failed")
    await contracts.charge(contract, **charge)
    failed = await gateway.query(payment)
    await wechat.behave(today=window.last_day.isoformat())
    for _ in range(3):
        await contracts.charge(contract, **charge)

    taken = await gateway.query(payment)
    assert window == Window(TODAY + timedelta(days=2), TODAY + timedelta(days=4))
    assert failed is Standing.PENDING
    assert isinstance(taken, Captured) and (taken.payment_id, taken.amount) == (payment.id, PRICE)
    assert await wechat.payments_taken_and_given_back() == (1, 0)


async def test_no_more_is_announced_than_was_signed(contracts, wechat):
    contract = await sign(contracts, wechat, new_contract())

    with pytest.raises(GatewayFailed, match="INVALID_REQUEST"):
        await contracts.announce(contract, Money(PRICE.minor + 1))


@pytest.mark.parametrize("by", ["merchant", "wallet"])
async def test_what_has_ended_charges_nothing_and_may_be_ended_again(contracts, wechat, by):
    contract = await sign(contracts, wechat, new_contract())
    await contracts.announce(contract, PRICE)

    if by == "merchant":
        await contracts.end(contract)
    else:
        await wechat.post("/wallet/unsign", {"out_contract_code": contract.id.hex})

    await contracts.end(contract)
    await contracts.end(new_contract())
    told = await contracts.query(contract)
    assert told is not None and not told.is_signed
    with pytest.raises(ContractGone):
        await contracts.announce(contract, PRICE)
    with pytest.raises(ContractGone):
        await contracts.charge(contract, payment_id=new_id(), amount=PRICE, title="月卡")


async def test_a_company_that_is_down_has_answered_nothing(contracts, wechat):
    contract = await sign(contracts, wechat, new_contract())
    await wechat.behave(is_down=True)

    for asked in (contracts.query(contract), contracts.end(contract), contracts.announce(contract, PRICE)):
        with pytest.raises(GatewayFailed):
            await asked
