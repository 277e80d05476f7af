"""Lengths of time as Slurm writes them.

References
----------
https://slurm.schedmd.com/slurm.conf.html, "MaxTime"
"""

from __future__ import annotations

import re

ENDLESS = ("infinite", "unlimited", "-1", "none", "")


def minutes(text: str) -> float | None:
    """Return a length of time [min]; ``None`` for no end.

    Minutes, ``minutes:seconds``, ``hours:minutes:seconds``, ``days-hours``, ``days-hours:minutes`` or
    ``days-hours:minutes:seconds``.

    Raises
    ------
    ValueError
        If the text is none of these.

    Examples
    --------
    >>> [minutes(text) for text in ("90", "1:30", "24:00:00", "0-4", "1-12:30", "UNLIMITED")]
    [90.0, 1.5, 1440.0, 240.0, 2190.0, None]
    """
    if text.strip().lower() in ENDLESS:
        return None
    parts = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,9})(?::(\d{1,4}))?(?::(\d{1,4}))?", text.strip())
    if parts is None:
        raise ValueError(f"{text!r} is no length of time such as 90, 24:00:00 or 3-12")
    days, first, second, third = (None if part is None else int(part) for part in parts.groups())
    assert first is not None
    if days is not None:
        return days * 1440.0 + first * 60.0 + (second or 0) + (third or 0) / 60
    if third is not None:
        return first * 60.0 + (second or 0) + third / 60
    return first + (second or 0) / 60


def quantity(seconds: float) -> str:
    """Return a length of time as scenarios have it, in the largest unit of which it is a whole number.

    Examples
    --------
    >>> quantity(2_592_000), quantity(5400), quantity(90)
    ('30 d', '90 min', '90 s')
    """
    size, unit = next((one for one in ((86400, "d"), (3600, "h"), (60, "min")) if seconds % one[0] == 0), (1, "s"))
    return f"{seconds / size:.15g} {unit}"


def slurm_time(seconds: float) -> str:
    """Return a length of time as Slurm reads it; whole seconds.

    Examples
    --------
    >>> slurm_time(259_200), slurm_time(5_400)
    ('3-00:00:00', '0-01:30:00')
    """
    whole = round(seconds)
    return f"{whole // 86400}-{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
