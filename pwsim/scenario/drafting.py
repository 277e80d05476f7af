"""A first scenario for a log (``pwsim trace init``): a text with comments that runs as it stands.

One scenario asks for own nodes, rented ones and both: its space holds no own nodes with any number of rented ones, no
rented ones with any number of own ones, and what lies between.  Pools are sized by the log: own nodes from half of what
is asked for on average to more than the machine that wrote it; rented ones up to what no job would wait for.  So some
setup meets the targets, which are the waits that the log recorded.

Prices of rented nodes are those of the price table; those of own nodes are published figures (:data:`FACTS`), scaled by
the core where the log is of a small machine.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pwsim import prices, workload
from pwsim.common import DAY_S, HOUR_S, YEAR_H, InputError, count, duration, share
from pwsim.description import CUT_PROBLEM, CUT_WORK, exported_by_end, normal_days, profile_of
from pwsim.trace import Floats, Integers, Trace
from pwsim.trace.formats import mapping

MOST_JOBS = 50_000
"""Of longer logs a window with so many jobs is taken, so that the first run takes minutes at most."""
LEAST_DAYS = 3
"""What is cut off a log must leave so many days."""
KNOWN = 0.9
"""Share of jobs of which something must be recorded to be used."""
OTHER_JOBS = 0.1
"""Share of the jobs, or of their work, from which jobs with GPUs get pools of their own; fewer are left out."""
OWN_CORES = 0.25
"""Share of the work from which jobs without GPUs get nodes of their own beside GPU nodes; less is done on these."""
NODES_AT_LEAST = 8
"""An own node is the largest of :data:`SIZES` of which the machine has so many."""
SIZES = (4, 8, 16, 36)
"""Cores of an own node."""
BEYOND = 3
"""Own nodes at most over those that are busy on average; of the machine that wrote the log, half as many times."""
SLACK = 1.25
"""Rented nodes beyond those that hold all jobs at once, for what does not fit between others."""
LONGEST_WAIT_S, LONGEST_MEAN_WAIT_S = 4 * HOUR_S, HOUR_S
"""95th percentile and mean of the waits that are allowed where the log records none."""
COMMENT_AT = 42
"""Column of the comments."""
LEAST_WAIT_S = 600.0
"""The shortest wait that is asked for: a rented node takes minutes to boot."""

FACTS = """\
#   [1] Internet2 blog 14114 (2017): node of 36 cores and 64 GB with rack, cabling and 5 years of warranty 14,375 USD,
#       0.5 kW; UPS, generator and switches 0.13 USD a kWh
#   [2] ExaDigiT/RAPS, model of Frontier (2024): 0.094 USD a kWh; a processor of 64 cores draws 90 to 280 W, a GPU 88
#       to 560 W
#   [3] Uptime Institute, survey of 2023: PUE 1.58 on average
#   [4] alpineblockchain.com (2025): eight H100 in a node 430,000 USD, 10 kW, maintenance 10 % of the price a year"""
"""Where the costs of own nodes come from; the figures of :func:`_cpu_node` and :func:`_gpu_node`."""

_NICE_S = (60, 120, 300, 600, 900, 1800, *(HOUR_S * np.array([1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 96, 120, 168])))
"""Times that people write."""


@dataclass(frozen=True)
class Origin:
    """Where a log is, as a scenario writes it."""

    trace: str
    """Its file, relative to the scenario's folder, or the name of a data set."""
    dataset: bool
    """Whether it is the name of a data set."""
    options: Mapping[str, Any]
    """Other keys of the scenario's ``workload``: ``format``, ``columns``, ``time_zone``, ``cores_per_proc``."""

    @classmethod
    def of(cls, log: Path, folder: Path, *, dataset: bool, **options: Any) -> Origin:
        """Return where a log is, with the options of the command line that were given.

        Parameters
        ----------
        log
            The log, or the name of a data set.
        folder
            The scenario's folder.
        dataset
            Whether it is a data set.
        options
            What the command line said of it; ``None`` was not said.
        """
        given = {name: value for name, value in options.items() if value is not None}
        columns = mapping.parse_mapping(given.get("columns"))
        if isinstance(columns, str):  # of a log without a header: a file of names, or names
            is_file = Path(columns).is_file()
            columns = _relative(Path(columns), folder) if is_file else re.split(r"[|,\s]+", columns.strip(" \t|,"))
        if columns is not None:
            given["columns"] = columns
        return cls(str(log) if dataset else _relative(log, folder), dataset, given)


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path.resolve(), folder.resolve())


