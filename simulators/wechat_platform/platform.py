"""What every door of the platform shares: the mini-program and its token, the clock, and failures on command."""

import asyncio
import hmac
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

TOKEN_SECONDS = 7200
SLOW_SECONDS = 10.0


class Refused(Exception):
    """An errcode and its words."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class OutOfOrder(Exception):
    """An answer that is none: an HTTP status, or something that is not JSON."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Platform:
    """The company."""

    def __init__(self, app_id: str, app_secret: str) -> None:
        self.app_id = app_id
        self.tokens_given = 0
        self._app_secret = app_secret
        self._token = ""
        self._token_ends_at = datetime.min.replace(tzinfo=UTC)
        self._ahead = timedelta()
        self._failures: defaultdict[str, list[int | str]] = defaultdict(list)

    def routes(self) -> list[Route]:
        """The doors."""
        return [
            Route("/cgi-bin/stable_token", self.stable_token, methods=["POST"]),
            Route("/commands/expire", self.expire, methods=["POST"]),
            Route("/commands/fail", self.fail, methods=["POST"]),
            Route("/commands/advance", self.advance, methods=["POST"]),
        ]

    def now(self) -> datetime:
        """This moment by the platform's clock, which commands move."""
        return datetime.now(UTC) + self._ahead

    def check_app(self, named: Mapping[str, Any]) -> None:
        """Raises Refused unless it is the mini-program that asks."""
        if named.get("appid") != self.app_id:
            raise Refused(40013, "invalid appid")
        if not hmac.compare_digest(str(named.get("secret")).encode(), self._app_secret.encode()):
            raise Refused(40125, "invalid appsecret")

    def check_token(self, request: Request) -> None:
        """Raises Refused unless the access token of now is within the address."""
        if not self._token or request.query_params.get("access_token") != self._token:
            raise Refused(40001, "invalid credential, access_token is invalid or not latest")

    async def fail_if_told(self, door: str) -> None:
        """Do what was commanded of this door's next answers. Raises Refused, OutOfOrder."""
        if not self._failures[door]:
            return
        match self._failures[door].pop(0):
            case 500:
                raise OutOfOrder(500, b'{"error": "broken"}')
            case "broken":
                raise OutOfOrder(200, b"<html>busy</html>")
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
            case code:
                raise Refused(int(code), "as commanded")

    async def stable_token(self, request: Request) -> Response:
        """The token that is good now; another one when it has ended or is to be renewed by force."""
        wish = orjson.loads(await request.body())
        self.check_app(wish)
        await self.fail_if_told("token")
        now = datetime.now(UTC)
        if not self._token or now >= self._token_ends_at or wish.get("force_refresh"):
            self._token, self._token_ends_at = uuid4().hex, now + timedelta(seconds=TOKEN_SECONDS)
            self.tokens_given += 1
        return as_json({"access_token": self._token, "expires_in": int((self._token_ends_at - now).total_seconds())})

    async def expire(self, request: Request) -> Response:
        """The token ends before its time."""
        self._token = ""
        return as_json({})

    async def fail(self, request: Request) -> Response:
        """Answer so, so often."""
        wish = orjson.loads(await request.body())
        self._failures[wish.get("door", "upload")] = [wish["errcode"]] * int(wish.get("times", 1))
        return as_json({})

    async def advance(self, request: Request) -> Response:
        """Let time pass."""
        self._ahead += timedelta(seconds=float(orjson.loads(await request.body())["seconds"]))
        return as_json({})


def as_json(content: dict[str, Any], *, media_type: str = "application/json") -> Response:
    """An answer."""
    return Response(orjson.dumps(content), media_type=media_type)


def refused(request: Request, error: Exception) -> Response:
    """How a Refused is told."""
    assert isinstance(error, Refused)
    return as_json({"errcode": error.code, "errmsg": str(error)})


def out_of_order(request: Request, error: Exception) -> Response:
    """How an OutOfOrder looks."""
    assert isinstance(error, OutOfOrder)
    return Response(error.body, error.status)


def malformed(request: Request, error: Exception) -> Response:
    """What is told of a request that cannot be read."""
    return as_json({"errcode": 47001, "errmsg": f"data format error: {error!r}"})
