"""Verdicts on what a log tells of its jobs: estimates, run times, waits, clocks, users, memory, GPUs.

Each check is a function of the profile alone and gives a verdict, or ``None`` where it has nothing to say.  Limits
without a source are ours.
"""

from __future__ import annotations

from pwsim.common import count, duration, listed, numeral, share
from pwsim.description.log_checks import FEW_JOBS
from pwsim.description.verdict import Profile, Verdict, worse
from pwsim.metrics import ABSENT_SHARE
from pwsim.workload import LEAST_WEEKS

PARTLY_ABSENT_SHARE = 0.1
"""If so many are, they change what backfilling sees."""
LOOSE_SHARE = 0.1
"""Half of the jobs use this share of what they ask for, or less.  In KTH-SP2 it is 0.41, in CEA-Curie 0.016."""
BEYOND_WARNING = 0.01
"""Share of jobs that ran on after their estimate: then it matters whether the replay ends them there."""
AT_LIMIT_WORK, AT_LIMIT_JOBS = 0.1, 0.05
"""Share of the work, or of the jobs, that ended at the limit: they would have run longer."""
CUT_JOBS, CUT_SHARE = 20, 0.3
"""So many jobs within 2 % of the longest run time, and such a share of the longer half: there was a limit."""
FEW_JOBS_WORK = 0.25
"""Share of the work in ten jobs from which their accidents outweigh the rest."""
ZERO_WARNING = 0.05
"""Share of jobs with no run time: they count as jobs and hold nothing."""
ROUNDED_SHARE = 0.9
"""If so many times are whole minutes (1 in 60 by chance), they were rounded, or taken once a minute."""
UNNAMED_SHARE = 0.1
"""Share of jobs without a user from which what is said of users is incomplete."""
ONE_USER_WORK = 0.5
"""One user with half of the jobs or work decides what is best for all."""
FLURRY_PROBLEM = 0.2
"""Share of all jobs in flurries from which the replay is about them."""
MEMORY_WARNING = 0.95
"""Share of jobs with known memory below which memory can decide wrongly what fits."""
GPU_WARNING = 0.01
"""Share of jobs with GPUs from which GPUs are a part of the plan."""
CUT_OFF_JOBS = 5
"""So many jobs of different run times do not end at the last instant of a log by chance: there it was cut off."""
CUT_OFF_PROBLEM = 0.1
"""Share of the work in such jobs from which the load is not known."""


def estimates(profile: Profile) -> Verdict:
    """Judge whether users' estimates are there and say something."""
    one = profile["estimates"]
    missing = one["missing_share"]
    if missing >= ABSENT_SHARE:
        return Verdict(
            "Estimates", "warning", "The log has no estimates of run times, so the run times stand for them.",
            "Policies that look at estimates (EASY, conservative, sjf) then know the future, and gain what they would "
            "not gain on a real machine. Compare with `policy: fcfs`, which does not look at them.",
        )  # fmt: skip
    used = one["used"]
    finding = f"Half of the jobs use {share(used['p50'])} of the time that they ask for, or less."
    if missing >= PARTLY_ABSENT_SHARE:
        return Verdict(
            "Estimates", "warning", f"{share(missing)} of the jobs have no estimate. Of the others: {finding}",
            "Their run time stands for it: backfilling knows more than it would.",
        )  # fmt: skip
    if one["beyond_limit_share"] >= BEYOND_WARNING:
        return Verdict(
            "Estimates", "warning",
            f"{count(one['beyond_limit_jobs'], 'job')} ({share(one['beyond_limit_share'])}) ran on after their "
            f"estimate. {finding}",
            "Say what your scheduler does with them: `overrun: allow` lets them run, `overrun: kill` ends them.",
        )  # fmt: skip
    if used["p50"] <= LOOSE_SHARE:
        return Verdict(
            "Estimates", "warning", finding,
            "Estimates say little about run times: compare orders by estimate (sjf) with others before you rely on "
            "them, and expect jobs to start far earlier than reserved.",
        )  # fmt: skip
    return Verdict("Estimates", "ok", finding)


