"""Partitions: their names and sizes from the log's header, else from the most that their jobs ever held."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from pwsim.calibration import limits
from pwsim.calibration.draft import Door, Draft
from pwsim.calibration.known import Known
from pwsim.cluster import stated
from pwsim.hindcasting import busy_of
from pwsim.metrics import Booleans

LEAST_SHARE = 0.01
"""Partitions with less of the jobs, and of the work, than this are left out: their jobs are counted as rejected."""
LEAST_USE = 0.5
"""A number of the header is the size of a partition of which jobs held at least this share."""


def propose(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:
    """Yield sites with the partitions, or the queues, of the log, each with cores of its own."""
    for _, doors in _columns(known, draft, half):
        if len(doors) > 1 and sum(one.cores for one in doors) <= known.cores:
            yield [draft.changed(doors=doors)]


def shared(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:
    """Yield sites with partitions, or queues, that share all cores, of which each may hold so many."""
    for _, doors in _columns(known, draft, half):
        if sum(one.cores for one in doors) > known.cores:
            full = tuple(one for one in doors if limits.at_ceiling(known, _jobs(known, one) & known.of(half)))
            if full:
                yield [draft.changed(doors=full, apart=False)]


def _columns(known: Known, draft: Draft, half: int) -> Iterator[tuple[str, tuple[Door, ...]]]:
    """Yield the partitions that each column of the log tells apart, unless it is known which there are."""
    if not draft.doors and len(draft.given.pools) == 1 and "partitions" not in stated(draft.given):
        for column in ("partition", "queue"):
            yield column, doors_of(known, column, half)


def _jobs(known: Known, door: Door) -> Booleans:
    """Return which jobs are of a partition, shape (jobs,)."""
    found: Booleans = known.trace.table[door.column].isin(door.values)
    return found


def doors_of(known: Known, column: str, half: int) -> tuple[Door, ...]:
    """Return the partitions that a column of the log tells apart, with their sizes, the largest first."""
    trace, member = known.trace, known.of(half)
    values, work = trace.table[column], trace.procs * trace.run_s
    names, numbers = names_of(trace.header, column), numbers_of(trace.header)
    each, doors = draft_cores(known), []
    for code, value in enumerate(values.categories):
        rows = values.codes == code
        if max(np.mean(rows), work[rows].sum() / max(work.sum(), 1.0)) < LEAST_SHARE or not str(value):
            continue
        peaks = [
            int(busy_of(known.recorded.of(jobs), trace.procs[jobs]).cores.max(initial=0)) for jobs in (rows & member,)
        ]
        size = size_of(max(*peaks, int(trace.procs[rows & member].max(initial=1))), known.cores, numbers)
        doors.append(
            Door(_valid(names.get(str(value), str(value)), column), column, (str(value),), -(-size // each) * each)
        )
    unique = {door.name for door in doors}
    if len(unique) < len(doors):
        doors = [door._replace(name=_valid(door.values[0], column)) for door in doors]
    return tuple(sorted(doors, key=lambda door: -door.cores))


def draft_cores(known: Known) -> int:
    """Return the cores of a node of the machine."""
    return known.plain.result.cluster.pools[0].node.cores


def size_of(peak: int, cores: int, numbers: list[int]) -> int:
    """Return the cores of a partition: the least number of the header that held the peak, else the peak.

    Examples
    --------
    >>> size_of(11480, 93312, [144, 1152, 5040, 11520, 80640]), size_of(50, 93312, [144, 1152])
    (11520, 50)
    """
    fitting = [one for one in numbers if peak <= one < cores and peak >= LEAST_USE * one]
    return min(fitting, default=peak)


def numbers_of(header: Mapping[str, str]) -> list[int]:
    """Return the whole numbers in what a header says of nodes, processors, queues and partitions.

    Examples
    --------
    >>> numbers_of({"Note": "80640 in thin nodes + 11,520 in fat nodes", "UnixStartTime": "1296571124"})
    [11520, 80640]
    """
    told = [text for key, text in header.items() if key.lower().startswith(("note", "max", "partition", "queue"))]
    numbers = {
        int(one.replace(",", "")) for text in told for one in re.findall(r"\b\d{1,3}(?:,\d{3})+\b|\b\d+\b", text)
    }
    return sorted(numbers)


def names_of(header: Mapping[str, str], column: str) -> dict[str, str]:
    """Return the names that a header gives to the numbers of partitions or queues.

    Examples
    --------
    >>> names_of({"Partition": "4  large 8  hybrid"}, "partition")
    {'4': 'large', '8': 'hybrid'}
    """
    told = next((text for key, text in header.items() if key.lower() == column), "")
    return dict(re.findall(r"(?<!\S)(\d+)\s+(\S+)", told))


def _valid(name: str, column: str) -> str:
    """Return a name as pools and partitions may have it."""
    kept = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return kept if re.match(r"[A-Za-z]", kept) else f"{column}_{kept}"


def refine(known: Known, draft: Draft, half: int) -> Iterator[list[Draft]]:  # noqa: ARG001 - a Proposal takes all three
    """Yield sites without one of the partitions that share all cores."""
    if not draft.apart:
        yield [draft.without(door) for door in draft.doors]
