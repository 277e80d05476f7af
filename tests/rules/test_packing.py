"""Jobs that share nodes (semantics §5, ``packed``): schedules and places worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pwsim import Cluster, Trace, simulate
from pwsim.rules.policy import Policy
from tests.engine.test_engine import assert_engines_agree

GIB = 1024


def node(cores=8, gpus=0, memory=None):
    return {"cores": cores, "gpus": gpus, **({"memory": memory} if memory else {})}


def own(nodes=1, of=None, **more):
    pool = {"name": "own", "kind": "on_premises", "nodes": nodes, "placement": "packed"}
    return {**pool, "node": of or node(), **more}


def cloud(nodes=1, of=None, **more):
    plain = {"kind": "cloud", "boot_time": 0, "idle_timeout": 0, "price_usd_per_hour": 3.6, "placement": "packed"}
    return {"name": "cloud", "nodes": nodes, "node": of or node(), **plain, **more}


def replay(pools, jobs, policy="fcfs"):
    """Replay jobs (submit, run, cores, GPUs, nodes, GiB) with both engines, which must agree."""
    rows = [(*job, *(0.0, 0, 0)[len(job) - 3 :]) for job in jobs]
    names = ("submit_s", "run_s", "procs", "gpus", "nodes", "memory_mib")
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    columns["memory_mib"] = [row[5] * GIB for row in rows]
    trace, cluster = Trace.from_columns(columns), Cluster.model_validate({"policy": policy, "pools": pools})
    assert_engines_agree(trace, cluster)
    return simulate(trace, cluster)


def starts(result):
    return result.replay.start_s.tolist()


def places(result):
    """Job, node and GPUs (as bits) of each share."""
    rows = result.replay.places[:, [0, 4, 5]].astype(int)
    return list(map(tuple, rows.tolist()))


def test_jobs_share_a_node_until_its_cores_are_taken():
    # 8 cores: 3 + 5 fit together; the third (1) waits until the first ends at 10.
    assert starts(replay([own()], [(0, 10, 3), (0, 20, 5), (0, 5, 1)])) == [0, 0, 10]


def test_memory_is_packed_too():
    # 16 GiB: 10 + 6 fit; the third (1 GiB) waits for memory although cores are free.
    jobs = [(0, 10, 1, 0, 0, 10), (0, 20, 1, 0, 0, 6), (0, 5, 1, 0, 0, 1)]
    assert starts(replay([own(of=node(memory="16 GiB"))], jobs)) == [0, 0, 10]


def test_fractions_of_a_gpu_go_where_least_is_left():
    # Two GPUs.  Job 0 (0.7) is on GPU 0.  Job 1 (0.5) does not fit beside it: GPU 1.  Job 2 (0.3): 0.3 are left on GPU 0,
    # 0.5 on GPU 1: GPU 0 (bit 1).  Job 3 (0.5): GPU 1 (bit 2).  Job 4 (0.1) waits.
    jobs = [(0, 10, 1, 0.7), (0, 20, 1, 0.5), (0, 30, 1, 0.3), (0, 40, 1, 0.5), (0, 5, 1, 0.1)]
    result = replay([own(of=node(gpus=2))], jobs)
    assert starts(result) == [0, 0, 0, 0, 10]
    assert places(result) == [(0, 0, 1), (1, 0, 2), (2, 0, 1), (3, 0, 2), (4, 0, 1)]


def test_whole_gpus_are_exclusive_and_rounded_up():
    # 1.5 GPUs in one share are two whole ones; beside 0.2 of a third GPU there is no whole one left for job 2.
    jobs = [(0, 10, 1, 1.5), (0, 20, 1, 0.2), (0, 5, 1, 1.0)]
    result = replay([own(of=node(gpus=3))], jobs)
    assert starts(result) == [0, 0, 10]
    assert places(result) == [(0, 0, 3), (1, 0, 4), (2, 0, 1)]


def test_best_fit_looks_at_gpus_first_then_cores():
    # Two nodes of 8 cores and 2 GPUs.  Job 0 (1 core, 1 GPU): node 0.  Job 1 (6 cores, no GPU): least cores are left on
    # node 0 (7 - 6).  Job 2 (1 core, 1 GPU): node 0 has one GPU free, node 1 two: node 0.  Job 3 (1 core, 1 GPU): node 1.
    jobs = [(0, 10, 1, 1.0), (0, 10, 6), (0, 10, 1, 1.0), (0, 10, 1, 1.0)]
    assert places(replay([own(2, of=node(gpus=2))], jobs)) == [(0, 0, 1), (1, 0, 0), (2, 0, 2), (3, 1, 1)]


def test_shares_of_a_job_are_on_different_nodes():
    # 12 cores are two shares of 6.  One node of 8 has only 4 free until 10, so job 1 waits although 12 cores are free.
    assert starts(replay([own(2)], [(0, 10, 4), (0, 5, 12)])) == [0, 10]
    # A recorded node count of 2 makes two shares of 2 of a job that would fit on one node: nodes 0 and 1.
    assert places(replay([own(2)], [(0, 10, 4, 0, 2)])) == [(0, 0, 0), (0, 1, 0)]


def test_a_two_node_job_waits_beside_single_node_jobs_under_easy():
    # Two nodes of 8.  Job 0 (8 cores, until 10) on node 0; job 1 (4 cores, until 30) on node 1.  The head, job 2, wants 8
    # on each of two nodes: shadow 30.  Job 3 (4 cores, 20 s) at 2 ends by 30: it starts on node 1.  Job 4 (4 cores, 40 s)
    # at 12 fits on node 0, but the head could not be placed at 30: it waits.  Head at 30, job 4 at 35.
    jobs = [(0, 10, 8), (0, 30, 4), (1, 5, 16), (2, 20, 4), (12, 40, 4)]
    assert starts(replay([own(2)], jobs, "easy")) == [0, 0, 30, 2, 35]


def test_a_long_job_passes_the_head_where_it_leaves_room():
    # Two nodes of 8.  Job 0 (8, until 10) on node 0, job 1 (2, until 100) on node 1.  The head (8, one node) will be placed on
    # node 0 at 10.  Job 3 (6 cores, 50 s) outlasts that, but sits on node 1: it starts at 2.
    jobs = [(0, 10, 8), (0, 100, 2), (1, 5, 8), (2, 50, 6)]
    assert starts(replay([own(2)], jobs, "easy")) == [0, 0, 10, 2]


def test_a_job_that_would_delay_the_head_leaves_nothing_behind():
    # One node of 8, of which job 0 (4 cores, until 10) leaves 4.  The head (6) will be placed at 10.  Job 2 (4 cores, 20 s)
    # would delay it; job 3 (2 cores, 20 s) would not, and starts at 1, though job 2 was tried before.  Job 4 asks for what
    # job 2 has asked for in vain; job 5 (4 cores, 9 s) would end by 10, but job 3 leaves 2.  Job 1 runs from 10 to 15, job 2
    # from 15 to 35, job 4 from 21, when job 3 has ended, job 5 from 35.
    jobs = [(0, 10, 4), (1, 5, 6), (1, 20, 4), (1, 20, 2), (1, 20, 4), (1, 9, 4)]
    assert starts(replay([own()], jobs, "easy")) == [0, 10, 15, 1, 21, 35]


def test_what_would_delay_the_head_may_not_once_another_has_started():
    # Two nodes of 8: job 0 (6 cores, until 10) on node 0, job 1 (3, until 100) on node 1.  The head (8) will be placed on node
    # 0 at 10.  Job 3 (2 cores, 50 s) fits node 0 best, and would delay it.  Job 4 (2 cores, 5 s) goes there.  Job 5, like job
    # 3, now goes to node 1, and starts at 1; job 3 does so at 10, when the head has started.
    jobs = [(0, 10, 6), (0, 100, 3), (1, 5, 8), (1, 50, 2), (1, 5, 2), (1, 50, 2)]
    assert starts(replay([own(2)], jobs, "easy")) == [0, 0, 10, 10, 1, 1]


def test_best_fit_looks_at_cores_before_memory():
    # Two nodes of 8 cores and 8 GiB.  Job 0 (2 cores, 6 GiB) is on node 0, job 1 (6 cores, 4 GiB) on node 1.  Job 2 (1 core,
    # 1 GiB) goes where fewer cores are left over, 2 on node 1, not where less memory is, 2 GiB on node 0.
    jobs = [(0, 10, 2, 0, 0, 6), (0, 10, 6, 0, 0, 4), (0, 10, 1, 0, 0, 1)]
    assert places(replay([own(2, of=node(memory="8 GiB"))], jobs)) == [(0, 0, 0), (1, 1, 0), (2, 1, 0)]


def test_a_job_that_asks_for_less_of_a_gpu_is_tried_after_one_that_fits_nowhere():
    # 2 GPUs: jobs 0 and 1 leave 0.4 of each until 100, when job 2, the head, gets all 8 cores.  Job 3 (0.7) fits on no
    # GPU, though 0.8 are free in all.  Job 4 wants as many cores, but 0.3: it passes at 1.  Job 3 has its turn at 110.
    jobs = [(0, 100, 2, 0.6), (0, 100, 2, 0.6), (1, 10, 8), (1, 10, 1, 0.7), (1, 10, 1, 0.3)]
    assert starts(replay([own(of=node(gpus=2))], jobs, "easy")) == [0, 0, 100, 110, 1]


def test_the_autoscaler_packs_the_queue_onto_empty_nodes():
    # Three jobs of 4 cores fill two nodes of 8; five are allowed.  Boot 10.
    result = replay([cloud(5, boot_time=10)], [(0, 5, 4), (0, 5, 4), (0, 5, 4)])
    assert starts(result) == [10, 10, 10]
    assert len(result.replay.spans) == 2


def test_a_burst_needs_room_on_empty_nodes_or_beside_others():
    # Own node (8) busy until 100.  Job 1 (6) bursts at 0 onto the one cloud node.  Job 2 (4) has no room: an empty node is
    # not left, and it does not fit beside job 1.  Job 3 (2) fits beside it, and nobody waits there: it moves.
    pools = [own(), cloud(burst_after=0)]
    result = replay(pools, [(0, 100, 8), (0, 50, 6), (1, 5, 4), (2, 5, 2)])
    assert result.jobs["pool"].tolist() == ["own", "cloud", "cloud", "cloud"]
    assert starts(result) == [0, 0, 50, 2]


def test_a_failing_node_interrupts_all_its_jobs(monkeypatch):
    for engine in ("model.model", "compiled.general"):
        monkeypatch.setattr(f"pwsim.engine.{engine}.uptimes", lambda *facts: np.array([6.0, *[1e6] * 99])[: facts[-1]])
    # The node fails at 6, is up at 8: both jobs start anew and end at 18 and 28.
    result = replay([own(mtbf=100, repair_time=2)], [(0, 10, 3), (0, 20, 3)])
    assert result.replay.end_s.tolist() == [18, 28]
    assert result.replay.restarts.tolist() == [1, 1]


def test_cores_that_are_free_while_jobs_wait_are_stranded():
    # Two nodes of 8 cores and 2 GPUs.  Job 0 (5 cores, 1 GPU) until 10, job 1 (5 cores) until 10; job 2 (6 cores, 2 GPUs)
    # waits from 0 to 10: 6 of 16 cores and 3 of 4 GPUs are free meanwhile.  Job 3 comes at 20, the end of the window; job 2
    # runs until 15.  So 60 of 320 core-seconds and 30 of 80 GPU-seconds are stranded.
    # GPUs are busy for 1 × 10 + 2 × 5 = 20 of 80 GPU-seconds.
    result = replay([own(2, of=node(gpus=2))], [(0, 10, 5, 1.0), (0, 10, 5), (0, 5, 6, 2.0), (20, 1, 1)])
    assert starts(result) == [0, 0, 10, 20]
    # The jobs hold 50 + 50 + 30 core-seconds until 20; what is left is idle.
    assert result.shares(0) == pytest.approx(
        {
            "utilization": 130 / 320, "unused_core_share": 0, "stranded_core_share": 60 / 320,
            "idle_core_share": 130 / 320, "gpu_utilization": 20 / 80, "unused_gpu_share": 0,
            "stranded_gpu_share": 30 / 80, "idle_gpu_share": 30 / 80,
        }
    )  # fmt: skip
    assert result.metrics["gpu_utilization"] == pytest.approx(20 / 80)
    pool = result.summary["pools"][0]
    assert (pool["stranded_core_share"], pool["gpu_utilization"]) == (pytest.approx(60 / 320), pytest.approx(0.25))
    hour = result.timeline.iloc[0]
    assert hour["stranded_cores"] * 21 == pytest.approx(60)  # the replay ends at 21
    assert hour["stranded_gpus"] * 21 == pytest.approx(30)


def test_gpus_may_be_asked_for_in_accepts():
    pools = [
        {**own(of=node(gpus=1)), "name": "gpu", "accepts": {"gpus": {"at_least": 0.001}}},
        {**own(), "accepts": {"memory": {"at_most": "4 GiB"}}},
    ]
    result = replay(pools, [(0, 10, 1), (0, 10, 1, 0.1), (0, 10, 1, 0, 0, 5)])
    assert result.jobs["pool"].tolist() == ["own", "gpu", ""]


def test_what_is_held_but_not_asked_for_is_neither_used_nor_free():
    # Nodes: one job of a core holds its node of 16 cores until 10, the next waits for it: nothing is free meanwhile.
    pool = {"name": "a", "kind": "on_premises", "nodes": 1, "node": {"cores": 16, "gpus": 4}, "placement": "nodes"}
    trace = Trace.from_columns({"submit_s": [0, 0], "run_s": [10, 10], "procs": [1, 1]})
    result = simulate(trace, Cluster.model_validate({"pools": [pool]}))
    assert result.replay.start_s.tolist() == [0, 10]
    cores, gpus = result.split(0, np.array([0.0, 10.0, 20.0, 30.0]))
    assert [part.tolist() for part in cores] == [[10, 10, 0], [150, 150, 0], [0, 0, 0], [0, 0, 0]]
    assert [part.tolist() for part in gpus] == [[0, 0, 0], [40, 40, 0], [0, 0, 0], [0, 0, 0]]
    # Packed: 2.5 GPUs are 3 whole ones, so of 4 one is free, for 10 s, and of 16 cores 15; then nobody waits.
    trace = Trace.from_columns({"submit_s": [0, 0], "run_s": [10, 10], "procs": [1, 1], "gpus": [2.5, 2.5]})
    result = simulate(trace, Cluster.model_validate({"pools": [{**pool, "placement": "packed"}]}))
    assert result.replay.start_s.tolist() == [0, 10]
    cores, gpus = result.split(0, np.array([0.0, 10.0, 20.0]))
    assert [part.tolist() for part in cores] == [[10, 10], [0, 0], [150, 0], [0, 150]]
    assert [part.tolist() for part in gpus] == [[25, 25], [5, 5], [10, 0], [0, 10]]


def test_answers_tell_gpus_before_cores_and_what_is_held_in_vain():
    # Of 2 + 1 nodes, a job of 1 core and 1 GPU holds the first whole from 0 to 20, the end of the window: of 6 GPUs a
    # sixth is busy, and another sixth held; of 48 cores a 48th is busy.
    pools = [
        {"name": "a", "kind": "on_premises", "nodes": 2, "node": node(16, 2), "placement": "nodes"},
        {"name": "b", "kind": "on_premises", "nodes": 1, "node": node(16, 2), "placement": "packed"},
    ]
    trace = Trace.from_columns({"submit_s": [0, 20], "run_s": [20, 0], "procs": [1, 1], "gpus": [1, 0]})
    summary = simulate(trace, Cluster.model_validate({"policy": "easy", "pools": pools}), engine="simpy").summary
    assert summary["answer"] == (
        "On 6 GPUs and 48 cores under EASY backfilling, every job starts at once, and 16.7 % of the GPUs and 2.08 % of "
        "the cores are busy on average (another 16.7 % of the GPUs are held, but not used)."
    )
    assert summary["shares"]["unused_core_share"] == pytest.approx(15 / 48)


def test_a_policy_that_is_not_offered_cannot_be_picked():
    cluster = Cluster.model_validate(
        {"pools": [{"name": "a", "kind": "on_premises", "nodes": 1, "node": {"cores": 8}, "placement": "packed"}]}
    )
    with pytest.raises(ValueError, match="placement: packed, where policy 'conservative' is not offered"):
        cluster.at({"a": 1}, Policy.parse("conservative"))
