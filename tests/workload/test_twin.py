"""Statistical twins: what is fitted, what is kept back, what is made of it, and how like the log that is."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pwsim import InputError, ScenarioError, Trace, TraceError, fit, generate, read_trace, read_twin, simulate
from pwsim.workload.twin.fitting import swing
from pwsim.workload.twin.form import QUANTILES
from pwsim.workload.twin.making import Activity, interpolated
from pwsim.workload.twin.series import Series, cycles, rounded
from tests.cli.test_hostile import pwsim

pytestmark = pytest.mark.usefixtures("blank_figures")

FLAT = Activity([1.0] * 24, [1.0] * 7)


@pytest.fixture(scope="module")
def log() -> Trace:
    return generate(jobs=3000, cores=64, load=0.7, seed=11)


@pytest.fixture(scope="module")
def twin(log):
    return fit(log)


def test_activity_time_by_hand():
    # A day of 24 hours, the first three times as busy as each other: it is 3 / 26 of the day's activity.
    activity = Activity([3.0] + [1.0] * 23, [1.0] * 7)
    assert activity.of(np.array([3600.0, 86_400.0])) == pytest.approx([86_400 * 3 / 26, 86_400])
    assert activity.clock(np.array([86_400 * 4 / 26])) == pytest.approx([7200])


@given(st.lists(st.floats(0.05, 5), min_size=24, max_size=24), st.lists(st.floats(0, 1e7), min_size=1, max_size=9))
def test_activity_time_can_be_undone(hours, times):
    activity = Activity(hours, [1, 2, 1, 1, 1, 0.5, 0.5])
    assert activity.clock(activity.of(np.array(times))) == pytest.approx(np.array(times), abs=1e-3)


def test_series_by_hand():
    # Ann's first two jobs are a series; her third comes more than an hour later, her fourth has another estimate;
    # Bob's is his own.
    trace = Trace.from_columns(
        {
            "submit_s": [0, 100, 200, 3800, 3900],
            "run_s": [10, 20, 5, 10, 10],
            "procs": [4, 4, 4, 4, 4],
            "estimate_s": [60, 60, 60, 60, 90],
            "user": ["ann", "ann", "bob", "ann", "ann"],
        }
    )
    series = Series(trace, FLAT)
    assert sorted(series.jobs.tolist()) == [1, 1, 1, 2]
    assert series.estimates_recorded
    pair = int(np.argmax(series.jobs))
    assert series.accuracy[series.of_job == pair].tolist() == [10 / 60, 20 / 60]
    assert series.gap_s[(series.of_job == pair) & ~series.begins].tolist() == [100]


def test_series_without_estimates_have_their_longest_run():
    trace = Trace.from_columns(
        {"submit_s": [0, 100, 200], "run_s": [10, 40, 20], "procs": [2] * 3, "user": ["ann"] * 3}
    )
    series = Series(trace, FLAT)
    assert (series.estimates_recorded, series.jobs.tolist(), series.estimate_s.tolist()) == (False, [3], [40])
    assert series.accuracy.tolist() == [0.25, 1, 0.5]


def test_cycles_by_hand():
    # Two weeks of one job an hour, and three more in the third hour of every day: 4 against 1 on average of 27 / 24.
    hour = np.arange(14 * 24)
    submit_s = np.sort(np.concatenate((hour * 3600, np.repeat(np.arange(14) * 86_400 + 2 * 3600, 3))))
    trace = Trace.from_columns({"submit_s": submit_s, "run_s": np.ones(len(submit_s)), "procs": np.ones(len(submit_s))})
    hours, weekdays = cycles(trace)
    assert hours == (*[rounded(24 / 27, 3)] * 2, rounded(4 * 24 / 27, 3), *[rounded(24 / 27, 3)] * 21)
    assert weekdays == (1.0,) * 7


def test_swing_by_hand():
    # 20 days of work 1, 3, 1, 3, ...: mean 2, standard deviation 1; over two days each has 4.  The last is cut off.
    trace = Trace.from_columns({"submit_s": np.arange(21) * 86_400, "run_s": [1, 3] * 10 + [1], "procs": [1] * 21})
    assert swing(trace)[:2].tolist() == [0.5, 0]
    assert np.isnan(swing(trace)[2]), "five periods of four days say nothing"


def test_interpolation_is_logarithmic():
    table = [1.0] * 7 + [10.0, 1000.0] + [2000.0] * (len(QUANTILES) - 9)
    assert interpolated(table, np.array([0.5, 0.55, 0.6])).round(9).tolist() == [10, 100, 1000]


@given(jobs=st.integers(1, 400), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_made_logs_are_sound(twin, jobs, seed):
    made = twin.generate(jobs=jobs, seed=seed)
    assert len(made) == jobs
    assert len(set(made.job_id.tolist())) == jobs
    assert (np.diff(made.submit_s) >= 0).all()
    assert made.procs.max() <= 64
    assert made.digest() == twin.generate(jobs=jobs, seed=seed).digest()
    if jobs > 20:
        assert made.digest() != twin.generate(jobs=jobs, seed=seed + 1).digest()


def test_any_length_and_load(log, twin):
    assert len(twin.generate()) == len(log)
    long = twin.generate(days=60, load=1.1)
    assert long.span_s / 86_400 == pytest.approx(60, rel=0.2)
    assert (long.procs * long.run_s).sum() / (64 * long.span_s) == pytest.approx(1.1, rel=0.02)
    on_more = twin.generate(jobs=5000, load=0.5, cores=1000)
    assert (on_more.procs * on_more.run_s).sum() / (1000 * on_more.span_s) == pytest.approx(0.5, rel=0.05)
    with pytest.raises(InputError, match="either a number of jobs or of days"):
        twin.generate(jobs=5, days=5)
    with pytest.raises(InputError, match=r"give a load with them \(got cores 64 alone\)"):
        twin.generate(cores=64)
    with pytest.raises(InputError, match="does not know the machine's size"):
        twin.model_copy(update={"cores": 0}).generate(load=0.5)


def test_what_is_fitted_is_what_was_made(twin):
    """A log made from a twin, fitted again, has the same classes, shares and medians, up to chance."""
    again = fit(twin.generate(jobs=40_000, seed=3))
    assert len(again.sizes) == len(twin.sizes)
    middle = QUANTILES.index(0.5)
    for old, new in zip(twin.sizes, again.sizes, strict=True):
        assert new.share == pytest.approx(old.share, abs=0.03)
        assert new.shapes[0].procs == old.shapes[0].procs
        if len(old.estimates) == len(new.estimates):
            for one, other in zip(old.estimates, new.estimates, strict=True):
                assert other.accuracy[middle] == pytest.approx(one.accuracy[middle], rel=0.25, abs=0.05)
    assert again.hours == pytest.approx(twin.hours, rel=0.3, abs=0.1)


def test_a_twin_holds_nobody(twin, tmp_path):
    """Names of users, and sizes and estimates of single jobs, are not in the file."""
    odd = generate(jobs=400, cores=64, load=0.5)
    procs, estimate_s = odd.procs.copy(), odd.estimate_s.copy()
    procs[7], estimate_s[9] = 61, 77_777
    fit(odd.with_columns(procs=procs, estimate_s=estimate_s)).write(tmp_path / "twin.yaml")
    text = (tmp_path / "twin.yaml").read_text()
    assert not re.search(r"user\d", text)
    assert "procs: 61" not in text
    assert "77777" not in text


def test_a_twin_goes_round_through_its_file(twin, tmp_path):
    twin.write(tmp_path / "twin.yaml")
    assert read_twin(tmp_path / "twin.yaml") == twin
    assert read_twin(tmp_path / "twin.yaml").generate(jobs=99).digest() == twin.generate(jobs=99).digest()


WRONG: list[tuple[list[Any], Any, list[str]]] = [
    (["pwsim_twin"], 2, ["twin.yaml:3: pwsim_twin", "must be 1 (got 2)"]),
    (["held_back"], 1.5, ["held_back", "must be at most 1 (got 1.5)"]),
    (["hours"], [1, 2], ["twin.yaml:9: hours", "at least 24"]),
    (["sizes", 0, "shar"], 1, ["sizes.0.shar", "did you mean 'share'"]),
    (["sizes", 0, "shapes", 0, "procs"], 0, ["sizes.0.shapes.0.procs", "must be at least 1 (got 0)"]),
    (["sizes", 0, "estimates", 0, "accuracy", 0], 0, ["sizes.0.estimates.0.accuracy.0", "must be greater than 0"]),
    (["sizes"], [], ["sizes", "must have at least 1 entry"]),
    (["users", "series"], [1.0, 2.0], ["users.series", "at least 17"]),
    (["users", "number"], "many", ["users.number", "must be a whole number (got 'many')"]),
]


@pytest.mark.parametrize(("place", "value", "words"), WRONG, ids=[".".join(map(str, case[0])) for case in WRONG])
def test_wrong_twins_are_refused_where_they_are_wrong(place, value, words, twin, tmp_path, capsys):
    path = tmp_path / "twin.yaml"
    twin.write(path)
    document = YAML().load(path)
    here = document
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    YAML().dump(document, path)
    with pytest.raises(ScenarioError) as error:
        read_twin(path)
    for word in words:
        assert word in str(error.value)
    code, _, err = pwsim(capsys, "trace", "generate", str(path), str(tmp_path / "out.swf"))
    assert (code, str(error.value) in err) == (2, True)


@pytest.mark.parametrize(
    "columns",
    [
        {"submit_s": [0], "run_s": [1], "procs": [1]},
        {"submit_s": np.arange(200), "run_s": np.zeros(200), "procs": np.ones(200)},
        {"submit_s": np.zeros(200), "run_s": np.ones(200), "procs": np.ones(200)},
    ],
)
def test_logs_that_say_too_little_are_refused(columns):
    with pytest.raises(TraceError, match="too few to fit a twin to"):
        fit(Trace.from_columns(columns))


def test_fitting_what_is_no_log(tmp_path, capsys):
    (tmp_path / "few.swf").write_text("1 0 -1 10 1 -1 -1 -1 20 -1 1 1 1 -1 1 -1 -1 -1\n")
    for name, word in (("none.swf", "cannot be read"), ("few.swf", "too few to fit a twin to")):
        code, _, err = pwsim(capsys, "trace", "fit", str(tmp_path / name), "-o", str(tmp_path / "twin.yaml"))
        assert (code, word in err, "Traceback" in err) == (2, True, False)
    assert not (tmp_path / "twin.yaml").exists()


def test_logs_without_users_and_estimates_have_twins():
    trace = Trace.from_columns(
        {"submit_s": np.arange(300) * 4000, "run_s": 1 + np.arange(300) % 50, "procs": 1 + np.arange(300) % 3}
    )
    twin = fit(trace)
    assert (twin.estimates_recorded, twin.users.number) == (False, 1)
    made = twin.generate(seed=2)
    assert (made.estimate_s == np.maximum(made.run_s, 1)).all()
    assert set(made.procs.tolist()) == {1, 2, 3}


@pytest.mark.slow  # half a minute
def test_kth_has_a_twin_that_is_like_it(data_dir, tmp_path, capsys):
    """Replayed with EASY on 100 processors, as the log: utilisation within 3 %; its waits within those of 10 seeds."""
    path = tmp_path / "twin.yaml"
    code, text, _ = pwsim(capsys, "trace", "fit", "kth-sp2", "-o", str(path))
    assert (code, "28,489 jobs" in text) == (0, True)
    log = read_trace(data_dir / "traces" / "swf" / "KTH-SP2-1996-2.swf.gz")
    own = simulate(log, cores=100).metrics
    twins = []
    for seed in range(1, 11):
        out = tmp_path / f"{seed}.swf.gz"
        assert pwsim(capsys, "trace", "generate", str(path), str(out), "--seed", str(seed))[0] == 0
        twins.append(simulate(read_trace(out), cores=100).metrics)
    assert np.mean([one["utilization"] for one in twins]) == pytest.approx(own["utilization"], rel=0.03)
    for metric in ("wait_s_p50", "wait_s_p95"):
        values = [one[metric] for one in twins]
        assert min(values) <= own[metric] <= max(values)
    assert np.mean([one["wait_s_mean"] for one in twins]) == pytest.approx(own["wait_s_mean"], rel=0.15)


def series_by_user(trace: Trace) -> tuple[float, int]:
    """Return the share of the series that the largest user has, and how many users have half of them."""
    user = Series(trace, Activity(*cycles(trace))).user
    counts = np.sort(np.unique(user, return_counts=True)[1])[::-1]
    return counts[0] / counts.sum(), int(np.searchsorted(np.cumsum(counts), counts.sum() / 2)) + 1


def test_users_by_hand():
    """A hundred users of 4 series and one of 400, each a job a day: the twin's users share alike."""
    user = np.repeat([f"u{one}" for one in range(101)], [4] * 100 + [400])
    trace = Trace.from_columns(
        {"submit_s": np.arange(800) * 90_000, "run_s": np.full(800, 60), "procs": np.ones(800), "user": user}
    )
    assert series_by_user(trace) == (0.5, 1)
    twin = fit(trace)
    assert (twin.users.number, twin.users.series[0], twin.users.series[-1]) == (101, 4, 400)
    made = twin.generate(jobs=100_000)
    shares = np.sort(np.bincount(made.user.codes)) / len(made)
    assert shares[-1] == pytest.approx(0.5, rel=0.02)
    assert shares[:-1] == pytest.approx([0.005] * 100, rel=0.25)  # 500 jobs each, up to chance


