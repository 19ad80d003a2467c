"""Finds the servers inside the wheels of the extra `[embedded]`, without importing what else the wheels bring."""

import importlib.util
from pathlib import Path


class EnginesMissing(Exception):
    """No address is configured, and the embedded engine is not installed or not made for this platform."""


def find(package: str, program: str, *, instead_of: str) -> Path:
    """The path of a program inside an installed package; `instead_of` is the setting that makes it unnecessary.

    Raises EnginesMissing, whose message says both ways out.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / program).is_file():
            return path
    raise EnginesMissing(
        f"{instead_of} is not set, and the embedded engine is not installed ({program} of {package}): "
        f"set {instead_of}, or run pip install 'nightmarket[embedded]'"
    )
