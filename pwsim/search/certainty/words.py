"""What draws tell of an answer, in words; what is told is ``certainty`` of ``summary.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pwsim.common import capital, duration, listed, money, share
from pwsim.metrics import statistic_text, value_text
from pwsim.search.certainty.intervals import MEAN_COVERAGE
from pwsim.search.words import STOPS, where_text
from pwsim.workload import SHAKE_S

DRAWN_NAMES = {
    "seed": "other interruptions and failures",
    "shake": f"submissions moved by up to {duration(SHAKE_S)}",
    "weeks": "the weeks of the log drawn anew",
    "users": "the users of the log drawn anew",
    "twin": "jobs made by a statistical twin of the log",
}
"""What is drawn again, in words."""


def by_text(by: Sequence[str]) -> str:
    """Return what is drawn again.

    Examples
    --------
    >>> by_text(["seed", "shake"])
    'other interruptions and failures, and submissions moved by up to 1 min'
    """
    *first, last = [DRAWN_NAMES[one] for one in by]
    return f"{', '.join(first)}, and {last}" if first else last


def held_text(summary: Mapping[str, Any]) -> str:
    """Return how often the answer holds, and which targets are missed how often, as a sentence; empty without draws.

    Parameters
    ----------
    summary
        ``summary.json`` of a run.

    Examples
    --------
    >>> target = {"metric": "wait_s", "statistic": "p95", "where": None}
    >>> told = {"draws": 20, "asked": 20, "first": 1, "held": 3, "by": ["shake"], "stopped": None, "gave_up": []}
    >>> held_text({"certainty": {**told, "targets": [{"held": 3, "counts": True}]}, "targets": [target], "chosen": {}})
    'The answer holds in 3 of 20 draws of what might have been instead (submissions moved by up to 1 min); it misses: \
95th percentile of the waiting time in 17.'
    """
    told = summary["certainty"]
    if told is None:
        return ""
    if not told["draws"]:
        return f"How often that holds was not tried, for {STOPS[told['stopped']]}."
    drawn, held = told["draws"], told["held"]
    often = f"all {drawn:,}" if held == drawn else f"{held:,} of {drawn:,}"
    cut = f" ({told['asked']:,} were to be made, but {STOPS[told['stopped']]})" if told["stopped"] else ""
    fresh = " that did not choose it" if told["first"] > 1 else ""
    what = "The answer holds" if summary["chosen"] is not None else "The closest meets all targets"
    first = f"{what} in {often} draws{fresh} of what might have been instead ({by_text(told['by'])}){cut}"
    missed = [
        f"{_name(target)} in {drawn - here['held']:,}"
        for target, here in zip(summary["targets"], told["targets"], strict=True)
        if here["counts"] and here["held"] < drawn
    ]
    up = f"; {_gave_up(told['gave_up'])}" if told["gave_up"] else ""
    return f"{first}{f'; it misses: {listed(missed)}' if missed else ''}{up}."


def _name(target: Mapping[str, Any]) -> str:
    where = where_text(target["where"])
    return f"{statistic_text(target['metric'], target['statistic'])}{where and f' of jobs {where}'}"


def _gave_up(numbers: Sequence[int]) -> str:
    """Say which replays gave up."""
    many = "the replays of draws" if len(numbers) > 1 else "the replay of draw"
    return f"{many} {listed([str(one) for one in numbers])} gave up"


def next_text(summary: Mapping[str, Any]) -> str:
    """Return between what the next draw lies in cost, the target of most interest, and what was minimised.

    Empty where too few were drawn.

    Parameters
    ----------
    summary
        ``summary.json`` of a run.
    """
    told = summary["certainty"]
    if told is None or "cost_usd_per_year" not in told["intervals"]:
        return ""
    cost = told["intervals"]["cost_usd_per_year"]
    parts = [f"cost {money_text(cost)} a year"]
    if (index := told["worst_target"]) is not None:
        target, here = summary["targets"][index], told["targets"][index]["interval"]
        if here is not None and target["metric"] != "cost_usd_per_year":
            parts.append(f"{_name(target)} {interval_text(target['metric'], here)}")
    if (about := summary["minimise"]) is not None and not about["where"]:
        of = filter(None, [about["metric"], about["statistic"]])
        parts.append(f"{_name(about)} {interval_text(about['metric'], told['intervals'].get('_'.join(of)))}")
    return f"In the next draw, each with a probability of {share(cost['coverage'])}: {', '.join(parts)}."


def interval_text(metric: str, interval: Mapping[str, Any] | None) -> str:
    """Return the prediction interval of a metric in words, a dash if there is none.

    Examples
    --------
    >>> interval_text("wait_s", {"low": 3600.0, "high": 7200.0}), interval_text("wait_s", {"low": 0.0, "high": 0.0})
    ('1 h to 2 h', '0 s')
    """
    return range_text(interval, lambda value: value_text(metric, value))


def money_text(interval: Mapping[str, Any] | None) -> str:
    """Return a prediction interval of money in words, a dash if there is none."""
    return range_text(interval, money)


def range_text(interval: Mapping[str, Any] | None, show: Callable[[float], str]) -> str:
    """Return the ends of a prediction interval, each as ``show`` writes it, once if they are the same."""
    if interval is None:
        return "-"
    low, high = show(interval["low"]), show(interval["high"])
    return low if low == high else f"{low} to {high}"


def mean_text(interval: Mapping[str, Any]) -> str:
    """Return the mean of sums of money with its interval, by its kind.

    Examples
    --------
    >>> mean_text({"mean": 1000.0, "mean_low": 990.0, "mean_high": 1010.0})
    '$1,000 a year (of the mean, a 95 % confidence interval by Student: $990 to $1,010)'
    """
    low, high = money(interval["mean_low"]), money(interval["mean_high"])
    kind = f"of the mean, a {share(MEAN_COVERAGE)} confidence interval by Student"
    return f"{money(interval['mean'])} a year ({kind}: {low} to {high})"


def left_out_texts(told: Mapping[str, Any]) -> list[str]:
    """Return what could not be drawn again and why, a sentence each."""
    return [f"{capital(why)}." for why in told["left_out"].values()]
