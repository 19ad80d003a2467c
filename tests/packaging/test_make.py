"""`make help` knows every target, and a machine without the right Python is told so."""

import os
import re
import subprocess
from pathlib import Path

from tests.packaging.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
OF_AN_OUTER_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "ARGS"}
GNU_MAKE_ONLY = (
    r"\$\((?:shell|if|or|and|foreach|wildcard|patsubst|call|eval) |^(?:if|else|endif|define|export)|ONESHELL"
)
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """As a person would: not as a part of the make that may be running these tests."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_AN_OUTER_MAKE}
    return subprocess.run(["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_make_alone_is_make_help() -> None:
    assert make().stdout == make("help").stdout


def test_help_says_one_sentence_about_every_target() -> None:
    said = dict(line.split(maxsplit=2)[1:] for line in make("help").stdout.splitlines())

    assert list(said) == TARGETS
    for sentence in said.values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_every_target_but_files_is_phony() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)

    assert phony.split() == TARGETS


def test_nothing_in_the_makefile_is_for_gnu_make_only() -> None:
    assert re.findall(GNU_MAKE_ONLY, MAKEFILE, re.MULTILINE) == []


def test_an_unfit_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "requirements").mkdir()
    for name in ("development.txt", "make_venv.py"):
        (tmp_path / "requirements" / name).touch()
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    refused = make(".venv/made", f"PYTHON={old}", folder=tmp_path)

    assert refused.returncode != 0
    assert refused.stderr.splitlines()[0].startswith(f"{old} is not Python 3.11 or newer: ")
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_make_test_and_nothing_else() -> None:
    script = ROOT / ".ci" / "run"

    commands = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test </dev/null"
    assert os.access(script, os.X_OK)
