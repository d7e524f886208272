"""Views of text with markup, comments or the quotes of a program between its letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dataplane.inspection.normalise_vocabulary import words
from dataplane.inspection.view import Edit, View, distinct, edited, taken_from

_DELIMITED: Final = (("<!--", "-->"), ("/*", "*/"))
_SECTION: Final = re.compile(r"<!\[CDATA\[|\]\]>")
_TAG: Final = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,20})(?:\s[^<>]{0,500})?/?>")
_BLOCKS: Final = frozenset(
    words(
        """
address article aside blockquote br dd div dl dt footer form h1 h2 h3 h4 h5 h6 header hr html body li main
nav ol option p pre section table tbody td tfoot th thead title tr ul
"""
    )
)
"""Elements that stand on lines of their own or in cells: a reader sees a gap where they begin and end."""

_EMPHASIS: Final = re.compile(r"(?<=[A-Za-z])(?:\*{1,3}|_{2,3}|~~|\|\||`{1,3}|\{\}|\[\]|\\)(?=[A-Za-z])")
_LATEX: Final = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mathit|textit|mathsf|mathtt)\{([^{}]{0,2000})\}")
_LATEX_SPACE: Final = re.compile(r"\\(?:[ ,;!:]|quad|qquad)")

_STRING: Final = re.compile(r"\"([^\"\n]{1,2000})\"|'([^'\n]{1,2000})'|`([^`\n]{1,2000})`")
_FEWEST: Final = 2


def without_markup(view: View) -> View | None:
    """The text as a browser shows it: without comments, tags, and marks of emphasis within words."""
    text = view.text
    edits: list[Edit] = []
    if "<" in text or "*/" in text:
        for begin, end in _DELIMITED:
            edits.extend(_comments(text, begin, end))
        edits.extend((*match.span(), "") for match in _SECTION.finditer(text))
        edits.extend(
            (*match.span(), "\n" if match[1].lower() in _BLOCKS else "") for match in _TAG.finditer(text)
        )
    edits.extend((*match.span(), "") for match in _EMPHASIS.finditer(text))
    if "\\" in text:
        edits.extend((*match.span(), match[1]) for match in _LATEX.finditer(text))
        edits.extend((*match.span(), " ") for match in _LATEX_SPACE.finditer(text))
    return edited(view, distinct(edits), trick="markup") if edits else None


def _comments(text: str, begin: str, end: str) -> Iterator[Edit]:
    at = 0
    while (start := text.find(begin, at)) >= 0 and (last := text.find(end, start + len(begin))) >= 0:
        at = last + len(end)
        yield start, at, ""


def strings_joined(view: View) -> View | None:
    """What the strings of a program come to when they are put together in their order; None where there are
    not two."""
    text = view.text
    strings = [(match.lastindex or 0, match) for match in _STRING.finditer(text)]
    if len(strings) < _FEWEST:
        return None
    positions: list[int] = []
    for group, match in strings:
        positions.extend(range(*match.span(group)))
    joined = "".join(match.group(group) for group, match in strings)
    return View(joined, view, taken_from(positions), trick="strings", faithful=False)
