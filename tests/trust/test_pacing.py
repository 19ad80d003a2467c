"""Messages: no more than a tier bears however many ask at once, none once somebody has opted out, orders always."""

from asyncio import gather
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.foundation.errors import IdempotencyConflict, NotFound
from domain.foundation.ids import new_id
from domain.trust import pacing
from domain.trust.pacing_rules import Message, MessageCapReached, MessagePurpose, MessagesOptedOut
from domain.trust.rules import EvidenceKind, Tier
from tests.conftest import NOON

DAY = timedelta(days=1)


async def sent(given):
    return await given.db.value(text("SELECT count(*) FROM customer_messages"))


async def test_a_stranger_bears_one_message_a_week_and_the_refusal_says_when_next(given):
    stranger = await given.shopper()
    await given.message(stranger)

    with pytest.raises(MessageCapReached) as refused:
        await given.message(stranger, at=NOON + 7 * DAY - timedelta(microseconds=1))

    assert refused.value == MessageCapReached(cap=1, days=7, next_at=NOON + 7 * DAY)
    assert await sent(given) == 1
    assert (await given.message(stranger, at=NOON + 7 * DAY)).cap == 1


async def test_twenty_senders_at_once_take_exactly_what_is_left(given):
    friend = await given.shopper()
    await given.evidence(friend, EvidenceKind.PURCHASE)
    await given.reviewed()
    await given.message(friend)

    outcomes = await gather(*(given.message(friend) for _ in range(20)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {Message: 4, MessageCapReached: 16}
    assert await sent(given) == 5


async def test_twenty_senders_to_somebody_unknown_take_one(given):
    stranger = await given.shopper()

    outcomes = await gather(*(given.message(stranger) for _ in range(20)), return_exceptions=True)

    assert Counter(map(type, outcomes)) == {Message: 1, MessageCapReached: 19}


async def test_one_key_is_one_message_and_of_one_purpose(given):
    stranger = await given.shopper()

    outcomes = await gather(*(given.message(stranger, key="campaign-1111") for _ in range(5)))

    assert len({message.id for message in outcomes}) == await sent(given) == 1
    with pytest.raises(IdempotencyConflict):
        await given.message(stranger, key="campaign-1111", purpose=MessagePurpose.CARE)


async def test_opting_out_binds_at_once_and_opting_in_is_the_same_call(given):
    somebody = await given.shopper()
    await pacing.set_consent(given.db, account_id=somebody, accepts=False, now=NOON)
    await pacing.set_consent(given.db, account_id=somebody, accepts=False, now=NOON)

    with pytest.raises(MessagesOptedOut):
        await given.message(somebody)
    assert (await pacing.pace_of(given.db, somebody, now=NOON)).next_at is None
    assert await sent(given) == 0

    await pacing.set_consent(given.db, account_id=somebody, accepts=True, now=NOON)
    await given.message(somebody)

    assert await given.db.value(text("SELECT count(*) FROM trust_evidence WHERE kind = 'opt_out'")) == 1
    assert not await pacing.has_opted_out(given.db, somebody)


async def test_who_opts_out_again_has_opted_out(given):
    somebody = await given.shopper()
    for accepts in (False, True, False):
        await pacing.set_consent(given.db, account_id=somebody, accepts=accepts, now=NOON)

    assert await pacing.has_opted_out(given.db, somebody)


async def test_orders_and_refunds_are_told_to_everybody_and_not_counted(given):
    somebody = await given.shopper()
    await given.message(somebody)
    await pacing.set_consent(given.db, account_id=somebody, accepts=False, now=NOON)

    told = [await given.message(somebody, purpose=purpose) for purpose in (MessagePurpose.ORDER, MessagePurpose.REFUND)]

    assert [message.cap for message in told] == [None, None]
    assert (await pacing.pace_of(given.db, somebody, now=NOON)).left == 0
    await pacing.set_consent(given.db, account_id=somebody, accepts=True, now=NOON)
    assert (await pacing.pace_of(given.db, somebody, now=NOON + 7 * DAY)).left == 1


async def test_the_cap_is_that_of_the_tier(given):
    somebody = await given.shopper()
    before = await pacing.pace_of(given.db, somebody, now=NOON)
    await given.evidence(somebody, EvidenceKind.SUPER_USER)
    await given.reviewed()

    after = await pacing.pace_of(given.db, somebody, now=NOON)

    assert (before.tier, before.cap, before.cap_days, before.may_message) == (Tier.STRANGER, 1, 7, True)
    assert (after.tier, after.cap, after.cap_days, after.may_message) == (Tier.SUPER_USER, 1, 1, True)


async def test_nobody_is_not_messaged(given):
    with pytest.raises(NotFound):
        await given.message(new_id())
