"""Whether Rego is written as `opa fmt` writes it; with the first line that is not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from dataplane.authoring.check_run import ProgramFailed, run
from dataplane.authoring.metadata import Module
from dataplane.authoring.report import Problem


def check_format(modules: Iterable[Module], opa: Path) -> list[Problem]:
    """One problem for each file that `opa fmt` would change. Raises `ProgramFailed`."""
    return [
        Problem(
            file=module.file,
            line=_first_change(module.text, text),
            column=1,
            message="not as 'opa fmt' writes it; 'regogate policy check --fix' formats it",
            code="format",
        )
        for module, text in _formatted(modules, opa)
    ]


def fix_format(modules: Iterable[Module], opa: Path) -> list[str]:
    """Rewrite what is not as `opa fmt` writes it; the files that changed. Raises `ProgramFailed`."""
    changed = []
    for module, text in _formatted(modules, opa):
        path = Path(module.file)
        beside = path.with_name(f".{path.name}.new")
        try:
            beside.write_text(text, "utf-8")
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise ProgramFailed(f"{path} cannot be written: {error.strerror}") from None
        changed.append(module.file)
    return changed


def _formatted(modules: Iterable[Module], opa: Path) -> Iterator[tuple[Module, str]]:
    """Each module that would change and its new text. They are formatted in a copy, all at once."""
    modules = list(modules)
    if not modules:
        return
    with tempfile.TemporaryDirectory(prefix="regogate-format-") as place:
        for module in modules:
            path = Path(place) / module.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(module.text, "utf-8", newline="")
        done = run(opa, "fmt", "--write", ".", cwd=Path(place))
        if done.code != 0:
            raise ProgramFailed(f"opa fmt failed: {done.said}")
        for module in modules:
            text = (Path(place) / module.path).read_text("utf-8")
            if text != module.text:
                yield module, text


def _first_change(old: str, new: str) -> int:
    pairs = zip_longest(old.split("\n"), new.split("\n"))
    return next((number for number, (one, other) in enumerate(pairs, start=1) if one != other), 1)
