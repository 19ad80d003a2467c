"""A crowd of faults, outages or refusals is written in few lines, and each can still be looked up."""

import pytest
from structlog.testing import capture_logs

from domain.foundation import reporting


def fail(number: int) -> Exception:
    try:
        if number == 1:
            raise RuntimeError("first")
        raise RuntimeError("second")
    except RuntimeError as error:
        return error


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1_000.0

    monkeypatch.setattr(reporting, "monotonic", lambda: Clock.now)
    return Clock


def test_the_first_of_a_kind_is_written_in_full_and_the_next_refer_to_it(clock):
    with capture_logs() as logs:
        for number in range(50):
            reporting.report(fail(1), f"ref-{number}", "products", places=[["products"]])

    first, *others = logs
    assert first["exc_info"].args == ("first",)
    assert (first["reference"], first["places"]) == ("ref-0", [["products"]])
    assert [line["reference"] for line in others] == [f"ref-{number}" for number in range(1, 50)]
    assert {line["same_as"] for line in others} == {"ref-0"}
    assert {line["fingerprint"] for line in logs} == {first["fingerprint"]}
    assert all("exc_info" not in line for line in others)


def test_two_hundred_letters_that_fail_are_told_in_few_bytes_however_often_they_are_tried(clock):
    with capture_logs() as logs:
        for _second in range(20):
            clock.now += 1
            for number in range(200):
                reporting.note_failure("event_not_heard", fail(1), position=number)
        reporting.note_failure("event_not_heard", fail(2), position=1)
        reporting.note_failure("job_failed", fail(1), job="sweep")

    first, *others, another_kind, another_event = logs
    assert (first["position"], first["exc_info"].args) == (0, ("first",))
    assert len(others) == 2 * reporting.LINES_IN_A_WINDOW
    assert {line["error"] for line in others} == {"RuntimeError('first')"}
    assert [line["unwritten"] for line in others] == [0] * 5 + [10 * 200 - 1 - 5] + [0] * 4
    assert (another_kind["exc_info"].args, another_event["exc_info"].args) == (("second",), ("first",))


def test_another_line_of_code_or_another_minute_is_written_in_full_again(clock):
    with capture_logs() as logs:
        reporting.report(fail(1), "a", "products")
        reporting.report(fail(2), "b", "products")
        clock.now += reporting.FULL_AGAIN_SECONDS
        reporting.report(fail(1), "c", "products")

    assert ["exc_info" in line for line in logs] == [True, True, True]


def test_kinds_of_faults_are_not_remembered_without_end(clock, monkeypatch):
    monkeypatch.setattr(reporting, "MOST_KINDS", 10)
    with capture_logs():
        for number in range(100):
            reporting.report(type(f"Error{number}", (Exception,), {})(), "a", "products")

    assert len(reporting._faults) <= 10


def test_an_outage_is_written_once_in_ten_seconds_with_what_was_left_out(clock):
    with capture_logs() as logs:
        for _ in range(100):
            reporting.note_outage(ConnectionRefusedError("x" * 10_000), "products")
        clock.now += 10
        reporting.note_outage(ConnectionRefusedError("x"), "products")

    assert [(line["error"], line["unwritten"]) for line in logs] == [
        ("ConnectionRefusedError", 0),
        ("ConnectionRefusedError", 99),
    ]
    assert len(logs[0]["why"]) == 300


def test_refusals_at_a_door_are_written_five_times_in_ten_seconds(clock):
    with capture_logs() as logs:
        for _ in range(20):
            reporting.note_refusal("notice_refused", code="NOTICE_FORGED")
        reporting.note_refusal("push_refused", code="PUSH_FORGED")
        clock.now += 10
        reporting.note_refusal("notice_refused", code="NOTICE_FORGED")

    assert [(line["event"], line["unwritten"]) for line in logs] == [
        *[("notice_refused", 0)] * 5,
        ("push_refused", 0),
        ("notice_refused", 15),
    ]
