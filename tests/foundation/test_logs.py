"""Logs: one event a line, ours and those of libraries alike."""

import json
import subprocess
import sys
from functools import cache

import pytest

PROGRAM = """
import logging, sys
import structlog
from domain.foundation import logs

logs.configure(level="INFO", as_json=sys.argv[1] == "json")
ours, theirs = structlog.get_logger("market"), logging.getLogger("library")
with structlog.contextvars.bound_contextvars(request_id="r-1"):
    ours.info("sale_opened", sale="双十一", units=60)
    theirs.warning("slow by %s s", 3)
    try:
        key = "s3cret" * 6
        1 / 0
    except ZeroDivisionError:
        ours.error("claim_failed", exc_info=True)
ours.debug("unseen")
theirs.debug("unseen")
"""


@pytest.fixture(scope="module")
def written():
    """What the program writes in a format: standard output, and the lines of standard error."""

    @cache
    def written(format):
        ended = subprocess.run([sys.executable, "-c", PROGRAM, format], capture_output=True, text=True, check=True)
        return ended.stdout, ended.stderr.splitlines()

    return written


def test_in_production_every_line_is_one_json_object_with_the_request(written):
    output, lines = written("json")

    opened, slow, failed = map(json.loads, lines)
    assert output == ""
    assert {line.pop("timestamp")[-1] for line in (opened, slow, failed)} == {"Z"}
    assert {line.pop("request_id") for line in (opened, slow, failed)} == {"r-1"}
    assert opened == {"event": "sale_opened", "level": "info", "logger": "market", "sale": "双十一", "units": 60}
    assert slow == {"event": "slow by 3 s", "level": "warning", "logger": "library"}
    assert "双十一" in lines[0]
    assert failed["exception"].endswith("ZeroDivisionError: division by zero")


def test_in_a_terminal_people_read_lines_with_the_traceback_below(written):
    output, lines = written("plain")

    assert output == ""
    assert "sale_opened" in lines[0] and "sale=双十一" in lines[0] and "request_id=r-1" in lines[0]
    assert "slow by 3 s" in lines[1] and "request_id=r-1" in lines[1]
    assert "claim_failed" in lines[2]
    assert lines[-1] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("format", ["json", "plain"])
def test_what_is_below_the_level_and_the_variables_of_a_traceback_stay_unseen(written, format):
    _, lines = written(format)

    assert "unseen" not in "".join(lines)
    assert "s3crets3cret" not in "".join(lines)
