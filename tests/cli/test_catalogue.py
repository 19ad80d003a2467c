"""Importing and exporting from the terminal: what is said, and the exit code."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from domain.foundation.settings import settings
from tests.products.files import SAMPLE, rows


@pytest.fixture
def run(database_url: str, clean: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "160")
    settings.cache_clear()
    yield CliRunner()
    settings.cache_clear()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.csv"


def numbers(result: Result) -> list[list[str]]:
    """The rows of figures that were printed."""
    lines = [line.replace("│", " ").split() for line in result.stdout.splitlines()]
    return [cells for cells in lines if cells and all(cell.replace(",", "").isdigit() for cell in cells)]


def test_a_catalogue_goes_in_and_comes_out(run: CliRunner, file: Path) -> None:
    first = run.invoke(app, ["import-products", str(SAMPLE)])
    exported = run.invoke(app, ["export-products", str(file), "--layout", "old"])
    again = run.invoke(app, ["import-products", str(file)])

    assert [result.exit_code for result in (first, exported, again)] == [0, 0, 0], first.output
    assert numbers(first) == [["48", "0", "0", "0", "132"]]
    assert numbers(again) == [["0", "0", "48", "0", "132"]]
    assert exported.stdout.startswith("48 products are in ")


def test_a_skipped_product_is_told_with_its_mistakes(run: CliRunner, file: Path) -> None:
    file.write_text(rows({"Variant Price": "1,299.00"}))

    result = run.invoke(app, ["import-products", str(file)])

    assert result.exit_code == 1
    assert numbers(result) == [["0", "0", "0", "1", "0"]]
    assert "Variant Price" in result.stdout
    assert "1,299.00" in result.stdout


def test_a_dry_run_says_so(run: CliRunner, file: Path) -> None:
    file.write_text(rows({}))

    for _ in range(2):
        result = run.invoke(app, ["import-products", "--dry-run", str(file)])

        assert result.exit_code == 0
        assert "nothing was written" in result.stdout
        assert numbers(result) == [["1", "0", "0", "0", "1"]]


def test_a_file_of_another_kind_is_refused_in_a_sentence(run: CliRunner, file: Path) -> None:
    file.write_text("name,price\ntea,1\n")

    result = run.invoke(app, ["import-products", str(file)])

    assert result.exit_code == 2
    assert result.stderr.startswith("line 1: no column 'Title'")
    assert "Traceback" not in result.output
