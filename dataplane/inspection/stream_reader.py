"""What the streams of one set of kinds share: what is looked for in them, and what a match means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dataplane.findings import Finding, Origin, selects
from dataplane.inspection.engine import Engine
from dataplane.inspection.stream_hold import PLAIN, WORD_BEFORE, Openings, block_start, run_start

LOOK_BACK: Final = 64
"""Code points before the held text that are scanned again with each piece: what a value is told by, such as
`password:`, has gone on when it comes."""

SETTLES: Final = 96
"""Code points behind a finding of a recognizer of words that may show it to be harmless; held so long."""

HINT: Final = 32
"""Code points before the end of a hit of such a recognizer that are held with it: two or three words."""

LOOK: Final = 1
HIDES: Final = 2
FOLLOW: Final = 4
"""What a hit of a pattern means: that the text must be looked at; that it may be read in another way, too;
that words were found which may come to something with what follows."""

Look = Callable[[str, Origin], Sequence[Finding]]
"""All findings of a short text, looked at as text 0."""

Comes = Callable[[str, Origin], bool]
"""Whether the words of a text, as it stands, come to a finding."""


class Reader:
    """What the streams of one set of kinds share."""

    __slots__ = (
        "_comes",
        "_last_words",
        "_openings",
        "_runs",
        "_touches",
        "_words",
        "hides",
        "kinds",
        "look",
    )

    def __init__(
        self,
        *,
        kinds: Sequence[str],
        engines: Sequence[Engine],
        weight: Mapping[str, int],
        openings: Sequence[Openings],
        runs: bool,
        words: Sequence[str],
        look: Look,
        hides: Callable[[str], bool],
        comes: Sequence[Comes],
    ) -> None:
        """`weight` says of the engines' patterns what a hit means: `LOOK`, `HIDES` or `FOLLOW`; patterns of
        no weight are not of these kinds. `openings` are held, and `runs` if it says so; findings of the kinds
        `words` may be unmade by what follows. `hides` says whether a text may be read in another way than as
        it stands though no pattern matched, `comes` whether the words of a text come to a finding of these
        kinds."""
        self.kinds = tuple(kinds)
        self.look = look
        self.hides = hides
        self._comes = tuple(comes)
        self._words = tuple(words)
        self._touches = tuple(
            (engine.touched, [weight.get(pattern.id, 0) for pattern in engine.patterns]) for engine in engines
        )
        self._openings = tuple(openings)
        self._runs = runs
        known = [each.last_words for each in openings]
        self._last_words = None if None in known else frozenset[str]().union(*filter(None, known))

    def touched(self, text: str) -> list[tuple[int, int]]:
        """What the matches in a text mean, each, and where it ends (see `engine.Scanner.ends`)."""
        found: list[tuple[int, int]] = []
        for touches, weight in self._touches:
            if ends := touches(text):
                found += [(weight[index], end) for index, end in ends if weight[index]]
        return found

    def hint(self, ends: Sequence[tuple[int, int]], text: str, start: int) -> int:
        """Where, by the matches in `text`, from `start` on, words begin that may yet come to something with
        what follows it; its end if none do."""
        length = len(text)
        near = [end for means, end in ends if means == FOLLOW and end > length - SETTLES]
        if not near:
            return length
        at = min(near) - HINT
        if at <= start:
            return start
        blank = text.find(" ", at)
        return at if blank < 0 else blank

    def open_from(self, text: str, start: int) -> int:
        """Where, from `start` on, begins what may become a finding; the text's end if nothing does."""
        known = self._last_words
        if known is not None and self._runs:
            # Nearly always a plain word that is being written, alone or with the blank behind it. What begins
            # further to the left holds the blank before it, and more.
            blank = text.rfind(" ", start)
            if blank >= WORD_BEFORE and text[blank - 1] in PLAIN and text.isascii() and "-----" not in text:
                ends = text[blank - WORD_BEFORE :].lower()
                word = ends[WORD_BEFORE + 1 :]
                if (
                    (not word or word.isalpha())
                    and ends not in known
                    and ends[1:] not in known
                    and ends[2:] not in known
                ):
                    return blank if word and ends[3:] in known else blank + 1
        at = len(text)
        if self._runs:
            at = min(run_start(text, start), block_start(text, start))
        for openings in self._openings:
            at = min(at, openings.start(text, start))
        return at

    def comes(self, text: str, origin: Origin) -> bool:
        """Whether words in a text without tricks that patterns tell come to a finding."""
        return self.hides(text) or any(comes(text, origin) for comes in self._comes)

    def unsettled(self, found: Finding, length: int) -> bool:
        """Whether what follows a text of `length` may show a finding in it to be harmless."""
        return found.spans[-1].end + SETTLES > length and selects(self._words, found.kind, found.origin)
