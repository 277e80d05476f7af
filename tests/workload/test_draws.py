"""Draws: the same for everybody, one stream for each thing, weeks that keep hours and load, and what cannot be drawn."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pwsim import InputError, Trace, generate
from pwsim.common import DAY_S, WEEK_S
from pwsim.workload import Drawn, Population, drawn_weeks, stream_seed, with_feedback
from pwsim.workload.draws import HELD_BYTES, SHAKE_S

EVERY: tuple[Drawn, ...] = ("seed", "shake", "weeks", "users", "twin")


@pytest.fixture(scope="module")
def log() -> Trace:
    """A log of three weeks and some days, in which jobs name their users."""
    random = np.random.default_rng(5)
    submit_s = np.sort(random.integers(0, int(3.4 * WEEK_S), 400)).astype(float)
    users = [f"u{one}" for one in random.integers(0, 9, 400)]
    run_s = random.integers(1, 9000, 400)
    return Trace.from_columns(
        {"submit_s": submit_s, "run_s": run_s, "procs": random.integers(1, 9, 400), "user": users}, name="log"
    )


def test_a_draw_is_the_same_for_everybody(log):
    """Whoever asks, in whatever order, in another process, and beyond what is held in memory."""
    one, other = Population(log, EVERY, 3), pickle.loads(pickle.dumps(Population(log, EVERY, 3)))
    forward = [one.draw(number) for number in (1, 2, 3)]
    backward = [other.draw(number) for number in (3, 2, 1)][::-1]
    assert [draw.trace.digest() for draw in forward] == [draw.trace.digest() for draw in backward]
    assert [draw[1:] for draw in forward] == [draw[1:] for draw in backward]
    assert one.draw(2).trace is forward[1].trace
    assert len({draw.trace.digest() for draw in forward}) == len({draw.seed for draw in forward}) == 3


def test_what_does_not_fit_into_memory_is_drawn_again(log, monkeypatch):
    held = Population(log, ["shake"], 3)
    monkeypatch.setattr("pwsim.workload.draws.HELD_BYTES", 0)
    fresh = Population(log, ["shake"], 3)
    assert fresh.draw(1).trace is not fresh.draw(1).trace
    assert fresh.draw(1).trace == held.draw(1).trace
    assert HELD_BYTES > 0


@settings(max_examples=30)
@given(seed=st.integers(0, 99), number=st.integers(1, 999))
def test_each_thing_has_a_stream_of_its_own(seed, number):
    seeds = [stream_seed(seed, number, name) for name in EVERY]
    others = [stream_seed(seed, number + 1, name) for name in EVERY] + [stream_seed(seed + 1, number, "seed")]
    assert len({*seeds, *others}) == len(seeds) + len(others)


def test_drawing_one_thing_more_changes_no_other(log):
    """Luck is the same with and without weeks; each job that is shaken is shaken alike with and without luck."""
    luck = Population(log, ["seed"], 3)
    assert luck.draw(4).trace is log
    assert luck.draw(4).seed == Population(log, ["weeks", "seed"], 3).draw(4).seed
    shaken = Population(log, ["shake"], 3)
    assert shaken.draw(4).seed == 3  # the scenario's own
    assert shaken.draw(4).trace == Population(log, ["seed", "shake"], 3).draw(4).trace
    weeks = Population(log, ["weeks"], 3).draw(4).trace
    both = Population(log, ["shake", "weeks"], 3).draw(4).trace
    assert weeks == drawn_weeks(log, stream_seed(3, 4, "weeks"))
    assert sorted(weeks.run_s) == sorted(both.run_s)
    assert both == Population(log, ["weeks", "shake"], 3).draw(4).trace  # in whatever order they are named


def test_shaken_submissions_move_by_a_minute_at_most(log):
    draw = Population(log, ["shake"], 3).draw(1)
    before = dict(zip(log.job_id, log.submit_s, strict=True))
    moved = [at + draw.later_s - before[job] for job, at in zip(draw.trace.job_id, draw.trace.submit_s, strict=True)]
    assert SHAKE_S / 2 < np.abs(moved).max() <= SHAKE_S


def test_weeks_keep_their_hours_and_lose_no_load(log):
    """Of three whole weeks each may come more than once, at its own weekday and second; the rest stays where it is."""
    whole = int(log.span_s // WEEK_S)
    assert whole == 3
    week_of = {job: at // WEEK_S for job, at in zip(log.job_id, log.submit_s, strict=True)}
    sizes = np.bincount(np.minimum(log.submit_s // WEEK_S, whole).astype(int))
    drawn = drawn_weeks(log, 7)
    absolute_s = drawn.submit_s + drawn.first_submit_s - log.first_submit_s
    # The jobs of a drawn week are those of one week of the log, each at its second of the week.
    for week in range(whole + 1):
        here = (absolute_s // WEEK_S).astype(int) == week if week < whole else absolute_s >= whole * WEEK_S
        runs, at_s = drawn.run_s[here], absolute_s[here] % WEEK_S
        matches = [
            one
            for one in range(whole + 1)
            if sizes[one] == len(runs)
            and np.array_equal(log.run_s[_in(log, one, whole)], runs)
            and np.allclose(log.submit_s[_in(log, one, whole)] % WEEK_S, at_s)
        ]
        assert matches == ([whole] if week == whole else matches[:1])
        assert matches
    assert set(week_of.values()) == {0.0, 1.0, 2.0, 3.0}
    assert drawn.job_id.tolist() == list(range(1, len(drawn) + 1))


def _in(log: Trace, week: int, whole: int) -> np.ndarray:
    return np.minimum(log.submit_s // WEEK_S, whole) == week


def test_over_many_draws_each_week_is_drawn_equally_often():
    """A log of one job a week: the mean load of the draws is the log's own."""
    log = Trace.from_columns({"submit_s": np.arange(5) * WEEK_S, "run_s": [1, 2, 4, 8, 16], "procs": [1] * 5})
    seen = [drawn_weeks(log, seed).run_s.sum() for seed in range(400)]
    assert np.mean(seen) == pytest.approx(31, abs=1)  # 4 weeks of 3.75 on average, and the rest, 16; error 0.2


