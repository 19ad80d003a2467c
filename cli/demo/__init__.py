"""The demo 彩排: a market opened on this machine, a flash sale in it, and two thousand shoppers over real HTTP.

Words: evening (the house from opening to closing), story (one sale in it), plan (who comes, for how much), stall (the
merchandiser's side), crowd (the shoppers), journal (what they saw), counter 柜台, neighbour 邻居 (who buys in groups), till (where
they pay), books (what the ledger says), report 战报.
Whatever the demo tells was measured in the same run.
"""

from cli.demo.evening import SAMPLE_CATALOGUE, Evening
from cli.demo.plan import Plan

__all__ = ["SAMPLE_CATALOGUE", "Evening", "Plan"]
