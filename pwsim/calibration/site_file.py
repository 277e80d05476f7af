"""The file of a site that calibration writes: its rules, each with its evidence as a comment."""

from __future__ import annotations

import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pwsim.calibration import words
from pwsim.calibration.blocks import HALVES

if TYPE_CHECKING:
    from pwsim.calibration.answer import Calibration, Step

TIMES = ("estimate_above", "estimate_at_most", "length", "period", "start_delay", "every", "max_time")
"""Keys whose values are times [s]."""
KEY_OF = {"changes": "hours"}
"""The key under which what was found stands, where it is called otherwise."""
WIDTH = 118
"""Of a line of comments."""


def site_file(found: Calibration) -> str:
    """Return the text of the file."""
    data = found.chains[2].data()
    if simple := _cores(data):
        data = {"cores": simple, **{key: value for key, value in data.items() if key != "pools"}}
    lines = list(_comment(_head(found)))
    first = ("cores", "pools", "policy", "overrun", "depth")
    keys = [*(key for key in first if key in data), *(key for key in data if key not in first)]
    for key in keys:
        lines.append("")
        for step in found.steps:
            if step.kept and KEY_OF.get(step.kind, step.kind) == key:
                lines += _comment(_why(found, step))
        lines += _entry(key, data[key])
    for why_not in dict.fromkeys(_why_not(step) for step in found.steps if not step.kept):
        lines += ["", *_comment(why_not)]
    return "\n".join(lines) + "\n"


def _cores(data: Mapping[str, Any]) -> int | None:
    """Return the cores of a site that is one pool of single cores, and nothing else that is to be said of it."""
    pools = data["pools"]
    alone = (
        len(pools) == 1 and not data.get("partitions") and not any(one.get("pools") for one in data.get("outages", ()))
    )
    if not alone or set(pools[0]) - {"name", "kind", "nodes", "node"}:
        return None
    nodes, node = pools[0]["nodes"], pools[0]["node"]
    one = nodes[0] if isinstance(nodes, list | tuple) else nodes
    return int(one) if node in ({"cores": 1}, {"cores": 1.0}) else None


def _head(found: Calibration) -> str:
    from pwsim.calibration.answer import jobs_text

    return f"Rules that explain the record of {jobs_text(found)}. {found.text}"


def _why(found: Calibration, step: Step) -> str:
    """Say why a rule was kept."""
    known, draft = found.replays.known, found.chains[2]  # later steps may have changed what this one found
    changes = [
        f"{math.exp(before):.3f} without, {math.exp(after):.3f} with it, on the {half} blocks"
        for half, before, after in zip(HALVES, step.before, step.after, strict=True)
    ]
    texts = [words.of(one, step.kind) for one in found.chains]
    same = (
        "Both halves found the same."
        if texts[0] == texts[1]
        else f"The even blocks alone say: {texts[0] or 'none'}. The odd ones: {texts[1] or 'none'}."
    )
    seen = "".join(f" {line}." for line in words.evidence(known, draft, step.kind))
    kind = words.KINDS[step.kind]
    return (
        f"{kind[0].upper()}{kind[1:]}: {texts[2]}.{seen} Waits are off by a factor of {'; '.join(changes)}, each "
        f"fitted to the other. {same}"
    )


def _why_not(step: Step) -> str:
    """Say why a rule was not kept."""
    if step.dropped:
        return f"Not kept, {words.KINDS[step.kind]}: with all else that was found, it no longer helps."
    worse = [half for half, before, after in zip(HALVES, step.before, step.after, strict=True) if not after < before]
    texts = " or ".join(dict.fromkeys(words.of(one, step.kind) or "none" for one in step.drafts[:2]))
    where = f"on the {' and the '.join(worse)} blocks" if worse else "enough"
    return (
        f"Not kept, {words.KINDS[step.kind]}: {texts}. It helps on the blocks that it was fitted to, but not {where}, "
        "to which it was not."
    )


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False, break_long_words=False):
        yield f"# {line}"


def _entry(key: str, value: Any) -> Iterator[str]:
    """Yield the lines of a key: lists of mappings one a line, all else on one."""
    if isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[0], Mapping):
        yield f"{key}:"
        yield from (f"  - {flow(one)}" for one in value)
    else:
        yield f"{key}: {flow(value, key)}"


def flow(value: Any, key: str = "") -> str:
    """Return a value as YAML on one line.

    Examples
    --------
    >>> flow({"where": {"estimate_above": 14400.0}, "open": ["17:00-09:00", "sat,sun"], "whole": True})
    '{where: {estimate_above: 4 h}, open: ["17:00-09:00", "sat,sun"], whole: true}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{one}: {flow(inner, str(one))}" for one, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner, key) for inner in value) + "]"
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return _time(float(value)) if key in TIMES else f"{value:.12g}"
    plainly = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*|\d{4}-\d\d-\d\d(T[\d:]+)?", value)
    return value if plainly and value not in ("true", "false", "null", "yes", "no", "on", "off") else json.dumps(value)


def _time(seconds: float) -> str:
    """Return a time with its unit.

    Examples
    --------
    >>> _time(14400.0), _time(90.0), _time(5400.0)
    ('4 h', '90 s', '1.5 h')
    """
    if seconds >= 3600 and seconds % 900 == 0:
        return f"{seconds / 3600:.12g} h"
    return f"{seconds / 60:.12g} min" if seconds >= 60 and seconds % 60 == 0 else f"{seconds:.12g} s"
