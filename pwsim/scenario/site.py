"""The present machine: in the scenario, or in a file of its own with the rules of its site."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from pwsim.cluster import MOST_NODES, Cluster
from pwsim.common import Document, ScenarioError, did_you_mean, listed, nearest, problems, read_document


def _cores_or_pools(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that a number of cores stands for the pools, and that there is no choice of policy."""
    schema["required"] = [key for key in schema["required"] if key != "pools"]
    schema["oneOf"] = [{"required": ["cores"]}, {"required": ["pools"]}]


class Baseline(Cluster):
    """The present machine, which wrote the log: its replay is compared with the waits that the log recorded.

    Examples
    --------
    >>> Baseline.model_validate({"cores": 100, "policy": "easy"}).node_counts()
    (100,)
    """

    model_config = ConfigDict(json_schema_extra=_cores_or_pools)

    cores: int | None = Field(default=None, ge=1, le=MOST_NODES)
    """Instead of pools: cores of a homogeneous machine."""

    @model_validator(mode="before")
    @classmethod
    def _one_pool(cls, data: Any) -> Any:
        """Make one pool of a number of cores."""
        if not isinstance(data, dict) or ("cores" in data) == ("pools" in data):
            if isinstance(data, dict):
                raise ValueError("give either cores, such as `cores: 100`, or pools")
            return data
        if "cores" not in data:
            return data
        cores = data["cores"]
        fit = type(cores) is int and 1 <= cores <= MOST_NODES  # True is an int, too; the field says what is wrong
        nodes = cores if fit else 1
        pool = {"name": "machine", "kind": "on_premises", "nodes": nodes, "node": {"cores": 1}}
        return {**data, "pools": [pool]}

    @model_validator(mode="after")
    def _is_there(self) -> Self:
        if choices := [pool.name for pool in self.pools if len(pool.nodes) > 1]:
            raise ValueError(f"is the machine as it is: pool {choices[0]!r} must have one number of nodes")
        if typed := [pool.name for pool in self.pools if pool.types]:
            raise ValueError(f"is the machine as it is: pool {typed[0]!r} must have one type of node; leave types out")
        if len(self.policy) > 1:
            raise ValueError(f"is the machine as it is: give one policy, not {len(self.policy)}")
        if elastic := [pool.name for pool in self.pools if pool.elastic]:
            raise ValueError(f"is the machine that is there: pool {elastic[0]!r} must be always up")
        return self


class Site(Baseline):
    """What a site has and does: its pools, its policy and its rules.

    ``pwsim site import`` writes such a file; a scenario names it as ``site``.
    """


def load_site(path: str | os.PathLike[str]) -> Site:
    """Read and check a file that describes a site.

    Raises
    ------
    ScenarioError
        With every problem of the file: line, path of keys, what is wrong and what would be right.
    """
    document = read_document(Path(path), list(Site.model_fields))
    try:
        site = Site.model_validate(document.data)
    except ValidationError as error:
        document.add_all(problems(error, document.data, Site))
        raise ScenarioError(document.path, document.problems) from None
    site._folder = Path(path).parent
    return site


def taken_over(document: Document) -> None:
    """Fill what the site's file says into a scenario that names one: the baseline, and what ``cluster`` does not say.

    Raises
    ------
    ScenarioError
        If the file is wrong.
    """
    name, cluster = document.data.get("site"), document.data.get("cluster")
    if not isinstance(name, str) or not name or not isinstance(cluster, dict):
        return
    if "baseline" in document.data:
        document.add(("site",), "is the present machine, as baseline is: give one of them")
        return
    site = load_site(Path(document.path).parent / name)
    said = {key: getattr(site, key) for key in Baseline.model_fields if key in site.model_fields_set}
    rules = {key: value for key, value in said.items() if key not in ("cores", "pools", *cluster)}
    if "scheduler" in rules and "policy" in cluster and "replan" not in str(cluster["policy"]):
        rules["scheduler"] = rules["scheduler"].without_plans()  # another policy makes none: what if?
    pools = [pool.get("name", "") for pool in cluster.get("pools") or () if isinstance(pool, dict)]
    for missing in sorted(_pools_of(rules) - set(pools)):
        hint = (
            did_you_mean(nearest(missing, pools))
            or f"give one that name, or say yourself what {listed(list(rules))} are"
        )
        document.add(("site",), f"the rules of {name} are about a pool {missing!r}, which cluster.pools lacks; {hint}")
    document.data["baseline"] = {key: value for key, value in said.items() if key != "pools" or site.cores is None}
    if not document.problems:
        document.data["cluster"] = {**cluster, **rules}


def _pools_of(rules: Mapping[str, Any]) -> set[str]:
    """Return the names of the pools that rules are about."""
    about = [*rules.get("partitions", ()), *rules.get("outages", ())]
    return {pool for rule in about for pool in rule.pools or ()}
