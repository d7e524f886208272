"""docs/reference-reasons.md: every reason a call can have, from the table of errors and the shipped rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from dataplane.errors import GROUNDS

ROOT: Final = Path(__file__).resolve().parent.parent

_METADATA: Final = re.compile(r"^# METADATA\n((?:#.*\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of the shipped policy, by its METADATA."""

    id: str
    title: str
    description: str
    remediation: str
    owner: str


def rules() -> list[Rule]:
    """Every rule with an id, sorted by it."""
    found = []
    for path in sorted((ROOT / "policies/rego").rglob("*.rego")):
        for match in _METADATA.finditer(path.read_text("utf-8")):
            block = "\n".join(line.removeprefix("#").removeprefix(" ") for line in match[1].splitlines())
            data = yaml.safe_load(block)
            if "id" in (custom := data.get("custom", {})):
                texts = {name: " ".join(str(data[name]).split()) for name in ("title", "description")}
                remedy = " ".join(str(custom["remediation"]).split())
                found.append(Rule(id=custom["id"], owner=custom["owner"], remediation=remedy, **texts))
    return sorted(found, key=lambda rule: rule.id)


def reasons_page(
    page: Callable[..., str], table: Callable[[tuple[str, ...], Sequence[tuple[str, ...]]], str]
) -> str:
    """docs/reference-reasons.md"""
    grounds = [
        (f"`{reason}`", str(one.status), f"`{one.code}`", one.message) for reason, one in GROUNDS.items()
    ]
    ids = [(f"`{r.id}`", f"{r.title}. {r.description}", r.remediation, r.owner) for r in rules()]
    return page(
        "Reasons",
        "Every reason a call can have: in `x-regogate-reasons`, in `reasons` of an error body and of a "
        "record.",
        "## From the gateway\n\nA framing fault has the reason `gateway.framing` and its own code: see "
        "[Framing faults](reference-doubts.md). `gateway.client_closed` is only recorded: nobody is left "
        "to answer.\n\n" + table(("reason", "status", "code", "message"), grounds),
        "## From limits\n\n`limit.ID`, where ID is the id that policy gave the limit, such as "
        "`limit.client.rpm`: status 429, code `rate_limit_exceeded`, with `Retry-After`.",
        "## From the shipped policy\n\nRefusals have status 403 and code `policy_blocked`; on a path that "
        "no API has, 404 and `unknown_url`. `request.grant.*` allow. "
        "Ids of topics such as `request.tokens.cap` stand on a CONSTRAIN. A site's own rules add theirs.\n\n"
        + table(("reason", "meaning", "what to do", "owner"), ids),
    )
