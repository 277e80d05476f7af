"""Verdicts on a log as a whole: records, length, machine, load, its course, gaps.

Each check is a function of the profile alone and gives a verdict, or ``None`` where it has nothing to say.  Limits
without a source are ours.
"""

from __future__ import annotations

import math
from statistics import fmean, median

from pwsim.common import DAY_S, count, duration, listed, share
from pwsim.description.verdict import LEVELS, Level, Profile, Verdict, worse
from pwsim.trace import DROP_REASONS, dropped_words

FEW_JOBS = 100
"""Below this, percentiles and shares mean little: a 95th percentile rests on five jobs or fewer."""
MANY_JOBS = 1000
"""From here on a 99th percentile rests on more than ten jobs."""

LOST_WARNING, LOST_PROBLEM = 0.01, 0.05
"""Shares of records that are dropped although they may have been work; 5 % is more than most targets leave as room."""
IDLE_WARNING = 0.1
"""Share of records that are dropped without loss of work: demand that never ran is not in the replay."""

SHORT_WEEKS, SHORTEST_WEEKS = 4.0, 1.0
"""The week is the longest cycle that all logs repeat: four of them show how weeks differ, and less than one does not
even show the cycle."""

FULL_LOAD, HIGH_LOAD, LOW_LOAD = 1.0, 0.9, 0.1
"""Above 1 the queue grows without end.  Near it, waits grow as 1/(1 - load), as in an M/M/1 queue.  Below 0.1, a wrong
size of the machine is likelier than a site that runs so."""
SEEN_SHARE = 0.5
"""If the log never shows more than this share of the machine in use at once, its size is in doubt."""
MANY_CORES_SINCE = "2005"
"""First year in which processors of two cores were sold for servers (AMD Opteron, April 2005): from then on a node has
more than one core."""
WIDE_PROBLEM = 0.01
"""Share of jobs or of their work that is too wide for the machine, from which results are about another workload."""

THIN_SHARE, THIN_LEAST_WEEKS = 0.5, 8
"""A week at either end with less than this share of the median week's load is part of a start or an end, not of normal
use; looked for in logs of so many full weeks, which leave a median to compare with."""
CUT_PROBLEM = 0.5
"""Share of the log that is to be cut off from which what is left is another log."""
CUT_WORK = 0.05
"""Share of the work up to which a thin start or end is cut off unseen; with more, it is not that thin."""
THIN_JOBS = 5.0
"""The first hundredth of the jobs takes this many hundredths of the span or more: the log starts thinly."""
THIN_LEAST_JOBS = 5
"""If the median run time of so many first jobs is beyond nine in ten of the others, it is so by chance once in 117 logs
(three or more of five) or less."""

TREND_WARNING, TREND_LEAST_WEEKS = 1.25, 6
"""Load of the last third of the weeks over that of the first (or the reverse) from which the log is no steady state."""
PEAK_WARNING = 2.0
"""The busiest week over the median one: means hide it, and it decides the long waits."""

LONG_GAP_S = 3 * DAY_S
"""A gap that a weekend (Friday evening to Monday morning, 62 h) does not explain."""


def records(profile: Profile) -> Verdict:
    """Judge how many records were dropped, and why."""
    log = profile["log"]
    dropped = log["dropped"]
    if not dropped:
        return Verdict("Records", "ok", f"All {count(log['records_read'], 'record')} can be replayed.")
    lost = sum(one["share"] for one in dropped if DROP_REASONS[one["reason"]].work_lost)
    all_dropped = sum(one["share"] for one in dropped)
    level = min(worse(lost, LOST_WARNING, LOST_PROBLEM), worse(all_dropped, IDLE_WARNING), key=LEVELS.index)
    named = [(f"{one['records']:,} ", dropped_words(one["reason"])) for one in dropped]
    reasons = listed([f"{records if len(named) > 1 else ''}{name}" for records, name in named])
    number = sum(one["records"] for one in dropped)
    finding = (
        f"{count(number, 'record')} of {log['records_read']:,} ({share(all_dropped)}) cannot be replayed: {reasons}."
    )
    if level == "ok":
        return Verdict("Records", level, finding)
    if lost >= LOST_WARNING:
        return Verdict(
            "Records",
            level,
            finding,
            "Their work is missing from the replay. Look at the examples, and mend the export.",
        )
    return Verdict(
        "Records", level, finding,
        "They took no processors, but some may be demand that went unserved: the replay shows a little less than was "
        "asked for.",
    )  # fmt: skip


