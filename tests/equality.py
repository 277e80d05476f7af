"""Do two versions of pwsim give the same answers?  ``python -m tests.equality OTHER`` compares this checkout with another.

``OTHER`` is the folder of a second checkout.  Both replay the same cases, each in processes of its own, through the
public interface alone: generated clusters of all kinds in both engines, the archive's logs in full (with
``PWSIM_DATA``), and every shipped scenario through the command line.  Schedules, records of attempts and nodes, metrics,
bills and tables must be the same to the last bit.  For changes that must not change anything: a figure or column that
only one of the two versions has is named, and is no difference.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent.parent
KINDS = ("steady", "changing", "packed", "reserving", "feedback", "feedback_gpu")
ENGINES = ("compiled", "simpy")
LOGS = {
    "kth-sp2": (100, ("fcfs", "easy", "conservative", "sjf-easy", "multifactor-easy", "wfp3-conservative")),
    "nasa-ipsc": (128, ("fcfs", "easy", "conservative", "f1-easy", "easy:sjf")),
    "cea-curie": (93_312, ("fcfs", "easy", "conservative")),
}
"""Data set, processors and policies of the logs that are replayed in full."""
SLOW_IN_SIMPY = {("cea-curie", "conservative"), ("kth-sp2", "wfp3-conservative"), ("kth-sp2", "multifactor-easy")}
"""Logs and policies that the SimPy model takes minutes for: the compiled engine alone replays them."""
REPLAY = (
    "pool",
    "start_s",
    "end_s",
    "killed",
    "failed",
    "restarts",
    "submit_s",
    "attempts",
    "waits",
    "spans",
    "places",
)

UNKNOWN = "unknown=yes"
"""What a version says of a case whose cluster it does not know."""


def cases(kind: str, count: int) -> Iterator[dict[str, Any]]:
    """Yield generated cases of a kind as plain data, the same each time."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    from tests import strategies as drawn

    strategy = {
        "steady": st.tuples(drawn.traces, drawn.clusters),
        "changing": st.tuples(drawn.traces, drawn.changing_clusters),
        "packed": st.tuples(drawn.gpu_traces, drawn.packed_clusters),
        "reserving": drawn.reserving_cases,
        "feedback": st.tuples(drawn.feedback_traces, drawn.changing_clusters),
        "feedback_gpu": st.tuples(drawn.feedback_gpu_traces, drawn.packed_clusters),
    }[kind]
    made: list[dict[str, Any]] = []

    @settings(
        max_examples=count, phases=[Phase.generate], database=None, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def make(case: Any) -> None:
        trace, cluster = case
        columns = {
            name: trace.table[name].astype(object).tolist()
            for name in ("submit_s", "run_s", "procs", "estimate_s", "nodes", "memory_mib", "gpus", "user", "queue")
        }
        follows = None if trace.feedback is None else [column.tolist() for column in trace.feedback]
        machine = cluster.model_dump(mode="json", exclude_defaults=True)  # what the other may not know is left out
        if all(policy.order != "multifactor" for policy in cluster.policy):
            machine.pop("multifactor", None)
        made.append({"columns": columns, "follows": follows, "cluster": machine})

    make()
    yield from made


def digest(*values: Any) -> str:
    """Return a sum of arrays, tables and plain values."""
    import numpy as np
    import pandas as pd

    summed = hashlib.sha256()
    for value in values:
        if isinstance(value, pd.DataFrame):
            summed.update(
                repr([(name, column.astype(object).map(repr).tolist()) for name, column in value.items()]).encode()
            )
        else:
            summed.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return summed.hexdigest()[:16]


def of_result(result: Any) -> str:
    """Return a sum of each thing that a replay gives, as ``name=sum`` with blanks between."""
    import pwsim

    told = {name: digest(getattr(result.replay, name)) for name in REPLAY}
    for table in ("jobs", "timeline"):
        told |= {f"{table}.{name}": digest(getattr(result, table)[[name]]) for name in getattr(result, table)}
    try:
        figures = result.bill(pwsim.Economics(discount_rate=0.05)).figures()
    except ValueError as error:  # all is submitted at once, so nothing can be scaled to a year
        figures = {"unscaled": str(error)}
    for kind, values in (("metrics", result.metrics), ("figures", figures)):
        told |= {f"{kind}.{name}": digest(repr(value)) for name, value in values.items()}  # as text, NaN equals itself
    return " ".join(f"{name}={value}" for name, value in told.items())


def replay_cases(path: Path, engine: Any) -> Iterator[str]:
    """Yield a sum for each case of a file."""
    import numpy as np

    import pwsim
    from pwsim.trace import Feedback

    for line in path.read_text().splitlines():
        case = json.loads(line)
        trace = pwsim.Trace.from_columns(case["columns"])
        if case["follows"] is not None:
            follows, think_s = (np.array(column) for column in case["follows"])
            trace = replace(trace, feedback=Feedback(follows.astype(np.int64), think_s.astype(np.float64)))
        try:
            cluster = pwsim.Cluster.model_validate(case["cluster"])
        except ValueError:
            yield UNKNOWN
            continue
        try:
            yield of_result(pwsim.simulate(trace, cluster, engine=engine))
        except pwsim.PwsimError as error:
            yield f"error={digest(type(error).__name__, str(error))}"


def replay_log(name: str, engine: Any) -> Iterator[str]:
    """Yield a sum for each policy on a log."""
    import pwsim

    folder = Path(os.environ["PWSIM_DATA"]) / "traces" / "swf"
    (path,) = folder.glob(f"{name[:3].upper()}*.swf.gz")
    trace = pwsim.read_trace(path)
    cores, policies = LOGS[name]
    for policy in policies:
        if engine == "compiled" or (name, policy) not in SLOW_IN_SIMPY:
            yield of_result(pwsim.simulate(trace, cores=cores, policy=policy, engine=engine))


def run_scenario(path: Path) -> Iterator[str]:
    """Yield a sum for each table of the results of a scenario, and for its summary."""
    import pandas as pd
    from click.testing import CliRunner

    from pwsim.cli import commands

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        done = CliRunner().invoke(commands, ["run", str(path), "--out", str(out), "--quiet"])
        told = {"exit": str(done.exit_code)}
        for file in sorted(out.glob("*.parquet")):
            table = pd.read_parquet(file)
            told |= {f"{file.stem}.{name}": digest(table[[name]]) for name in table}
        if done.exit_code in (0, 1):
            summary = json.loads((out / "summary.json").read_text())
            summary.pop("run_id")
            told |= {f"summary.{key}": digest(json.dumps(value, sort_keys=True)) for key, value in summary.items()}
        yield " ".join(f"{name}={value}" for name, value in told.items())


def parts(count: int) -> list[tuple[str, str, str]]:
    """Return what is compared: a kind of work, its subject and the engine."""
    logs = list(LOGS) if "PWSIM_DATA" in os.environ else []
    return [
        *(("cases", kind, engine) for kind in KINDS for engine in ENGINES if count),
        *(("log", name, engine) for name in logs for engine in ENGINES),
        *(("scenario", str(path), "") for path in sorted((HERE / "scenarios").glob("*.yaml"))),
    ]


def sums(checkout: Path, what: str, subject: str, engine: str) -> list[str]:
    """Return what one version says of one part of the work, from a process of its own."""
    said = subprocess.run(
        [sys.executable, __file__, "--say", what, subject, engine],
        env={**os.environ, "PYTHONPATH": str(checkout)}, cwd=checkout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode:
        sys.exit(f"{checkout}: {what} {subject} {engine}: {said.stderr}")
    return said.stdout.splitlines()


def compare(other: Path, count: int, words: list[str]) -> int:
    """Print how each part compares; return the number of those that differ."""
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        for what, subject, engine in parts(count):
            if words and not any(word in f"{what} {subject} {engine}" for word in words):
                continue
            about = subject
            if what == "cases":
                path = Path(folder) / f"{subject}.jsonl"
                if not path.exists():
                    path.write_text("".join(json.dumps(case) + "\n" for case in cases(subject, count)))
                about = str(path)
            here, there = (sums(checkout, what, about, engine) for checkout in (HERE, other.resolve()))
            found = difference(here, there)
            differing += found.startswith("DIFFERS")
            sys.stdout.write(f"{what} {Path(subject).name} {engine}: {len(here)} compared, {found}\n")
            sys.stdout.flush()
    return differing


def difference(here: list[str], there: list[str]) -> str:
    """Say whether the sums of two versions are the same, in so far as both have them."""
    if len(here) != len(there) or not here:
        return f"DIFFERS: {len(there)} there"
    unequal: dict[str, list[int]] = {}
    alone: set[str] = set()
    unknown = 0
    for index, pair in enumerate(zip(here, there, strict=True)):
        if UNKNOWN in pair:
            unknown += 1
            continue
        one, other = (dict(word.split("=", 1) for word in line.split(" ")) for line in pair)
        alone |= one.keys() ^ other.keys()
        for name in one.keys() & other.keys():
            if one[name] != other[name]:
                unequal.setdefault(name, []).append(index)
        if not one.keys() & other.keys():
            unequal.setdefault("all", []).append(index)
    if unknown == len(here):
        return "DIFFERS: one version knows none of them"
    only = f" ({unknown} unknown to one version)" if unknown else ""
    only += f" (in one version alone: {', '.join(sorted(alone))})" if alone else ""
    if unequal:
        told = [f"{name} in {len(places)}, first {places[0]}" for name, places in sorted(unequal.items())]
        return f"DIFFERS: {'; '.join(told)}{only}"
    return f"the same{only}"


def say(what: str, subject: str, engine: str) -> None:
    """Print the sums of one part of the work by the version that is imported."""
    lines = {
        "cases": lambda: replay_cases(Path(subject), engine),
        "log": lambda: replay_log(subject, engine),
        "scenario": lambda: run_scenario(Path(subject)),
    }[what]()
    for line in lines:
        sys.stdout.write(f"{line}\n")


def main() -> None:
    """Compare two versions, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("other", nargs="?", type=Path, help="folder of the other checkout")
    parser.add_argument("words", nargs="*", help="compare only what has one of these in its name")
    parser.add_argument("--cases", type=int, default=20_000, help="generated cases an engine and kind")
    parser.add_argument("--say", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_intermixed_args()
    if asked.say:
        say(*asked.say)
    elif asked.other is None:
        parser.error("name the folder of the other checkout")
    else:
        sys.exit(1 if compare(asked.other, asked.cases, asked.words) else 0)


if __name__ == "__main__":
    main()
