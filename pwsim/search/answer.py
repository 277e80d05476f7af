"""The finding of a search in a few sentences, the answer first, for someone who is not an HPC expert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pwsim.cluster import VERBS
from pwsim.common import capital, count, listed, money, numeral, share
from pwsim.metrics import value_text
from pwsim.results import left, service
from pwsim.rules import policy_name
from pwsim.search.certainty import held_text, next_text
from pwsim.search.sensitivity.words import headroom_text, near_text
from pwsim.search.words import (
    STOPS,
    beyond_log_text,
    committed_text,
    drawn_text,
    edge_text,
    frontier_text,
    minimised_text,
    missed_text,
    savings_texts,
    sure_text,
    undecided_text,
)

LOST_AT_THE_END = 0.25
"""Share of its limit by which the last tenth of the log must miss a target for the answer to say so."""


def answer(summary: Mapping[str, Any]) -> str:
    """Return the finding of a run in plain sentences, the answer first.

    Parameters
    ----------
    summary
        What ``summary.json`` of ``pwsim run`` holds.
    """
    setups, replayed = count(summary["setups_in_space"], "setup"), f"{summary['setups_simulated']:,} replayed"
    draws = summary.get("decisions")
    sure = f", {sure_text(draws)}" if draws else ""
    proven = f"proven for this log, these rules and seed {summary['seed']}{sure}; {replayed}"
    if summary["chosen"] is not None:
        first = f"{_setup(summary, summary['chosen'])}; it costs {money(summary['cost_usd_per_year'])} a year."
        sentences = [capital(first), capital(service(summary)), *left(summary)]
        sentences[1:1] = savings_texts(summary["savings_plans"])
        sentences += _lost_at_the_end(summary["targets"])
        plans = summary["savings_plans"]
        sentences += filter(None, [beyond_log_text(summary["pools"], summary["workload"]["span_s"], plans)])
        if summary["minimise"] is not None:
            sentences.append(_minimised(summary, f"{setups} allowed", proven))
        elif summary["status"] == "optimal":
            sentences.append(f"None of the {setups} allowed that meets all targets is cheaper ({proven}).")
        elif summary["stopped"] == "undecided":
            assert draws is not None
            sentences.append(
                f"{undecided_text(draws)} A cheaper one might do, but none below "
                f"{money(summary['lower_bound_usd_per_year'])} a year ({share(summary['gap'])} less; {proven})."
            )
        else:
            sentences.append(
                f"The search was cut short, for {STOPS[summary['stopped']]} ({replayed} of {setups} allowed): a cheaper"
                f" one might exist, but none below {money(summary['lower_bound_usd_per_year'])} a year "
                f"({share(summary['gap'])} less)."
            )
        sentences += _drawn(summary)
        varied = list(filter(None, [frontier_text(summary["frontier"])])) if summary["frontier"] else []
        changes = summary["sensitivity"]
        otherwise = (
            [] if changes is None else filter(None, [headroom_text(changes["headroom"]), near_text(changes["rent"])])
        )
        told = [*sentences, *map(edge_text, summary["edges"]), *varied, *_years(summary), *otherwise]
        return " ".join([*told, *_beware(summary)])
    if summary["status"] == "infeasible":
        first = f"None of the {setups} allowed meets all targets ({proven})."
    elif summary["stopped"] == "undecided":
        assert draws is not None
        first = (
            f"No setup was found that meets all targets. {undecided_text(draws)} None below "
            f"{money(summary['lower_bound_usd_per_year'])} a year does ({proven})."
        )
    else:
        none = "No setup is known to meet all targets yet" if draws else "None of the setups replayed meets all targets"
        first = f"{none}; the search was cut short, for {STOPS[summary['stopped']]} ({replayed} of {setups})."
    missed = [f"{target['text']} ({_reached(target)})" for target in summary["targets"] if not target["met"]]
    misses = f"it misses: {'; '.join(missed)}" if missed else "on draws it was not decided"
    closest = f"The closest: {_setup(summary, summary['closest'])}, at {money(summary['cost_usd_per_year'])} a year"
    after = [*_drawn(summary), *_beyond(summary), *_years(summary), *_beware(summary)]
    return " ".join([first, f"{closest}; {misses}.", *after])


def _drawn(summary: Mapping[str, Any]) -> list[str]:
    """Say how often the answer holds in draws, and between what its figures lie in the next."""
    return list(filter(None, [held_text(summary), next_text(summary)]))


def _reached(target: Mapping[str, Any]) -> str:
    """Say what is reached of a target."""
    if target.get("draws"):
        return f"it holds in {drawn_text(target)}"
    return f"it reaches {value_text(target['metric'], target['achieved'])}"


def is_found(summary: Mapping[str, Any]) -> bool:
    """Return whether some setup meets the targets, and where years were to be planned, one in each of them."""
    return summary["chosen"] is not None and (summary["horizon"] is None or bool(summary["horizon"]["plan"]))


def _minimised(summary: Mapping[str, Any], setups: str, proven: str) -> str:
    """Say that no setup has less of what was to be minimised, or how much less one might have."""
    objective = summary["minimise"]
    name, value = minimised_text(objective), value_text(objective["metric"], objective["achieved"])
    if summary["status"] == "optimal":
        return (
            f"None of the {setups} that meets all targets has less of the {name} than {value}, and none that has as "
            f"little is cheaper ({proven})."
        )
    least = value_text(objective["metric"], objective["lower_bound"])
    return (
        f"The search was cut short, for {STOPS[summary['stopped']]}: the {name} is {value}; another of the {setups} "
        f"might have less, but none less than {least}."
    )


def _beyond(summary: Mapping[str, Any]) -> list[str]:
    """Return that the log has fewer jobs than a target asks for, where no setup can complete as many."""
    hours = summary["workload"]["span_s"] / 3600
    if summary["trim"] is not None or not hours:
        return []
    submitted = summary["workload"]["jobs_replayed"] / hours
    asked = [one["at_least"] for one in summary["targets"] if one["metric"] == "throughput_jobs_per_hour"]
    if submitted >= max(asked, default=0.0):
        return []
    return [f"The log itself submits only {numeral(submitted, 4)} jobs an hour, so no setup can complete more."]


def _years(summary: Mapping[str, Any]) -> list[str]:
    """Return what to do over the years, where these were to be planned."""
    return [] if summary["horizon"] is None else [summary["horizon"]["text"]]


def _beware(summary: Mapping[str, Any]) -> list[str]:
    """Warn of all that makes the answer doubtful: a poor replay of the present machine, a broken log."""
    problems = [one for one in summary["log_verdicts"] if one["level"] == "problem"]
    log = [
        f"Beware: {one['finding'].split('. ')[0].rstrip('.')} (a problem of the log: {one['topic'].lower()})."
        for one in problems[:1]
    ]
    return [*_trust(summary["hindcast"]), *log]


def _lost_at_the_end(targets: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return, of the targets that are met on the whole, those that the last tenth of the log misses clearly."""
    lost = [
        f"{missed_text({**target, 'achieved': target['last_tenth']['achieved'], 'draws': None})}"
        for target in targets
        if target["met"] and target["last_tenth"] is not None and target["last_tenth"]["miss"] > LOST_AT_THE_END
    ]
    return [f"But in the last tenth of the log, {listed(lost)}."] if lost else []


