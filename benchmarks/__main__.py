"""`make bench`: starts a market of its own, measures, prints a table or (`--json`) a JSON object a line."""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import chat, checkout, claims, joins, lists, load, rooms, statements
from benchmarks.figures import Figure, show
from cli.house import House
from domain.foundation import clock, logs
from domain.foundation.runtime import Market
from domain.foundation.settings import Settings
from domain.stock.importing import import_file

SAMPLE = Path(__file__).parent.parent / "cli" / "sample_catalogue.csv"


async def run(house: House, *, seconds: float, tell: Console) -> list[Figure]:
    """Everything, one after the other; nothing else runs meanwhile."""
    market = Market.open(house.settings)
    try:
        await import_file(market.db, SAMPLE, now=clock.now())
        tell.print("claims ...")
        figures = await claims.measure(house, market, seconds=seconds)
        bare_rate = figures[0].value
        tell.print("product lists ...")
        figures += await lists.measure(house, seconds=seconds, bare_rate=bare_rate)
        tell.print("joins of group-buys ...")
        figures += await joins.through_graphql(house, market, seconds=seconds)
        tell.print("viewers of a live room ...")
        figures += await rooms.measure(house, market)
        tell.print("orders out of carts ...")
        load.unpin(os.getpid())  # from here on nobody asks a server: the ledger takes the other core
        figures += await checkout.measure(house.settings.database_url.get_secret_value(), seconds=seconds)
        tell.print("joins without the edge ...")
        figures += await joins.measure(house.settings.database_url.get_secret_value(), seconds=seconds)
        tell.print("comments of a room ...")
        figures += await chat.measure(house.settings.database_url.get_secret_value(), market.gate, seconds=seconds)
        tell.print("statements ...")
        item, people = await claims.sale_of_one_item(market), await claims.shoppers(market)
        return figures + await statements.measure(market, item, people)
    finally:
        await market.close()


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="JSON lines instead of a table")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of each load (1 to 30)")
    given = parser.parse_args(arguments)
    logs.configure(level="WARNING")
    data_dir = Path(tempfile.mkdtemp(prefix="nm-bench-"))
    data_dir.chmod(0o711)  # as root, the engines run as another user who must pass through
    settings = Settings(data_dir=data_dir, port=0, trusted_proxies=frozenset({"127.0.0.1"}), log_level="WARNING")
    tell = Console(stderr=True)
    try:
        with House(settings, logs=data_dir) as house:
            claims.stop_workers(house)
            load.pin(os.getpid(), claims.ASKING_CORE)
            if house.engines and house.engines.gate:
                load.pin(house.engines.gate.pid, claims.ASKING_CORE)
            figures = load.run_alone(run(house, seconds=given.seconds, tell=tell))
        show(figures, as_json=given.json)
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


if __name__ == "__main__":
    main()
