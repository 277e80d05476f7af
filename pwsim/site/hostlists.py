"""Names of hosts as Slurm writes them: ``n[001-100,105],login``.

References
----------
https://slurm.schedmd.com/slurm.conf.html, "NODE CONFIGURATION".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

MOST_HOSTS = 200_000
"""Lists of more hosts are refused before they are made: a slip such as ``n[1-9999999999]`` must not fill the memory."""
_PART = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


def expand(text: str) -> list[str]:
    """Return the hosts of a list, in its order, each once.

    Raises
    ------
    ValueError
        If the list cannot be read, or has more than :data:`MOST_HOSTS`.

    Examples
    --------
    >>> expand("n[08-10,12],login,r[1-2]c[1-2]")
    ['n08', 'n09', 'n10', 'n12', 'login', 'r1c1', 'r1c2', 'r2c1', 'r2c2']
    """
    hosts: dict[str, None] = {}
    for one in _split(text):
        pieces = _PART.split(one)
        if any(sign in piece for piece in pieces[::2] for sign in "[]"):
            raise ValueError(f"{one!r}: brackets do not match")
        choices = [_numbers(piece, one) if odd % 2 else [piece] for odd, piece in enumerate(pieces)]
        number = 1
        for choice in choices:
            number *= len(choice)
        if number + len(hosts) > MOST_HOSTS:
            raise ValueError(f"{one!r}: stands for more than {MOST_HOSTS:,} hosts")
        hosts.update(dict.fromkeys("".join(parts) for parts in itertools.product(*choices)))
    return list(hosts)


def _split(text: str) -> Iterator[str]:
    """Yield the parts between the commas that are not in brackets."""
    for one in re.split(r",(?![^\[]*\])", text):
        if one := one.strip():
            yield one


def _numbers(inside: str, one: str) -> list[str]:
    """Return the numbers that a bracket stands for, zeros in front included."""
    found: list[str] = []
    for part in inside.split(","):
        bounds = _RANGE.fullmatch(part.strip())
        if bounds is None:
            raise ValueError(f"{one!r}: {part!r} is no number or range of numbers")
        low, high = int(bounds[1]), int(bounds[2] or bounds[1])
        if high < low:
            raise ValueError(f"{one!r}: the range {part.strip()} goes down")
        if high - low + len(found) >= MOST_HOSTS:
            raise ValueError(f"{one!r}: stands for more than {MOST_HOSTS:,} hosts")
        found += [f"{number:0{len(bounds[1])}d}" for number in range(low, high + 1)]
    return found


def fold(hosts: Iterable[str]) -> str:
    """Return hosts as a list with ranges; what differs by the last number only goes together.

    Examples
    --------
    >>> fold(["n001", "n002", "n003", "login", "n105"])
    'n[001-003,105],login'
    """
    families: dict[tuple[str, int], list[int]] = {}
    for host in dict.fromkeys(hosts):
        name = re.fullmatch(r"(.*?)(\d{0,18})", host, flags=re.DOTALL)
        assert name is not None
        stem, digits = name.groups()
        # Numbers without zeros in front go together whatever their length, as Slurm reads them.
        families.setdefault((stem, len(digits) if digits.startswith("0") or not digits else -1), []).append(
            int(digits or 0)
        )
    merged: dict[tuple[str, int], list[int]] = {}
    for (stem, width), numbers in families.items():
        fitting = next((w for s, w in families if s == stem and w > 0 and _all_wide(numbers, w)), width)
        merged.setdefault((stem, fitting if width == -1 else width), []).extend(numbers)
    return ",".join(_family(stem, width, sorted(numbers)) for (stem, width), numbers in merged.items())


def _all_wide(numbers: list[int], width: int) -> bool:
    return all(len(str(number)) == width for number in numbers)


def _family(stem: str, width: int, numbers: list[int]) -> str:
    if width == 0:
        return stem
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])

    def shown(number: int) -> str:
        return f"{number:0{max(width, 1)}d}"

    if len(numbers) == 1:
        return f"{stem}{shown(numbers[0])}"
    return f"{stem}[{','.join(shown(a) if a == b else f'{shown(a)}-{shown(b)}' for a, b in ranges)}]"
