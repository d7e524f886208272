"""The tables of a policy directory: read strictly, fitted to their schemas, tied to each other.

`data/clients.yaml` becomes `data.regogate.clients` and must fit
`schemas/tables/clients.schema.json`. A site's own tables, `data/site/NAME.yaml`, become
`data.regogate.site_data.NAME`; a schema `schemas/tables/site/NAME.schema.json` is applied where there is
one.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from dataplane import site_patterns
from dataplane.bundle.digests import NotStrictJSON, strict_json
from dataplane.bundle.limit_rows import limit_faults
from dataplane.bundle.problem import Problem
from dataplane.bundle.rego import is_test
from dataplane.bundle.source import Source
from dataplane.bundle.strictyaml import JSON, Document, Path, parse

# jsonschema is imported where tables are judged: a gateway that only verifies bundles, or whose policies were
# built before, would wait a tenth of a second for it.
if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from referencing import Registry

SITE_DATA: Final = "site_data"

PREPARED: Final = "prepared"
"""What the policy works out from its own tables when it is built, put beside them (`bundle.prepare`)."""

REFERENCES: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    ("clients", ("*", "tier"), "tiers"),
    ("clients", ("*", "networks", "*"), "networks"),
    ("tenants", ("*", "tier"), "tiers"),
    ("tenants", ("*", "roles", "*", "tier"), "tiers"),
    ("models", ("*", "deny_networks", "*"), "networks"),
)
"""Fields that name a row of another table: a name that is not there would only be found by a refused
call. Checked where that other table exists."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_PREFIX: Final = re.compile(r"/[0-9]{1,3}\Z")
_RULE_ID: Final = re.compile(rb'"([a-z0-9_]+(?:\.[a-z0-9_-]+)+)"')
_SHOWN: Final = 12

KEPT: Final = 64
"""Schemas of which is remembered whether they are schemas; a dozen are shipped, of some kB each."""


def load_tables(source: Source) -> tuple[dict[str, JSON], list[Problem]]:
    """The tables to stage under `regogate`, and everything that is wrong with them."""
    tables: dict[str, JSON] = {}
    site: dict[str, JSON] = {}
    documents: dict[str, tuple[str, Document]] = {}
    schemas, problems = _schemas(source)
    for path, data in source.tables.items():
        if path.suffix == ".md":
            continue
        file = source.path("data", path)
        if fault := _misplaced(path):
            problems.append(Problem(file=file, line=0, column=0, message=fault, code="table"))
            continue
        document = parse(data, file)
        problems += document.problems
        is_site = len(path.parts) == 2
        (site if is_site else tables)[path.stem] = document.value
        if not is_site:
            documents[path.stem] = (file, document)
        problems += _fit(document, file, path, schemas)
    if "networks" in documents:
        problems += _bad_networks(*documents["networks"])
    if "tiers" in documents:
        problems += _bad_limits(*documents["tiers"])
    if "detectors" in documents:
        problems += _bad_patterns(*documents["detectors"], already=problems)
    for table, pattern, target in REFERENCES:
        if table in documents and target in tables:
            problems += _dangling(*documents[table], pattern, target, tables[target])
    if "rules" in documents and source.rego:
        problems += _no_such_rule(*documents["rules"], source)
    if site:
        tables[SITE_DATA] = site
    return tables, problems


