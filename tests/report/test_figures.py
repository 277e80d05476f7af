"""Records of figures: each can be drawn, and has its place on the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import pwsim
from pwsim import figures
from pwsim.figures import FIGURES, OF_ATTRIBUTION, OF_HINDCAST, OF_HORIZON, OF_LOG, OF_REPLAY, OF_SEARCH, OF_SENSITIVITY
from pwsim.report import page

TEMPLATES = Path(pwsim.__file__).parent / "report" / "templates"


def test_every_figure_has_a_caption_and_a_row_of_the_page():
    rows = [row for page in TEMPLATES.glob("*.html") for row in re.findall(r'row_of\("(\w+)"\)', page.read_text())]
    assert len(rows) == len(set(rows))
    assert {one.row for one in FIGURES.values()} == set(rows)
    assert len(FIGURES) == sum(len(getattr(figures, name)) for name in figures.__all__ if name.startswith("OF_")) - len(
        OF_LOG
    )
    for name, one in {**FIGURES, **OF_LOG}.items():
        assert one.name == name
        assert re.fullmatch(r"[A-Z].*\.", one.caption), name


def test_python_draws_every_figure():
    own = {"name": "own", "kind": "on_premises", "nodes": [2, 3], "node": {"cores": 8, "gpus": 1}}
    own["cost"] = {"capex_usd": 9000, "lifetime_years": 5}
    log = pwsim.generate(jobs=60, cores=16, load=0.5, seed=1)
    soon = pwsim.Target(metric="wait_s", statistic="p95", at_most=1e9)
    steps = {"target": {"metric": "wait_s", "statistic": "p95"}, "at_most": ["1 h", "1 d"]}
    plan = pwsim.optimize(
        trace=log, pools=[own], targets=[soon], frontier=steps, horizon={"years": 2}, sensitivity={"capex": [2.0]},
        attribution={"by": ["user"]}, engine="simpy", workers=1,
    )  # fmt: skip
    with pytest.raises(ValueError, match="no draw tells of a target"):
        replace(plan, certainty=None).plot("draws")
    with pytest.raises(ValueError, match="no years were to be planned"):
        replace(plan, horizon=None).plot("horizon_cost")
    with pytest.raises(ValueError, match="nothing was asked of this"):
        replace(plan, study=None).plot("tornado")
    with pytest.raises(ValueError, match="no frontier was asked for"):
        replace(plan, points=()).plot("frontier")
    check = pwsim.hindcast(log.with_columns(recorded_wait_s=np.zeros(len(log))), cores=16, engine="simpy")
    for shown, kinds in (
        (plan, [*OF_SEARCH, *OF_HORIZON, *OF_SENSITIVITY, *OF_ATTRIBUTION, *OF_REPLAY]),
        (plan.result, OF_REPLAY),
        (check, [name.removeprefix("compared_") for name in OF_HINDCAST]),
        (pwsim.describe(log), OF_LOG),
    ):
        for kind in kinds:
            assert shown.plot(kind).get_figure() is not None
            plt.close("all")
        with pytest.raises(ValueError, match=f"kind must be one of {', '.join(kinds)} "):
            shown.plot("pie")


@pytest.mark.parametrize("cut_s", [0.0, 3600.0])
def test_page_and_python_compare_the_same_jobs(cut_s):
    log = pwsim.generate(jobs=60, cores=16, load=0.5, seed=1)
    log = log.with_columns(recorded_wait_s=np.zeros(len(log)))
    result = pwsim.simulate(log, cores=16, engine="simpy").trimmed(cut_s, cut_s)
    check = pwsim.Hindcast(result)
    shown = page._found(check.summary, {"jobs": check.jobs})["compared_jobs"]
    assert shown.equals(check.jobs[result.measured])
    assert len(shown) < len(log) or not cut_s