def amount(profile: Profile) -> Verdict:
    """Judge whether there are jobs enough for percentiles."""
    jobs = profile["log"]["jobs"]
    level: Level = "problem" if jobs < FEW_JOBS else "warning" if jobs < MANY_JOBS else "ok"
    advice = "Percentiles and shares rest on a handful of jobs: get a longer log." if level != "ok" else ""
    return Verdict("Number of jobs", level, f"{count(jobs, 'job')}.", advice)


def length(profile: Profile) -> Verdict:
    """Judge whether the log is long enough to stand for a year."""
    span = profile["span"]
    level = worse(-span["weeks"], -SHORT_WEEKS, -SHORTEST_WEEKS)
    finding = f"The log spans {duration(span['span_s'])} ({span['weeks']:.1f} weeks)."
    if level == "ok" and span["weeks"] > SHORT_WEEKS:
        return Verdict("Length", "ok", finding)
    return Verdict(
        "Length", level, finding,
        "Costs and throughput are scaled from it to a year, and weeks differ: get a longer log, at best a year.",
    )  # fmt: skip


def machine(profile: Profile) -> Verdict:
    """Judge whether the machine's size is known and fits what the log shows."""
    one = profile["machine"]
    cores, seen = one["cores"], one["most_in_use"]
    if cores is None:
        shown = f" By the recorded waits, at most {count(seen, 'core')} were in use at once." if seen else ""
        return Verdict(
            "Machine", "warning", f"The size of the machine is not known.{shown}", "Give it with --cores, for the load."
        )
    finding = f"{count(cores, 'core')}, {'as given' if one['source'] == 'given' else 'by ' + one['source']}."
    if seen is None:
        return Verdict("Machine", "ok", finding)
    if seen > cores:
        return Verdict(
            "Machine", "warning", f"{finding} By the recorded times jobs held up to {seen:,} at once.",
            "Times are rounded or clocks differ, or the machine was larger for a while: ask the site. A recorded "
            "schedule cannot be followed to the second.",
        )  # fmt: skip
    finding = f"{finding} By the recorded times jobs held at most {seen:,} of them at once."
    if seen < SEEN_SHARE * cores:
        return Verdict("Machine", "warning", finding, "Check the size, and whether the log is of the whole machine.")
    return Verdict("Machine", "ok", finding)


def processors(profile: Profile) -> Verdict | None:
    """Judge whether what the log calls a processor may be a whole node of many cores.

    That a header has as many processors as nodes is certain; how many cores a node had, no log in SWF tells.
    """
    one, since = profile["machine"], profile["span"]["first_submit"]
    found = ""
    if one["nodes"] is not None and one["nodes"] == one["procs"] and one["nodes"] > 1:
        found = f"The header says as many processors as nodes (MaxNodes = MaxProcs = {one['nodes']:,}): each is a node."
        if since is not None and since[:4] < MANY_CORES_SINCE:
            return Verdict("Processors", "ok", f"{found} Before {MANY_CORES_SINCE}, most such nodes had one core.")
    elif one["a_proc_a_node_jobs"] and one["most_nodes"] > 1:
        jobs = count(one["a_proc_a_node_jobs"], "job")
        found = f"{jobs} of which the log tells the nodes have as many processors: each may be a node."
    if not found:
        return None
    return Verdict(
        "Processors", "warning", found,
        "If a node has more cores, sizes, load and costs are too small by that factor: make cores of them with "
        "`workload: {cores_per_proc: N}` (--cores-per-proc N) with the cores of a node, which the log does not tell.",
    )  # fmt: skip


