"""Opens windows for the kinds that a decision asks for, by what an inspector has compiled already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from dataplane.findings import Origin
from dataplane.inspection.catalogue import Family
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizer import Pattern
from dataplane.inspection.stream import FOLLOW, LOOK, Look, Reader, Window
from dataplane.inspection.stream_hold import Openings

MAX_READERS: Final = 64
"""Sets of kinds that are remembered; a policy has as many as it has tiers."""

_KINDS: Final = {"secrets": "secret"}
"""Families whose kinds begin with another word than their row's name."""

_RUNS: Final = ("pii", "secrets", "custom")
"""Families whose findings are single words, or groups of digits; a site's own may be either."""

_OF_ANSWERS: Final = frozenset({"pii", "secrets", "toxicity", "custom"})
"""Families that answers are mostly asked to be without: their patterns alone take two thirds of the time of
all, so they have a database of their own."""

_NOTHING: Final = Engine(())


class Readers:
    """Readers by the kinds asked for. Made where there is time: compiling takes half a second."""

    def __init__(
        self,
        families: Sequence[Family],
        engine: Engine,
        guards: Sequence[Pattern],
        look: Look,
        hides: Callable[[str], bool],
    ) -> None:
        """`engine` has the patterns of the families and `guards`, those of tricks; `look` finds all that the
        families find, and `hides` says of a text without a guard whether it is disguised all the same."""
        self._families = tuple(families)
        self._engine = engine
        answers = [each for each in families if each.name in _OF_ANSWERS]
        patterns = [*guards, *(pattern for each in answers for pattern in each.recognizer.patterns)]
        self._answers = Engine(patterns, hyperscan=engine.name == "hyperscan") if answers else engine
        self._guards = {pattern.id: LOOK for pattern in guards}
        self._look = look
        self._hides = hides
        self._openings = {
            family.name: Openings(family.recognizer.patterns)
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
            weight |= {pattern.id: means for pattern in each.recognizer.patterns}
        engine = self._answers if _OF_ANSWERS.issuperset(each.name for each in families) else self._engine
        return Reader(
            kinds=kinds,
            engine=engine if families else _NOTHING,
            weight=weight,
            openings=[self._openings[each.name] for each in families if each.name in self._openings],
            runs=any(each.name in _RUNS for each in families),
            words=[each.name for each in words],
            look=self._look,
            hides=self._hides if families else _shows,
        )


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
