"""The whole market on one machine: engines, API, workers and a WeChat Pay of its own, started in order and stopped in reverse.

Used by `nightmarket up`, the demo, the benchmarks and the tests that kill processes.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from domain import migrations
from domain.foundation import embedded
from domain.foundation.processes import LEAVE_WITH_PARENT
from domain.foundation.settings import Settings, fresh_secret
from simulators.wechat_pay.keys import Keys

READY_SECONDS = 30.0
STOP_SECONDS = 20.0
SECRETS = ("token_key", "pass_key", "seal_key")
COMPANIES = ("gateway", "platform", "tracking")
"""The simulated ones: WeChat Pay, the WeChat platform, and whoever knows where parcels are."""


class HouseFailed(Exception):
    """Something did not start; the message says what and what to do."""


@dataclass
class Member:
    """One process of the house."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None
    restarts: int = 0
    _started_at: float = field(default=0.0)

    def start(self) -> None:
        """Start it in a process group of its own: Ctrl-C in the terminal is ours to answer, in our order."""
        output = self.log.open("ab") if self.log else None
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        if output:
            output.close()
        self._started_at = time.monotonic()

    def ask_to_stop(self) -> None:
        """SIGTERM: finish what is in hand."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end; kill the whole group when it takes longer."""
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL for it and its children, as a crash would be."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None


class House:
    """A running market. Use as a context manager; `settings` are those its processes run with."""

    def __init__(self, settings: Settings, *, logs: Path | None = None) -> None:
        self._given = settings
        self._logs = logs
        self.engines: embedded.Engines | None = None
        self.settings = settings
        self.members: dict[str, Member] = {}
        self.is_stopping = False

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://{self.settings.host}:{self.settings.port}"

    def __enter__(self) -> "House":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Engines, migrations, gateway, workers, API. Raises HouseFailed."""
        data_dir = self._given.data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self.settings = settings = self._complete(self._given)
        migrations.upgrade(settings.database_url.get_secret_value())
        environment = {**os.environ, **environment_of(settings), LEAVE_WITH_PARENT: "1"}
        python = [sys.executable, "-m", "cli.main"]
        if not self._given.has_gateway:
            self._add("gateway", self._gateway_command(), environment)
            self._add_companies(environment)
        for number in range(1, settings.worker_processes + 1):
            self._add(f"worker-{number}", [*python, "worker"], environment)
        self._add("api", [*python, "api"], environment)
        for member in self.members.values():
            member.start()
        self.wait_until_ready()

    def _complete(self, given: Settings) -> Settings:
        """The settings with everything filled in that one machine can provide: engines, ports, keys, and its own address."""
        changes: dict[str, object] = {"port": free_port(given.host, given.port)}
        if given.is_embedded:
            wanted = {
                "database": not given.database_url.get_secret_value(),
                "redis": not given.redis_url.get_secret_value(),
                "broker": not given.broker_url.get_secret_value(),
            }
            self.engines = engines = embedded.start(given.data_dir, **wanted)
            if wanted["database"]:
                changes["database_url"] = engines.database_url
            if wanted["redis"]:
                changes["redis_url"] = engines.redis_url
            if wanted["broker"]:
                changes["broker_url"] = engines.broker_url
        kept = kept_secrets(given.data_dir)
        if not given.token_keys:
            changes["token_keys"] = {"embedded": kept["token_key"]}
        if not given.pass_key.get_secret_value():
            changes["pass_key"] = kept["pass_key"]
        if not given.seal_key.get_secret_value():
            changes["seal_key"] = kept["seal_key"]
        if not given.has_gateway:
            url = f"http://127.0.0.1:{free_port('127.0.0.1', 0)}"
            knobs = Keys.kept_at(self._gateway_keys).knobs()
            changes |= {**knobs, "wechat_url": url, "wechat_wallet_url": f"{url}/wallet"}
            changes |= _knobs_of_companies(given)
        if not given.public_url:
            changes["public_url"] = f"http://{given.host}:{changes['port']}"
        return Settings.model_validate({**_plain(given), **changes})

    @property
    def _gateway_keys(self) -> Path:
        return self._given.data_dir / "wechat_pay.json"

    def _gateway_command(self) -> list[str]:
        port = self.settings.wechat_url.rpartition(":")[2]
        return [sys.executable, "-m", "simulators.wechat_pay", "--port", port, "--keys", str(self._gateway_keys)]

    def _add_companies(self, environment: dict[str, str]) -> None:
        """Those that parcels have to do with, where no real ones are configured. Only beside play money, so not where any
        gateway is configured: what the simulated tracking company says of a parcel that is really on its way would be wrong.
        """
        settings = self.settings
        if not self._given.wechat_platform_url:
            app_secret = settings.wechat_app_secret.get_secret_value()
            secrets = {"WECHAT_APP_ID": settings.wechat_app_id, "WECHAT_APP_SECRET": app_secret}
            command = _simulator("wechat_platform", settings.wechat_platform_url)
            self._add("platform", command, {**environment, **secrets})
        if not self._given.tracking_url:
            secrets = {"TRACKING_KEY": settings.tracking_key.get_secret_value()}
            self._add("tracking", _simulator("tracking", settings.tracking_url), {**environment, **secrets})

    def _add(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        log = self._logs / f"{name}.log" if self._logs else None
        self.members[name] = Member(name, command, environment, log)

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        """Until the API says it is ready. Raises HouseFailed when it does not, or when a process ends."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (answer := answers(f"{self.url}/readyz")) == 200:
                return
            for member in self.members.values():
                if not member.is_running:
                    raise HouseFailed(f"the {member.name} ended at its start{_tail(member.log)}")
            time.sleep(0.05)
        raise HouseFailed(f"the API was not ready within {seconds:.0f} s (last answer: {answer})")

    def restart_the_fallen(self) -> list[str]:
        """Start again whoever has ended; their names. Call it about once a second."""
        fallen = [member for member in self.members.values() if not member.is_running]
        for member in fallen:
            member.kill()
            member.restarts += 1
            member.start()
        return [member.name for member in fallen]

    def stop(self) -> None:
        """API first, so that nobody comes in; then workers, which finish their batch; engines last."""
        self.is_stopping = True
        order = ["api", *[name for name in self.members if name.startswith("worker")], *COMPANIES]
        for name in order:
            if member := self.members.get(name):
                member.ask_to_stop()
                member.wait(STOP_SECONDS)
        if self.engines:
            self.engines.stop()
            self.engines = None