@pytest.mark.parametrize("file", ["KTH-SP2-1996-2.swf.gz", "NASA-iPSC-1993-3.1-cln.swf.gz"])
def test_users_of_a_twin_share_the_series_as_those_of_the_log(file, data_dir):
    log = read_trace(data_dir / "traces" / "swf" / file)
    largest, with_half = series_by_user(log)
    twin = fit(log)
    assert twin.users.number == len(np.unique(log.user.codes))
    for seed in (1, 2, 3):
        made_largest, made_with_half = series_by_user(twin.generate(seed=seed))
        assert 1 / 1.5 <= made_largest / largest <= 1.5
        assert 1 / 1.5 <= made_with_half / with_half <= 1.5


def test_holding_back_and_tides_do_what_they_say(twin):
    def swings(periods, **update):
        changed = twin.model_copy(update=update)
        return np.mean([swing(changed.generate(days=400, seed=seed), periods)[0] for seed in range(4)])

    assert swings([1.0], held_back=1.0) < 0.9 * swings([1.0], held_back=0.0)
    calm, wild = swings([28.0], tide=0.0), swings([28.0], tide=0.5)
    # A log-normal factor of spread 0.5 has a coefficient of variation of sqrt(exp(0.25) - 1) = 0.533 by itself.
    assert calm < 0.3
    assert 0.4 < wild < 0.75


