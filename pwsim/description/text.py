"""The profile and the verdicts of a log in words, for a terminal and for the page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from pwsim.common import count, duration, listed, numeral, share
from pwsim.description.verdict import LEVELS, Profile, Verdict
from pwsim.metrics import ABSENT_SHARE
from pwsim.trace import left_out_words

WIDTH = 100
"""Columns of a line on a terminal."""

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def headline(profile: Profile, verdicts: Sequence[Verdict]) -> str:
    """Return in a sentence or two what the log is, and how it is judged."""
    span, users = profile["span"], profile["users"]["count"]
    number = count(profile["log"]["jobs"], "job")
    of_users = f" of {count(users, 'user')}" if users else ""
    dates = f", {span['first_submit'][:10]} to {span['last_submit'][:10]}" if span["first_submit"] else ""
    found = [sum(verdict.level == level for verdict in verdicts) for level in LEVELS]
    judged = f"{count(found[0], 'problem')}, {count(found[1], 'warning')}, {found[2]} fine"
    return f"{number}{of_users} over {duration(span['span_s'])}{dates}. Verdicts: {judged}."


def facts(profile: Profile) -> list[tuple[str, str]]:
    """Yield label and text of each line about the contents of a log."""
    return [(label, text) for label, text in _facts(profile) if text]


def as_text(profile: Profile, verdicts: Sequence[Verdict]) -> str:
    """Return the whole description for a terminal: facts first, then verdicts, the worst first."""
    lines = [f"{profile['log']['name']}: {headline(profile, verdicts)}", ""]
    for label, text in facts(profile):
        lines += _filled(f"{label:<14} ", text)
    for one in profile["log"]["dropped"]:
        lines += ["", f"Dropped: {count(one['records'], 'record')} ({share(one['share'])}): {one['text']}"]
        if one["example"]:
            lines += _filled("  ", f"line {one['line']:,}: {one['example']}")
    lines.append("")
    for verdict in worst_first(verdicts):
        lines += _filled(f"{verdict.level:<8} {verdict.topic + ':':<16} ", verdict.finding)
        if verdict.advice:
            lines += _filled(f"{'':<25} ", f"-> {verdict.advice}")
    return "\n".join(lines)


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts sorted by level, otherwise in their order."""
    return sorted(verdicts, key=lambda verdict: LEVELS.index(verdict.level))


def _facts(profile: Profile) -> Iterator[tuple[str, str]]:
    log, span, machine = profile["log"], profile["span"], profile["machine"]
    site = listed([text for text in (log["computer"], log["installation"]) if text] or [""])
    yield "Log", f"format {log['format'] or 'none'}{f'; {site}' if site else ''}"
    yield "Records", f"{log['records_read']:,} read, {log['jobs']:,} jobs"
    for reason, jobs in log["left_out"].items():
        of_work = log["left_out_work"].get(reason)
        work = "" if of_work is None else f", {share(of_work)} of the work"
        yield "Left out", f"{count(jobs, 'job')}: {left_out_words(reason)}{work}"
    yield "Changed", "; ".join(log["changes"])
    when = (
        f"{span['first_submit']} to {span['last_submit']} ({span['clock']})" if span["first_submit"] else span["clock"]
    )
    yield "Submissions", f"{duration(span['span_s'])}, {when}"
    size = f"{count(machine['cores'], 'core')} ({machine['source']})" if machine["cores"] else "size not known"
    seen = f"; at most {machine['most_in_use']:,} in use at once" if machine["most_in_use"] else ""
    yield "Machine", f"{size}{seen}"
    yield "Load", _load(profile)
    gpus = profile["gpus"]
    yield "Work", f"{_gpu_hours(profile)}{count(profile['run_s']['core_hours'], 'core-hour')}"
    if gpus["jobs"]:
        part = f"; {share(gpus['part_share'])} take a part of one" if gpus["part_share"] else ""
        yield "GPUs", f"{_spread(gpus['gpus'], numeral)} GPUs of the jobs that ask for any{part}"
    sizes, one = profile["procs"], share(profile["procs"]["serial_share"])
    yield "Sizes", f"{_spread(sizes, '{:,.0f}'.format)} processors; {one} take one"
    yield "Run times", _spread(profile["run_s"], duration)
    estimates = profile["estimates"]
    if estimates["missing_share"] >= ABSENT_SHARE:
        yield "Estimates", "none"
    elif estimates["used"]:
        common = listed([f"{duration(one['estimate_s'])} ({share(one['share'])})" for one in estimates["common"][:3]])
        yield "Estimates", f"{share(estimates['missing_share'])} missing; most frequent: {common}"
        yield "Estimates used", _spread(estimates["used"], share)
    yield "Arrivals", _arrivals(profile)
    if profile["waits"]["recorded_s"]:
        yield "Waits", _spread(profile["waits"]["recorded_s"], duration)
    if profile["waits"]["held_s"]:
        yield (
            "Held back",
            f"{share(profile['waits']['held_share'])} of the jobs, {_spread(profile['waits']['held_s'], duration)}",
        )
    if profile["memory"]["mib_per_core"]:
        yield "Memory", f"{_spread(profile['memory']['mib_per_core'], _gib)} a core"
    for label, key in (("Users", "users"), ("Groups", "user_groups"), ("Queues", "queues")):
        yield label, _largest(profile[key])
    states = profile["statuses"]
    yield "States", ", ".join(f"{name}: {jobs:,}" for name, jobs in list(states.items())[:6])
    for note in log["notes"]:
        yield "Note", note


def _gib(mib: float) -> str:
    return f"{numeral(mib / 1024, 3)} GiB"


def _load(profile: Profile) -> str:
    load = profile["load"]
    demand = load["cores_in_demand"]
    if demand is None:
        return ""
    offered = f"{share(load['offered_load'])} offered, " if load["offered_load"] is not None else ""
    gpus = profile["gpus"]
    of_gpus = f"{numeral(gpus['gpus_in_demand'], 4)} GPUs in demand on average, " if gpus["jobs"] else ""
    return f"{of_gpus}{offered}{count(demand, 'core')} in demand on average"


def _gpu_hours(profile: Profile) -> str:
    gpus = profile["gpus"]
    return f"{count(gpus['gpu_hours'], 'GPU-hour')} ({share(gpus['job_share'])} of the jobs), " if gpus["jobs"] else ""


def _spread(values: Profile, show: Any) -> str:
    """Return median, 95th percentile and largest value."""
    return f"median {show(values['p50'])}, 95 % at most {show(values['p95'])}, largest {show(values['max'])}"


def _arrivals(profile: Profile) -> str:
    arrivals = profile["arrivals"]
    by_hour, by_day = arrivals["by_hour"], arrivals["by_weekday"]
    a_day = arrivals["jobs_per_day"]
    rate = f"{a_day:,.{0 if a_day >= 10 else 2}f} jobs a day; " if a_day else ""
    text = f"{rate}most in hour {by_hour.index(max(by_hour))}, fewest in hour {by_hour.index(min(by_hour))} of the day"
    if by_day is None:
        return text
    return f"{text}; most on {_DAYS[by_day.index(max(by_day))]}, fewest on {_DAYS[by_day.index(min(by_day))]}"


def _largest(names: Profile) -> str:
    if not names["count"]:
        return ""
    rows = listed(
        [f"{row['name']} ({share(row['core_hour_share'])} of the core-hours)" for row in names["largest"][:3]]
    )
    return f"{names['count']:,}; the largest: {rows}"


def _filled(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_on_hyphens=False
    ) or [start.rstrip()]
