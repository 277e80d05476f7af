"""What a batch is to do: scenarios, and their variants by overrides and by a matrix of values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError

from pwsim.common import Frozen, InputError, ScenarioError, problems, read_document
from pwsim.scenario import Changes, Scenario, VariantName, load_scenario

MOST_TASKS = 100_000
"""A batch of more scenarios is refused."""


class Manifest(Frozen):
    """A file that lists scenarios, and what is to be other in all of them."""

    scenarios: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    """Files or patterns such as ``nightly/*.yaml``, relative to the manifest."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Paths of keys, and what stands there instead, in every scenario."""
    overrides: dict[VariantName, dict[str, Any]] = Field(default_factory=dict)
    """Variants of every scenario: by name, paths of keys and what stands there instead."""
    matrix: dict[str, Annotated[tuple[Any, ...], Field(min_length=1, strict=False)]] = Field(default_factory=dict)
    """Variants of every scenario: paths of keys, and the values to try, all with all."""


class Task(NamedTuple):
    """A scenario to run."""

    name: str
    """Name of the scenario, and of the variant."""
    path: Path
    """Its file."""
    changes: tuple[tuple[str, Any], ...]
    """What is to be other than the file says."""
    loaded: Scenario | None = None
    """The scenario, if it was loaded already to tell its name."""

    def load(self) -> Scenario:
        """Read and check the scenario.

        Raises
        ------
        ScenarioError
            With all that is wrong in it.
        """
        if self.loaded is not None:
            return self.loaded
        return load_scenario(self.path, changes=[*self.changes, ("name", self.name)])


class Unreadable(NamedTuple):
    """A scenario that cannot be run as it stands."""

    name: str
    """Its file, for want of a name."""
    why: str
    """What is wrong."""


def tasks(named: Sequence[str], changes: Changes = ()) -> Iterator[Task | Unreadable]:
    """Yield what a batch is to do, in the order in which it is named.

    Parameters
    ----------
    named
        Scenario files, patterns of them, and manifests.
    changes
        What is to be other in all of them; they come after those of manifests.

    Raises
    ------
    InputError
        If a pattern finds nothing, a manifest is wrong, or two tasks have one name.
    """
    seen: dict[str, Path] = {}
    for task in itertools.islice(_all(named, changes), MOST_TASKS + 1):
        if isinstance(task, Task):
            if task.name in seen:
                raise InputError(
                    f"{task.path}: there is a scenario {task.name!r} already, of {seen[task.name]}: results go by "
                    "name, so give it another"
                )
            seen[task.name] = task.path
            if len(seen) > MOST_TASKS:
                raise InputError(f"there are more than {MOST_TASKS:,} scenarios; split the batch")
        yield task


def _all(named: Sequence[str], changes: Changes) -> Iterator[Task | Unreadable]:
    for path in _files(named, Path()):
        manifest = _manifest(path)
        if manifest is None:
            yield from _variants(path, changes, {}, {})
            continue
        for inner in _files(manifest.scenarios, path.parent):
            yield from _variants(inner, [*manifest.set.items(), *changes], manifest.overrides, manifest.matrix)


def _files(named: Sequence[str], folder: Path) -> Iterator[Path]:
    """Yield the files that names and patterns stand for; of a pattern, in the order of their names."""
    for one in named:
        if one == "-":
            raise InputError(
                "a batch reads its scenarios more than once: name files, or give this one to `pwsim run -`"
            )
        if (folder / one).is_file() or not set("*?[") & set(one):
            yield folder / one  # what is missing is said when it is read
            continue
        start = Path(one).anchor or folder
        found = sorted(Path(start).glob(str(Path(one).relative_to(Path(one).anchor))))
        if not found:
            raise InputError(f"{one}: there is no such file")
        yield from found


def _manifest(path: Path) -> Manifest | None:
    """Return the manifest that a file is; ``None`` if it is a scenario, or what is wrong with it is said as of one."""
    try:
        document = read_document(path, list(Manifest.model_fields))
    except ScenarioError:
        return None
    if "scenarios" not in document.data:
        return None
    try:
        return Manifest.model_validate(document.data)
    except ValidationError as error:
        document.add_all(problems(error, document.data, Manifest))
        raise ScenarioError(str(path), document.problems) from None


def _variants(
    path: Path,
    changes: Changes,
    overrides: Mapping[str, Mapping[str, Any]],
    matrix: Mapping[str, Sequence[Any]],
) -> Iterator[Task | Unreadable]:
    """Yield a scenario as it stands, and each override of it; each with all values of the matrix, all with all."""
    try:
        scenario = load_scenario(path, changes=changes)
    except InputError as error:
        yield Unreadable(str(path), str(error))
        return
    matrix = {**scenario.matrix, **matrix}
    for name, override in {"": {}, **scenario.overrides, **overrides}.items():
        for values in itertools.product(*matrix.values()):
            tried = list(zip(matrix, values, strict=True))
            said = [f"{_short(key, matrix)}-{_text(one)}" for key, one in tried]
            parts = [scenario.name, *([name] if name else []), *said]
            other = (*changes, *override.items(), *tried)
            yield Task("~".join(parts), path, other, scenario if len(other) == len(changes) else None)


def _text(value: Any) -> str:
    """Return a value as a part of a name; of a mapping, its keys and values."""
    if isinstance(value, Mapping):
        return "-".join(f"{key}-{_text(one)}" for key, one in value.items())
    return str(value)


def _short(key: str, keys: Mapping[str, Any]) -> str:
    """Return the last part of a path of keys, or all of it where that would be the same of two."""
    last = key.rpartition(".")[2]
    return key if sum(other.rpartition(".")[2] == last for other in keys) > 1 else last
