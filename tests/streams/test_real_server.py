"""A real RTMP server, nginx with its module, and a real stream: they make a room go live, pause and end."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from cli.house import free_port
from domain.foundation import clock
from domain.foundation.ids import encode
from domain.live_rooms import queries
from domain.live_rooms.rules import RoomState
from domain.streams import actions
from domain.streams.servers import video_server_of
from tests.sockets.conftest import Server

MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
SECRET = "s" * 32
CONFIGURATION = """
load_module {module};
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        application live {{
            live on;
            on_publish {hook};
            on_publish_done {hook};
            on_play {hook};
            hls on;
            hls_path {folder}/hls;
            hls_fragment 1s;
        }}
    }}
}}
"""
pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(
        not (MODULE.exists() and shutil.which("nginx") and shutil.which("ffmpeg")),
        reason="no nginx with RTMP or no ffmpeg on this machine: tests/streams/setup.sh installs them on Debian",
    ),
]


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def pushed_to(url: str) -> tuple[str, ...]:
    """A command that pushes a test picture, as fast as it is to be seen."""
    picture = ("-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=10")
    encoded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p")
    return ("ffmpeg", "-v", "error", *picture, *encoded, "-f", "flv", url)


async def becomes(given, one, wanted: RoomState) -> None:
    for _ in range(200):
        if (await queries.by_ids(given.db, [one.id]))[one.id].state is wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the room has not become {wanted} within 20 s")


async def test_a_real_stream_makes_a_room_go_live_pause_and_end(given, settings, tmp_path):
    given.now = clock.now()
    port = free_port("127.0.0.1", 0)
    checked = settings.model_copy(
        update={
            "video": "rtmp",
            "video_push_url": f"rtmp://127.0.0.1:{port}/live",
            "video_play_url": "http://127.0.0.1/live",
            "video_push_key": "push-key",
            "video_play_key": "play-key",
            "video_hook_secret": SECRET,
        }
    )
    checked = type(settings)(**checked.model_dump())
    one = await given.live_room(is_live=False)
    video = video_server_of(checked)
    address = video.push(encode("room", one.id), now=given.now).url
    api = Server("api", checked, tmp_path)
    hook = f"{api.home}/streams/hooks/nginx-rtmp?secret={SECRET}"
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(module=MODULE, folder=tmp_path, port=port, hook=hook))
    api.member.start()
    try:
        api.wait()
        with running("nginx", "-c", str(configuration), "-p", str(tmp_path)):
            await asyncio.sleep(0.5)
            with running(*pushed_to(address.replace("token=", "token=0"))) as refused:
                assert await asyncio.to_thread(refused.wait, 20) != 0
            assert (await queries.by_ids(given.db, [one.id]))[one.id].state is RoomState.SCHEDULED

            with running(*pushed_to(address)):
                await becomes(given, one, RoomState.LIVE)
                assert await actions.is_pushed(given.db, one.id)
                playlist = tmp_path / "hls" / f"{encode('room', one.id)}.m3u8"
                for _ in range(200):
                    if playlist.exists():
                        break
                    await asyncio.sleep(0.1)
                assert "#EXTINF" in playlist.read_text()
            await becomes(given, one, RoomState.PAUSED)

            with running(*pushed_to(address)):
                await becomes(given, one, RoomState.LIVE)
            await becomes(given, one, RoomState.PAUSED)
            late = clock.now() + timedelta(minutes=5)
            assert await actions.end_abandoned(given.db, given.bus, now=late, limit=9) == 1
            await becomes(given, one, RoomState.ENDED)

            with running(*pushed_to(address)) as refused:
                assert await asyncio.to_thread(refused.wait, 20) != 0
    finally:
        api.member.ask_to_stop()
        api.member.wait(10)
