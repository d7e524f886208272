"""Sums of calls by client, tenant, model, day and the like, in integers, exact however they are split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final

from dataplane.usage.calls import Call, Ended

GROUPS_MAX: Final = 100_000
"""Groups kept, about 50 MB. Callers choose what refused models are called, so there may be any number: calls
beyond that are summed in one group of their own."""

OTHER: Final = "(other)"
"""What the group beyond `GROUPS_MAX` is called in each place."""


def _day(call: Call) -> str:
    return _utc(call).strftime("%Y-%m-%d")


def _utc(call: Call) -> datetime:
    return datetime.fromtimestamp(call.time_us // 1_000_000, UTC)


BY: Final[Mapping[str, Callable[[Call], str | None]]] = {
    "client": lambda call: call.client,
    "tenant": lambda call: call.tenant,
    "model": lambda call: call.model,
    "operation": lambda call: call.operation,
    "day": _day,
    "month": lambda call: _utc(call).strftime("%Y-%m"),
}
"""What calls may be grouped by. None: the record does not say. Days and months are UTC."""


@dataclass(slots=True, kw_only=True)
class Sums:
    """Counts of calls and tokens, and money in micro-USD.

    `calls`, `tokens_in`, `tokens_out`, `cost_microusd` are of calls that were made. `unpriced_calls` and
    `unpriced_tokens` are those among them whose model has no price, so that `cost_microusd` is without
    them. `unsettled_*` are open calls, at what was reserved for them, and in none of the others.
    """

    calls: int = 0
    refused: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_microusd: int = 0
    unpriced_calls: int = 0
    unpriced_tokens: int = 0
    unsettled_calls: int = 0
    unsettled_tokens: int = 0
    unsettled_microusd: int = 0

    def add(self, call: Call) -> None:
        """Count a call."""
        tokens = call.tokens_in + call.tokens_out
        match call.ended:
            case Ended.REFUSED:
                self.refused += call.count
            case Ended.OPEN:
                self.unsettled_calls += 1
                self.unsettled_tokens += tokens
                self.unsettled_microusd += call.cost or 0
            case Ended.MADE:
                self.calls += 1
                self.tokens_in += call.tokens_in
                self.tokens_out += call.tokens_out
                self.cost_microusd += call.cost or 0
                if call.cost is None and tokens:
                    self.unpriced_calls += 1
                    self.unpriced_tokens += tokens

    def document(self) -> dict[str, Any]:
        """As plain values; `cost_usd` is `cost_microusd` in decimal, None where nothing of it is known."""
        found: dict[str, Any] = {}
        for one in fields(self):
            found[one.name] = getattr(self, one.name)
            if one.name == "tokens_out":
                found["tokens"] = self.tokens_in + self.tokens_out
            if one.name == "cost_microusd":
                known = self.cost_microusd or not self.unpriced_calls
                found["cost_usd"] = usd(self.cost_microusd) if known else None
        return found


@dataclass(slots=True, kw_only=True)
class Showback:
    """Sums of the calls added, one a group of `by` (names of `BY`), and in `total` of all of them.

    Only calls count whose client, tenant and model are among those given; None means any.
    """

    by: Sequence[str]
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    limit: int = GROUPS_MAX
    groups: dict[tuple[str | None, ...], Sums] = field(default_factory=dict)
    total: Sums = field(default_factory=Sums)
    other: Sums | None = None

    def add(self, calls: Iterable[Call]) -> None:
        """Count these calls."""
        keys = [BY[name] for name in self.by]
        only = [(BY[name], values) for name, values in self.only.items() if values]
        for call in calls:
            if all(of(call) in values for of, values in only):
                self._group(tuple(of(call) for of in keys)).add(call)
                self.total.add(call)

    def _group(self, key: tuple[str | None, ...]) -> Sums:
        found = self.groups.get(key)
        if found is None:
            if len(self.groups) >= self.limit:
                self.other = self.other or Sums()
                return self.other
            found = self.groups[key] = Sums()
        return found

    def rows(self) -> list[tuple[tuple[str | None, ...], Sums]]:
        """The groups in order of their keys, what has no name last; then what was beyond the limit."""
        order = sorted(self.groups.items(), key=lambda one: [(part is None, part or "") for part in one[0]])
        if self.other is not None:
            order.append(((OTHER,) * len(self.by), self.other))
        return order


def usd(microusd: int) -> str:
    """Micro-USD as dollars with six decimals, without floating point."""
    sign, amount = ("-", -microusd) if microusd < 0 else ("", microusd)
    return f"{sign}{amount // 1_000_000}.{amount % 1_000_000:06d}"
