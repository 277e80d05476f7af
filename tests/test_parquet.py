"""Parquet files as other tools see them: names that need no quotes, where they come from, and dates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pwsim import Trace, generate, hindcast, keep, load_scenario, optimize, read_trace, results, simulate, with_feedback
from pwsim.formats import native

SCENARIO = """
name: both
workload: {trace: made.parquet, feedback: {max_think: 10 min}}
cluster:
  policy: [fcfs, easy]
  pools:
    - {name: onprem, kind: on_premises, placement: nodes, nodes: [14, 16], node: {cores: 1}, cost: {capex_usd: 9000, lifetime_years: 5}}
    - name: burst
      kind: cloud
      node: {cores: 4, gpus: 2}
      price_usd_per_hour: 1.5
      nodes: [1, 2]
      burst_after: 10 min
      commitments: [{term: 1yr, nodes: 1, price_usd_per_hour: 1}]
targets:
  - {metric: wait_s, statistic: p95, at_most: 20 h}
  - {metric: bounded_slowdown, statistic: mean, at_most: 500, where: {user_group: [even]}}
baseline: {cores: 16}
"""


def made() -> Trace:
    """A small workload of two groups of users, with waits as if recorded."""
    trace = generate(jobs=300, cores=16, load=0.9, seed=2)
    groups = pd.Categorical([("even", "odd")[int(job) % 2] for job in trace.job_id])
    return trace.with_columns(user_group=groups, recorded_wait_s=simulate(trace, cores=16).wait_s)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of everything that is written as Parquet."""
    folder = tmp_path_factory.mktemp("parquet")
    native.write(made(), folder / "made.parquet")
    (folder / "scenario.yaml").write_text(SCENARIO)
    plan = optimize(load_scenario(folder / "scenario.yaml"))
    results.write_results(folder / "run", plan.summary, plan.tables())
    check = hindcast(made(), cores=16)
    tables = {"jobs": check.jobs, "timeline": check.result.timeline, **check.tables()}
    results.write_results(folder / "hindcast", check.summary, tables)
    return folder


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.parquet")))


def sql(query: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(query).fetchall()


def test_columns_need_no_quotes_in_sql(written):
    found = list(files(written))
    assert {path.stem for path in found} >= {"made", "jobs", "setups", "timeline", "comparison", "comparison_hourly"}
    for path in found:
        columns = list(pd.read_parquet(path).columns)
        for column in columns:
            sql(f"SELECT {column} FROM '{path}' WHERE {column} IS NOT NULL ORDER BY {column}")
        assert sql(f"SELECT {', '.join(columns)} FROM '{path}' LIMIT 1")
        reserved = sql("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'")
        assert not {word for (word,) in reserved} & set(columns), path.name


def test_groups_of_users_are_a_condition():
    trace = made()
    assert set(keep(trace, user_group="odd").user_group) == {"odd"}
    assert with_feedback(trace, 600).user_group.tolist() == trace.user_group.tolist()


def test_a_log_converted_before_the_rename_is_still_read(tmp_path):
    native.write(made(), tmp_path / "new.parquet")
    table = pq.read_table(tmp_path / "new.parquet")
    about = table.schema.metadata[b"pwsim_trace"].replace(b'"user_group"', b'"group"')
    names = ["group" if name == "user_group" else name for name in table.column_names]
    old = table.rename_columns(names).replace_schema_metadata({"pwsim_trace": about})
    pq.write_table(old, tmp_path / "old.parquet")
    assert read_trace(tmp_path / "old.parquet").digest() == read_trace(tmp_path / "new.parquet").digest()


def test_a_column_of_a_table_is_mapped_to_user_group(tmp_path):
    (tmp_path / "jobs.csv").write_text("at,took,n,team\n0,10,1,red\n5,10,2,blue\n")
    columns = {"submit_s": "at", "run_s": "took", "procs": "n", "user_group": "team"}
    assert read_trace(tmp_path / "jobs.csv", columns=columns).user_group.tolist() == ["red", "blue"]
