"""GraphQL over HTTP, as an app of the market speaks it: one operation a request, repeated when nobody answers."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any
from zlib import crc32

import aiohttp
import orjson

USER_AGENT = f"nightmarket-demo {aiohttp.http.SERVER_SOFTWARE}"
KEEP_ALIVE_SECONDS = 10.0
"""Shorter than the server's patience: a connection that is about to be closed is not asked."""
PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=15)
TRIES = 7
FIRST_PAUSE_SECONDS = 0.1
PASSING = frozenset({"INTERNAL", "TIMEOUT"})

Answer = dict[str, Any]

SIGN_IN = """
mutation SignIn($input: SignInForDevelopmentInput!) {
  signInForDevelopment(input: $input) {
    __typename ... on SignedIn { accessToken expiresAt } ... on UserError { code message }
  }
}"""


class MarketFault(Exception):
    """The market answered what it should not; the message quotes it."""


def connections(most: int) -> aiohttp.ClientSession:
    """Keep-alive connections, at most so many, shared by everybody; no cookies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=most, keepalive_timeout=KEEP_ALIVE_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT, "Accept-Language": "en"},
        timeout=PATIENCE,
    )


class Door:
    """The market's door. What is asked here may be repeated: it only reads, or it carries an idempotency key."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/graphql"
        self.repeats = 0
        """Requests that were sent once more, because nobody answered or the answer was a fault of the market's."""

    async def ask(self, operation: str, token: str = "", **variables: object) -> Answer:
        """The answer of the operation's one root field. Raises MarketFault."""
        return await self._ask(operation, variables, {"Authorization": f"Bearer {token}"} if token else {})

    async def ask_from(self, address: str, operation: str, *, device: str = "", **variables: object) -> Answer:
        """As `ask`, by somebody who is not signed in, at this address and on this device. Raises MarketFault."""
        named = {"X-Device-Id": device} if device else {}
        return await self._ask(operation, variables, {"X-Forwarded-For": address, **named})

    async def _ask(self, operation: str, variables: dict[str, object], more: dict[str, str]) -> Answer:
        body = orjson.dumps({"query": operation, "variables": variables})
        headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json", **more}
        for attempt in range(TRIES):
            try:
                return await self._ask_once(body, headers)
            except (aiohttp.ClientError, TimeoutError, _Passing) as error:
                why = repr(error)
            self.repeats += 1
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
        raise MarketFault(f"no answer, {TRIES} times over: {why}")

    async def _ask_once(self, body: bytes, headers: dict[str, str]) -> Answer:
        async with self._session.post(self._url, data=body, headers=headers) as response:
            text = await response.read()
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Passing(f"HTTP {response.status}: {text[:200]!r}") from None
        if errors := content.get("errors"):
            passes = errors[0].get("extensions", {}).get("code") in PASSING
            raise (_Passing if passes else MarketFault)(str(errors[0])[:500])
        found: Answer = next(iter(content["data"].values()))
        return found


class _Passing(Exception):
    """A fault that may be over the next time."""


def expect(answer: Answer, typename: str) -> Answer:
    """The answer, if it is of this type. Raises MarketFault for a refusal where none is due."""
    if answer["__typename"] != typename:
        raise MarketFault(f"expected {typename}, not {answer}")
    return answer


async def sign_in(door: Door, name: str, roles: Sequence[str] = (), *, device: str = "") -> str:
    """An access token. The same name is the same person, with an address of their own: sign-ins are counted by it."""
    wish = {"name": name, "roles": list(roles)}
    answer = await door.ask_from(address_of(name), SIGN_IN, device=device, input=wish)
    return str(expect(answer, "SignedIn")["accessToken"])


def address_of(name: str) -> str:
    """Where somebody of this name is at home."""
    return str(IPv4Address(10 << 24 | crc32(name.encode()) & 0xFFFFFF))


async def ask_gateway(session: aiohttp.ClientSession, url: str) -> Answer:
    """What the payment gateway tells. Raises MarketFault when it does not."""
    try:
        async with session.get(url) as response:
            found: Answer = orjson.loads(await response.read())
            return found
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
        raise MarketFault(f"the payment gateway does not answer {url}: {error!r}") from error
