"""Views of text whose words are cut up, run together, misspelt or written with digits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import Final

from dataplane.inspection.normalise_glimpse import LEET, letter_positions
from dataplane.inspection.normalise_vocabulary import VOCABULARY, corrections, divide, forms
from dataplane.inspection.view import Edit, View, edited, taken_from

_AROUND: Final = 60
"""Letters on each side of a broken word that are divided anew: the words it goes with."""
_MOST_LETTERS: Final = 2_000
"""Letters of one text that are divided anew, at some 3 microseconds each."""
_LONGEST_WHOLE: Final = 15
"""Letters of a word that is taken as it stands: longer ones may be several."""
_MOST_WORDS: Final = 4_000
"""Words of one text that are looked at one by one."""

_RUN: Final = re.compile(r"[A-Za-z]+")
_SENTENCE: Final = re.compile(r"""[.!?]["')\]]?\s+\Z""")
_SPACED: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z0-9@$!|+](?:[^A-Za-z0-9@$!|+]{1,6}[A-Za-z0-9@$!|+](?![A-Za-z0-9])){4,}"
)
_LETTER: Final = re.compile(r"[A-Za-z0-9@$!|+]")
_LEET_WORD: Final = re.compile(r"[A-Za-z0-9@$!|+]*[0-9@$!|+][A-Za-z0-9@$!|+]*")
_AS_I: Final = {ord(mark): letter for mark, letter in LEET.items()}
_EITHER: Final = dict.fromkeys("1!|", "il")
_MOST_EITHER: Final = 4
_PUNCTUATION: Final = "!|+$"
_MASKED: Final = re.compile(r"[A-Za-z](?:[A-Za-z]|[*_.#-](?=[A-Za-z])){3,60}")
_NOT_LETTERS: Final = re.compile(r"[^A-Za-z]")
_PIG: Final = re.compile(r"\b([A-Za-z]{2,20})ay\b")
_ONSET: Final = 4
"""Most consonants that pig Latin moves to the end of a word."""
_LINE_END: Final = re.compile(r"(?<=\S)[ \t]*\r?\n[ \t>]*(?=\S)")
_WORD: Final = re.compile(r"\S+")


def divided(view: View, broken: Sequence[tuple[int, int]]) -> View | None:
    """The text with the words around `broken` put together anew from their letters."""
    text = view.text
    positions = letter_positions(text)
    edits: list[Edit] = []
    left = _MOST_LETTERS
    for start, end in _regions(broken, len(positions)):
        left -= end - start
        if left < 0:
            break
        edits.extend(_divided(text, positions[start:end], [(b - start, e - start) for b, e in broken]))
    return edited(view, edits, trick="divided", faithful=False) if edits else None


def _regions(broken: Sequence[tuple[int, int]], letters: int) -> Iterator[tuple[int, int]]:
    first = last = -1
    for start, end in broken:
        if first >= 0 and start - _AROUND > last:
            yield first, last
            first = -1
        if first < 0:
            first = max(0, start - _AROUND)
        last = max(last, min(letters, end + _AROUND))
    if first >= 0:
        yield first, last


def _divided(text: str, positions: list[int], broken: Sequence[tuple[int, int]]) -> Iterator[Edit]:
    """What must stand between the letters at `positions`, where that is not what stands there."""
    letters = "".join(text[at] for at in positions).lower()
    whole: dict[int, int] = {}
    start = 0
    for end in range(1, len(positions) + 1):
        if end == len(positions) or positions[end] != positions[end - 1] + 1:
            if 2 < end - start <= _LONGEST_WHOLE and not any(b < end and start < e for b, e in broken):
                whole[end] = start
            start = end
    ends: set[int] = set()
    at = 0
    for word in divide(letters, whole):
        at += len(word)
        ends.add(at)
    for here in range(1, len(positions)):
        begin, end = positions[here - 1] + 1, positions[here]
        between = text[begin:end]
        if here not in ends:
            wanted = ""
        elif _SENTENCE.search(between) and text[end].isupper() and text[begin - 2 : begin].isalpha():
            wanted = between
        else:
            wanted = " "
        if between != wanted:
            yield begin, end, wanted


