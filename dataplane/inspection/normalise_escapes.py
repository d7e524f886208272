"""Views of text written with escapes: HTML entities, URL percent codes, and those of programs."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from dataplane.inspection.view import Edit, View, distinct, edited

_LETTER_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "/": "/"}
_HIGHEST: Final = 0x10FFFF

_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});?")
_BACKSLASH: Final = re.compile(
    r"\\(?:([0-9a-fA-F]{6} ?|00[0-9a-fA-F]{2} )|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|U([0-9a-fA-F]{8})"
    r"|x\{?([0-9a-fA-F]{2})\}?|([0-3][0-7]{2})"
    r"|N\{([A-Z0-9 -]{2,60})\}|([ntr\"'/]))"
)
_PERCENT: Final = re.compile(r"(?:%[0-9a-fA-F]{2})+|%u([0-9a-fA-F]{4})")
_CODE_POINT: Final = re.compile(r"\b(?:U\+|u\+)([0-9a-fA-F]{4,6})(?: (?=[Uu]\+))?")
_QUOTED_PRINTABLE: Final = re.compile(r"(?:=[0-9A-F]{2})+|=\r?\n")
_QUOTED_ENOUGH: Final = re.compile(r"=[0-9A-F]{2}[^=\n]{0,40}=[0-9A-F]{2}")
_TOKEN_WITH_PERCENT: Final = re.compile(r"\S*%(?:[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})\S*")
_CHARACTER_CALL: Final = re.compile(
    r"\b(?:chr|char|fromcharcode|unichr)\((0x[0-9a-f]{2}|[0-9]{2,5})\)(?:\s?(?:\+|\.|,|&|\|\||%)\s?)?",
    re.IGNORECASE,
)


def unescaped(view: View) -> View | None:
    """The text with its escapes read as the characters that they stand for; None where it has none."""
    text = view.text
    edits: list[Edit] = []
    if "\\" in text:
        edits.extend(_backslashes(text))
    if "&" in text:
        edits.extend(_entities(text))
    if "%" in text and _PERCENT.search(text):
        edits.extend(_percents(text))
    if "+" in text:
        edits.extend((*m.span(), _character(int(m[1], 16))) for m in _CODE_POINT.finditer(text))
    if "r(" in text or "R(" in text:
        edits.extend((*m.span(), _character(int(m[1], 0))) for m in _CHARACTER_CALL.finditer(text))
    if "=" in text and _QUOTED_ENOUGH.search(text):
        edits.extend((*m.span(), _quoted(m.group())) for m in _QUOTED_PRINTABLE.finditer(text))
    if not edits:
        return None
    return edited(view, distinct(edits), trick="escapes")


def _entities(text: str) -> Iterator[Edit]:
    for match in _ENTITY.finditer(text):
        written = match.group()
        read = html.unescape(written)
        if read != written:
            yield (*match.span(), read)


def _backslashes(text: str) -> Iterator[Edit]:
    for match in _BACKSLASH.finditer(text):
        css, four, braced, eight, two, octal, name, letter = match.groups()
        if letter is not None:
            yield (*match.span(), _LETTER_ESCAPES[letter])
        elif name is not None:
            if read := _named(name):
                yield (*match.span(), read)
        else:
            digits = four or braced or eight or two or css
            yield (*match.span(), _character(int(digits, 16) if digits else int(octal, 8)))


def _named(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""


def _percents(text: str) -> Iterator[Edit]:
    for token in _TOKEN_WITH_PERCENT.finditer(text):
        start = token.start()
        written = token.group()
        for match in _PERCENT.finditer(written):
            data = bytes.fromhex(match.group().replace("%", "")) if match[1] is None else b""
            read = data.decode("utf-8", "replace") if match[1] is None else _character(int(match[1], 16))
            yield start + match.start(), start + match.end(), read
        if "?" not in written:
            for at, character in enumerate(written):
                if character == "+":
                    yield start + at, start + at + 1, " "


def _quoted(written: str) -> str:
    return "" if written[1] in "\r\n" else bytes.fromhex(written.replace("=", "")).decode("utf-8", "replace")


def _character(code: int) -> str:
    """The character of a number; nothing for a number that is none, or half of a pair."""
    return "" if code > _HIGHEST or 0xD800 <= code < 0xE000 else chr(code)
