"""Build what a channel pins again, from source at the pinned commit: it must be the pinned content.

Whoever runs this needs no trust in who built it first. The working tree does not count: files are read
from git as the commit holds them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath

from dataplane.bundle.build import build
from dataplane.bundle.check import write_files
from dataplane.bundle.errors import CheckFailed, PinRefused
from dataplane.bundle.git import Repository
from dataplane.bundle.model import Bundle
from dataplane.bundle.pins import Channel, Pin
from dataplane.bundle.problem import Problem


async def build_at(
    repository: Repository,
    folder: PurePosixPath,
    *,
    commit: str,
    seq: int,
    channel: str,
    opa: Path,
    capabilities: Path,
) -> Bundle:
    """The unsigned bundle of a policy directory as a commit holds it.

    `folder` is seen from the top of the repository. Raises `CheckFailed` (files named as in the commit),
    `PinRefused` or `ToolFailed`.
    """
    found = await repository.files(commit, folder)
    with tempfile.TemporaryDirectory(prefix="regogate-rebuild-") as place:
        policies = Path(place) / "policies"
        write_files(policies, found)
        try:
            return await build(policies, opa, capabilities, seq=seq, channel=channel, commit=commit)
        except CheckFailed as error:
            shown = f"{commit[:12]}:{folder}"
            raise CheckFailed([_renamed(one, str(policies), shown) for one in error.problems]) from None


async def rebuild(
    repository: Repository, channel: Channel, opa: Path, capabilities: Path
) -> tuple[Pin, Bundle]:
    """What the channel pins, built again. Raises `PinRefused` unless it is that, byte for byte."""
    pin = channel.pin
    if pin is None:
        raise PinRefused(
            f"{channel.name} pins nothing yet: run 'regogate bundle pin {channel.name}' or promote to it"
        )
    bundle = await build_at(
        repository,
        source_in(repository, channel),
        commit=await repository.resolve(pin.commit),
        seq=pin.seq,
        channel=channel.name,
        opa=opa,
        capabilities=capabilities,
    )
    if bundle.digest != pin.digest:
        raise PinRefused(
            f"{channel.name} pins the digest {pin.digest}, but {channel.source} at {pin.commit[:12]} gives "
            f"{bundle.digest}: do not publish; find out who wrote the pin, then pin or promote again"
        )
    return pin, bundle


def source_in(repository: Repository, channel: Channel) -> PurePosixPath:
    """The policy directory of a channel, seen from the top of the repository."""
    base = channel.path.resolve().parents[2]
    return PurePosixPath(base.relative_to(repository.root.resolve()).as_posix()) / channel.source


def _renamed(problem: Problem, place: str, shown: str) -> Problem:
    return Problem(
        file=problem.file.replace(place, shown),
        line=problem.line,
        column=problem.column,
        message=problem.message.replace(place, shown),
        code=problem.code,
    )