def load(profile: Profile) -> Verdict | None:
    """Judge the offered load: work submitted over what the machine can do between first and last submission."""
    offered = profile["load"]["offered_load"]
    if offered is None:
        return None
    text = f"{share(offered)} of the machine is asked for on average."
    if offered > FULL_LOAD:
        return Verdict(
            "Load", "problem", f"{text} It cannot do that.",
            "Check --cores. If it is right, the queue grows until the log ends, and waits depend on its length alone.",
        )  # fmt: skip
    if offered > HIGH_LOAD:
        return Verdict(
            "Load", "warning", text, "Waits depend on small things so near to full load: vary load and seed."
        )
    if offered < LOW_LOAD:
        return Verdict("Load", "warning", text, "Check the size of the machine, and whether the log is of all of it.")
    return Verdict("Load", "ok", text)


def too_wide(profile: Profile) -> Verdict | None:
    """Judge the jobs that the machine cannot hold."""
    one = profile["machine"]
    if one["cores"] is None:
        return None
    if not one["too_wide_jobs"]:
        return Verdict("Widest job", "ok", f"{count(one['widest'], 'core')}: every job fits.")
    return Verdict(
        "Widest job",
        worse(max(one["too_wide_share"], one["too_wide_work_share"]), 0.0, WIDE_PROBLEM),
        f"{count(one['too_wide_jobs'], 'job')} ({share(one['too_wide_work_share'])} of the work) "
        f"ask for more than the machine's {count(one['cores'], 'core')}, up to {one['widest']:,}.",
        f"A machine of this size rejects them. Check --cores, or leave them out: "
        f"`where: {{procs_at_most: {one['cores']}}}`.",
    )


def edges(profile: Profile) -> Verdict | None:
    """Judge whether the log starts or ends thinly; a short log that does not start thinly is too short to tell."""
    span = profile["span"]
    if not span["span_s"]:
        return None
    start_d, end_d = normal_days(profile)
    late_d = int(span["span_s"] / DAY_S) - end_d
    if not start_d and not late_d:
        if len(_full_weeks(profile)) < THIN_LEAST_WEEKS:
            return None
        return Verdict("Start and end", "ok", "The log starts and ends as busy as it is in between.")
    first, last = _normal_weeks(profile)
    ended = len(_full_weeks(profile)) - last
    found = []
    if start_d > 7 * first:
        first_days = f"The first {count(start_d, 'day')} of {end_d + late_d} hold 1 % of the jobs"
        if exported_by_end(profile):
            first_days += (
                ", and half of these run longer than nine in ten of the others: as in a log that was exported by the "
                "end of jobs, which has of its first days the longest alone"
            )
        found.append(f"{first_days}.")
    elif start_d:
        found.append(f"The first {_weeks(first)} for less than half of what is usual.")
    if ended:
        full = "full " if end_d + late_d > 7 * (last + ended) else ""
        found.append(f"The last {full}{_weeks(ended)} for less than half of what is usual.")
    window = ", ".join(
        [*([f"start: {start_d} d"] if start_d else []), *([f"length: {end_d - start_d} d"] if ended else [])]
    )
    level = worse(1 - (end_d - start_d) / (end_d + late_d), 0.0, CUT_PROBLEM)
    weeks, late = profile["load"]["by_week"], sum(week["core_hours"] for week in profile["load"]["by_week"][last:])
    total = sum(week["core_hours"] for week in weeks) or 1.0
    early = span["first_jobs_work_share"] if start_d > 7 * first else (
        sum(week["core_hours"] for week in weeks[:first]) / total
    )  # fmt: skip
    lost = early + (late / total if ended else 0.0)
    if lost > CUT_WORK and not exported_by_end(profile):
        advice = (
            f"It has {share(lost)} of the work: look at its jobs before you cut it off with `window: {{{window}}}`."
        )
    else:
        advice = f"That makes the machine look idler than it is: cut it off with `window: {{{window}}}`."
        advice += f" With it goes {share(lost)} of the work." if lost > CUT_WORK else ""
    return Verdict("Start and end", level, " ".join(found), advice)


