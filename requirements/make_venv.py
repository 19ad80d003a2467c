"""Makes .venv: what development.txt locks, and this project in editable form. `make` runs it when either has changed.

Needs nothing but the Python it runs on. Every package comes with a hash and as a wheel, so nothing is compiled here and
nothing unlocked is fetched; the project itself is installed without asking the network at all.
"""

import fcntl
import importlib.util
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements" / "development.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
HELD = VENV / "held.txt"  # the locks that .venv holds, written when all of them are installed
MADE = VENV / "made"  # make's stamp


def main() -> None:
    """Bring .venv to what the locks say; a second call at the same time waits for the first, and finds little to do."""
    with LOCKS.open("rb") as locks:
        fcntl.flock(locks, fcntl.LOCK_EX)  # released by the system whatever happens to us
        if not HELD.is_file() or HELD.read_bytes() != LOCKS.read_bytes():
            make()
        # its build tool is among the locked packages
        install("--no-index", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        MADE.touch()


def make() -> None:
    """A new .venv with everything that is locked."""
    packages, started_at = sum(line[:1].isalnum() for line in LOCKS.read_text().splitlines()), time.monotonic()
    version = ".".join(map(str, sys.version_info[:3]))
    if not has("ensurepip") and not has("pip"):
        sys.exit(
            f"{sys.executable} (Python {version}) can install nothing: install python3-venv (on Debian and Ubuntu: "
            "apt install python3-venv), or name another Python: make PYTHON=/path/to/python3.13"
        )
    print(f"making .venv with Python {version}: {packages} locked packages, once, about a minute", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=has("ensurepip"), symlinks=True)
    install("--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCKS))
    shutil.copyfile(LOCKS, HELD)
    print(f"made .venv in {time.monotonic() - started_at:.0f} s", flush=True)


def install(*what: str) -> None:
    """Install into .venv with its own pip, or from outside where Debian's Python has a pip but none to give."""
    own = VENV / "bin" / "pip"
    pip = [str(PYTHON), "-m", "pip"] if own.exists() else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    options = ["-qq", "--disable-pip-version-check", "--no-input"]
    if subprocess.run([*pip, "install", *options, *what], cwd=ROOT).returncode != 0:
        sys.exit("pip could not make .venv; its own words stand above. Mend that and run make again")


def has(module: str) -> bool:
    """Whether this Python has the module."""
    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    main()
