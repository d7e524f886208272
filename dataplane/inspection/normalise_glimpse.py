"""One quick look at a text without its spaces: which disguises of telling words are in it.

The letters of the text alone are searched, once, for the key words of attacks as they are, turned round,
shifted along the alphabet and misspelt. Plain text costs a few microseconds for 1 kB, and what is found says
which views are worth making.
"""

from __future__ import annotations

import string
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations
from typing import Final

from dataplane.inspection.literals import Find, finder
from dataplane.inspection.normalise_vocabulary import ABUSE, KEYS, PHRASES

LOWER: Final = string.ascii_lowercase
LEET: Final = dict(zip("0123456789@$!|+", "oizeasgtbgasiit", strict=True))
"""What digits and signs stand for in words; 1, ! and | also for l (`normalise_words`)."""

TELLING: Final = len(KEYS) + len(PHRASES)
"""How many signs come first that say a word or a phrase as it is."""
SPELT: Final = TELLING + len(ABUSE)
"""How many come first that are looked for with digits for letters: those, and abuse."""

_SCRAMBLED: Final = 5
"""Most letters between the first and the last of a word whose every order is looked for (5! = 120)."""
_SHIFTED: Final = 6
"""Fewest letters of a word that is looked for shifted: shorter ones turn up in other words."""

_OTHER: Final = bytes(set(range(256)) - set(string.ascii_letters.encode()))
_FLAT: Final = bytes.maketrans((string.ascii_uppercase + "\t\n\r\v\f").encode(), (LOWER + " " * 5).encode())
_LEET: Final = bytes.maketrans(
    (string.ascii_uppercase + "".join(LEET)).encode(), (LOWER + "".join(LEET.values())).encode()
)
_NOT_LEET: Final = bytes(set(_OTHER) - set("".join(LEET).encode()))


@dataclass(frozen=True, slots=True)
class Sign:
    """What a sequence of letters says: that `trick` was played; `shift` is how far letters were moved."""

    trick: str
    word: str
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is worth a closer look."""

    broken: tuple[tuple[int, int], ...] = ()
    """Words and phrases with something within, or nothing between: half-open ranges among the letters."""
    leet: bool = False
    misspelt: bool = False
    backwards: bool = False
    words_backwards: bool = False
    pig_latin: bool = False
    pieces: bool = False
    """Words in base64 that may stand apart, each or a few letters at a time."""
    mirrored_alphabet: bool = False
    shifts: frozenset[int] = frozenset()


NOTHING: Final = Glimpse()


def glimpse(data: bytes, *, leet: bool = False) -> Glimpse:
    """What the letters of a text (`View.ascii`) say of tricks; `NOTHING` for nearly all. `leet` asks for
    words with digits for letters too."""
    letters = data.translate(_FLAT, _OTHER)
    signs, find = _signs()
    hits = find(letters)
    leet = leet and _leet(find, data.translate(_LEET, _NOT_LEET), hits)
    if not hits:
        return Glimpse(leet=True) if leet else NOTHING
    flat = data.translate(_FLAT)
    broken: list[tuple[int, int]] = []
    tricks: set[str] = set()
    shifts: set[int] = set()
    seen: dict[int, list[tuple[int, int]]] = {}
    for index, start, end in hits:
        if index < TELLING:
            seen.setdefault(index, []).append((start, end))
        elif index >= SPELT:
            sign = signs[index]
            tricks.add(sign.trick)
            if sign.trick == "shifted":
                shifts.add(sign.shift)
    for index, places in seen.items():
        if len(places) > flat.count(signs[index].word.encode()):
            broken.extend(places)
    if not (broken or leet or tricks):
        return NOTHING
    return Glimpse(
        broken=tuple(sorted(broken)),
        leet=leet,
        misspelt="misspelt" in tricks,
        backwards="backwards" in tricks,
        words_backwards="words backwards" in tricks,
        pieces="pieces" in tricks,
        pig_latin="pig latin" in tricks,
        mirrored_alphabet="mirrored alphabet" in tricks,
        shifts=frozenset(shifts),
    )


def letter_positions(text: str) -> list[int]:
    """Where the letters stand that `glimpse` counts by."""
    return [at for at, character in enumerate(text) if character in _LETTERS]


_LETTERS: Final = frozenset(string.ascii_letters)


def _leet(find: Find, spelt: bytes, plain: Sequence[tuple[int, int, int]]) -> bool:
    """Whether more words can be read with digits as letters than the `plain` ones."""
    found = find(spelt)
    if not found:
        return False
    return sum(hit[0] < SPELT for hit in found) > sum(hit[0] < SPELT for hit in plain)


@cache
def _signs() -> tuple[list[Sign], Find]:
    """All signs, those that say a word as it is first, and what finds them, by their index."""
    plain = {word.replace(" ", ""): Sign("broken", word) for word in (*KEYS, *PHRASES)}
    plain.update((word, Sign("abuse", word)) for word in ABUSE)
    assert len(plain) == SPELT
    found = dict(plain)
    words = "\n".join(plain)
    for letters, sign in _disguised():
        if len(letters) >= _SHIFTED and letters not in words:
            found.setdefault(letters, sign)
    return list(found.values()), finder([letters.encode() for letters in found])


def _disguised() -> Iterator[tuple[str, Sign]]:
    for first, second in (phrase.split(" ")[:2] for phrase in PHRASES if phrase.count(" ") == 1):
        if len(first) + len(second) >= 2 * _SHIFTED:
            yield second + first, Sign("words backwards", first)
    for word in KEYS:
        if len(word) < _SHIFTED:
            continue
        yield word[::-1], Sign("backwards", word)
        yield word[::-1].translate(str.maketrans(LOWER, LOWER[13:] + LOWER[:13])), Sign("shifted", word, 13)
        for before in range(3):
            yield pieces_of_base64(word, before), Sign("pieces", word)
        yield word.translate(str.maketrans(LOWER, LOWER[::-1])), Sign("mirrored alphabet", word)
        if onset := next((at for at, letter in enumerate(word) if letter in "aeiou"), 0):
            yield word[onset:] + word[:onset] + "ay", Sign("pig latin", word)
        for shift in range(1, len(LOWER)):
            moved = word.translate(str.maketrans(LOWER, LOWER[shift:] + LOWER[:shift]))
            yield moved, Sign("shifted", word, shift)
        for misspelt in misspellings(word):
            yield misspelt, Sign("misspelt", word)


def pieces_of_base64(word: str, before: int) -> str:
    """The letters, in lower case, that base64 of `word` has wherever `before` bytes, modulo 3, come first."""
    first, past = -before % 3, (len(word) + before) // 3 * 3 - before
    return "".join(filter(str.isalpha, b64encode(word[first:past].encode()).decode())).lower()


def misspellings(word: str) -> set[str]:
    """`word` with one or two of its letters doubled, all of them doubled or tripled, two neighbours changed
    over, one left out, or those between the first and the last in another order."""
    inner = range(1, len(word) - 1)
    found = {"".join(letter * 2 for letter in word), "".join(letter * 3 for letter in word)}
    for doubled in (*combinations(range(len(word)), 1), *combinations(range(len(word)), 2)):
        found.add("".join(letter * (2 if at in doubled else 1) for at, letter in enumerate(word)))
    found -= {word[0] + word, word + word[-1]}  # the end of one word and the beginning of the next
    found.update(word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in inner[:-1])
    found.update(word[:at] + word[at + 1 :] for at in inner)
    if len(inner) <= _SCRAMBLED:
        found.update(word[0] + "".join(order) + word[-1] for order in permutations(word[1:-1]))
    return found - {word}
