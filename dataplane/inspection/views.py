"""All readings of a text that are worth a look, the text as it came first.

The guards of most tricks are needles of the shared scan (`PATTERNS`), so that a text without them costs
nothing more; `glimpse` and a look at its distinct characters, where it is not ASCII, take some microseconds
for 1 kB. What one trick hid may be hidden by another, so views are made of views, to a depth, a number and a
total size, and no reading twice.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dataplane.inspection.normalise_ciphers import (
    ROT47_SIGNS,
    alphabet_mirrored,
    backwards,
    rot47,
    shifted_back,
)
from dataplane.inspection.normalise_escapes import unescaped
from dataplane.inspection.normalise_glimpse import NOTHING, Glimpse, glimpse
from dataplane.inspection.normalise_markup import strings_joined, without_markup
from dataplane.inspection.normalise_morse import from_morse, spelled_out
from dataplane.inspection.normalise_payloads import codes_decoded, decoded, dense_decoded, pieces_decoded
from dataplane.inspection.normalise_unicode import FOLDED, seen_through
from dataplane.inspection.normalise_vocabulary import corrections
from dataplane.inspection.normalise_words import (
    corrected,
    divided,
    from_pig_latin,
    letters_backwards,
    spaced,
    unleeted,
    unwrapped,
    words_backwards,
)
from dataplane.inspection.recognizer import Hit, Pattern
from dataplane.inspection.view import View

DEPTH: Final = 4
"""How many tricks may lie over each other."""
MOST: Final = 20
"""Views of one text."""
GROWTH: Final = 12
"""Characters of all views of a text, as a multiple of its own (and `SMALL` more)."""
SMALL: Final = 4096
SHIFTS: Final = 3
"""Shifts of the alphabet that are tried on one view."""

Trick = Callable[[View], View | None]
Scan = Callable[[str], Sequence[Hit]]

_BEFORE_CODE: Final = r"(?:^|[^0-9a-z])"
_GUARDS: Final[tuple[tuple[str, Trick | None, str], ...]] = (
    ("entity", unescaped, r"&(?:#x?[0-9a-f]{2}|[a-z]{2,8}[0-9]{0,2};)"),
    ("percent", unescaped, r"%(?:u[0-9a-f]{2})?[0-9a-f]{2}"),
    ("backslash", unescaped, r"\\[ux0-9nrtN\"/]"),
    ("printable", unescaped, r"=[0-9a-f]{2}(?:=[0-9a-f]{2}|[^=\n]{1,40}=[0-9a-f]{2})"),
    ("code_point", unescaped, r"U\+[0-9a-f]{4}"),
    ("character", unescaped, r"(?:chr|char|code)\((?:0x)?[0-9]{2}"),
    ("tag", without_markup, r"<(?:!--|!\[|/?[a-z])|/\*"),
    ("emphasis", without_markup, r"[a-z](?:\*{1,3}|_{2,3}|~~|\|\||`{1,3}|\{\}|\[\]|\\)[a-z]"),
    ("latex", without_markup, r"\\(?:text|math|[ ,;]|q?quad)"),
    ("run", decoded, r"[a-z0-9+/_=-]{16,}(?:[^a-z0-9+/_=-]|\z)"),
    ("dense", dense_decoded, r"<~[!-u]{8}|(?:^|\s)[!-~]{20,}(?:\s|\z)"),
    ("hex", codes_decoded, _BEFORE_CODE + r"(?:(?:0x|\\x)?[0-9a-f]{2}[ ,;:\n-]{1,2}){6}"),
    ("decimal", codes_decoded, _BEFORE_CODE + r"(?:[0-9]{2,3}[ ,;\n-]{1,2}){5}"),
    ("bits", codes_decoded, _BEFORE_CODE + r"(?:[01]{7,8}[ ,;\n-]{0,2}){4}"),
    ("alphabet", codes_decoded, _BEFORE_CODE + r"(?:(?:[1-9]|1[0-9]|2[0-6])[ ,./|-]{1,3}){6}"),
    (
        "spaced",
        spaced,
        # four, of which the first two are letters: numbers in a table are not
        r"(?:^|[^a-z0-9])(?:[a-z][^a-z0-9@$!|+]+){2}(?:[a-z0-9@$!|+][^a-z0-9@$!|+]+){2}",
    ),
    ("lines", unwrapped, r"(?:[a-z']{1,15}[,.]?[ \t]{0,3}\r?\n[ \t>]{0,3}){4}"),
    ("morse", from_morse, r"(?:[.-]{1,6}[ /|\n]{1,7}){7}"),
    (
        "spelled",
        spelled_out,
        r"\b(?:echo|india|oscar|november)[ ,./-]{1,3}(?:alf|alph|bravo|delta|echo|golf|india|julie|kilo|lima|"
        r"mike|nov|osc|papa|rom|sier|tang|unif|vict|whis|xray|x-ray|yank|zulu|char|fox|hotel|que)",
    ),
    (
        "strings",
        strings_joined,
        r"[\"'`]\s{0,3}(?:\+|\.{1,2}|\|\||&|<<|,)\s{0,3}[\"'`]|\w\s?\+\s?\w|join\(|concat",
    ),
    ("leet", None, r"[a-z][0-9@$!|+]{1,3}[a-z]|[4@]ssho"),
    ("rot47", rot47, "|".join(map(re.escape, ROT47_SIGNS))),
)
"""Tricks by what gives them away: cheap to find, and no more than a reason to look. Digits in words are a
reason for `glimpse` to look twice."""

_APART: Final = {"run": "runs", "dense": "runs", "spaced": "letters"}
"""Guards without a fixed word: beside all others they cost three times what they cost by themselves."""

PATTERNS: Final = tuple(
    Pattern(
        id=f"view.{name}",
        regex=regex,
        caseless=name != "rot47",
        needle=True,
        apart=_APART.get(name, ""),
    )
    for name, _, regex in _GUARDS
)
"""What the engine must look for so that `views` sees it."""

_LEET: Final = "view.leet"
_TRICK: Final = {f"view.{name}": trick for name, trick, _ in _GUARDS}


def views(text: str, scan: Scan) -> Iterator[tuple[View, Sequence[Hit]]]:
    """The readings of `text`, itself first, each with its hits; `scan` finds `PATTERNS` among others. Raises
    what `scan` raises; bounded in depth, number and size."""
    first = View(text)
    hits = scan(text)
    yield first, hits
    seen = {text}
    left = GROWTH * len(text) + SMALL
    waiting = deque(((first, hits),))
    while waiting:
        for view in _readings(*waiting.popleft()):
            if view.text in seen:
                continue
            left -= len(view.text)
            if left < 0 or len(seen) >= MOST:
                return
            seen.add(view.text)
            hits = scan(view.text)
            yield view, hits
            if view.depth < DEPTH:
                waiting.append((view, hits))


def hides(text: str) -> bool:
    """Whether a text in which none of `PATTERNS` was found can be read in another way all the same."""
    if text.isascii():
        return glimpse(text.encode()) is not NOTHING
    view = View(text)
    if next(seen_through(view), None) is not None:
        return True
    return glimpse(view.ascii) is not NOTHING


def prepare() -> None:
    """Build what is built once, so that no call waits for it."""
    glimpse(b"")
    corrections()


def _readings(view: View, hits: Sequence[Hit]) -> Iterator[View]:
    """What the tricks make of one view. A text with characters that are not what they seem is first read as
    what they are, and the other tricks are looked for in that."""
    if not view.text.isascii():
        folded = False
        for reading in seen_through(view):
            folded |= reading.trick == FOLDED
            yield reading
        if folded:
            return
    told = {hit.pattern for hit in hits if hit.pattern in _TRICK}
    if told:
        for trick in dict.fromkeys(_TRICK[pattern] for pattern in _TRICK if pattern in told):
            if trick is not None and (made := trick(view)) is not None:
                yield made
    seen = glimpse(view.ascii, leet=_LEET in told)
    if seen is not NOTHING:
        yield from _words(view, seen)


def _words(view: View, seen: Glimpse) -> Iterator[View]:
    made: list[View | None] = []
    if seen.broken:
        made.append(divided(view, seen.broken))
    if seen.leet:
        made.append(unleeted(view))
    if seen.misspelt:
        made.append(corrected(view))
    if seen.pieces:
        made.append(pieces_decoded(view))
    if seen.pig_latin:
        made.append(from_pig_latin(view))
    if seen.words_backwards:
        made.append(words_backwards(view))
    if seen.backwards:
        made += [backwards(view), letters_backwards(view)]
    if seen.mirrored_alphabet:
        made.append(alphabet_mirrored(view))
    made.extend(shifted_back(view, shift) for shift in sorted(seen.shifts)[:SHIFTS])
    yield from filter(None, made)
