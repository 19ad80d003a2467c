"""The command line: `python -m simulators.wechat_pay --port 8100 --keys wechat_pay.json`."""

import argparse
import asyncio
import shlex
import signal
import sys
from pathlib import Path

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette

from domain.foundation.processes import leave_with_parent
from simulators.wechat_pay.company import Company
from simulators.wechat_pay.contracts import Contracts
from simulators.wechat_pay.control import Control
from simulators.wechat_pay.keys import Keys
from simulators.wechat_pay.wallet import Wallet


def application(keys: Keys) -> Starlette:
    """The company with all its doors."""
    company = Company(keys)
    contracts = Contracts(company)
    routes = [*company.routes(), *contracts.routes(), *Wallet(company).routes(), *Control(company).routes()]
    return Starlette(routes=routes, lifespan=company.lifespan)


async def serve(host: str, port: int, keys: Keys) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = Server(application(keys), host, port, interface=Interfaces.ASGI, log_level=LogLevels.error, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    await server.serve()


def environment(keys: Keys, url: str) -> str:
    """The merchant's knobs, as a shell takes them."""
    knobs = keys.knobs() | {"wechat_url": url, "wechat_wallet_url": f"{url}/wallet"}
    return "".join(f"export NIGHTMARKET_{name.upper()}={shlex.quote(value)}\n" for name, value in knobs.items())


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="A WeChat Pay v3 of our own.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8100)
    arguments.add_argument("--keys", type=Path, required=True, help="file of both sides' keys, made when there is none")
    arguments.add_argument("--show", action="store_true", help="print the merchant's knobs and end")
    given = arguments.parse_args()
    keys = Keys.kept_at(given.keys)
    if given.show:
        sys.stdout.write(environment(keys, f"http://{given.host}:{given.port}"))
        return
    leave_with_parent()  # the one thing it shares with the market: it is not to outlive the demo
    asyncio.run(serve(given.host, given.port, keys))


if __name__ == "__main__":
    main()
