"""What Prometheus is told: by every process on a port of its own, under labels that strangers cannot multiply."""

import asyncio
import urllib.request

import orjson
import pytest
from prometheus_client import REGISTRY
from redis.exceptions import ConnectionError as GateGone
from sqlalchemy import text

from domain.foundation import metrics
from domain.foundation.database import Database
from domain.foundation.redis import connect
from tests.api.conftest import call
from tests.given.wechat import free_port


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def series(name: str) -> set[tuple[str, ...]]:
    [family] = [family for family in REGISTRY.collect() if family.name == name]
    return {tuple(sample.labels.values()) for sample in family.samples if sample.name.endswith("_count")}


def test_each_process_of_a_machine_takes_the_next_free_port():
    port = free_port()

    first, second = metrics.serve("127.0.0.1", port), metrics.serve("127.0.0.1", port)

    assert first == port
    assert port < second < port + metrics.MOST_PORTS
    for each in (first, second):
        with urllib.request.urlopen(f"http://127.0.0.1:{each}/metrics", timeout=5) as answered:
            assert b"nightmarket_operation_seconds" in answered.read()
    assert metrics.serve("127.0.0.1", 0) == 0


async def test_the_world_is_told_no_figures(app):
    assert (await call(app, "GET", "/metrics")).status == 404


async def test_hostile_input_makes_no_new_labels(app):
    before = series("nightmarket_operation_seconds")
    for number in range(30):
        for query in (
            f"{{ a{number}: serverTime }}",
            f"query Q{number} {{ serverTime }}",
            f"{{ nothing{number} }}",
            f"{{ serverTime @x{number} }}",
            f"syntax {number}",
            f"fragment F{number} on Query {{ serverTime }} {{ ...F{number} }}",
        ):
            await call(app, "POST", "/graphql", orjson.dumps({"query": query}), {"content-type": "application/json"})
            await call(app, f"METHOD{number}", f"/nowhere/{number}")

    new = series("nightmarket_operation_seconds") - before
    assert {field for field, _ in new} <= {"serverTime", "none"}
    assert {outcome for _, outcome in new} <= {"ok", "refused"}


async def test_answers_are_counted_by_class_and_requests_while_they_last(app):
    answered, missing = (
        value("nightmarket_http_answers_total", status="2xx"),
        value("nightmarket_http_answers_total", status="4xx"),
    )

    await call(app, "GET", "/livez")
    await call(app, "GET", "/nowhere")

    assert value("nightmarket_http_answers_total", status="2xx") == answered + 1
    assert value("nightmarket_http_answers_total", status="4xx") == missing + 1
    assert value("nightmarket_http_requests_in_flight") == 0


async def test_connections_to_the_ledger_are_counted_in_use_and_waited_for(settings, clean):
    in_use, waiting = (
        value("nightmarket_database_connections_in_use"),
        value("nightmarket_database_connections_waiting"),
    )
    db = Database.connect(settings.database_url.get_secret_value(), connections=1)

    async with db.transaction() as tx:
        await tx.value(text("SELECT 1"))
        other = asyncio.create_task(db.value(text("SELECT 1")))
        await asyncio.sleep(0.05)
        assert value("nightmarket_database_connections_in_use") == in_use + 1
        assert value("nightmarket_database_connections_waiting") == waiting + 1
    await other
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            raise ZeroDivisionError
    await db.close()

    assert value("nightmarket_database_connections_in_use") == in_use
    assert value("nightmarket_database_connections_waiting") == waiting


async def test_commands_that_the_gate_does_not_answer_are_counted():
    failures = value("nightmarket_gate_failures_total")
    gate = connect("redis://127.0.0.1:9/0")

    with pytest.raises(GateGone):
        await gate.ping()
    await gate.aclose()

    assert value("nightmarket_gate_failures_total") == failures + 1


def test_who_leads_no_more_tells_nothing_of_what_the_leader_sees():
    metrics.events_dead.set(3)
    metrics.timetable_leads.set(1)
    metrics.shipping_uploads.labels("due").set(4)

    metrics.forget_leading()

    assert value("nightmarket_events_dead") == 0
    assert value("nightmarket_timetable_leads") == 0
    assert REGISTRY.get_sample_value("nightmarket_shipping_uploads", {"state": "due"}) is None
