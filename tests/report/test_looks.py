"""Reports and figures can be read: on a narrow screen, on a dark one, in print."""

from __future__ import annotations

import itertools
import re
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from pwsim import (
    Cluster,
    Target,
    Trace,
    describe,
    generate,
    hindcast,
    optimize,
    simulate,
)
from pwsim.figures import FIGURES, OF_LOG, of_replay, of_search
from pwsim.figures import style as look
from pwsim.metrics import capacity
from pwsim.report import directory
from pwsim.report import page as pages
from tests.report.test_results import scenario  # noqa: F401 - a fixture

PHONE_PX = 400 - 2 * 16
"""What a figure has of a screen 400 pixels wide, beside the margins of the page [px]."""
LEAST_PX = 10.0
"""Letters that are smaller cannot be read [px]."""


def luminance(colour: str) -> float:
    """Relative luminance, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """Contrast ratio, https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def made(gpus: bool = False) -> Trace:
    """Return a log of many sizes, with recorded waits, and with GPUs if asked for."""
    trace = generate(jobs=400, cores=64, load=0.9, seed=3)
    waits = {"recorded_wait_s": np.linspace(0, 90_000, len(trace))}
    return trace.with_columns(**waits, **({"gpus": np.minimum(trace.procs, 8).astype(float)} if gpus else {}))


def tick_labels(axis: Any) -> list[Any]:
    """Return the labels of the ticks that are seen."""
    low, high = sorted(axis.get_view_interval())
    labels = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return [label for place, label in labels if low <= place <= high and label.get_text()]


def all_figures(tmp_path: Path) -> dict[str, Any]:
    """Return what draws each figure of any report, by name."""
    gpu = {"name": "a-pool-with-a-long-name", "kind": "on_premises", "nodes": 8, "placement": "nodes"}
    gpu["node"] = {"cores": 16, "gpus": 8}
    other = {"name": "other", "kind": "on_premises", "nodes": 4, "node": {"cores": 16}, "placement": "packed"}
    result = simulate(made(gpus=True), Cluster.model_validate({"pools": [gpu, other]}), engine="simpy")
    figures = shown_on_page(result.summary, {"jobs": result.jobs, "timeline": result.timeline})
    check = hindcast(made(), cores=64)
    tables = {"jobs": check.jobs, "timeline": check.result.timeline, **check.tables()}
    figures |= shown_on_page(check.summary, tables)
    parts = {"capex_usd_per_year": 1e6, "opex_usd_per_year": 2e5, "idle_energy_usd_per_year": 1e5}
    figures["cost_breakdown"] = partial(
        of_search.cost_breakdown, [{"name": "own", **parts}], [{"usd_per_year": 30_000}]
    )
    figures |= targeted()
    described = describe(made(gpus=True), cores=64)
    found = {"profile": described.profile}
    logs = {f"log: {name}": partial(described.plot, name) for name, one in OF_LOG.items() if one.is_shown(found)}
    return {**figures, **logs}


