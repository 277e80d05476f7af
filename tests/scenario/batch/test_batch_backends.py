"""Whoever does the work of a batch, its data set is the same: Dask and a worker that is lost, Parsl, and shards."""

import os
import signal
from concurrent.futures import Executor
from pathlib import Path

import pytest

from pwsim.scenario.batch import Batch, Options, Shard
from pwsim.scenario.batch.journal import Entry
from tests.scenario.batch.conftest import SCENARIO, write_log
from tests.scenario.batch.test_batch import tree

OPTIONS = Options(cache_bytes=10**8, draws=False)


pytestmark = pytest.mark.usefixtures("in_threads")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    write_log(place, 60)
    for number in range(4):
        (place / f"s{number}.yaml").write_text(SCENARIO.format(name=f"s{number}").replace("9000", f"{9000 + number}"))
    return place


@pytest.fixture
def local(folder, tmp_path) -> dict[str, bytes]:
    """The tree that this machine makes alone."""
    todo = Batch([str(folder / "*.yaml")], tmp_path / "local", options=OPTIONS)
    assert [one.event for one in todo.run(at_once=2)] == ["done"] * 4
    todo.collect()
    return tree(tmp_path / "local")


def made_by(executor: Executor, folder: Path, out: Path, seen=lambda _: None) -> dict[str, bytes]:
    todo = Batch([str(folder / "*.yaml")], out, options=OPTIONS)
    assert [one.event for one in todo.run(executor=executor, at_once=2, seen=seen)] == ["done"] * 4
    todo.collect()
    return tree(out)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_threads_of_parsl_and_shards_make_the_same(folder, local, tmp_path):
    from parsl.concurrent import ParslPoolExecutor
    from parsl.config import Config
    from parsl.executors import ThreadPoolExecutor

    config = Config(executors=[ThreadPoolExecutor(max_threads=2)], run_dir=str(tmp_path / "runinfo"))
    with ParslPoolExecutor(config) as executor:
        assert made_by(executor, folder, tmp_path / "parsl") == local


def test_four_shards_make_the_same(folder, local, tmp_path):
    for number in (3, 1, 4, 2):
        shard = Batch([str(folder / "*.yaml")], tmp_path / "shards", options=OPTIONS, shard=Shard(number, 4))
        assert [one.event for one in shard.run(at_once=1)] == ["done"]
        assert (shard.collect() is None) == (number != 2)  # the last to finish writes the table
    assert tree(tmp_path / "shards") == local


@pytest.mark.filterwarnings("ignore")
def test_dask_makes_the_same_though_a_worker_is_lost(folder, local, tmp_path):
    import distributed

    killed: list[int] = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):

        def kill_one(entry: Entry) -> None:
            if not killed:
                busy = {worker for worker, tasks in client.processing().items() if tasks}
                pids = client.run(os.getpid, workers=list(busy)[:1]) if busy else client.run(os.getpid)
                killed.append(next(iter(pids.values())))
                os.kill(killed[0], signal.SIGKILL)

        found = made_by(client.get_executor(), folder, tmp_path / "dask", kill_one)
    assert len(killed) == 1
    assert found == local
