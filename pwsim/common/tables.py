"""What tables of results have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


def retyped(table: pd.DataFrame, types: Mapping[Any, Any]) -> pd.DataFrame:
    """Return a table, which is changed, some columns of which have other types.

    ``DataFrame.astype`` takes all of its columns apart, which of a wide table of few rows is most of what it takes.

    Examples
    --------
    >>> table = pd.DataFrame({"nodes": [1.0, None], "cost": [2, 3]})
    >>> retyped(table, {"nodes": "Int64"}).dtypes.to_list()
    [Int64Dtype(), dtype('int64')]
    """
    for name, kind in types.items():
        if table[name].dtype != kind:
            table[name] = table[name].astype(kind)
    return table
