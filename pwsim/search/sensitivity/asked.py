"""What a scenario says under ``sensitivity:``: what might be otherwise."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from pwsim.common import Frozen, numeral

Factor = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
OrNothing = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Sensitivity(Frozen):
    """What might be otherwise than the scenario says: for each value, what the setup then costs, and the answer.

    Values are factors, such as ``[0.8, 1.2]``; a discount rate is taken as it is.

    Examples
    --------
    >>> asked = Sensitivity(load=[0.8, 1.2], discount_rate=[0.02])
    >>> list(asked.values())
    [('discount_rate', 0.02), ('load', 0.8), ('load', 1.2)]
    """

    rent: tuple[Factor, ...] = Field(default=(), strict=False, max_length=50)
    """Prices of rented nodes: by the hour, of commitments, and under savings plans."""
    electricity: tuple[OrNothing, ...] = Field(default=(), strict=False, max_length=50)
    """Price of electricity."""
    capex: tuple[OrNothing, ...] = Field(default=(), strict=False, max_length=50)
    """Purchase price of own nodes."""
    lifetime: tuple[Factor, ...] = Field(default=(), strict=False, max_length=50)
    """Years over which own nodes are written off."""
    discount_rate: tuple[Rate, ...] = Field(default=(), strict=False, max_length=50)
    """Interest a year, as it is: 0.05 is 5 %."""
    load: tuple[Factor, ...] = Field(default=(), strict=False, max_length=50)
    """Work of the log, by more or fewer jobs that keep their hour and weekday."""
    job_sizes: tuple[Factor, ...] = Field(default=(), strict=False, max_length=50)
    """What jobs ask for: processors, nodes, GPUs and memory."""
    interruptions: tuple[OrNothing, ...] = Field(default=(), strict=False, max_length=50)
    """Rate at which nodes are taken back, or fail."""
    estimates: tuple[OrNothing, ...] = Field(default=(), strict=False, max_length=50)
    """Time that users ask for beyond the run time: 0 are exact estimates."""

    @model_validator(mode="after")
    def _differ(self) -> Self:
        for name in type(self).model_fields:
            values = getattr(self, name)
            if twice := [one for place, one in enumerate(values) if one in values[:place]]:
                raise ValueError(f"{name}: the value {numeral(twice[0])} occurs twice")
        return self

    def values(self) -> tuple[tuple[str, float], ...]:
        """Return what is to be changed to what, the things that need no replay first."""
        return tuple((name, value) for name in type(self).model_fields for value in getattr(self, name))
