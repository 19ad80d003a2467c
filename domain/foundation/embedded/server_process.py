"""Keeps one server process per folder: started once, shared by everybody, stopped by the last one to leave.

Three locks of the kernel in the folder say all there is to know. They end with the processes that hold them, so
whatever was killed, and whenever, leaves no lie behind, as a file with a process number does:

    door       held while somebody starts or stops the server: whoever comes second finds it ready, or gone
    running    held by the server and its own children: while one of them lives, no second server starts here
    users      shared by everybody who has started or joined: whoever can have it alone is the last one

Which server it is, its settings and how it says "ready" stand in `postgres.py` and `valkey.py`.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from domain.foundation.embedded import owner

logger = logging.getLogger(__name__)

START_SECONDS = 60.0  # a server that was killed replays its log before it answers
STOP_SECONDS = 10.0
LOOK_EVERY_SECONDS = 0.02

# All that a server gets of our environment: the rest would change its mind (PGPORT, LANG) or is secret (keys, tokens).
ENVIRONMENT = {"LC_ALL": "C"}

# A socket's path may have 103 bytes on macOS and 107 on Linux. It is also part of an address and of a settings file,
# and spaces, commas and quotes would need a different escape in each: where a path has them, /tmp is used instead.
SOCKET_PATH_BYTES = 103
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")

# Our own children, to be buried when they end, whichever of our engines was the last to leave them.
_children: dict[int, subprocess.Popen[bytes]] = {}


class EngineFailed(Exception):
    """An engine did not start or does not stop; the message ends with the last lines it wrote."""


class ServerProcess(ABC):
    """One server, its folder and the socket it answers on."""

    socket_name: ClassVar[str]
    ask_to_stop: ClassVar[signal.Signals]
    make_stop: ClassVar[signal.Signals]

    def __init__(self, folder: Path, program: Path) -> None:
        self.folder = folder
        self.program = program
        self.socket_folder = _socket_folder(folder, self.socket_name)
        self._owner = owner.ourselves()
        self._launched = False
        self._users: int | None = None

    @abstractmethod
    def arguments(self) -> list[str]:
        """What follows the program's name."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes requests now. Never raises, waits a second at most."""

    def before_launch(self) -> None:  # noqa: B027 - not every server needs it
        """Bring the folder into shape. No process of the server lives: what one has left behind may be removed."""

    def after_launch(self) -> None:  # noqa: B027 - likewise
        """Make what must exist inside the server. Runs at every start, so a second run changes nothing."""

    def start(self) -> None:
        """Start the server, or join the one that runs in this folder; it answers on return. Raises EngineFailed."""
        if self._users is not None:
            return
        self._owner = owner.owner_of(self.folder)
        owner.make_folder(self.folder, self._owner)
        owner.let_run(self.program)
        with self._alone():
            try:
                self._run_until_it_answers()
                self.after_launch()
            except BaseException:
                if self._launched:
                    self._end(self.make_stop)
                raise
            self._users = _lock(self.folder / "users", fcntl.LOCK_SH)

    def stop(self) -> None:
        """Leave. The last one to leave asks the server to stop and makes it after 10 s; a second call does nothing."""
        if self._users is None:
            return
        with self._alone():
            if self._leaves_last():
                self._end(self.ask_to_stop)

    def crash(self) -> None:
        """Kill the server without a word, as a power cut would. For tests, which go on with `restart`."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start the server that crashed again, on its old socket, for everybody who uses it."""
        with self._alone():
            self._run_until_it_answers()

    def is_running(self) -> bool:
        """Whether any process of the server lives, answering or not."""
        try:
            _unlock(_lock(self.folder / "running", fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            return True
        return False

    @property
    def pid(self) -> int:
        """The number of the server's first process; means nothing when it is not running."""
        return int((self.folder / "running").read_text())

    def run(self, *command: str, typed: str = "") -> None:
        """Run a helper program as the server's owner, with `typed` as its input. Raises EngineFailed if it fails."""
        outcome = subprocess.run(  # noqa: S603
            command,
            input=typed,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env=ENVIRONMENT,
            user=self._owner.user,
            group=self._owner.group,
            extra_groups=self._owner.extra_groups,
            check=False,
        )
        if outcome.returncode:
            raise EngineFailed(f"{command[0]} failed in {self.folder}:\n{outcome.stdout}")

    def _run_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        self._launched = False
        while not self.answers():
            # Not even loading, nor a last child of a killed server that still writes: then, and only then, start one.
            if not self.is_running():
                if self._launched:
                    raise EngineFailed(self._in_its_words("ended while it started"))
                self.before_launch()
                self._launch()
            if time.monotonic() > deadline:
                raise EngineFailed(self._in_its_words(f"did not answer within {START_SECONDS:.0f} s"))
            time.sleep(LOOK_EVERY_SECONDS)

    def _launch(self) -> None:
        owner.make_folder(self.socket_folder, self._owner)
        running = _lock(self.folder / "running", fcntl.LOCK_EX)
        try:
            os.truncate(running, 0)
            with (self.folder / "log").open("ab") as log:
                child = subprocess.Popen(  # noqa: S603
                    [self.program, *self.arguments()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    env=ENVIRONMENT,
                    user=self._owner.user,
                    group=self._owner.group,
                    extra_groups=self._owner.extra_groups,
                    start_new_session=True,  # the terminal's Ctrl-C is for us, who stop the ledger last
                    pass_fds=[running],
                )
            os.write(running, b"%d" % child.pid)
        finally:
            os.close(running)  # but never unlocked: the lock is the child's now
        _children[child.pid] = child
        self._launched = True
        logger.info("started %s in %s as process %d", self.program.name, self.folder, child.pid)

    def _leaves_last(self) -> bool:
        assert self._users is not None
        users, self._users = self._users, None
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            _unlock(users)
        return True

    def _end(self, first: signal.Signals) -> None:
        for order in (first, self.make_stop):
            if self.is_running():
                with suppress(ProcessLookupError):  # its first process is gone, and its children are about to follow
                    os.kill(self.pid, order)
            if self._ends_in_time():
                break
        else:
            raise EngineFailed(self._in_its_words("does not stop"))
        if child := _children.pop(self.pid, None):
            child.wait()
        if self.socket_folder != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _ends_in_time(self) -> bool:
        deadline = time.monotonic() + STOP_SECONDS
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_EVERY_SECONDS)
        return True

    def _in_its_words(self, complaint: str) -> str:
        log = self.folder / "log"
        last_lines = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
        return "\n".join([f"{self.folder.name} {complaint}; {log} ends with:", *last_lines])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        door = _lock(self.folder / "door", fcntl.LOCK_EX)
        try:
            yield
        finally:
            _unlock(door)


def _lock(path: Path, kind: int) -> int:
    """An open file that holds the lock. Raises BlockingIOError if LOCK_NB is in `kind` and others hold it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, kind)
    except BaseException:
        os.close(file)
        raise
    return file


def _unlock(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)  # closing alone would leave the lock to a worker that was forked meanwhile
    os.close(file)


def _socket_folder(folder: Path, socket_name: str) -> Path:
    path = str(folder / socket_name)
    if len(path) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(path):
        return folder
    # Not tempfile's choice: TMPDIR may differ between two terminals, and is long itself on macOS.
    return Path("/tmp") / f"nightmarket-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"  # noqa: S108
