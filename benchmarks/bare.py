"""The ceiling of any JSON endpoint here: Starlette reads a body and answers, on the same server with the same settings."""

from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from domain.foundation.processes import leave_with_parent


async def answer(request: Request) -> JSONResponse:
    body = await request.json()
    claim = {"__typename": "FlashSaleTicket", "id": body["variables"]["input"]["idempotencyKey"], "state": "QUEUED"}
    return JSONResponse({"data": {"claimFlashSale": claim}})


def create() -> Any:
    leave_with_parent()
    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])])


def serve(port: int) -> None:
    Granian(
        "benchmarks.bare:create",
        factory=True,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=2048,
        log_level=LogLevels.warning,
        log_access=False,
    ).serve()


if __name__ == "__main__":
    import sys

    serve(int(sys.argv[1]))
