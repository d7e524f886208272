"""What the findings of a document come to: how much of a risk it is, and of what class its data is.

Both by the row `inspection` of the table: `risk` says how much a finding of a kind weighs, `data_class` what
findings of a kind make of the data. Keys are a kind, a family (`pii` for all `pii.*`), or the beginning of
kinds and a `*`; the longest that fits counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dataplane.findings import Finding, Level

CLASSES: Final = ("public", "internal", "confidential", "restricted")
"""Classes of data, the least first."""

WEIGHTS: Final[Mapping[str, int]] = {
    "injection": 90,
    "jailbreak": 90,
    "exfiltration": 90,
    "toxicity": 50,
    "secret": 80,
    "pii": 40,
    "code": 10,
    "financial": 30,
    "custom": 50,
    "inspection.failed": 100,
}
"""How much the surest finding of a kind adds to the risk, 0 to 100, where the table says nothing."""

DATA_CLASSES: Final[Mapping[str, str]] = {
    "secret": "restricted",
    "pii": "confidential",
    "financial": "confidential",
    "code": "internal",
}

_SHARE: Final = {Level.LOW: 0.1, Level.MEDIUM: 0.6, Level.HIGH: 1.0}
"""Of the weight, by level."""


class Weighing:
    """Made once for each revision of the table."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        """Raises `ValueError` for a row that cannot be used."""
        self._weights = {**WEIGHTS, **_mapping(row, "risk")}
        self._classes = {**DATA_CLASSES, **_mapping(row, "data_class")}
        for kind, weight in self._weights.items():
            if not isinstance(weight, int) or isinstance(weight, bool) or not 0 <= weight <= 100:
                raise ValueError(f"inspection: risk.{kind} is not a whole number of 0 to 100")
        for kind, name in self._classes.items():
            if name not in CLASSES:
                raise ValueError(f"inspection: data_class.{kind} is none of {', '.join(CLASSES)}")

    def risk(self, findings: Iterable[Finding]) -> int:
        """0 to 100: kinds are independent evidence (noisy-or), of each the finding that says most."""
        most: dict[str, float] = {}  # a text may have thousands of findings, of few kinds
        for finding in findings:
            says = _SHARE[finding.level] * finding.score
            if says > most.get(finding.kind, 0.0):
                most[finding.kind] = says
        doubts = (1 - _fitting(self._weights, kind, 0) * says / 10_000 for kind, says in most.items())
        harmless: float = math.prod(doubts)
        return round(100 * (1 - harmless))

    def data_class(self, findings: Iterable[Finding]) -> str | None:
        """The highest class that a detection (medium or above) makes of the data; None where none says."""
        detected = {each.kind for each in findings if each.level is not Level.LOW}
        ranks = [
            CLASSES.index(name)
            for kind in detected
            if (name := _fitting(self._classes, kind, None)) is not None
        ]
        return CLASSES[max(ranks)] if ranks else None


def _mapping(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = row.get(key, {})
    if not isinstance(value, Mapping):
        raise ValueError(f"inspection: {key} is not a mapping")
    return value


def _fitting(table: Mapping[str, Any], kind: str, default: Any) -> Any:
    best, value = -1, default
    for pattern, given in table.items():
        plain = pattern.removesuffix("*")
        fits = kind == plain or kind.startswith(plain if plain != pattern else f"{plain}.")
        if fits and len(plain) > best:
            best, value = len(plain), given
    return value
