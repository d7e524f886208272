"""Payment cards: brand, length and Luhn's check digit."""

from __future__ import annotations

from typing import Final

_BRANDS: Final[tuple[tuple[int, int, frozenset[int]], ...]] = (
    # first four digits from, to, lengths: the ranges that issuers' networks publish (ISO/IEC 7812 registry)
    (2221, 2720, frozenset((16,))),  # Mastercard
    (3000, 3059, frozenset((14, 16))),  # Diners Club
    (3095, 3095, frozenset((14, 16))),
    (3400, 3499, frozenset((15,))),  # American Express
    (3528, 3589, frozenset((16, 17, 18, 19))),  # JCB
    (3600, 3699, frozenset((14, 16))),
    (3700, 3799, frozenset((15,))),
    (3800, 3999, frozenset((14, 16))),
    (4000, 4999, frozenset((13, 16, 19))),  # Visa
    (5100, 5599, frozenset((16,))),  # Mastercard
    (6011, 6011, frozenset((16, 19))),  # Discover
    (6200, 6299, frozenset((16, 17, 18, 19))),  # UnionPay
    (6440, 6599, frozenset((16, 19))),
    (2200, 2204, frozenset((16, 17, 18, 19))),  # Mir
)
_BARE: Final = (
    *((3400, 3499), (3700, 3799), (4000, 4999), (5100, 5599), (6011, 6011), (6500, 6599)),
    *((3000, 3059), (3600, 3699), (3800, 3899)),
)
"""Of digits without groups and without words that say card, only the commonest brands are one: a tenth of all
numbers pass Luhn's check."""
_LONG: Final = 16
_FEW: Final = 4
"""Sixteen bare digits are the usual length of other numbers too, and one in sixty of those is of a brand and
passes: unless words say card, or no more than four different digits are in it, as in numbers for tests."""
_COMMON_LENGTHS: Final = frozenset((14, 15, 16))
"""Numbers of other lengths are more often something else: they need words that say card."""

_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = sum(map(int, digits[-1::-2])) + sum(_DOUBLED[int(each)] for each in digits[-2::-2])
    return total % 10 == 0


def tells(digits: str) -> bool:
    """Whether bare digits that `is_card` accepts are a card's, where nothing around says so."""
    return len(digits) != _LONG or len(set(digits)) <= _FEW


def is_card(digits: str, *, said: bool, grouped: bool) -> bool:
    """Whether 12 to 19 digits are a card's, given whether the words around say so (then of any brand: store
    cards, Maestro and JCB's first cards have many prefixes) and whether they were written in groups."""
    length, first = len(digits), int(digits[:4])
    if not said and length not in _COMMON_LENGTHS:
        return False
    if not said and not grouped and not any(low <= first <= high for low, high in _BARE):
        return False
    known = said or any(low <= first <= high and length in lengths for low, high, lengths in _BRANDS)
    return known and len(set(digits)) > 1 and luhn(digits)
