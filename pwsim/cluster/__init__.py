"""What is simulated: pools of nodes, who may use them, and the choices that a search has."""

from pwsim.cluster.accepts import Accepts, Limits, MemoryLimits, Names
from pwsim.cluster.choices import MOST_NODES
from pwsim.cluster.cluster import Cluster, Multifactor, rejections_text
from pwsim.cluster.pools import NO_COST, CloudPool, Node, OnPremisesPool, Pool

__all__ = [
    "MOST_NODES",
    "NO_COST",
    "Accepts",
    "CloudPool",
    "Cluster",
    "Limits",
    "MemoryLimits",
    "Multifactor",
    "Names",
    "Node",
    "OnPremisesPool",
    "Pool",
    "rejections_text",
]
