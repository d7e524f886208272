"""Which packages a policy directory may define, and what a site's own files may.

The shipped tree is `regogate` and below, each package in one folder. A site's own files lie in
`rego/regogate/site/` (or `rego/site/`), are `regogate.site.<name>`, and define only the rules that the
shipped policy asks them for: in a package of the shipped tree a file could open the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

from dataplane.bundle.model import ROOT
from dataplane.bundle.problem import Problem
from dataplane.bundle.source import Source

SITE: Final = "site"

SITE_RULES: Final = frozenset(
    f"{stage}_{kind}" for stage in ("request", "tool_call", "response") for kind in ("block", "want")
)
"""What the merge reads from a site package. A name beginning with `_` is the site's own helper; any
other would never be asked for, and a misspelt block would pass in silence."""

_PACKAGE: Final = re.compile(
    r"package[ \t]+([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)[ \t\r]*(?:#.*)?"
)


def is_test(path: PurePosixPath) -> bool:
    """Whether a file is a test, which no bundle holds."""
    return path.name.endswith("_test.rego")


def is_site(path: PurePosixPath) -> bool:
    """Whether a file (relative to `rego/`) is a site's own."""
    return staged(path).parts[1] == SITE


def staged(path: PurePosixPath) -> PurePosixPath:
    """Where a file of `rego/` stands in the bundle: under the one root."""
    return path if path.parts[0] == ROOT and len(path.parts) > 1 else ROOT / path


def check_packages(source: Source, tables: frozenset[str]) -> list[Problem]:
    """Packages outside these rules, and those that a table's name would collide with."""
    problems: list[Problem] = []
    folders: dict[str, PurePosixPath] = {}
    for path, text in source.rego.items():
        if is_test(path):
            continue
        line, package = package_of(text)
        message = None if package is None else _fault(package, path, tables, folders)
        if package is None:
            message = f"the first line that is not a comment must be: package {ROOT}.NAME"
        if message is not None:
            file = source.path("rego", path)
            problems.append(Problem(file=file, line=line, column=1, message=message, code="package"))
    return problems


def package_of(text: bytes) -> tuple[int, str | None]:
    """The line and dotted name of a module's package; None where it is not written plainly.

    A module begins with its package, only comments and white space before it (Rego's grammar), so the
    first line that is neither tells. Other spellings (`package a["b"]`) are not taken.
    """
    for number, raw in enumerate(text.split(b"\n"), start=1):
        line = raw.decode("utf-8", "replace").strip(" \t\r")
        if line and not line.startswith("#"):
            match = _PACKAGE.fullmatch(line)
            return number, match[1] if match else None
    return 1, None


def _fault(
    package: str, path: PurePosixPath, tables: frozenset[str], folders: dict[str, PurePosixPath]
) -> str | None:
    parts = package.split(".")
    if parts[0] != ROOT:
        return f"package {package}: a bundle holds only {ROOT} and below"
    in_site = parts[1:2] == [SITE]
    if is_site(path) and (not in_site or len(parts) != 3):
        return f"package {package}: a site's own file is {ROOT}.{SITE}.NAME"
    if in_site and not is_site(path):
        return f"package {package}: a site's own file lies in rego/{ROOT}/{SITE}/"
    if parts[1:2] and parts[1] in tables:
        return f"package {package}: data/{parts[1]}.yaml has the same name"
    if (first := folders.setdefault(package, path.parent)) != path.parent:
        return f"package {package} is already defined in rego/{first}; a package lies in one folder"
    return None


def check_site_rules(module: Any, file: str) -> Iterator[Problem]:
    """Rules of a site's file that are not in `SITE_RULES`; `module` is what `opa parse` makes of it."""
    for rule in module.get("rules", ()):
        reference = rule["head"].get("ref") or [{"value": rule["head"].get("name")}]
        name = str(reference[0]["value"])
        if (name in SITE_RULES and len(reference) == 1) or name.startswith("_"):
            continue
        place = rule.get("location", {})
        yield Problem(
            file=file,
            line=int(place.get("row", 0)),
            column=int(place.get("col", 0)),
            message=f"nothing asks for {name}; a site's file defines {', '.join(sorted(SITE_RULES))}, "
            "and helpers that begin with an underscore",
            code="package",
        )
