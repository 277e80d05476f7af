"""Write a large log as ``sacct`` prints it: ``python -m tests.benchmarks.large_log OUT --jobs 5000000`` (1.2 GB)."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

NAMES = (
    "JobID|JobIDRaw|User|Account|Partition|Submit|Eligible|Start|End|Elapsed|State|NNodes|NCPUS|ReqCPUS|ReqMem|ReqTRES|"
    "AllocTRES|Timelimit|NodeList"
)
START_S = 1_700_000_000
BATCH = 100_000


def write(path: Path, jobs: int, seed: int = 1) -> None:
    """Write so many jobs, submitted 6 s apart; nearly every time and duration is a text of its own."""
    random = np.random.default_rng(seed)
    with path.open("w") as file:
        file.write(NAMES + "\n")
        for first in range(0, jobs, BATCH):
            count = min(BATCH, jobs - first)
            ids = np.arange(first, first + count)
            submit = START_S + 6 * ids
            start = submit + random.integers(0, 5000, count)
            run = random.integers(1, 200_000, count)
            cores = 2 ** random.integers(0, 7, count)
            users = random.integers(0, 2000, count)
            columns = (ids, users, _iso(submit), _iso(start), _iso(start + run), run, cores)
            file.write("".join(_line(*row) for row in zip(*(column.tolist() for column in columns), strict=True)))


def _iso(seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    return np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s")


def _line(job: int, user: int, submit: str, start: str, end: str, run: int, cores: int) -> str:
    days = f"{run // 86400}-" if run >= 86400 else ""
    elapsed = f"{days}{run // 3600 % 24:02}:{run // 60 % 60:02}:{run % 60:02}"
    tres = f"billing={cores},cpu={cores},mem={cores * 4000}M,node=1"
    return (
        f"{job + 1}|{job + 1}|user{user:04}|acct{user % 100:03}|part{user % 7}|{submit}|{submit}|{start}|{end}|{elapsed}|"
        f"COMPLETED|1|{cores}|{cores}|{cores * 4000}M|{tres}|{tres}|2-00:00:00|node{job % 5000:05}\n"
    )


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--jobs", default=5_000_000, show_default=True)
def main(out: Path, jobs: int) -> None:
    """Write the log."""
    write(out, jobs)


if __name__ == "__main__":
    main()