def _knobs_of_companies(given: Settings) -> dict[str, object]:
    """Addresses and keys of the simulated companies; both sides forget them at the end."""
    knobs: dict[str, object] = {}
    if not given.wechat_platform_url:
        url = f"http://127.0.0.1:{free_port('127.0.0.1', 0)}"
        knobs |= {"wechat_platform_url": url, "wechat_app_secret": fresh_secret()}
    if not given.tracking_url:
        url = f"http://127.0.0.1:{free_port('127.0.0.1', 0)}"
        knobs |= {"tracking_url": url, "tracking_customer": "nightmarket", "tracking_key": fresh_secret()}
    return knobs


def _simulator(name: str, url: str) -> list[str]:
    return [sys.executable, "-m", f"simulators.{name}", "--port", url.rpartition(":")[2]]


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment variables that give another process these settings."""
    pairs = (f"{key_id}:{secret.get_secret_value()}" for key_id, secret in settings.token_keys.items())
    values = {**_plain(settings), "token_keys": ",".join(pairs)}
    named = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL", "broker_url": "BROKER_URL"}
    return {named.get(name, f"NIGHTMARKET_{name.upper()}"): str(value) for name, value in values.items()}


def _plain(settings: Settings) -> dict[str, object]:
    def reveal(value: object) -> object:
        if hasattr(value, "get_secret_value"):
            return value.get_secret_value()
        if isinstance(value, dict):
            return {key: reveal(each) for key, each in value.items()}
        if isinstance(value, frozenset):
            return ",".join(sorted(value))
        return "" if value is None else value

    return {name: reveal(getattr(settings, name)) for name in type(settings).model_fields}


def kept_secrets(data_dir: Path) -> dict[str, str]:
    """The keys of an embedded market: made at its first start, kept readable by their owner only."""
    kept: dict[str, str] = {}
    for name in SECRETS:  # a file each: one that a later version asks for comes beside those that are there
        path = data_dir / f"{name}.secret"
        with (
            suppress(FileExistsError),
            os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file,
        ):
            file.write(fresh_secret())
        kept[name] = path.read_text()
    return kept


def answers(url: str, seconds: float = 1.0) -> int | None:
    """The HTTP status of a GET; None when nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as response:  # noqa: S310 - our own address
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def free_port(host: str, wanted: int) -> int:
    """The wanted port, or any free one for 0. Raises HouseFailed when the wanted one is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, wanted))
        except OSError as error:
            raise HouseFailed(
                f"port {wanted} of {host} cannot be used ({error.strerror}); choose another with --port"
            ) from None
        return int(probe.getsockname()[1])


def _tail(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    return ":\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM instead of dying of them; the list is empty until one comes."""
    received: list[int] = []
    before = {
        name: signal.signal(name, lambda number, _: received.append(number)) for name in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield received
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
