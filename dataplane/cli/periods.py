"""Points in time as a person gives them: `7d` ago, or a date."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import typer

_AGO: Final = re.compile(r"([0-9]{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _now_s() -> float:
    return time.time()


def point_us(text: str, option: str, *, now_s: Callable[[], float] = _now_s) -> int:
    """Unix microseconds of `90s`, `30m`, `24h`, `7d`, `2w` ago, or of a date or time of RFC 3339 (UTC where
    it names no zone). Raises `typer.BadParameter`."""
    if ago := _AGO.fullmatch(text):
        return int((now_s() - int(ago[1]) * _SECONDS[ago[2]]) * 1_000_000)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            "give 90s, 30m, 24h, 7d or 2w, or a date such as 2026-11-20 or 2026-11-20T08:00:00Z",
            param_hint=option,
        ) from None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return round(found.timestamp() * 1_000_000)
