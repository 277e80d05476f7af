"""What is simulated: pools of nodes, who may use them, and the choices that a search has."""

from pwsim.cluster.accepts import Accepts, Limits, MemoryLimits, Names
from pwsim.cluster.admission import Admission, admission, routed
from pwsim.cluster.choices import MOST_NODES
from pwsim.cluster.cluster import Cluster, Procedure
from pwsim.cluster.hours import Hours, open_intervals
from pwsim.cluster.limits import AtMost, RunLimit
from pwsim.cluster.multifactor import Account, Multifactor, Resources
from pwsim.cluster.outages import Away, Outage, elapsed_s, times_away
from pwsim.cluster.partitions import NO_DOOR, Partition, doors, through_doors
from pwsim.cluster.pools import NO_COST, VERBS, CloudPool, Node, OnPremisesPool, Pool
from pwsim.cluster.rejections import REJECTIONS, rejections_text
from pwsim.cluster.site_rules import RULES, Scheduler, clock_fault, only_doors, plans_anew, stated, untold_dependencies
from pwsim.cluster.where import Where

__all__ = [
    "MOST_NODES",
    "NO_COST",
    "NO_DOOR",
    "REJECTIONS",
    "RULES",
    "VERBS",
    "Accepts",
    "Account",
    "Admission",
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
    "Procedure",
    "Resources",
    "RunLimit",
    "Scheduler",
    "Where",
    "admission",
    "clock_fault",
    "doors",
    "elapsed_s",
    "only_doors",
    "open_intervals",
    "plans_anew",
    "rejections_text",
    "routed",
    "stated",
    "through_doors",
    "times_away",
    "untold_dependencies",
]