def spaced(view: View) -> View | None:
    """The text with runs of five or more single letters put together: wider gaps are between words, and where
    all gaps are alike, words of the vocabulary are."""
    edits: list[Edit] = []
    text = view.text
    for run in _SPACED.finditer(text):
        edits.extend(_put_together(text, [match.start() for match in _LETTER.finditer(text, *run.span())]))
        if len(edits) > _MOST_LETTERS:
            break
    return edited(view, edits, trick="spaced", faithful=False) if edits else None


def _put_together(text: str, positions: list[int]) -> Iterator[Edit]:
    gaps = [text[left + 1 : right] for left, right in pairwise(positions)]
    usual = Counter(gaps).most_common(1)[0][0]
    ends: set[int] = set()
    if all(gap == usual for gap in gaps) and len(positions) <= _MOST_LETTERS:
        at = 0
        letters = "".join(text[position] for position in positions).lower().translate(_AS_I)
        for word in divide(letters):
            at += len(word)
            ends.add(at)
    for here, gap in enumerate(gaps, 1):
        wanted = " " if here in ends or gap != usual else ""
        yield positions[here - 1] + 1, positions[here], wanted


def unleeted(view: View) -> View | None:
    """The text with digits and signs within words read as the letters that they stand for."""
    edits: list[Edit] = []
    for count, match in enumerate(_LEET_WORD.finditer(view.text)):
        if count == _MOST_WORDS:
            break
        written = match.group()
        bare = written.rstrip(_PUNCTUATION)
        if bare and bare != written and _known(written) is None:
            written = bare
        read = _known(written)
        if read is None and any(character.isalpha() for character in written):
            read = written.lower().translate(_AS_I)
        if read is not None:
            edits.append((match.start(), match.start() + len(written), read))
    return edited(view, edits, trick="leet", faithful=False) if edits else None


def _known(word: str) -> str | None:
    """The word of the vocabulary that is meant."""
    lower = word.lower()
    if sum(lower.count(mark) for mark in _EITHER) > _MOST_EITHER:
        return None
    for letters in product(*(_EITHER.get(mark, mark) for mark in lower)):
        read = "".join(letters).translate(_AS_I)
        if len(read) > 1 and read in VOCABULARY:
            return read
    return None


def corrected(view: View) -> View | None:
    """The text with misspellings of key words corrected: letters doubled, changed over, left out, masked."""
    right = corrections()
    edits: list[Edit] = []
    for count, match in enumerate(_MASKED.finditer(view.text)):
        if count == _MOST_WORDS:
            break
        word = _NOT_LETTERS.sub("", match.group()).lower()
        if len(word) < 4 or word in VOCABULARY:
            continue
        for form in forms(word):
            if (meant := right.get(form)) is not None:
                edits.append((*match.span(), meant))
                break
    return edited(view, edits, trick="misspelt", faithful=False) if edits else None


def from_pig_latin(view: View) -> View | None:
    """The text with the first sounds of words back in front: `ompt-pray`."""
    edits: list[Edit] = []
    for match in _PIG.finditer(view.text):
        rest = match[1].lower()
        words = [rest[len(rest) - moved :] + rest[: len(rest) - moved] for moved in range(_ONSET + 1)]
        words += [rest.removesuffix("w"), rest.removesuffix("y")]
        known = [word for word in words if word in VOCABULARY]
        if known:
            edits.append((*match.span(), known[0]))
    return edited(view, edits, trick="pig latin", faithful=False) if edits else None


def unwrapped(view: View) -> View:
    """The text with single ends of lines as blanks: a phrase may stand a word on each line."""
    edits = [(*match.span(), " ") for match in _LINE_END.finditer(view.text)]
    return edited(view, edits, trick="lines")


def words_backwards(view: View) -> View:
    """The text with its words in the opposite order."""
    text = view.text
    spans = [match.span() for match in _WORD.finditer(text)][::-1]
    positions: list[int] = []
    for start, end in spans:
        positions.extend((*range(start, end), end - 1))  # the last for the space after it
    return View(
        " ".join(text[start:end] for start, end in spans),
        view,
        taken_from(positions),
        trick="words backwards",
        faithful=False,
    )


def letters_backwards(view: View) -> View:
    """The text with each word turned round, the words in their order."""
    edits = [(*match.span(), match.group()[::-1]) for match in _RUN.finditer(view.text)]
    return edited(view, edits, trick="words turned", faithful=False)
