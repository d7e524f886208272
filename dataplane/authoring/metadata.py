"""The modules of a policy directory as OPA parses them, and the lint of what they say of their rules.

Every rule that can stand in `reasons` has an id that is a literal in its head, and METADATA whose
`custom.id` is the same literal, with title, description, owner and remediation: records, refusals and the
catalogue name them. Every package carries `schemas:`, without which OPA takes a misspelt field for one
that is absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataplane.authoring.check_run import ProgramFailed, run
from dataplane.authoring.report import Problem

AT_ONCE: Final = 4
"""Parsers at a time; each is a process of some 30 ms."""

MAX_FILE_BYTES: Final = 2**20
"""A larger file is refused by the check of the source; OPA would take minutes for it."""

TEXTS: Final = ("title", "description")
CUSTOM: Final = ("owner", "remediation")

SAID: Final = re.compile(r"(?!_)(?:\w+_)?(?:grant|block|stop|want|conflict|default_deny)")
"""Names of the rules that hold ids: the merge of each stage reads these and `NAME_block`, `NAME_want`."""

ID: Final = re.compile(r"[a-z0-9_]+(\.[a-z0-9_-]+)+")
"""The form of an id, as the decision's schema has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Rego file: its path relative to `rego/`, how to show it, its text, and OPA's syntax tree."""

    path: Path
    file: str
    text: str
    tree: Mapping[str, Any]

    @property
    def is_test(self) -> bool:
        """Whether it is a test, which no bundle holds."""
        return self.path.name.endswith("_test.rego")

    @property
    def package(self) -> str:
        """`regogate.request`"""
        return ".".join(str(step["value"]) for step in self.tree["package"]["path"][1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRule:
    """A rule with an id: where it stands and, where its body begins on the row of its head, at which
    column (else 0)."""

    module: Module
    id: str
    row: int
    body_column: int


def rego_files(policies: Path) -> list[Path]:
    """The Rego files of a policy directory, tests too, hidden ones left out, sorted."""
    rego = policies / "rego"
    found = sorted(path.relative_to(rego) for path in rego.rglob("*.rego") if path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.parts)]


def parse(policies: Path, opa: Path) -> list[Module]:
    """Every module that parses; `opa check` tells of the others. Raises `ProgramFailed`."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda path: _module(policies, path, opa), rego_files(policies))
        return [module for module in found if module is not None]


def has_large_file(policies: Path) -> bool:
    """Whether a file is larger than `MAX_FILE_BYTES`."""
    rego = policies / "rego"
    return any((rego / path).stat().st_size > MAX_FILE_BYTES for path in rego_files(policies))


def _module(policies: Path, path: Path, opa: Path) -> Module | None:
    place = policies / "rego" / path
    try:
        if place.stat().st_size > MAX_FILE_BYTES:
            return None
        text = place.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # the check of the source says so
    done = run(opa, "parse", "--format", "json", "--json-include", "locations", place.absolute())
    if done.code != 0:
        return None
    try:
        tree = json.loads(done.out)
    except ValueError:
        raise ProgramFailed(f"{opa} parse answered in no known form") from None
    return Module(path=path, file=str(place), text=text, tree=tree)


def id_rules(modules: Iterable[Module]) -> Iterator[IdRule]:
    """Every rule that holds an id as a literal, in order of file and line."""
    for module in modules:
        if module.is_test:
            continue
        for rule in module.tree.get("rules", ()):
            found = _literal(rule)
            if _says(rule) and found is not None:
                row = int(rule["location"]["row"])
                yield IdRule(module=module, id=found, row=row, body_column=_body_column(rule, row))


def lint(modules: Iterable[Module]) -> list[Problem]:
    """What is wrong with ids and METADATA, with file and line."""
    modules = [module for module in modules if not module.is_test]
    problems = [problem for module in modules for problem in _lint_rules(module)]
    problems += _twice(id_rules(modules))
    return sorted([*problems, *_without_schemas(modules)])