@dataclass(frozen=True)
class Nodes:
    """A kind of node."""

    cores: int
    gpus: int
    memory_mib: float | None
    """Memory [MiB]; ``None`` where it is not looked at."""

    def units(self, trace: Trace) -> Iterator[tuple[Any, float]]:
        """Yield what each job takes of a resource, and what a node has of it."""
        yield trace.procs, self.cores
        if self.gpus:
            yield trace.gpus, self.gpus
        if self.memory_mib is not None:
            yield trace.memory_mib, self.memory_mib

    def on_average(self, trace: Trace) -> float:
        """Return how many nodes the work of a trace keeps busy."""
        return max(float((held * trace.run_s).sum()) / trace.span_s / each for held, each in self.units(trace))

    def widest(self, trace: Trace) -> int:
        """Return how many nodes the largest job takes."""
        return int(self._taken(trace).max())

    def at_once(self, trace: Trace) -> int:
        """Return how many nodes surely hold all jobs if each starts when it is submitted."""
        most = max(_most_at_once(trace, np.asarray(held) / each) for held, each in self.units(trace))
        apart = _most_at_once(trace, self._taken(trace)) if (trace.nodes > 1).any() else 0.0
        return max(self.widest(trace), int(np.ceil(max(SLACK * most, apart))))

    def _taken(self, trace: Trace) -> Integers:
        """Return how many nodes each job takes if it shares none."""
        needs = [np.ceil(np.asarray(held) / each) for held, each in self.units(trace)]
        taken: Integers = np.maximum.reduce([np.maximum(trace.nodes, 1), *needs]).astype(np.int64)
        return taken


def _most_at_once(trace: Trace, held: Floats | Integers) -> float:
    """Return the most that jobs hold at once if each starts when it is submitted."""
    times_s = np.concatenate((trace.submit_s, trace.submit_s + trace.run_s))
    changes = np.concatenate((held, -np.asarray(held)))
    return float(np.cumsum(changes[np.lexsort((changes, times_s))]).max())


def first_scenario(trace: Trace, origin: Origin, cores: int | None = None) -> str:
    """Return a scenario for a log, as YAML with comments.

    Parameters
    ----------
    trace
        The log.
    origin
        Where it is.
    cores
        Processors of the machine that wrote it; what the header of a log in SWF says (``MaxProcs``) if left out.

    Raises
    ------
    InputError
        If all jobs are submitted at the same instant: nothing can be scaled to a year.
    """
    if not trace.span_s:
        raise InputError(f"{trace.name}: all jobs are submitted at once, so that no load can be told: nothing to plan")
    lines, jobs = _part(trace)
    gpu = jobs.gpus > 0
    work = jobs.procs * jobs.run_s
    of_work = float(work[gpu].sum() / work.sum()) if work.sum() else 0.0
    if gpu.any() and max(float(gpu.mean()), of_work) < OTHER_JOBS:
        left_out = f"{count(int(gpu.sum()), 'job')} with GPUs ({share(of_work)} of the work) left out: they need a pool"
        lines.append(_told("  where: {gpus_at_most: 0}", f"{left_out} with GPUs"))
        jobs = workload.keep(jobs, gpus_at_most=0)
        gpu = jobs.gpus > 0
    apart = bool(gpu.any()) and 1 - of_work >= OWN_CORES and not gpu.all()
    classes = [jobs.take(~gpu), jobs.take(gpu)] if apart else [jobs]
    targets, patience_s = _targets(jobs)
    machine = None if gpu.any() else cores or trace.header_number("MaxProcs")
    pools = [
        line
        for one in classes
        for line in _pools(one, machine, patience_s, few=apart, prefix="gpu_" if apart and one is classes[-1] else "")
    ]
    written = [
        *_preface(jobs),
        f"name: {_quoted(trace.name[:200])}",
        "workload:",
        f"  trace: {'{dataset: ' * origin.dataset}{_quoted(origin.trace)}{'}' * origin.dataset}",
        *(f"  {key}: {_flow(value)}" for key, value in origin.options.items()),
        *lines,
        "cluster:",
        _told("  policy: easy", "or a list to choose from, such as [easy, sjf-easy]"),
        _told("  pools:", "jobs prefer them in this order"),
        *pools,
        *_baseline(trace, machine),
        "targets:",
        *targets,
        _told("economics: {currency: USD, discount_rate: 0.05}", "5 % is a guess: what your money costs"),
    ]
    return "\n".join([*map(_aligned, written), ""])


