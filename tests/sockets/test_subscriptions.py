"""Subscriptions: a ticket that is told as it changes, to its owner only, and for as long as it can."""

import asyncio
from collections import Counter

import aiohttp
import pytest
from sqlalchemy import text

from domain.flash_sales import watching
from domain.flash_sales.rules import FlashSaleBusy
from domain.flash_sales.tickets import TicketDesk
from domain.flash_sales.watching import TicketWatch
from domain.foundation.ids import decode

EVENTS = """subscription ($id: ID!) { flashSaleTicketEvents(id: $id) { __typename
  ... on FlashSaleTicket { state position order { id state } } ... on UserError { code message } } }"""
TICKET = EVENTS.replace("subscription", "query").replace("flashSaleTicketEvents", "flashSaleTicket")


async def test_a_ticket_is_told_at_once_and_again_whenever_it_changes(socket, claimed, given):
    async with socket() as talk:
        await talk.greet(claimed.token)
        await talk.ask(EVENTS, {"id": claimed.ticket_id})
        queued = (await talk.hear())["payload"]["data"]["flashSaleTicketEvents"]
        await given.reserved_all(claimed.sale.item)
        reserved = (await talk.hear())["payload"]["data"]["flashSaleTicketEvents"]
        polled = (await talk.answer(TICKET, {"id": claimed.ticket_id}, id="poll"))["data"]["flashSaleTicket"]

    assert queued == {"__typename": "FlashSaleTicket", "state": "QUEUED", "position": 1, "order": None}
    assert (reserved["state"], reserved["position"], reserved["order"]["state"]) == ("RESERVED", None, "PLACED")
    assert reserved == polled


async def test_it_completes_once_the_ticket_cannot_change_any_more(socket, claimed, given, db):
    await given.reserved_all(claimed.sale.item)
    async with socket() as talk:
        await talk.greet(claimed.token)
        await talk.ask(EVENTS, {"id": claimed.ticket_id})
        reserved = await talk.hear()
        async with db.transaction() as tx:
            await tx.execute(text("UPDATE flash_sale_tickets SET state = 'lapsed'"))
        lapsed, end = await talk.hear(), await talk.hear()

    assert reserved["payload"]["data"]["flashSaleTicketEvents"]["state"] == "RESERVED"
    assert lapsed["payload"]["data"]["flashSaleTicketEvents"]["state"] == "LAPSED"
    assert end == {"id": "1", "type": "complete"}


@pytest.mark.parametrize("who", ["another", "nobody's ticket"])
async def test_a_ticket_that_is_not_ones_own_is_not_found(socket, claimed, given, who):
    token = given.token(await given.shopper())
    ticket_id = claimed.ticket_id if who == "another" else "ticket_00000000000000000000000000"
    async with socket() as talk:
        await talk.greet(token, language="en")
        await talk.ask(EVENTS, {"id": ticket_id})
        told, end = await talk.hear(), await talk.hear()

    assert told["payload"]["data"]["flashSaleTicketEvents"] == {
        "__typename": "NotFound",
        "code": "NOT_FOUND",
        "message": f"no ticket with id {ticket_id}",
    }
    assert end["type"] == "complete"


async def test_an_id_that_is_none_is_the_clients_fault(socket, claimed):
    async with socket() as talk:
        await talk.greet(claimed.token)
        await talk.ask(EVENTS, {"id": "flashsale_00000000000000000000000000"})
        error = await talk.hear()

    assert error["type"] == "error"
    assert [each["extensions"]["code"] for each in error["payload"]] == ["BAD_USER_INPUT"]


async def test_a_completed_subscription_is_told_nothing_more_and_its_id_is_free(socket, claimed, given):
    async with socket() as talk:
        await talk.greet(claimed.token)
        await talk.ask(EVENTS, {"id": claimed.ticket_id})
        await talk.hear()
        await talk.say({"type": "complete", "id": "1"})
        await given.reserved_all(claimed.sale.item)
        await asyncio.sleep(0.6)
        await talk.ask(EVENTS, {"id": claimed.ticket_id}, id="1")
        again = await talk.hear()

    assert again["payload"]["data"]["flashSaleTicketEvents"]["state"] == "RESERVED"


async def test_over_http_a_subscription_needs_a_socket(server, claimed):
    headers = {"authorization": f"Bearer {claimed.token}"}
    body = {"query": EVENTS, "variables": {"id": claimed.ticket_id}}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{server.home}/graphql", json=body, headers=headers) as r,
    ):
        answer = await r.json()

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["SUBSCRIPTION_NEEDS_SOCKET"]


async def test_a_client_that_completes_a_query_or_leaves_cancels_its_sql(socket, claimed, given, db):
    """The claimer's order is locked by somebody else, so cancelling it waits."""
    await given.reserved_all(claimed.sale.item)
    cancel = (
        """mutation ($id: ID!) { cancelOrder(input: {orderId: $id, idempotencyKey: "cancel-0001"}) { __typename } }"""
    )
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    async def waits(count: int) -> None:
        for _ in range(200):
            if await db.value(waiting) == count:
                return
            await asyncio.sleep(0.02)
        assert await db.value(waiting) == count

    async with db.transaction() as tx:
        await tx.execute(text("SELECT 1 FROM orders FOR UPDATE"))
        async with socket() as talk:
            await talk.greet(claimed.token)
            mine = (await talk.answer(TICKET, {"id": claimed.ticket_id}))["data"]["flashSaleTicket"]["order"]["id"]
            await talk.ask(cancel, {"id": mine}, id="cancel")
            await waits(1)
            await talk.say({"type": "complete", "id": "cancel"})
            await waits(0)
            await talk.ask(cancel, {"id": mine}, id="cancel")
            await waits(1)
        await waits(0)


async def test_while_nobody_can_tell_who_watches_is_told_so_and_goes_on(market, claimed):
    class Failing(TicketDesk):
        fails = False

        async def find_many(self, ticket_ids):
            if self.fails:
                raise ConnectionError
            return await super().find_many(ticket_ids)

    desk = Failing(market.db, market.gate)
    sights = TicketWatch(desk).watch(decode("ticket", claimed.ticket_id))
    queued = await anext(sights)
    desk.fails = True
    busy = await anext(sights)
    desk.fails = False
    again = await anext(sights)
    await sights.aclose()

    assert isinstance(busy, FlashSaleBusy)
    assert again == queued


async def test_however_many_watch_they_share_their_looks(market, claimed, given):
    looks: Counter[int] = Counter()

    class Counted(TicketDesk):
        async def find_many(self, ticket_ids):
            looks[len(ticket_ids)] += 1
            return await super().find_many(ticket_ids)

    watch = TicketWatch(Counted(market.db, market.gate))
    ticket_id = decode("ticket", claimed.ticket_id)

    async def follow() -> list[str]:
        seen: list[str] = []
        async for sight in watch.watch(ticket_id):
            seen.append(sight.state.value)
            if sight.state == "reserved":
                break
        return seen

    following = [asyncio.create_task(follow()) for _ in range(50)]
    await asyncio.sleep(3.5 * watching.IN_LINE_SECONDS)
    await given.reserved_all(claimed.sale.item)
    stories = await asyncio.gather(*following)

    assert stories == [["queued", "reserved"]] * 50
    assert set(looks) == {1}
    assert 50 < looks[1] < 60
