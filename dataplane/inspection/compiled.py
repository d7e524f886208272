"""Where compiled patterns are kept between processes: to compile the shipped ones takes 6 to 15 seconds of a
processor, to read them some milliseconds.

A kept database that does not fit (another version, another processor) is compiled anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dataplane.kept_files import KeptFiles

MOST: Final = 64
"""Databases kept: the shipped detectors take seven, of 13 MB together, and a site's own patterns one or two
where they are many. The one used longest ago goes first."""

_places: Final[list[KeptFiles]] = []


def keep_in(directory: Path | None) -> None:
    """From now on this process keeps databases in a directory, which is made when there is one to keep; None:
    it keeps none."""
    _places[:] = [] if directory is None else [KeptFiles(directory, suffix=".patterns", most=MOST)]


def read(name: str) -> bytes | None:
    """The database of a name, None where none is kept that may be used."""
    return next((found for place in _places if (found := place.read(name)) is not None), None)


def keep(name: str, content: bytes) -> None:
    """Keep a database, as far as the system lets us: without it the next process takes longer."""
    for place in _places:
        place.keep(name, content)
