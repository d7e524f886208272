"""A credential that can be used but not seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


class Secret:
    """Holds a secret text, or a callable that gives its current value; shows neither.

    A callable is asked on every use, on the event loop: it must not block, so one that reads a file
    caches. What it raises, `reveal` raises. A secret cannot be pickled, so it cannot leave the process
    inside something else.
    """

    __slots__ = ("_source",)

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source

    def reveal(self) -> str:
        """The value now."""
        return self._source if isinstance(self._source, str) else self._source()

    def __repr__(self) -> str:
        return "Secret([redacted])"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