def limits(profile: Profile) -> Verdict | None:
    """Judge whether run times were cut at limits."""
    one, run = profile["estimates"], profile["run_s"]
    absent = one["missing_share"] >= ABSENT_SHARE
    at_limit = 0.0 if absent else one["at_limit_work_share"]
    jobs = 0.0 if absent else one["at_limit_share"]
    if at_limit >= AT_LIMIT_WORK or jobs >= AT_LIMIT_JOBS:
        return Verdict(
            "Limits", "warning",
            f"{share(jobs)} of the jobs, with {share(at_limit)} of the work, ended at their limit.",
            "They would have run longer: their demand is larger than it seems, and faster nodes (`speed`, `faster`) do "
            "not shorten them as the replay has it.",
        )  # fmt: skip
    if run["at_longest_jobs"] >= CUT_JOBS and run["at_longest_share_of_long"] >= CUT_SHARE:
        return Verdict(
            "Limits", "warning", f"{count(run['at_longest_jobs'], 'job')} ran for about {duration(run['max'])}, the "
            "longest there is.",
            "That looks like a limit: what these jobs wanted is not known.",
        )  # fmt: skip
    if absent:
        return None
    return Verdict(
        "Limits", "ok", f"{share(jobs)} of the jobs, with {share(at_limit)} of the work, ended at their limit."
    )


def cut_off(profile: Profile) -> Verdict | None:
    """Judge jobs that end with the log, all at once."""
    one = profile["cut_off"]
    if one is None or one["jobs"] < CUT_OFF_JOBS:
        return None
    finding = f"{count(one['jobs'], 'job')}, with {share(one['work_share'])} of the work, end at the log's last instant"
    if max(different := one["different_run_s"], one["said_to_run"]) < CUT_OFF_JOBS:
        times = f"of {different} different run times" if different > 1 else "all of the same run time"
        return Verdict(
            "Unfinished jobs", "warning",
            f"{finding}, {times}: they may have ended together, as jobs of one array do, or were running on.",
            "In the second case, long jobs and load are understated: look at these jobs.",
        )  # fmt: skip
    return Verdict(
        "Unfinished jobs", worse(one["work_share"], 0.0, CUT_OFF_PROBLEM),
        f"{finding}: they were running on, and their run times stop there.",
        "Long jobs and load are understated: get a later export of the log, or leave long jobs out of what you show.",
    )  # fmt: skip


def largest(profile: Profile) -> Verdict:
    """Judge whether a handful of jobs is most of the work."""
    part = profile["run_s"]["largest_ten_work_share"]
    level = worse(part, FEW_JOBS_WORK)
    advice = "Whether these ten come decides load and waits: look at them, and at results without them."
    finding = f"The ten largest have {share(part)} of the work."
    return Verdict("Largest jobs", level, finding, advice if level != "ok" else "")


def zero_runs(profile: Profile) -> Verdict:
    """Judge jobs without a run time."""
    part = profile["run_s"]["zero_share"]
    level = worse(part, ZERO_WARNING)
    advice = (
        "Cancelled or failed at once: they hold nothing but count in waits, slowdowns and jobs an hour. Prefer "
        "percentiles and targets by size."
    )
    return Verdict("Zero run times", level, f"{share(part)} of the jobs ran for 0 s.", advice if level != "ok" else "")


def waits(profile: Profile) -> Verdict:
    """Judge whether the log tells how long jobs waited."""
    one = profile["waits"]
    advice = "The replay cannot be checked against them (hindcast); submissions may really be starts, with the waits "
    advice += "already in them."
    if one["known_share"] < 0.5:
        known = f"Known of {share(one['known_share'])} of the jobs." if one["known_share"] else "Not recorded."
        return Verdict("Recorded waits", "warning", known, advice)
    if one["recorded_s"]["max"] == 0:
        return Verdict("Recorded waits", "warning", "All are 0.", advice)
    return Verdict(
        "Recorded waits", "ok",
        f"Known of {share(one['known_share'])} of the jobs: {duration(one['recorded_s']['mean'])} on average, "
        f"{share(one['zero_share'])} of them none.",
    )  # fmt: skip


def rounding(profile: Profile) -> Verdict | None:
    """Judge whether times are exact to the second; nothing is said of a handful of submissions."""
    names = {"submit_s": "submissions", "run_s": "run times", "recorded_wait_s": "recorded waits"}
    rounded = [name for name, part in profile["rounding"].items() if part is not None and part >= ROUNDED_SHARE]
    if not rounded:
        if profile["rounding"]["submit_s"] is None:
            return None
        return Verdict("Clock", "ok", "Times are exact to the second.")
    finding = f"{' and '.join(names[name] for name in rounded).capitalize()} are whole minutes."
    if rounded == ["recorded_wait_s"]:
        return Verdict("Clock", "warning", finding, "Do not compare waits below a few minutes with those of a replay.")
    return Verdict(
        "Clock", "warning", finding,
        "Jobs of the same minute come at the same instant. See whether results hold under `shake: 60 s`.",
    )  # fmt: skip