def course(profile: Profile) -> Verdict | None:
    """Judge whether the load is the same from beginning to end."""
    start_d, end_d = normal_days(profile)
    loads = [week["cores_in_demand"] for week in _full_weeks(profile)[math.ceil(start_d / 7) : end_d // 7]]
    if len(loads) < TREND_LEAST_WEEKS or not (usual := median(loads)):
        return None
    third = len(loads) // 3
    before, after = fmean(loads[:third]), fmean(loads[-third:])
    finding = f"The busiest week asks for {max(loads) / usual:.1f} times as much as the median week, "
    finding += f"the last third of the weeks for {after / before:.2f} times as much as the first." if before else "."
    if before and not 1 / TREND_WARNING <= after / before <= TREND_WARNING:
        return Verdict(
            "Course", "warning", finding,
            "The load changes over the log. Plan on its recent part (`window`), or say where it goes (`grow`).",
        )  # fmt: skip
    if max(loads) > PEAK_WARNING * usual:
        return Verdict(
            "Course", "warning", finding,
            "Such weeks decide the long waits. Look at them, and at whether results hold for other draws (`resample`).",
        )  # fmt: skip
    return Verdict("Course", "ok", finding)


def gaps(profile: Profile) -> Verdict:
    """Judge times without submissions."""
    found = profile["gaps"]
    start_d, end_d = normal_days(profile)
    inside = [gap for gap in found if start_d * DAY_S <= gap["start_s"] + gap["length_s"] / 2 <= end_d * DAY_S]
    long = [gap for gap in inside if gap["length_s"] >= LONG_GAP_S]
    if not found:
        return Verdict("Gaps", "ok", "No day or more without submissions, beyond what chance explains.")
    longest = found[0]
    when = longest["start"] or f"{duration(longest['start_s'])} after the first submission"
    lost = sum(gap["length_s"] for gap in found) / profile["span"]["span_s"]
    often = f"{len(found)} times" if len(found) > 1 else "Once"
    finding = (
        f"{often}, nobody submitted for a day or longer ({share(lost)} of the span); the longest is "
        f"{duration(longest['length_s'])} from {when} on."
    )
    if not long:
        cut = len(inside) < len(found)
        return Verdict(
            "Gaps", "ok", f"{finding} {'The cut of start or end leaves out the long ones.' if cut else ''}".strip()
        )
    return Verdict(
        "Gaps", "warning", finding,
        "Was the machine down, or the log cut? Such times count as idle: choose a `window` without them.",
    )  # fmt: skip


def exported_by_end(profile: Profile) -> bool:
    """Return whether the first hundredth of the jobs are so long as if the log were exported by the end of jobs."""
    span = profile["span"]
    enough = span["first_jobs"] >= THIN_LEAST_JOBS
    return bool(enough and span["first_jobs_run_s_p50"] > span["other_jobs_run_s_p90"])


def normal_days(profile: Profile) -> tuple[int, int]:
    """Return the days between which the log is neither starting nor ending."""
    span = profile["span"]
    first, last = _normal_weeks(profile)
    start_d, end_d = 7 * first, int(span["span_s"] / DAY_S)
    if last < len(_full_weeks(profile)):
        end_d = 7 * last
    if span["middle_start_s"] > THIN_JOBS / 100 * max(span["span_s"], DAY_S):
        start_d = max(start_d, int(span["middle_start_s"] / DAY_S))
    return start_d, max(start_d, end_d)


def _normal_weeks(profile: Profile) -> tuple[int, int]:
    """Return the range of full weeks without those of little load at either end."""
    loads = [week["cores_in_demand"] for week in _full_weeks(profile)]
    if len(loads) < THIN_LEAST_WEEKS:
        return 0, len(loads)
    normal = [place for place, one in enumerate(loads) if one >= THIN_SHARE * median(loads)]
    return normal[0], normal[-1] + 1


def _weeks(number: int) -> str:
    return "week asks" if number == 1 else f"{number} weeks ask"


def _full_weeks(profile: Profile) -> list[Profile]:
    return [week for week in profile["load"]["by_week"] if week["days"] == 7]


CHECKS = (records, amount, length, machine, processors, load, too_wide, edges, course, gaps)
"""In the order in which they are shown."""