def _preface(jobs: Trace) -> Iterator[str]:
    work_h = float((jobs.procs * jobs.run_s).sum()) / HOUR_S
    yield f"# A first scenario for {_line(jobs.name)}, made by `pwsim trace init`; it runs as it stands."
    yield f"# {count(len(jobs), 'job')} in {duration(jobs.span_s)}, {count(work_h, 'core-hour')}."
    yield "# Which is cheapest: own nodes (burst: 0), rented ones (own: 0), or both? All of these are in its space."
    yield "# Before you believe the answer, put in your own: prices, targets, and what a node is."
    yield "# The costs of own nodes are published figures, some of them old; ask for quotes. Their sources:"
    yield from FACTS.splitlines()


def _part(trace: Trace) -> tuple[list[str], Trace]:
    """Return the lines about the part of the log that is replayed, and its jobs."""
    total_d = int(trace.span_s / DAY_S)
    above, start_d, end_d = _thin_ends(trace, total_d)
    why = "it starts or ends thinly (see `pwsim trace describe`)"
    inside = np.flatnonzero(trace.submit_s >= start_d * DAY_S)
    if len(inside) > MOST_JOBS:
        enough_d = int(trace.submit_s[inside[MOST_JOBS]] / DAY_S) - start_d
        if 0 < enough_d < end_d - start_d:
            end_d = start_d + (enough_d // 7 * 7 or enough_d)
            why = f"the first run takes minutes so; replay all {len(trace):,} jobs when the rest is right"
    if not start_d and end_d >= total_d:
        return above, trace
    length = f", length: {end_d - start_d} d" if end_d < total_d else ""
    jobs = workload.window(trace, start_d * DAY_S, (end_d - start_d) * DAY_S if length else None)
    lost = len(trace) - len(jobs)
    without = f"leaves out {count(lost, 'job')}, {share(jobs.left_out_work.get('window', 0.0))} of the work"
    return [*above, _told(f"  window: {{start: {start_d} d{length}}}", f"{without}: {why}")], jobs


def _thin_ends(trace: Trace, total_d: int) -> tuple[list[str], int, int]:
    """Return the days between which the log is neither starting nor ending, and comments on what is special of them.

    An end that has much of the work is no thin one, and stays.  But a log that was exported by the end of jobs has of
    its first days the longest jobs alone: where these days are most of the log, they go whatever their work is.
    """
    profile = profile_of(trace)
    thin = normal_days(profile)
    if thin == (0, total_d) or thin[1] - thin[0] < LEAST_DAYS:
        return [], 0, total_d
    early = trace.submit_s < thin[0] * DAY_S
    late = trace.submit_s >= (thin[1] * DAY_S if thin[1] < total_d else np.inf)
    nobody = np.zeros(len(trace), dtype=bool)
    by_end = exported_by_end(profile) and thin[0] >= CUT_PROBLEM * total_d
    for before, after in ((early, late), (early, nobody), (nobody, late)):
        days = thin[0] if before.any() else 0, thin[1] if after.any() else total_d
        if not (before | after).any():
            continue
        if _work(trace, before | after) <= CUT_WORK:
            return [], *days
        if by_end and before.any() and _work(trace, after) <= CUT_WORK:
            lost, jobs = share(_work(trace, before)), f"{int(before.sum()):,} of {len(trace):,} jobs"
            told = (
                f"BEWARE: {lost} of the work is left out here. The first {days[0]} of {total_d} days hold {jobs},",
                "the longest alone, as in a log that was exported by the end of jobs: what ran beside them is missing.",
            )
            return [f"  # {line}" for line in told], *days
    jobs, kept = count(int((early | late).sum()), "job"), share(_work(trace, early | late))
    stays = (
        f"starts or ends thinly (see `pwsim trace describe`), with {jobs}; as these have {kept} of the work, they stay"
    )
    return [f"  # The log {stays}."], 0, total_d


def _work(trace: Trace, chosen: npt.NDArray[np.bool_]) -> float:
    """Return the share of the work that the chosen jobs have."""
    work = trace.procs * trace.run_s
    return float(work[chosen].sum() / (work.sum() or 1.0))


def _targets(jobs: Trace) -> tuple[list[str], float]:
    """Return the lines about the targets, and the 95th percentile of the waits that they allow."""
    known = ~np.isnan(jobs.recorded_wait_s)
    if known.mean() >= KNOWN:
        wait_s = jobs.recorded_wait_s[known]
        p95_s, mean_s = float(np.percentile(wait_s, 95, method="inverted_cdf")), float(wait_s.mean())
        said = [f"in the log {duration(p95_s)}", f"in the log {duration(mean_s)}"]
    else:
        p95_s, mean_s = LONGEST_WAIT_S, LONGEST_MEAN_WAIT_S
        said = ["a guess: the log does not record waits", "likewise"]
    p95_s, mean_s = _nice(max(p95_s, LEAST_WAIT_S)), _nice(max(mean_s, LEAST_WAIT_S))
    return [
        _told(f"  - {{metric: wait_s, statistic: p95, at_most: {_time(p95_s)}}}", said[0]),
        _told(f"  - {{metric: wait_s, statistic: mean, at_most: {_time(mean_s)}}}", said[1]),
        "  # - {metric: bounded_slowdown, statistic: mean, at_most: 20, where: {procs_at_most: 8}}",
    ], p95_s


def _baseline(trace: Trace, cores: int | None) -> Iterator[str]:
    """Yield the lines about the machine that wrote the log."""
    asks = "the machine that wrote the log: does its replay wait as people did?"
    if np.mean(~np.isnan(trace.recorded_wait_s)) < KNOWN:
        yield "# Without recorded waits it cannot be told whether a replay reproduces your site (`baseline:`)."
    elif cores is not None:
        yield _told(f"baseline: {{cores: {cores}, policy: easy}}", asks)
    else:
        yield _told("# baseline: {cores: N, policy: easy}", asks)


def _pools(jobs: Trace, machine: int | None, patience_s: float, *, few: bool, prefix: str) -> Iterator[str]:
    """Yield the lines of a pool of own nodes, and of the rented ones that help it out.

    Parameters
    ----------
    jobs
        The jobs that they are for.
    machine
        Cores of the machine that wrote the log; ``None`` if unknown.
    patience_s
        95th percentile of the waits that are allowed [s].
    few
        Whether there are other pools, so that each has few choices.
    prefix
        Beginning of the pools' names.
    """
    memory_mib = _memory_per_core(jobs)
    if (jobs.gpus > 0).any():
        own, cost = _gpu_node(memory_mib is not None)
    else:
        own, cost = _cpu_node(jobs, machine, memory_mib)
    accepts = ["accepts: {gpus: {at_least: 0.001}}"] if prefix else []
    yield f"    - name: {prefix}own"
    shared = memory_mib is not None or (jobs.nodes > 0).mean() >= KNOWN
    lines = _own_pool(own, jobs, machine, accepts, cost, packed=bool(own.gpus) or bool(shared), few=few)
    yield from (f"      {line}" for line in lines)
    yield f"    - name: {prefix}burst"
    lines = _rented_pool(*_offer(own, memory_mib), jobs, patience_s, accepts, few=few)
    yield from (f"      {line}" for line in lines)


def _told(line: str, comment: str) -> str:
    """Return a line with a comment; a tab stands between them until :func:`_aligned`."""
    return f"{line}\t{comment}"


_PACKED = _told("placement: packed", "jobs share nodes")


def _own_pool(
    own: Nodes, jobs: Trace, machine: int | None, accepts: list[str], cost: Costs, *, packed: bool, few: bool
) -> Iterator[str]:
    """Yield the keys of a pool of own nodes."""
    counts, present = _own_counts(own, jobs, machine, 3 if few else 9)
    gpus = f", gpus: {own.gpus}" if own.gpus else ""
    memory = "" if own.memory_mib is None else f", memory: {own.memory_mib / 1024:g} GiB"
    present_text = f"; the machine of the log has the cores of {present}" if present else ""
    yield "kind: on_premises"
    yield _told(f"nodes: {counts}", f"0: all are rented{present_text}")
    yield f"node: {{cores: {own.cores}{gpus}{memory}}}"
    yield _PACKED if packed else _told("placement: cores", "one bag of cores")
    yield from accepts
    yield "cost:"
    yield from (f"  {_told(line, comment)}" for line, comment in cost)


def _rented_pool(
    rented: Nodes, offer: prices.Offer, jobs: Trace, patience_s: float, accepts: list[str], *, few: bool
) -> Iterator[str]:
    """Yield the keys of a pool of rented nodes, which helps out own ones."""
    most = rented.at_once(jobs)
    caps = _spaced(max(1, most // 16), most, 2 if few else 4)
    wait = _time(_nice(patience_s / 4, up=False))
    shape = f"{count(offer.cores, 'core')}, {offer.memory_mib / 1024:g} GiB"
    models = f", {offer.gpus} {offer.gpu_model}" if offer.gpus else ""
    price = f"{offer.price_usd_per_hour:g} USD an hour{f' ({offer.price_date})' if offer.price_date else ''}"
    yield "kind: cloud"
    yield _told(f"instance: {offer.instance}", f"{shape}{models}, {price}")
    yield _told("market: on_demand", "spot costs less, and takes nodes back: add interruptions_per_hour")
    yield _told(f"nodes: {[0, *caps]}", f"the most that may be held at once; with {most} there is room for all jobs")
    yield _PACKED
    yield from accepts
    yield "boot_time: 3 min"
    yield "idle_timeout: 10 min"
    yield _told(f"burst_after: {wait}", "jobs come here when they have waited so long for own nodes")


def _own_counts(own: Nodes, jobs: Trace, machine: int | None, number: int) -> tuple[list[int], int | None]:
    """Return the choices for the number of own nodes, and how many the present machine has."""
    average = own.on_average(jobs)
    present = None if machine is None else -(-machine // own.cores)
    least = max(1, int(average / 2))
    most = max(own.widest(jobs), int(np.ceil(BEYOND * average)), int(BEYOND * (present or 0) / 2), least + 1)
    return sorted({0, *_spaced(least, most, number), *([present] if present else [])}), present


def _spaced(least: int, most: int, number: int) -> list[int]:
    """Return about so many numbers from one to another, each about so many times the one before."""
    return sorted({round(one) for one in np.geomspace(least, most, number).tolist()})


def _memory_per_core(jobs: Trace) -> float | None:
    """Return the memory that a node needs for each core [MiB], by 95 of 100 jobs; ``None`` if too few record it."""
    known = jobs.memory_mib > 0
    if known.mean() < KNOWN:
        return None
    return float(np.percentile(jobs.memory_mib[known] / jobs.procs[known], 95))


Costs = list[tuple[str, str]]
"""Keys of ``cost`` with their values, and what is said of each."""


def _cpu_node(jobs: Trace, machine: int | None, memory_mib: float | None) -> tuple[Nodes, Costs]:
    """Return an own node without GPUs, and what it costs."""
    wanted = machine or float((jobs.procs * jobs.run_s).sum()) / jobs.span_s
    fitting = [cores for cores in SIZES if cores * NODES_AT_LEAST <= wanted]
    cores = max(fitting, default=SIZES[0])
    part = cores / 36
    memory = None if memory_mib is None else 1024.0 * 2 ** int(np.ceil(np.log2(max(1.0, memory_mib * cores / 1024))))
    with_memory = "" if memory is None else "; that with 64 GB"
    upkeep_usd = 0.13 * 0.5 * YEAR_H * part
    return Nodes(cores, 0, memory), [
        (f"capex_usd: {14375 * part:.0f}", f"14,375 USD for 36 cores{with_memory} [1]"),
        ("lifetime_years: 5", "as long as its warranty [1]"),
        (
            f"opex_usd_per_year: {upkeep_usd:.0f}",
            "UPS, generator and switches, 0.13 USD a kWh [1]; add rooms and people",
        ),
        (f"idle_power: {500 * part * 90 / 280:.0f} W", "90 W where 280 W is the most [2]"),
        (f"busy_power: {500 * part:.0f} W", "0.5 kW for 36 cores [1]"),
        *_POWER,
    ]


def _gpu_node(memory_known: bool) -> tuple[Nodes, Costs]:
    """Return an own node with GPUs, and what it costs."""
    return Nodes(112, 8, 2048 * 1024.0 if memory_known else None), [
        ("capex_usd: 430000", "eight H100 [4]; the log does not tell its GPUs: give `speed` if yours are not as fast"),
        ("lifetime_years: 5", "a guess"),
        ("opex_usd_per_year: 43000", "maintenance, 10 % of the price [4]; add rooms and people"),
        (f"idle_power: {10_000 * 88 / 560:.0f} W", "88 W where 560 W is the most [2]"),
        ("busy_power: 10 kW", "[4]"),
        *_POWER,
    ]


_POWER: Costs = [
    ("pue: 1.58", "[3]"),
    ("electricity_usd_per_kwh: 0.094", "[2]; or bands by hour and weekday"),
]


def _offer(own: Nodes, memory_mib: float | None) -> tuple[Nodes, prices.Offer]:
    """Return a node to rent that is like an own one: the cheapest by the core, or by the GPU, of AWS us-east-1.

    Without GPUs it has x86 processors, at least the memory by the core that the jobs need (if any has), and as many
    cores as the own node if there are such; with GPUs, eight of the same model.
    """
    table = prices.load_prices()
    table = table[(table["provider"] == "aws") & (table["region"] == "us-east-1")]
    table = table[table["on_demand_usd_per_hour"] > 0]
    if own.gpus:
        table = table[(table["gpus"] == own.gpus) & (table["gpu_model"] == "H100")]
        row = prices.cheapest_per(table, "gpu_hour").iloc[0]
    else:
        arm = table["instance_type"].str.match(r"[a-z]+\d+g")
        table = prices.cheapest_per(table[(table["gpus"] == 0) & ~arm], "core_hour")
        per_core = 1024 * table["memory_gib"] / table["cores"]
        roomy = table[per_core >= min(memory_mib or 0.0, float(per_core.max()))]
        alike = roomy[roomy["usd_per_core_hour"] <= 1.01 * roomy["usd_per_core_hour"].min()].sort_values(
            "cores", kind="stable"
        )
        at_least = alike[alike["cores"] >= own.cores]
        row = at_least.iloc[0] if len(at_least) else alike.iloc[-1]
    offer = prices.find_price(f"{row['provider']}/{row['region']}/{row['instance_type']}")
    return Nodes(offer.cores, offer.gpus, float(offer.memory_mib)), offer


def _nice(seconds: float, *, up: bool = True) -> float:
    """Return a time that people write: the next longer one, or the next shorter one."""
    if up:
        return float(next((one for one in _NICE_S if one >= seconds), np.ceil(seconds / DAY_S) * DAY_S))
    return float(max((one for one in _NICE_S if one <= seconds), default=_NICE_S[0]))


def _time(seconds: float) -> str:
    size, unit = (DAY_S, "d") if seconds > 2 * DAY_S else (HOUR_S, "h") if seconds >= HOUR_S else (60.0, "min")
    return f"{seconds / size:g} {unit}"


def _aligned(line: str) -> str:
    """Return a line whose comment, if it has one, begins where those of most lines do."""
    said, tab, comment = line.partition("\t")
    return f"{said:<{COMMENT_AT}} # {comment}" if tab else line


def _flow(value: Any) -> str:
    """Return a value as YAML in a line; JSON is YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Iterable):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)


def _quoted(text: str) -> str:
    """Return a text as YAML, in quotes unless it is plainly a text."""
    plain = re.fullmatch(r"[A-Za-z./_][\w./-]*", text, re.ASCII) and text.lower() not in ("true", "false", "null")
    return text if plain and not re.fullmatch(r"[.\d]+|\.(inf|nan)", text.lower()) else json.dumps(text)


def _line(text: str) -> str:
    """Return a text without breaks, for a comment."""
    return " ".join(text.split())
