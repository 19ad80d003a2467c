"""The HTTP server. Granian: twice as fast as the pure-Python ones on small answers (docs/decisions/0005)."""

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from domain.foundation.settings import Settings


def serve(settings: Settings) -> None:
    """Serve `api.app` until SIGTERM or SIGINT; requests in flight are answered first."""
    Granian(
        "api.app:create",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.api_processes,
        websockets=False,
        backlog=2048,
        http1_settings=HTTP1Settings(header_read_timeout=15_000, keep_alive=True),
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
    ).serve()
