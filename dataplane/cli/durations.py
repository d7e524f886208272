"""Durations as a person gives them: `90d`, `12h`, `30m`."""

from __future__ import annotations

import re
from typing import Final

import typer

_UNITS_US: Final = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION: Final = re.compile(r"([0-9]{1,6})([mhd])", re.ASCII)


def duration_us(text: str, *, nothing: bool = False) -> int:
    """Microseconds of a duration such as `90d`, `12h`, `30m`; with `nothing` also `0`, `0h` and the like.

    Raises `typer.BadParameter` (exit 2).
    """
    match = _DURATION.fullmatch("0m" if nothing and text == "0" else text)
    if match is None or (int(match[1]) == 0 and not nothing):
        raise typer.BadParameter(f"{text!r:.40} is not a duration such as 90d, 12h or 30m")
    return int(match[1]) * _UNITS_US[match[2]]
