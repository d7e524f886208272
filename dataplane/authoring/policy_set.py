"""A policy as its author sees it: one bundle file, the tables in it, and its rules by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Stage = Literal["request", "tool_call", "response"]
STAGES: Final[tuple[Stage, ...]] = ("request", "tool_call", "response")
"""The three questions of the decision contract, in the order a call meets them."""

Kind = Literal["grant", "block", "stop", "want", "conflict", "default"]
"""What a rule does: allow, refuse, refuse in an emergency, ask for a constraint or limit, refuse what
cannot be merged, refuse where nothing else spoke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What METADATA says of one rule. Texts are as written; `line` is the rule's, 1 and up.

    `file` is the path in the author's directory where the policy came from one, else in the bundle.
    """

    id: str
    title: str
    description: str
    owner: str
    remediation: str
    stage: Stage
    kind: Kind
    file: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """One policy. `bundle` is a bundle file for `TemporaryOpa`, `tables` are the ones in it by name,
    `rules` are by id. What has no id in METADATA is not among them."""

    revision: str
    bundle: Path
    tables: Mapping[str, Any]
    rules: Mapping[str, Rule]


def rules_of(
    annotations: Iterable[Mapping[str, Any]], locate: Callable[[str], str] = lambda file: file
) -> dict[str, Rule]:
    """The rules among the `annotations` of `opa inspect -a -f json`, by id, in order of stage, file, line.

    `locate` turns a file's name in the bundle into what `Rule.file` shows. An id that several stages
    share (conflicts) stands for the first of them.
    """
    found = []
    for entry in annotations:
        about, place = entry["annotations"], entry["location"]
        custom = about.get("custom")
        if not isinstance(custom, dict) or not isinstance(custom.get("id"), str):
            continue
        path = [str(step["value"]) for step in entry["path"]]
        found.append(
            Rule(
                id=custom["id"],
                title=_text(about.get("title")),
                description=_text(about.get("description")),
                owner=_text(custom.get("owner")),
                remediation=_text(custom.get("remediation")),
                stage=_stage(custom["id"], path),
                kind=_kind(custom["id"], path),
                file=locate(str(place["file"]).lstrip("/")),
                line=int(place["row"]),
            )
        )
    found.sort(key=lambda rule: (STAGES.index(rule.stage), rule.file, rule.line))
    rules: dict[str, Rule] = {}
    for rule in found:
        rules.setdefault(rule.id, rule)
    return rules


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _stage(id_: str, path: list[str]) -> Stage:
    """By the package (`data.regogate.tool_call.block`), a site's rule (`tool_call_block`), or the id."""
    package = path[2] if len(path) > 2 else ""
    for stage in STAGES:
        if package == stage or (package == "site" and path[-1].startswith(f"{stage}_")):
            return stage
    return next((stage for stage in STAGES if id_.startswith(f"{stage}.")), "request")


_WORDS: Final[tuple[Kind, ...]] = ("grant", "stop", "want", "conflict", "default")


def _kind(id_: str, path: list[str]) -> Kind:
    """By the id where the contract reserves it (never for a site), else by the rule's name."""
    words = path[-1].split("_")
    if path[2:3] != ["site"]:
        words += [word for word in id_.split(".")[:2] if word not in STAGES]
    return next((kind for kind in _WORDS if kind in words), "block")
