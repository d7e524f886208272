"""A credential that can be used but not seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NoReturn

_MAX_AGE_S: Final = 1.0
"""A callable may read a file, which thousands of calls a second need not do."""


class Secret:
    """Holds a secret text, or a callable that gives its current value; shows neither.

    A callable is asked at most once in `max_age_s` seconds, on the event loop, so it must be quick (a
    small local file is). What it raises, `reveal` raises, and asks again the next time. A secret cannot
    be pickled, so it cannot leave the process inside something else.
    """

    __slots__ = ("_asked", "_max_age_s", "_source", "_value")

    def __init__(self, source: str | Callable[[], str], *, max_age_s: float = _MAX_AGE_S) -> None:
        self._source = source
        self._max_age_s = max_age_s
        self._asked = float("-inf")
        self._value = ""

    def reveal(self) -> str:
        """The value, at most `max_age_s` old."""
        if isinstance(self._source, str):
            return self._source
        now = time.monotonic()
        if now - self._asked >= self._max_age_s:
            self._value = self._source()
            self._asked = now
        return self._value

    def __repr__(self) -> str:
        return "Secret([redacted])"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
