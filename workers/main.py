"""A worker process: Dramatiq's threads, the relay, and standing for leader of the timetable."""

import asyncio
import importlib
import signal

import structlog
from dramatiq import Worker

from domain.foundation import metrics, tracing, wechat_platform
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
from domain.payments.gateways import hang_up
from domain.shipments import tracking
from workers import timetable
from workers.broker import declare_actors, open_broker, sender
from workers.context import WorkerContext
from workers.relay import Relay

log = structlog.get_logger(__name__)

FEATURES = (
    "flash_sales",
    "audiences",
    "group_buys",
    "live_rooms",
    "viewers",
    "chats",
    "draws",
    "coupons",
    "points",
    "benefits",
    "super_users",
    "orders",
    "payments",
    "memberships",
    "renewals",
    "bills",
    "after_sales",
    "shipments",
    "pricing",
    "posters",
    "carts",
    "sharing",
    "levels",
    "customers",
    "trust",  # after sharing, which says first whose share it was
    "streams",
    "ledger",
    "housekeeping",
)
QUEUES_STOP_MS = 20_000


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand."""
    for feature in FEATURES:
        importlib.import_module(f"workers.{feature}")
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    tracing.configure(url=settings.otlp_url, service="worker", ratio=settings.trace_ratio)
    market = Market.open(settings)
    broker = open_broker(settings.broker_url.get_secret_value())
    context = WorkerContext(market, sender(broker))
    declare_actors(broker, context, loop)
    metrics.serve(settings.host, settings.metrics_port)
    dramatiq_worker = Worker(broker, worker_threads=settings.worker_threads, worker_timeout=100)
    dramatiq_worker.start()
    stopped = asyncio.create_task(stop.wait())
    tasks = [stopped, asyncio.create_task(Relay(context).run()), asyncio.create_task(timetable.run(context))]
    log.info("worker_ready", threads=settings.worker_threads)
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # in a thread: the actors that it waits for need this loop
        await asyncio.to_thread(dramatiq_worker.stop, QUEUES_STOP_MS)
        await asyncio.to_thread(broker.close)
        await hang_up()
        await tracking.hang_up()
        await wechat_platform.hang_up()
        await market.close()
        await asyncio.to_thread(tracing.shut_down)
        log.info("worker_stopped")
    for task in ended - {stopped}:
        task.result()  # neither relay nor timetable ends by itself: the process ends with what ended it
