"""Nightly scenarios through Parsl: pip install 'pwsim[parsl]'."""

from pathlib import Path

import parsl
from parsl.concurrent import ParslPoolExecutor
from parsl.config import Config
from parsl.executors import HighThroughputExecutor

from pwsim.scenario.batch import Batch

if __name__ == "__main__":
    parsl.set_stream_logger(level="WARNING")
    with ParslPoolExecutor(Config(executors=[HighThroughputExecutor(max_workers_per_node=16)])) as executor:
        batch = Batch(["scenarios/*.yaml"], Path("nights"))
        batch.run(executor=executor, at_once=16)
        batch.collect()
