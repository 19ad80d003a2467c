"""Messages that people have subscribed to (订阅消息): one each time they agreed."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.wechat_platform.platform import Platform, Refused, as_json

LONGEST_THING = 20
"""Characters of a `thing`."""


class Messages:
    """The door, and what went through it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._sent: list[dict[str, Any]] = []
        self._refusing: set[str] = set()

    def routes(self) -> list[Route]:
        """The doors."""
        return [
            Route("/cgi-bin/message/subscribe/send", self.send, methods=["POST"]),
            Route("/commands/messages", self.messages, methods=["GET"]),
            Route("/commands/refuse-messages", self.refuse, methods=["POST"]),
        ]

    async def send(self, request: Request) -> Response:
        """Show a message to one person."""
        self._platform.check_token(request)
        await self._platform.fail_if_told("message")
        wish = orjson.loads(await request.body())
        if wish["touser"] in self._refusing:
            raise Refused(43101, "user refuse to accept the msg")
        for name, field in wish["data"].items():
            if name.startswith("thing") and not 1 <= len(field["value"]) <= LONGEST_THING:
                raise Refused(47003, f"argument invalid! data.{name}.value invalid")
        self._sent.append(wish)
        return as_json({"errcode": 0, "errmsg": "ok", "msgid": len(self._sent)})

    async def messages(self, request: Request) -> Response:
        """Everything that was shown."""
        return as_json({"messages": self._sent})

    async def refuse(self, request: Request) -> Response:
        """These people want no messages."""
        self._refusing = set(orjson.loads(await request.body())["people"])
        return as_json({})