def _lint_rules(module: Module) -> Iterator[Problem]:
    for rule in module.tree.get("rules", ()):
        if not _says(rule):
            continue
        row, name = int(rule["location"]["row"]), _name(rule)
        found = _literal(rule)
        if found is None:
            yield _problem(module, row, f"{name} needs its id in the head, as in: {_form(name)}")
            continue
        if ID.fullmatch(found) is None:
            yield _problem(module, row, f'the id "{found}" is not small words joined by dots')
        yield from _lint_texts(module, rule, row, found)


def _lint_texts(module: Module, rule: Mapping[str, Any], row: int, found: str) -> Iterator[Problem]:
    about = [one for one in rule.get("annotations", ()) if one.get("scope", "rule") in ("rule", "document")]
    if not about:
        wanted = ", ".join((*TEXTS, *(f"custom.{name}" for name in ("id", *CUSTOM))))
        yield _problem(module, row, f"{found} has no METADATA above it; give it {wanted}")
        return
    custom = about[0].get("custom")
    custom = custom if isinstance(custom, dict) else {}
    if custom.get("id") != found:
        said = f'"{custom["id"]}"' if "id" in custom else "missing"
        yield _problem(module, row, f'custom.id is {said}, but the head says "{found}"; make them equal')
    for name, value in (
        *((name, about[0].get(name)) for name in TEXTS),
        *((f"custom.{name}", custom.get(name)) for name in CUSTOM),
    ):
        if not isinstance(value, str) or not value.strip():
            yield _problem(module, row, f"{found}: METADATA lacks {name}")


def _twice(rules: Iterable[IdRule]) -> Iterator[Problem]:
    """One id, one rule: except that each stage's merge has the same conflicts."""
    first: dict[tuple[str, str], IdRule] = {}
    for rule in rules:
        scope = rule.module.package if rule.id.startswith("conflict.") else ""
        other = first.setdefault((scope, rule.id), rule)
        if other is not rule:
            place = f"{other.module.file}:{other.row}"
            yield _problem(rule.module, rule.row, f"the id {rule.id} is already that of {place}")


def _without_schemas(modules: list[Module]) -> Iterator[Problem]:
    first: dict[str, Module] = {}
    declared = set()
    for module in modules:
        first.setdefault(module.package, module)
        for about in module.tree.get("annotations", ()):
            if about.get("scope") == "package" and about.get("schemas"):
                declared.add(module.package)
    for package, module in first.items():
        if package not in declared:
            row = int(module.tree["package"]["location"]["row"])
            yield _problem(
                module,
                row,
                f"the package {package} has no 'schemas:' in METADATA of scope package: a misspelt field "
                "of input would pass for an absent one",
            )


def _name(rule: Mapping[str, Any]) -> str:
    head = rule["head"]
    return str((head.get("ref") or [{"value": head.get("name")}])[0]["value"])


def _says(rule: Mapping[str, Any]) -> bool:
    """Whether the rule adds to a set that decisions are made of."""
    return "args" not in rule["head"] and SAID.fullmatch(_name(rule)) is not None


def _literal(rule: Mapping[str, Any]) -> str | None:
    """The id in a head: the element of a set of ids, or the `id` of a want."""
    key = rule["head"].get("key", {})
    if key.get("type") == "object":
        fields = {name.get("value"): value for name, value in key["value"] if name.get("type") == "string"}
        key = fields.get("id", {})
    return str(key["value"]) if key.get("type") == "string" else None


def _form(name: str) -> str:
    """How to write such a rule."""
    if name.split("_")[-1] == "want":
        return f'{name} contains {{"id": "ID", "key": ..., "value": ...}} if ...'
    return f'{name} contains "ID" if ...'


def _body_column(rule: Mapping[str, Any], row: int) -> int:
    body = rule.get("body") or [{}]
    place = body[0].get("location", {})
    head = rule["head"].get("location", rule["location"])
    if int(place.get("row", 0)) != row or int(place.get("col", 0)) <= int(head["col"]):
        return 0
    return int(place["col"])


def _problem(module: Module, row: int, message: str) -> Problem:
    return Problem(file=module.file, line=row, column=1, message=message, code="metadata")
