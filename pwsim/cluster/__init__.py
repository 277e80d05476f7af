"""What is simulated: pools of nodes, who may use them, and the choices that a search has."""

from pwsim.cluster.accepts import Accepts, Limits, MemoryLimits, Names
from pwsim.cluster.choices import MOST_NODES
from pwsim.cluster.cluster import Cluster, Multifactor
from pwsim.cluster.hours import Hours, in_common, open_intervals
from pwsim.cluster.limits import AtMost, RunLimit
from pwsim.cluster.outages import Away, Outage, times_away
from pwsim.cluster.partitions import NO_DOOR, Partition, doors, through_doors
from pwsim.cluster.pools import NO_COST, VERBS, CloudPool, Node, OnPremisesPool, Pool
from pwsim.cluster.rejections import REJECTIONS, rejections_text
from pwsim.cluster.site_rules import RULES, Scheduler, clock_fault, refuse_unreplayed, stated
from pwsim.cluster.where import Where

__all__ = [
    "MOST_NODES",
    "NO_COST",
    "NO_DOOR",
    "REJECTIONS",
    "RULES",
    "VERBS",
    "Accepts",
    "AtMost",
    "Away",
    "CloudPool",
    "Cluster",
    "Hours",
    "Limits",
    "MemoryLimits",
    "Multifactor",
    "Names",
    "Node",
    "OnPremisesPool",
    "Outage",
    "Partition",
    "Pool",
    "RunLimit",
    "Scheduler",
    "Where",
    "clock_fault",
    "doors",
    "in_common",
    "open_intervals",
    "refuse_unreplayed",
    "rejections_text",
    "stated",
    "through_doors",
    "times_away",
]
