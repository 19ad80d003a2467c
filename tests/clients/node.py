"""Node and the packages of clients/typescript, for the tests that run what front-end developers run."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import pytest

CLIENTS = Path(__file__).parents[2] / "clients"
TYPESCRIPT = CLIENTS / "typescript"
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENOTCACHED", "ERR_SOCKET_TIMEOUT")


def packages(folder: Path = TYPESCRIPT) -> Path:
    """The locked packages of a folder, installed once for each state of the lock. Skips where that cannot be done."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no Node on this machine: install Node 20 or newer, with npm")
    lock = sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    modules = folder / "node_modules"
    with (Path(tempfile.gettempdir()) / "nightmarket-npm.lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)  # of several test processes one installs
        installed = modules / ".installed"
        if not installed.exists() or installed.read_text() != lock:
            done = run(
                ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--fetch-retries=1"], seconds=180, cwd=folder
            )
            if any(reason in done.stderr for reason in UNREACHABLE):
                pytest.skip(f"the npm registry cannot be reached: {done.stderr.strip().splitlines()[0]}")
            assert done.returncode == 0, done.stderr
            installed.write_text(lock)
    return modules


def run(
    command: list[str],
    *,
    seconds: float = 60,
    cwd: Path = TYPESCRIPT,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
