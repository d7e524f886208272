"""A policy repository of one's own: the shipped rules and tables, an example of one's own, channels, CI."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Final

from dataplane.errors import RegoGateError

TEMPLATES: Final[Mapping[str, str]] = {
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "requirements.txt": "requirements.txt",
    "ci/github.yml": ".github/workflows/policy.yml",
    "ci/gitlab.yml": ".gitlab-ci.yml",
    "ci/replay.sh": "ci/replay.sh",
    "ci/release.sh": "ci/release.sh",
    "channels/dev.yaml": "bundles/channels/dev.yaml",
    "channels/staging.yaml": "bundles/channels/staging.yaml",
    "channels/prod.yaml": "bundles/channels/prod.yaml",
    "site/example.rego": "policies/rego/regogate/site/example.rego",
    "site/example_test.rego": "policies/rego/regogate/site/example_test.rego",
    "site/example.yaml": "policies/data/site/example.yaml",
    "site/example.schema.json": "policies/schemas/tables/site/example.schema.json",
    "site/cases.yaml": "policies/cases/example.yaml",
}
"""Each template and where it goes."""

COPIED: Final = ("rego", "data", "schemas", "cases", "budget.yaml")
"""What is taken of the shipped policies as it is."""

_VERSION: Final = "@VERSION@"
_MINE: Final = frozenset({".git"})
"""What may be in the folder already: a repository made first."""


class InitRefused(RegoGateError):
    """The folder cannot become a policy repository; nothing in it was changed."""


def repository_files(policies: Path, regal: Path, version: str) -> dict[PurePosixPath, bytes]:
    """Every file of a new repository.

    `policies` are the shipped ones, `regal` the folder with Regal's configuration, `version` this program's.
    """
    made = {PurePosixPath("policies", path): data for path, data in _shipped(policies)}
    made[PurePosixPath(".regal/config.yaml")] = (regal / "config.yaml").read_bytes()
    templates = files("dataplane.authoring") / "templates"
    for name, place in TEMPLATES.items():
        made[PurePosixPath(place)] = _template(templates, name).replace(_VERSION.encode(), version.encode())
    return made


def create(directory: Path, made: Mapping[PurePosixPath, bytes]) -> None:
    """Write the files into a folder that is empty or not there yet; all or none.

    Raises `InitRefused` for a folder that has anything but `.git`, or cannot be written.
    """
    try:
        taken = sorted(path.name for path in directory.iterdir() if path.name not in _MINE)
    except FileNotFoundError:
        taken = []
    except OSError as error:
        raise InitRefused(f"{directory}: {error.strerror}") from None
    if taken:
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        raise InitRefused(
            f"{directory} is not empty (it has {taken[0]}{more}); give a new or an empty folder"
        )
    existed = directory.exists()
    try:
        for path, data in sorted(made.items()):
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            if path.suffix == ".sh":
                target.chmod(0o755)
    except BaseException as error:
        _undo(directory, made, existed=existed)
        if isinstance(error, OSError):
            raise InitRefused(f"{directory} cannot be written: {error.strerror}") from None
        raise


def _undo(directory: Path, made: Mapping[PurePosixPath, bytes], *, existed: bool) -> None:
    for name in {path.parts[0] for path in made}:
        place = directory / name
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)
    if not existed:
        shutil.rmtree(directory, ignore_errors=True)


def _shipped(policies: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    for name in COPIED:
        place = policies / name
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in found:
            relative = path.relative_to(policies)
            if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                yield PurePosixPath(relative.as_posix()), path.read_bytes()


def _template(templates: Traversable, name: str) -> bytes:
    for part in name.split("/"):
        templates = templates / part
    return templates.read_bytes()
