"""Striking our credential out of what a provider says, however the provider wrote it."""

from __future__ import annotations

import base64
import re
from typing import Final

MASK: Final = b"[masked]"

_UNAMBIGUOUS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~+/=:!$'()*,;@"
)
"""Characters whose plain and escaped forms never begin alike, so that matching stays linear."""

_SHORTEST_BASE64: Final = 8
"""Base64 fragments shorter than this say too little and would strike out innocent text."""


class KeyMask:
    """Replaces every form of one key by `[masked]`.

    Forms: as it is (in any case, UTF-8 or UTF-16); each character on its own plain, JSON-escaped
    (`\\u0073`, `\\/`), URL-quoted (`%73`) or both; Base64 (both alphabets) at each of the three
    alignments it can have inside something longer, such as Basic credentials. Linear in the text.
    """

    __slots__ = ("_pattern", "min_length")

    def __init__(self, key: str) -> None:
        forms = [
            re.escape(key.encode()),
            re.escape(key.encode("utf-16-le")),
            re.escape(key.encode("utf-16-be")),
        ]
        forms.append(b"".join(_any_form(char) for char in key))
        fragments = {fragment for shift in range(3) for fragment in _base64_forms(key.encode(), shift)}
        forms.extend(re.escape(fragment) for fragment in sorted(fragments, key=len, reverse=True))
        self._pattern = re.compile(b"|".join(forms), re.IGNORECASE)
        self.min_length = min([len(key), *map(len, fragments)])
        """No form is shorter: what is shorter need not be searched."""

    def strike(self, data: bytes) -> bytes:
        """`data` without the key."""
        return self._pattern.sub(MASK, data)

    def strike_text(self, text: str) -> str:
        """`text` (ASCII) without the key."""
        if len(text) < self.min_length:
            return text
        return self.strike(text.encode("ascii")).decode("ascii")


def _any_form(char: str) -> bytes:
    """A pattern for one ASCII character, plain or escaped."""
    code = f"{ord(char):02x}".encode()
    # Bounded repeats: three deep in other JSON or URLs, and no quadratic walk over a million backslashes.
    forms = [rb"\\{1,8}u00" + code, b"%(?:25){0,3}" + code]
    if char in _UNAMBIGUOUS:
        forms.append(re.escape(char.encode()))
    if char == "/":
        forms.append(rb"\\{1,8}/")
    elif char in '"\\':
        forms.append(rb"\\" + re.escape(char.encode()))
    return b"(?:" + b"|".join(forms) + b")"


def _base64_forms(key: bytes, shift: int) -> set[bytes]:
    """What Base64 makes of a key that stands `shift` bytes after a group's start, unsure ends cut off."""
    encoded = base64.b64encode(b"\0" * shift + key)
    first = (0, 2, 3)[shift]
    last = (shift + len(key)) * 8 // 6  # characters that depend on the key alone
    core = encoded[first:last]
    if len(core) < _SHORTEST_BASE64:
        return set()
    return {core, core.replace(b"+", b"-").replace(b"/", b"_")}
