"""stub"""

from __future__ import annotations


class Exported: ...


def export() -> None: ...
