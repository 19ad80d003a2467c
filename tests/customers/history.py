"""A real purchase history, CDNOW's of 1997 and 1998, and what pandas makes of it."""

import csv
import importlib
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / ".venv" / "history"
DATA = FOLDER / "lifetimes" / "datasets"
SAMPLE, WHOLE = "CDNOW_sample.txt", "CDNOW_master.txt"


def pandas() -> ModuleType:
    """The library, from where it stands apart; the test is skipped where it does not."""
    if not (FOLDER / "held.txt").exists():
        pytest.skip("no pandas and no purchase history: sh tests/customers/setup.sh fetches them")
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    return importlib.import_module("pandas")


def transactions(name: str) -> Iterator[tuple[str, date, int]]:
    """Customer, day and cents of every purchase in a file, in its order."""
    with (DATA / name).open() as lines:
        for customer, *_, day, _, dollars in csv.reader(lines, delimiter=" ", skipinitialspace=True):
            if customer != "customer_id":
                yield customer, date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:8]}"), round(float(dollars) * 100)
