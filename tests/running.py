"""A whole market in processes of its own, for tests that need the real thing over HTTP."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.house import House
from domain.foundation.settings import Settings


@contextmanager
def house_of_its_own(**knobs: object) -> Iterator[House]:
    """Engines, API, worker and gateway, whose fallen members are started again as `nightmarket up` does."""
    data_dir = Path(tempfile.mkdtemp(prefix="nm-"))
    data_dir.chmod(0o711)  # as root, the engines run as another user who must pass through
    settings = Settings(**{"data_dir": data_dir, "port": 0, "development_login": True, "log_level": "WARNING"} | knobs)
    try:
        with House(settings, logs=data_dir) as house:
            done = threading.Event()

            def look_after() -> None:
                while not done.wait(0.5):
                    house.restart_the_fallen()

            helper = threading.Thread(target=look_after)
            helper.start()
            try:
                yield house
            finally:
                done.set()
                helper.join()
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)
