"""Telephone numbers: by how they are written, by the words around them, or by numbering plans."""

from __future__ import annotations

import re
from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

_EXTENSION: Final = r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?"
_NANP: Final = re.compile(
    r"(?:(?:\+|00)?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}(?P<s>[ .-]))\d{3}(?(s)(?P=s)|[ .-])\d{4}" + _EXTENSION,
    re.IGNORECASE,
)
"""As North Americans write: (212) 555-0147, 212.555.0147 x12, +1-212-555-0147."""
_INTERNATIONAL: Final = re.compile(r"\(?\+\d{1,3}(?:[ .\-()/]{0,3}\d){6,13}" + _EXTENSION, re.IGNORECASE)
_PREFIXED: Final = re.compile(r"00[1-9]\d{0,2}(?:[ -]\(?\d{1,8}\)?){2,5}")
"""With the international prefix: 0049 170 1234567."""
_PAIRS: Final = re.compile(r"0[1-9](?P<s>[ .-])\d{2}(?:(?P=s)\d{2}){3}")
"""As the French write: 01 84 17 61 18."""
_TRUNK: Final = re.compile(
    r"(?!\d{3}-\d{2}-\d{4}\b)\(?0[1-9]\d{0,3}\)?(?P<s>[ -])\d{2,4}(?:[ -]\d{2,4}){1,3}"
    r"|0[ -]?\([1-9]\d{2}\) ?\d{3}[ -]?\d{2}[ -]?\d{2}|0-[1-9]\d{2}-\d{3}-\d{2}-\d{2}"
)
"""A trunk 0, then groups: 07700 900 963, 030-901 820."""
_SAID: Final = re.compile(r"(?:\+|00)?\(?\d(?:[ .\-()/]{0,3}\d){5,14}" + _EXTENSION, re.IGNORECASE)
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-/. ][01]?\d[-/. ][0-3]?\d\b|[0-3]?\d[-/. ][01]?\d[-/. ](?:19|20)\d\d\b"
    r"|(?:19|20)\d\d ?- ?(?:19|20)\d\d\b"
)
"""Dates and spans of years."""

_DIGITS: Final = frozenset("0123456789")

SURE: Final = 90
LIKELY: Final = 70
"""Scores: written as only telephone numbers are, or said to be one; looks like one."""


def find(text: str, start: int, end: int, *, said: bool, other: bool) -> tuple[int, int, int] | None:
    """A telephone number in a candidate, as score and range; `said` and `other`: what the words before say.

    The candidate begins and ends with a digit (or `+` or `(`) and has at least seven digits.
    """
    if found := _INTERNATIONAL.match(text, start):
        if said or (not other and _possible(found[0])):
            return _whole(SURE, text, found)
        return None
    if other and not said:
        return None
    if (found := _NANP.match(text, start)) and (said or _plausible(found[0])):
        return _whole(SURE, text, found)
    if _DATE.match(text, start):
        return None
    if (found := _PREFIXED.match(text, start)) and (said or _possible("+" + found[0][2:])):
        return _whole(SURE, text, found)
    if said:
        found = _SAID.match(text, start)
        return None if found is None or len(set(found[0]) & _DIGITS) <= 2 else _whole(SURE, text, found)
    if found := _PAIRS.match(text, start):
        return _whole(SURE, text, found)
    if (found := _TRUNK.match(text, start)) and 9 <= sum(map(str.isdigit, found[0])) <= 11:
        return _whole(LIKELY, text, found)
    return None


def _whole(score: int, text: str, found: re.Match[str]) -> tuple[int, int, int] | None:
    """Only what does not go on: 0800 123 4567-89-X is no telephone number."""
    rest = text[found.end() : found.end() + 2]
    if rest[:1].isalnum() or rest[:1] == "_" or (rest[:1] in "-./" and rest[1:2].isdigit()):
        return None
    return score, found.start(), found.end()


def _plausible(number: str) -> bool:
    """Area codes begin with 2 to 9; a number of which all is one digit stands for any."""
    if number.startswith("("):
        return len(set(number)) > _TWO_DIGITS  # written as nothing else is
    digits = [each for each in re.split(r"x|e", number, maxsplit=1, flags=re.IGNORECASE)[0] if each.isdigit()]
    return digits[-10] not in "01" and len(set(digits[-10:])) > 2


_TWO_DIGITS: Final = 6
"""Characters of `(000) 000-0001`: two digits, brackets, a blank and a hyphen."""


def _possible(number: str) -> bool:
    """Whether an international number has a country's code and a length that E.164 allows. Asking
    phonenumbers for more takes 80 µs for each, too long for a list of a thousand."""
    digits = "".join(filter(str.isdigit, number))
    if digits[:1] == "1":
        return len(digits) == _NANP_DIGITS
    known = any(int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE for length in (2, 3))
    return known and _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS


_NANP_DIGITS: Final = 11
_LEAST_DIGITS: Final = 9
_MOST_DIGITS: Final = 15
"""With the country's code (ITU-T E.164); the shortest in use have nine."""
