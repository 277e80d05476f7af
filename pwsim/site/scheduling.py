"""From Slurm's scheduler to a policy, its depth, its own time, and preemption."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pwsim.common import short
from pwsim.rules import Policy
from pwsim.site import ranking, settings
from pwsim.site.accounting import Accounting
from pwsim.site.conf import Conf
from pwsim.site.machine import Door, Group, Notes, placements

Site = dict[str, Any]
Comments = dict[str, list[str]]


def _scheduler_parameters(conf: Conf) -> dict[str, str]:
    pairs = (part.partition("=") for part in conf.get("schedulerparameters").split(",") if part.strip())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def add_policy(
    site: Site, comments: Comments, conf: Conf, groups: Iterable[Group], doors: Iterable[Door], notes: Notes
) -> None:
    """Add policy, overrun and depth."""
    order = ranking.order(conf)
    placement = placements(groups, doors, conf, notes)
    kind = conf.get("schedulertype", "sched/backfill").lower()
    backfill = "none" if kind == "sched/builtin" else "easy" if "packed" in placement.values() else "conservative"
    site["policy"] = str(Policy(order, backfill))
    said = [f"PriorityType={conf.get('prioritytype', '(default)')}, SchedulerType={kind}."]
    if backfill == "easy":
        said.append("Slurm's backfilling keeps nodes for every job that it looks at, not only for the first.")
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
    """Add the scheduler's own time; note what else its parameters say."""
    place = conf.settings["schedulerparameters"].place if "schedulerparameters" in conf.settings else ""
    parameters = _scheduler_parameters(conf)
    for key, value in parameters.items():
        does = settings.SCHEDULER.get(key, "is no parameter of the scheduler that this version of pwsim knows")
        if does:
            notes.miss(f"SchedulerParameters: {key}{'=' * bool(value)}{short(value)}", place, does)
    interval = parameters.get("bf_interval", "")
    if re.fullmatch(r"\d{1,7}", interval) and int(interval):
        site["scheduler"] = {"period": f"{interval} s"}
        comments["scheduler"] = [
            "bf_interval; Slurm's main scheduler starts the first jobs of the queue in between, too."
        ]
    elif interval:
        notes.remarks.append(f"bf_interval={short(interval)} is no number of seconds: left out")


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