def test_no_job_of_a_twin_runs_longer_than_those_of_its_class():
    """A job that ran 1,000 times its estimate of a second says nothing about estimates of five minutes."""
    odd = generate(jobs=2000, cores=64, load=0.5)
    run_s, estimate_s = odd.run_s.copy(), odd.estimate_s.copy()
    run_s[5], estimate_s[5] = 50_000, 1
    made = fit(odd.with_columns(run_s=run_s, estimate_s=estimate_s)).generate(jobs=20_000, seed=4)
    assert made.run_s.max() <= odd.run_s.max() * 1.05  # two digits


def test_twin_with_another_load_through_the_command_line(twin, tmp_path, capsys):
    twin.write(tmp_path / "twin.yaml")
    options = ["--days", "30", "--load", "0.9", "--seed", "3"]
    code, said, err = pwsim(capsys, "trace", "generate", str(tmp_path / "twin.yaml"), str(tmp_path / "a.swf"), *options)
    assert code == 0, err
    assert "days (about the 30 asked for: as long as the drawn work lasts at its load)" in said
    made = read_trace(tmp_path / "a.swf")
    assert (made.procs * made.run_s).sum() / (64 * made.span_s) == pytest.approx(0.9, rel=0.03)
    assert pwsim(capsys, "trace", "generate", str(tmp_path / "twin.yaml"), str(tmp_path / "b.swf"), *options)[0] == 0
    assert (tmp_path / "a.swf").read_bytes() == (tmp_path / "b.swf").read_bytes()


