"""Logs of sites whose rules are known, for a replay with these rules wrote them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pwsim import Cluster, Trace, generate, simulate
from pwsim.calibration.draft import Cap, Door, Draft, Night

CORES = 64
MONDAY = {"UnixStartTime": "1704063600", "TimeZoneString": "Europe/Paris"}  # 2024-01-01 at 0:00 in Paris, a Monday
KINDS = (
    "none",
    "hours",
    "whole",
    "jobs",
    "cores",
    "partitions",
    "scheduler",
    "hours and jobs",
    "partitions and hours",
    "policy",
)
"""What sites have; each third of the generated ones has each of them once."""


@dataclass(frozen=True)
class Made:
    """A log and the site that wrote it."""

    log: Trace
    cores: int
    site: Draft


def made(number: int) -> Made:
    """Return a generated site and its log."""
    kind, seed = KINDS[number % len(KINDS)], 100 + number
    random = np.random.default_rng(seed)
    trace = generate(jobs=3000, cores=CORES, load=0.7 if kind != "policy" else 0.85, seed=seed)
    users = np.minimum(random.geometric(0.35, len(trace)), 12)
    trace = replace(trace, header=MONDAY).with_columns(user=pd.Categorical([f"u{one}" for one in users]))
    trace = trace.with_columns(
        estimate_s=np.minimum(trace.estimate_s, 20 * 3600), run_s=np.minimum(trace.run_s, 20 * 3600)
    )
    site = Draft.of(Cluster.homogeneous(CORES))
    nights: tuple[Night, ...] = ()
    caps: tuple[Cap, ...] = ()
    if "hours" in kind or kind == "whole":
        opens, closes = random.integers(32, 42) / 2, random.integers(10, 18) / 2
        above = float(random.choice([1, 2, 4])) * 3600
        whole = kind == "whole"
        if whole:  # all jobs fit into a night
            length = (closes - opens) % 24 * 3600
            times = {"estimate_s": np.minimum(trace.estimate_s, length), "run_s": np.minimum(trace.run_s, length)}
            trace = trace.with_columns(**times)
        nights = (Night(above, opens, closes, whole, weekend=str(random.choice(["open", "same"]))),)  # type: ignore[arg-type]
    if "jobs" in kind:
        caps = (Cap("jobs", int(random.integers(2, 5)), "user"),)
    if kind == "cores":
        caps = (Cap("cores", int(random.choice([16, 24])), "user"),)
        trace = trace.with_columns(procs=np.minimum(trace.procs, 16))
    if "partitions" in kind:
        left = random.random(len(trace)) < 0.6
        trace = trace.with_columns(
            partition=pd.Categorical(np.where(left, "left", "right")),
            procs=np.minimum(trace.procs, np.where(left, 40, 24)),
        )
        doors = (Door("left", "partition", ("left",), 40), Door("right", "partition", ("right",), 24))
        site = site.changed(doors=doors)
    site = site.changed(nights=nights, caps=caps)
    if kind == "scheduler":
        site = site.changed(period_s=60.0, start_delay_s=float(random.integers(5, 50)))
    if kind == "policy":
        site = site.changed(policy=str(random.choice(["conservative", "sjf-easy", "smallest-easy"])))
    result = simulate(trace, site.cluster())
    return Made(trace.with_columns(recorded_wait_s=result.wait_s), CORES, site)
