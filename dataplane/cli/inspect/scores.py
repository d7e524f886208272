"""How well detection does on labelled texts: counts and times, in memory that does not grow with them.

A row is labelled with a family of kinds (`pii`, `secret`, `injection`, ...) or `benign`. It is found when a
kind of its family is detected in it, at level medium or above. The family `attack` is injection, jailbreak
and exfiltration as one: they shade into each other, and what matters is that one is seen.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

BENIGN: Final = "benign"
ATTACK: Final = "attack"
ATTACKS: Final = frozenset({"injection", "jailbreak", "exfiltration"})

_STEP: Final = 1.05
"""Times are kept in classes each 5 % wider than the one before."""


@dataclass(slots=True)
class Times:
    """Times in microseconds."""

    counts: Counter[int] = field(default_factory=Counter)

    def add(self, us: float) -> None:
        """One more."""
        self.counts[math.ceil(math.log(max(us, 1.0), _STEP))] += 1

    def at(self, share: float) -> float | None:
        """The time that a share of them did not exceed, to 5 %; None where there are none."""
        left = math.ceil(share * sum(self.counts.values()))
        for step in sorted(self.counts):
            left -= self.counts[step]
            if left <= 0:
                return round(_STEP**step, 1)
        return None


@dataclass(slots=True)
class Score:
    """Of one family: rows so labelled, those found, spans labelled and covered, benign rows taken for one."""

    rows: int = 0
    found: int = 0
    spans: int = 0
    covered: int = 0
    false: int = 0
    benign: int = 0
    times: Times = field(default_factory=Times)

    def shown(self) -> dict[str, Any]:
        """For JSON; None where there is nothing to divide by."""
        return {
            "rows": self.rows,
            "found": self.found,
            "false_positives": self.false,
            "benign": self.benign,
            "precision": _share(self.found, self.found + self.false),
            "recall": _share(self.found, self.rows),
            "false_positive_rate": _share(self.false, self.benign),
            "span_recall": _share(self.covered, self.spans),
            "us_median": self.times.at(0.5),
            "us_p95": self.times.at(0.95),
        }


@dataclass(slots=True)
class Scores:
    """Of all rows so far."""

    rows: int = 0
    benign: int = 0
    by_kind: dict[str, Score] = field(default_factory=dict)
    by_source: defaultdict[tuple[str, str], Score] = field(default_factory=lambda: defaultdict(Score))
    times: Times = field(default_factory=Times)
    per_kb: Times = field(default_factory=Times)

    def add(
        self,
        label: str,
        source: str,
        spans: Sequence[tuple[int, int]],
        found: Iterable[tuple[str, int, int]],
        us: float,
        characters: int,
    ) -> None:
        """One row: its label and source, what is labelled in it, which kinds were detected where, how long it
        took."""
        detected = [(kind.partition(".")[0], start, end) for kind, start, end in found]
        families = {family for family, _, _ in detected}
        if families & ATTACKS:
            families.add(ATTACK)
        self.rows += 1
        self.times.add(us)
        self.per_kb.add(us / max(characters, 1) * 1000)
        here = self.by_source[label, source]
        here.rows += 1
        here.times.add(us)
        if label == BENIGN:
            self.benign += 1
            here.benign += 1
            here.false += bool(families)
            for family in families:
                self._of(family).false += 1
            return
        wanted = {label, ATTACK} if label in ATTACKS else {label}
        here.found += bool(families & wanted)
        for family in wanted:
            score = self._of(family)
            score.rows += 1
            score.found += family in families
            score.times.add(us)
        covered = sum(
            any(name == label and start < last and first < end for name, start, end in detected)
            for first, last in spans
        )
        for score in (self._of(label), here):
            score.spans += len(spans)
            score.covered += covered

    def shown(self) -> dict[str, Any]:
        """For JSON."""
        for score in self.by_kind.values():
            score.benign = self.benign
        return {
            "rows": self.rows,
            "us_median": self.times.at(0.5),
            "us_p95": self.times.at(0.95),
            "us_per_1000_characters": self.per_kb.at(0.5),
            "kinds": {kind: self.by_kind[kind].shown() for kind in sorted(self.by_kind)},
            "sources": [
                {"label": label, "source": source, **score.shown()}
                for (label, source), score in sorted(self.by_source.items())
            ],
        }

    def _of(self, family: str) -> Score:
        return self.by_kind.setdefault(family, Score())


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
