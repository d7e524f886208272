"""Channel files: which revision a channel pins, and who must approve it.

`BUNDLES/channels/<channel>.yaml` lies in git; a pull request that changes it is the promotion. It is read
as strictly as a table (`strictyaml`) and must fit `channel.schema.json`. Only its block `pin` is written
by this program: comments and everything else stay as a person wrote them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, Final

from jsonschema import Draft202012Validator

from dataplane.bundle.errors import CheckFailed, KeyRefused, PinRefused
from dataplane.bundle.keys import derived_keyid, load_public_key, public_key
from dataplane.bundle.model import Manifest, is_channel
from dataplane.bundle.problem import Problem
from dataplane.bundle.strictyaml import Document, parse
from dataplane.bundle.tables import explain

MAX_CHANNEL_FILE_BYTES: Final = 256 * 1024
"""A thousand approvers take about 100 kB."""

SOURCE: Final = "policies"
"""The policy directory of a channel that names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What a channel is to run: `digest` is the content digest (64 hex), `commit` where it is built from.

    `author` (`NAME <EMAIL>`) is who put it there, and so cannot approve it.
    """

    channel: str
    seq: int
    digest: str
    commit: str
    author: str

    @property
    def revision(self) -> str:
        """The revision of a bundle that is this pin."""
        return Manifest(seq=self.seq, commit=self.commit, digest=self.digest, channel=self.channel).revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver:
    """A person who may approve, by one key. Somebody with two keys is listed twice under one name."""

    name: str
    email: str | None
    keyid: str
    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel's file as it is now; `pin` is None before the first promotion.

    `source` is the policy directory seen from the folder that holds `BUNDLES`, `after` the one channel
    that may be promoted here (None: any), `approvals` how many people must approve.
    """

    name: str
    path: Path
    source: PurePosixPath
    after: str | None
    approvals: int
    approvers: tuple[Approver, ...]
    pin: Pin | None
    text: bytes = field(repr=False)


def channel_path(bundles: Path, channel: str) -> Path:
    """Where a channel's file lies. Raises `PinRefused` for what is no channel's name."""
    if not is_channel(channel):
        raise PinRefused(f"{channel[:80]!r} is not a channel: use a-z, 0-9 and inner hyphens")
    return bundles / "channels" / f"{channel}.yaml"


def channels(bundles: Path) -> tuple[str, ...]:
    """The channels that have a file, those that others come `after` first, else by name."""
    names = sorted(path.stem for path in (bundles / "channels").glob("*.yaml") if is_channel(path.stem))
    after = {name: _after(bundles, name) for name in names}

    def depth(name: str) -> int:
        seen: list[str] = []
        while (before := after.get(name)) is not None and before not in seen:
            seen.append(before)
            name = before
        return len(seen)

    return tuple(sorted(names, key=lambda name: (depth(name), name)))


def read_channel(bundles: Path, channel: str) -> Channel:
    """A channel's file. Raises `PinRefused` where there is none, `CheckFailed` with file and line."""
    path = channel_path(bundles, channel)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CHANNEL_FILE_BYTES + 1)
    except FileNotFoundError:
        known = ", ".join(channels(bundles)) or "none"
        raise PinRefused(
            f"{path}: there is no channel {channel} (there are: {known}); "
            f"to make it, write this file with the line 'channel: {channel}'"
        ) from None
    except OSError as error:
        raise PinRefused(f"{path} cannot be read: {error.strerror}") from None
    return _channel(text, path, bundles, channel)


def pin_of(text: bytes, channel: str) -> Pin | None:
    """The pin in an older version of a channel's file; None where it has none or cannot be read."""
    document = parse(text[:MAX_CHANNEL_FILE_BYTES], channel)
    if document.problems or any(_validator().iter_errors(document.value)):
        return None
    return _pin(document.value, channel)


