"""What all is known of a figure, in one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Figure:
    """A figure, and all that is known of it."""

    name: str
    """What its files are called."""
    caption: str
    """What it shows, in a sentence."""
    needs: tuple[str, ...]
    """What it is drawn from: tables, by the name of their file, and keys of ``summary.json``."""
    draw: Callable[..., Axes]
    """Draws that, on axes that are given by name (``ax``)."""
    row: str = ""
    """Row of the report in which it stands; figures of one row are side by side where there is room."""
    wide: bool = False
    """Whether it stands alone, for it shows how something changes over time."""
    worth: Callable[..., bool] = lambda *_: True
    """Tells of what it needs whether a page should show it: whether there is anything to see."""

    def plot(self, found: Callable[[str], Any], ax: Axes | None = None) -> Axes:
        """Draw it.

        Parameters
        ----------
        found
            Gives what it needs, by name.
        ax
            Axes to draw on; new ones if left out.
        """
        return self.draw(*map(found, self.needs), ax=ax)

    def is_shown(self, found: Mapping[str, Any]) -> bool:
        """Return whether a page shows it that was made of these tables and keys."""
        return all(name in found for name in self.needs) and self.worth(*(found[name] for name in self.needs))


def plot(figures: Mapping[str, Figure], kind: str, found: Callable[[str], Any], ax: Axes | None) -> Axes:
    """Draw the figure of a name.

    Raises
    ------
    ValueError
        If there is no such figure.
    """
    if kind not in figures:
        raise ValueError(f"kind must be one of {', '.join(figures)} (got {kind!r})")
    return figures[kind].plot(found, ax)
