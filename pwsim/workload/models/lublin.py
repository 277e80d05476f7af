"""Lublin and Feitelson's model of the rigid jobs of parallel supercomputers.

The parameters are those published for all jobs together (batch and interactive not told apart); the paper's authors'
program, ``m_lublin99.c`` of the Parallel Workloads Archive, and GridSim's ``WorkloadLublin99`` have the same values.
They describe machines of 1993 to 1999 with up to some hundred processors.

References
----------
U. Lublin, D. G. Feitelson: The workload on parallel supercomputers: modeling the characteristics of rigid jobs.
J. Parallel Distrib. Comput. 63(11), 2003, doi:10.1016/S0743-7315(03)00108-4.
"""

from __future__ import annotations

import numpy as np
import scipy

from pwsim.common import DAY_S, HOUR_S
from pwsim.trace import Floats, Integers, Trace
from pwsim.workload.models import estimates

SERIAL_SHARE, POWER_OF_TWO_SHARE = 0.244, 0.576
"""Shares of jobs of one processor, and of parallel jobs rounded to a power of two."""
LOW, BELOW_HIGH, LOW_SHARE = 0.8, 2.5, 0.86
"""log2 of the size is uniform from ``LOW`` to log2(processors) - ``BELOW_HIGH`` with this probability, else uniform
from there to log2(processors)."""
SHORT, LONG = (4.2, 0.94), (312.0, 0.03)
"""Shape and scale of the two gammas of ln(run time / s)."""
SHORT_SLOPE, SHORT_AT_ZERO = -0.0054, 0.78
"""The first gamma has the weight ``slope × processors + at_zero``, within 0 and 1."""
LONGEST_LN_S = 12.0
"""Larger values of ln(run time / s) are drawn again: about two days."""
GAP, GAP_FACTOR, LONGEST_GAP_LN_S = (10.2303, 0.4871), 1.0225, 13.0
"""Shape and scale of the gamma of ln(time between arrivals / s) in the rush hours; the shape times the factor is that
of the whole day; larger values than the last are drawn again."""
DAY, DAY_START, DAY_BUCKETS = (8.1737, 3.9631), 11, 48
"""Shape and scale of the gamma of arrivals over the half hours of a day that begins with the 11th of them."""
LONGEST_ESTIMATE_S = 48 * HOUR_S
"""The longest estimate [s]; no job of the model runs longer.  The model itself has no estimates."""


def generate(*, jobs: int, cores: int, load: float | None = None, seed: int = 1) -> Trace:
    """Return a log of the model, with estimates of :mod:`pwsim.workload.models.estimates`.

    Parameters
    ----------
    jobs
        Number of jobs.
    cores
        Processors of the machine; no job is wider.
    load
        Offered load; the times between arrivals are scaled for it before the cycle of the day is laid on, so that the
        cycle stays one of 24 h.  The model's own rate of arrivals if left out.
    seed
        Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    procs = sizes(random, jobs, cores)
    run_s = run_times(random, procs)
    points = np.cumsum(np.exp(_truncated_gamma(random, jobs, GAP[0] * GAP_FACTOR, GAP[1], LONGEST_GAP_LN_S)))
    scale = 1.0
    if load is not None and jobs > 1:
        span_s = float((procs * run_s).sum()) / (cores * load)
        # A day of the cycle is a day of points, so that the scale is known to within two days.
        low, high = max(span_s - 2 * DAY_S, 0.0) / np.ptp(points), (span_s + 2 * DAY_S) / np.ptp(points)
        scale = scipy.optimize.brentq(lambda one: np.ptp(_times(points[[0, -1]] * one)) - span_s, low, high)
    return Trace.from_columns(
        {
            "submit_s": np.floor(_times(points * scale)),
            "run_s": run_s,
            "procs": procs,
            "estimate_s": estimates.draw(run_s, LONGEST_ESTIMATE_S, random),
        },
        name=f"lublin-{seed}",
    )


def sizes(random: np.random.Generator, jobs: int, cores: int) -> Integers:
    """Return processors, shape (jobs,)."""
    high = np.log2(cores)
    low = min(LOW, high)
    middle = max(low, high - BELOW_HIGH)
    first = random.random(jobs) < LOW_SHARE
    exponent = np.where(first, random.uniform(low, middle, jobs), random.uniform(middle, high, jobs))
    kind = random.random(jobs)
    exponent = np.where(kind < SERIAL_SHARE + POWER_OF_TWO_SHARE, np.floor(exponent + 0.5), exponent)
    procs = np.where(kind < SERIAL_SHARE, 1, np.floor(2**exponent + 0.5))
    return np.clip(procs, 1, cores).astype(np.int64)


def short_share(procs: Integers) -> Floats:
    """Return the weight of the first gamma of jobs of some sizes, shape (jobs,)."""
    return np.clip(SHORT_SLOPE * procs + SHORT_AT_ZERO, 0.0, 1.0)


def run_times(random: np.random.Generator, procs: Integers) -> Floats:
    """Return run times of jobs of some sizes, whole seconds, shape (jobs,) [s]."""
    share = short_share(procs)
    # Values beyond the limit are drawn again, gamma and all, so the gamma with more of them gets fewer jobs.
    short, long = share * _cdf(SHORT), (1 - share) * _cdf(LONG)
    first = random.random(len(procs)) < short / (short + long)
    ln_s = np.where(
        first,
        _truncated_gamma(random, len(procs), *SHORT, LONGEST_LN_S),
        _truncated_gamma(random, len(procs), *LONG, LONGEST_LN_S),
    )
    run_s: Floats = np.floor(np.exp(ln_s))
    return run_s


def day_weights() -> Floats:
    """Return the relative rate of arrivals of each half hour of the day, mean 1, shape (48,)."""
    buckets = np.arange(DAY_START, DAY_START + DAY_BUCKETS)
    shape, scale = DAY
    weight = np.diff(scipy.stats.gamma.cdf(np.append(buckets - 0.5, buckets[-1] + 0.5), shape, scale=scale))
    weights = np.empty(DAY_BUCKETS)
    weights[(buckets - 1) % DAY_BUCKETS] = weight / weight.mean()
    return weights


def _times(points: Floats) -> Floats:
    """Return when arrivals happen [s] that would be at ``points`` [s] if the rate were the same all day."""
    edges_s = np.arange(DAY_BUCKETS + 1) * DAY_S / DAY_BUCKETS
    paid = np.concatenate(([0.0], np.cumsum(day_weights()))) * DAY_S / DAY_BUCKETS
    days = np.floor(points / DAY_S)
    times_s: Floats = days * DAY_S + np.interp(points - days * DAY_S, paid, edges_s)
    return times_s


def _cdf(gamma: tuple[float, float]) -> float:
    return float(scipy.stats.gamma.cdf(LONGEST_LN_S, gamma[0], scale=gamma[1]))


def _truncated_gamma(random: np.random.Generator, count: int, shape: float, scale: float, limit: float) -> Floats:
    below = scipy.stats.gamma.cdf(limit, shape, scale=scale)
    values: Floats = scipy.stats.gamma.ppf(random.random(count) * below, shape, scale=scale)
    return values
