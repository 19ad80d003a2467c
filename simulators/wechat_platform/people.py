"""Who somebody is, and their phone number: codes that phones get, that live five minutes and work once."""

import base64
import secrets
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulators.wechat_platform.platform import Platform, Refused, as_json

CODE_LIFE = timedelta(minutes=5)
LOGINS_PER_MINUTE = 100
"""Of one user."""


@dataclass
class Code:
    """What one code stands for."""

    about: dict[str, Any]
    ends_at: datetime
    is_used: bool = False


class People:
    """The users, and the doors at which a mini-program asks about them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._codes: dict[str, Code] = {}
        self._blocked: set[str] = set()
        self._logins: defaultdict[str, list[datetime]] = defaultdict(list)

    def routes(self) -> list[Route]:
        """The doors."""
        return [
            Route("/sns/jscode2session", self.code_to_session, methods=["GET"]),
            Route("/wxa/business/getuserphonenumber", self.phone_number, methods=["POST"]),
            Route("/commands/login", self.login, methods=["POST"]),
            Route("/commands/phone", self.phone, methods=["POST"]),
            Route("/commands/block", self.block, methods=["POST"]),
        ]

    async def code_to_session(self, request: Request) -> Response:
        """Whose phone got the code. As the real one, it says that its JSON is plain text."""
        query = request.query_params
        self._platform.check_app(query)
        if query.get("grant_type") != "authorization_code":
            raise Refused(40002, "invalid grant_type")
        await self._platform.fail_if_told("login")
        code = self._code(query.get("js_code", ""))
        openid = code.about["openid"]
        self._count_login(openid)
        if code.is_used:
            raise Refused(40163, "code been used")
        if openid in self._blocked:
            raise Refused(40226, "code blocked")
        code.is_used = True
        session = {**code.about, "session_key": base64.b64encode(secrets.token_bytes(16)).decode()}
        return as_json(session, media_type="text/plain")

    async def phone_number(self, request: Request) -> Response:
        """The number that its user has let the mini-program know."""
        self._platform.check_token(request)
        await self._platform.fail_if_told("phone")
        code = self._code(orjson.loads(await request.body())["code"])
        if code.is_used or "number" not in code.about:
            raise Refused(40029, "invalid code")
        code.is_used = True
        number, country, app_id = (code.about[name] for name in ("number", "country", "appid"))
        info = {
            "phoneNumber": number if country == "86" else f"+{country}{number}",
            "purePhoneNumber": number,
            "countryCode": country,
            "watermark": {"timestamp": int(self._platform.now().timestamp()), "appid": app_id},
        }
        return as_json({"errcode": 0, "errmsg": "ok", "phone_info": info})

    async def login(self, request: Request) -> Response:
        """What wx.login gives on this user's phone."""
        wish = orjson.loads(await request.body())
        return self._new_code({name: str(wish[name]) for name in ("openid", "unionid") if wish.get(name)})

    async def phone(self, request: Request) -> Response:
        """What the button getPhoneNumber gives on a phone with this number."""
        wish = orjson.loads(await request.body())
        country, app_id = str(wish.get("country", "86")), wish.get("appid", self._platform.app_id)
        return self._new_code({"number": str(wish["number"]), "country": country, "appid": app_id})

    async def block(self, request: Request) -> Response:
        """Let a user count as a risk, or no more."""
        wish = orjson.loads(await request.body())
        (self._blocked.add if wish.get("is_blocked", True) else self._blocked.discard)(wish["openid"])
        return as_json({})

    def _new_code(self, about: dict[str, Any]) -> Response:
        text = secrets.token_hex(16)
        self._codes[text] = Code(about, self._platform.now() + CODE_LIFE)
        return as_json({"code": text})

    def _code(self, text: str) -> Code:
        code = self._codes.get(text)
        if code is None or self._platform.now() >= code.ends_at:
            raise Refused(40029, "invalid code")
        return code

    def _count_login(self, openid: str) -> None:
        now = self._platform.now()
        lately = [moment for moment in self._logins[openid] if moment > now - timedelta(minutes=1)]
        if len(lately) >= LOGINS_PER_MINUTE:
            raise Refused(45011, "api minute-quota reach limit, must slower, retry next minute")
        self._logins[openid] = [*lately, now]
