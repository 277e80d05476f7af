"""The plan that each pass makes anew, empty (semantics §9, "Plans made anew")."""

from __future__ import annotations

import numpy as np

from pwsim.cluster import Cluster, plans_anew
from pwsim.engine.site.capping import keys_of
from pwsim.rules.site import Plan
from pwsim.trace import Trace


def plan_of(trace: Trace, cluster: Cluster) -> Plan:
    """Return the containers of a plan; without entries by job where the policy makes none."""
    scheduler, jobs = cluster.scheduler, len(trace) if plans_anew(cluster) else 0
    user = keys_of(trace, "user")[:jobs]
    per_user = scheduler.backfill_per_user
    return Plan(
        window_s=np.inf if scheduler.backfill_window is None else float(scheduler.backfill_window),
        per_user=max(jobs, 1) if per_user is None else per_user,
        user=user,
        seen=np.zeros(int(user.max(initial=-1)) + 1, dtype=np.int64),
    )
