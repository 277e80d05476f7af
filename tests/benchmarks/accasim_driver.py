"""Replay a log with AccaSim and print the CPU seconds of its simulation loop; runs in AccaSim's own environment.

``python accasim_driver.py LOG.swf CORES`` replays a plain SWF file under EASY with all output of AccaSim off.
AccaSim 1.1.3 was written for Python 3.6 and needs a few names that later versions have moved.
"""

from __future__ import annotations

import collections
import collections.abc
import json
import sys
import tempfile
import time
from pathlib import Path


def main(log: str, cores: int) -> None:
    """Replay and print one JSON object."""
    for name in ("Mapping", "MutableMapping", "Iterable", "Sequence", "Callable"):
        setattr(collections, name, getattr(collections.abc, name))
    time.clock = time.perf_counter  # type: ignore[attr-defined]
    from accasim.base.allocator_class import FirstFit
    from accasim.base.scheduler_class import EASYBackfilling
    from accasim.base.simulator_class import Simulator

    machine = {
        "system_name": "one node",
        "start_time": 0,
        "equivalence": {"processor": {"core": 1}},
        "groups": {"all": {"core": cores}},
        "resources": {"all": 1},
    }
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "machine.json"
        config.write_text(json.dumps(machine))
        simulator = Simulator(
            log,
            str(config),
            EASYBackfilling(FirstFit()),
            RESULTS_FOLDER_PATH=folder,
            scheduling_output=False,
            statistics_output=False,
            show_statistics=False,
            benchmark_output=False,
        )
        start = time.process_time()
        simulator.start_simulation()
        print(json.dumps({"cpu_s": time.process_time() - start, "jobs": simulator.loaded_jobs}))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