def shown_on_page(summary: dict[str, Any], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what draws the figures of a report, by name."""
    found = pages._found(summary, tables)
    return {name: partial(one.plot, found.__getitem__) for name, one in FIGURES.items() if one.is_shown(found)}


def targeted() -> dict[str, Any]:
    """Return what draws setups and waits with targets at the edges: none waits, or a minute and costs of millions."""
    figures: dict[str, Any] = {}
    for name, most_s, achieved_s in (("0", 0.0, [9e5, 4000.0, 0.0]), ("60", 60.0, [70.0, 65.0, 50.0])):
        about: dict[str, Any] = {
            "metric": "wait_s",
            "statistic": "p95",
            "at_least": None,
            "at_most": most_s,
            "where": {},
            "required": most_s,
            "met": True,
        }
        setups = pd.DataFrame({"cost_usd_per_year": [1_200_000.0, 1_800_000.0, 3_100_000.0]})
        setups = setups.assign(target_0_achieved=achieved_s, meets_targets=[False, False, True], stopped=None)
        figures[f"setups {name}"] = partial(of_search.setups, setups, [about])
        waits = pd.DataFrame({"wait_s": [0.0] * 50 + [5000.0] * 2})
        figures[f"waits {name}"] = partial(of_replay.waits, waits, [about])
    bounds = setups.assign(lower_bound_usd_per_year=[1.1e6, 1.7e6, 3.0e6])
    return {**figures, "search in millions": partial(of_search.search, bounds, 3.1e6)}


def labels(ax: Any) -> str:
    return " ".join([ax.get_xlabel(), ax.get_ylabel(), *(text.get_text() for text in ax.texts)])


def test_times_and_money_are_in_units_that_keep_labels_short():
    with look.style():
        figures = targeted()
        minute, edge = figures["setups 60"](), figures["setups 0"]()
        assert "[million USD a year]" in labels(minute)
        assert labels(minute).endswith("the waiting time [s] at most 1 min")
        assert [one.get_text() for one in tick_labels(edge.yaxis)] == ["0", "6 h", "1 d", "7 d"]
        assert "asked: 95 % at once" in labels(figures["waits 0"]())
        sizes = pd.DataFrame({"procs": [1, 1, 8], "wait_s": [40.0, 60.0, 100.0]})
        assert "waiting time [s]" in labels(of_replay.wait_by_size(sizes))
        assert "waiting time [min]" in labels(of_replay.wait_by_size(sizes.assign(wait_s=[40.0, 60.0, 200.0])))
        assert "waiting time [d]" in labels(of_replay.wait_by_size(sizes.assign(wait_s=[40.0, 60.0, 2e5])))
        plt.close("all")


def test_a_figure_of_waits_that_nobody_has_says_so():
    result = simulate(Trace.from_columns({"submit_s": [0, 9000], "run_s": [60, 60], "procs": [1, 1]}), cores=2)
    few = pd.DataFrame({"procs": 1, "wait_s": [0.0] * 40 + [9.0]})
    for ax, text in (
        (result.plot("queue"), "nobody ever waits"),
        (result.plot("wait_by_size"), "nobody ever waits"),
        (of_replay.wait_by_size(few), "few jobs wait, of any size"),
    ):
        assert labels(ax).strip() == text
        assert not ax.axison
    plt.close("all")


def test_figures_can_be_read_at_400_pixels(tmp_path):
    """No letter is too small, no label is cut off, and labels of an axis do not lie on one another."""
    figures = all_figures(tmp_path)
    assert {"waits", "capacity", "timeline_gpus", "queue", "compared_weeks", "cost_breakdown", "log: sizes"} <= set(
        figures
    )
    for name, draw in figures.items():
        with look.style():
            ax = draw()
            figure = ax.get_figure(root=True)
            assert isinstance(figure, Figure)
            figure.canvas.draw()
            scale = PHONE_PX / (figure.get_figwidth() * 72)  # pixels on the screen for a point
            axes = [*tick_labels(ax.xaxis), *tick_labels(ax.yaxis), ax.xaxis.label, ax.yaxis.label]
            legend = ax.get_legend()
            shown = [one for one in (*axes, *ax.texts, *(legend.get_texts() if legend else [])) if one.get_text()]
            assert shown, name
            assert not ax.xaxis.get_offset_text().get_text() + ax.yaxis.get_offset_text().get_text(), name
            room = figure.bbox
            for text in shown:
                assert text.get_fontsize() * scale >= LEAST_PX, (name, text)
                assert not re.search(r"\de[+-]?\d", text.get_text()), (name, text)
                box = text.get_window_extent()
                assert box.x0 >= room.x0 - 1, (name, text)
                assert box.x1 <= room.x1 + 1, (name, text)
                assert box.y0 >= room.y0 - 1, (name, text)
                assert box.y1 <= room.y1 + 1, (name, text)
            for axis, low, high in ((ax.xaxis, "x0", "x1"), (ax.yaxis, "y0", "y1")):
                labels = [one for one in tick_labels(axis) if not one.get_rotation()]
                boxes = sorted((one.get_window_extent() for one in labels), key=lambda box: getattr(box, low))
                for one, following in itertools.pairwise(boxes):
                    assert getattr(one, high) <= getattr(following, low) + 1, (name, axis)
            look.svg(ax)


def test_colours_show_on_light_and_on_dark_pages():
    dark = {**{one: one for one in look.COLOURS}, **look._ON_DARK}
    for ground, colours in (
        (look.PAPER, {one: one for one in (*look.COLOURS, look.INK, look.GREY)}),
        (look._ON_DARK[look.PAPER], dark),
    ):
        for colour in (look.INK, look.GREY):  # letters
            assert contrast(colours[colour], ground) >= 4.5
        for colour in (look.BLUE, look.GREEN, look.RED):  # thin lines and marks
            assert contrast(colours[colour], ground) >= 3
        for colour in look.COLOURS:  # filled areas, beside which a name stands
            assert contrast(colours[colour], ground) >= 1.9


def test_figures_follow_the_readers_choice_of_dark_pages(tmp_path):
    result = simulate(made(), cores=64)
    with look.style():
        svg = look.svg(result.plot("waits"))
    style = svg[svg.index("<style") : svg.index("</style>")]
    assert "@media (prefers-color-scheme: dark)" in style
    used = {colour for _, colour in re.findall(r"(fill|stroke): (#[0-9a-f]{6})", svg[svg.index("</style>") :])}
    assert {look.INK, look.PAPER, look.GRID, look.BLUE} <= used
    assert "#000000" not in used  # what is black stays black on a dark page
    for colour in (look.INK, look.PAPER, look.GRID):
        assert f'[style*="stroke: {colour}"] {{ stroke: {look._ON_DARK[colour]}' in style


def test_pages_have_dark_colours_and_rules_for_print(tmp_path):
    result = simulate(made(), cores=64)
    directory.write_results(tmp_path / "r", result.summary, {"jobs": result.jobs, "timeline": result.timeline})
    describe(made()).write(tmp_path / "d")
    for page in ((tmp_path / name / "report.html").read_text() for name in "rd"):
        style = page[page.index("<style>") : page.index("</style>")]
        light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
        names = set(re.findall(r"--[\w-]+(?=:)", dark))
        assert {"--ink", "--paper", "--good", "--bad"} <= names <= set(re.findall(r"--[\w-]+(?=:)", light))
        # Every colour has a name, so that none is left as it was for light pages.
        assert not re.search(r"(?<!-)(color|background): #", style)
        assert "style=" not in page.split("</style>")[1]
        printed = style[style.index("@media print") :]
        assert re.search(r"h2[^}]*\{ break-after: avoid", printed)
        assert re.search(r"figure[^}]*\{ break-inside: avoid", printed)
        # Figures over time have a narrow variant for narrow screens.
        assert '<source media="screen and (max-width: 45rem)" srcset="data:image/svg+xml;base64,' in page


@pytest.mark.usefixtures("blank_figures")
def test_the_box_is_amber_where_something_about_the_log_is_a_problem(tmp_path):
    trace = Trace.from_columns({"submit_s": [0, 10, 3600], "run_s": [60, 60, 60], "procs": [2, 2, 2]})
    pool = {"name": "own", "kind": "on_premises", "nodes": [2, 4], "node": {"cores": 1}}
    pool["cost"] = {"capex_usd": 10, "lifetime_years": 1}
    target = Target(metric="throughput_jobs_per_hour", at_least=2)
    plan = optimize(trace=trace, pools=[pool], targets=[target], workers=1, draws=False)
    assert plan.summary["answer"].endswith("Beware: 3 jobs (a problem of the log: number of jobs).")
    directory.write_results(tmp_path / "r", plan.summary, plan.tables())
    page = (tmp_path / "r" / "report.html").read_text()
    assert '<p class="box answer caution">' in page
    assert "or on the first if none misses any." in page
    assert "--cores" not in page  # an option of other commands
    assert "Give it as `baseline: {cores: N}`, for the load." in page


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [
        ("good", "good"),
        pytest.param("rough", "good", marks=pytest.mark.slow),
        ("poor", "caution"),
        pytest.param(None, "caution", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("blank_figures")
def test_the_box_is_amber_where_the_replay_is_not_known_to_be_right(verdict, colour, scenario, tmp_path):  # noqa: F811
    plan = optimize(scenario, workers=1, draws=False)
    check = hindcast(made(), cores=64)
    known = {**check.report, "verdict": verdict} if verdict else {"verdict": None, "text": "unknown", "findings": []}
    tables = {**plan.tables(), **(check.tables() if verdict else {})}
    sound = {**plan.summary, "log_verdicts": []}  # the log is short, which is a problem, too
    directory.write_results(tmp_path / "r", {**sound, "hindcast": known}, tables)
    page = (tmp_path / "r" / "report.html").read_text()
    assert f'<p class="box answer {colour}">' in page
    beside = {"good": "good", "rough": "caution", "poor": "bad", None: "caution"}[verdict]
    assert f'<p class="box {beside}">Present machine' in page
    directory.write_results(tmp_path / "without", sound, plan.tables())
    assert '<p class="box answer good">' in (tmp_path / "without" / "report.html").read_text()


def test_python_draws_what_becomes_of_the_cores():
    result = simulate(made(), cores=64)
    ax = result.plot("capacity")
    widths = [bar.get_width() for bars in ax.containers for bar in bars]
    shares = [result.shares()[name] * 100 for name in capacity.SHARE_COLUMNS[:4]]
    assert widths == pytest.approx([share for share in shares if share])
    assert sum(widths) == pytest.approx(100)
    look.svg(ax)
