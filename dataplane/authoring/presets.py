"""Presets: settings of tables and rule modes that help with the clauses of a standard.

A preset is one YAML file, `presets/NAME.yaml` of the shipped policies. Each of its settings says which field
of which table is to have which value, when a table's own value is strict enough to stay, and which clauses
that helps with. The preset also says what it does not cover: it makes nobody compliant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from jsonschema import Draft202012Validator

from dataplane.authoring.cases_read import Text, explain
from dataplane.errors import RegoGateError

NAMES: Final = ("soc2", "hipaa", "gdpr", "pci-dss", "iso-27001", "iso-42001", "eu-ai-act")
"""In the order that lists show them."""

Keep = Literal["equal", "order", "at_most", "at_least", "subset", "superset", "present"]
"""When a value that is there stays: it is equal; it stands at or behind the preset's in `order` (loosest
first); it is at most or at least as large; it is a part of the preset's list, or holds it; it is there."""

Place = tuple[str, ...]
"""A table's name, and the keys from there."""

EVERY: Final = "<row>"
"""A step that stands for every row there is."""

EVERY_AND_REST: Final = "<row and *>"
"""The same, and for the row `*`, which stands for what has none: so is it with origins of findings."""


class PresetRefused(RegoGateError):
    """There is no such preset, or it cannot be applied to this policy; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A clause of the standard, and how a setting helps with it."""

    clause: str
    helps: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: `place` is table and keys, `EVERY` among them for each row.

    `only_present` leaves alone what the table does not say: to add it would allow something, or is not
    needed.
    """

    id: str
    place: Place
    value: Any
    keep: Keep
    order: tuple[Any, ...]
    only_present: bool
    why: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A preset: its settings, and in words what it leaves to others."""

    name: str
    title: str
    source: str
    about: str
    settings: tuple[Setting, ...]
    not_covered: tuple[str, ...]


_FORM: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "source", "about", "settings", "not_covered"],
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in ("title", "source", "about")},
        "not_covered": {"type": "array", "minItems": 3, "items": {"type": "string"}},
        "settings": {
            "type": "object",
            "minProperties": 3,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["place", "value", "why", "clauses"],
                "properties": {
                    "place": {"type": "array", "minItems": 2, "items": {"type": "string"}},
                    "value": True,
                    "keep": {"enum": list(Keep.__args__)},  # type: ignore[attr-defined]
                    "order": {"type": "array"},
                    "only_present": {"type": "boolean"},
                    "why": {"type": "string"},
                    "clauses": {
                        "type": "object",
                        "minProperties": 1,
                        "additionalProperties": {"type": "string", "minLength": 10},
                    },
                },
            },
        },
    },
}


def read_preset(folder: Path, name: str, read: Callable[[bytes, str], Text]) -> Preset:
    """The preset of this name. Raises `PresetRefused` where there is none, or its file is not one."""
    if name not in NAMES:
        raise PresetRefused(f"there is no preset {name[:80]} (there are: {', '.join(NAMES)})")
    path = folder / f"{name}.yaml"
    try:
        text = read(path.read_bytes(), str(path))
    except OSError as error:
        raise PresetRefused(f"{path} cannot be read: {error.strerror}") from None
    for one in text.problems:
        raise PresetRefused(str(one))
    for fault in Draft202012Validator(_FORM).iter_errors(text.value):
        for place, message in explain(fault):
            raise PresetRefused(f"{path}: {'.'.join(map(str, place))}: {message}")
    found = text.value
    return Preset(
        name=name,
        title=found["title"],
        source=found["source"],
        about=found["about"],
        settings=tuple(_setting(id_, row) for id_, row in found["settings"].items()),
        not_covered=tuple(found["not_covered"]),
    )


def _setting(id_: str, row: Mapping[str, Any]) -> Setting:
    return Setting(
        id=id_,
        place=tuple(row["place"]),
        value=row["value"],
        keep=row.get("keep", "equal"),
        order=tuple(row.get("order", ())),
        only_present=row.get("only_present", False),
        why=row["why"],
        clauses=tuple(Clause(clause=name, helps=helps) for name, helps in row["clauses"].items()),
    )


def changes(preset: Preset, tables: Mapping[str, Any]) -> list[tuple[Setting, Place, Any]]:
    """What must change in the `tables`: setting, place (no `EVERY` left) and the value it gets.

    Empty where the preset is in force already. Raises `PresetRefused` for a table that this policy does
    not know.
    """
    found = []
    for setting in preset.settings:
        table = setting.place[0]
        if table not in tables:
            raise PresetRefused(
                f"this policy has no table {table}.yaml, which {preset.name} sets: its library is older"
            )
        for leaf in _leaves(setting):
            for place, present, current in _places(tables, leaf.place, ()):
                if not present and not setting.only_present:
                    found.append((setting, place, leaf.value))
                elif present and not _stays(leaf, current):
                    found.append((setting, place, _value(leaf, current)))
    return found


def _leaves(setting: Setting) -> Iterator[Setting]:
    """A setting whose value is a mapping is one setting for each key of it."""
    if not isinstance(setting.value, Mapping):
        yield setting
        return
    for key, value in setting.value.items():
        yield from _leaves(replace(setting, place=(*setting.place, key), value=value))


def _places(value: Any, steps: Sequence[str], done: Place) -> Iterator[tuple[Place, bool, Any]]:
    if not steps:
        yield done, True, value
        return
    step, rest = steps[0], steps[1:]
    below = value if isinstance(value, Mapping) else {}
    for key in _keys(step, below):
        if key in below:
            yield from _places(below[key], rest, (*done, key))
        elif EVERY not in rest:
            yield (*done, key, *("*" if one == EVERY_AND_REST else one for one in rest)), False, None


def _keys(step: str, below: Mapping[str, Any]) -> list[str]:
    if step == EVERY_AND_REST:
        return [*below, *({"*"} - set(below))]
    return list(below) if step == EVERY else [step]


def _stays(setting: Setting, current: Any) -> bool:
    wanted = setting.value
    match setting.keep:
        case "equal":
            return bool(current == wanted)
        case "order":
            order = setting.order
            return current in order and order.index(current) >= order.index(wanted)
        case "at_most":
            return bool(current <= wanted)
        case "at_least":
            return bool(current >= wanted)
        case "subset":
            return set(current) <= set(wanted)
        case "superset":
            return set(current) >= set(wanted)
        case "present":
            return True


def _value(setting: Setting, current: Any) -> Any:
    """What a value that is too loose becomes: of lists the stricter part is kept."""
    match setting.keep:
        case "subset":
            return [one for one in current if one in setting.value] or setting.value
        case "superset":
            return [*current, *(one for one in setting.value if one not in current)]
        case _:
            return setting.value
