"""The WeChat platform, asked over HTTP as one mini-program: with its secret, or with the access token that it is given for it.

`/cgi-bin/stable_token`, and the errcodes that every call may answer with, as developers.weixin.qq.com describes them. WeChat
wants secret, token and codes within the address: so no address is ever told, neither by an error nor to the log.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import orjson

from domain.foundation import tracing
from domain.foundation.settings import Settings

PATIENCE_SECONDS = 5.0
"""For one question, the access token that it may need first included."""
RENEWED_BEFORE_END = timedelta(minutes=5)
"""An access token is not used in its last minutes: the request has still to travel."""
BUSY = -1
TOKEN_IS_BAD = frozenset({40001, 40014, 42001})


OUR_MISTAKES = {
    40013: "WeChat does not know wechat_app_id",
    40125: "wechat_app_secret is wrong",
    40164: "WeChat does not let in the address of this machine: it is not on the mini-program's list",
}
"""Instead of an access token: what no waiting mends."""


class PlatformFailed(Exception):
    """WeChat did not answer, or not now: what it has heard is not known."""


class PlatformMisconfigured(PlatformFailed):
    """WeChat gives us no access token, by a mistake of ours. Its message names the mistake and shows no secret."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    ends_at: datetime


class WechatPlatform:
    """One mini-program's access to the platform. Its token is kept and shared by all calls of the process."""

    def __init__(self, url: str, *, app_id: str, app_secret: str) -> None:
        self.app_id = app_id
        self._url = url.rstrip("/")
        self._app_secret = app_secret
        self._token: _Token | None = None
        self._renewing = asyncio.Lock()
        # a worker process may run more than one event loop, and a session belongs to one
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()

    async def ask_with_secret(self, path: str, **query: str) -> dict[str, Any]:
        """GET as the mini-program; the answer, whatever its errcode. Raises PlatformFailed."""
        return await self._ask("GET", path, {"appid": self.app_id, "secret": self._app_secret, **query})

    async def ask_with_token(self, path: str, content: dict[str, Any], *, now: datetime) -> dict[str, Any]:
        """POST with the access token; the answer, whatever its errcode but a bad token's. Raises PlatformFailed."""
        answer = await self.fetch_with_token(path, content, now=now)
        if isinstance(answer, bytes):
            raise PlatformFailed(f"{path}: a picture")
        return answer

    async def fetch_with_token(self, path: str, content: dict[str, Any], *, now: datetime) -> dict[str, Any] | bytes:
        """The same of a door that answers with a picture: its bytes, or what is said instead. Raises PlatformFailed."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                token = await self._access_token(now)
                answer = await self._fetch("POST", path, {"access_token": token}, content)
                # ended before its time: another renewed it by force, or the secret did
                if _is_of_bad_token(answer):
                    token = await self._access_token(now, instead_of=token)
                    answer = await self._fetch("POST", path, {"access_token": token}, content)
        except TimeoutError:
            raise PlatformFailed(f"{path}: TimeoutError") from None
        if isinstance(answer, dict) and _is_of_bad_token(answer):
            raise PlatformFailed(f"{path}: {complaint(answer)}")
        return answer

    async def hang_up(self) -> None:
        """Close this event loop's connections."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    async def _access_token(self, now: datetime, *, instead_of: str = "") -> str:
        """The access token, asked for when there is none, it ends soon, or it is `instead_of` one that is refused."""
        async with self._renewing:  # many calls at once renew it once
            kept = self._token
            if kept is None or kept.text == instead_of or now >= kept.ends_at - RENEWED_BEFORE_END:
                kept = await self._new_token(now, is_forced=False)
                if kept.text == instead_of:  # the platform still believes in it: only force makes another
                    kept = await self._new_token(now, is_forced=True)
                self._token = kept
            return kept.text

    async def _new_token(self, now: datetime, *, is_forced: bool) -> _Token:
        wanted = {
            "grant_type": "client_credential",
            "appid": self.app_id,
            "secret": self._app_secret,
            "force_refresh": is_forced,
        }
        answer = await self._ask("POST", "/cgi-bin/stable_token", {}, wanted)
        text, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(text, str) or not text or type(seconds) is not int:
            if mistake := OUR_MISTAKES.get(answer.get("errcode", 0)):
                raise PlatformMisconfigured(f"errcode {answer['errcode']}: {mistake}")
            raise PlatformFailed(f"no access token: {complaint(answer)}")
        return _Token(text, now + timedelta(seconds=seconds))

    async def _ask(
        self, method: str, path: str, query: dict[str, str], content: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        answer = await self._fetch(method, path, query, content)
        if isinstance(answer, bytes):
            raise PlatformFailed(f"{path}: a picture")
        return answer

    async def _fetch(
        self, method: str, path: str, query: dict[str, str], content: dict[str, Any] | None = None
    ) -> dict[str, Any] | bytes:
        sent: dict[str, Any] = {
            "params": query,
            "data": None if content is None else orjson.dumps(content),
            "headers": {"content-type": "application/json"},
            "allow_redirects": False,
        }
        try:
            with tracing.within(f"wechat {path}", kind="client"):
                async with self._session().request(method, self._url + path, **sent) as response:
                    body = await response.read()
                    # anything else is JSON, whatever it is called: logins come as plain text
                    is_picture = response.content_type.startswith("image/")
                    answer = body if is_picture and response.status == 200 else orjson.loads(body)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # from None: what the library says of its error may quote the address
            raise PlatformFailed(f"{path}: {type(error).__name__}") from None
        if response.status != 200 or not isinstance(answer, dict | bytes):
            raise PlatformFailed(f"{path}: HTTP {response.status}")
        return answer

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
            session = self._sessions[loop] = aiohttp.ClientSession(
                timeout=patience, cookie_jar=aiohttp.DummyCookieJar()
            )
        return session


def _is_of_bad_token(answer: dict[str, Any] | bytes) -> bool:
    return isinstance(answer, dict) and answer.get("errcode") in TOKEN_IS_BAD


def complaint(answer: dict[str, Any]) -> str:
    """The errcode and WeChat's words for it."""
    return f"errcode {answer.get('errcode')}: {str(answer.get('errmsg'))[:300]}"


_platforms: dict[tuple[str, str, str], WechatPlatform] = {}


def platform_of(settings: Settings) -> WechatPlatform | None:
    """The configured platform: one per process. None where there is none."""
    if not settings.wechat_platform_url:
        return None
    key = (settings.wechat_platform_url, settings.wechat_app_id, settings.wechat_app_secret.get_secret_value())
    if key not in _platforms:
        url, app_id, app_secret = key
        _platforms[key] = WechatPlatform(url, app_id=app_id, app_secret=app_secret)
    return _platforms[key]


async def hang_up() -> None:
    """Close what is open to the platform on this event loop; for the end of a process."""
    for platform in _platforms.values():
        await platform.hang_up()
