"""The company's process."""

import argparse
import asyncio
import os
import signal

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette

from domain.foundation.processes import leave_with_parent
from simulators.stripe.books import Refused
from simulators.stripe.company import Company
from simulators.stripe.control import Control
from simulators.stripe.wire import malformed, refused


def application(company: Company) -> Starlette:
    """The company over HTTP."""
    misunderstood = dict.fromkeys((KeyError, TypeError, ValueError), malformed)
    return Starlette(
        routes=[*company.routes, *Control(company).routes],
        exception_handlers={Refused: refused, **misunderstood},
        lifespan=company.lifespan,
    )


async def serve(company: Company, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = application(company)
    server = Server(app, host, port, interface=Interfaces.ASGI, log_level=LogLevels.error, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    await server.serve()


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(prog="simulators.stripe", description="A Stripe of our own.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8200)
    arguments.add_argument("--webhook-url", default="", help="signed with the secret in STRIPE_WEBHOOK_SECRET")
    given = arguments.parse_args()
    api_key, secret = os.environ.get("STRIPE_API_KEY", ""), os.environ.get("STRIPE_WEBHOOK_SECRET", "")
    if not api_key or (given.webhook_url and not secret):
        arguments.error("STRIPE_API_KEY must be set, and STRIPE_WEBHOOK_SECRET where webhooks go anywhere")
    leave_with_parent()  # the one thing it shares with the market: it is not to outlive the demo
    company = Company(api_key, webhook_url=given.webhook_url, webhook_secret=secret)
    asyncio.run(serve(company, given.host, given.port))


if __name__ == "__main__":
    main()
