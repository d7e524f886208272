"""One snapshot of a policy directory, so that what is checked is what is built.

Everything is read once into memory: an editor that saves between the check and the build cannot slip an
unchecked file into a bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.problem import Problem

MAX_FILES: Final = 5_000
"""Files of one policy directory: some 100 times the shipped tree."""

MAX_FILE_BYTES: Final = 16 * 2**20
"""One file: a table of 100,000 clients takes about 10 MB."""

MAX_REGO_BYTES: Final = 2**20
"""One Rego file: 2,000 rules with their METADATA. OPA and Regal take minutes for 10 MB."""

_FILES: Final = (".rego", ".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The text of a policy directory: three maps from a path relative to their folder to its bytes.

    `rego` is `rego/**/*.rego` with the tests, `tables` is `data/**` and `schemas` is
    `schemas/**/*.json`. Hidden files and folders are left out.
    """

    root: Path
    rego: Mapping[PurePosixPath, bytes]
    tables: Mapping[PurePosixPath, bytes]
    schemas: Mapping[PurePosixPath, bytes]

    def path(self, folder: str, relative: PurePosixPath) -> str:
        """The name of a file for messages, as the person would open it."""
        return str(self.root / folder / relative)


def read_source(policies: Path) -> Source:
    """Read the directory. Raises `CheckFailed` where it is missing, unreadable or beyond the limits."""
    if not (policies / "rego").is_dir():
        raise CheckFailed([_problem(policies, "not a policy directory: it has no folder rego/")])
    return Source(
        root=policies,
        rego=_read(policies / "rego", (".rego",)),
        tables=_read(policies / "data", None),
        schemas=_read(policies / "schemas", (".json",)),
    )


def _read(folder: Path, suffixes: tuple[str, ...] | None) -> dict[PurePosixPath, bytes]:
    found: dict[PurePosixPath, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or (suffixes is not None and path.suffix not in suffixes) or _is_folder(path):
            continue
        if not path.is_file():
            gone = path.is_symlink() and not path.exists()
            raise CheckFailed([_problem(path, "a link to what is not there" if gone else "not a plain file")])
        if len(found) == MAX_FILES:
            raise CheckFailed([_problem(folder, f"more than {MAX_FILES} files")])
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise CheckFailed([_problem(path, f"cannot be read: {error.strerror}")]) from error
        if path.suffix == ".rego" and len(data) > MAX_REGO_BYTES:
            message = f"larger than {MAX_REGO_BYTES} bytes; what there is much of goes to a table"
            raise CheckFailed([_problem(path, message)])
        if len(data) > MAX_FILE_BYTES:
            raise CheckFailed([_problem(path, f"larger than {MAX_FILE_BYTES} bytes")])
        found[relative] = data
    return found


def _is_folder(path: Path) -> bool:
    """A folder of files. One that is named as a file is somebody's mistake, not a folder."""
    return path.is_dir() and path.suffix not in _FILES


def _problem(path: Path, message: str) -> Problem:
    return Problem(file=str(path), line=0, column=0, message=message, code="source")
