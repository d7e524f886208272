"""Exfiltration: getting the hidden prompt, secrets or data in bulk out, by asking or by links and images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dataplane.inspection.evidence import Evidence, Signal, borrowed
from dataplane.inspection.mention import share
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers import injection_signals
from dataplane.inspection.recognizers.exfiltration_languages import TRANSLATED
from dataplane.inspection.recognizers.exfiltration_signals import SIGNALS as OWN
from dataplane.inspection.recognizers.nearby import NEAR

SHARED: Final = {"override": 48, "override_and": 48, "override_all": 35, "override_said": 35, "authority": 25}
"""Signs of an injection that support those of exfiltration, and their points here."""

SIGNALS: Final[tuple[Signal, ...]] = OWN + TRANSLATED + borrowed(injection_signals.SIGNALS, SHARED)


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `exfiltration`. `weights` of the row changes the points of signals by name."""
    return Evidence("exfiltration", SIGNALS, row, near=NEAR, judge=share)
