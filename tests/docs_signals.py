"""docs/reference-signals.md: the signals whose points a site may change in `detectors.yaml`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dataplane.inspection.evidence import DETECTION, Signal
from dataplane.inspection.recognizers import (
    code_signals,
    exfiltration,
    financial_signals,
    injection,
    jailbreak,
    toxicity,
)

SIGNALS: Final[Mapping[str, Sequence[Signal]]] = {
    "injection": injection.SIGNALS,
    "jailbreak": jailbreak.SIGNALS,
    "exfiltration": exfiltration.SIGNALS,
    "toxicity": toxicity.SIGNALS,
    "code": code_signals.SIGNALS,
    "financial": financial_signals.SIGNALS,
}


def signals_page(
    page: Callable[..., str], table: Callable[[tuple[str, ...], Sequence[tuple[str, ...]]], str]
) -> str:
    """The page, put together by `page` and `table` of the reference pages."""
    parts = [
        f"## {kind}\n\n"
        + table(
            ("signal", "users", "untrusted", "family"),
            [
                (
                    f"`{each.name}`",
                    str(each.user),
                    str(each.user if each.tool is None else each.tool),
                    each.family,
                )
                for each in signals
            ],
        )
        for kind, signals in SIGNALS.items()
    ]
    return page(
        "Signals",
        "The signs that findings of attacks, abuse, code and financial decisions are made of, and their "
        "points: in text of users, and in untrusted text (tool results, definitions of tools, schemas, "
        "metadata). Signs that stand together come to 100 * (1 - product of (1 - points / 100)), of one "
        f"family only the best; from {DETECTION} on it is a detection. `weights` of a row of "
        "`policies/data/detectors.yaml` sets the points of a signal, 0 leaves it out.",
        *parts,
    )
