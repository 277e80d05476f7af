"""Made workloads: plausible enough for examples and tests, and free of anybody's data."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from pwsim.common import HOUR_S, numeral
from pwsim.trace import Floats, Integers, Trace

Model = Literal["simple", "mmc", "lublin", "ai-training", "ai-training-philly"]
"""Models of workloads, by name."""
MODELS: tuple[str, ...] = get_args(Model)
"""Their names."""
MEAN_RUN_S = HOUR_S
"""Mean run time of the model ``mmc`` [s]."""

# Shares of a day's submissions by hour, and of a week's by weekday: nights and weekends are quiet, as in every log.
_HOURS = np.array([4, 3, 2, 2, 2, 2, 3, 5, 8, 11, 13, 13, 11, 12, 13, 13, 12, 11, 9, 7, 7, 6, 6, 5], dtype=float)
_WEEKDAYS = np.array([10, 11, 11, 11, 9, 5, 5], dtype=float)

# What users ask for: nearly all estimates are one of few round values (Tsafrir, Etsion, Feitelson 2005).
_ROUND_ESTIMATES_S = HOUR_S * np.array([0.25, 0.5, 1, 2, 4, 8, 12, 24, 48])

_QUEUES = ("short", "medium", "long")


def generate(*, jobs: int, cores: int, load: float, seed: int = 1, model: Model = "simple") -> Trace:
    """Return a made log.

    Parameters
    ----------
    jobs
        Number of jobs, at least 1.
    cores
        Processors of the machine that the load is meant for, or GPUs of the cluster for ``ai-training``; no job is
        wider.
    load
        Offered load: processor-seconds of all jobs over ``cores`` × time from the first submission to the last; for
        ``mmc`` that of the rates, which a log of random jobs meets only about.
    seed
        Seed of the random numbers; the same seed gives the same log.
    model
        ``simple``: an HPC cluster (:func:`simple`); ``mmc``: Poisson arrivals of exponential jobs of one processor;
        ``lublin``: parallel supercomputers of the nineties (:mod:`.lublin`); ``ai-training``: a cluster for
        large language models, ``ai-training-philly``: one of 2017 (:mod:`pwsim.workload.models.ai_training`).

    Raises
    ------
    ValueError
        If there is no such model.

    Examples
    --------
    >>> trace = generate(jobs=1000, cores=64, load=0.8, seed=3)
    >>> round(float((trace.procs * trace.run_s).sum() / (64 * trace.span_s)), 2)
    0.8
    """
    if model == "simple":
        trace = simple(jobs=jobs, cores=cores, load=load, seed=seed)
    elif model == "mmc":
        rate = load * cores / MEAN_RUN_S
        trace = queueing(jobs=jobs, arrivals_per_s=rate, services_per_s=1 / MEAN_RUN_S, seed=seed)
    elif model == "lublin":
        from pwsim.workload.models import lublin

        trace = lublin.generate(jobs=jobs, cores=cores, load=load, seed=seed)
    elif model in MODELS:
        site = model.partition("-training-")[2] or "seren"
        trace = ai_training(jobs=jobs, gpus=cores, load=load, seed=seed, site=site)
    else:
        raise ValueError(f"model must be one of {', '.join(MODELS)} (got {model!r})")
    header = {
        "Version": "2.2",
        "Computer": f"made by pwsim, model {model}, seed {seed}",
        "MaxJobs": str(jobs),
        "MaxProcs": str(cores),
        "Note": f"offered load {numeral(load)}{'; a processor is a GPU' if model.startswith('ai-') else ''}",
    }
    return replace(trace, name=f"{model}-{seed}", header=header)


def ai_training(*, jobs: int, gpus: int, load: float, seed: int = 1, site: str = "seren") -> Trace:
    """Return a made log of a cluster that trains models (:mod:`.ai_training`); a processor stands for a GPU.

    Parameters
    ----------
    jobs
        Number of jobs.
    gpus
        GPUs of the cluster.
    load
        Offered load.
    seed
        Seed of the random numbers.
    site
        ``seren`` (2023) or ``philly`` (2017).
    """
    from pwsim.workload.models import ai_training as model

    random = np.random.default_rng(seed)
    taken, run_s, ends = model.draw(random, jobs, gpus, model.SITES[site])
    submit_s = np.floor(_arrivals(random, jobs, float((taken * run_s).sum()) / (gpus * load)))
    return Trace.from_columns(
        {
            "submit_s": submit_s,
            "run_s": run_s,
            "procs": taken,
            "gpus": taken,
            "user": _users(random, jobs),
            "recorded_status": np.array(list(model.STATUSES.values()))[ends],
        }
    )


def simple(*, jobs: int, cores: int, load: float, seed: int = 1) -> Trace:
    """Return a made log of an HPC cluster.

    Arrivals follow the hours of the day and the days of the week; sizes favour powers of two; run times are
    log-normal, longer for wider jobs; estimates are round values above the run time.  All times are whole seconds.

    Parameters
    ----------
    jobs, cores, load, seed
        As for :func:`generate`.

    References
    ----------
    U. Lublin, D. G. Feitelson: The workload on parallel supercomputers. J. Parallel Distrib. Comput. 63(11), 2003,
    doi:10.1016/S0743-7315(03)00108-4, for the shapes; D. Tsafrir, Y. Etsion, D. G. Feitelson: Modeling user runtime
    estimates. JSSPP 2005, doi:10.1007/11605300_1, for the estimates.
    """
    random = np.random.default_rng(seed)
    procs = _sizes(random, jobs, cores)
    run_s = _run_times(random, procs, cores)
    estimate_s = _estimates(random, run_s)
    span_s = float((procs * run_s).sum()) / (cores * load)
    submit_s = np.floor(_arrivals(random, jobs, span_s))
    users = _users(random, jobs)
    queue = np.digitize(estimate_s, [2 * HOUR_S, 12 * HOUR_S], right=True)
    return Trace.from_columns(
        {
            "submit_s": submit_s,
            "run_s": run_s,
            "procs": procs,
            "estimate_s": estimate_s,
            "user": users,
            "queue": np.array(_QUEUES)[queue],
        }
    )


def queueing(
    *, jobs: int, arrivals_per_s: float, services_per_s: float, seed: int = 1, deterministic: bool = False
) -> Trace:
    """Return one-processor jobs with Poisson arrivals: M/M/c, or M/D/c if service is deterministic.

    Times are fractions of seconds; estimates are exact, or 1 s for shorter jobs (semantics §1).

    Parameters
    ----------
    jobs
        Number of jobs.
    arrivals_per_s, services_per_s
        Rates λ and µ [1/s].
    seed
        Seed of the random numbers.
    deterministic
        Whether all jobs run exactly ``1 / services_per_s`` instead of exponential times.
    """
    random = np.random.default_rng(seed)
    submit_s = np.cumsum(random.exponential(1 / arrivals_per_s, jobs))
    run_s = np.full(jobs, 1 / services_per_s) if deterministic else random.exponential(1 / services_per_s, jobs)
    columns = {"submit_s": submit_s, "run_s": run_s, "procs": np.ones(jobs, dtype=np.int64)}
    return Trace.from_columns(columns, name=f"queueing-{seed}")


def _users(random: np.random.Generator, jobs: int) -> npt.NDArray[np.str_]:
    """Return the user of each job; a few of them submit most jobs."""
    return np.char.add("user", (1 + np.minimum(random.geometric(0.06, jobs), 60)).astype(str))


def _sizes(random: np.random.Generator, jobs: int, cores: int) -> Integers:
    """Return processors: a quarter of the jobs are serial, most others a power of two, none wider than the machine."""
    exponents = random.uniform(0.5, np.log2(max(cores, 2)) * 0.9, jobs)
    powers = 2 ** np.round(exponents)
    others = np.floor(2**exponents)
    procs = np.where(random.random(jobs) < 0.25, 1, np.where(random.random(jobs) < 0.75, powers, others))
    return np.clip(procs, 1, cores).astype(np.int64)


def _run_times(random: np.random.Generator, procs: Integers, cores: int) -> Floats:
    """Return run times [s], log-normal, median 10 min to 1 h by size, at most 36 h; one in 12 fails at once."""
    median_s = 600 * 6 ** (np.log2(procs) / max(np.log2(cores), 1))
    run_s = np.minimum(median_s * np.exp(random.normal(0, 1.6, len(procs))), 36 * HOUR_S)
    return np.ceil(np.where(random.random(len(procs)) < 1 / 12, random.uniform(1, 60, len(procs)), run_s))


def _estimates(random: np.random.Generator, run_s: Floats) -> Floats:
    """Return the estimates of users [s]: a round value some way above the run time; one in 50 asks for too little."""
    wanted_s = run_s * np.exp(random.exponential(0.9, len(run_s)))
    short = random.random(len(run_s)) < 0.02
    places = np.searchsorted(_ROUND_ESTIMATES_S, np.where(short, run_s * 0.7, wanted_s))
    return _ROUND_ESTIMATES_S[np.minimum(places, len(_ROUND_ESTIMATES_S) - 1)]


def _arrivals(random: np.random.Generator, jobs: int, span_s: float) -> Floats:
    """Return submissions from 0 to ``span_s`` [s], increasing, by the hours of the day and the days of the week."""
    hours = int(np.ceil(span_s / HOUR_S))
    clock = np.arange(hours)
    rate = _HOURS[clock % 24] * _WEEKDAYS[clock // 24 % 7]
    # The last hour may be cut off; the inverse of the cumulated rate spreads uniform numbers over the hours.
    edges_s = np.minimum(np.arange(hours + 1) * HOUR_S, span_s)
    share = np.concatenate(([0.0], np.cumsum(rate * np.diff(edges_s))))
    uniform = np.sort(random.random(jobs))
    if jobs > 1:  # the first and the last submission span the log
        uniform = (uniform - uniform[0]) / (uniform[-1] - uniform[0])
    arrivals_s: Floats = np.interp(uniform * share[-1], share, edges_s)
    return arrivals_s
