"""A worker process to be killed: it takes a message, says so on standard output, and never finishes."""

import asyncio
import os

from dramatiq import Worker

from workers.broker import actor, declare_actors, open_broker


@actor(queue="bells")
async def toll(context: object, number: int) -> None:
    """Begin, and never end."""
    os.write(1, b"took %d\n" % number)
    await asyncio.sleep(3600)


async def main() -> None:
    """Work until killed."""
    broker = open_broker(os.environ["BROKER_URL"])
    declare_actors(broker, None, asyncio.get_running_loop())  # type: ignore[arg-type]
    Worker(broker, worker_threads=1, worker_timeout=100).start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main())
