"""Nightly scenarios on a Dask cluster of Slurm jobs: pip install 'pwsim[dask]' dask-jobqueue."""

from pathlib import Path

from dask.distributed import Client
from dask_jobqueue import SLURMCluster

from pwsim.scenario.batch import Batch

if __name__ == "__main__":
    with (
        SLURMCluster(cores=16, processes=16, memory="64 GB", walltime="04:00:00") as cluster,
        Client(cluster) as client,
    ):
        cluster.scale(jobs=8)
        batch = Batch(["scenarios/*.yaml"], Path("nights"))
        batch.run(executor=client.get_executor(), at_once=128)
        batch.collect()
