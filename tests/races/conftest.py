"""A race proves little once: `make faults` sets FAULT_RUNS, and every test here runs so many times."""

import os

import pytest

RUNS = int(os.environ.get("FAULT_RUNS", "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if RUNS > 1:
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(RUNS))
