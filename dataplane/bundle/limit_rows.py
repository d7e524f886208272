"""What a table's schema cannot say of a tier's limits: which members of a row go together, whose ids differ.

Policy takes such a row for malformed and refuses every call of the tier; found here, it is refused before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dataplane.bundle.strictyaml import JSON, Path

FIXED_LIMITS: Final = frozenset(("client.rpm", "client.tph", "client.concurrency", "client.usd_day"))
"""Ids of the limits that a tier sets by name (policies/rego, request/limits.rego)."""

_PLACES: Final = "concurrent"
_RATE: Final = "requests"
_MONEY: Final = "usd"


def limit_faults(rows: JSON) -> Iterator[tuple[Path, str]]:
    """Faults of the rows of a tier's `limits.more`, by their place in it. What has another type than the
    schema wants is left to the schema."""
    found = [row if isinstance(row, dict) else {} for row in rows] if isinstance(rows, list) else []
    for place, row in enumerate(found):
        yield from (((place, *path), fault) for path, fault in _faults(row))
    ids = [str(row.get("id", "")) for row in found]
    for place, name in enumerate(ids):
        if name in FIXED_LIMITS:
            yield (place, "id"), f'"{name}" is the id of a limit that has a name of its own, too'
        elif name and name in ids[:place]:
            yield (place, "id"), f'"{name}" is the id of another limit, too'
        by = found[place].get("by")
        if isinstance(by, list) and "tool" in by:
            others = sorted(one for one in {*ids, *FIXED_LIMITS} if one.startswith(f"{name}."))
            if others:
                yield (
                    (place, "id"),
                    f'the tool\'s name stands behind it: "{others[0]}" may be one of them',
                )


def _faults(row: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    unit, amount = row.get("unit"), row.get("amount")
    if unit == _PLACES and "per" in row:
        yield ("per",), "calls at the same time are counted in no time: leave it out"
    if isinstance(unit, str) and unit != _PLACES and "per" not in row:
        yield (), f"{unit} are counted in a time: add per: minute, hour, day or month"
    if unit != _MONEY and isinstance(amount, float) and not amount.is_integer():
        yield ("amount",), f"{amount:g} is no whole number; only usd has fractions"
    if "burst" in row and (unit != _RATE or row.get("window", "rolling") != "rolling"):
        yield ("burst",), "only requests in a rolling window have a burst"
