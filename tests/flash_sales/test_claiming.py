"""Claims at the gate."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from domain.flash_sales import gate as gates
from domain.flash_sales import reserving, tickets
from domain.flash_sales.desk import ClaimDesk, Claimed
from domain.flash_sales.rules import (
    FlashSaleBusy,
    FlashSaleClosed,
    FlashSaleLimitReached,
    FlashSalePassRefused,
    FlashSaleShort,
    FlashSaleSoldOut,
    TicketState,
)
from domain.foundation.errors import BadInput, IdempotencyConflict
from domain.foundation.ids import new_id
from domain.foundation.redis import connect
from tests.statements import count_statements


@pytest.fixture
def claim(given):
    """`await claim(sale, shopper, "request-1")`."""
    desk = given.desk()

    async def claim(sale, shopper_id, request_id="request-1", quantity=1, **leave) -> Claimed:
        return await desk.claim(
            leave=given.leave(sale.item, shopper_id, **leave),
            shopper_id=shopper_id,
            quantity=quantity,
            request_id=request_id,
            now=given.now,
        )

    return claim


async def test_a_claim_is_queued_then_reserved_with_an_order(given, claim, db, gate):
    sale = await given.flash_sale(units=3)
    shopper_id = await given.shopper()

    claimed = await claim(sale, shopper_id)
    before = await tickets.find(db, gate, ticket_id=claimed.ticket_id)
    batch = await reserving.reserve(db, gate, lane=sale.lane, limit=10, now=given.now)
    after = await tickets.find(db, gate, ticket_id=claimed.ticket_id)

    assert (claimed.state, claimed.position) == (TicketState.QUEUED, 1)
    assert (before.state, before.position, before.shopper_id) == (TicketState.QUEUED, 1, shopper_id)
    assert (batch.reserved, batch.refused, batch.repeated) == (1, 0, 0)
    assert (after.state, after.position, after.pay_by) == (
        TicketState.RESERVED,
        None,
        given.now + timedelta(minutes=15),
    )
    assert after.order_id is not None


async def test_the_same_request_gives_the_same_ticket(given, claim, gate):
    sale = await given.flash_sale(units=3)
    shopper_id = await given.shopper()

    first = await claim(sale, shopper_id)
    again = await claim(sale, shopper_id)

    assert again == first
    assert (await gates.figures(gate, lane=sale.lane)).free == 2


async def test_a_request_id_used_for_another_quantity_is_refused(given, claim):
    sale = await given.flash_sale(units=5, per_shopper=3)
    shopper_id = await given.shopper()
    await claim(sale, shopper_id)

    with pytest.raises(IdempotencyConflict):
        await claim(sale, shopper_id, quantity=2)


async def test_the_limit_counts_every_unit_of_a_shopper(given, claim, gate):
    sale = await given.flash_sale(units=5, per_shopper=2)
    shopper_id = await given.shopper()
    await claim(sale, shopper_id, "request-1")
    await claim(sale, shopper_id, "request-2")

    with pytest.raises(FlashSaleLimitReached) as refused:
        await claim(sale, shopper_id, "request-3")

    assert refused.value.facts == {"limit": 2, "held": 2}
    assert (await gates.figures(gate, lane=sale.lane)).free == 3


async def test_when_units_run_out_the_waiting_line_fills_and_then_it_is_sold_out(given, claim):
    sale = await given.flash_sale(units=1, waiting_places=2)
    shoppers = await given.shoppers(4)

    claims = [await claim(sale, shopper_id) for shopper_id in shoppers[:3]]
    with pytest.raises(FlashSaleSoldOut):
        await claim(sale, shoppers[3])

    assert [(c.state, c.position) for c in claims] == [
        (TicketState.QUEUED, 1),
        (TicketState.WAITING, 1),
        (TicketState.WAITING, 2),
    ]


async def test_fewer_units_than_wanted_are_named(given, claim, gate):
    sale = await given.flash_sale(units=1, per_shopper=2, waiting_places=5)

    with pytest.raises(FlashSaleShort) as refused:
        await claim(sale, await given.shopper(), quantity=2)

    assert refused.value.facts == {"wanted": 2, "left": 1}
    assert (await gates.figures(gate, lane=sale.lane)).free == 1


@pytest.mark.parametrize("quantity", [0, -1])
async def test_a_quantity_below_one_is_bad_input(given, claim, gate, quantity):
    sale = await given.flash_sale(units=3)

    with pytest.raises(BadInput, match="quantity"):
        await claim(sale, await given.shopper(), quantity=quantity)

    assert (await gates.figures(gate, lane=sale.lane)).free == 3


async def test_a_huge_quantity_is_over_the_limit(given, claim, gate):
    sale = await given.flash_sale(units=3)

    with pytest.raises(FlashSaleLimitReached):
        await claim(sale, await given.shopper(), quantity=10**12)

    assert (await gates.figures(gate, lane=sale.lane)).free == 3


async def test_a_foreign_forged_or_expired_pass_is_refused(given, gate):
    sale = await given.flash_sale(units=3)
    mine, theirs = await given.shoppers(2)
    claim = partial(given.desk().claim, shopper_id=mine, quantity=1, request_id="request-1", now=given.now)
    good = given.leave(sale.item, mine)
    flipped = good[:-1] + ("A" if good[-1] != "A" else "B")

    refused = {}
    for name, leave in {
        "another shopper's": given.leave(sale.item, theirs),
        "forged": good[:10] + ("A" if good[10] != "A" else "B") + good[11:],
        "expired": given.leave(sale.item, mine, seconds=0),
        "of an earlier epoch": given.leave(sale.item, mine, epoch=sale.item.epoch - 1),
        "malformed": "x" * 7,
    }.items():
        with pytest.raises(FlashSalePassRefused) as refusal:
            await claim(leave=leave)
        refused[name] = refusal.value.reason

    assert refused == {name: name for name in refused}
    assert len(flipped) == len(good)
    assert (await gates.figures(gate, lane=sale.lane)).free == 3


async def test_nobody_claims_at_the_closing_moment(given):
    sale = await given.flash_sale(units=3)
    shopper_id = await given.shopper()
    closes_at = given.now + timedelta(hours=1)
    leave = given.leave(sale.item, shopper_id, seconds=4000)
    claim = partial(given.desk().claim, leave=leave, shopper_id=shopper_id, quantity=1, request_id="request-1")

    with pytest.raises(FlashSaleClosed):
        await claim(now=closes_at)
    claimed = await claim(now=closes_at - timedelta(milliseconds=1))

    assert claimed.state is TicketState.QUEUED


async def test_a_ticket_that_nobody_knows_is_not_found(given, db, gate):
    assert await tickets.find(db, gate, ticket_id=new_id()) is None


async def test_many_polls_at_once_share_their_statements(given, claim, db, gate):
    sale = await given.flash_sale(units=40, waiting_places=40)
    claims = [await claim(sale, shopper_id) for shopper_id in await given.shoppers(60)]
    await reserving.reserve(db, gate, lane=sale.lane, limit=20, now=given.now)
    desk = tickets.TicketDesk(db, gate)

    with count_statements(db) as sent:
        found = await asyncio.gather(*(desk.find(claimed.ticket_id) for claimed in claims))
        one_by_one = [await tickets.find(db, gate, ticket_id=claimed.ticket_id) for claimed in claims[:1]]

    assert [(ticket.state.value, ticket.position) for ticket in found] == [
        *[("reserved", None)] * 20,
        *[("queued", place) for place in range(1, 21)],
        *[("waiting", place) for place in range(1, 21)],
    ]
    assert {ticket.item_id for ticket in found} == {sale.item.id}
    assert one_by_one == found[:1]
    assert len(sent) == 3  # the tickets that may be decided, the item of the others, and the single look


async def test_a_poll_while_the_gate_is_away_is_answered_by_the_ledger_or_told_to_come_again(given, claim, db):
    sale = await given.flash_sale(units=2)
    reserved, queued = [await claim(sale, shopper_id) for shopper_id in await given.shoppers(2)]
    await reserving.reserve(db, given.market.gate, lane=sale.lane, limit=1, now=given.now)
    nowhere = connect("unix:///nowhere/socket?db=0")

    found = await tickets.find(db, nowhere, ticket_id=reserved.ticket_id)
    with pytest.raises(FlashSaleBusy):
        await tickets.find(db, nowhere, ticket_id=queued.ticket_id)

    assert found.state is TicketState.RESERVED


async def test_after_a_sold_out_answer_only_a_repeated_request_reaches_the_script(given, db, gate):
    sale = await given.flash_sale(units=1)
    first, second, third = await given.shoppers(3)
    desk = ClaimDesk(gate, key=given.market.settings.signing_secret, sold_out_seconds=60)

    async def claim(shopper_id):
        leave = given.leave(sale.item, shopper_id)
        return await desk.claim(leave=leave, shopper_id=shopper_id, quantity=1, request_id="request-1", now=given.now)

    claimed = await claim(first)
    with pytest.raises(FlashSaleSoldOut):
        await claim(second)
    await gates.give_back(gate, lane=sale.lane, tickets={claimed.ticket_id: 1})
    repeated, refused = await asyncio.gather(claim(first), claim(third), return_exceptions=True)

    assert repeated.ticket_id == claimed.ticket_id
    assert isinstance(refused, FlashSaleSoldOut)
    assert (await gates.figures(gate, lane=sale.lane)).free == 1


async def test_a_gate_that_fails_in_an_unknown_way_leaves_nobody_standing(given, claim, gate, monkeypatch):
    sale = await given.flash_sale(units=5)
    shoppers = await given.shoppers(3)

    async def fail(*_, **__):
        raise RuntimeError("slots are not covered")

    with monkeypatch.context() as patch:
        patch.setattr(gates, "_claim", fail)
        refused = await asyncio.gather(*(claim(sale, id) for id in shoppers), return_exceptions=True)
    claimed = await asyncio.gather(*(claim(sale, id) for id in shoppers))

    assert [type(outcome) for outcome in refused] == [FlashSaleBusy] * 3
    assert [one.state for one in claimed] == [TicketState.QUEUED] * 3


async def test_a_claim_nobody_waits_for_any_more_takes_no_unit(given, gate, monkeypatch):
    sale = await given.flash_sale(units=5)
    desk, shoppers = given.desk(), await given.shoppers(4)
    may_go = asyncio.Event()
    script = gates._claim

    async def slow(*arguments):
        await may_go.wait()
        return await script(*arguments)

    monkeypatch.setattr(gates, "_claim", slow)
    claims = []
    for shopper_id in shoppers:  # two calls under way, two claims in line
        leave = given.leave(sale.item, shopper_id)
        claim = desk.claim(leave=leave, shopper_id=shopper_id, quantity=1, request_id="request-1", now=given.now)
        claims.append(asyncio.create_task(claim))
        await asyncio.sleep(0.01)
    claims[2].cancel()
    may_go.set()
    await asyncio.gather(*claims, return_exceptions=True)

    assert (await gates.figures(gate, lane=sale.lane)).free == 2
    assert desk._lines == {}
