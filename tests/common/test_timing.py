"""Where time goes: parts within parts, threads, and other processes."""

import pickle
import threading
import time

from pwsim.common import PARTS, Times, current, timed, timing
from pwsim.results.sweep import in_parallel


def busy(seconds: float) -> None:
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


def test_a_part_within_another_counts_for_itself_alone():
    times = Times()
    with timing(times), timed("planning"):
        busy(0.02)
        for _ in range(2):
            with timed("judging"):
                busy(0.01)
                with timed("replays"):
                    busy(0.03)
    spent = times.spent()
    assert list(spent) == ["planning", "replays", "judging"]  # in the order of PARTS
    assert [one.times for one in spent.values()] == [1, 2, 2]
    for part, cpu_s in (("planning", 0.02), ("replays", 0.06), ("judging", 0.02)):
        assert cpu_s <= spent[part].cpu_s < cpu_s + 0.015
        assert spent[part].seconds >= spent[part].cpu_s * 0.9


def test_without_timing_nothing_is_counted():
    assert current() is None
    with timed("planning"):
        assert current() is None
    times = Times()
    with timing(times):
        assert current() is times
        thread = threading.Thread(target=timed("planning")(busy), args=(0.0,))
        thread.start()
        thread.join()
    assert (times.spent(), current()) == ({}, None)


@timed("replays")
def replayed(seconds: float) -> float:
    busy(seconds)
    return seconds


def test_threads_of_a_sweep_count_together():
    times = Times()
    with timing(times):
        assert list(in_parallel(replayed, [(0.01,)] * 4, workers=2, engine="compiled")) == [0.01] * 4
    assert times.spent()["replays"].times == 4
    assert times.spent()["replays"].cpu_s >= 0.04


def test_another_process_begins_with_nothing():
    times = Times()
    with timing(times), timed("reading"):
        pass
    assert pickle.loads(pickle.dumps(times)).spent() == {}
    assert set(times.spent()) <= set(PARTS)
