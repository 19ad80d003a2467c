"""Catalogue files for tests."""

import os
from pathlib import Path

import pytest

from domain.products.importing import CatalogueFile
from domain.products.listings import Entry, Spoilt

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "cli" / "sample_catalogue.csv"
SAMPLE_DATA = Path(os.environ.get("NIGHTMARKET_SAMPLE_DATA", ROOT.parent / "shared" / "data"))
"""Files of real shops, which are not ours to hand on."""

COLUMNS = {
    "Handle": "tea",
    "Title": "桂花乌龙",
    "Published": "TRUE",
    "Option1 Name": "规格",
    "Option1 Value": "50克",
    "Variant SKU": "TEA-50",
    "Variant Price": "19.90",
    "Variant Inventory Qty": "5",
    "Image Src": "https://images.example.com/tea.jpg",
}
"""A file of one good product, cell by cell."""


def real(name: str) -> Path:
    """A file of a real shop; the test is skipped where there is none."""
    path = SAMPLE_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not here: set NIGHTMARKET_SAMPLE_DATA to the folder that holds it")
    return path


def line(*cells: str) -> str:
    """A row of cells, each in quotes."""
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


def rows(*changes: dict[str, str], columns: dict[str, str] = COLUMNS) -> str:
    """A file with a row for each of these changes to the good row."""
    names = list(dict.fromkeys([*columns, *(name for change in changes for name in change)]))
    return line(*names) + "".join(
        line(*(({**columns, **change}).get(name, "") for name in names)) for change in changes
    )


def write(path: Path, content: str | bytes) -> None:
    """Put a file there."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def read(path: Path, content: str | bytes) -> list[Entry | Spoilt]:
    """What a file of this content holds."""
    write(path, content)
    with CatalogueFile(path) as file:
        return list(file)
