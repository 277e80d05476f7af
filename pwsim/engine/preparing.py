"""From a trace on a cluster to the arrays that a replay starts from."""

from __future__ import annotations

from dataclasses import replace

from pwsim.cluster import Cluster, clock_fault, only_doors
from pwsim.common import InputError
from pwsim.engine.inputs import Inputs, without_rules
from pwsim.prices import Start
from pwsim.trace import Trace


def prepare(trace: Trace, cluster: Cluster, seed: int = 1, start: Start | None = None) -> Inputs:
    """Return the arrays that a replay starts from.

    Parameters
    ----------
    trace, cluster
        The jobs, and the cluster without choices.
    seed
        Seed of everything random.
    start
        When the replay begins on the site's clock, where rules of the site go by it.

    Raises
    ------
    ValueError
        If the cluster still has choices.
    InputError
        If the user's own order cannot be loaded, or rules of the site cannot be replayed with what else there is.
    """
    inputs = without_rules(trace, cluster, seed)
    if only_doors(cluster):
        return inputs
    if trace.compressed or start is None:
        fault = clock_fault(trace, cluster, None)
        if fault is not None:
            raise InputError(fault)
    from pwsim.engine.site.calendar import HORIZON_S, calendar_of
    from pwsim.engine.site.inputs import prepare_site

    calendar = calendar_of(cluster, start, trace.span_s + HORIZON_S)
    return replace(inputs, site=prepare_site(trace, cluster, inputs, calendar))
