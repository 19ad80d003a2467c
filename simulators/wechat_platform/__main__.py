"""The command line: `python -m simulators.wechat_platform --port 8102`."""

import argparse
import asyncio
import os
import signal

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette

from domain.foundation.processes import leave_with_parent
from simulators.wechat_platform.codes import Codes
from simulators.wechat_platform.messages import Messages
from simulators.wechat_platform.people import People
from simulators.wechat_platform.platform import OutOfOrder, Platform, Refused, malformed, out_of_order, refused
from simulators.wechat_platform.shipping import Shipping


def application(app_id: str, app_secret: str) -> Starlette:
    """The company with all its doors."""
    platform = Platform(app_id, app_secret)
    return Starlette(
        routes=[
            *platform.routes(),
            *People(platform).routes(),
            *Shipping(platform).routes(),
            *Codes(platform).routes(),
            *Messages(platform).routes(),
        ],
        exception_handlers={
            Refused: refused,
            OutOfOrder: out_of_order,
            **dict.fromkeys((KeyError, TypeError, ValueError), malformed),
        },
    )


async def serve(host: str, port: int, app_id: str, app_secret: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = application(app_id, app_secret)
    server = Server(app, host, port, interface=Interfaces.ASGI, log_level=LogLevels.error, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    await server.serve()


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="The WeChat platform.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8102)
    given = arguments.parse_args()
    app_id, app_secret = os.environ.get("WECHAT_APP_ID", ""), os.environ.get("WECHAT_APP_SECRET", "")
    if not app_id or not app_secret:
        arguments.error("WECHAT_APP_ID and WECHAT_APP_SECRET must be set")
    leave_with_parent()
    asyncio.run(serve(given.host, given.port, app_id, app_secret))


if __name__ == "__main__":
    main()
