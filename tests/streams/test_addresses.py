"""Addresses that are signed, and end."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.foundation.settings import Settings
from domain.streams.rules import RtmpServer, TencentLive, Use, parameters_of
from domain.streams.servers import video_server_of

NOW = datetime(2026, 11, 11, 12, 0, tzinfo=UTC)
OURS = RtmpServer("rtmp://push.example.com/live", "https://play.example.com/live", "push-key", "play-key")
TENCENT = TencentLive("rtmp://push.example.com/live", "https://play.example.com/live", "push-key", "play-key")
STREAM = "room_01h455vb4pex5vsknk084sn02q"


def given_by(address: str) -> dict[str, str]:
    return parameters_of(address.partition("?")[2])


def test_tencents_addresses_carry_what_its_edge_checks() -> None:
    push, play = TENCENT.push(STREAM, now=NOW), TENCENT.play(STREAM, now=NOW)

    def secret(key: str, tx_time: str) -> str:
        return hashlib.md5(f"{key}{STREAM}{tx_time}".encode()).hexdigest()

    tx_time = f"{int((NOW + timedelta(hours=24)).timestamp()):X}"
    assert push.url == f"rtmp://push.example.com/live/{STREAM}?txSecret={secret('push-key', tx_time)}&txTime={tx_time}"
    tx_time = f"{int((NOW + timedelta(hours=12)).timestamp()):X}"
    signed = f"txSecret={secret('play-key', tx_time)}&txTime={tx_time}"
    assert play.hls == f"https://play.example.com/live/{STREAM}.m3u8?{signed}"
    assert play.flv == f"https://play.example.com/live/{STREAM}.flv?{signed}"
    assert play.webrtc == f"webrtc://play.example.com/live/{STREAM}?{signed}"


def test_an_address_of_ones_own_server_works_for_its_stream_and_use_until_it_ends() -> None:
    push, play = OURS.push(STREAM, now=NOW), OURS.play(STREAM, now=NOW)
    pushing, playing = given_by(push.url), given_by(play.hls)

    assert OURS.allows(Use.PUSH, STREAM, pushing, now=push.ends_at - timedelta(seconds=1))
    assert OURS.allows(Use.PLAY, STREAM, playing, now=play.ends_at - timedelta(seconds=1))
    for use, stream, given, now in (
        (Use.PUSH, STREAM, pushing, push.ends_at),
        (Use.PLAY, STREAM, playing, play.ends_at),
        (Use.PUSH, STREAM, playing, NOW),
        (Use.PLAY, STREAM, pushing, NOW),
        (Use.PUSH, STREAM[:-1] + "r", pushing, NOW),
        (Use.PUSH, STREAM, {**pushing, "ends": str(int(pushing["ends"]) + 1)}, NOW),
        (Use.PUSH, STREAM, {**pushing, "ends": "１" * 10}, NOW),
        (Use.PUSH, STREAM, {**pushing, "ends": "9" * 13}, NOW),
        (Use.PUSH, STREAM, {**pushing, "token": "ü"}, NOW),
        (Use.PUSH, STREAM, {}, NOW),
    ):
        assert not OURS.allows(use, stream, given, now=now)


def test_parameters_are_read_with_and_without_their_question_mark() -> None:
    assert parameters_of("?a=1&b=2&a=3") == parameters_of("a=1&b=2&a=3") == {"a": "3", "b": "2"}
    assert parameters_of("") == {}


def test_secrets_are_not_shown() -> None:
    assert "key" not in repr(OURS).replace("push_key", "").replace("play_key", "")
    assert "token=" not in repr(OURS.push(STREAM, now=NOW))


def test_the_settings_name_the_server() -> None:
    video = {
        "video_push_url": "rtmp://push.example.com/live/",
        "video_play_url": "https://play.example.com/live",
        "video_push_key": "push-key",
        "video_play_key": "play-key",
    }

    assert video_server_of(Settings()) is None
    assert video_server_of(Settings(video="rtmp", **video)) == OURS
    assert video_server_of(Settings(video="tencent", **video)) == TENCENT
    with pytest.raises(ValidationError, match="video_play_key"):
        Settings(video="rtmp", **{**video, "video_play_key": ""})
