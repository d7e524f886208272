"""What an unchanged policy directory was built to, kept between runs of `regogate dev`: to check and build
the shipped one takes a second and a half of a processor.

The name of what is kept is a digest of everything that checking and building reads: each file of the
directory, the capabilities, what is laid over the tables, the OPA binary, every module of this program,
Python, and the libraries that judge tables. One of them changed, and it is checked and built anew. Only what
passed every check is kept, unsigned: it is signed with the key of whoever publishes it, after its form and
its digest were judged like those of any bundle.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import BundleRefused
from dataplane.bundle.model import Bundle, of_manifest, open_archive, read_manifest
from dataplane.bundle.source import Source
from dataplane.kept_files import KeptFiles, name_of

MOST: Final = 32
"""Bundles kept; the shipped policy takes about 40 kB."""

_LIBRARIES: Final = ("google-re2", "hyperscan", "jsonschema", "pyyaml", "referencing")
"""What tables are read and judged by, beside this program's own modules."""

_PACKAGE: Final = Path(__file__).resolve().parent.parent


class KeptBuilds:
    """Unsigned bundles in a directory of the user's own (`kept_files`). `overlay` tells what is laid over the
    tables from anything else that could be: the function alone does not say."""

    def __init__(self, directory: Path, *, overlay: str) -> None:
        self._files = KeptFiles(directory, suffix=".bundle", most=MOST)
        self._overlay = overlay.encode()

    def name(self, source: Source, opa: Path, capabilities: Path) -> str:
        """The name of what these are built to. Reads files: not on a loop that serves. Raises `OSError`."""
        return name_of(
            _program(),
            self._overlay,
            _identity(opa),
            capabilities.read_bytes(),
            *_parts(source),
        )

    def read(self, name: str) -> Bundle | None:
        """The bundle of a name, None where none is kept that may be used."""
        content = self._files.read(name)
        if content is None or len(content) > MAX_BUNDLE_BYTES:
            return None
        try:
            return of_manifest(read_manifest(open_archive(content)), content, None)
        except BundleRefused:
            return None

    def keep(self, name: str, bundle: Bundle) -> None:
        """Keep what was checked and built, as far as the system lets us."""
        self._files.keep(name, bundle.content)


def _parts(source: Source) -> Iterator[bytes]:
    for folder, files in (("rego", source.rego), ("data", source.tables), ("schemas", source.schemas)):
        yield f"{folder} {len(files)}".encode()
        for path, data in sorted(files.items()):
            yield str(path).encode()
            yield data


def _identity(binary: Path) -> bytes:
    """Of a file too large to be read at every start: nobody can set the time of its last change (`ctime`)."""
    found = os.stat(binary)
    return repr(
        (
            str(binary),
            found.st_dev,
            found.st_ino,
            found.st_size,
            found.st_mtime_ns,
            found.st_ctime_ns,
        )
    ).encode()


@cache
def _program() -> bytes:
    """A digest of this program and what judges by its side."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(_PACKAGE)} {len(data)}\n".encode() + data)
    for name in _LIBRARIES:
        try:
            known = version(name)
        except PackageNotFoundError:  # no wheel for this machine
            known = "none"
        digest.update(f"{name} {known}\n".encode())
    return digest.digest()
