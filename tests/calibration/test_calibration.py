"""Rules that are found again in logs that were written under them, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pwsim import Cluster, InputError, Trace, calibrate, generate, hindcast, read_trace, simulate
from pwsim.calibration import Calibration, words
from pwsim.calibration.answer import Step
from pwsim.calibration.blocks import Off, cut, off
from pwsim.calibration.draft import Away, Cap, Door, Draft, Night
from pwsim.calibration.hours import change_points
from pwsim.calibration.known import Known
from pwsim.calibration.partitions import doors_of
from pwsim.calibration.replays import Replays
from pwsim.calibration.site_file import flow
from pwsim.cluster import Hours, open_intervals
from pwsim.prices import start_of
from pwsim.scenario import load_site
from tests.calibration.sites import CORES, KINDS, MONDAY, Made, made
from tests.cli.test_hostile import pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

FEW = ("partitions",)
"""Kinds of sites that the ordinary tests calibrate."""


def assert_found(site: Made) -> None:
    """Check that the rules of a site are found: hours to the half hour, all else exactly."""
    plain = hindcast(site.log, cores=site.cores).result.wait_s
    found = calibrate(site.log, cores=site.cores)
    _, _, draft = found.chains
    if np.array_equal(plain, site.log.recorded_wait_s):
        assert found.kept == []
        return
    for kind in ("partitions", "limits", "scheduler", "policy"):
        assert words.of(draft, kind) == words.of(site.site, kind)
    assert len(draft.nights) == len(site.site.nights)
    for one, other in zip(draft.nights, site.site.nights, strict=True):
        assert one._replace(opens_h=0, closes_h=0) == other._replace(opens_h=0, closes_h=0)
        for ours, theirs in ((one.opens_h, other.opens_h), (one.closes_h, other.closes_h)):
            assert abs((ours - theirs + 12) % 24 - 12) <= 0.5
    assert found.hindcast.verdict == "good"


@pytest.mark.parametrize("kind", FEW)
def test_rules_are_found_again(kind):
    assert_found(made(KINDS.index(kind)))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(30))
def test_rules_of_many_sites_are_found_again(number):
    assert_found(made(number))


@pytest.mark.slow  # the search for rules takes a minute
def test_a_site_without_rules_gets_none():
    site = made(0)
    found = calibrate(site.log, cores=CORES)
    assert (found.kept, found.steps, found.cluster) == ([], (), Cluster.homogeneous(CORES))
    assert found.text.startswith("No rule was found")
    assert "good" in found.text


@pytest.mark.parametrize("seed", [1, 2])
def test_waits_that_no_rule_made_give_no_rules(seed):
    """Each job waited some random time more: neither hours nor limits nor partitions foretell that."""
    trace = replace(generate(jobs=1500, cores=CORES, load=0.5, seed=seed), header=MONDAY)
    more_s = np.random.default_rng(seed).exponential(3600.0, len(trace))
    log = trace.with_columns(recorded_wait_s=simulate(trace, cores=CORES).wait_s + more_s)
    found = calibrate(log, cores=CORES)
    assert set(found.kept) <= {"scheduler", "policy", "outages"}


@pytest.fixture(scope="module")
def nightly() -> Made:
    return made(KINDS.index("whole"))


@pytest.fixture(scope="module")
def found(nightly) -> Calibration:
    """What is found in it."""
    return calibrate(nightly.log, cores=CORES)


def test_what_was_found_is_written_with_its_evidence(nightly, found, tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(found.site_yaml)
    site = load_site(path)
    assert (site.cores, site.hours) == (CORES, found.cluster.hours)
    assert np.array_equal(simulate(nightly.log, site).wait_s, nightly.log.recorded_wait_s)
    comments = " ".join(line.removeprefix("# ") for line in found.site_yaml.splitlines() if line.startswith("#"))
    assert "Hours: jobs above" in comments
    assert "of the" in comments
    assert "starts of such jobs are in these hours" in comments
    assert "Both halves found the same." in comments
    assert all(len(line) <= 120 for line in found.site_yaml.splitlines() if line.startswith("#"))


def test_comments_say_what_the_file_has_though_a_later_step_changed_it(nightly):
    replays = Replays(Known(hindcast(nightly.log, cores=CORES), start_of(nightly.log)), workers=1)
    (night,) = nightly.site.nights
    first = nightly.site.changed(nights=(night.moved(0.5),))
    steps = (
        Step("hours", True, (1.0, 1.0), (0.5, 0.5), (first, first, first)),
        Step("policy", False, (0.5, 0.5), (0.6, 0.6), (first.changed(policy="fcfs"),) * 3),
    )
    text = Calibration(replays, Draft.of(Cluster.homogeneous(CORES)), (nightly.site,) * 3, (*steps, steps[1])).site_yaml
    comments = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    assert f"Hours: {words.night_text(night)}." in comments
    assert words.night_text(first.nights[0]) not in comments
    assert comments.count("Not kept, order and backfilling") == 1


def test_figures_are_of_blocks_that_were_not_fitted_to(nightly, found):
    plain_s, ruled_s = found.unseen_wait_s
    even = found.replays.known.blocks.member[0]
    assert np.array_equal(ruled_s[even], simulate(nightly.log, found.chains[1].cluster()).wait_s[even])
    rows = {row["jobs_of"]: row for row in found.summary["judged"]}
    assert rows["all"]["recorded_mean_h"] == pytest.approx(nightly.log.recorded_wait_s.mean() / 3600)
    assert rows["all"]["as_given_mean_h"] == pytest.approx(plain_s.mean() / 3600)
    assert rows["first half"]["jobs"] + rows["second half"]["jobs"] == len(nightly.log)
    assert found.summary["kept"] == ["hours"]


@pytest.mark.slow  # the search for rules takes a minute
def test_the_answer_does_not_depend_on_the_workers(nightly):
    one, two = (calibrate(nightly.log, cores=CORES, workers=workers) for workers in (1, 2))
    assert one.site_yaml == two.site_yaml


def test_the_command_writes_a_site(nightly, tmp_path, capsys):
    from pwsim.trace import write_trace

    write_trace(nightly.log, tmp_path / "log.parquet")
    log, site, out = (str(tmp_path / name) for name in ("log.parquet", "site.yaml", "out"))
    code, said, error = pwsim(capsys, "hindcast", log, "--cores", str(CORES), "--calibrate", "-o", site, "--out", out)
    assert code == 0, error
    assert said.startswith("Found: hours. Judged on blocks of 2 d that were not fitted to")
    assert "reproduce the site well enough to plan with (good)." in said
    assert load_site(site).hours[0]
    code, said, _ = pwsim(capsys, "hindcast", log, "--site", site, "--out", str(tmp_path / "again"))
    assert (code, "(good)" in said) == (0, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--calibrate"], "--calibrate and -o go together"), (["-o", "x.yaml"], "go together"), ([], "--out: name a")],
)
def test_options_that_do_not_go_together(tmp_path, capsys, options, said):
    code, _, error = pwsim(capsys, "hindcast", str(tmp_path / "none.swf"), "--cores", "4", *options)
    assert (code, said in error) == (2, True)


def test_a_short_log_is_refused():
    trace = generate(jobs=20, cores=4, load=0.5, seed=1)
    with pytest.raises(InputError, match="is shorter than 8 days"):
        calibrate(trace.with_columns(recorded_wait_s=np.ones(len(trace))), cores=4)


# The parts.


def test_blocks_alternate_and_what_is_off_by_hand():
    days = np.arange(16) * 86400.0
    trace = Trace.from_columns({"submit_s": days, "run_s": np.ones(16), "procs": np.ones(16, dtype=int)})
    log = trace.with_columns(recorded_wait_s=np.full(16, 3600.0))
    blocks = cut(log, np.ones(16, dtype=bool))
    assert (blocks.length_s, blocks.member[1].tolist()) == (86400.0, [False, True] * 8)
    wait_s = np.where(blocks.member[0], 7200.0, 3600.0)
    assert off(blocks, 1, wait_s) == Off(0, 0, 0, 0, 0)
    even = off(blocks, 0, wait_s)
    assert even[:3] == pytest.approx([np.log(2)] * 3)
    assert even.jobs == pytest.approx(np.log(7260 / 3660))
    wait_s[0] = np.nan
    assert off(blocks, 0, wait_s).jobs == pytest.approx((7 * np.log(7260 / 3660) + np.log(100)) / 8)


def test_a_draft_is_a_cluster_and_a_file_of_all_kinds_of_rules(tmp_path):
    doors = (Door("a", "partition", ("1",), 40), Door("b", "queue", ("2", "3"), 24))
    nights = (Night(3600.0, 17.5, 0, drain=True, since="2024-02-01"), Night(0, 8, 20, weekend="closed"))
    draft = Draft.of(Cluster.homogeneous(64, "sjf-easy", "kill", 7)).changed(
        doors=doors, nights=nights, caps=(Cap("jobs", 3, "user", "a"), Cap("cores", 9, "all")),
        aways=(Away("2024-03-01T12:00:30", 5400.0),), period_s=30.0, start_delay_s=90.0,
    )  # fmt: skip
    for one in (draft, draft.changed(apart=False, doors=tuple(door._replace(cores=50) for door in doors))):
        cluster = one.cluster()
        path = tmp_path / "site.yaml"
        path.write_text("".join(f"{key}: {flow(value, key)}\n" for key, value in one.data().items()))
        loaded = load_site(path)
        for key in ("policy", "overrun", "depth", "partitions", "limits", "hours", "outages", "scheduler"):
            assert getattr(loaded, key) == getattr(cluster, key)
        assert loaded.node_counts() == cluster.node_counts()
    assert len(cluster.limits[0]) == 4  # each partition may hold 50


def test_a_site_whose_first_jobs_wait_hopelessly_long_is_not_replayed_to_the_end(nightly, monkeypatch):
    known = Known(hindcast(nightly.log, cores=CORES), start_of(nightly.log))
    replays, given = Replays(known, workers=1), Draft.of(known.plain.result.cluster)
    jammed = given.changed(nights=(Night(0.0, 3, 3.5, weekend="same"),))
    assert [replays.is_hopeless(one) for one in (given, nightly.site, jammed)] == [False, False, True]
    replayed: list[Draft] = []
    whole = Replays.wait_s

    def noting(self: Replays, draft: Draft) -> Any:
        replayed.append(draft)
        return whole(self, draft)

    monkeypatch.setattr(Replays, "wait_s", noting)
    found, lost = replays.offs([nightly.site, jammed])
    assert replayed == [nightly.site]
    assert [one.loss for one in found] == [0.0, 0.0, 0.0]
    assert {one.loss for one in lost} == {np.log(100)}


def test_what_is_hopeless_on_half_of_the_blocks_is_replayed(nightly):
    """The blocks that judge have no say in what is found: those that are fitted to alone would have shown it, too."""
    known = Known(hindcast(nightly.log, cores=CORES), start_of(nightly.log))
    even, odd, _ = known.blocks.member
    replays, given = Replays(known, workers=1), Draft.of(known.plain.result.cluster)
    jammed = given.changed(nights=(Night(0.0, 3, 3.5, weekend="same"),))
    known.__dict__["blocks"] = known.blocks._replace(recorded_s=np.where(odd, 1e9, known.blocks.recorded_s))
    assert not replays.is_hopeless(jammed)
    known.__dict__["blocks"] = known.blocks._replace(recorded_s=np.where(even, 1e9, known.blocks.recorded_s))
    assert not replays.is_hopeless(jammed)


def test_windows_are_the_hours_that_are_meant():
    start = start_of(replace(generate(jobs=5, cores=4, load=0.5, seed=1), header=MONDAY))
    assert start is not None
    rule = Hours.model_validate(Night(0, 17, 9).rule())
    hours = open_intervals(rule, start, 7 * 86400.0)[:6] / 3600
    assert hours.tolist() == [[-55, 9], [17, 33], [41, 57], [65, 81], [89, 105], [113, 177]]


def test_partitions_have_the_sizes_of_the_header_or_those_that_were_used():
    trace = Trace.from_columns(
        {
            "submit_s": np.arange(40) * 86400.0, "run_s": np.full(40, 3600.0), "procs": np.tile([60, 7], 20),
            "partition": np.tile(["4", "5"], 20), "recorded_wait_s": np.full(40, 60.0),
        }
    )  # fmt: skip
    header = {**MONDAY, "Partition": "4  large 5  x@y", "Note": "64 thin processors", "MaxProcs": "100"}
    log = replace(trace, header=header)
    known = Known(hindcast(log, cores=100), start_of(log))
    assert doors_of(known, "partition", 2) == (
        Door("large", "partition", ("4",), 64), Door("x_y", "partition", ("5",), 7)
    )  # fmt: skip


def test_ways_change_at_months_and_where_the_clock_does():
    trace = Trace.from_columns({"submit_s": [0, 200 * 86400], "run_s": [1, 1], "procs": [1, 1]})
    log = replace(trace, header=MONDAY).with_columns(recorded_wait_s=np.zeros(2))
    dates = change_points(Known(hindcast(log, cores=1), start_of(log)))
    assert dates == ["2024-02-01", "2024-03-01", "2024-03-31", "2024-04-01", "2024-05-01", "2024-06-01"]


@pytest.mark.slow  # the search for rules takes a minute
def test_a_site_that_gave_up_its_rule_is_noticed():
    """Long jobs wait for the night until May, and start at any time from then on."""
    trace = replace(generate(jobs=4000, cores=CORES, load=0.6, seed=7), header=MONDAY)
    trace = trace.with_columns(submit_s=trace.submit_s * 3, run_s=trace.run_s * 3, estimate_s=trace.estimate_s * 3)
    site = Draft.of(Cluster.homogeneous(CORES)).changed(nights=(Night(4 * 3600.0, 18, 6, until="2024-05-01"),))
    log = trace.with_columns(recorded_wait_s=simulate(trace, site.cluster()).wait_s)
    found = calibrate(log, cores=CORES)
    (night,) = found.chains[2].nights
    assert night._replace(above_s=4 * 3600.0) == site.nights[0]
    assert "until 2024-05-01" in found.site_yaml


@pytest.mark.slow  # the search for rules takes a minute
def test_outages_are_found_where_nothing_runs_though_jobs_wait():
    trace = replace(generate(jobs=3000, cores=CORES, load=0.8, seed=5), header=MONDAY)
    users = pd.Categorical(np.random.default_rng(1).integers(0, 12, len(trace)).astype(str))
    trace = trace.with_columns(user=users)
    outages = [{"start": f"2024-0{1 + n // 4}-{5 + 6 * (n % 4):02d}T09:00", "length": 36 * 3600.0} for n in range(6)]
    site = {"pools": Cluster.homogeneous(CORES).pools, "outages": outages}
    log = trace.with_columns(recorded_wait_s=simulate(trace, Cluster.model_validate(site)).wait_s)
    found = calibrate(log, cores=CORES)
    assert found.kept[0] == "outages"
    assert 2 <= len(found.chains[2].aways) <= 6


# Real logs.


@pytest.mark.slow
def test_kth_finds_its_hours(data_dir):
    kth = read_trace(data_dir / "traces" / "swf" / "KTH-SP2-1996-2.swf.gz")
    found = calibrate(kth, cores=100)
    assert "hours" in found.kept
    rows = {row["jobs_of"]: row for row in found.summary["judged"]}
    for half in ("first half", "second half"):
        recorded, plain, ruled = (rows[half][f"{one}_mean_h"] for one in ("recorded", "as_given", "with_rules"))
        assert 1 / 1.5 < ruled / recorded < 1.5
        assert abs(np.log(ruled / recorded)) < abs(np.log(plain / recorded))
