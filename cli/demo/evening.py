"""The demo from the opening of the house to its closing; Ctrl-C closes it at any time."""

import asyncio
import logging
import shutil
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import uvloop
from pydantic import SecretStr
from rich.cells import set_cell_size
from rich.console import Console
from rich.text import Text

from cli.demo.door import MarketFault
from cli.demo.plan import Plan
from cli.demo.stall import NothingToSell
from cli.demo.steps import Steps, steps_on
from cli.demo.story import Rehearsal, rehearse
from cli.house import House, HouseFailed, stop_signals
from cli.report import terminal, write_html
from domain.foundation import clock, embedded, logs
from domain.foundation.errors import BadInput
from domain.foundation.settings import Settings

SAMPLE_CATALOGUE = Path(__file__).parents[1] / "sample_catalogue.csv"
LOOK_SECONDS = 0.5
NAME_CELLS = 21
ASK = '{"query":"{ orders(first: 1) { nodes { number state total { amount } lines { title } } } }"}'

T = TypeVar("T")

TROUBLES = (HouseFailed, embedded.EnginesMissing, embedded.EngineFailed, NothingToSell, MarketFault, BadInput)
"""What may be wrong with a machine, a catalogue or the market; each says so in its own words."""


class _Interrupted(Exception):
    """Somebody asks us to stop."""


@dataclass(frozen=True)
class Evening:
    """One run of the demo, as it was asked for."""

    plan: Plan
    settings: Settings
    catalogue: Path
    console: Console = field(default_factory=Console)
    any_port: bool = False
    """Take a free port when the wanted one is not."""
    plain: bool = False
    stays_open: bool = True

    def run(self) -> int:
        """Open a market, rehearse a sale in it, tell what came of it, and stay open until asked to stop.

        Gives back an exit code: 0 when all was as it must be, 1 when something was not or did not start, 128 and the
        number of the signal when one came before the report was told.
        """
        with stop_signals() as received:
            try:
                return self._hold(received)
            except (_Interrupted, *TROUBLES) as trouble:
                if received:  # a start that was cut short fails in many ways, and none of them is news
                    return 128 + received[0]
                self.console.print(Text(str(trouble), "red"))
                return 1

    def _hold(self, received: list[int]) -> int:
        settings = self._adapted()
        log_folder = settings.data_dir / "logs"
        log_folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as closing:
            closing.enter_context(_logged_to(log_folder / "demo.log", settings.log_level))
            with steps_on(self.console, plain=self.plain) as steps:
                with steps.step("开市", "open the market") as step:
                    house = closing.enter_context(House(settings, logs=log_folder))
                    closing.callback(self._say, "closing: requests and batches in hand are finished first")
                    step.show(house.url)
                rehearsal = _attended(lambda: self._rehearse(house, steps), house, steps, received)
            self._tell(rehearsal)
            if self.stays_open:
                self._tell_doors(house, rehearsal)
                self._supervise(house, received)
        return 1 if rehearsal.complaints else 0

    def _adapted(self) -> Settings:
        """The settings on engines of our own: two thousand invented shoppers belong into no books but the demo's.

        And into no merchant's at WeChat Pay, and their parcels to no company: the house opens simulated ones of its own.
        """
        nowhere = {name: SecretStr("") for name in ("database_url", "redis_url", "broker_url", "stripe_secret_key")}
        nobody = {"wechat_mch_id": "", "wechat_platform_url": "", "tracking_url": "", "public_url": ""}
        port = self.settings.port
        if self.any_port and not _is_free(self.settings.host, port):
            self._say(f"port {port} is taken, so the market takes a free one")
            port = 0
        # every shopper comes from an address of their own: we stand before them as a proxy would
        proxies = frozenset({"127.0.0.1"})
        changes = {**nowhere, **nobody, "default_gateway": "wechat", "development_login": True, "port": port}
        return self.settings.model_copy(update={**changes, "trusted_proxies": proxies})

    def _rehearse(self, house: House, steps: Steps) -> Coroutine[None, None, Rehearsal]:
        return rehearse(self.plan, house, self.catalogue, steps)

    def _tell(self, rehearsal: Rehearsal) -> None:
        """The report on the screen, and as a page under the moment's name and under `latest.html`."""
        terminal(rehearsal.report, self.console)
        folder = (self.settings.data_dir / "reports").resolve()
        page = write_html(rehearsal.report, folder / f"{clock.now().astimezone(clock.SHOP_ZONE):%Y%m%d-%H%M%S}.html")
        latest = shutil.copyfile(page, folder / "latest.html")
        for complaint in rehearsal.complaints:
            self.console.print(Text(f"✗ {complaint}", "bold red"))
        if rehearsal.complaints:
            self._line("日志 logs", (self.settings.data_dir / "logs").resolve().as_uri())
        self._line("战报 report", page.as_uri())
        self._line("最新 the same", latest.as_uri())

    def _tell_doors(self, house: House, rehearsal: Rehearsal) -> None:
        """Where to look around in the market, and as whom. Whole lines, however long: they are there to be copied."""
        graphiql = f"{house.url}/graphql"
        self._line("GraphiQL", graphiql)
        self._line("直播后台 live console", f"{house.url}/console")
        self._line("买家 as a shopper", f"{graphiql}#token={rehearsal.shopper_token}")
        self._line("管理员 as an admin", f"{graphiql}#token={rehearsal.admin_token}")
        if together := rehearsal.report.group_buys:
            self._line("海报 a poster", f"{house.url}{together.poster.path}")
        bearer = f"-H 'Authorization: Bearer {rehearsal.shopper_token}'"
        self._line("买家 by curl", f"curl -s {graphiql} -H 'Content-Type: application/json' {bearer} -d '{ASK}'")
        self._say("the market stays open; Ctrl-C closes it")

    def _supervise(self, house: House, received: list[int]) -> None:
        while not received:
            time.sleep(LOOK_SECONDS)
            for name in house.restart_the_fallen():
                self._say(f"the {name} had ended and was started again")

    def _say(self, words: str) -> None:
        self.console.print(Text(words, "dim"))

    def _line(self, name: str, content: str) -> None:
        self.console.print(Text.assemble((set_cell_size(name, NAME_CELLS), "dim"), content), soft_wrap=True)


def _attended(work: Callable[[], Coroutine[None, None, T]], house: House, steps: Steps, received: list[int]) -> T:
    """The outcome of the work, while somebody looks after the house's processes. Raises _Interrupted on a signal."""

    async def attend() -> T:
        task = asyncio.create_task(work())
        while not task.done() and not received:
            await asyncio.wait([task], timeout=LOOK_SECONDS)
            steps.tick()
            for name in house.restart_the_fallen():
                steps.say(f"the {name} had ended and was started again")
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait([task])
        raise _Interrupted

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(attend())


@contextmanager
def _logged_to(path: Path, level: str) -> Iterator[None]:
    """What this process logs goes to a file: the screen is for the steps."""
    logs.configure(level=level, as_json=True)
    with path.open("a", encoding="utf-8") as file:
        handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
        before = [handler.setStream(file) for handler in handlers]
        try:
            yield
        finally:
            for handler, stream in zip(handlers, before, strict=True):
                handler.setStream(stream)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
