"""Addresses that only work for a while: to push a room's stream to, and to play it from, signed as each server wants it."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

PUSH_LASTS, PLAY_LASTS = timedelta(hours=24), timedelta(hours=12)
AWAY = timedelta(minutes=5)
"""How long a stream may be away before its room is ended."""


class Use(StrEnum):
    """What an address is good for; one for playing pushes nothing."""

    PUSH = "push"
    PLAY = "play"


@dataclass(frozen=True, slots=True)
class PushAddress:
    """Where to push to, as streaming programs ask for it: the server, and the key, which is a secret."""

    server: str
    key: str = field(repr=False)
    ends_at: datetime

    @property
    def url(self) -> str:
        """Both in one."""
        return f"{self.server}/{self.key}"


@dataclass(frozen=True, slots=True)
class PlayAddresses:
    """Where to play from: `hls` everywhere, `flv` within two seconds (mini-programs' live-player), `webrtc` within half of one;
    None where the server has none.
    """

    hls: str
    flv: str
    webrtc: str | None
    ends_at: datetime


class VideoServer(Protocol):
    """Who carries the streams. A stream is named as its room is in the API, `room_...`."""

    def push(self, stream: str, *, now: datetime) -> PushAddress:
        """Where its host pushes it."""

    def play(self, stream: str, *, now: datetime) -> PlayAddresses:
        """Where viewers play it."""


@dataclass(frozen=True, slots=True)
class TencentLive:
    """Tencent Cloud Live (腾讯云直播). `push_url` is `rtmp://<push domain>/<app>`, `play_url` `https://<play domain>/<app>`.

    Its edge checks `txSecret = md5(key + stream + txTime)`, `txTime` the end in upper-case hexadecimal seconds, as its console
    and documentation (鉴权配置) describe it.
    """

    push_url: str
    play_url: str
    push_key: str = field(repr=False)
    play_key: str = field(repr=False)

    def push(self, stream: str, *, now: datetime) -> PushAddress:
        """Where its host pushes it."""
        ends_at = now + PUSH_LASTS
        return PushAddress(self.push_url, f"{stream}?{self._signed(self.push_key, stream, ends_at)}", ends_at)

    def play(self, stream: str, *, now: datetime) -> PlayAddresses:
        """Where viewers play it."""
        ends_at = now + PLAY_LASTS
        signed = self._signed(self.play_key, stream, ends_at)
        _, _, domain_and_app = self.play_url.partition("//")
        return PlayAddresses(
            hls=f"{self.play_url}/{stream}.m3u8?{signed}",
            flv=f"{self.play_url}/{stream}.flv?{signed}",
            webrtc=f"webrtc://{domain_and_app}/{stream}?{signed}",
            ends_at=ends_at,
        )

    def _signed(self, key: str, stream: str, ends_at: datetime) -> str:
        tx_time = f"{int(ends_at.timestamp()):X}"
        tx_secret = hashlib.md5(f"{key}{stream}{tx_time}".encode(), usedforsecurity=False).hexdigest()
        return urlencode({"txSecret": tx_secret, "txTime": tx_time})


@dataclass(frozen=True, slots=True)
class RtmpServer:
    """A server of one's own, nginx-rtmp or SRS: it asks by a hook whether somebody may push or play, and `allows` answers."""

    push_url: str
    play_url: str
    push_key: str = field(repr=False)
    play_key: str = field(repr=False)

    def push(self, stream: str, *, now: datetime) -> PushAddress:
        """Where its host pushes it."""
        ends_at = now + PUSH_LASTS
        return PushAddress(self.push_url, f"{stream}?{self._signed(Use.PUSH, stream, ends_at)}", ends_at)

    def play(self, stream: str, *, now: datetime) -> PlayAddresses:
        """Where viewers play it."""
        ends_at = now + PLAY_LASTS
        signed = self._signed(Use.PLAY, stream, ends_at)
        return PlayAddresses(
            hls=f"{self.play_url}/{stream}.m3u8?{signed}",
            flv=f"{self.play_url}/{stream}.flv?{signed}",
            webrtc=None,
            ends_at=ends_at,
        )

    def allows(self, use: Use, stream: str, given: Mapping[str, str], *, now: datetime) -> bool:
        """Whether an address with these parameters is one of ours for this use, and has not ended."""
        ends = given.get("ends", "")
        if not (ends.isascii() and ends.isdigit() and len(ends) <= 12 and now.timestamp() < int(ends)):
            return False
        return hmac.compare_digest(self._token(use, stream, ends).encode(), given.get("token", "").encode())

    def _signed(self, use: Use, stream: str, ends_at: datetime) -> str:
        ends = str(int(ends_at.timestamp()))
        return urlencode({"ends": ends, "token": self._token(use, stream, ends)})

    def _token(self, use: Use, stream: str, ends: str) -> str:
        key = self.push_key if use is Use.PUSH else self.play_key
        return hmac.new(key.encode(), f"{use}/{stream}/{ends}".encode(), "sha256").hexdigest()[:40]


def parameters_of(query: str) -> dict[str, str]:
    """What stands after the question mark of an address, with or without that; the last of several of a name."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(f"?{query.lstrip('?')}").query).items()}