def _trust(check: Mapping[str, Any] | None) -> list[str]:
    """Warn of an answer if no replay of the present machine tells that it can be trusted."""
    if check is None or check["verdict"] in ("good", "rough"):
        return []
    if check["verdict"] is None:
        return ["Whether a replay waits as the real machine does could not be checked: the log has no recorded waits."]
    beware = "Beware: a replay of the present machine does not wait as the log recorded (poor)"
    return [f"{beware}, so take the waits for a comparison of setups, not for a forecast."]


def _setup(summary: Mapping[str, Any], setup: Mapping[str, Any]) -> str:
    """Say what to buy and rent, and of which pools nothing."""
    if not any(pool["nodes"] for pool in summary["pools"]):
        return "buy and rent nothing"
    acts = []
    for verb in dict.fromkeys(VERBS.values()):
        pools = [pool for pool in summary["pools"] if VERBS[pool["kind"]] == verb]
        parts = [
            f"{'up to ' if pool['elastic'] else ''}{count(pool['nodes'], 'node')} of pool {pool['name']} "
            f"({_type(pool)}{_size(pool)}{_committed(pool)})"
            for pool in pools
            if pool["nodes"]
        ]
        if unused := [pool["name"] for pool in pools if not pool["nodes"]]:
            parts.append(f"none of pool{'s' if len(unused) > 1 else ''} {listed(unused)}")
        acts += [f"{verb} {listed(parts)}"] if parts else []
    rules = [f"{key} as in alternative {setup[key]}" for key in ("limits", "hours") if key in setup]
    return f"{listed(acts)}, scheduled by {', '.join([policy_name(setup['policy']), *rules])}"


def _size(pool: Mapping[str, Any]) -> str:
    """Return the cores of a pool, and before them its GPUs if it has some."""
    cores = count(pool["nodes"] * pool["cores_per_node"], "core")
    return f"{count(pool['nodes'] * pool['gpus_per_node'], 'GPU')}, {cores}" if pool["gpus_per_node"] else cores


def _type(pool: Mapping[str, Any]) -> str:
    return f"type {pool['type']}, " if "type" in pool else ""


def _committed(pool: Mapping[str, Any]) -> str:
    return f", commitments for {text}" if (text := committed_text(pool)) else ""
