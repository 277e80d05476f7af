"""Weights and fair share as settings of Slurm.

References
----------
https://slurm.schedmd.com/priority_multifactor.html, https://slurm.schedmd.com/slurm.conf.html
"""

from __future__ import annotations

from decimal import Decimal

from pwsim.cluster import Cluster, Multifactor, Partition, Resources
from pwsim.site.times import slurm_time


def priorities(factors: Multifactor, missing: list[str]) -> list[str]:
    """Return settings of how jobs are ranked.

    Parameters
    ----------
    factors
        What jobs are ranked by.
    missing
        What Slurm has no word for is added to it.
    """
    conf = ["PriorityType=priority/multifactor"]
    for name, weight in (("Age", factors.age), ("Fairshare", factors.fair_share), ("JobSize", abs(factors.size)),
                         ("Partition", factors.partition), ("QOS", factors.qos)):  # fmt: skip
        conf.append(f"PriorityWeight{name}={round(weight)}")
        if weight != round(weight):
            missing.append(f"multifactor: {weight:g} is no whole number, as PriorityWeight{name} must be")
    if factors.tres != Resources():
        conf.append(f"PriorityWeightTRES={_weighed(factors.tres)}")
    if factors.size < 0:
        conf.append("PriorityFavorSmall=YES")
    conf.append(f"PriorityMaxAge={slurm_time(factors.max_age)}")
    flags = ["SMALL_RELATIVE_TO_TIME"] * factors.size_relative_to_time
    if factors.fair_share:
        flags += _fair_share(factors, conf, missing)
    if flags:
        conf.append(f"PriorityFlags={','.join(flags)}")
    if factors.queue:
        missing.append("multifactor.queue: say PriorityWeightPartition, and PriorityJobFactor of partitions")
    return conf


def _fair_share(factors: Multifactor, conf: list[str], missing: list[str]) -> list[str]:
    """Say how fair share goes; return its flags."""
    conf.append(f"PriorityDecayHalfLife={slurm_time(factors.half_life)}")
    period = max(1, round(factors.calc_period / 60))
    conf.append(f"PriorityCalcPeriod={period}")
    if period * 60 != factors.calc_period:
        missing.append(
            f"multifactor.calc_period: {factors.calc_period:g} s; Slurm works out fair share each {period} min, in "
            "whole minutes"
        )
    flags = ["MAX_TRES"] * (factors.billing_by == "max")
    if factors.algorithm == "classic":
        flags.append("NO_FAIR_TREE")
        if factors.damping != 1:
            conf.append(f"FairShareDampeningFactor={max(1, round(factors.damping))}")
            if factors.damping != max(1, round(factors.damping)):
                missing.append(f"multifactor.damping: {factors.damping:g} is no whole number from 1 on")
    if not factors.accounts:
        missing.append("multifactor.fair_share: is of users alone; Slurm's goes down the tree of accounts")
    if factors.shares:
        missing.append("multifactor.shares: shares are those of users in accounts; tell sacctmgr of them (Fairshare=)")
    return flags


def billing(partition: Partition, cluster: Cluster) -> list[str]:
    """Return the weights of use in a partition, if they are given and fair share looks at them."""
    weights = partition.billing or cluster.multifactor.billing
    counts = cluster.the_policy().order == "multifactor" and cluster.multifactor.fair_share
    return [f"TRESBillingWeights={_weighed(weights, 'G')}"] if counts and weights is not None else []


def _weighed(weights: Resources, unit: str = "") -> str:
    """Return weights of resources as Slurm reads them; those of memory by a unit."""
    named = (("cpu", weights.cpu, ""), ("mem", weights.mem, unit), ("gres/gpu", weights.gpu, ""),
             ("node", weights.node, ""))  # fmt: skip
    return ",".join(f"{name}={Decimal(repr(one)):f}{suffix}" for name, one, suffix in named if one) or "cpu=0"
