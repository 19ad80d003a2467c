"""Somebody's day at the API, with failures in it: what it logs, and that nobody's secrets are in it."""

import json
import os
import subprocess
import sys

import pytest

from cli.house import environment_of
from tests.packaging.tree import ROOT


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "text"])
def test_a_day_with_failures_leaves_references_in_the_log_and_no_secrets(settings, clean, as_json):
    environment = {
        **os.environ,
        **environment_of(settings.model_copy(update={"log_json": as_json})),
        "PYTHONPATH": str(ROOT),
    }

    ran = subprocess.run(
        [sys.executable, "-m", "tests.operation.everyday"], env=environment, cwd=ROOT, capture_output=True, text=True
    )

    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["added"]["data"] == {"createAddress": {"__typename": "Address"}}
    references = [failed["errors"][0]["extensions"]["reference"] for failed in told["failed"]]
    assert all(reference in ran.stderr for reference in references)
    assert "138****5678" in ran.stderr
    assert "Traceback" in ran.stderr
    assert [mark for mark in told["marks"] if mark in ran.stderr] == []
    if as_json:
        lines = [json.loads(line) for line in ran.stderr.splitlines()]
        assert {line["request_id"] for line in lines if line["event"] == "internal error"} != {None}
