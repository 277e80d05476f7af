"""Packing jobs onto nodes, node by node: cores, memory, GPUs and parts of GPUs (semantics §5, ``packed``).

A job is a number of equal shares on different nodes.  A share goes where least is left over: free GPUs first if the job
asks for any, then cores, then memory, then the lowest number; on the node, a part of a GPU goes to the GPU where least
is left over, and whole GPUs to the lowest-numbered idle ones.  GPUs are counted in thousandths.

Nodes are rows of sequences by number (:class:`Bins`); all functions are index loops, in the subset of Python that numba
compiles.  Since the shares of a job are equal and on different nodes, those that fit best one after another are the
best so many nodes, and a job can be placed just where enough nodes fit a share.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

WHOLE = 1000
"""Thousandths of a GPU; a share of so much or more is of whole GPUs, which nobody shares."""
REMEMBERED = 16
"""Jobs that fit nowhere which a pass remembers."""
MOST_GPUS = 62
"""GPUs of a packed node: the GPUs that a share holds are the bits of one whole number."""


class Bins(NamedTuple):
    """What is free on each node, by its number."""

    width: int
    """GPUs of a node."""
    cores: MutableSequence[int]
    """Free cores."""
    memory: MutableSequence[int]
    """Free memory [MiB]; 0, as in all shares, where memory is not looked at."""
    gpus: MutableSequence[int]
    """Free thousandths over all GPUs of the node."""
    gpu: MutableSequence[int]
    """Free thousandths of each GPU, ``width`` of them a node."""


class Shares(NamedTuple):
    """What each job asks for in a pool, by job."""

    need: Sequence[int]
    """Shares, each on a node of its own."""
    cores: Sequence[int]
    """Cores of a share."""
    memory: Sequence[int]
    """Memory of a share [MiB]."""
    milli: Sequence[int]
    """Thousandths of a GPU of a share: below 1000 a part of one, else whole ones."""
    shape: Sequence[int]
    """Number of the shape: jobs that ask for the same have the same."""


NOW, FREED, HEAD, FITTING = range(4)
"""Entries of :attr:`Tried.clock`."""


class Tried(NamedTuple):
    """What passes have found out about the shapes of jobs, by shape, and when.

    A clock ticks whenever something is placed or given back, and when the reservation of the head becomes another.
    """

    clock: MutableSequence[int]
    """Ticks so far, the tick at which something was last given back, and of the last reservation the head and how many
    nodes fitted it after the pass."""
    shadow_s: MutableSequence[float]
    """Shadow of the last reservation [s], the only entry."""
    unfit: MutableSequence[int]
    """The last tick at which the shape was found to fit nowhere."""
    delays: MutableSequence[int]
    """The last tick at which a job of the shape, longer than the shadow, would have delayed the head."""


def given_back(clock: MutableSequence[int]) -> None:
    """Note that nodes or shares were given back: what fitted nowhere may fit."""
    clock[NOW] += 1
    clock[FREED] = clock[NOW]


def note_reservation(tried: Tried, head: int, shadow_s: float, fitting: int) -> None:
    """Note the reservation of a pass; if it is another than the last one, what delayed the head may not."""
    if tried.clock[HEAD] != head or tried.clock[FITTING] != fitting or tried.shadow_s[0] != shadow_s:
        tried.clock[NOW] += 1
    tried.clock[HEAD], tried.clock[FITTING], tried.shadow_s[0] = head, fitting, shadow_s


class Places(NamedTuple):
    """Where the shares of running jobs are."""

    first: Sequence[int]
    """By job: where its shares start in what follows."""
    node: MutableSequence[int]
    """Node of each share."""
    gpus: MutableSequence[int]
    """GPUs of each share, as bits."""


def fits(bins: Bins, node: int, shares: Shares, job: int) -> bool:
    """Return whether a share of a job fits on a node."""
    if bins.cores[node] < shares.cores[job] or bins.memory[node] < shares.memory[job]:
        return False
    milli = shares.milli[job]
    if bins.gpus[node] < milli:
        return False
    if milli == 0:
        return True
    idle = 0
    for gpu in range(node * bins.width, (node + 1) * bins.width):
        if milli < WHOLE and bins.gpu[gpu] >= milli:
            return True
        if bins.gpu[gpu] == WHOLE:
            idle += 1
    return milli >= WHOLE and idle * WHOLE >= milli


def most_free(bins: Bins, nodes: Sequence[int], count: int) -> tuple[int, int, int]:
    """Return the most cores, MiB and thousandths of GPUs that are free on one node: no share of more than that fits."""
    cores = memory = gpus = 0
    for index in range(count):
        node = nodes[index]
        cores = max(cores, bins.cores[node])
        memory = max(memory, bins.memory[node])
        gpus = max(gpus, bins.gpus[node])
    return cores, memory, gpus


def enough(bins: Bins, nodes: Sequence[int], count: int, shares: Shares, job: int) -> bool:
    """Return whether as many nodes fit a share of a job as it has shares: cheaper than to choose among them."""
    missing = shares.need[job]
    for index in range(count):
        if missing > count - index:
            return False
        if fits(bins, nodes[index], shares, job):
            missing -= 1
            if missing == 0:
                return True
    return False


def choose(
    bins: Bins, nodes: Sequence[int], count: int, shares: Shares, job: int, most: int, chosen: MutableSequence[int]
) -> int:
    """Write up to ``most`` nodes that fit a share best, best first; return how many there are.

    Parameters
    ----------
    nodes
        Numbers of the nodes that are up, the first ``count`` of the sequence.
    chosen
        Numbers of the chosen nodes.
    """
    found = 0
    last = (-1, -1, -1, -1)
    asks = 1 if shares.milli[job] > 0 else 0
    while found < most:
        best = last
        some = False
        for index in range(count):
            node = nodes[index]
            left = (bins.gpus[node] * asks, bins.cores[node], bins.memory[node], node)
            if left > last and (not some or left < best) and fits(bins, node, shares, job):
                best = left
                some = True
        if not some:
            break
        chosen[found] = best[3]
        last = best
        found += 1
    return found


def pick(bins: Bins, node: int, milli: int) -> int:
    """Return the GPUs of a node that a share takes, as bits."""
    if milli == 0:
        return 0
    first = node * bins.width
    if milli < WHOLE:
        best = -1
        for gpu in range(bins.width):
            free = bins.gpu[first + gpu]
            if free >= milli and (best < 0 or free < bins.gpu[first + best]):
                best = gpu
        return 1 << best
    bits, left = 0, milli
    for gpu in range(bins.width):
        if left > 0 and bins.gpu[first + gpu] == WHOLE:
            bits |= 1 << gpu
            left -= WHOLE
    return bits


def hold(bins: Bins, node: int, shares: Shares, job: int, bits: int, sign: int) -> None:
    """Take a share of a job off a node (``sign`` -1), or give it back (1)."""
    milli = shares.milli[job]
    bins.cores[node] += sign * shares.cores[job]
    bins.memory[node] += sign * shares.memory[job]
    bins.gpus[node] += sign * milli
    for gpu in range(bins.width):
        if bits >> gpu & 1:
            bins.gpu[node * bins.width + gpu] += sign * min(milli, WHOLE)


def hold_all(bins: Bins, shares: Shares, places: Places, job: int, sign: int) -> None:
    """Take all shares of a job off the nodes where they are, or give them back."""
    for share in range(places.first[job], places.first[job] + shares.need[job]):
        hold(bins, places.node[share], shares, job, places.gpus[share], sign)


def place_job(
    bins: Bins, nodes: Sequence[int], count: int, shares: Shares, places: Places, job: int, chosen: MutableSequence[int]
) -> bool:
    """Place all shares of a job where they fit best, and take them off; return whether it could be done."""
    if not enough(bins, nodes, count, shares, job):
        return False
    for index in range(choose(bins, nodes, count, shares, job, shares.need[job], chosen)):
        share = places.first[job] + index
        places.node[share] = chosen[index]
        places.gpus[share] = pick(bins, chosen[index], shares.milli[job])
        hold(bins, chosen[index], shares, job, places.gpus[share], -1)
    return True


def empty(bins: Bins, node: int, cores: int, memory: int) -> None:
    """Let a node be empty, with so many cores and MiB, and all its GPUs."""
    bins.cores[node] = cores
    bins.memory[node] = memory
    bins.gpus[node] = bins.width * WHOLE
    for gpu in range(node * bins.width, (node + 1) * bins.width):
        bins.gpu[gpu] = WHOLE


def place_heads(
    bins: Bins,
    nodes: Sequence[int],
    count: int,
    shares: Shares,
    places: Places,
    queue: Sequence[int],
    waiting: int,
    chosen: MutableSequence[int],
) -> int:
    """Place jobs from the head of the queue on, until one cannot be (§4, ``none``); return how many."""
    begun = 0
    while begun < waiting and place_job(bins, nodes, count, shares, places, queue[begun], chosen):
        begun += 1
    return begun


def asks_no_less(shares: Shares, job: int, others: Sequence[int], count: int) -> bool:
    """Return whether a job asks for no less than one of the first ``count`` others: where that does not fit, nor it."""
    for index in range(count):
        other = others[index]
        if (
            shares.need[job] >= shares.need[other]
            and shares.cores[job] >= shares.cores[other]
            and shares.memory[job] >= shares.memory[other]
            and shares.milli[job] >= shares.milli[other]
        ):
            return True
    return False


def packed_reservation(
    now: float,
    bins: Bins,
    then: Bins,
    nodes: Sequence[int],
    count: int,
    shares: Shares,
    places: Places,
    head: int,
    release_s: Sequence[float],
    release_job: Sequence[int],
    running: int,
    arrive_s: Sequence[float],
    arriving: int,
    roomy: MutableSequence[bool],
) -> tuple[float, int]:
    """Return the shadow, when the head of the queue can be placed, and how many nodes fit a share of it then (§5).

    Parameters
    ----------
    then
        What is free at the shadow is written here.
    release_s, release_job
        Start plus estimate of the ``running`` jobs, increasing [s], and the jobs.
    arrive_s
        When each of the ``arriving`` nodes will be up, empty, increasing [s] (§6).
    roomy
        Whether each node fits a share of the head then is written here, by number.

    Returns
    -------
    tuple of float and int
        Minus infinity and -1 if the head could not be placed even after all that is known.
    """
    fitting = 0
    for index in range(count):
        node = nodes[index]
        then.cores[node] = bins.cores[node]
        then.memory[node] = bins.memory[node]
        then.gpus[node] = bins.gpus[node]
        for gpu in range(node * bins.width, (node + 1) * bins.width):
            then.gpu[gpu] = bins.gpu[gpu]
        roomy[node] = fits(then, node, shares, head)
        fitting += roomy[node]
    last = coming = 0
    shadow_s = now
    while fitting < shares.need[head] and (last < running or coming < arriving):
        shadow_s = math.inf
        if last < running:
            shadow_s = max(release_s[last], now + 1.0)  # one second if it has outlived its estimate (§3)
        if coming < arriving:
            shadow_s = min(shadow_s, arrive_s[coming])
        while last < running and max(release_s[last], now + 1.0) <= shadow_s:
            job = release_job[last]
            hold_all(then, shares, places, job, 1)
            for share in range(places.first[job], places.first[job] + shares.need[job]):
                node = places.node[share]
                if not roomy[node] and fits(then, node, shares, head):
                    roomy[node] = True
                    fitting += 1
            last += 1
        while coming < arriving and arrive_s[coming] <= shadow_s:
            fitting += 1
            coming += 1
    if fitting < shares.need[head]:
        return -math.inf, -1
    return shadow_s, fitting


def pack_past_head(
    now: float,
    bins: Bins,
    then: Bins,
    nodes: Sequence[int],
    count: int,
    shares: Shares,
    places: Places,
    head: int,
    shadow_s: float,
    fitting: int,
    roomy: MutableSequence[bool],
    queue: Sequence[int],
    estimate_s: Sequence[float],
    begin: int,
    end: int,
    chosen: MutableSequence[int],
    unfit: MutableSequence[int],
    tried: Tried,
    passed: MutableSequence[int],
) -> int:
    """Place the jobs that may pass the head without delaying it (§5); return how many.

    A job that outlasts the shadow must leave the head enough nodes, beside those that were let through before.

    Where thousands wait, most ask for what others have asked for in vain.  What does not fit now will not fit until
    something is given back, for free cores, memory and GPUs only become fewer; and what would delay the head would do
    so again as long as nobody else has started and the reservation is the same.  So each shape is tried once, and its
    like are passed by, in later passes too.

    Parameters
    ----------
    then, shadow_s, fitting, roomy
        What :func:`packed_reservation` found.
    unfit
        Room to remember some jobs that fit nowhere.
    tried
        What is known of each shape, of earlier passes too.
    passed
        The positions of the jobs are written here, in increasing order.
    """
    begun = 0
    unfits = 0
    note_reservation(tried, head, shadow_s, fitting)
    cores, memory, gpus = most_free(bins, nodes, count)
    for position in range(begin, end):
        if cores == 0:  # every share has some
            break
        job = queue[position]
        shape = shares.shape[job]
        outlasts = now + estimate_s[position] > shadow_s
        if tried.unfit[shape] >= tried.clock[FREED] or (outlasts and tried.delays[shape] == tried.clock[NOW]):
            continue
        if shares.cores[job] > cores or shares.memory[job] > memory or shares.milli[job] > gpus:
            continue
        if asks_no_less(shares, job, unfit, unfits) or not place_job(bins, nodes, count, shares, places, job, chosen):
            tried.unfit[shape] = tried.clock[NOW]
            if unfits < len(unfit):
                unfit[unfits] = job
                unfits += 1
            continue
        if outlasts:
            hold_all(then, shares, places, job, -1)
            first = places.first[job]
            left = fitting
            for share in range(first, first + shares.need[job]):
                node = places.node[share]
                left -= roomy[node] and not fits(then, node, shares, head)
            if left < shares.need[head]:
                hold_all(then, shares, places, job, 1)
                hold_all(bins, shares, places, job, 1)
                tried.delays[shape] = tried.clock[NOW]
                continue
            for share in range(first, first + shares.need[job]):
                roomy[places.node[share]] = fits(then, places.node[share], shares, head)
            fitting = tried.clock[FITTING] = left
        tried.clock[NOW] += 1
        cores, memory, gpus = most_free(bins, nodes, count)
        passed[begun] = position
        begun += 1
    return begun


def filled(
    bins: Bins,
    numbers: Sequence[int],
    cores: int,
    memory: int,
    shares: Shares,
    queue: Sequence[int],
    waiting: int,
    another: int,
    most: int,
    chosen: MutableSequence[int],
) -> int:
    """Return how many empty nodes the waiting jobs would fill, placed in order (§6); ``most`` if it is that or more.

    Parameters
    ----------
    bins, numbers
        Room to count in, for ``most`` nodes, and their numbers.
    cores, memory
        Of an empty node.
    another
        One more job, placed after them; -1 for none.
    """
    opened = 0
    for position in range(waiting + (another >= 0)):
        job = queue[position] if position < waiting else another
        found = choose(bins, numbers, opened, shares, job, shares.need[job], chosen)
        for index in range(shares.need[job]):
            if index >= found:
                if opened >= most:
                    return most
                empty(bins, opened, cores, memory)
                chosen[index] = opened
                opened += 1
            hold(bins, chosen[index], shares, job, pick(bins, chosen[index], shares.milli[job]), -1)
    return opened


def has_room(
    room: Bins,
    numbers: Sequence[int],
    cores: int,
    memory: int,
    bins: Bins,
    nodes: Sequence[int],
    count: int,
    units: int,
    busy: int,
    shares: Shares,
    queue: Sequence[int],
    waiting: int,
    job: int,
    chosen: MutableSequence[int],
) -> bool:
    """Return whether a job may move to a packed pool (§5).

    Either the queue there and the job would fill no more than the nodes without jobs, or nobody waits and it fits now.

    Parameters
    ----------
    room, numbers, cores, memory
        As :func:`filled` takes them.
    bins, nodes, count
        What is free on the nodes that are up, and their numbers.
    units, busy
        Nodes that the pool may have, and those with jobs.
    """
    left = units - busy
    if filled(room, numbers, cores, memory, shares, queue, waiting, job, left + 1, chosen) <= left:
        return True
    most = shares.need[job]
    return waiting == 0 and choose(bins, nodes, count, shares, job, most, chosen) == most