def test_the_clock_of_a_draw_is_that_of_the_log(log):
    """The first submission of a draw may be later than the log's: by how much, its ``later_s`` says."""
    late = Trace.from_columns(
        {"submit_s": [0, WEEK_S + DAY_S, 2 * WEEK_S, 2 * WEEK_S + 1], "run_s": [1] * 4, "procs": [1] * 4}
    )
    population = Population(late, ["weeks"], 1)
    found = {population.draw(number).later_s for number in range(1, 20)}
    assert found == {0.0, DAY_S}
    twin = Population(log, ["twin"], 1).draw(1)
    assert 0 <= twin.later_s < DAY_S


@pytest.mark.parametrize(
    ("by", "message"),
    [
        ("weeks", "replications.by: weeks cannot be drawn of a log of 0.* it takes two whole ones"),
        ("users", "replications.by: users cannot be drawn of a log in which jobs name none"),
    ],
)
def test_what_cannot_be_drawn_is_said(by, message):
    short = generate(jobs=50, cores=8, load=0.5, seed=1)
    short = Trace.from_columns({"submit_s": short.submit_s, "run_s": short.run_s, "procs": short.procs})
    with pytest.raises(InputError, match=message):
        Population(short, ["seed", by], 1)


@pytest.mark.parametrize("by", ["weeks", "users", "twin"])
def test_who_follows_others_cannot_be_drawn_twice(log, by):
    follows = with_feedback(log.with_columns(recorded_wait_s=np.zeros(len(log))))
    with pytest.raises(InputError, match=rf"{by} cannot be drawn where jobs follow others"):
        Population(follows, [by], 1)
    assert len(Population(follows, ["seed", "shake"], 1).draw(1).trace) == len(log)
