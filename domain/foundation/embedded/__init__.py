"""The engines beside us: a ledger, a gate and a broker for whoever has configured none.

They are a real PostgreSQL 18 and real Valkeys out of two wheels, the extra `[embedded]`. They listen on unix sockets
only, so they never meet a server that already runs on the machine. What is stored in them is nobody's business here.
"""

from domain.foundation.embedded.cluster import Cluster, start_cluster
from domain.foundation.embedded.engines import Engines, start
from domain.foundation.embedded.server_process import EngineFailed
from domain.foundation.embedded.wheels import EnginesMissing

__all__ = ["Cluster", "EngineFailed", "Engines", "EnginesMissing", "start", "start_cluster"]
