"""Telling one's own end from a cancellation that came out of something one waited for."""

import asyncio


def is_cancelled() -> bool:
    """Whether this task is being cancelled. A CancelledError without that is a failure like any other.

    It would end the task without a word: a task group takes it for an ordinary end.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
