"""The gate against the ledger: equal when quiet, tolerant of what is on its way, and strict about everything else."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.audit import gates as gate_audit
from domain.audit.gates import EPOCHS, MOVING, UNITS
from domain.flash_sales import actions, reserving
from domain.flash_sales import gate as gates
from domain.foundation.ids import encode, new_id
from domain.foundation.redis import connect
from domain.orders import actions as orders
from tests.audit import assert_clean
from tests.audit.evening import claimed
from tests.given import Given
from tests.given.flash_sales import OneItem


@pytest.fixture
async def sale(given) -> OneItem:
    return await given.flash_sale(units=6, buckets=2, pay_seconds=1)


async def claim(given: Given, sale: OneItem) -> None:
    """A ticket in the queue that nobody has decided."""
    shopper_id = await given.shopper()
    leave = given.leave(sale.item, shopper_id)
    await given.desk().claim(leave=leave, shopper_id=shopper_id, quantity=1, request_id=str(new_id()), now=given.now)


async def look(db, gate, *, patience_seconds=0.0):
    return await gate_audit.lines(db, gate, patience_seconds=patience_seconds)


def verdicts(lines):
    return {line.check: line.ok for line in lines}


async def test_a_unit_that_is_queued_is_not_missing(given, sale, market):
    await claim(given, sale)

    await assert_clean(market)


async def test_a_decided_ticket_that_still_stands_in_the_queue_counts_once(given, sale, market, db, monkeypatch):
    await claim(given, sale)

    async def crash(*_, **__):
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(gates, "drop_from_queue", crash)
        for lane in sale.item.lanes:
            with suppress(ConnectionResetError):
                await reserving.reserve(db, market.gate, lane=lane, limit=5, now=given.now)

    await assert_clean(market)


async def test_units_of_a_lapse_that_was_not_heard_are_on_their_way(given, sale, listener, market, db):
    await claimed(given, sale.item)
    await orders.lapse_due(db, now=given.now + timedelta(minutes=1), limit=10)

    await assert_clean(market, in_flight=True)
    await listener.hear()
    await assert_clean(market)


@pytest.mark.parametrize(("drift", "found"), [(+1, 7), (-1, 5)])
async def test_a_gate_that_admits_more_or_less_than_the_ledger_has_is_named(sale, db, gate, drift, found):
    await gate.hincrby(gates.keys(sale.lane).gate, "free", drift)

    total, named = [line for line in await look(db, gate) if line.ok is False]

    assert (total.check, total.subject, total.found) == (UNITS, "1 warm item", "1 differ")
    assert (named.check, named.subject) == (UNITS, encode("saleitem", sale.item.id))
    assert (named.expected, named.found) == ("6 free in the ledger", f"{found} free in the gate, 0 queued")


async def test_units_on_their_way_excuse_no_lax_gate(given, sale, db, gate):
    await claimed(given, sale.item)
    await orders.lapse_due(db, now=given.now + timedelta(minutes=1), limit=10)
    await gate.hincrby(gates.keys(sale.lane).gate, "free", 2)

    [_, named] = [line for line in await look(db, gate) if line.ok is False]

    assert named.expected == "6 free in the ledger, 1 of them on their way to it"
    assert named.found == "7 free in the gate, 0 queued"


async def test_a_gate_of_another_epoch_is_named(sale, db, gate):
    async with db.transaction() as tx:
        await tx.execute(text("UPDATE flash_sale_items SET epoch = epoch + 1"))

    lines = await look(db, gate)

    assert verdicts(lines) == {EPOCHS: False, UNITS: True}
    assert [(line.expected, line.found) for line in lines if line.subject == encode("saleitem", sale.item.id)] == [
        ("epoch 2", "epoch 1")
    ]


async def test_a_cold_bucket_is_named(sale, db, gate):
    await gates.cool(gate, lane=sale.item.lanes[1])

    lines = await look(db, gate)

    assert verdicts(lines) == {EPOCHS: False, UNITS: True}
    assert [line.found for line in lines if line.subject == encode("saleitem", sale.item.id)] == ["epoch 1, cold"]


async def test_what_differs_for_a_moment_only_is_no_difference(sale, db, gate):
    free = gates.keys(sale.lane).gate, "free"
    await gate.hincrby(*free, -1)

    async def mend():
        await asyncio.sleep(0.2)
        await gate.hincrby(*free, +1)

    lines, _ = await asyncio.gather(look(db, gate, patience_seconds=5), mend())

    assert verdicts(lines) == {EPOCHS: True, UNITS: True}


async def test_a_gate_that_does_not_stand_still_is_information(given, sale, db, gate, monkeypatch):
    monkeypatch.setattr(gate_audit, "LONGEST_QUEUE", 0)
    await claim(given, sale)

    lines = await look(db, gate)

    assert verdicts(lines) == {EPOCHS: True, UNITS: True, MOVING: None}
    assert [line.found for line in lines if line.check == MOVING] == ["1 of 1 warm item"]


async def test_a_gate_that_does_not_answer_differs(sale, db):
    nobody = connect("redis://127.0.0.1:9")

    [line] = await look(db, nobody)

    assert (line.check, line.expected, line.ok) == (UNITS, "an answer of the gate", False)


async def test_a_stopped_sale_is_not_looked_at(sale, db, gate, now):
    await gate.hincrby(gates.keys(sale.lane).gate, "free", 1)
    await actions.stop(db, gate, sale_id=sale.sale.id, by=new_id(), now=now)

    lines = await look(db, gate)

    assert [(line.subject, line.ok) for line in lines] == [("0 warm items", True)] * 2
