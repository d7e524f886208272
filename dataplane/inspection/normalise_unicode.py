"""Characters that look like others, or like nothing, read as the ASCII that a reader sees.

Compatibility forms and accents come from Unicode's own data (NFKD); the tables of `normalise_confusables` add
what Unicode holds for different letters. Tag characters and runs of variation selectors, which carry hidden
ASCII, are read as what they carry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from dataplane.inspection.normalise_confusables import LETTERS, TURNED, UNALIKE
from dataplane.inspection.view import View, edit_map, edited, mirrored

_MOST_KNOWN: Final = 20_000
"""Characters remembered; the text of one language uses some hundreds to some thousands."""

_FEW: Final = 24
"""Characters that are replaced in a text one by one, in less time than a look at each of the text."""

_ASCII: Final = bytes(range(128))

_FILLERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
"""Letters and signs by category that are drawn as nothing."""

_TAGS: Final = range(0xE0020, 0xE007F)
_ENCLOSED: Final = (
    (0x1F110, 0x1F12A, "A"),
    (0x1F130, 0x1F14A, "A"),
    (0x1F150, 0x1F16A, "A"),
    (0x1F170, 0x1F18A, "A"),
    (0x1F1E6, 0x1F200, "A"),
    (0x249C, 0x24B6, "a"),
)
"""Ranges of letters in brackets, squares and circles, and of regional indicators: which letter each is, not
`(a)` as in NFKD."""

_BRAILLE: Final = dict(zip("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", "abcdefghijklmnopqrstuvwxyz", strict=True))

_TYPOGRAPHIC: Final = frozenset("‘’‚“”„–—−…•·«»©®™°€£§×→✓\u202f\ufe0f（），．：；！？％／～")
"""Punctuation of ordinary text. It is folded where a view is made anyway, and no reason to make one."""

_DIACRITICS: Final = (
    (0x0300, 0x0370),
    (0x0483, 0x048A),
    (0x1AB0, 0x1B00),
    (0x1DC0, 0x1E00),
    (0x20D0, 0x2100),
)
"""Marks that can be put on any letter. Those that a script cannot be written without are no reason either."""

FOLDED: Final = "unicode"
"""The trick of characters that look like others."""

_TAG_CHARACTERS: Final = frozenset(map(chr, _TAGS))
_SELECTORS: Final = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_SELECTED: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,4096}")
"""Bytes hidden in variation selectors: the first 16 stand for 0 to 15, the others for 16 to 255."""
_TAGGED: Final = re.compile("[\U000e0020-\U000e007e]{4,}")
_ON_LETTERS: Final = re.compile("[0-9A-Za-z][\ufe00-\ufe0f](?!\u20e3)")
"""A selector where there is no choice of forms, as there is for signs and keys."""

_TURNED_ENOUGH: Final = 3
_SHAPED: Final = frozenset(mark for mark in TURNED if not mark.isascii())


class _Fold(dict[int, str | int | None]):
    """The table of `str.translate`, filled as characters are met."""

    def __missing__(self, code: int) -> str | int | None:
        folded = _fold(chr(code))
        if len(self) < _MOST_KNOWN:
            self[code] = folded
        return folded


_table: Final = _Fold()
_plain: Final[set[str]] = set(map(chr, range(128))) | _TYPOGRAPHIC
"""Characters met that say nothing but themselves. Grows as `_table` does."""


def fold(text: str) -> str:
    """`text` with characters replaced by the ASCII that they are read as, and invisible ones left out."""
    return text.translate(_table)


def seen_through(view: View) -> Iterator[View]:
    """What can be read in a text by its characters: folded, as variation selectors carry it, and upside down.
    Which of them is worth a try is seen from its distinct characters."""
    text = view.text
    if text.isascii():
        return
    characters = _beyond_ascii(text)
    selectors = not _SELECTORS.isdisjoint(characters)
    if _hides(characters) or (selectors and _ON_LETTERS.search(text)):
        plain = _folded(text, characters)
        if plain != text:
            yield View(plain, view, _FoldMap(text).locate, trick=FOLDED)
    if selectors or not _TAG_CHARACTERS.isdisjoint(characters):
        reading = _carried(view)
        if reading is not None:
            yield reading
    if len(_SHAPED & characters) >= _TURNED_ENOUGH:
        turned = text.translate(_TURN)[::-1]
        yield View(turned, view, mirrored(len(turned)), trick="upside-down", faithful=False)


def _beyond_ascii(text: str) -> set[str]:
    """The distinct characters that are not ASCII, sought for among few: those of most texts are."""
    return set(text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass"))


def _folded(text: str, characters: set[str]) -> str:
    """`fold`, knowing which characters there are that are not ASCII. What is read in their place is."""
    if len(characters) > _FEW:
        return text.translate(_table)
    for character in characters:
        instead = _table[ord(character)]
        if not isinstance(instead, int):
            text = text.replace(character, instead or "")
    return text


def _carried(view: View) -> View | None:
    """What tags and variation selectors carry, read in their place; None where there are no four in a row."""
    edits = [(*match.span(), f" {_selected(match.group())} ") for match in _SELECTED.finditer(view.text)]
    edits += [(*match.span(), f" {fold(match.group())} ") for match in _TAGGED.finditer(view.text)]
    return edited(view, sorted(edits), trick="hidden") if edits else None


_TURN: Final = {ord(mark): letter for mark, letter in TURNED.items()}


class _FoldMap:
    """Where a folded text came from, worked out when it is asked."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._locate = None if text else edit_map(())

    def locate(self, start: int, end: int) -> tuple[int, int]:
        if self._locate is None:
            table, edits = _table, []
            for at, character in enumerate(self._text):
                if character >= "\x80":
                    instead = table[ord(character)]
                    if instead is None or isinstance(instead, str):
                        edits.append((at, at + 1, instead or ""))
            self._locate = edit_map(edits)
        return self._locate(start, end)


