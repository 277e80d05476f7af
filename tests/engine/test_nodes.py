"""Elastic pools, bursting, interruptions and failures (semantics §5, §6): schedules worked out by hand, and theory."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from pwsim import Cluster, Trace, simulate
from pwsim.common.errors import HopelessError, InputError
from pwsim.workload.models.synthetic import queueing
from tests.engine.test_engine import assert_engines_agree
from tests.engine.test_theory import assert_within


def onprem(name="own", nodes=1, **more):
    return {"name": name, "kind": "on_premises", "nodes": nodes, "node": {"cores": 1}, **more}


def cloud(name="cloud", nodes=1, **more):
    plain = {"boot_time": 0, "idle_timeout": 0, "price_usd_per_hour": 3.6, "node": {"cores": 1}}
    return {"name": name, "kind": "cloud", "nodes": nodes, **plain, **more}


def replay(pools, jobs, policy="fcfs"):
    """Replay jobs (submit, procs, run[, estimate]) with both engines, which must agree."""
    columns = {
        "submit_s": [job[0] for job in jobs],
        "procs": [job[1] for job in jobs],
        "run_s": [job[2] for job in jobs],
        "estimate_s": [job[3] if len(job) > 3 else -1 for job in jobs],
    }
    trace, cluster = Trace.from_columns(columns), Cluster.model_validate({"policy": policy, "pools": pools})
    assert_engines_agree(trace, cluster)
    return simulate(trace, cluster)


def starts(result):
    return result.replay.start_s.tolist()


def stays(result):
    """Number, launch, being up and end of each stay of a node."""
    return sorted(map(tuple, result.replay.spans[:, 1:].tolist()))


@pytest.fixture
def fixed_lives(monkeypatch):
    """Let the k-th launch live for a given time, the others for long."""

    def fix(*lives_s):
        def lives(seed, pool, mean_s, launches):
            return np.array([*lives_s, *[1e6] * launches][:launches])

        def uptimes(seed, pool, node, mean_s, failures):
            own = lives_s[node] if node < len(lives_s) else 1e6
            return np.array([own, *[1e6] * failures][:failures])

        for engine in ("model.model", "compiled.general"):
            monkeypatch.setattr(f"pwsim.engine.{engine}.lives", lives)
            monkeypatch.setattr(f"pwsim.engine.{engine}.uptimes", uptimes)

    return fix


def test_a_job_waits_for_the_boot():
    # Submitted at 0, a node is launched at 0 and up at 10.
    result = replay([cloud(boot_time=10)], [(0, 1, 5)])
    assert starts(result) == [10]
    assert stays(result) == [(0, 0, 10, 15)]


def test_min_nodes_are_up_without_a_boot():
    # At 0 job 0 takes the node that is there; for job 1 one is launched, up at 100.  But at 5 the first is free again.
    result = replay([cloud(nodes=2, boot_time=100, min_nodes=1)], [(0, 1, 5), (0, 1, 5)])
    assert starts(result) == [0, 5]


def test_an_idle_node_waits_for_the_next_job_until_its_timeout():
    # Boot 10, timeout 20.  Job 0 runs from 10 to 15.  Job 1 at 30 finds the node, idle for 15 s: 30 to 35.  At 55 it has
    # been idle for 20 s and is shut down.  For job 2 at 60 a node is launched: up at 70.
    result = replay([cloud(boot_time=10, idle_timeout=20)], [(0, 1, 5), (30, 1, 5), (60, 1, 5)])
    assert starts(result) == [10, 30, 70]
    assert stays(result) == [(0, 0, 10, 55), (1, 60, 70, 75)]


def test_no_node_is_shut_down_while_the_queue_waits():
    # Two nodes at most.  Job 0 (1 node) runs from 0 to 100; job 1 wants both.  Node 1 is idle from 0 on, timeout 5, but
    # the queue is not empty: it stays, and job 1 starts at 100.
    result = replay([cloud(nodes=2, idle_timeout=5)], [(0, 1, 100), (0, 2, 10)])
    assert starts(result) == [0, 100]
    assert stays(result) == [(0, 0, 0, 110), (1, 0, 0, 110)]


def test_a_due_job_stays_until_there_is_room():
    # Own processor busy until 100.  Jobs 1 and 2 are due at 10; the cloud has one node: job 1 moves, boots until 15, runs
    # to 35.  Then there is room: job 2 moves at 35 and finds the node idle.
    pools = [onprem(), cloud(boot_time=5, burst_after=10)]
    result = replay(pools, [(0, 1, 100), (0, 1, 20), (0, 1, 20)])
    assert starts(result) == [0, 15, 35]
    assert result.jobs["pool"].tolist() == ["own", "cloud", "cloud"]
    # In the queues: job 1 in "own" until 10, then in "cloud" until 15; job 2 in "own" until 35.
    waits = sorted(zip(*(column.tolist() for column in result.waits), strict=True))
    assert waits == [(0, 0, 0, 0), (1, 0, 0, 10), (1, 1, 10, 15), (2, 0, 0, 35), (2, 1, 35, 35)]


def test_burst_after_nothing_moves_at_once_what_does_not_start_at_once():
    pools = [onprem(), cloud(nodes=5, burst_after=0)]
    result = replay(pools, [(0, 1, 10), (0, 1, 10), (3, 1, 10), (10, 1, 10)])
    assert starts(result) == [0, 0, 3, 10]
    assert result.jobs["pool"].tolist() == ["own", "cloud", "cloud", "own"]


def test_a_job_that_starts_in_time_does_not_move():
    pools = [onprem(), cloud(nodes=5, burst_after=11)]
    result = replay(pools, [(0, 1, 10), (0, 1, 10)])
    assert result.jobs["pool"].tolist() == ["own", "own"]


def test_a_moved_job_runs_at_the_speed_of_its_new_pool():
    fast = cloud(burst_after=0)
    fast["node"] = {"cores": 1, "speed": 2.0}
    result = replay([onprem(), fast], [(0, 1, 10), (0, 1, 10)])
    assert result.replay.end_s.tolist() == [10, 5]


def test_the_head_waits_for_booting_nodes_under_easy():
    # Three nodes at most, one always up.  Job 0 wants 3: two are launched at 0, up at 10, which is its shadow; extra 0.
    # Job 1 (5 s) at 1: 1 + 5 <= 10, it starts.  Job 2 (20 s) at 7: 7 + 20 > 10: it waits until job 0 ends at 20.
    pools = [cloud(nodes=3, min_nodes=1, boot_time=10)]
    result = replay(pools, [(0, 3, 10), (1, 1, 5), (7, 1, 20)], "easy")
    assert starts(result) == [10, 1, 20]


def test_conservative_reserves_nodes_that_are_on_their_way():
    # As before.  At 0 nothing is on its way yet, so job 0 holds no reservation; at 1 it holds 10.  Job 1 (20 s) would be
    # in its way until 10 + 10 = 20.
    pools = [cloud(nodes=3, min_nodes=1, boot_time=10)]
    assert starts(replay(pools, [(0, 3, 10), (1, 1, 20)], "conservative")) == [10, 20]


def test_reclaim_without_checkpoint_starts_anew(fixed_lives):
    # Boot 2, life 8.  The job runs from 2 to 8, six seconds in vain.  A node launched at 8 is up at 10: 10 to 20.
    fixed_lives(8)
    result = replay([cloud(boot_time=2, interruptions_per_hour=1)], [(0, 1, 10)])
    assert (starts(result), result.replay.end_s.tolist(), result.replay.restarts.tolist()) == ([2], [20], [1])
    assert result.attempts.lost_s.tolist() == [6, 0]
    assert stays(result) == [(0, 0, 2, 8), (1, 8, 10, 20)]


def test_reclaim_with_checkpoints_keeps_whole_intervals(fixed_lives):
    # As before, a checkpoint every 4 s and an overhead of 1 s: 4 of 6 seconds are kept; 1 + 6 s more: 10 to 17.
    fixed_lives(8)
    pool = cloud(boot_time=2, interruptions_per_hour=1, checkpoint_interval=4, restart_overhead=1)
    result = replay([pool], [(0, 1, 10)])
    assert result.replay.end_s.tolist() == [17]
    assert result.attempts.lost_s.tolist() == [2, 1]
    assert result.metrics["lost_core_hours"] == pytest.approx(3 / 3600)


def test_a_node_can_be_taken_back_while_it_boots(fixed_lives):
    # Life 1, boot 2: gone at 1; the next is launched at 1, up at 3.
    fixed_lives(1)
    result = replay([cloud(boot_time=2, interruptions_per_hour=1)], [(0, 1, 5)])
    assert starts(result) == [3]
    assert stays(result) == [(0, 0, 2, 1), (1, 1, 3, 8)]


def test_too_many_interruptions_end_a_job_as_failed(fixed_lives):
    fixed_lives(8, 4)
    pool = cloud(boot_time=2, interruptions_per_hour=1, max_restarts=1, checkpoint_interval=1)
    result = replay([pool], [(0, 1, 10)])
    # 2 to 8, then 10 to 12: the second interruption is one too many.  All eight seconds are lost, checkpoints or not.
    assert result.jobs["status"].tolist() == ["failed"]
    assert result.replay.end_s.tolist() == [12]
    assert result.attempts.lost_s.sum() == 8
    assert (result.metrics["jobs_completed"], result.metrics["jobs_failed"]) == (0, 1)


def test_a_failed_node_is_repaired(fixed_lives):
    # The node fails at 5 and is up again at 8; the job starts anew: 8 to 18.
    fixed_lives(5)
    result = replay([onprem(placement="nodes", mtbf=100, repair_time=3)], [(0, 1, 10)])
    assert result.replay.end_s.tolist() == [18]
    assert stays(result) == [(0, 0, 0, 5), (0, 5, 8, 18)]


def test_an_interrupted_job_gives_all_its_nodes_back_and_keeps_its_place(fixed_lives):
    # Node 0 of two fails at 5, repaired at 25.  Job 0 had both; it is the head again, shadow 25.  Job 1 (1 node, 4 s)
    # passes it on node 1: 5 + 4 <= 25.  Job 2 (1 node, 30 s) does not: it waits until job 0 has run from 25 to 35.
    fixed_lives(5)
    pools = [onprem(nodes=2, placement="nodes", mtbf=100, repair_time=20)]
    result = replay(pools, [(0, 2, 10), (1, 1, 4), (2, 1, 30)], "easy")
    assert result.attempts.start_s.tolist() == [0, 5, 25, 35]
    assert starts(result) == [0, 5, 35]


def test_lost_nodes_break_reservations(fixed_lives):
    # Three nodes; job 0 has one until 10; job 1 (2 nodes, 5 s) starts at 1; job 2 (3 nodes, 5 s) holds 10.  Node 2, job
    # 1's, fails at 3 for 100 s: job 1 fits again once job 0 has ended, at 10; job 2 only at 103.
    fixed_lives(1e6, 1e6, 3)
    pools = [onprem(nodes=3, placement="nodes", mtbf=100, repair_time=100)]
    result = replay(pools, [(0, 1, 10), (1, 2, 5), (2, 3, 5)], "conservative")
    assert result.replay.end_s.tolist() == [10, 15, 108]


def test_elastic_nodes_are_paid_by_the_second_but_for_a_minute_at_least():
    # At 3.60 USD/h: job 0 holds its node from 0 to 5, paid for 60 s; job 1 from 1000 to 1100.  160 s are 0.16 USD in a
    # window of 1000 s: a year of 8,766 h has 31,557.6 of them.
    result = replay([cloud()], [(0, 1, 5), (1000, 1, 100)])
    cost = result.pools().iloc[0]
    assert cost["cloud_usd_per_year"] == pytest.approx(0.16 * 31_557.6)
    assert cost["launches"] == 2


def test_nodes_that_never_run_a_job_are_an_error_of_its_own_kind(engine):
    pool = cloud(boot_time=3600, interruptions_per_hour=3600)
    trace = Trace.from_columns({"submit_s": [0], "procs": [1], "run_s": [5]})
    cluster = Cluster.model_validate({"policy": "fcfs", "pools": [pool]})
    with pytest.raises(
        HopelessError, match=r"^pool 'cloud' launched 10,000 nodes in a row .* interruptions_per_hour"
    ) as caught:
        simulate(trace, cluster, engine=engine)
    assert isinstance(caught.value, InputError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # workers hand it over


# -- theory

REPLICATIONS = 8
FIXED, ARRIVALS, SERVICES = 108, 0.2, 0.002


def waiting_game(burst_after, jobs=15_000):
    """Replay 108 reserved nodes with nodes on demand; return the share that bursts, the mean wait and the price."""
    shares, waits, prices = [], [], []
    pools = [onprem(nodes=FIXED)]
    if burst_after is not None:
        pools.append(cloud(nodes=1000, burst_after=burst_after))
    for seed in range(REPLICATIONS):
        trace = queueing(jobs=jobs, arrivals_per_s=ARRIVALS, services_per_s=SERVICES, seed=seed)
        result = simulate(trace, Cluster.model_validate({"policy": "fcfs", "pools": pools}))
        late = len(trace) // 10  # the machine fills up until then
        burst = result.replay.pool[late:] == 1
        shares.append(float(burst.mean()))
        waits.append(float(result.wait_s[late:].mean()))
        # Fixed nodes at 3.84; on demand at 9.6 for what they work, as a share of all arriving work.
        work_s = trace.run_s[late:]
        on_demand = ARRIVALS / SERVICES * work_s[burst].sum() / work_s.sum()
        prices.append((FIXED * 3.84 + 9.6 * on_demand) / (ARRIVALS / SERVICES))
    return shares, waits, prices


def test_bursting_at_once_is_erlang_b():
    shares, waits, prices = waiting_game(0)
    assert_within(shares, 0.03494400896808022)
    assert_within(prices, 4.482662486093569)
    assert max(waits) == 0


def test_without_bursting_it_is_erlang_c():
    _, waits, prices = waiting_game(None, 300_000)  # waits come in long spells
    assert_within(waits, 20.52060500)
    assert prices == pytest.approx([4.1472] * REPLICATIONS)


def test_bursting_after_a_quarter_of_an_hour():
    _, waits, prices = waiting_game(900)
    assert np.mean(waits) == pytest.approx(20.52044453, abs=3 * np.std(waits, ddof=1) / math.sqrt(REPLICATIONS))
    assert np.mean(prices) == pytest.approx(4.147200130139, abs=1e-3)


@pytest.mark.parametrize(("checkpoint_s", "overhead_s"), [(None, 0), (3600, 120)])
def test_lost_work_of_spot_jobs_is_the_closed_form(checkpoint_s, overhead_s):
    """Exponential lives of rate r: a stretch of c seconds takes (e^rc - 1) / r until it is done in one go.

    With checkpoints, the first attempt of a stretch has no overhead o; it takes (1 - e^-rc) / r, and with probability
    1 - e^-rc then the time that o + c seconds in one go take.
    """
    rate, run_s, jobs = 1 / 7200, 14_400.0, 400

    def in_one_go(seconds):
        return math.expm1(rate * seconds) / rate

    if checkpoint_s is None:
        expected_s = in_one_go(run_s) - run_s
    else:
        stretches = run_s / checkpoint_s
        fails = -math.expm1(-rate * checkpoint_s)
        expected_s = stretches * (fails / rate + fails * in_one_go(overhead_s + checkpoint_s)) - run_s
    pool = cloud(nodes=10_000, interruptions_per_hour=rate * 3600, max_restarts=10**6, restart_overhead=overhead_s)
    pool["checkpoint_interval"] = checkpoint_s
    lost_s = []
    for seed in range(16):
        trace = Trace.from_columns({"submit_s": np.arange(jobs) * 1e3, "run_s": [run_s] * jobs, "procs": [1] * jobs})
        result = simulate(trace, Cluster.model_validate({"policy": "fcfs", "pools": [pool]}), seed=seed)
        lost_s.append(float(result.attempts.lost_s.sum() / jobs))
    assert_within(lost_s, expected_s)


@pytest.mark.parametrize(
    ("procs", "gpus", "memory_gib"),
    [
        # Free are a core and a GPU, and two cores: for one core and a GPU.
        ([3, 2, 4, 2, 1], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]),
        # A GPU, and two cores and half a GPU: for a core and that half.
        ([4, 2, 4, 1, 1], [0, 0.5, 0, 1, 0.5], [1, 1, 1, 1, 1]),
        # A core and 3 GiB, and three cores and 2 GiB: for two cores and 2 GiB.
        ([3, 1, 4, 2, 2], [0, 0, 0, 0, 0], [5, 6, 1, 3, 2]),
    ],
)
def test_who_asks_for_less_is_tried_where_another_fits_nowhere(procs, gpus, memory_gib, engine):
    """What the fourth job asks for is free, but not on one node; what the fifth asks for is.

    Both come at one instant and are tried in one pass, behind a job that waits for a whole node until 100.
    """
    jobs = {"submit_s": [0, 0, 1, 2, 2], "procs": procs, "gpus": gpus, "run_s": [100, 100, 10, 5, 5]}
    jobs["memory_mib"] = [1024 * one for one in memory_gib]
    pools = [onprem(nodes=2, placement="packed", node={"cores": 4, "gpus": 1, "memory": "8 GiB"})]
    cluster = Cluster.model_validate({"policy": "easy", "pools": pools})
    result = simulate(Trace.from_columns(jobs), cluster, engine=engine)
    assert result.replay.start_s.tolist()[4] == 2
    assert result.replay.start_s.tolist()[3] >= 100
