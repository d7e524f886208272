"""The rule catalogue: a page of every rule that can stand in `reasons`, from METADATA alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from dataplane.authoring.policy_set import STAGES, Kind, Rule, Stage

NOTE: Final = "<!-- Written by 'regogate policy docs'; edit the METADATA of the rules, not this page. -->"

_ABOUT_STAGE: Final[Mapping[Stage, str]] = {
    "request": "Asked of every call, before it is made.",
    "tool_call": "Asked of each tool call that a model proposes, before the caller gets it.",
    "response": "Asked of answers, before the caller gets them.",
}

_KINDS: Final[Mapping[Kind, str]] = {
    "grant": "Allows. Has no mode.",
    "block": "Refuses.",
    "stop": "Refuses in an emergency. Has no mode.",
    "want": "Asks for a constraint or a limit.",
    "conflict": "Refuses what cannot be merged. Has no mode.",
    "default": "Refuses where nothing else spoke. Has no mode.",
}

_HAS_MODE: Final[frozenset[Kind]] = frozenset({"block", "want"})


def catalogue(rules: Iterable[Rule], modes: Mapping[str, str], policies: Path) -> str:
    """The page in Markdown: by stage, then kind, then id.

    `modes` is the table `rules`; files are shown relative to `policies`. The same rules and modes give the
    same bytes.
    """
    ordered = sorted(
        rules, key=lambda rule: (STAGES.index(rule.stage), list(_KINDS).index(rule.kind), rule.id)
    )
    lines = [
        "# Rules",
        "",
        NOTE,
        "",
        f"Every rule of this policy: {len(ordered)}. An id stands in `reasons` of a decision, a refusal "
        "and a record. Every rule is enforced, unless `rules.yaml` says `shadow` or `off`; grants, stops, "
        "conflicts and defaults always are.",
    ]
    for stage, of_stage in groupby(ordered, key=lambda rule: rule.stage):
        lines += ["", f"## {stage}", "", _ABOUT_STAGE[stage]]
        for kind, of_kind in groupby(of_stage, key=lambda rule: rule.kind):
            lines += ["", f"### {stage}: {kind}", "", _KINDS[kind]]
            for rule in of_kind:
                lines += _rule(rule, modes, policies)
    return "\n".join(lines) + "\n"


def _rule(rule: Rule, modes: Mapping[str, str], policies: Path) -> Iterator[str]:
    yield from ("", f"#### `{rule.id}`", "", f"**{_flat(rule.title)}.** {_flat(rule.description)}", "")
    yield f"What to do: {_flat(rule.remediation)}"
    yield ""
    mode = f" Mode: `{modes[rule.id]}`." if rule.kind in _HAS_MODE and rule.id in modes else ""
    yield f"Owner: {_flat(rule.owner)}. Written in `{_file(rule, policies)}`.{mode}"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _file(rule: Rule, policies: Path) -> str:
    path = Path(rule.file)
    for base in (policies, policies.absolute()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix()
