"""Who causes what: cost, waits and carbon dioxide of a replay by user, account, queue or partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from pwsim import metrics
from pwsim.cluster import CloudPool, Pool
from pwsim.common import HOUR_S, Frozen, InputError
from pwsim.costs import PARTS, Idle, Terms, charges, sharing, standing, standing_carbon_kg, terms_of, total
from pwsim.engine import REJECTED
from pwsim.prices import Economics, usd_per_kw
from pwsim.results.result import Result
from pwsim.trace import Floats, Integers, Trace
from pwsim.workload import over_asked_s

Who = Literal["user", "account", "queue", "partition"]
"""What jobs may be told apart by."""
COLUMN = {"account": "user_group"}
"""Columns of a trace that are called something else there."""
CENT = 0.01
"""What bills are shared out in [USD]."""
GRAM = 0.001
"""What emissions are shared out in [kg]."""


class Attribution(Frozen):
    """Who causes what: cost, waits and carbon dioxide of the answer, shared out to the cent.

    Examples
    --------
    >>> Attribution(by=["user"])
    Attribution(by=('user',), idle='usage')
    """

    by: Annotated[tuple[Who, ...], Field(strict=False, min_length=1, max_length=4)]
    """What jobs are told apart by: ``user``, ``account``, ``queue``, ``partition``; each by itself shares out all."""
    idle: Idle = "usage"
    """How the cost of what nobody uses is shared: ``usage``, in proportion to use; ``even``, the same for each."""


ATTRIBUTION_COLUMNS: dict[str, tuple[str, str]] = {
    "by": ("", "user, account, queue or partition; the rows of each share out the whole bill"),
    "name": ("", "whose jobs these are; empty for those that the log does not name"),
    "jobs": ("jobs", "jobs that were submitted"),
    "core_hours": ("core-h", "core-hours that they held, interrupted attempts included"),
    "gpu_hours": ("GPU-h", "GPU-hours that they held, likewise"),
    "used_usd_per_year": ("USD/year", "cost of the nodes, the energy and the data that they used"),
    "idle_usd_per_year": (
        "USD/year",
        "their share of what nobody used, and of what belongs to no pool: staff, unused savings plans",
    ),
    "cost_usd_per_year": ("USD/year", "both, in whole cents"),
    "carbon_kg_per_year": ("kg/year", "carbon dioxide (equivalent), shared out in the same way, in whole grams"),
    "wait_s_mean": ("s", "mean waiting time of those that were served in the measurement window"),
    "wait_s_p95": ("s", "95th percentile of the waiting time of those"),
    "waited_job_hours": ("job-h", "sum of these waits"),
    "over_asked_core_hours": ("core-h", "core-hours that they asked for beyond their run time"),
    "rejected_jobs": ("jobs", "jobs that no pool takes; they cost nothing"),
    "rejected_core_hours": ("core-h", "core-hours of those"),
}
"""Unit and meaning of the columns of ``attribution.parquet``."""


class _Caused(NamedTuple):
    """What each job causes, shape (jobs,), and what nobody does."""

    used: Floats
    """Amount that each job used."""
    idle: float
    """Amount that none did."""
    idle_weight: Floats
    """In proportion to what that is shared by use."""


def attribution(result: Result, economics: Economics, asked: Attribution) -> pd.DataFrame:
    """Return who causes what, one row for each who is named (:data:`ATTRIBUTION_COLUMNS`).

    In each pool, what its nodes cost is used in so far as jobs hold them, from the launch of each to its end; jobs bear
    that by the node-hours that they hold, of a shared node by the larger share of its cores or GPUs.  Busy energy goes
    by what they draw, data by the data.  What is left is idle.  It is borne by those who use that pool, or who use
    anything if nobody does; or with ``idle: even`` by everybody alike who is named.

    Raises
    ------
    InputError
        If no job names one of what jobs are to be told apart by.
    """
    check_named(result.trace, asked)
    bill = result.bill(economics)
    money, carbon = _pools(result, economics)
    whole = total(bill.cost) - sum(one.used.sum() + one.idle for one in money)
    money = [*money, _Caused(np.zeros(len(result.trace)), max(0.0, float(whole)), np.zeros(len(result.trace)))]
    tables = []
    for by in asked.by:
        codes, names = _named(result.trace, by)
        usd = _cents(money, codes, names, asked.idle, total(bill.cost), CENT)
        kg = _cents(carbon, codes, names, asked.idle, bill.carbon_kg_per_year, GRAM)
        table = pd.DataFrame({"by": by, "name": names, **_counts(result, codes, len(names))})
        place = list(table).index("gpu_hours") + 1
        table.insert(place, "used_usd_per_year", usd[0] / 100)
        table.insert(place + 1, "idle_usd_per_year", usd[1] / 100)
        table.insert(place + 2, "cost_usd_per_year", (usd[0] + usd[1]) / 100)
        table.insert(place + 3, "carbon_kg_per_year", (kg[0] + kg[1]) / 1000)
        tables.append(table.sort_values(["cost_usd_per_year", "name"], ascending=[False, True]))
    return pd.concat(tables, ignore_index=True)


def check_named(trace: Trace, asked: Attribution) -> None:
    """Make sure that jobs name what they are to be told apart by.

    Raises
    ------
    InputError
        If none does.
    """
    for place, by in enumerate(asked.by):
        if not (trace.table[COLUMN.get(by, by)] != "").any():
            others = [one for one in get_args(Who) if (trace.table[COLUMN.get(one, one)] != "").any()]
            right = f"use {' or '.join(others)}" if others else "leave attribution out"
            raise InputError(f"attribution.by.{place}: no job of {trace.name} names its {by}; {right}")


def _named(trace: Trace, by: str) -> tuple[Integers, npt.NDArray[np.object_]]:
    """Return whose each job is, as a number, and the names."""
    names, codes = np.unique(np.asarray(trace.table[COLUMN.get(by, by)], dtype=object).astype(str), return_inverse=True)
    return codes.astype(np.int64), names.astype(object)


def _pools(result: Result, economics: Economics) -> tuple[list[_Caused], list[_Caused]]:
    """Return what jobs cause in each pool: in money, and in emissions."""
    terms, table = terms_of(economics, result.trace), result.pools(economics)
    money, carbon = [], []
    for index, (nodes, pool) in enumerate(zip(result.cluster.node_counts(), result.cluster.pools, strict=True)):
        row, weights = table.iloc[index], _weights(result, index, terms)
        stands = standing(pool, nodes, terms)
        caused = {name: max(0.0, float(row[name]) - stands[name]) for name, part in PARTS.items() if part.by != "held"}
        direct = np.zeros(len(result.trace))
        for name, usd in caused.items():
            direct += sharing.shared(usd, weights[PARTS[name].by])
        money.append(_split(result, index, float(row["cost_usd_per_year"]), direct, weights["held"]))
        kg = float(row["carbon_kg_per_year"])
        drawn = sharing.shared(max(0.0, kg - standing_carbon_kg(pool, nodes)), weights["energy"])
        carbon.append(_split(result, index, kg, drawn, weights["held"]))
    return money, carbon


def _split(result: Result, index: int, amount: float, direct: Floats, held: Floats) -> _Caused:
    """Return what jobs cause of what a pool costs: some directly, and of the rest what they hold of its nodes."""
    launch_s, _, gone_s = result.stays(index)
    there = metrics.exact_sum(gone_s - launch_s)
    rest = max(0.0, amount - float(direct.sum()))
    used = rest * min(1.0, float(held.sum()) / there) if there > 0 else 0.0
    return _Caused(direct + sharing.shared(used, held), rest - used if held.any() else rest, held)


def _weights(result: Result, index: int, terms: Terms) -> dict[str, Floats]:
    """Return what the shares of jobs in what they cause in a pool go by, each of shape (jobs,)."""
    trace, pool, here = result.trace, result.cluster.pools[index], result.attempts.pool == index
    job, _, start_s, end_s, _, part = (column[here] for column in result.attempts)

    def by_job(of_attempts: Floats) -> Floats:
        summed: Floats = np.bincount(job, of_attempts, len(trace)).astype(np.float64)
        return summed

    cores, gpus = pool.held(trace)
    nodes = cores / pool.node.cores
    if pool.node.gpus:
        nodes = np.maximum(nodes, gpus / pool.node.gpus)
    watts = charges.busy_w(pool, trace.procs[job] * part, trace.gpus[job] * part)
    ended = result.replay.pool == index
    data = np.where(ended, trace.data_gib, 0.0)
    held = by_job(nodes[job] * part * (end_s - start_s))
    energy = by_job(watts * (end_s - start_s))
    return {
        "held": held,
        "energy": energy,
        "paid_energy": by_job(watts * _paid(pool, start_s, end_s, terms)),
        "stored": data * _kept_s(result, pool, ended),
        "taken": data,
    }


def _paid(pool: Pool, start_s: Floats, end_s: Floats, terms: Terms) -> Floats:
    """Return what a kilowatt has cost in each stretch of time [USD]."""
    if isinstance(pool, CloudPool) or pool.cost is None:
        return np.zeros(len(start_s))
    paid = (usd_per_kw(pool.cost.electricity_usd_per_kwh, times_s, terms.start) for times_s in (end_s, start_s))
    usd: Floats = np.subtract(*paid)
    return usd


def _kept_s(result: Result, pool: Pool, ended: npt.NDArray[np.bool_]) -> Floats:
    """Return for how long the data of each job is kept [s]."""
    if isinstance(pool, CloudPool) and pool.storage_time is not None:
        return np.full(len(result.trace), float(pool.storage_time))
    kept_s: Floats = np.where(ended, result.replay.end_s - result.submit_s, 0.0)
    return kept_s


def _cents(
    pools: Sequence[_Caused], codes: Integers, names: npt.NDArray[np.object_], idle: Idle, amount: float, unit: float
) -> Integers:
    """Return what each used, and their share of what nobody did, in whole units, shape (2, names)."""
    used = np.zeros(len(names))
    for one in pools:
        used += np.bincount(codes, one.used, len(names))
    by_all, even = used.copy(), (names != "").astype(np.float64)
    left = np.zeros(len(names))
    for one in pools:
        here: Floats = np.bincount(codes, one.idle_weight, len(names)).astype(np.float64)
        choices: tuple[Floats, ...] = (even,) if idle == "even" else (here, by_all, even)
        left += sharing.shared(one.idle, next(weights for weights in choices if weights.any()))
    whole: Integers = sharing.in_whole(np.concatenate((used, left)), amount, unit).reshape(2, -1)
    return whole


def _counts(result: Result, codes: Integers, names: int) -> dict[str, npt.NDArray[Any]]:
    """Return what is counted and measured of each, by column."""
    trace, tried = result.trace, result.attempts
    rejected, held_s = result.replay.pool == REJECTED, (tried.end_s - tried.start_s) * tried.part

    def summed(values: Floats, whose: Integers = codes) -> Floats:
        return np.bincount(whose, values, names).astype(np.float64)

    waits = result.wait_s
    about = result.measured & ~np.isnan(waits)
    by_name = [waits[about & (codes == one)] for one in range(names)]
    return {
        "jobs": np.bincount(codes, minlength=names),
        "core_hours": summed(trace.procs[tried.job] * held_s, codes[tried.job]) / HOUR_S,
        "gpu_hours": summed(trace.gpus[tried.job] * held_s, codes[tried.job]) / HOUR_S,
        "wait_s_mean": np.array([metrics.statistic(one, "mean") for one in by_name]),
        "wait_s_p95": np.array([metrics.statistic(one, "p95") for one in by_name]),
        "waited_job_hours": np.array([one.sum() for one in by_name]) / HOUR_S,
        "over_asked_core_hours": summed(trace.procs * over_asked_s(trace)) / HOUR_S,
        "rejected_jobs": np.bincount(codes, rejected, names).astype(np.int64),
        "rejected_core_hours": summed(np.where(rejected, trace.procs * trace.run_s, 0.0)) / HOUR_S,
    }
