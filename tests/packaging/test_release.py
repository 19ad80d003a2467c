"""What is given away: one version everywhere, nothing of the machine it was made on, and all that the market reads."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.tree import PROJECT, PYPROJECT, ROOT, files, texts

# with a dot or a slash apart, so that this file is not its own finding
INDEX_HOSTS = [r"pypi[.]org", r"pythonhosted[.]org", r"npmjs[.]org"]
HOMES = [r"(?<![\w.])[/]home/\w", r"(?<![\w.])[/]Users/\w", r"(?<![\w.])[/]root/\w", r"file:[/]{2}"]
PACKAGES = [pattern.removesuffix("*") for pattern in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]


def test_no_text_names_a_package_index_or_somebodys_machine() -> None:
    found = {
        str(path): match.group() for path, text in texts() if (match := re.search("|".join(INDEX_HOSTS + HOMES), text))
    }

    assert found == {}


def test_the_newest_change_is_that_of_this_version() -> None:
    versions = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert versions[0] == PROJECT["version"]


def test_the_licence_is_the_one_that_is_named() -> None:
    title = (ROOT / "LICENSE").read_text().splitlines()[1:4]

    assert PROJECT["license"] == "Apache-2.0"
    assert [line.strip() for line in title[:2]] == ["Apache License", "Version 2.0, January 2004"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, built as the image builds it: without the network, and beside the checkout."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in files():
        if path.parts[0] in {*PACKAGES, "pyproject.toml", "README.md", "LICENSE"}:
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, source / path)
    command = [sys.executable, "-c", f"import setuptools.build_meta as b; b.build_wheel({str(target)!r})"]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert held == {str(path) for path in files() if path.parts[0] in PACKAGES and not path.name.startswith(".")}


def test_the_wheel_says_which_version_it_is(wheel: Path) -> None:
    assert wheel.name == f"{PROJECT['name']}-{PROJECT['version']}-py3-none-any.whl"
