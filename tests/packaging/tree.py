"""The checkout as files: what is in it, and what its pyproject.toml says."""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]

MADE_HERE = {".git", ".nightmarket", ".venv", "__pycache__", "build", "dist", "node_modules", "reports"}
MADE_BY_TOOLS = ("_cache", ".egg-info", ".hypothesis")


def files() -> Iterator[Path]:
    """Every file that belongs to the project, relative to its root; nothing that a run leaves behind."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE_HERE and not name.endswith(MADE_BY_TOOLS)]
        yield from ((Path(folder) / name).relative_to(ROOT) for name in names)


def texts() -> Iterator[tuple[Path, str]]:
    """Those of them that are text."""
    for path in files():
        if path == Path("deploy/.env"):  # the operator's own
            continue
        try:
            yield path, (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
