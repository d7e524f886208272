"""Views of text in which stretches are encoded: base64, base32, hex, binary, numbers of characters, Morse.

Only what decodes to readable text is read. Images, hashes and identifiers do not: that 16 characters of
base64 at random do has a probability below 1 in 100,000.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Callable, Iterator
from typing import Final

from dataplane.inspection.view import Edit, View, distinct, edited

_SHORTEST: Final = 16
"""Characters of an encoded stretch: 12 bytes in base64, 8 in hex."""
_MOST: Final = 64
"""Stretches of one text that are tried."""
_MOST_CHARACTERS: Final = 64 * 1024
"""Characters of one stretch that are decoded."""
_PROBE: Final = 64
"""Characters that are decoded first: most stretches are not text, which shows in the beginning."""
_LONG: Final = 40
"""From how many characters on a stretch may have begun before the text does, so that any of four places is
where a group begins."""
_READABLE: Final = frozenset(string.printable.encode()) - frozenset(b"\x0b\x0c")
_FEWEST: Final = 5
"""Characters of a decoded text."""

_BASE64: Final = string.ascii_letters + string.digits + "+/-_="
_RUNS: Final = bytes(ord("a") if chr(code) in _BASE64 else ord(" ") for code in range(256))
_MARK: Final = b"a" * _SHORTEST

_BASE64_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{4,}(?:\r?\n[A-Za-z0-9+/_-]{4,})*={0,2}")
_PIECE: Final = r"(?=[A-Za-z0-9+/]*[A-Z0-9+/=])[A-Za-z0-9+/]{2,}={0,2}"
_PIECES: Final = re.compile(rf"(?<!\S)(?:{_PIECE}(?:[ \t]{{1,3}}|\r?\n))+{_PIECE}(?!\S)")
_HEX: Final = re.compile(r"(?:0[xX])?((?:[0-9a-fA-F]{2}){8,})")
_BASE32: Final = re.compile(r"[A-Z2-7]{16,}={0,6}")
_DENSE: Final = re.compile(r"<~([!-uz\s]{8,4096})~>|(?<![!-~])[!-~]{20,4096}(?![!-~])")

_HEX_CODES: Final = re.compile(
    r"(?<![0-9a-fA-F])(?:(?:0[xX]|\\x)?[0-9a-fA-F]{2}[ ,;:\n-]{1,2}){7,}"
    r"(?:0[xX]|\\x)?[0-9a-fA-F]{2}(?![0-9a-fA-F])"
)
_BINARY_CODES: Final = re.compile(r"(?<![01])(?:[01]{7,8}[ ,;\n-]{0,2}){4,}[01]{7,8}(?![01])")
_DECIMAL_CODES: Final = re.compile(r"(?<![0-9])(?:[0-9]{2,3}[ ,;\n-]{1,2}){5,}[0-9]{2,3}(?![0-9])")
_ALPHABET_CODES: Final = re.compile(
    r"(?<![0-9])(?:(?:[1-9]|1[0-9]|2[0-6])(?:[ ,.-]|(?: / | {2,3}|/|\|))){6,}(?:[1-9]|1[0-9]|2[0-6])(?![0-9])"
)
_HEX_PAIR: Final = re.compile(r"[0-9a-fA-F]{2}(?![xX])")
_BINARY: Final = re.compile(r"[01]{7,8}")
_NUMBER: Final = re.compile(r"[0-9]+")
_NUMBER_OR_GAP: Final = re.compile(r"[0-9]+| / | {2,3}|/|\|")


def decoded(view: View) -> View | None:
    """The text with stretches of base64, base32 and hex read as what they hold; None where there are none."""
    edits = list(_runs(view.text, view.ascii.translate(_RUNS)))
    return edited(view, distinct(edits), trick="payload") if edits else None


def dense_decoded(view: View) -> View | None:
    """The text with stretches of base85 read as what they hold; None where there are none."""
    edits = list(_read_all(view.text, _DENSE, _base85))
    return edited(view, edits, trick="payload") if edits else None


def codes_decoded(view: View) -> View | None:
    """The text with numbers of characters, in whatever base, read as the characters; None where there are
    none."""
    edits: list[Edit] = []
    for pattern, read in _BY_CODES:
        edits.extend(_read_all(view.text, pattern, read))
    return edited(view, distinct(edits), trick="codes") if edits else None


def _runs(text: str, runs: bytes) -> Iterator[Edit]:
    """Unbroken stretches of the characters of base64, which those of hex and base32 are among."""
    at = 0
    for _ in range(_MOST):
        at = runs.find(_MARK, at)
        if at < 0:
            return
        match = _BASE64_RUN.match(text, at, at + _MOST_CHARACTERS)
        if match is None:
            at = _next(runs, at)
            continue
        read = _read_run(match.group())
        if read is not None:
            yield (*match.span(), read)
        at = max(match.end(), _next(runs, at) if read is None else 0)


def pieces_decoded(view: View) -> View | None:
    """The text with words in base64, or stretches of base64 that spaces cut up, read as what they hold."""
    edits: list[Edit] = []
    for match in _PIECES.finditer(view.text):
        written = match.group()
        words = [_text(_base64(word), 1) for word in written.split()]
        read = " ".join(filter(None, words)) if all(words) else _text(_base64("".join(written.split())))
        if read is not None:
            edits.append((*match.span(), read))
    return edited(view, edits, trick="payload") if edits else None


def _next(runs: bytes, at: int) -> int:
    past = runs.find(b" ", at)
    return len(runs) if past < 0 else past


def _read_run(run: str) -> str | None:
    if (hexadecimal := _HEX.fullmatch(run)) is not None and (read := _text(_hex(hexadecimal[1]))) is not None:
        return read
    if _BASE32.fullmatch(run) and (read := _text(_base32(run))) is not None:
        return read
    if run.islower():
        return None  # a path or an identifier: base64 of text has both cases
    for skip in range(4 if len(run) >= _LONG else 1):
        if _text(_base64(run[skip : skip + _PROBE])) is not None:
            return _text(_base64(run[skip:]))
    return None


def _base64(run: str) -> bytes:
    plain = run.replace("-", "+").replace("_", "/").replace("\n", "").replace("\r", "").rstrip("=")
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return binascii.a2b_base64(whole + "=" * (-len(whole) % 4))
    except ValueError:
        return b""


def _base32(run: str) -> bytes:
    plain = run.rstrip("=")
    try:
        return base64.b32decode(plain + "=" * (-len(plain) % 8))
    except ValueError:
        return b""


def _base85(match: re.Match[str]) -> str | None:
    for decode in (base64.a85decode, base64.b85decode):
        try:
            read = _text(decode(match[1] or match[0]))
        except ValueError:
            continue
        if read is not None:
            return read
    return None


def _hex(digits: str) -> bytes:
    return bytes.fromhex(digits)


def _text(data: bytes, fewest: int = _FEWEST) -> str | None:
    """Readable text, of UTF-8 or (as shells encode commands) UTF-16; None for anything else."""
    if len(data) >= 2 * _FEWEST and data[1::2].count(0) >= len(data) // 2 - 1:
        data = data[::2]
    if len(data) < fewest:
        return None
    if data.isascii():
        return data.decode("ascii") if _READABLE.issuperset(data) else None
    for cut in range(4):  # a probe may end within a character
        try:
            text = data[: len(data) - cut].decode("utf-8")
        except ValueError:
            continue
        return text if all(part.isprintable() or part in "\n\r\t" for part in text) else None
    return None


def _read_all(
    text: str, pattern: re.Pattern[str], read: Callable[[re.Match[str]], str | None]
) -> Iterator[Edit]:
    for count, match in enumerate(pattern.finditer(text)):
        if count == _MOST:
            return
        found = read(match)
        if found is not None:
            yield (*match.span(), found)


def _hex_codes(match: re.Match[str]) -> str | None:
    return _text(bytes(int(pair, 16) for pair in _HEX_PAIR.findall(match.group())))


def _binary_codes(match: re.Match[str]) -> str | None:
    return _text(bytes(int(bits, 2) for bits in _BINARY.findall(match.group())))


def _decimal_codes(match: re.Match[str]) -> str | None:
    numbers = [int(number) for number in _NUMBER.findall(match.group())]
    if max(numbers) < 256 and (read := _text(bytes(numbers))) is not None:
        return read
    digits = _NUMBER.findall(match.group())
    if all(set(number) <= set("01234567") for number in digits):
        values = [int(number, 8) for number in digits]
        return _text(bytes(values)) if max(values) < 256 else None
    return None


def _alphabet_codes(match: re.Match[str]) -> str:
    parts = _NUMBER_OR_GAP.findall(match.group())
    return "".join(chr(ord("a") + int(part) - 1) if part.isdigit() else " " for part in parts)


_BY_CODES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...]] = (
    (_HEX_CODES, _hex_codes),
    (_BINARY_CODES, _binary_codes),
    (_DECIMAL_CODES, _decimal_codes),
    (_ALPHABET_CODES, _alphabet_codes),
)
