"""Watching a group: events without a gap and without a repeat, for subscribers and for those who poll."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from domain.foundation import clock
from domain.foundation.errors import BadInput
from domain.foundation.ids import encode, new_id
from domain.group_buys import ending, queries, watching
from domain.group_buys.rules import GroupState
from domain.group_buys.watching import GroupWatch, news_of
from tests.api.conftest import api, app, ask, post
from tests.given import Given
from tests.sockets.conftest import open_socket
from tests.statements import count_statements

__all__ = ["api", "app", "ask", "open_socket", "post"]

NEWS = """{ __typename ... on GroupBuyNews { lastEvent pollAfterMs serverTime
  events { number kind seat taken paid happenedAt }
  groupBuy { state taken paid seatsLeft expiresAt members { number state } } } ... on UserError { code message } }"""
ASKED = f"query ($id: ID!, $since: Int! = 0) {{ groupBuyEvents(id: $id, since: $since) {NEWS} }}"
EVENTS = ASKED.replace("query", "subscription")


@pytest.fixture
def given(market, clean):
    """Builders at the machine's own time: over HTTP nobody hands a moment in."""
    return Given(market, now=clock.now())


@pytest.fixture
def watch(db, monkeypatch):
    """A watch that looks often."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.02)
    return GroupWatch(db)


def numbers(news):
    return [event.number for event in news.events]


async def story(watch, group, *, since=0):
    """All that a watcher is told, to the end."""
    return [news async for news in watch.watch(group.id, since=since)]


async def test_a_watcher_is_told_everything_once_and_the_end(watch, given):
    group = await given.group(members=1, seats=2)
    told = watch.watch(group.id, since=0)

    first = await anext(told)
    seat = (await given.joined(group)).seat
    second = await anext(told)
    for one in await given.seats_of(group):
        await given.pay_seat(one)
    rest = [news async for news in told]

    assert [(event.number, event.kind.value) for event in (*first.events, *second.events)] == [
        (1, "opened"),
        (2, "joined"),
    ]
    assert second.group == replace(group, taken=2, events=2)
    assert [number for news in rest for number in numbers(news)] == [3, 4, 5]
    assert (rest[-1].group.state, rest[-1].is_over, rest[-1].poll_after_ms) == (GroupState.FILLED, True, None)
    assert seat.number == 2


async def test_whoever_comes_again_goes_on_from_the_last_event_without_a_gap_or_a_repeat(watch, given):
    group = await given.group(members=1, seats=3)
    heard, last = [], 0

    for _ in range(3):  # a socket that drops after each answer
        told = watch.watch(group.id, since=last)
        news = await anext(told)
        await told.aclose()
        heard += numbers(news)
        last = news.last
        seat = (await given.joined(group)).seat
        await given.left(seat)

    heard += numbers(await news_of(given.db, group.id, since=last))
    assert heard == [1, 2, 3, 4, 5, 6, 7]


async def test_whoever_is_slow_is_told_more_at_a_time_and_misses_nothing(watch, given, monkeypatch):
    monkeypatch.setattr(watching, "KEPT_EVENTS", 4)
    group = await given.group(members=1, seats=3)
    slow, quick = watch.watch(group.id, since=0), watch.watch(group.id, since=0)
    heard = {"slow": numbers(await anext(slow)), "quick": numbers(await anext(quick))}

    waiting = asyncio.create_task(anext(slow))
    await asyncio.sleep(0.05)
    for _ in range(5):
        await given.left((await given.joined(group)).seat)
        while heard["quick"][-1] < (await given.group_again(group.id)).events:
            heard["quick"] += numbers(await anext(quick))
    heard["slow"] += numbers(await waiting)
    while heard["slow"][-1] < 11:
        heard["slow"] += numbers(await anext(slow))
    for told in (slow, quick):
        await told.aclose()

    assert heard == {"slow": list(range(1, 12)), "quick": list(range(1, 12))}


async def test_very_much_news_is_told_in_parts(watch, given, monkeypatch):
    monkeypatch.setattr(queries, "MOST_EVENTS", 3)
    group = await given.group(members=1, seats=3)
    for _ in range(4):
        await given.left((await given.joined(group)).seat)
    told = watch.watch(group.id, since=1)

    parts = [await anext(told) for _ in range(3)]
    await told.aclose()

    assert [numbers(news) for news in parts] == [[2, 3, 4], [5, 6, 7], [8, 9]]
    assert [news.is_whole for news in parts] == [False, False, True]


async def test_of_an_expired_group_also_the_refunds_are_told(watch, given, market):
    group = await given.group(members=2, paid=2, seats=3)
    known = (await given.group_again(group.id)).events
    told = watch.watch(group.id, since=known)
    nothing = await anext(told)

    await ending.expire_due(market.db, now=group.expires_at, limit=9)
    expired = await anext(told)
    await ending.refund_due(market.db, now=group.expires_at, limit=9)
    refunds = [news async for news in told]

    assert nothing.events == []
    assert ([event.kind.value for event in expired.events], expired.is_over) == (["expired"], False)
    assert expired.poll_after_ms == watching.REFUNDING_POLL_AFTER_MS
    assert [event.kind.value for news in refunds for event in news.events] == ["refunded", "refunded"]
    assert refunds[-1].is_over


async def test_a_completed_group_is_told_until_the_last_seat_is_decided(watch, given, market):
    group = await given.group(members=2, paid=1, seats=4)
    told = watch.watch(group.id, since=0)
    await anext(told)

    await ending.complete(
        market.db, group_id=group.id, by=new_id(), reason="回馈", idempotency_key="complete-0001", now=given.now
    )
    completed = await anext(told)
    [_, held] = await given.seats_of(group)
    await given.pay_seat(held)
    [last] = [news async for news in told]

    assert (completed.group.state, completed.is_over) == (GroupState.FILLED, False)
    assert ([event.kind.value for event in last.events], last.group.paid, last.is_over) == (["paid"], 2, True)


async def test_of_a_group_that_has_ended_everything_is_told_at_once(watch, given):
    group = await given.group(members=2, paid=2, seats=2)

    assert [numbers(news) for news in await story(watch, group)] == [[1, 2, 3, 4, 5]]
    assert [numbers(news) for news in await story(watch, group, since=5)] == [[]]
    assert [numbers(news) for news in await story(watch, group, since=99)] == [[]]


async def test_nobody_watches_a_group_that_does_not_exist(watch, given):
    assert [news async for news in watch.watch(new_id(), since=0)] == [None]
    with pytest.raises(BadInput, match="since is -1"):
        await anext(watch.watch(new_id(), since=-1))


async def test_however_many_watch_however_many_groups_a_look_is_one_question(watch, given, db):
    campaign = await given.campaign(units=90, seats=4)
    groups = [await given.group(campaign, members=1) for _ in range(3)]
    watchers = [watch.watch(group.id, since=0) for group in groups for _ in range(20)]
    for told in watchers:
        await anext(told)
    waiting = [asyncio.create_task(anext(told)) for told in watchers]
    await asyncio.sleep(0.05)

    with count_statements(db) as sent:
        await asyncio.sleep(0.2)
        quiet = Counter("group_buy_events" in statement for statement in sent)
    await given.joined(groups[1])
    told = [await task for task in waiting[20:40]]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for watcher in watchers:
        await watcher.aclose()
    await asyncio.sleep(0.1)
    with count_statements(db) as afterwards:
        await asyncio.sleep(0.1)

    assert 2 <= quiet[False] <= 11
    assert quiet[True] == 0  # while nothing happens, one statement a look
    assert [numbers(news) for news in told] == [[2]] * 20
    assert afterwards == []  # nobody watches any more


async def test_while_the_ledger_does_not_answer_watchers_wait_and_miss_nothing(watch, given, monkeypatch):
    group = await given.group(members=1)
    told = watch.watch(group.id, since=0)
    await anext(told)
    waiting = asyncio.create_task(anext(told))
    with monkeypatch.context() as broken:

        async def gone(db, ids):
            raise ConnectionError

        broken.setattr(watching.queries, "groups_by_ids", gone)
        await asyncio.sleep(0.1)
        assert not waiting.done()
    await given.joined(group)

    assert numbers(await waiting) == [2]
    await told.aclose()


async def test_the_query_tells_what_the_subscription_tells(ask, open_socket, given):
    group = await given.group(members=2, paid=1, seats=3)
    named = {"id": encode("groupbuy", group.id)}
    socket = await open_socket()

    polled = (await ask(ASKED, named)).data
    async with socket() as talk:
        await talk.greet()  # nobody in particular: a group is shared with everybody
        await talk.ask(EVENTS, named)
        told = (await talk.hear())["payload"]["data"]["groupBuyEvents"]
        await given.pay_seat((await given.seats_of(group))[1])
        later = (await talk.hear())["payload"]["data"]["groupBuyEvents"]
        since = (await ask(ASKED, named | {"since": told["lastEvent"]})).data
    now = told.pop("serverTime"), polled.pop("serverTime")

    assert told == polled
    assert [(event["number"], event["kind"], event["seat"], event["paid"]) for event in polled["events"]] == [
        (1, "OPENED", 1, 0),
        (2, "JOINED", 2, 0),
        (3, "PAID", 1, 1),
    ]
    assert polled["groupBuy"] == {
        "state": "OPEN",
        "taken": 2,
        "paid": 1,
        "seatsLeft": 1,
        "expiresAt": polled["groupBuy"]["expiresAt"],
        "members": [{"number": 1, "state": "PAID"}, {"number": 2, "state": "HELD"}],
    }
    assert (polled["lastEvent"], polled["pollAfterMs"]) == (3, 1000)
    assert [event["kind"] for event in later["events"]] == [event["kind"] for event in since["events"]] == ["PAID"]
    assert later["groupBuy"] == since["groupBuy"]
    assert all(later["serverTime"] > moment for moment in now)  # each answer has its own moment


async def test_the_subscription_completes_when_all_is_told_and_when_there_is_nothing(open_socket, given):
    group = await given.group(members=2, paid=1, seats=2)
    nowhere = encode("groupbuy", new_id())
    socket = await open_socket()

    async with socket() as talk:
        await talk.greet(language="en")
        await talk.ask(EVENTS, {"id": encode("groupbuy", group.id), "since": 3})
        quiet = await talk.hear()
        await given.pay_seat((await given.seats_of(group))[1])
        filled, end = await talk.hear(), await talk.hear()
        await talk.ask(EVENTS, {"id": nowhere}, id="2")
        missing, end_of_it = await talk.hear(), await talk.hear()

    assert quiet["payload"]["data"]["groupBuyEvents"]["events"] == []
    news = filled["payload"]["data"]["groupBuyEvents"]
    assert ([event["kind"] for event in news["events"]], news["pollAfterMs"]) == (["PAID", "FILLED"], None)
    assert (end["type"], end_of_it["type"]) == ("complete", "complete")
    assert missing["payload"]["data"]["groupBuyEvents"] == {
        "__typename": "NotFound",
        "code": "NOT_FOUND",
        "message": f"no group-buy with id {nowhere}",
    }


@pytest.mark.parametrize(("id", "since"), [("order", 0), ("groupbuy", -1)])
async def test_what_cannot_be_asked_is_the_clients_fault(ask, given, id, since):
    answer = await ask(ASKED, {"id": encode(id, new_id()), "since": since})

    assert answer.codes == ["BAD_USER_INPUT"]


async def test_what_happens_while_it_is_asked_whether_anything_still_may_is_told_too(watch, given, market, monkeypatch):
    """The last refund comes between the reading of the group and the question whether one is pending."""
    group = await given.group(members=2, paid=2, seats=3)
    await ending.expire_due(market.db, now=group.expires_at, limit=9)
    await ending.refund_due(market.db, now=group.expires_at, limit=1)
    ask = queries.refunds_by_group_ids

    async def refund_and_ask(*arguments):
        monkeypatch.setattr(queries, "refunds_by_group_ids", ask)
        await ending.refund_due(market.db, now=group.expires_at, limit=9)
        return await ask(*arguments)

    monkeypatch.setattr(queries, "refunds_by_group_ids", refund_and_ask)
    told = [news async for news in watch.watch(group.id, since=0)]

    assert [event.kind.value for news in told for event in news.events][-3:] == ["expired", "refunded", "refunded"]
