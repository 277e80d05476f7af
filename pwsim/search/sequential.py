"""Whether setups hold in a share of all draws: decided draw by draw, with a stated error over a whole search.

One setup.  Draws are independent, and it holds in each with the same unknown chance ``p``.  Against each other stand
``p ≥ s``, the share asked, and ``p ≤ s - m``, with a margin ``m`` between them.  Each draw multiplies the *likelihood
ratio* of ``s`` to ``s - m`` by ``s / (s - m)`` if the setup holds, and by ``(1 - s) / (1 - s + m)`` if not.  Where
``p ≤ s - m``, that factor is at most 1 on average, whatever was drawn before; so the chance that the ratio ever
reaches ``1 / a`` is at most ``a`` (Ville's inequality).  Where ``p ≥ s``, the same holds of its inverse.  Therefore one
may look after every draw: the setup is accepted once the ratio is ``1 / a`` or more, refused once it is ``a`` or less,
and each error is at most ``a`` (Wald's sequential probability ratio test).

A whole search.  Setups come in an order that no draw decides (by their cost in the log's own replay), one is decided
after the other, and the first that is accepted ends it.  All share the draws, so their fates hang together; what
follows adds up chances only, and holds all the same.

* *Accepting.*  The first draws (:attr:`.Replications.screening`) only screen: they do not count for accepting, and a
  setup for which they bring the ratio to ``error / 2`` or less is not accepted at all.  Which setups are left does not
  depend on the later draws.  So the ``j``-th of those that are left may be accepted with error ``error / (j (j + 1))``,
  and all of these are ``error`` together.  A setup that clearly misses is gone by then, and costs the others nothing,
  however many there are.
* *Refusing.*  After ``u`` undecided setups, a setup is refused with error ``error / ((u + 1) (u + 2))``.  If a search
  refuses any setup with ``p ≥ s``, look at the first one, and say that it is the ``k``-th of those with ``p ≥ s``.
  Those before it were neither accepted, which ends the search, nor refused, so they were undecided, and ``u ≥ k - 1``.
  So this happens with a chance of at most ``error / (k (k + 1))``; and all of these are ``error`` together.

References
----------
A. Wald: Sequential tests of statistical hypotheses. Annals of Mathematical Statistics 16 (1945),
doi:10.1214/aoms/1177731118.  J. Ville: Étude critique de la notion de collectif. Gauthier-Villars, Paris 1939.
Selection with a margin within which either answer does: B. L. Nelson, D. Goldsman: Comparisons with a standard in
simulation experiments. Management Science 47 (2001).  With a constraint that only draws can tell: S. Andradóttir,
S.-H. Kim: Fully sequential procedures for comparing constrained systems via simulation. Naval Research Logistics 57
(2010).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pwsim.search.decided import Decided
from pwsim.search.replications import Replications


class Sequential:
    """Decides setups one after the other; an object is for one search.

    Parameters
    ----------
    share
        The share of draws in which a setup must hold.
    replications
        How many draws there are, the margin below the share, and the error over the whole search.

    Examples
    --------
    >>> rule = Sequential(0.95, Replications(by=["seed"]))
    >>> rule.decide([True] * 200)
    Decided(draws=89, draws_met=89, decision='accepted', by_target=())
    >>> rule.decide([False] * 200)
    Decided(draws=6, draws_met=0, decision='refused', by_target=())
    """

    def __init__(self, share: float, replications: Replications) -> None:
        self.share, self.replications = share, replications
        least = share - replications.margin
        self._hit = math.log(share / least)
        self._miss = math.log((1 - share) / (1 - least)) if share < 1 else -math.inf
        self.weighed = 0
        """How many setups the screening left."""
        self.undecided = 0
        """How many were undecided."""

    def decide(self, held: Iterable[bool]) -> Decided:
        """Decide the next setup.

        Parameters
        ----------
        held
            Whether it holds in draw 1, 2 and so on; no more draws are asked for than it takes.
        """
        n, screening = self.replications.n, self.replications.screening
        screened_out_at, refuse_at = self._refuse_at(0), self._refuse_at(self.undecided)
        accept_at = math.inf
        draws = met = screened_met = 0
        screened_out = False
        for draws, one in enumerate(held, 1):
            met += one
            against = self._log(draws, met)
            if against <= refuse_at:
                return Decided(draws, met, "refused")
            if draws <= screening:
                screened_met = met
                screened_out |= against <= screened_out_at
                continue
            if draws == screening + 1 and not screened_out:
                self.weighed += 1
                accept_at = -math.log(self.replications.error / (self.weighed * (self.weighed + 1)))
            for_it, left = self._log(draws - screening, met - screened_met), n - draws
            if for_it >= accept_at:
                return Decided(draws, met, "accepted")
            if for_it + left * self._hit < accept_at and (not left or against + left * self._miss > refuse_at):
                break  # no draws that are left could decide it
        self.undecided += 1
        return Decided(draws, met, "undecided")

    def _refuse_at(self, undecided: int) -> float:
        """Return the logarithm of the ratio at which a setup is refused after so many undecided ones."""
        return math.log(self.replications.error / ((undecided + 1) * (undecided + 2)))

    def _log(self, draws: int, met: int) -> float:
        """Return the logarithm of the likelihood ratio of the share to what is below the margin."""
        missed = draws - met
        return met * self._hit + (missed * self._miss if missed else 0.0)
