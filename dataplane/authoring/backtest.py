"""The findings of a backtest: what a candidate policy would have answered, counted as rows come in.

Memory stays bounded whatever was recorded: rows are kept up to a number for each kind of change, and
names beyond `NAMES_MAX` are counted together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataplane.authoring.compare import COMPARED, Difference, Verdict
from dataplane.authoring.rows import Row, Skip

NAMES_MAX: Final = 10_000
"""Clients and models told apart; callers choose the names of models."""

OTHERS: Final = "(others)"
NOBODY: Final = "(none)"
"""What stands for names beyond `NAMES_MAX`, and for a row without one."""


@dataclass(slots=True, kw_only=True)
class Count:
    """How many rows, and what became of them; `ids` are request ids of the first of those that changed."""

    total: int = 0
    changed: int = 0
    new_blocks: int = 0
    looser: int = 0
    ids: list[str] = field(default_factory=list)

    def add(self, row: Row, found: Difference | None, ids: int) -> None:
        """Count a row; the id of a changed one is kept while there are fewer than `ids`."""
        self.total += 1
        if found is None:
            return
        self.changed += found.changed
        self.new_blocks += found.blocks_anew
        self.looser += found.looser
        if found.changed and row.request_id is not None and len(self.ids) < ids:
            self.ids.append(row.request_id)


@dataclass(slots=True, kw_only=True)
class RuleCount:
    """How many rows gained a rule among their reasons, and how many lost it; `ids` as in `Count`."""

    gained: int = 0
    lost: int = 0
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A row that differs, with both answers; `new` is None where the candidate has no valid one."""

    row: Row
    found: Difference
    new: Mapping[str, Any] | None


class Findings:
    """Counts of rows and the rows behind them. `keep` rows are kept in detail, and ids for each count."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._shown: tuple[list[Shown], list[Shown], list[Shown]] = ([], [], [])
        self.all = Count()
        self.undecided = 0
        self.skipped: Counter[str] = Counter()
        self.decisions: dict[tuple[Verdict, Verdict], Count] = {}
        self.rules: dict[str, RuleCount] = {}
        self.clients: dict[str, Count] = {}
        self.models: dict[str, Count] = {}
        self.keys: Counter[str] = Counter()
        self.also: Counter[str] = Counter()
        self.directions: Counter[str] = Counter()

    def skip(self, skip: Skip) -> None:
        """Count calls that have nothing to replay."""
        self.skipped[skip.why] += skip.count

    def add(self, row: Row, found: Difference | None, new: Mapping[str, Any] | None) -> None:
        """Count a row that was replayed; `new` is the candidate's answer where it differs."""
        keep = self._keep
        self.all.add(row, found, keep)
        decision: Verdict = row.answer["decision"]
        pair = (decision, decision) if found is None else (found.old, found.new)
        _named(self.decisions, pair).add(row, found, keep)
        _named(self.clients, row.client_id or NOBODY, OTHERS).add(row, found, keep)
        _named(self.models, row.model or NOBODY, OTHERS).add(row, found, keep)
        if found is None:
            return
        self.undecided += found.new == "NONE"
        self.also.update(found.also)
        if found.changed:
            self.keys.update(found.keys)
            self.directions[found.direction] += 1
            self._rules(row, found)
        if found.changed or found.looser:
            kept = self._shown[0 if found.blocks_anew else 1 if found.looser else 2]
            if len(kept) < keep:
                kept.append(Shown(row=row, found=found, new=new))

    def _rules(self, row: Row, found: Difference) -> None:
        for rules, gained in ((found.gained, True), (found.lost, False)):
            for rule in rules:
                count = self.rules.setdefault(rule, RuleCount())
                count.gained += gained
                count.lost += not gained
                if row.request_id is not None and len(count.ids) < self._keep:
                    count.ids.append(row.request_id)

    @property
    def rows(self) -> list[Shown]:
        """Rows that changed or are looser, in detail: new blocks first, then looser ones, then others,
        each in order of time; at most `keep`."""
        return [one for kind in self._shown for one in kind][: self._keep]

    def document(self) -> dict[str, Any]:
        """The findings as JSON: `total`, `changed`, `by`, `rows` and the counts beside them."""
        return {
            "total": self.all.total,
            "changed": self.all.changed,
            "new_blocks": self.all.new_blocks,
            "looser": self.all.looser,
            "undecided": self.undecided,
            "skipped": {"never_asked": 0, "erased": 0, **self.skipped},
            "by": {
                "decision": [
                    {"old": old, "new": new, **_told(count)} for (old, new), count in _ordered(self.decisions)
                ],
                "rule": [
                    {"rule": rule, "gained": count.gained, "lost": count.lost, "ids": count.ids}
                    for rule, count in sorted(
                        self.rules.items(), key=lambda item: (-(item[1].gained + item[1].lost), item[0])
                    )
                ],
                "client": [
                    {"client": name, **_told(count)} for name, count in _ordered(self.clients, changed=True)
                ],
                "model": [
                    {"model": name, **_told(count)} for name, count in _ordered(self.models, changed=True)
                ],
                "key": {name: self.keys[name] for name in COMPARED},
                "direction": dict(sorted(self.directions.items())),
                "also": dict(sorted(self.also.items())),
            },
            "rows": [_row(one) for one in self.rows],
        }


def _named(counts: dict[Any, Count], name: Any, others: str | None = None) -> Count:
    count = counts.get(name)
    if count is None:
        if others is not None and len(counts) >= NAMES_MAX:
            name = others
        count = counts.setdefault(name, Count())
    return count


def _ordered(counts: Mapping[Any, Count], *, changed: bool = False) -> Iterable[tuple[Any, Count]]:
    """New blocks first, then what changed most, then what is most; only what changed with `changed`."""
    found = [item for item in counts.items() if not changed or item[1].changed or item[1].looser]
    return sorted(found, key=lambda item: (-item[1].new_blocks, -item[1].changed, -item[1].total, item[0]))


def _told(count: Count) -> dict[str, Any]:
    return {
        "total": count.total,
        "changed": count.changed,
        "new_blocks": count.new_blocks,
        "looser": count.looser,
        "ids": count.ids,
    }


def _row(one: Shown) -> dict[str, Any]:
    row = one.row
    return {
        "request_id": row.request_id,
        "time": row.time,
        "client": row.client_id,
        "model": row.model,
        "operation": row.operation,
        "stage": row.stage,
        "policy_revision": row.policy_revision,
        "changed": list(one.found.keys),
        "also": list(one.found.also),
        "direction": one.found.direction,
        "old": _answer(row.answer),
        "new": None if one.new is None else _answer(one.new),
    }


def _answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in COMPARED if name in answer}
