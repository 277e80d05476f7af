"""The solver of every PuLP model: proven answers only, the same each time, and nothing on standard output."""

from __future__ import annotations

from typing import Any

import pulp

LARGEST_COEFFICIENT = 1e7
"""Costs are scaled down to this, so that the solver's absolute tolerances stay far below a cent in normal cases."""


def proven_solver() -> pulp.LpSolver:
    """Return HiGHS, or CBC where HiGHS is not installed; to optimality, on one thread, so that runs repeat."""
    highs = _QuietHiGHS(msg=False, mip_rel_gap=0.0, mip_abs_gap=0.0, threads=1)
    return highs if highs.available() else pulp.PULP_CBC_CMD(msg=False, gapRel=0.0, gapAbs=0.0, threads=1)


class _QuietHiGHS(pulp.HiGHS):  # type: ignore[misc]  # PuLP has no types
    """HiGHS, told to be quiet before it says anything.

    PuLP sets the option when the solver is there, and by then it has printed a banner: as it is given its callbacks,
    the first thing that happens to it.
    """

    def createAndConfigureSolver(self, lp: Any) -> None:  # noqa: N802 - PuLP's name
        import highspy

        class Quiet(highspy.Highs):  # type: ignore[misc]  # highspy has no types
            def enableCallbacks(self) -> None:  # noqa: N802 - highspy's name
                self.setOptionValue("output_flag", False)
                super().enableCallbacks()

        lp.solverModel = Quiet()
        for option, value in {"output_flag": False, "threads": self.threads, **self.optionsDict}.items():
            lp.solverModel.setOptionValue(option, value)
