"""What a recognizer makes of a text, by the engine that there is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from dataplane.findings import Origin
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizer import Candidate, Recognizer

Make = Callable[[dict[str, Any]], Recognizer]

MEDIUM = 50
HIGH = 80


@cache
def _set_up(make: Make) -> tuple[Recognizer, Engine]:
    recognizer = make({})
    return recognizer, Engine(recognizer.patterns)


def candidates(make: Make, text: str, origin: Origin = Origin.USER) -> list[Candidate]:
    """All candidates of the recognizer as shipped."""
    recognizer, engine = _set_up(make)
    return list(recognizer.recognize(text, engine.scan(text), origin))


def score(make: Make, text: str, origin: Origin = Origin.USER) -> int:
    """The best score, 0 where there is none."""
    return max((candidate.score for candidate in candidates(make, text, origin)), default=0)
