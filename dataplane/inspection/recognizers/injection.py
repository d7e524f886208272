"""Prompt injection: orders to set instructions aside or to follow others, said directly or hidden in data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dataplane.inspection.evidence import Evidence, Signal, borrowed
from dataplane.inspection.mention import share
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers import (
    injection_languages,
    injection_signals,
    injection_tools,
    jailbreak_signals,
)
from dataplane.inspection.recognizers.nearby import NEAR

SHARED: Final = {"no_limits": 22, "stay_in_character": 15, "maker_rules": 20, "named_persona": 35}
"""Signs of a jailbreak that support those of an injection, and their points here."""

SIGNALS: Final[tuple[Signal, ...]] = (
    injection_signals.SIGNALS
    + injection_languages.SIGNALS
    + injection_tools.SIGNALS
    + borrowed(jailbreak_signals.SIGNALS, SHARED)
)


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `injection`. `weights` of the row changes the points of signals by name."""
    return Evidence("injection", SIGNALS, row, near=NEAR, judge=share)
