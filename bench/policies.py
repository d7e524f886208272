"""The tables that the gateways of a bench decide by: the shipped ones, with what is not measured left out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from dataplane.shipped import shipped

CLIENT: Final = "bench"

_LIMITS: Final = {
    "requests_per_minute": 100_000_000,
    "tokens_per_hour": 1_000_000_000_000,
    "max_concurrent_requests": 100_000,
}
"""Three limits that no bench reaches: what is measured is to count them."""

_UNREAD: Final = {"inspect": [], "ask": "never", "tool_calls": "pass"}
"""Answers pass as they come."""


def as_shipped(directory: Path) -> Path:
    """A copy, so that who edits the policy meanwhile does not change what is measured."""
    place = directory / "policies"
    shutil.copytree(shipped("policies"), place)
    return place


def uninspected(directory: Path, *, limits: bool) -> Path:
    """Nothing is looked for in texts. The clients `demo` and `CLIENT` have three limits, or none."""
    place = as_shipped(directory)
    detectors, tiers = _read(place, "detectors"), _read(place, "tiers")
    _write(place, "detectors", {name: {"enabled": False} for name in detectors if name != "inspection"})
    tier = {
        "models": ["gpt-4o-mini"],
        "operations": ["chat.completions.*"],
        "tools": {"allow": [], "otherwise": "strip"},
        "audit": "metadata",
        "answers": _UNREAD,
    }
    _write(place, "tiers", {**tiers, CLIENT: {**tier, "limits": _LIMITS if limits else {}}})
    named = {name: {"tier": CLIENT, "tenant": CLIENT} for name in (CLIENT, "demo")}
    _write(place, "clients", named)
    return place


def _read(place: Path, table: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((place / f"data/{table}.yaml").read_text("utf-8"))
    return found


def _write(place: Path, table: str, rows: dict[str, Any]) -> None:
    (place / f"data/{table}.yaml").write_text(yaml.safe_dump(rows), "utf-8")
