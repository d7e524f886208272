"""Source code: definitions, imports, statements, fences, queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataplane.inspection.evidence import Evidence
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers.code_signals import SIGNALS
from dataplane.inspection.recognizers.nearby import NEAR


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `code`. `weights` of the row changes the points of signals by name."""
    return Evidence("code", SIGNALS, row, near=NEAR)
