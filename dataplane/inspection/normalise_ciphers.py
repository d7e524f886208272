"""Views of text written with other letters of the alphabet, or from its end."""

from __future__ import annotations

import string
from functools import cache
from typing import Final

from dataplane.inspection.normalise_vocabulary import KEYS
from dataplane.inspection.view import View, as_written, mirrored

_LOWER: Final = string.ascii_lowercase
_UPPER: Final = string.ascii_uppercase

_GRAPHIC: Final = "".join(map(chr, range(33, 127)))
_ROT47: Final = str.maketrans(_GRAPHIC, _GRAPHIC[47:] + _GRAPHIC[:47])
_TELLING: Final = 5
"""Letters that say that it is one."""
ROT47_SIGNS: Final = tuple(word[1:].translate(_ROT47) for word in KEYS if len(word) > _TELLING)
"""Key words but for their first letters, which may be capitals, as they look then."""


def shifted_back(view: View, shift: int) -> View:
    """A text whose letters were moved `shift` places along the alphabet (rot13: 13)."""
    return View(view.text.translate(_back(shift)), view, as_written, trick=f"rot{shift}", faithful=False)


def alphabet_mirrored(view: View) -> View:
    """A text with z for a and y for b (atbash)."""
    return View(view.text.translate(_ATBASH), view, as_written, trick="atbash", faithful=False)


def backwards(view: View) -> View:
    """A text read from its end."""
    text = view.text[::-1]
    return View(text, view, mirrored(len(text)), trick="backwards", faithful=False)


def rot47(view: View) -> View:
    """A text whose printable characters were moved 47 places."""
    return View(view.text.translate(_ROT47), view, as_written, trick="rot47", faithful=False)


@cache
def _back(shift: int) -> dict[int, int]:
    moved = _LOWER[shift:] + _LOWER[:shift]
    return str.maketrans(moved + moved.upper(), _LOWER + _UPPER)


_ATBASH: Final = str.maketrans(_LOWER + _UPPER, _LOWER[::-1] + _UPPER[::-1])
