"""The tables that Python itself needs, read from the same verified bundle as the decisions, through OPA."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from dataplane.policy.result import MAX_COUNT, Malformed
from dataplane.quantities import Price

MICRO_USD: Final = 1_000_000

REMEMBERED: Final = 1024
"""Models looked up before; most are few, but ids are chosen by callers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What the models table says of a model; None where it says nothing, or nothing that can be used."""

    price: Price | None = None
    max_output_tokens: int | None = None


_UNKNOWN: Final = ModelFacts()


class Tables:
    """The models table of one revision. `rows` maps model ids, and patterns ending in `*`, to rows."""

    def __init__(self, *, revision: str, rows: dict[str, Any] | None = None) -> None:
        self.revision = revision
        self._facts = {model: _facts(row) for model, row in (rows or {}).items()}
        self.models = tuple(sorted(model for model in self._facts if not model.endswith("*")))
        self.model = lru_cache(REMEMBERED)(self._model)
        """What is known of a model: its own row, else that of the longest pattern."""

    def _model(self, model: str | None) -> ModelFacts:
        if model is None:
            return _UNKNOWN
        if (exact := self._facts.get(model)) is not None:
            return exact
        for length in range(len(model), -1, -1):
            if (facts := self._facts.get(model[:length] + "*")) is not None:
                return facts
        return _UNKNOWN


def read_tables(revision: str, models: Any) -> Tables:
    """The tables of a revision. Raises `Malformed` for a models table that is none."""
    if not isinstance(models, dict):
        raise Malformed("the models table is not an object")
    return Tables(revision=revision, rows=models)


def _facts(row: Any) -> ModelFacts:
    if not isinstance(row, dict):
        return _UNKNOWN
    most = row.get("max_output_tokens")
    return ModelFacts(
        price=_price(row.get("price")),
        max_output_tokens=most if type(most) is int and 1 <= most <= MAX_COUNT else None,
    )


def _price(price: Any) -> Price | None:
    """A price in whole micro-USD per 1,000,000 tokens; None for one that lacks a part or has one that is no
    price, since what costs nothing by mistake would be held by no limit."""
    if not isinstance(price, dict) or not {"input", "output"} <= price.keys():
        return None
    parts = {name: _micro_usd(price.get(name)) for name in ("input", "output", "cached_input", "reasoning")}
    if any(parts[name] is None for name in parts if name in price):
        return None
    given, made = parts["input"], parts["output"]
    assert given is not None
    assert made is not None
    return Price(input=given, output=made, cached_input=parts["cached_input"], reasoning=parts["reasoning"])


def _micro_usd(usd: Any) -> int | None:
    if type(usd) not in (int, float) or not isfinite(usd) or not 0 <= usd <= MAX_COUNT / MICRO_USD:
        return None
    return round(float(usd) * MICRO_USD)