def data_json(tables: Mapping[str, JSON], root: str) -> bytes:
    """The `data.json` to stage: the tables under the root, in one fixed form."""
    return json.dumps({root: tables}, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _misplaced(path: PurePosixPath) -> str | None:
    if path.suffix != ".yaml":
        return "not a table: tables are NAME.yaml"
    if len(path.parts) > 2 or (len(path.parts) == 2 and path.parts[0] != "site"):
        return "tables lie in data/, a site's own in data/site/"
    if _NAME.fullmatch(path.stem) is None or path.stem in (SITE_DATA, "site", PREPARED):
        return (
            "a table is named by small letters, digits and underscores, and not site, site_data or prepared"
        )
    return None


_Schemas = tuple[dict[str, Any], "Registry[Any]"]


def _schemas(source: Source) -> tuple[_Schemas, list[Problem]]:
    """The schemas by path, and a registry of them alone: no `$ref` is ever fetched."""
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for path, data in source.schemas.items():
        message = None
        try:
            found[str(path)] = strict_json(data)
            if path.parts[0] == "tables":
                message = _unfit(data)
        except NotStrictJSON as error:
            message = str(error)
        if message is not None:
            found.pop(str(path), None)
            file = source.path("schemas", path)
            problems.append(Problem(file=file, line=0, column=0, message=message, code="table"))
    resources = []
    for name, schema in found.items():
        resource = Resource.from_contents(schema, default_specification=DRAFT202012)
        resources += [(name, resource), (PurePosixPath(name).name, resource)]
        if isinstance(schema, dict) and isinstance(schema.get("$id"), str):
            resources.append((schema["$id"], resource))
    return (found, Registry().with_resources(resources)), problems


@lru_cache(KEPT)
def _unfit(data: bytes) -> str | None:
    """Why a JSON text is no schema. Remembered, since schemas stay when tables change: to judge the shipped
    ones takes as long as all the rest of reading a policy."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(strict_json(data))
    except SchemaError as error:
        return f"not a JSON schema: {error.message[:200]}"
    return None


def _fit(document: Document, file: str, path: PurePosixPath, schemas: _Schemas) -> Iterator[Problem]:
    from jsonschema import Draft202012Validator
    from referencing.exceptions import Unresolvable

    by_path, registry = schemas
    schema = by_path.get(f"tables/{path.with_suffix('.schema.json')}")
    if schema is None:
        if len(path.parts) == 1:
            known = sorted(
                PurePosixPath(name).name.removesuffix(".schema.json")
                for name in by_path
                if PurePosixPath(name).parent == PurePosixPath("tables")
            )
            message = f"unknown table {path.stem}{_instead(path.stem, known)}"
            yield Problem(file=file, line=0, column=0, message=message, code="table")
        return
    validator = Draft202012Validator(schema, registry=registry)
    try:
        for error in validator.iter_errors(document.value):
            yield from explain(error, file, document)
    except Unresolvable as error:
        message = f"its schema refers to {str(error.ref)[:100]}, which is not in schemas/"
        yield Problem(file=file, line=0, column=0, message=message, code="table")


def explain(error: ValidationError, file: str, document: Document) -> Iterator[Problem]:
    """A schema's complaint in a reader's words: where it stands, what is wrong, what is allowed."""
    from jsonschema.exceptions import best_match

    if error.context and (deeper := best_match([error])) is not None:
        error = deeper
    path: Path = tuple(error.absolute_path)
    schema = error.schema if isinstance(error.schema, dict) else {}
    match error.validator:
        case "additionalProperties" if isinstance(error.instance, dict):
            known = sorted(schema.get("properties", {}))
            patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
            for key in error.instance:
                if key not in known and not any(pattern.search(key) for pattern in patterns):
                    yield _table(file, document, (*path, key), f"unknown field{_instead(key, known)}")
            return
        case "enum":
            message = f"{_short(error.instance)} is not allowed (allowed: {_list(list(schema['enum']))})"
        case "const":
            message = f"{_short(error.instance)} is not allowed (allowed: {_short(error.validator_value)})"
        case "type":
            kinds = error.validator_value
            wanted = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
            message = f"{_short(error.instance)} is not of type {wanted}"
        case "pattern":
            message = f"{_short(error.instance)} does not have the form {error.validator_value}"
        case _:
            message = error.message if len(error.message) <= 300 else f"does not fit '{error.validator}'"
    hint = schema.get("description")
    yield _table(file, document, path, f"{message}; {hint}" if isinstance(hint, str) and path else message)


def _dangling(
    file: str, document: Document, pattern: tuple[str, ...], target: str, rows: JSON
) -> Iterator[Problem]:
    known = sorted(rows) if isinstance(rows, dict) else []
    for path, value in _select(document.value, pattern, ()):
        if isinstance(value, str) and value not in known:
            message = f"there is no {_short(value)} in {target}.yaml{_instead(value, known)}"
            yield _table(file, document, path, message, code="reference")


def _no_such_rule(file: str, document: Document, source: Source) -> Iterator[Problem]:
    """Modes of rules that are not there: a misspelt id would leave the rule that was meant as it is.

    An id is a literal in the head of its rule, so what stands in quotation marks in no file is none.
    """
    rows = document.value if isinstance(document.value, dict) else {}
    texts = [text for path, text in source.rego.items() if not is_test(path)]
    missing = [name for name in rows if not any(f'"{name}"'.encode() in text for text in texts)]
    if not missing:
        return
    known = sorted({found.decode() for text in texts for found in _RULE_ID.findall(text)})
    for name in missing:
        near = difflib.get_close_matches(name, known, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        yield _table(file, document, (name,), f"no rule has this id{guess}", code="reference")


def _bad_networks(file: str, document: Document) -> Iterator[Problem]:
    """Ranges that OPA's net.cidr_contains would not take: the error would refuse every call."""
    for path, value in _select(document.value, ("*", "*"), ()):
        if not isinstance(value, str):
            continue
        try:
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            yield _table(file, document, path, f"{_short(value)} is not a network such as 10.0.0.0/8")
            continue
        if _PREFIX.search(value) is None or ipaddress.ip_address(value.split("/")[0]) != network[0]:
            message = f"{_short(value)} has bits beyond its prefix; did you mean {network}?"
            yield _table(file, document, path, message)


def _bad_limits(file: str, document: Document) -> Iterator[Problem]:
    """Limits that policy would take for malformed: the error would refuse every call of the tier."""
    for path, rows in _select(document.value, ("*", "limits", "more"), ()):
        for place, message in limit_faults(rows):
            yield _table(file, document, (*path, *place), message)


def _bad_patterns(file: str, document: Document, *, already: Collection[Problem]) -> Iterator[Problem]:
    """A site's own patterns that no engine could look for in linear time, or that would be found everywhere:
    they would only be met when the bundle is activated. Not asked of a table that does not fit its schema."""
    if any(problem.file == file for problem in already) or not isinstance(document.value, dict):
        return
    row = document.value.get(site_patterns.ROW)
    if isinstance(row, dict):
        for path, message in site_patterns.faults(row):
            yield _table(file, document, (site_patterns.ROW, *path), message, code="pattern")


def _select(value: JSON, pattern: tuple[str, ...], path: Path) -> Iterator[tuple[Path, JSON]]:
    if not pattern:
        yield path, value
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(value, dict):
        for key in value if step == "*" else [step] if step in value else []:
            yield from _select(value[key], rest, (*path, key))
    elif isinstance(value, list) and step == "*":
        for position, item in enumerate(value):
            yield from _select(item, rest, (*path, position))


def _table(file: str, document: Document, path: Path, message: str, code: str = "table") -> Problem:
    line, column = document.where.get(path) or document.where.get(path[:-1]) or (0, 0)
    place = ".".join(str(step) for step in path)
    return Problem(
        file=file, line=line, column=column, message=f"{place}: {message}" if place else message, code=code
    )


def _instead(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return f"{guess} (allowed: {_list(known)})" if known else guess


def _list(values: list[Any]) -> str:
    shown = ", ".join(value if isinstance(value, str) else _short(value) for value in values[:_SHOWN])
    return shown if len(values) <= _SHOWN else f"{shown}, ... {len(values) - _SHOWN} more"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
