"""What is simulated: pools of nodes, who may use them, and the choices that a search has."""

from pwsim.cluster.accepts import Accepts, Limits, MemoryLimits, Names
from pwsim.cluster.choices import MOST_NODES
from pwsim.cluster.cluster import Cluster, Multifactor
from pwsim.cluster.pools import NO_COST, VERBS, CloudPool, Node, OnPremisesPool, Pool
from pwsim.cluster.rejections import REJECTIONS, rejections_text

__all__ = [
    "MOST_NODES",
    "NO_COST",
    "REJECTIONS",
    "VERBS",
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
