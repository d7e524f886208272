"""What differs between two policies, in words: rows and fields of tables, and rules by id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from dataplane.authoring.policy_set import PolicySet, Rule
from dataplane.authoring.sweep_names import rego_of

MAX_NAMED: Final = 5
"""Rows that are named where many changed alike."""

What = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """One change that rows of a table have in common. `field` is the path inside the row, empty for the row
    itself; `gained` and `lost` are items, where both values are lists."""

    table: str
    rows: tuple[str, ...]
    field: tuple[str, ...]
    what: What
    before: Any
    after: Any
    gained: tuple[Any, ...] = ()
    lost: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A rule that came, went or changed. `id` is empty for code that has none (a helper), `name` is then
    what it defines; `parts` are of the METADATA's fields and `code`."""

    id: str
    name: str
    what: What
    parts: tuple[str, ...]
    file: str
    line: int
    title: str


def table_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[TableChange]:
    """Every difference, changes that are equal in several rows as one, in order of table and row."""
    alike: dict[bytes, tuple[list[str], tuple[Any, ...]]] = {}
    for table in sorted({*old, *new}):
        for row, *change in _rows(old.get(table), new.get(table)):
            key = orjson.dumps([table, *change])
            alike.setdefault(key, ([], (table, *change)))[0].append(row)
    return [_table_change(tuple(rows), *change) for rows, change in alike.values()]


def rule_changes(old: PolicySet, new: PolicySet) -> list[RuleChange]:
    """Rules by id, then code without an id, that differ. Comments and the order of files do not count."""
    before, after = _code(old), _code(new)
    found = []
    for id_ in sorted({*old.rules, *new.rules}):
        was, now = old.rules.get(id_), new.rules.get(id_)
        rule = now or was
        assert rule is not None
        what: What = "changed" if was and now else "added" if now else "removed"
        parts = _parts(was, now) if was and now else ()
        if before.get(id_, {}) != after.get(id_, {}) and was and now:
            parts = (*parts, "code")
        if parts or what != "changed":
            found.append(
                RuleChange(
                    id=id_, name="", what=what, parts=parts, file=rule.file, line=rule.line, title=rule.title
                )
            )
    return found + list(_helpers(before.get("", {}), after.get("", {})))


def same_rego(old: PolicySet, new: PolicySet) -> bool:
    """Whether both have the same files of Rego. With equal tables, they decide alike."""
    return rego_of(old) == rego_of(new)


def in_words(change: TableChange) -> str:
    """`tiers.default.models: added "gpt-4o"`, `clients: 312 rows (a, b, ...): tier "x" -> "y"`."""
    many = len(change.rows) > 1
    names = ", ".join(change.rows[:MAX_NAMED]) + (", ..." if len(change.rows) > MAX_NAMED else "")
    field = ".".join(change.field)
    if many:
        place = f"{change.table}: {len(change.rows)} rows ({names}){f': {field}' if field else ''}"
    else:
        place = ".".join(part for part in (change.table, *change.rows, field) if part)
    if change.gained or change.lost:
        moves = [("added", change.gained), ("removed", change.lost)]
        told = [f"{word} {', '.join(map(_text, items))}" for word, items in moves if items]
        return f"{place}: {'; '.join(told)}"
    match change.what:
        case "added":
            return f"{place}: added, {_text(change.after)}"
        case "removed":
            return f"{place}: removed, was {_text(change.before)}"
        case _:
            return f"{place}: {_text(change.before)} -> {_text(change.after)}"


def _rows(old: Any, new: Any) -> Iterator[tuple[Any, ...]]:
    """(row, field, what, before, after) for each field that differs."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield "", (), _what(old, new), old, new
        return
    for row in sorted({*old, *new}):
        yield from ((row, *one) for one in _fields(old.get(row), new.get(row), ()))


def _fields(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _fields(old.get(name), new.get(name), (*path, name))
    elif orjson.dumps(old) != orjson.dumps(new):
        yield path, _what(old, new), old, new


def _what(old: Any, new: Any) -> What:
    return "added" if old is None else "removed" if new is None else "changed"


def _table_change(
    rows: tuple[str, ...], table: str, field: tuple[str, ...], what: What, before: Any, after: Any
) -> TableChange:
    gained: tuple[Any, ...] = ()
    lost: tuple[Any, ...] = ()
    if isinstance(before, list) and isinstance(after, list):
        gained = tuple(one for one in after if one not in before)
        lost = tuple(one for one in before if one not in after)
    return TableChange(
        table=table,
        rows=tuple(one for one in rows if one),
        field=field,
        what=what,
        before=before,
        after=after,
        gained=gained,
        lost=lost,
    )


def _parts(was: Rule, now: Rule) -> tuple[str, ...]:
    names = ("title", "description", "owner", "remediation", "stage", "kind")
    return tuple(name for name in names if getattr(was, name) != getattr(now, name))


_HEAD: Final = re.compile(r"(?:default\s+)?([A-Za-z_][A-Za-z0-9_]*)")
_COMMENT: Final = re.compile(r"^[ \t]*#.*$", re.MULTILINE)


def _code(policy: PolicySet) -> dict[str, dict[str, str]]:
    """The code of each id, and under the empty id of everything else, by `file: name`.

    Code is cut at lines that begin a rule (not indented, no closing bracket), comments and blank lines
    taken out.
    """
    ids = {(rule.file, rule.line): rule.id for rule in policy.rules.values()}
    found: dict[str, dict[str, str]] = {}
    for file, text in rego_of(policy).items():
        known = {line: id_ for (name, line), id_ in ids.items() if name.endswith(file) or file.endswith(name)}
        for line, piece in _pieces(text):
            name = _HEAD.match(piece)
            key = f"{file}: {name[1] if name else piece.split(None, 1)[0]}"
            pieces = found.setdefault(known.get(line, ""), {})
            pieces[key] = pieces.get(key, "") + piece
    return {id_: pieces if not id_ else {"": "".join(pieces.values())} for id_, pieces in found.items()}


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    begun, lines = 0, list[str]()
    for number, line in enumerate(_COMMENT.sub("", text).splitlines(), start=1):
        if line[:1] not in ("", " ", "\t", "}", "]", ")") and not line.startswith("else"):
            if lines:
                yield begun, "\n".join(lines) + "\n"
            begun, lines = number, []
        if line.strip():
            lines.append(line.rstrip())
    if lines:
        yield begun, "\n".join(lines) + "\n"


def _helpers(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[RuleChange]:
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            file, _, name = key.partition(": ")
            what: What = (
                "changed" if key in before and key in after else "added" if key in after else "removed"
            )
            yield RuleChange(id="", name=name, what=what, parts=("code",), file=file, line=0, title="")


def _text(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 100 else f"{text[:97]}..."