def with_pin(channel: Channel, pin: Pin) -> bytes:
    """The channel's file with another pin; every other line stays.

    Raises `PinRefused` where its form does not allow that (`{channel: x}` on one line).
    """
    place = parse(channel.text, str(channel.path)).where
    lines = channel.text.decode("utf-8").splitlines(keepends=True)
    tops = sorted(line for path, (line, _) in place.items() if len(path) == 1)
    block = _block(pin)
    if ("pin",) not in place:
        ending = "" if not lines or lines[-1].endswith("\n") else "\n"
        return _still(channel, ("".join(lines) + ending + block).encode(), pin)
    start = place[("pin",)][0] - 1
    end = next((line - 1 for line in tops if line - 1 > start), len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1  # what stands before the next key belongs to that
    return _still(channel, "".join([*lines[:start], block, *lines[end:]]).encode(), pin)


def _still(channel: Channel, text: bytes, pin: Pin) -> bytes:
    """The text, once it is shown to say what it said before, and the pin."""
    before = parse(channel.text, str(channel.path)).value
    after = parse(text, str(channel.path))
    rest = {name: value for name, value in after.value.items() if name != "pin"}
    if after.problems or rest != {name: value for name, value in before.items() if name != "pin"}:
        raise PinRefused(f"{channel.path}: write one key a line, so that 'pin' can be replaced")
    if pin_of(text, channel.name) != pin:
        raise PinRefused(f"{channel.path}: the pin {pin.revision} cannot be written (author {pin.author!r})")
    return text


def _block(pin: Pin) -> str:
    # in quotes: a digest of digits alone would be a number
    fields: dict[str, str | int] = {
        "revision": pin.revision,
        "seq": pin.seq,
        "digest": pin.digest,
        "commit": pin.commit,
        "author": pin.author,
    }
    rows = [f"  {name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in fields.items()]
    return "".join(["pin:\n", *rows])


def _channel(text: bytes, path: Path, bundles: Path, channel: str) -> Channel:
    if len(text) > MAX_CHANNEL_FILE_BYTES:
        raise PinRefused(f"{path} is larger than {MAX_CHANNEL_FILE_BYTES} bytes")
    document = parse(text, str(path))
    problems = list(document.problems)
    if not problems:
        for error in _validator().iter_errors(document.value):
            problems.extend(explain(error, str(path), document))
    if not problems:
        problems.extend(_wrong(document, path, channel))
    if problems:
        raise CheckFailed(problems)
    value: dict[str, Any] = document.value
    approvers, problems = _approvers(document, path, bundles)
    if problems:
        raise CheckFailed(problems)
    return Channel(
        name=channel,
        path=path,
        source=PurePosixPath(value.get("source", SOURCE)),
        after=value.get("after"),
        approvals=value.get("approvals", 0),
        approvers=approvers,
        pin=_pin(value, channel),
        text=text,
    )


def _pin(value: dict[str, Any], channel: str) -> Pin | None:
    found = value.get("pin")
    if found is None:
        return None
    names = ("seq", "digest", "commit", "author")
    return Pin(channel=channel, **{name: found[name] for name in names})


def _wrong(document: Document, path: Path, channel: str) -> Iterator[Problem]:
    """What no schema says."""
    value: dict[str, Any] = document.value
    if value["channel"] != channel:
        yield _problem(document, path, ("channel",), f"this file is of the channel {channel}: rename it")
    if value.get("after") == channel:
        yield _problem(document, path, ("after",), "a channel cannot come after itself")
    people = {_person(one["name"]) for one in value.get("approvers", [])}
    if value.get("approvals", 0) > len(people):
        message = f"{value['approvals']} approvals, but {len(people)} people are listed as approvers"
        yield _problem(document, path, ("approvals",), message)
    pin = _pin(value, channel)
    if pin is not None and pin.revision != value["pin"]["revision"]:
        message = f"it does not fit seq, commit and digest, which give {pin.revision}"
        yield _problem(document, path, ("pin", "revision"), message)


def _approvers(document: Document, path: Path, bundles: Path) -> tuple[tuple[Approver, ...], list[Problem]]:
    found: list[Approver] = []
    problems: list[Problem] = []
    rows: Any = document.value.get("approvers", [])
    for position, row in enumerate(rows):
        place = ("approvers", position)
        try:
            _, pem = load_public_key(bundles / row["key"])
        except KeyRefused as error:
            problems.append(_problem(document, path, (*place, "key"), str(error)))
            continue
        keyid = derived_keyid(public_key(pem))
        other = next((one for one in found if one.keyid == keyid), None)
        if other is not None:
            problems.append(_problem(document, path, (*place, "key"), f"{other.name} has this key already"))
            continue
        found.append(Approver(name=row["name"], email=row.get("email"), keyid=keyid, pem=pem))
    return tuple(found), problems


def same_person(author: str, approver: Approver) -> bool:
    """Whether an author `NAME <EMAIL>` is an approver: the same name or the same address, in any case."""
    name, _, email = author.removesuffix(">").rpartition(" <")
    address = (approver.email or "").casefold()
    return _person(name) == _person(approver.name) or (bool(address) and email.casefold() == address)


def _person(name: str) -> str:
    return " ".join(name.casefold().split())


def person(approver: Approver) -> str:
    """Who this is, whatever the key: approvals are counted by it."""
    return _person(approver.name)


def _problem(document: Document, path: Path, place: tuple[str | int, ...], message: str) -> Problem:
    line, column = document.where.get(place, (0, 0))
    name = ".".join(str(step) for step in place)
    return Problem(file=str(path), line=line, column=column, message=f"{name}: {message}", code="channel")


def _after(bundles: Path, channel: str) -> str | None:
    try:
        text = channel_path(bundles, channel).read_bytes()[:MAX_CHANNEL_FILE_BYTES]
    except OSError:
        return None
    found = parse(text, channel).value.get("after")
    return found if isinstance(found, str) else None


@cache
def _validator() -> Draft202012Validator:
    text = files("dataplane.bundle").joinpath("channel.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))
