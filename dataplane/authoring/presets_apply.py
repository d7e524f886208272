"""A preset applied to the tables of a policy directory: what would change, as text, and the change itself."""

from __future__ import annotations

import copy
import difflib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataplane.authoring.cases_read import ReadYaml
from dataplane.authoring.presets import Place, Preset, PresetRefused, Setting, changes
from dataplane.authoring.presets_edit import with_value

Fits = Callable[[Mapping[str, bytes]], list[str]]
"""Given tables by name as text, what is wrong with the policy that has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying a preset means for one directory: `before` and `after` are texts of the tables that
    change, by file, `changed` the settings with the places they change."""

    before: Mapping[Path, str]
    after: Mapping[Path, str]
    changed: tuple[tuple[Setting, Place, Any], ...]

    def diff(self) -> Iterator[str]:
        """The change as a unified diff, line by line; nothing where nothing changes."""
        for path, old in self.before.items():
            yield from difflib.unified_diff(
                old.splitlines(), self.after[path].splitlines(), str(path), str(path), lineterm=""
            )


def plan(preset: Preset, policies: Path, read: ReadYaml, fits: Fits) -> Applied:
    """What applying would change. Applying it again to the result changes nothing.

    `fits` judges the tables as they would be. Raises `PresetRefused` where the tables cannot be read now, or
    would not fit then.
    """
    paths = {name: policies / "data" / f"{name}.yaml" for name in _tables(policies)}
    texts = {name: _text(path) for name, path in paths.items()}
    tables = {name: _value(texts[name], paths[name], read) for name in paths}
    changed = tuple(changes(preset, tables))
    edited = dict(texts)
    for _, (table, *steps), value in changed:
        edited[table] = with_value(edited[table], tuple(steps), value, str(paths[table]))
    _proven(tables, changed, paths, edited, read)
    touched = [name for name in paths if edited[name] != texts[name]]
    if touched and (faults := fits({name: edited[name].encode() for name in touched})):
        raise PresetRefused("with this preset the policy would not hold:\n" + "\n".join(faults))
    return Applied(
        before={paths[name]: texts[name] for name in touched},
        after={paths[name]: edited[name] for name in touched},
        changed=changed,
    )


def write(applied: Applied) -> None:
    """Write the tables, each whole. Raises `PresetRefused` where one cannot be written."""
    for path, text in applied.after.items():
        beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            beside.write_text(text, "utf-8", newline="")
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise PresetRefused(f"{path} cannot be written: {error.strerror}") from None


def _proven(
    tables: Mapping[str, Any],
    changed: tuple[tuple[Setting, Place, Any], ...],
    paths: Mapping[str, Path],
    texts: Mapping[str, str],
    read: ReadYaml,
) -> None:
    """The edited texts must read as before but for exactly the changes."""
    wanted = copy.deepcopy(dict(tables))
    for _, (*steps, last), value in changed:
        row = wanted
        for step in steps:
            row = row.setdefault(step, {})
        row[last] = value
    for name, path in paths.items():
        if _value(texts[name], path, read) != wanted[name]:
            raise PresetRefused(f"{path} is written in a form that cannot be edited; write one key a line")


def _tables(policies: Path) -> list[str]:
    """The tables that there are, and those that have a schema and no file yet."""
    known = [path.name.split(".")[0] for path in (policies / "schemas" / "tables").glob("*.schema.json")]
    return sorted({*known, *(path.stem for path in (policies / "data").glob("*.yaml"))})


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError):
        raise PresetRefused(f"{path} cannot be read as UTF-8 text") from None


def _value(text: str, path: Path, read: ReadYaml) -> Mapping[str, Any]:
    found = read(text.encode(), str(path))
    for problem in found.problems:
        raise PresetRefused(f"{path}:{problem.line}: {problem.message}")
    return found.value