def users(profile: Profile) -> Verdict:
    """Judge whether users are known, and whether one of them decides all."""
    one = profile["users"]
    if one["unnamed_share"] >= UNNAMED_SHARE:
        return Verdict(
            "Users", "warning", f"{share(one['unnamed_share'])} of the jobs have no user.",
            "Flurries cannot be found, and `resample`, `grow` by jobs and fair share see one user: "
            "export the users (hashed will do).",
        )  # fmt: skip
    largest = one["largest"][0]
    part = max(largest["core_hour_share"], one["most_jobs_share"])
    known = count(one["count"], "user")
    if part < ONE_USER_WORK:
        return Verdict("Users", "ok", f"{known}; {one['with_half_of_the_work']} of them have half of the work.")
    most = [f"user {largest['name']} has {share(largest['core_hour_share'])} of the core-hours"]
    if one["most_jobs_share"] >= ONE_USER_WORK:
        most.append(f"one user has {share(one['most_jobs_share'])} of the jobs")
    return Verdict(
        "Users", "warning", f"{known}; {listed(most)}.",
        "Ask whether that goes on. Set targets for the others too (`where: {user: [...]}`).",
    )  # fmt: skip


def flurries(profile: Profile) -> Verdict | None:
    """Judge surges of single users (Tsafrir and Feitelson 2006); a short log is too short to tell."""
    found = profile["flurries"]
    if profile["users"]["unnamed_share"] == 1 or profile["log"]["jobs"] < FEW_JOBS:
        return None
    if len(profile["load"]["by_week"]) < LEAST_WEEKS:
        return None
    if not found:
        return Verdict("Flurries", "ok", "No surge of one user swamps the log.")
    jobs = sum(one["jobs"] for one in found)
    largest = max(found, key=lambda one: one["jobs"])
    return Verdict(
        "Flurries", worse(jobs / profile["log"]["jobs"], 0.0, FLURRY_PROBLEM),
        f"{count(jobs, 'job')} ({share(jobs / profile['log']['jobs'])}) come in {len(found)} "
        f"{'surge' if len(found) == 1 else 'surges'} of one user each; the largest is of user {largest['user']}, "
        f"{count(largest['jobs'], 'job')} from {duration(largest['start_s'])} after the first submission on.",
        "One such surge can decide what a replay shows: compare with `remove_flurries: true`.",
    )  # fmt: skip


def memory(profile: Profile) -> Verdict:
    """Judge whether memory can be planned."""
    known = profile["memory"]["known_share"]
    if known >= MEMORY_WARNING:
        text = f"Known of {share(known)} of the jobs; half of them ask for at most "
        return Verdict(
            "Memory", "ok", f"{text}{numeral(profile['memory']['mib_per_core']['p50'] / 1024, 3)} GiB a core."
        )
    return Verdict(
        "Memory", "warning", f"Known of {share(known)} of the jobs." if known else "Not recorded.",
        "Jobs without it fit everywhere: do not choose the memory of nodes by the replay.",
    )  # fmt: skip


def gpus(profile: Profile) -> Verdict | None:
    """Judge what is known of GPUs: never their model."""
    one = profile["gpus"]
    if not one["jobs"]:
        return None
    parts = f", {share(one['part_share'])} of these a part of one" if one["part_share"] else ""
    return Verdict(
        "GPUs", worse(one["job_share"], GPU_WARNING),
        f"{count(one['jobs'], 'job')} ({share(one['job_share'])}) ask for GPUs{parts}: "
        f"{count(one['gpu_hours'], 'GPU-hour')}, on models that a trace does not tell.",
        "Run times are those of the old GPUs: give other models a `speed`, or use `faster`; plan with "
        "`placement: packed`.",
    )  # fmt: skip


CHECKS = (users, flurries, estimates, limits, cut_off, largest, zero_runs, waits, rounding, memory, gpus)
"""In the order in which they are shown."""
