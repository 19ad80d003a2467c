"""What members are told of their cards' ends: a week and a day before, what will be charged, each once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from domain.accounts import actions as accounts
from domain.foundation import wechat_platform
from domain.foundation.ids import new_id
from domain.foundation.money import Money
from domain.memberships import reminding
from domain.memberships.plan_rules import PlanKind
from domain.memberships.renewal_rules import MessageKind
from domain.memberships.renewal_store import add_message
from domain.memberships.renewal_tables import messages
from tests.given.shipments import _get, _post, wechat, wechat_company

__all__ = ["wechat", "wechat_company"]

DAY = timedelta(days=1)
MONTHLY = {"name": "月卡", "kind": PlanKind.MONTHLY, "price_minor": 3100, "months": 1}


@pytest.fixture
async def messenger(settings, wechat):
    checked = wechat.settings(settings, wechat_renewal_template="template-2")
    await _post(f"{wechat.url}/commands/refuse-messages", {"people": []})
    yield reminding.messenger_of(checked)
    await wechat_platform.hang_up()


@pytest.fixture
async def sent(wechat):
    """Messages that were shown since the test began."""
    before = len((await _get(f"{wechat.url}/commands/messages"))["messages"])

    async def since():
        return (await _get(f"{wechat.url}/commands/messages"))["messages"][before:]

    return since


@pytest.fixture
async def member(given):
    """Somebody whom WeChat knows as anna, with a card of a month."""
    account = await accounts.sign_in(given.db, provider="wechat", subject="anna", display_name="Anna", now=given.now)
    await given.pay_membership(await given.purchase(await given.plan(**MONTHLY), account.id))
    return await given.current(account.id)


async def kinds(given):
    return list(await given.db.column(select(messages.c.kind).order_by(messages.c.made_at)))


async def test_a_card_s_end_is_told_of_a_week_and_a_day_before_each_once(given, member, messenger, sent):
    moments = [member.ends_at - days * DAY for days in (8, 7, 6, 1, 0)] + [member.ends_at - timedelta(hours=1)]

    new = [await reminding.remind_due(given.db, now=now) for now in sorted(moments) for _ in range(2)]
    for hours in (24, 3, 2, 1):
        await reminding.send(given.db, messenger, now=member.ends_at - timedelta(hours=hours), limit=10)

    assert new == [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert await kinds(given) == ["week", "day"]
    (message,) = await sent()  # by day; the week's is of the past by then
    assert (message["touser"], message["template_id"], message["page"]) == ("anna", "template-2", "pages/member/member")
    assert message["data"] == {
        "thing1": {"value": "月卡明日到期"},
        "time2": {"value": "2026年12月12日 00:00"},
        "amount3": {"value": "¥31.00"},
    }


async def test_a_charge_is_told_with_its_moment_and_its_price(given, member, messenger, sent):
    now = member.ends_at - timedelta(days=6, hours=15)
    async with given.db.transaction() as tx:
        await add_message(tx, member.id, member.ends_at, MessageKind.CHARGE, now=now)

    await reminding.send(given.db, messenger, now=now, limit=10)

    (message,) = await sent()
    assert [field["value"] for field in message["data"].values()] == [
        "月卡将自动续费",
        "2026年12月11日 09:00",
        "¥31.00",
    ]


async def test_who_agreed_to_no_message_gets_none_and_is_not_asked_again(given, member, messenger, sent, wechat):
    await _post(f"{wechat.url}/commands/refuse-messages", {"people": ["anna"]})
    now = member.ends_at - timedelta(hours=15)

    await reminding.remind_due(given.db, now=now)
    handled = [await reminding.send(given.db, messenger, now=now, limit=10) for _ in range(2)]

    assert (handled, await sent()) == ([1, 0], [])


async def test_what_wechat_was_too_busy_for_is_sent_again(given, member, messenger, sent, wechat):
    now = member.ends_at - timedelta(hours=15)
    await reminding.remind_due(given.db, now=now)
    await wechat.fail(-1, 1, door="message")

    for _ in range(2):
        await reminding.send(given.db, messenger, now=now, limit=10)

    assert len(await sent()) == 1


def test_a_long_name_leaves_room_for_what_happens():
    at = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
    told = reminding.Message(new_id(), at, MessageKind.GIVEN_UP, new_id(), "夜市" * 15, Money(3100), at)

    assert told.values == ("夜市夜市夜市夜市夜市夜市夜市夜续费未成功", "2026年11月11日 12:00", "¥31.00")
