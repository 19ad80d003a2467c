"""The tracking company: it is told which parcels to follow, knows where they are, and says so by signed pushes over HTTP.

It runs as a process of its own, `python -m simulators.tracking --port 8101 --pace 5`, with the key it shares with its customer
in TRACKING_KEY, and forgets everything when it ends. Parcels that are followed move along by themselves, a step every `pace`
seconds (0: only when they are told to, by POST `/parcels/{number}/move`). How pushes travel (see `simulators.couriers`) is POST
`/behaviour`; POST `/parcels/{number}/forge` sends one that is signed with a wrong salt.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

import orjson
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from domain.foundation.processes import leave_with_parent
from simulators.couriers import Behaviour, Couriers

ZONE = ZoneInfo("Asia/Shanghai")
# The way of a parcel: its state's code, the words, the place.
STEPS = (
    ("1", "快递员已揽收", "杭州市"),
    ("0", "快件已到达 杭州转运中心", "杭州市"),
    ("0", "快件已到达 上海转运中心", "上海市"),
    ("5", "快递员正在派件", "上海市"),
    ("3", "快件已签收，签收人：本人", "上海市"),
)


@dataclass
class Parcel:
    """A parcel somebody wants to be told of, and what is known of it."""

    company: str
    number: str
    callback_url: str = ""
    salt: str = ""
    known: list[dict[str, str]] = field(default_factory=list)


class TrackingCompany:
    """The company: its doors, its parcels, and the couriers that carry its pushes."""

    def __init__(self, key: str, *, pace: float) -> None:
        self._key = key
        self._pace = pace
        self._parcels: dict[str, Parcel] = {}
        self._behaviour = Behaviour()
        self.app = Starlette(
            routes=[
                Route("/poll", self.follow, methods=["POST"]),
                Route("/poll/query.do", self.query, methods=["POST"]),
                Route("/parcels/{number}", self.parcel, methods=["GET"]),
                Route("/parcels/{number}/move", self.move, methods=["POST"]),
                Route("/parcels/{number}/forge", self.forge, methods=["POST"]),
                Route("/behaviour", self.set_behaviour, methods=["POST"]),
                Route("/livez", self.live, methods=["GET"]),
            ],
            exception_handlers=dict.fromkeys((KeyError, TypeError, ValueError), _malformed),
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        # a push is signed in its body, once and for all
        self._couriers = Couriers(lambda _id, _body: {"content-type": "application/x-www-form-urlencoded"})
        yield
        await self._couriers.stop()

    async def follow(self, request: Request) -> Response:
        """Tell a customer of a parcel from now on; once for each parcel."""
        wish = await self._wish(request)
        if wish is None:
            return _json({"result": False, "returnCode": "503", "message": "签名错误"})
        number, more = wish["number"], wish["parameters"]
        parcel = self._parcels.setdefault(number, Parcel(wish["company"], number))
        if parcel.callback_url:
            return _json({"result": False, "returnCode": "501", "message": "重复订阅"})
        parcel.callback_url, parcel.salt = more["callbackurl"], more["salt"]
        if self._pace:
            self._couriers.send(self._move_along(parcel))
        return _json({"result": True, "returnCode": "200", "message": "提交成功"})

    async def query(self, request: Request) -> Response:
        """All that is known of a parcel, newest first."""
        wish = await self._wish(request)
        if wish is None:
            return _json({"result": False, "returnCode": "503", "message": "验证签名失败"})
        parcel = self._parcels.get(wish["num"])
        if parcel is None or not parcel.known:
            return _json({"result": False, "returnCode": "500", "message": "查询无结果，请隔段时间再查"})
        return _json({"message": "ok", "status": "200", **_result(parcel)})

    async def parcel(self, request: Request) -> Response:
        """For tests: whether a parcel is followed, and how much is known of it."""
        parcel = self._parcels.get(request.path_params["number"])
        return _json({"followed": bool(parcel and parcel.callback_url), "known": len(parcel.known) if parcel else 0})

    async def move(self, request: Request) -> Response:
        """Have a parcel seen: `{"code": "3", "words": ..., "place": ..., "minutes_ago": 5, "silent": false}`, all optional."""
        wish = orjson.loads(await request.body() or b"{}")
        number = request.path_params["number"]
        parcel = self._parcels.setdefault(number, Parcel(wish.get("company", "shunfeng"), number))
        code, words, place = STEPS[min(len(parcel.known), len(STEPS) - 1)]
        seen_at = datetime.now(ZONE) - timedelta(minutes=wish.get("minutes_ago", 0))
        self._see(parcel, wish.get("code", code), wish.get("words", words), wish.get("place", place), seen_at)
        if not wish.get("silent"):
            self._push(parcel, salt=parcel.salt)
        return _json(_result(parcel))

    async def forge(self, request: Request) -> Response:
        """Push what the parcel's customer must not believe: that it was delivered, signed by somebody else."""
        parcel = self._parcels[request.path_params["number"]]
        forged = Parcel(parcel.company, parcel.number, parcel.callback_url)
        self._see(forged, *STEPS[-1], datetime.now(ZONE))
        self._push(forged, salt="not the salt")
        return _json({})

    async def set_behaviour(self, request: Request) -> Response:
        """How pushes travel from now on."""
        self._behaviour = Behaviour.of(orjson.loads(await request.body() or b"{}"), Behaviour())
        return _json({"behaviour": self._behaviour.name, "delay_ms": self._behaviour.delay_ms})

    async def live(self, request: Request) -> Response:
        """Whether the company is open."""
        return _json({})

    async def _wish(self, request: Request) -> dict[str, Any] | None:
        """What a customer wants, None when it is not signed."""
        form = parse_qs((await request.body()).decode())
        param, customer, said = form["param"][0], form["customer"][0], form["sign"][0]
        if not hmac.compare_digest(_md5(param + self._key + customer), said):
            return None
        wish: dict[str, Any] = orjson.loads(param)
        return wish

    async def _move_along(self, parcel: Parcel) -> None:
        for code, words, place in STEPS:
            await asyncio.sleep(self._pace)
            self._see(parcel, code, words, place, datetime.now(ZONE))
            self._push(parcel, salt=parcel.salt)

    def _see(self, parcel: Parcel, code: str, words: str, place: str, at: datetime) -> None:
        seen = {"statusCode": code, "context": words, "areaName": place, "time": f"{at:%Y-%m-%d %H:%M:%S}"}
        parcel.known = sorted([seen, *parcel.known], key=lambda event: event["time"], reverse=True)

    def _push(self, parcel: Parcel, *, salt: str) -> None:
        if parcel.callback_url:
            param = orjson.dumps({"status": "polling", "message": "", "lastResult": _result(parcel)}).decode()
            body = urlencode({"param": param, "sign": _md5(param + salt)}).encode()
            self._couriers.notify(parcel.callback_url, uuid4().hex, body, self._behaviour)


def _result(parcel: Parcel) -> dict[str, Any]:
    state = parcel.known[0]["statusCode"] if parcel.known else "0"
    return {
        "state": state,
        "ischeck": str(int(state == "3")),
        "com": parcel.company,
        "nu": parcel.number,
        "data": parcel.known,
    }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()  # noqa: S324 - as these companies sign


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def _malformed(request: Request, error: Exception) -> Response:
    return _json({"result": False, "returnCode": "700", "message": f"malformed: {error!r}"}, 400)


async def serve(host: str, port: int, key: str, pace: float) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = TrackingCompany(key, pace=pace).app
    server = Server(app, host, port, interface=Interfaces.ASGI, log_level=LogLevels.error, backlog=1024)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    await server.serve()


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description="The tracking company.")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8101)
    arguments.add_argument(
        "--pace", type=float, default=5.0, help="seconds between a parcel's steps; 0: on command only"
    )
    given = arguments.parse_args()
    key = os.environ.get("TRACKING_KEY", "")
    if not key:
        arguments.error("TRACKING_KEY must be set")
    leave_with_parent()
    asyncio.run(serve(given.host, given.port, key, given.pace))


if __name__ == "__main__":
    main()
