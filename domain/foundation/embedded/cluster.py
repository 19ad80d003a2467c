"""A real Valkey Cluster of three, for tests of what must run on one."""

import random
import socket
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from redis import Redis

from domain.foundation.embedded.server_process import EngineFailed
from domain.foundation.embedded.valkey import Valkey

AGREE_SECONDS = 20.0
HOST = "127.0.0.1"
NODES = 3
SLOTS = 16_384

# Below the ports that the kernel hands out by itself: nobody takes one by chance between our look and its use.
PORTS = range(20_000, 32_000)


class Node(Valkey):
    """One node, without a replica, that keeps nothing on the disk but the map of its cluster."""

    def __init__(self, folder: Path, *, port: int, bus_port: int) -> None:
        super().__init__(
            folder,
            instead_of="REDIS_URL",
            settings={
                "bind": HOST,
                "port": str(port),
                "appendonly": "no",
                "cluster-enabled": "yes",
                "cluster-port": str(bus_port),
                "cluster-announce-ip": HOST,
                "cluster-node-timeout": "2000",  # milliseconds
            },
        )
        self.port = port
        self.bus_port = bus_port

    @property
    def url(self) -> str:
        """The address by which redis-py's cluster client finds the whole cluster."""
        return f"redis://{HOST}:{self.port}/0"

    def say(self, *command: str | int) -> Any:
        """The node's own answer to a command, whoever holds the slot."""
        with Redis(unix_socket_path=str(self.socket), decode_responses=True) as client:
            return client.execute_command(*command)


@dataclass(frozen=True)
class Cluster:
    """A running cluster; `url` is one of its nodes'."""

    url: str
    nodes: tuple[Node, ...]

    def stop(self) -> None:
        """Stop all nodes. A second call does nothing."""
        with ExitStack() as leaving:
            for node in self.nodes:
                leaving.callback(node.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_cluster(data_dir: Path) -> Cluster:
    """Start three nodes on free ports of the loopback that share all slots; on return all agree. Takes some 3 s.

    Always a new cluster, whatever an earlier one has left in `data_dir`. Raises EnginesMissing, or EngineFailed after
    all nodes are stopped.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=data_dir.resolve()))
    ports = _free_ports(2 * NODES)
    nodes = tuple(
        Node(folder / f"node-{port}", port=port, bus_port=bus_port)
        for port, bus_port in zip(ports[:NODES], ports[NODES:], strict=True)
    )
    cluster = Cluster(nodes[0].url, nodes)
    try:
        for node in nodes:
            node.start()
        _form(nodes)
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _form(nodes: tuple[Node, ...]) -> None:
    for number, node in enumerate(nodes):
        first, after = SLOTS * number // NODES, SLOTS * (number + 1) // NODES
        node.say("CLUSTER ADDSLOTSRANGE", first, after - 1)
        node.say("CLUSTER SET-CONFIG-EPOCH", number + 1)  # three equal epochs would first have to be argued out
    for node in nodes[1:]:
        nodes[0].say("CLUSTER MEET", HOST, node.port, node.bus_port)
    deadline = time.monotonic() + AGREE_SECONDS
    while not all(_knows_all(node) for node in nodes):
        if time.monotonic() > deadline:
            raise EngineFailed(f"the nodes did not agree within {AGREE_SECONDS:.0f} s: {nodes[0].say('CLUSTER NODES')}")
        time.sleep(0.05)


def _knows_all(node: Node) -> bool:
    info: dict[str, str] = node.say("CLUSTER INFO")
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(NODES)


def _free_ports(count: int) -> list[int]:
    free: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            free.append(port)
        if len(free) == count:
            return free
    raise EngineFailed(f"no {count} free ports in {PORTS}")
