"""The video server that the settings name."""

from domain.foundation.settings import Settings
from domain.streams.rules import RtmpServer, TencentLive, VideoServer


def video_server_of(settings: Settings) -> VideoServer | None:
    """Who carries the streams; None where nobody does."""
    kinds: dict[str, type[RtmpServer | TencentLive]] = {"tencent": TencentLive, "rtmp": RtmpServer}
    kind = kinds.get(settings.video)
    if kind is None:
        return None
    return kind(
        settings.video_push_url.rstrip("/"),
        settings.video_play_url.rstrip("/"),
        settings.video_push_key.get_secret_value(),
        settings.video_play_key.get_secret_value(),
    )
