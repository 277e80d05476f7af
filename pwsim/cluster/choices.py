"""Keys of a scenario that hold one value or the choices of the search: node counts, policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, PlainSerializer, Tag, WithJsonSchema

from pwsim.rules import POLICY_PATTERN, Policy

MOST_NODES = 1_000_000
"""Node counts beyond this are refused as mistakes."""
MOST_CHOICES = 10_000
"""Choices of one pool's node count beyond this are refused: take a larger step."""


def _parse_choices(value: object) -> tuple[int, ...]:
    """Return the node counts that a number, a list or a range stands for, increasing."""
    if isinstance(value, np.ndarray | np.integer):
        value = value.tolist()
    if isinstance(value, tuple | list | range) and value:
        numbers: Iterable[object] = value
    elif isinstance(value, Mapping):
        numbers = _parse_range(value)
    else:
        numbers = [value]
    counts = set()
    for given in numbers:
        number = int(given) if isinstance(given, np.integer) else given
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MOST_NODES:
            raise ValueError(
                f"must be a number of nodes from 0 to {MOST_NODES:,}, a list of such numbers, "
                f"or a range such as {{min: 10, max: 40, step: 2}}; {_short(number)} is not"
            )
        counts.add(number)
    return tuple(sorted(counts))


def _parse_range(value: Mapping[Any, object]) -> range:
    wanted = "a range has the keys min (0 if left out), max and step (1 if left out), all whole numbers"
    if unknown := [key for key in value if key not in ("min", "max", "step")]:
        raise ValueError(f"unknown key {_short(unknown[0])}; {wanted}")
    low, high, step = value.get("min", 0), value.get("max"), value.get("step", 1)
    for key, number, least in (("min", low, 0), ("max", high, 0), ("step", step, 1)):
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= MOST_NODES:
            raise ValueError(f"{key} must be a whole number from {least} to {MOST_NODES:,}; {wanted}")
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert isinstance(step, int)
    if low > high:
        raise ValueError(f"min ({low}) must not be above max ({high})")
    choices = range(low, high + 1, step)
    if len(choices) > MOST_CHOICES:
        raise ValueError(f"{len(choices):,} choices are more than {MOST_CHOICES:,}; take a larger step")
    return choices


def _parse_policies(value: object) -> tuple[Policy, ...]:
    """Return the policies that a name or a list of names stands for, in the order of the list."""
    names = list(value) if isinstance(value, tuple | list) else [value]
    if not names:
        raise ValueError("must name at least one policy")
    policies = []
    for name in names:
        if isinstance(name, Policy):
            policies.append(name)
        elif isinstance(name, str):
            policies.append(Policy.parse(name))
        else:
            raise ValueError(f"must be the name of a policy, or a list of names; {_short(name)} is not")  # noqa: TRY004
    return tuple(dict.fromkeys(policies))


def alternatives(one: type, several: Any) -> Any:
    """Return a pydantic type for a list of rules, or ``{choices: […]}`` of several lists; both are a tuple of lists.

    Parameters
    ----------
    one
        Class of a rule.
    several
        Class with the key ``choices``, a tuple of tuples of rules.
    """

    def given(value: object) -> object:
        """Return a parsed value in the form in which a scenario gives it."""
        parsed = isinstance(value, tuple) and value and all(isinstance(rules, tuple) for rules in value)
        return {"choices": value} if parsed else value

    rules = Annotated[tuple[one, ...], Field(strict=False, max_length=1000), Tag("one")]  # type: ignore[valid-type]
    return Annotated[
        Annotated[several, Tag("several")] | rules,
        Discriminator(lambda value: "several" if isinstance(value, Mapping | several) else "one"),
        BeforeValidator(given),
        AfterValidator(lambda value: value.choices if isinstance(value, several) else (value,)),
        PlainSerializer(lambda value: value[0] if len(value) == 1 else {"choices": value}),
    ]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_COUNT = {"type": "integer", "minimum": 0, "maximum": MOST_NODES}
_CHOICES_SCHEMA = {
    "anyOf": [
        _COUNT,
        {"type": "array", "items": _COUNT, "minItems": 1},
        {
            "type": "object",
            "properties": {"min": _COUNT, "max": _COUNT, "step": {"type": "integer", "minimum": 1}},
            "required": ["max"],
            "additionalProperties": False,
        },
    ]
}
_POLICY = {"type": "string", "pattern": POLICY_PATTERN}
_POLICY_SCHEMA = {"anyOf": [_POLICY, {"type": "array", "items": _POLICY, "minItems": 1}]}

Choices = Annotated[tuple[int, ...], BeforeValidator(_parse_choices), WithJsonSchema(_CHOICES_SCHEMA)]
Policies = Annotated[
    tuple[Policy, ...],
    BeforeValidator(_parse_policies),
    PlainSerializer(lambda policies: [str(policy) for policy in policies], return_type=list[str]),
    WithJsonSchema({**_POLICY_SCHEMA, "examples": ["easy", ["fcfs", "easy", "sjf-easy"]]}),
]
