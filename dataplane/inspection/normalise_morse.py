"""Views of text in Morse code and in spelling alphabets."""

from __future__ import annotations

import re
from typing import Final

from dataplane.inspection.normalise_vocabulary import words
from dataplane.inspection.view import Edit, View, edited

_MORSE: Final = dict(
    zip(
        words(
            """
.- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.--
--.. ----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- --..-- ..--.. -.-.--
"""
        ),
        "abcdefghijklmnopqrstuvwxyz0123456789.,?!",
        strict=True,
    )
)
_RUN: Final = re.compile(r"(?<![.\w-])[.-]{1,6}(?:(?: {1,7}| ?[/|] ?|\n)[.-]{1,6}){7,}(?![.\w-])")
_PART: Final = re.compile(r"[.-]+|[ \n]*[/|][ \n]*| {2,}")
_SPELLED: Final = {
    word: word[0]
    for word in words(
        """
alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar
papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu
"""
    )
}
_SPELLING: Final = re.compile(
    r"\b(?:(?:" + "|".join(_SPELLED) + r"|x-ray)[ ,.;/-]{1,3}){5,}(?:" + "|".join(_SPELLED) + r"|x-ray)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"[A-Za-z]+(?:-ray)?|[.;/]| {2,}")


def from_morse(view: View) -> View | None:
    """The text with stretches of eight or more Morse signs read; None where there are none."""
    edits: list[Edit] = []
    text = view.text
    for match in _RUN.finditer(text):
        letters = [_MORSE.get(part) if part[0] in ".-" else " " for part in _PART.findall(match.group())]
        if None not in letters:
            edits.append((*match.span(), "".join(filter(None, letters))))
    return edited(view, edits, trick="morse", faithful=False) if edits else None


def spelled_out(view: View) -> View | None:
    """The text with words of the spelling alphabet (India Golf November) read as letters."""
    edits: list[Edit] = []
    for match in _SPELLING.finditer(view.text):
        names = _NAME.findall(match.group().lower())
        edits.append((*match.span(), "".join(_SPELLED.get(name, " ")[0] for name in names)))
    return edited(view, edits, trick="spelling alphabet", faithful=False) if edits else None
