"""Leaving with one's parent: a process of the house that outlives the one that started it would keep ports and locks."""

import os
import threading
import time

LEAVE_WITH_PARENT = "NIGHTMARKET_LEAVE_WITH_PARENT"


def leave_with_parent() -> None:
    """End this process within a second after its parent has died, if the environment asks for it."""
    if os.environ.get(LEAVE_WITH_PARENT) != "1":
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="leave-with-parent", daemon=True).start()
