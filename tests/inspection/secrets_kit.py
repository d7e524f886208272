"""What the tests of secrets share: the recognizer as shipped, and values that look like secrets."""

from __future__ import annotations

import hashlib
import string

from dataplane.findings import Origin
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizers import secrets

RECOGNIZER = secrets.make({})
ENGINE = Engine(RECOGNIZER.patterns)


def found(text: str, recognizer=RECOGNIZER, engine=ENGINE) -> list[tuple[str, str]]:
    candidates = recognizer.recognize(text, engine.scan(text), Origin.USER)
    return [
        (each.kind.removeprefix("secret."), text[each.start : each.end])
        for each in candidates
        if each.score >= 50
    ]


def varied(length: int, alphabet: str = string.ascii_letters + string.digits, seed: str = "a") -> str:
    digits = b"".join(hashlib.sha512(f"{seed}{n}".encode()).digest() for n in range(1 + length // 64))
    return "".join(alphabet[each % len(alphabet)] for each in digits[:length])
