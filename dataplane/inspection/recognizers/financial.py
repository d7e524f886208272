"""Financial decisions: who gets credit or insurance, on what terms, and what to invest in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplane.inspection.evidence import Evidence
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers.financial_signals import SIGNALS
from dataplane.inspection.recognizers.nearby import NEAR


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `financial`. `weights` of the row changes the points of signals by name."""
    return Evidence("financial", SIGNALS, row, near=NEAR)
