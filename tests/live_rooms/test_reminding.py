"""Reminders: to everybody who reserved, shortly before the room begins, and to nobody twice."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.foundation import wechat_platform
from domain.foundation.ids import encode
from domain.live_rooms import actions, reminding, running
from tests.given.shipments import _get, _post, wechat, wechat_company

__all__ = ["wechat", "wechat_company"]


@pytest.fixture
async def messenger(settings, wechat):
    checked = wechat.settings(settings, wechat_reminder_template="template-1")
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


async def reserved(given, one, names=("anna",)):
    for name in names:
        await actions.reserve(given.db, room_id=one.id, shopper_id=await given.shopper(name), now=given.now)


async def remind(given, messenger, *, minutes=0, limit=100):
    now = given.now + timedelta(minutes=minutes)
    return await reminding.remind(given.db, messenger, now=now, limit=limit)


async def waiting(given):
    return await given.db.value(text("SELECT count(*) FROM live_room_reservations WHERE reminded_at IS NULL"))


async def later_room(given, minutes):
    """A room that begins so many minutes after `given.now`."""
    one = await given.live_room(is_live=False)
    async with given.db.transaction() as tx:
        await tx.execute(
            text("UPDATE live_rooms SET starts_at = :at WHERE id = :id"),
            {"at": given.now + timedelta(minutes=minutes), "id": one.id},
        )
    return one


async def test_a_reminder_says_what_begins_when_and_leads_there(given, messenger, sent):
    one = await later_room(given, 30)
    await reserved(given, one)

    assert await remind(given, messenger, minutes=19) == 0
    assert await remind(given, messenger, minutes=20) == 1
    assert await remind(given, messenger, minutes=21) == 0

    (message,) = await sent()
    assert message["touser"] == "anna"
    assert message["page"] == f"pages/room/room?id={encode('room', one.id)}"
    assert message["data"] == {"thing1": {"value": "夜市直播间"}, "time2": {"value": "2026年11月11日 12:30"}}


async def test_a_room_that_goes_live_early_reminds_at_once(given, messenger, sent):
    one = await later_room(given, 90)
    await reserved(given, one)
    assert await remind(given, messenger) == 0

    await running.go_live(given.db, given.bus, room_id=one.id, by=one.host, now=given.now)

    assert (await remind(given, messenger), len(await sent())) == (1, 1)


async def test_nobody_is_reminded_of_a_room_that_is_called_off_or_over(given, messenger, sent):
    off, over = await given.live_room(is_live=False), await given.live_room(is_live=False)
    for one in (off, over):
        await reserved(given, one)
    await actions.cancel(given.db, given.bus, room_id=off.id, by=off.host.account_id, now=given.now)
    await running.go_live(given.db, given.bus, room_id=over.id, by=over.host, now=given.now)
    await running.end(given.db, given.bus, room_id=over.id, by=over.host, now=given.now)

    assert (await remind(given, messenger), await sent()) == (0, [])


async def test_two_timetables_remind_everybody_once(given, messenger, sent):
    one = await given.live_room(is_live=False)
    names = [f"shopper-{number}" for number in range(30)]
    await reserved(given, one, names)

    taken = await asyncio.gather(*(remind(given, messenger, limit=10) for _ in range(5)))

    assert sum(taken) == 30
    assert sorted(message["touser"] for message in await sent()) == sorted(names)


async def test_what_wechat_is_too_busy_for_is_sent_later(given, messenger, sent, wechat):
    await reserved(given, await given.live_room(is_live=False))
    await wechat.fail(-1, 1, door="message")

    await remind(given, messenger)
    assert (await waiting(given), await sent()) == (1, [])
    await remind(given, messenger)

    assert (await waiting(given), len(await sent())) == (0, 1)


@pytest.mark.parametrize("failure", [500, "broken", 43101, 47003])
async def test_what_may_have_been_shown_is_not_shown_again(given, messenger, sent, wechat, failure):
    await reserved(given, await given.live_room(is_live=False))
    await wechat.fail(failure, 1, door="message")

    for _ in range(2):
        await remind(given, messenger)

    assert (await waiting(given), await sent()) == (0, [])


async def test_a_mistake_of_ours_reminds_nobody_and_forgets_nobody(given, messenger, sent, wechat, settings):
    await reserved(given, await given.live_room(is_live=False), ["anna", "ben"])
    wrong = wechat.settings(settings, wechat_app_secret="wrong", wechat_reminder_template="template-1")

    assert await remind(given, reminding.messenger_of(wrong)) == 0
    assert (await waiting(given), await sent()) == (2, [])

    assert await remind(given, messenger) == 2
    assert len(await sent()) == 2


async def test_many_are_reminded_side_by_side_and_who_is_not_is_due_again(given, messenger, sent, wechat):
    names = [f"shopper-{number}" for number in range(25)]
    await reserved(given, await given.live_room(is_live=False), names)
    await wechat.fail(-1, 3, door="message")

    assert await remind(given, messenger) == 25
    assert (await waiting(given), len(await sent())) == (3, 22)
    assert await remind(given, messenger) == 3

    assert sorted(message["touser"] for message in await sent()) == sorted(names)


def test_without_a_template_nobody_is_reminded(settings):
    assert reminding.messenger_of(settings) is None
