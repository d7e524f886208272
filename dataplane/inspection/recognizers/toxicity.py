"""Toxicity: slurs, insults aimed at someone, threats and attacks on groups. Not mere profanity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dataplane.inspection.evidence import Evidence
from dataplane.inspection.recognizer import Recognizer
from dataplane.inspection.recognizers import toxicity_aimed, toxicity_lexicon
from dataplane.inspection.recognizers.nearby import NEAR
from dataplane.inspection.recognizers.toxicity_sense import sense

SIGNALS: Final = (*toxicity_lexicon.SIGNALS, *toxicity_aimed.SIGNALS)

APART: Final = 160
"""Code points between signs of one outburst: about two sentences."""


def make(row: Mapping[str, Any]) -> Recognizer:
    """The recognizer of `toxicity`. `weights` of the row changes the points of signals by name."""
    return Evidence("toxicity", SIGNALS, row, near=NEAR, judge=sense, apart=APART, each=True)
