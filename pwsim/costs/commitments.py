"""How many nodes to commit for years: the number that makes a setup cheapest, by what its replay showed (semantics §8).

Money only: no commitment changes what jobs and nodes do, so the choice is made after the replay, for every setup, and
its bound before the replay is the same choice with what stands all year.
"""

from __future__ import annotations

import numpy as np

from pwsim.cluster import CloudPool, Pool
from pwsim.costs import charges
from pwsim.costs.charges import Use
from pwsim.prices import Commitment
from pwsim.trace import Floats


def after_replay(pool: CloudPool, nodes: int, use: Use, window_s: float) -> CloudPool:
    """Return a pool with the numbers of committed nodes that make it cheapest in the place of ``best``.

    Parameters
    ----------
    pool, nodes
        The pool, which no savings plan covers (:func:`.covering.paid`), and how many nodes it has.
    use
        What the replay showed.
    window_s
        Length of the measurement window, which stands for a year [s].
    """
    return decided(pool, charges.in_use(pool, nodes, use, window_s))


def before_replay(pool: Pool, nodes: int) -> Pool:
    """Return a pool with the numbers of committed nodes that would be best if jobs needed no node beyond what stands.

    What this costs is never above what :func:`after_replay` comes to: there, too, each node that stands all year costs
    its rent or a commitment, whichever the number of commitments, and other nodes cost nothing or more.
    """
    if not isinstance(pool, CloudPool) or pool.is_decided:
        return pool
    return decided(pool, np.ones(pool.always_there(nodes)))


def decided(pool: CloudPool, in_use: Floats) -> CloudPool:
    """Return a pool with numbers in the place of ``best``.

    Parameters
    ----------
    pool
        The pool.
    in_use
        The duration curve of its nodes on the bill: for which part of the time at least one of them is, at least two,
        and so on, shape (most nodes,); above 1 if jobs run on after the window that stands for a year.

    Returns
    -------
    A pool with commitments of the cheapest term, and no others that were ``best``; the number of nodes with the least
    cost, of equal ones the fewest.

    Notes
    -----
    With ``p`` the rent of a node and ``r`` the price of a commitment, both by the hour, ``c`` committed nodes cost
    ``r c + p Σ_{k > c} in_use_k``.  The ``k``-th node pays just if it is in use for a larger part of the time than
    ``r / p``: the best number is the quantile ``1 - r / p`` of the nodes on the bill, the critical ratio of the
    newsvendor.  All terms cover alike and are paid all year, so the cheapest by the hour is never beaten, nor is it by
    a mix.  Where nodes stand all year and more come and go after the window, the curve may rise; so the sums are
    compared instead, which holds for every curve.

    References
    ----------
    K. J. Arrow, T. Harris, J. Marschak: Optimal inventory policy. Econometrica 19(3), 1951, 250-272 (the critical
    ratio).

    Examples
    --------
    Rent of 3 USD an hour, or 2 for a year: the second node is in use for more than two thirds of the time, the third is
    not.

    >>> terms = [{"term": "1yr", "nodes": "best", "price_usd_per_hour": 2.0}]
    >>> pool = CloudPool(name="burst", kind="cloud", node={"cores": 4}, price_usd_per_hour=3.0, nodes=3,
    ...     commitments=terms)
    >>> decided(pool, np.array([1.0, 0.7, 0.5])).committed_nodes
    2
    """
    spared = pool.price_usd_per_hour * in_use[pool.committed_nodes :] - cheapest(pool).price_usd_per_hour
    return of_number(pool, int(np.argmax(np.concatenate(([0.0], np.cumsum(spared))))))


def cheapest(pool: CloudPool) -> Commitment:
    """Return the cheapest of the terms of which the number of nodes is to be found; of equal ones the shorter."""
    return min(
        (one for one in pool.commitments if one.nodes == "best"), key=lambda one: (one.price_usd_per_hour, one.term)
    )


def of_number(pool: CloudPool, nodes: int) -> CloudPool:
    """Return a pool with a number of nodes committed for its cheapest term, beyond those whose numbers are given."""
    given = tuple(one for one in pool.commitments if one.nodes != "best")
    chosen = (cheapest(pool).model_copy(update={"nodes": nodes}),) if nodes else ()
    return pool.model_copy(update={"commitments": (*given, *chosen)})
