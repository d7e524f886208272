"""The recognizers there are, by the names of their rows in `detectors.yaml`, and how a row sets levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataplane.findings import Level
from dataplane.inspection.recognizer import MakesRecognizer, Recognizer
from dataplane.inspection.recognizers import (
    code,
    custom,
    exfiltration,
    financial,
    injection,
    jailbreak,
    pii,
    secrets,
    toxicity,
)

MAKES: Final[Mapping[str, MakesRecognizer]] = {
    "pii": pii.make,
    "secrets": secrets.make,
    "injection": injection.make,
    "jailbreak": jailbreak.make,
    "exfiltration": exfiltration.make,
    "toxicity": toxicity.make,
    "code": code.make,
    "financial": financial.make,
    "custom": custom.make,
}

MEDIUM: Final = 50
HIGH: Final = 80
"""From which score on a finding is of that level, where its row says nothing."""

ATTACKS: Final = frozenset({"injection", "jailbreak", "exfiltration"})
"""Recognizers of what a text wants, which is not redacted but answered as a whole."""

GUESSES: Final = frozenset({"injection", "jailbreak", "exfiltration", "toxicity", "custom"})
"""Recognizers of words, which are shown what an unfaithful view reads too. To the others it would show
numbers and identifiers that nobody wrote."""


@dataclass(frozen=True, slots=True)
class Family:
    """One recognizer as a row of the table sets it up."""

    name: str
    recognizer: Recognizer
    medium: int = MEDIUM
    high: int = HIGH

    @property
    def guesses(self) -> bool:
        """Whether it is shown views that are guesses."""
        return self.name in GUESSES

    @property
    def attack(self) -> bool:
        """Whether its kind is its name, and one finding of it says all."""
        return self.name in ATTACKS

    def level(self, score: int) -> Level:
        """What a score is worth here."""
        return level(score, self.medium, self.high)


def level(score: int, medium: int, high: int) -> Level:
    """The level of a score by the thresholds of a row."""
    return Level.HIGH if score >= high else Level.MEDIUM if score >= medium else Level.LOW


def families(table: Mapping[str, Any]) -> list[Family]:
    """The recognizers of a table of detectors. One without a row has its defaults; `enabled: false` leaves it
    out, and so does a table without patterns of a site's own. Raises `ValueError` for a row that cannot be
    used."""
    made: list[Family] = []
    for name, make in MAKES.items():
        row = table.get(name, {})
        if not isinstance(row, Mapping):
            raise ValueError(f"{name}: not a row of settings")
        if row.get("enabled", True) is not True:
            continue
        medium, high = _threshold(name, row, "medium", MEDIUM), _threshold(name, row, "high", HIGH)
        recognizer = make(row)
        if recognizer.patterns:
            made.append(Family(name, recognizer, medium, high))
    return made


def _threshold(name: str, row: Mapping[str, Any], key: str, default: int) -> int:
    value = row.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name}: {key} is not a whole number")
    return value
