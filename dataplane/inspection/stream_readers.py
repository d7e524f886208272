"""Opens windows for the kinds that a decision asks for, by what an inspector has compiled already."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from dataplane.findings import Origin
from dataplane.inspection.catalogue import Family
from dataplane.inspection.engine import Engine
from dataplane.inspection.evidence import Evidence
from dataplane.inspection.recognizer import Hit, Pattern
from dataplane.inspection.stream import Window
from dataplane.inspection.stream_hold import Openings
from dataplane.inspection.stream_reader import FOLLOW, HIDES, LOOK, Look, Reader

MAX_READERS: Final = 64
"""Sets of kinds that are remembered; a policy has as many as it has tiers."""

_KINDS: Final = {"secrets": "secret"}
"""Families whose kinds begin with another word than their row's name."""

_RUNS: Final = ("pii", "secrets", "custom")
"""Families whose findings are single words, or groups of digits; a site's own may be either."""

_OF_ANSWERS: Final = frozenset({"pii", "secrets", "toxicity", "custom"})
"""Families that answers are mostly asked to be without: their patterns alone take two thirds of the time of
all, so they have a database of their own."""


class _Words:
    """Whether words that were found come to something, by the recognizers of those families alone: a look
    at a text as it stands takes a tenth of one at all that may be in it."""

    def __init__(self, families: Sequence[Family], hyperscan: bool | None) -> None:
        """Compile what these families look for."""
        self._engine = Engine(
            [pattern for each in families for pattern in each.recognizer.patterns], hyperscan=hyperscan
        )
        self._owner = {pattern.id: each for each in families for pattern in each.recognizer.patterns}

    def come(self, names: Container[str], text: str, origin: Origin) -> bool:
        """Whether there is a candidate of the families of these names."""
        own: dict[str, tuple[Family, list[Hit]]] = {}
        for hit in self._engine.scan(text):
            family = self._owner[hit.pattern]
            if family.name in names:
                own.setdefault(family.name, (family, []))[1].append(hit)
        return any(
            candidate.score > 0
            for family, hits in own.values()
            for candidate in family.recognizer.recognize(text, hits, origin)
        )


class Readers:
    """Readers by the kinds asked for. Made where there is time: compiling takes seconds."""

    def __init__(
        self,
        families: Sequence[Family],
        guards: Sequence[Pattern],
        look: Look,
        hides: Callable[[str], bool],
        *,
        hyperscan: bool | None = None,
    ) -> None:
        """`guards` are the patterns of tricks; `look` finds all that the families find, and `hides` says of a
        text without a guard whether it is disguised all the same. `hyperscan` as for `Engine`."""
        self._families = tuple(families)
        answers = [each for each in families if each.name in _OF_ANSWERS]
        others = [each for each in families if each.name not in _OF_ANSWERS]
        together = [replace(pattern, apart="") for pattern in guards]  # one search: chunks are short
        self._answers = Engine([*together, *_coming(answers)], hyperscan=hyperscan, apart_plain=True)
        self._others = Engine(_coming(others), hyperscan=hyperscan)
        self._words = _Words([each for each in answers if each.name not in _RUNS], hyperscan)
        self._other_words = _Words([each for each in others if each.name not in _RUNS], hyperscan)
        self._guards = {pattern.id: HIDES for pattern in guards}
        self._look = look
        self._hides = hides
        self._openings = {
            family.name: Openings(_coming([family]))
            for family in families
            if family.name not in _RUNS or family.name == "custom"
        }
        self._readers: dict[tuple[str, ...], Reader] = {}

    def open(self, origin: Origin, kinds: Sequence[str]) -> Window:
        """See `ports.Detector.stream`."""
        asked = tuple(kinds)
        reader = self._readers.get(asked)
        if reader is None:
            if len(self._readers) >= MAX_READERS:
                self._readers.clear()
            reader = self._readers[asked] = self._made(asked)
        return Window(reader, origin)

    def _made(self, kinds: tuple[str, ...]) -> Reader:
        families = [each for each in self._families if _gives(_KINDS.get(each.name, each.name), kinds)]
        words = [each for each in families if each.name not in _RUNS]
        weight = dict(self._guards) if families else {}
        for each in families:
            means = FOLLOW if each in words else LOOK
            weight |= {pattern.id: means for pattern in _coming([each])}
        names = frozenset(each.name for each in words)
        engines = [self._answers] if families else []
        come = [partial(self._words.come, names)] if families else []
        if not _OF_ANSWERS.issuperset(each.name for each in families):
            engines.append(self._others)
            come.append(partial(self._other_words.come, names))
        return Reader(
            kinds=kinds,
            engines=engines,
            weight=weight,
            openings=[self._openings[each.name] for each in families if each.name in self._openings],
            runs=any(each.name in _RUNS for each in families),
            words=[each.name for each in words],
            look=self._look,
            hides=self._hides if families else _shows,
            comes=come,
        )


def _coming(families: Sequence[Family]) -> list[Pattern]:
    """What says in a text that still grows that something of these families may be coming."""
    found: list[Pattern] = []
    for each in families:
        recognizer = each.recognizer
        found += recognizer.beginnings if isinstance(recognizer, Evidence) else recognizer.patterns
    return found


def _gives(family: str, kinds: Sequence[str]) -> bool:
    """Whether some of a family's kinds may be meant by these patterns (`findings.selects`)."""
    for pattern in kinds:
        wanted = pattern.partition("@")[0]
        if wanted.endswith("*"):
            begin = wanted[:-1]
            if begin.startswith(family) or family.startswith(begin):
                return True
        elif wanted.partition(".")[0] == family:
            return True
    return False


def _shows(text: str) -> bool:
    return False
