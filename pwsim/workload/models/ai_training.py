"""Jobs of clusters that train models: few sizes, run times over six orders of magnitude, many failures.

What is published of a site fixes the model: the share of jobs that complete, fail or are cancelled and their shares
of the GPU time; mean and median run time; mean and largest number of GPUs; and the GPU time of all jobs.

- GPUs are powers of two up to the largest, in proportion to ``gpus ** -decay``; the mean fixes the decay.
- Run times are log-normal, in proportion to ``gpus ** growth``, with a median of its own for each way to end; medians,
  growth and the common spread are solved for so that the published figures hold.

Arrivals follow the hours of the day and the days of the week as in :mod:`.synthetic`; this is ours, as are the
users.  The sites record no estimates, so that estimates are exact unless :mod:`.estimates` adds some.

References
----------
M. Jeon et al.: Analysis of large-scale multi-tenant GPU clusters for DNN training workloads. USENIX ATC 2019 (Philly).
Q. Hu et al.: Characterization of large language model development in the datacenter. NSDI 2024 (Acme: Seren).
The figures are those of ``data/cluster_summary.csv`` in the latter's repository, InternLM/AcmeTrace (commit 6d6ac9c),
which gives those of Philly for comparison.  Acme's other cluster, Kalos, is left out: its median of one GPU and its
mean of 27 do not go with sizes of this shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from pwsim.trace import Floats, Integers

STATUSES = {"completed": "1", "cancelled": "5", "failed": "0"}
"""Ways to end, and their codes in the Standard Workload Format."""


@dataclass(frozen=True)
class Site:
    """What is published of the GPU jobs of a site."""

    mean_run_s: float
    """Mean run time [s]."""
    median_run_s: float
    """Median run time [s]."""
    longest_run_s: float
    """Longest run time [s]."""
    mean_gpus: float
    """Mean number of GPUs."""
    most_gpus: int
    """Largest number of GPUs."""
    shares: tuple[float, float, float]
    """Shares of jobs that complete, are cancelled and fail."""
    gpu_s: tuple[float, float, float]
    """GPU time of the jobs that complete, are cancelled and fail [GPU s]."""
    jobs: int
    """Number of jobs."""

    @cached_property
    def gpus(self) -> Integers:
        """The numbers of GPUs that jobs ask for."""
        return 2 ** np.arange(int(np.log2(self.most_gpus)) + 1)

    @cached_property
    def size_shares(self) -> Floats:
        """Share of jobs of each number of GPUs."""

        def shares(decay: float) -> Floats:
            weights: Floats = self.gpus.astype(np.float64) ** -decay
            normed: Floats = weights / weights.sum()
            return normed

        decay = scipy.optimize.brentq(lambda one: float(shares(one) @ self.gpus) - self.mean_gpus, 0.0, 8.0)
        return shares(decay)


SITES = {
    "philly": Site(
        mean_run_s=18006.055,
        median_run_s=874.0,
        longest_run_s=4240676.0,
        mean_gpus=1.928,
        most_gpus=128,
        shares=(0.604, 0.09, 0.305),
        gpu_s=(2210176414.0, 2025326056.0, 2659215061.0),
        jobs=112956,
    ),
    "seren": Site(
        mean_run_s=1414.335,
        median_run_s=122.0,
        longest_run_s=1209604.0,
        mean_gpus=5.68,
        most_gpus=1024,
        shares=(0.497, 0.075, 0.429),
        gpu_s=(4560592618.0, 14274584510.0, 2675447459.0),
        jobs=663813,
    ),
}
"""Sites by name."""


class RunTimes(NamedTuple):
    """Log-normal run times: ``ln r = ln_median + growth × ln(gpus) + spread × z``, cut off at the site's longest."""

    ln_median: Floats
    """Of jobs of one GPU that complete, are cancelled and fail [ln s], shape (3,)."""
    growth: float
    """Growth with the number of GPUs."""
    spread: float
    """Standard deviation of ln(run time)."""


@lru_cache
def run_time_model(site: Site) -> RunTimes:
    """Return the run times with which a site's five published figures hold.

    They are the mean and the median of the run time, and the GPU time of the jobs that end in each of three ways;
    the unknowns are as many.
    """
    shares = np.array(site.shares)[:, None] / sum(site.shares) * site.size_shares
    gpu_s = np.array(site.gpu_s) / site.jobs

    def missed(unknown: Floats) -> Floats:
        times = RunTimes(unknown[:3], unknown[3], np.exp(unknown[4]))
        centre = times.ln_median[:, None] + times.growth * np.log(site.gpus)
        mean_s = _mean(centre, times.spread, site.longest_run_s)
        below = scipy.stats.norm.cdf((np.log(site.median_run_s) - centre) / times.spread)
        return np.concatenate(
            (
                [np.log((shares * mean_s).sum() / site.mean_run_s), (shares * below).sum() - 0.5],
                np.log((shares * site.gpus * mean_s).sum(axis=1) / gpu_s),
            )
        )

    middle = np.log(site.median_run_s)
    found = scipy.optimize.least_squares(missed, [middle, middle + 1, middle, 0.3, 0.7], xtol=1e-12)
    return RunTimes(found.x[:3], float(found.x[3]), float(np.exp(found.x[4])))


def draw(random: np.random.Generator, jobs: int, most_gpus: int, site: Site) -> tuple[Integers, Floats, Integers]:
    """Return GPUs, run times [s] and ways to end (places in :data:`STATUSES`) of some jobs, each of shape (jobs,).

    Parameters
    ----------
    random
        Source of random numbers.
    jobs
        Number of jobs.
    most_gpus
        GPUs of the cluster; the sizes beyond are left out.
    site
        Whose jobs.
    """
    fitting = site.gpus <= most_gpus
    gpus = random.choice(site.gpus[fitting], size=jobs, p=site.size_shares[fitting] / site.size_shares[fitting].sum())
    ends = random.choice(len(STATUSES), size=jobs, p=np.array(site.shares) / sum(site.shares))
    times = run_time_model(site)
    ln_s = times.ln_median[ends] + times.growth * np.log(gpus) + times.spread * random.standard_normal(jobs)
    return gpus, np.ceil(np.minimum(np.exp(ln_s), site.longest_run_s)), ends


def _mean(centre: Floats, spread: float, limit: float) -> Floats:
    """Return the mean of ``min(exp(N(centre, spread)), limit)``."""
    cut = (np.log(limit) - centre) / spread
    below = np.exp(centre + spread**2 / 2) * scipy.stats.norm.cdf(cut - spread)
    mean: Floats = below + limit * scipy.stats.norm.sf(cut)
    return mean
