"""Jailbreaks: prompts that talk a model out of its rules by a persona, a frame or a game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dataplane.inspection.evidence import Evidence, Signal, borrowed
from dataplane.inspection.mention import share
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers import injection_signals
from dataplane.inspection.recognizers.jailbreak_signals import SIGNALS as OWN
from dataplane.inspection.recognizers.nearby import NEAR

SHARED: Final = {
    "override": 40,
    "override_and": 40,
    "override_all": 28,
    "override_said": 28,
    "safety_off": 48,
    "safety_off_yours": 55,
    "you_are_now": 18,
    "authority": 18,
    "secret_rule": 25,
    "begin_with": 35,
    "hierarchy": 25,
    "revoked": 35,
}
"""Signs of an injection that support those of a jailbreak, and their points here."""

SIGNALS: Final[tuple[Signal, ...]] = OWN + borrowed(injection_signals.SIGNALS, SHARED)


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `jailbreak`. `weights` of the row changes the points of signals by name."""
    return Evidence("jailbreak", SIGNALS, row, near=NEAR, judge=share)