def _hides(characters: set[str]) -> bool:
    """Whether folding would change more than typography, seen from the distinct characters alone."""
    unknown = characters - _plain
    found = False
    for character in unknown:
        if _table[ord(character)] == ord(character) or _needed(character):
            if len(_plain) < _MOST_KNOWN:
                _plain.add(character)
        else:
            found = True
    return found


def _needed(character: str) -> bool:
    """Whether it is a mark that its script is written with."""
    if unicodedata.category(character) != "Mn":
        return False
    return ord(character) < 0xE000 and not any(first <= ord(character) < past for first, past in _DIACRITICS)


def _fold(character: str) -> str | int | None:
    """What one character is read as: itself (as its number), other text, or None for nothing."""
    code = ord(character)
    if code < 0x80:
        return code
    if code in _TAGS:
        return chr(code - 0xE0000)
    if (letter := LETTERS.get(character) or _BRAILLE.get(character)) is not None:
        return letter
    for first, past, base in _ENCLOSED:
        if first <= code < past:
            return chr(ord(base) + code - first)
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "Cn") or character in _FILLERS:
        return "" if category != "Cn" or 0xE0000 <= code < 0xE1000 else code
    if category in ("Zs", "Zl", "Zp"):
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if character in UNALIKE:
        return code
    return _decomposed(character)


def _decomposed(character: str) -> str | int:
    """The ASCII of the compatibility form without its accents, else the character itself."""
    bare = "".join(
        LETTERS.get(part, part)
        for part in unicodedata.normalize("NFKD", character)
        if unicodedata.category(part) != "Mn"
    )
    return bare if bare and bare.isascii() else ord(character)


def _selected(selectors: str) -> str:
    """The text that a run of variation selectors carries."""
    values = (ord(mark) for mark in selectors)
    data = bytes(value - 0xFE00 if value < 0xFF00 else value - 0xE0100 + 16 for value in values)
    return data.decode("utf-8", "replace")
