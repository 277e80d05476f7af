"""Text of the generated parts of pages, in Markdown; the ``generated`` directive of ``conf.py`` puts them in.

Each public function is named by pages: ``{generated} columns jobs`` is ``columns("jobs")``.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sources
from click.testing import CliRunner

import pwsim


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"


def _sentence(text: str) -> str:
    """Return a docstring of the package as a line of Markdown: roles become code."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split())).replace("``", "`")
    return re.sub(r"semantics §(\d+)", r"[semantics §\1](#semantics-\1)", text)


def columns(table: str) -> str:
    """Return the columns of a table."""
    rows = [(f"`{name}`", unit, _sentence(text)) for name, unit, text in sources.columns(table)]
    return _table(("column", "unit", "holds"), rows)


def data_set() -> str:
    """Return the data dictionary of a batch's data set."""
    heads = ("column", "type", "unit", "holds")
    parts = []
    for table, rows in sources.data_set().items():
        lines = [(f"`{name}`", kind, unit, _sentence(text)) for name, kind, unit, text in rows]
        parts.append(f"## {table}\n\n{_table(heads, lines)}")
    return "\n".join(parts)


def reasons(which: str) -> str:
    """Return the reasons for which records are dropped, or jobs left out."""
    rows = [(f"`{name}`", text) for name, text in sources.reasons(which).items()]
    return _table(("reason", "a record or job counts here if"), rows)


def figures() -> str:
    """Return the figures of results directories."""
    return _table(("file", "shows"), [(f"`{name}`", caption) for name, caption in sources.figures()])


def rejections() -> str:
    """Return why no pool takes a job."""
    return _table(("reason", "is for jobs"), [(f"`{name}`", text) for name, text in sources.rejections().items()])


def formats() -> str:
    """Return the formats of logs."""
    return _table(("format", "is"), [(f"`{name}`", text) for name, text in sources.formats().items()])


def orders() -> str:
    """Return the orders of the queue."""
    rows = [(f"`{one.name}`", one.first, "yes" if one.dynamic else "") for one in sources.orders()]
    return _table(("order", "first is the job with", "changes as jobs wait"), rows)


def backfill_rules() -> str:
    """Return the backfill rules."""
    rows = [(f"`{one.name}`", one.words, "yes" if one.packed else "") for one in sources.backfill_rules()]
    return _table(("rule", "schedules", "where jobs share nodes (§5)"), rows)


# -- the scenario file


def schema_of(*, runner: CliRunner | None = None) -> dict[str, Any]:
    """Return what ``pwsim schema`` prints."""
    done = (runner or CliRunner()).invoke(sources.commands(), ["schema"], catch_exceptions=False)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def scenario() -> str:
    """Return the keys of a scenario file, a section for each kind of mapping, in the order in which they occur."""
    document = schema_of()
    kinds = {"Scenario": document, **document["$defs"]}
    order = ["Scenario"]
    for name in order:
        order += [one for one in dict.fromkeys(_kinds_in(kinds[name])) if one not in order]
    parts = []
    for name in order:
        about = _sentence(re.split(r"\n\s*\n(?:Examples|Raises)\n", kinds[name].get("description", ""))[0])
        parts.append(f"(scenario-{name.lower()})=\n\n## {name}\n\n{about}\n\n{_keys(kinds[name], kinds)}")
    return "\n\n".join(parts)


def _kinds_in(schema: Any) -> Iterator[str]:
    """Yield the kinds of mappings that a schema refers to, in order."""
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield schema["$ref"].rpartition("/")[2]
        for key, value in schema.items():
            if key not in ("$defs", "discriminator"):
                yield from _kinds_in(value)
    elif isinstance(schema, list):
        for one in schema:
            yield from _kinds_in(one)


def _about(value: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    """Return what is said of the kind of mapping that a value is, which the schema does not say again."""
    name = next(_kinds_in(value), None)
    return "" if name is None else str(kinds[name].get("description", "")).split("\n\n")[0]


def _keys(kind: Mapping[str, Any], kinds: Mapping[str, Any]) -> str:
    required = kind.get("required", [])
    rows = []
    for key, value in kind["properties"].items():
        default = "required" if key in required else _default(value)
        rows.append((f"`{key}`", _type(value), default, _sentence(value.get("description") or _about(value, kinds))))
    return _table(("key", "is", "default", "holds"), rows)


def _default(value: Mapping[str, Any]) -> str:
    if value.get("default") is None or value["default"] in ([], {}, ""):
        return ""
    default = value["default"]
    if isinstance(default, dict):
        return ""  # the section of the mapping has its defaults
    text = default if isinstance(default, str) else json.dumps(default).replace('"', "")
    return f"`{text.removesuffix('.0')}`"


def _type(value: Mapping[str, Any]) -> str:
    """Return in a few words what a value may be."""
    options = value.get("anyOf") or value.get("oneOf")
    if options:
        if any(one.get("pattern", "").startswith(r"\s*") for one in options):
            return f"quantity, such as `{value.get('examples', ['4 h'])[0]}`"
        words = [_type(one) for one in options if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#scenario-{name.lower()})"
    if names := value.get("enum", [value["const"]] if "const" in value else []):
        return " or ".join(f"`{one}`" for one in names)
    return _plain_type(value) + _range(value)


def _plain_type(value: Mapping[str, Any]) -> str:
    kind = value.get("type", "")
    if kind == "array":
        return f"list of {_type(value['items'])}"
    if kind == "object" and (keys := value.get("properties")):
        return f"mapping `{{{', '.join(keys)}}}`"
    words = {"integer": "whole number", "boolean": "`true` or `false`", "string": "text", "object": "mapping"}
    return words.get(kind, str(kind))


def _range(value: Mapping[str, Any]) -> str:
    low, above = value.get("minimum"), value.get("exclusiveMinimum")
    high = value.get("maximum")
    parts = [f"from {low:g}"] if low is not None else [f"above {above:g}"] if above is not None else []
    if high is not None and high < 1e4:  # larger ones only catch slips of the pen
        parts.append(f"to {high:g}")
    return f" {' '.join(parts)}" if parts else ""


# -- Python


def api() -> str:
    """Return the public names of the package, by sections."""
    begins = {first: title for title, first in sources.API_SECTIONS.items()}
    sections: dict[str, list[str]] = {}
    title = next(iter(sources.API_SECTIONS))
    for name in pwsim.__all__:
        title = begins.get(name, title)
        sections.setdefault(title, []).append(name)
    return "\n\n".join(f"## {title}\n\n{_overview(names)}\n\n{_entries(names)}" for title, names in sections.items())


def _overview(names: Iterable[str]) -> str:
    rows = []
    for name in names:
        first = (inspect.getdoc(getattr(pwsim, name)) or "").split("\n\n")[0]
        role = "class" if inspect.isclass(getattr(pwsim, name)) else "func"
        rows.append((f"{{py:{role}}}`~pwsim.{name}`", _sentence(first)))
    return _table(("name", "is"), rows)


def _entries(names: Iterable[str]) -> str:
    return "\n\n".join(f"```{{eval-rst}}\n{_entry(name)}\n```" for name in names)


def _entry(name: str) -> str:
    """Return the directives that document a public name."""
    thing: Any = getattr(pwsim, name)
    if not inspect.isclass(thing):
        return f".. autofunction:: pwsim.{name}"
    fields: dict[str, Any] = getattr(thing, "model_fields", {})
    if not fields:
        return f".. autoclass:: pwsim.{name}\n   :members:"
    # A class of a scenario: its keys as a list, as pydantic's own attributes and types would bury them.
    own = _own_members(thing)
    lines = [f".. autoclass:: pwsim.{name}(**values)", f"   :members: {', '.join(own)}" if own else "", ""]
    for key, field in fields.items():
        if field.is_required():
            given = "required"
        else:
            default = field.get_default(call_default_factory=True)
            given = f"default ``{_python(default)}``" if _python(default) else "optional"
        text = " ".join((field.description or "").split())
        lines += [f"   .. py:attribute:: {key}", "      :no-index:", "", f"      {text} ({given})", ""]
    return "\n".join(lines)


def _own_members(thing: type) -> list[str]:
    """Return the methods and properties of a class of a scenario, those of pydantic left out."""
    bases = [base for base in thing.__mro__ if base.__module__.startswith("pwsim")]
    found = {}
    for base in reversed(bases):
        for member, value in vars(base).items():
            plain = inspect.isfunction(value) or isinstance(value, property | classmethod)
            if plain and not member.startswith("_") and not member.startswith("model_"):
                found[member] = value
    return list(found)


def _python(default: Any) -> str:
    if default is None or default in ((), {}, ""):
        return ""
    if isinstance(default, bool | int | float | str):
        return repr(default)
    if isinstance(default, tuple):
        return ", ".join(map(str, default))
    return f"{type(default).__name__}()"


def is_record(thing: Any) -> bool:
    """Return whether a class is made by functions rather than by its own name, so that its signature says nothing."""
    return inspect.isclass(thing) and dataclasses.is_dataclass(thing) and thing is not pwsim.Policy


# -- the command line


def commands() -> str:
    """Return the command line, as click knows it."""
    return f"```{{eval-rst}}\n.. click:: {sources.CLI}\n   :prog: pwsim\n   :nested: full\n```"
