"""Where the queue rises far above its usual level, and what is left of it at the end."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pwsim import Trace, report, simulate
from pwsim.common.units import DAY_S, HOUR_S
from pwsim.metrics import surges
from pwsim.workload.edit import window

pytestmark = pytest.mark.usefixtures("blank_figures")

WEEK = 168


def find(queued, up=100.0, window=None, last_s=None):
    queued = np.asarray(queued, dtype=float)
    end_s = len(queued) * HOUR_S
    return surges.find(queued, np.full(len(queued), up), window or (0.0, end_s), last_s or end_s)


def test_a_week_far_above_the_others_is_a_surge():
    # Ten weeks with 50 cores in demand by those who wait.  In the seventh it is 3 × 50 or more; its peak is on day 45.
    queued = np.full(10 * WEEK, 50.0)
    queued[6 * WEEK : 7 * WEEK] = 149
    assert find(queued).surges == ()
    queued[45 * 24 + 5] = 400
    found = find(queued)
    mean = (167 * 149 + 400) / 168
    assert [tuple(one) for one in found.surges] == [(42 * DAY_S, pytest.approx(mean), 400, 45 * DAY_S + 5 * HOUR_S)]
    assert (found.usual, found.stretch_s, found.stretches, found.backlog) == (50, 7 * DAY_S, 10, None)
    assert surges.text(found, "core") == (
        "The queue shoots up in 1 of 10 weeks: most in the week from day 42 on, when waiting jobs ask for 150 cores on "
        "average (50 cores in the median week), and for 400 cores at the peak, on day 45."
    )


def test_a_short_queue_is_no_surge():
    # The median week has no queue at all; of 100 cores, 75 in demand are 3 times the quarter that counts at least.
    queued = np.zeros(10 * WEEK)
    queued[6 * WEEK : 7 * WEEK] = 74
    assert find(queued).surges == ()
    queued[6 * WEEK : 7 * WEEK] = 75
    assert [one.start_s for one in find(queued).surges] == [42 * DAY_S]
    assert find(np.zeros(10 * WEEK), up=0).surges == ()


def test_short_logs_are_looked_at_by_day_or_not_at_all():
    queued = np.full(6 * 24, 50.0)
    queued[48:72] = 200
    found = find(queued)
    assert [(one.start_s, one.queued) for one in found.surges] == [(2 * DAY_S, 200)]
    assert "in 1 of 6 days: most in the day from day 2 on" in surges.text(found, "GPU")
    assert "200 GPUs on average (50 GPUs in the median day)" in surges.text(found, "GPU")
    assert find(queued[:-1]) == (0, 0, 0, 100, (), None)
    assert surges.text(find(queued[:-1]), "core") == ""


def test_only_the_window_is_looked_at():
    queued = np.full(10 * WEEK, 50.0)
    queued[:WEEK] = 1000
    queued[-WEEK:] = 1000
    assert len(find(queued).surges) == 2
    assert find(queued, window=(7 * DAY_S, 63 * DAY_S)).surges == ()
    # Less than half a week at the end is part of the week before.
    assert find(queued, window=(7 * DAY_S, 66 * DAY_S)).stretches == 8
    assert find(queued, window=(7 * DAY_S, 67 * DAY_S)).stretches == 9


def test_a_queue_that_is_not_worked_off_is_a_backlog():
    # An overloaded machine of 100 cores: one more core is waited for each hour, for 1,000 h; then they drain in 200 h.
    queued = np.concatenate((np.arange(1000.0), np.linspace(999, 0, 200)))
    found = find(queued, window=(0.0, 1000 * HOUR_S), last_s=1000 * HOUR_S)
    # The median of 0 to 999 is 499.5, which the queue passes in hour 500; it is empty in hour 1,199.
    assert found.backlog == surges.Backlog(500 * HOUR_S, 999, 199 * HOUR_S)
    assert surges.text(found, "core") == (
        "The queue is not worked off by the end of the log: from day 20 on it does not fall to its usual level any more, "
        "and when the last job is submitted, waiting jobs ask for 999 cores, 10 times what is up; the last of them "
        "starts 8 d 7 h later."
    )
    # One hour of a short queue in the last tenth, or less than all cores in demand, and there is none.
    relieved = queued.copy()
    relieved[950] = 10
    assert find(relieved, window=(0.0, 1000 * HOUR_S), last_s=1000 * HOUR_S).backlog is None
    assert find(queued, up=1000, window=(0.0, 1000 * HOUR_S), last_s=1000 * HOUR_S).backlog is None


def test_a_replay_says_it_in_summary_and_report(tmp_path):
    # A job of all 4 cores for 20,000 s on each of 70 days, and on day 30 ten more, which wait for one another: at first
    # for 40 cores.  They are done by day 33.  The median week has no queue.
    days = sorted([*range(70), *[30] * 10])
    columns = {"submit_s": [day * DAY_S for day in days], "run_s": [20_000] * 80, "procs": [4] * 80}
    trace = Trace.from_columns(columns)
    result = simulate(trace, cores=4)
    queue = result.summary["queue"]
    assert (queue["unit"], queue["usual"], queue["backlog"]) == ("core", 0, None)
    (surge,) = queue["surges"]
    assert (surge["start_s"], surge["peak"], surge["peak_s"]) == (28 * DAY_S, 40, 30 * DAY_S)
    assert "most in the week from day 28 on" in queue["text"]
    report.write_results(tmp_path / "r", result.summary, {"jobs": result.jobs, "timeline": result.timeline})
    assert queue["text"] in (tmp_path / "r" / "report.html").read_text()
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["queue"] == queue
    assert simulate(window(trace, 0, 20 * DAY_S), cores=4).summary["queue"]["text"] == ""
