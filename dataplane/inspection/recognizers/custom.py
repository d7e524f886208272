"""A site's own patterns and words, of kind `custom.<id>`.

Row: `patterns` maps ids to `{regex, score | level, caseless}`, `words` maps ids to `{any: [...], score |
level, caseless, inside}`. Patterns are what the linear-time engines read (`regex`); what cannot be
used is refused when a bundle is checked (`site_patterns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dataplane.findings import Origin
from dataplane.inspection.recognizer import Candidate, Hit, Pattern, Recognizer
from dataplane.site_patterns import DEFAULT_SCORE, SCORES, faults


def make(row: Mapping[str, Any]) -> Recognizer:
    """See `recognizer.MakesRecognizer`."""
    for path, message in faults(row):
        raise ValueError(f"custom: {'.'.join(map(str, path))}: {message}")
    return _Custom(row)


class _Custom:
    def __init__(self, row: Mapping[str, Any]) -> None:
        self.patterns: Sequence[Pattern] = tuple(_patterns(row))
        self._kinds = {
            name: (f"custom.{name}", _score(entry))
            for part in ("patterns", "words")
            for name, entry in row.get(part, {}).items()
        }

    def recognize(self, text: str, hits: Sequence[Hit], origin: Origin) -> Iterable[Candidate]:
        """Every hit is a finding of its pattern's score."""
        for hit in hits:
            kind, score = self._kinds[hit.pattern.split(".")[1]]
            yield Candidate(kind, score, hit.start, hit.end)


def _patterns(row: Mapping[str, Any]) -> Iterator[Pattern]:
    for name, entry in row.get("patterns", {}).items():
        yield Pattern(id=f"custom.{name}", regex=entry["regex"], caseless=entry.get("caseless", True))
    for name, entry in row.get("words", {}).items():
        for at, word in enumerate(entry["any"]):
            yield Pattern(
                id=f"custom.{name}.{at}",
                regex=_word(word.strip(), inside=entry.get("inside", False)),
                caseless=entry.get("caseless", True),
            )


def _word(word: str, *, inside: bool) -> str:
    """A word as a regex: any blanks where it has one, by itself unless it is meant inside of others too."""
    source = r"\s+".join(map(_literal, word.split()))
    if inside:
        return source
    # \b knows the letters of ASCII only: beside others, it would never or always hold
    first, last = word[0], word[-1]
    before = r"\b" if first.isascii() and (first.isalnum() or first == "_") else ""
    after = r"\b" if last.isascii() and (last.isalnum() or last == "_") else ""
    return f"{before}{source}{after}"


def _literal(part: str) -> str:
    return "".join(char if char.isalnum() or char == "_" else f"\\x{{{ord(char):x}}}" for char in part)


def _score(entry: Mapping[str, Any]) -> int:
    if "score" in entry:
        return int(entry["score"])
    return SCORES[entry["level"]] if "level" in entry else DEFAULT_SCORE
