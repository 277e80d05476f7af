"""From Slurm's scheduler to a policy, its depth, its own time, and preemption."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pwsim.common import short
from pwsim.rules import LOOKED_AT, Policy
from pwsim.site import ranking, settings
from pwsim.site.accounting import Accounting
from pwsim.site.conf import Conf
from pwsim.site.machine import Door, Group, Notes, placements

_OF_PLANS = ("bf_window", "bf_max_job_user")
"""Parameters that say how plans are made anew."""
_UNITS = {"bf_interval": "seconds", "bf_window": "minutes", "bf_max_job_user": "jobs"}

Site = dict[str, Any]
Comments = dict[str, list[str]]


def _scheduler_parameters(conf: Conf) -> dict[str, str]:
    pairs = (part.partition("=") for part in conf.get("schedulerparameters").split(",") if part.strip())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def add_policy(
    site: Site, comments: Comments, conf: Conf, groups: Iterable[Group], doors: Iterable[Door], notes: Notes
) -> None:
    """Add policy, overrun and depth; it is to be known whether jobs interrupt others."""
    order = ranking.order(conf)
    packed = "packed" in placements(groups, doors, conf, notes).values()
    kind = conf.get("schedulertype", "sched/backfill").lower()
    backfill = "none" if kind == "sched/builtin" else "replan"
    said = [f"PriorityType={conf.get('prioritytype', '(default)')}, SchedulerType={kind}."]
    if backfill == "replan" and site.get("preemption"):
        backfill = "easy" if packed else "conservative"
        said.append("Slurm's backfilling plans anew for every job that it looks at, which has no preemption here.")
    site["policy"] = str(Policy(order, backfill))
    if kind not in ("sched/backfill", "sched/builtin"):
        place = conf.settings["schedulertype"].place
        notes.miss(f"SchedulerType={short(kind)}", place, "a scheduler that pwsim does not know; taken for backfill")
    comments["policy"] = said
    over = conf.get("overtimelimit", "0")
    site["overrun"] = "allow" if over.upper() in ("UNLIMITED", "INFINITE") else "kill"
    if over != "0" and site["overrun"] == "kill":
        place = conf.settings["overtimelimit"].place
        notes.miss(f"OverTimeLimit={short(over)}", place, "minutes that jobs may run past their limit")
    parameters = _scheduler_parameters(conf)
    depth = parameters.get("bf_max_job_test", parameters.get("max_job_bf", ""))
    if depth.isdigit() and 0 < int(depth) <= 10**9:
        site["depth"] = int(depth)
        comments["depth"] = ["bf_max_job_test: how many jobs backfilling looks at."]
    elif depth:
        notes.remarks.append(f"bf_max_job_test={short(depth)} is no number of jobs: left out")
    elif kind == "sched/backfill":
        notes.remarks.append(
            "bf_max_job_test is not set: Slurm's backfilling then looks at 100 jobs up to version 20.02, at 500 since"
        )


def add_scheduler(site: Site, comments: Comments, conf: Conf, notes: Notes) -> None:
    """Add the scheduler's own time, and how it backfills; note what else its parameters say."""
    place = conf.settings["schedulerparameters"].place if "schedulerparameters" in conf.settings else ""
    parameters = _scheduler_parameters(conf)
    plans = Policy.parse(site["policy"]).rule.holds == LOOKED_AT
    for key, value in parameters.items():
        does = settings.SCHEDULER.get(key, "is no parameter of the scheduler that this version of pwsim knows")
        if does and not (plans and key in _OF_PLANS):
            notes.miss(f"SchedulerParameters: {key}{'=' * bool(value)}{short(value)}", place, does)
    told: dict[str, int] = {}
    for key in ("bf_interval", *_OF_PLANS):
        value = parameters.get(key, "")
        if re.fullmatch(r"\d{1,7}", value) and (int(value) or key == "bf_max_job_user"):
            told[key] = int(value)
        elif value and (plans or key == "bf_interval"):
            notes.remarks.append(f"{key}={short(value)} is no number of {_UNITS[key]}: left out")
    if plans:
        interval, window = told.get("bf_interval", 30), told.get("bf_window", 1440)
        site["scheduler"] = {"backfill_period": f"{interval} s", "backfill_window": f"{window} min"}
        if told.get("bf_max_job_user"):
            site["scheduler"]["backfill_per_user"] = told["bf_max_job_user"]
        usual = [key for key in ("bf_interval", "bf_window") if key not in told]
        comments["scheduler"] = ["bf_interval, bf_window, bf_max_job_user" + _as_usual(usual) + "."]
    elif "bf_interval" in told:
        site["scheduler"] = {"period": f"{told['bf_interval']} s"}
        comments["scheduler"] = [
            "bf_interval; Slurm's main scheduler starts the first jobs of the queue in between, too."
        ]


def _as_usual(keys: list[str]) -> str:
    if not keys:
        return ""
    return f"; {' and '.join(keys)} as Slurm has {'it' if len(keys) == 1 else 'them'} where nothing is set"


def add_preemption(site: Site, comments: Comments, conf: Conf, accounting: Accounting, notes: Notes) -> None:
    """Add whether jobs interrupt others."""
    kind, mode = conf.get("preempttype", "preempt/none").lower(), conf.get("preemptmode", "off").lower()
    modes = {part.strip() for part in mode.split(",")}
    place = conf.settings["preempttype"].place if "preempttype" in conf.settings else ""
    if kind == "preempt/none":
        return
    if kind == "preempt/qos":
        pairs = [
            f"{one.name} over {one.values['preempt']}" for one in accounting.qos.values() if one.values.get("preempt")
        ]
        notes.miss(
            "PreemptType=preempt/qos",
            place,
            f"jobs of some qualities of service interrupt others ({'; '.join(pairs) or 'nothing says which'})",
        )
        return
    if kind != "preempt/partition_prio":
        notes.miss(f"PreemptType={short(kind)}", place, "a way to interrupt jobs that pwsim does not know")
        return
    tiers = {one.get("tier", 0) for one in site.get("partitions", ())}
    if modes <= {"off"} or len(tiers) < 2:
        notes.remarks.append(
            f"{place}: PreemptType=preempt/partition_prio interrupts no job: PreemptMode is {short(mode)}, tiers are "
            f"{sorted(tiers)}"
        )
        return
    site["preemption"] = True
    comments["preemption"] = [f"PreemptMode={mode}: jobs of higher tiers interrupt those of lower ones."]
    if modes & {"cancel", "suspend", "gang"}:
        notes.miss(f"PreemptMode={short(mode)}", place, "interrupted jobs end or are suspended; here they start again")
