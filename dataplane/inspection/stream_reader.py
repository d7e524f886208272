"""What the streams of one set of kinds share: what is looked for in them, and what a match means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from dataplane.findings import Finding, Origin, selects
from dataplane.inspection.engine import Engine
from dataplane.inspection.stream_hold import WORD_BEFORE, Leads, Openings, block_start, run_start

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

Search = Callable[[str], list[tuple[int, int]]]
"""The matches in a text, by their places among the patterns of all engines, and where each ends."""

Comes = Callable[[str, Origin], bool]
"""Whether the words of a text, as it stands, come to a finding."""


class Reader:
    """What the streams of one set of kinds share."""

    __slots__ = (
        "_comes",
        "_leads",
        "_one_line",
        "_openings",
        "_runs",
        "_weight",
        "_words",
        "hides",
        "kinds",
        "look",
        "search",
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
        self._weight = [weight.get(pattern.id, 0) for engine in engines for pattern in engine.patterns]
        self.search: Search = engines[0].touched if len(engines) == 1 else _all_of(engines)
        self._openings = tuple(openings)
        self._runs = runs
        known = [each.last_words for each in openings if each.last_words is not None]
        self._one_line = not any(each.lines for each in openings)
        self._leads = Leads(known) if runs and len(known) == len(openings) else None

    def touched(self, text: str) -> list[tuple[int, int]]:
        """What the matches in a text mean, each, and where it ends (see `engine.Scanner.ends`)."""
        return self.weighed(self.search(text))

    def weighed(self, ends: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """The same of what `search` found in it, which for most texts is nothing."""
        weight = self._weight
        return [(weight[index], end) for index, end in ends if weight[index]]

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
        leads = self._leads
        if leads is not None and (blank := text.rfind(" ", start)) >= WORD_BEFORE:
            # Nearly always no beginning of several words, which would hold the last blank and more, and then
            # mostly a plain word that is being written, alone or with the blank behind it.
            word = text[blank + 1 :]
            plain, behind = leads[text[blank - WORD_BEFORE : blank]]
            if behind is not None and word.isascii():
                plain = plain and (not word or word.isalpha()) and "-----" not in text
                word = word.lower()
                if word not in behind:
                    if plain:
                        return blank if word in leads.behind_blank else blank + 1
                    if self._one_line:
                        at = min(run_start(text, start), block_start(text, start))
                        return min(at, blank) if word in leads.behind_blank else at
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


def _all_of(engines: Sequence[Engine]) -> Search:
    """What searches with each of them."""

    def search(text: str) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        before = 0
        for engine in engines:
            found += [(before + index, end) for index, end in engine.touched(text)]
            before += len(engine.patterns)
        return found

    return search