def test_the_header_of_a_twin_with_a_load_has_the_cores_of_that_load(twin, tmp_path, capsys):
    """And jobs that are wider are counted: in the answer, in the notes, and in the log."""
    path = tmp_path / "twin.yaml"
    twin.write(path)
    small = ["--jobs", "2000", "--load", "0.5", "--cores", "16"]
    code, text, err = pwsim(capsys, "trace", "generate", str(path), str(tmp_path / "small.swf"), *small)
    assert code == 0, err
    made = read_trace(tmp_path / "small.swf")
    wide = np.count_nonzero(made.procs > 16)
    assert 0 < wide < 1000
    said = f"jobs that are wider than the machine of 16 cores: {wide}, up to {made.procs.max()} cores"
    assert (made.header["MaxProcs"], made.header["Note"]) == ("16", said)
    assert f"Note: {said}" in text
    assert twin.generate(jobs=2000, load=0.5, cores=16).notes == (said,)
    # On the twin's own machine, every job fits; nothing is said.
    own = twin.generate(jobs=2000)
    assert (own.header["MaxProcs"], "Note" in own.header, own.notes) == ("64", False, ())


def test_cores_of_a_twin_without_a_load_are_refused(twin, tmp_path, capsys):
    twin.write(tmp_path / "twin.yaml")
    out = tmp_path / "a.swf"
    code, _, err = pwsim(capsys, "trace", "generate", str(tmp_path / "twin.yaml"), str(out), "--cores", "16")
    assert (code, "give a load with them (got cores 16 alone)" in err, out.exists()) == (2, True, False)
