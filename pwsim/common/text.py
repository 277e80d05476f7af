"""Numbers in words: durations, money, shares, counts."""

from __future__ import annotations

import math

from pwsim.common.units import numeral


def duration(seconds: float | None) -> str:
    """Return a time in the two units that matter.

    Examples
    --------
    >>> duration(45), duration(15_000), duration(3_600), duration(280_000), duration(0.4), duration(None)
    ('45 s', '4 h 10 min', '1 h', '3 d 6 h', '0.4 s', 'unknown')
    """
    if seconds is None or math.isnan(seconds):
        return "unknown"
    if seconds < 60:
        return f"{numeral(seconds, 3)} s"
    for size, name, small_size, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        smalls = round(seconds / small_size)
        if smalls >= size // small_size:
            large, small = divmod(smalls, size // small_size)
            return f"{large:,} {name} {small} {small_name}" if small and large < 100 else f"{large:,} {name}"
    return f"{seconds:.0f} s"


def within(seconds: float | None) -> str:
    """Return in which time something happens.

    Examples
    --------
    >>> within(0), within(90)
    ('at once', 'within 1 min 30 s')
    """
    return "at once" if seconds == 0 else f"within {duration(seconds)}"


def money(usd: float | None) -> str:
    """Return an amount of US dollars.

    Examples
    --------
    >>> money(98765.4), money(3.456), money(0), money(None)
    ('$98,765', '$3.46', '$0', 'unknown')
    """
    if usd is None or math.isnan(usd):
        return "unknown"
    return f"${usd:,.2f}" if 0 < abs(usd) < 100 else f"${usd:,.0f}"


def price(usd: float | None) -> str:
    """Return a small amount of US dollars, to a tenth of a cent.

    Examples
    --------
    >>> price(0.04567), price(None)
    ('$0.046', '-')
    """
    return "-" if usd is None or math.isnan(usd) else f"${usd:,.3f}"


def mass(kg: float | None) -> str:
    """Return a mass in tonnes, or in kilograms if it is small.

    Examples
    --------
    >>> mass(12_345.0), mass(123.4), mass(None)
    ('12.3 t', '123 kg', 'unknown')
    """
    if kg is None or math.isnan(kg):
        return "unknown"
    return f"{kg / 1000:,.1f} t" if kg >= 1000 else f"{numeral(kg, 3)} kg"


def share(part: float | None) -> str:
    """Return a share in percent.

    Examples
    --------
    >>> share(0.7512), share(1.0), share(0.00012), share(None)
    ('75.1 %', '100 %', '0.012 %', 'unknown')
    """
    if part is None or math.isnan(part):
        return "unknown"
    percent = 100 * part
    return f"{numeral(percent, 3 if percent < 99.95 or percent == 100 else 4)} %"


def share_or_dash(part: float | None) -> str:
    """Return a share in percent, or a dash where there is nothing to be a share of."""
    return "-" if part is None or math.isnan(part) else share(part)


def count(number: float, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one.

    Examples
    --------
    >>> count(1, "node"), count(28489, "job"), count(0, "node")
    ('1 node', '28,489 jobs', '0 nodes')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def listed(parts: list[str]) -> str:
    """Return parts as a list in a sentence.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[0].upper() + text[1:]
