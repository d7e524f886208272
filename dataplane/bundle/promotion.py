"""Promotion and rollback: which pin a channel gets next, and the commit that gives it.

Nothing here talks to a server. A change is one file and one commit; merged, it is in force for whoever
builds and publishes from the branch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dataplane.bundle import published
from dataplane.bundle.errors import PinRefused
from dataplane.bundle.git import Repository, Version
from dataplane.bundle.model import MAX_SEQ
from dataplane.bundle.pins import Channel, Pin, pin_of, read_channel, with_pin
from dataplane.bundle.rebuild import build_at, source_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A pin that a channel is to get. Where `before` has the same content there is nothing to do."""

    channel: Channel
    before: Pin | None
    pin: Pin
    message: str

    @property
    def needed(self) -> bool:
        """Whether the channel gets another pin."""
        return self.before != self.pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A pin that a channel had, and the commit that gave it."""

    pin: Pin
    version: Version


async def history(repository: Repository, channel: Channel) -> list[Pinned]:
    """Every pin in the commits of a channel's file, newest first, each once.

    Versions that this program cannot read are left out. Raises `PinRefused`.
    """
    found: list[Pinned] = []
    for version in await repository.versions(channel.path):
        pin = pin_of(version.text, channel.name)
        if pin is None:
            continue
        if found and found[-1].pin == pin:  # an older commit gave it
            found.pop()
        found.append(Pinned(pin=pin, version=version))
    return found


async def pin_commit(
    repository: Repository,
    channel: Channel,
    name: str,
    *,
    author: str,
    opa: Path,
    capabilities: Path,
    seq: int | None = None,
) -> Change:
    """Pin the policies as a commit holds them, after checking and building them.

    Raises `PinRefused`, `CheckFailed`, `ToolFailed`.
    """
    if channel.after is not None:
        raise PinRefused(
            f"{channel.name} comes after {channel.after}: run "
            f"'regogate bundle promote {channel.after} {channel.name}'"
        )
    commit = await repository.resolve(name)
    number = await _next_seq(repository, channel, seq)
    bundle = await build_at(
        repository,
        source_in(repository, channel),
        commit=commit,
        seq=number,
        channel=channel.name,
        opa=opa,
        capabilities=capabilities,
    )
    pin = Pin(channel=channel.name, seq=number, digest=bundle.digest, commit=commit, author=author)
    return _change(channel, pin, seq, f"Pin {channel.name} to {pin.revision}\n\nBuilt from {commit}.\n")


async def promote(
    repository: Repository, source: Channel, target: Channel, *, author: str, seq: int | None = None
) -> Change:
    """What one channel pins, for another, under its next sequence. Raises `PinRefused`."""
    if source.name == target.name:
        raise PinRefused(f"{source.name} cannot be promoted to itself")
    if target.after not in (None, source.name):
        raise PinRefused(
            f"{target.name} comes after {target.after}, not {source.name}: promote {source.name} to "
            f"{target.after} first, or change 'after' in {target.path}"
        )
    if source.source != target.source:
        raise PinRefused(
            f"{source.name} is built from {source.source}, {target.name} from {target.source}: the same "
            "content cannot be built for both; make 'source' alike"
        )
    if source.pin is None:
        raise PinRefused(f"{source.name} pins nothing yet: run 'regogate bundle pin {source.name}'")
    number = await _next_seq(repository, target, seq)
    pin = replace(source.pin, channel=target.name, seq=number, author=author)
    text = (
        f"Promote {source.name} {source.pin.revision} to {target.name} as {pin.revision}\n\n"
        f"Built from {pin.commit}.\n"
    )
    return _change(target, pin, seq, text)


async def roll_back(
    repository: Repository, channel: Channel, to: str | None, *, author: str, seq: int | None = None
) -> Change:
    """Content that the channel pinned before, under its next sequence.

    `to` is a revision of its history. None is the newest content before the present content was pinned
    for the first time: a second rollback goes further back, never forth to what the first one left.
    Raises `PinRefused`.
    """
    now = channel.pin
    if now is None:
        raise PinRefused(f"{channel.name} pins nothing yet, so there is nothing to go back from")
    earlier = [one.pin for one in await history(repository, channel)]
    if to is None:
        first = min((pin.seq for pin in earlier if pin.digest == now.digest), default=now.seq)
        old = max((pin for pin in earlier if pin.seq < first), key=lambda pin: pin.seq, default=None)
    else:
        old = next((pin for pin in earlier if pin.revision == to), None)
    if old is None:
        shallow = "; its history is shallow: run 'git fetch --unshallow'" * await repository.shallow()
        what = "no earlier content" if to is None else f"no revision {to[:80]}"
        raise PinRefused(
            f"the history of {channel.name} has {what}: see 'regogate bundle history {channel.name}'{shallow}"
        )
    number = await _next_seq(repository, channel, seq)
    pin = replace(old, seq=number, author=author)
    text = (
        f"Roll {channel.name} back to the content of {old.revision}, as {pin.revision}\n\n"
        f"It was at {now.revision}. Built from {pin.commit}.\n"
    )
    return _change(channel, pin, seq, text)


async def apply(repository: Repository, change: Change, *, commit: bool) -> str | None:
    """Write the channel's file and commit it, or leave it staged; the commit's object name.

    All or nothing: where git refuses, the file and the index are as before. Raises `PinRefused`, also
    where the file has changes that no commit has yet.
    """
    path = change.channel.path
    if await repository.changed(path):
        raise PinRefused(f"{path} has changes that are not committed: commit them or put it back first")
    if read_channel(path.parents[1], change.channel.name).text != change.channel.text:
        raise PinRefused(f"{path} was changed meanwhile: run this again")
    published.replace(path, with_pin(change.channel, change.pin))
    keeping = Keeping(paths=[path], before={path: change.channel.text}, message=change.message)
    return await keep(repository, keeping, author=change.pin.author if commit else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Files that were written, what they held `before` (no entry: they were not there), and why."""

    paths: list[Path]
    before: dict[Path, bytes]
    message: str


async def keep(repository: Repository, files: Keeping, *, author: str | None) -> str | None:
    """Stage the files and commit them by `author` (None: leave them staged); the commit's object name.

    Where that fails, or is stopped, they are put back. Raises `PinRefused`.
    """
    done = False
    try:
        await repository.stage(files.paths)
        name = None if author is None else await repository.commit(files.paths, files.message, author)
        done = True
        return name
    finally:
        if not done:
            for path in files.paths:
                if path in files.before:
                    published.replace(path, files.before[path])
                else:
                    path.unlink(missing_ok=True)
            await repository.unstage(files.paths)


def _change(channel: Channel, pin: Pin, wanted: int | None, message: str) -> Change:
    now = channel.pin
    if now is not None and now.digest == pin.digest and wanted is None:
        pin = now  # the same content under a new sequence would be of no use to anybody
    return Change(channel=channel, before=now, pin=pin, message=message)


async def _next_seq(repository: Repository, channel: Channel, wanted: int | None) -> int:
    """Above every sequence that the channel ever pinned, also where a pin was reverted."""
    pins = [one.pin.seq for one in await history(repository, channel)]
    highest = max([0, *pins, *([channel.pin.seq] if channel.pin else [])])
    if wanted is not None and wanted <= highest:
        raise PinRefused(
            f"sequence {wanted} is not above {highest}, which {channel.name} had: leave --seq out"
        )
    number = wanted if wanted is not None else highest + 1
    if number > MAX_SEQ:
        raise PinRefused(f"{channel.name} has no sequence left above {highest}")
    return number
