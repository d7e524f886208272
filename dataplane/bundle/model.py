"""What a bundle is: its revision, its manifest, its bytes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from dataplane.bundle.archive import MANIFEST, ArchiveRefused, Member, member, unpack
from dataplane.bundle.digests import NotStrictJSON, content_digest, strict_json
from dataplane.bundle.errors import BundleRefused

ROOT: Final = "regogate"
"""The only root. A bundle with any other may replace `system.authz` or erase what others loaded."""

SCHEMA: Final = 1
"""The decision contract this program knows. A bundle that names a later one is refused."""

REGO_VERSION: Final = 1

NO_COMMIT: Final = "0" * 40
"""The commit of a tree that git does not know."""

MAX_SEQ: Final = 2**53 - 1

_REVISION: Final = re.compile(r"([1-9][0-9]{0,15})-g([0-9a-f]{7})-([0-9a-f]{12})")
_COMMIT: Final = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})(?:-dirty)?")
_CHANNEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def is_channel(name: str) -> bool:
    """Whether a channel may be named so: 1 to 64 of a-z, 0-9 and inner hyphens (it becomes a path)."""
    return _CHANNEL.fullmatch(name) is not None


def is_commit(text: str) -> bool:
    """Whether this is a full git object name, with `-dirty` behind it where the tree differed."""
    return _COMMIT.fullmatch(text) is not None


def is_revision(text: str) -> bool:
    """Whether this has the form of a revision, `<seq>-g<commit7>-<digest12>` (it becomes a path)."""
    return _REVISION.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle says of itself; `digest` is the content digest, 64 hex digits.

    `commit` is a full object name of git, `NO_COMMIT`, or either with `-dirty`: the tree differed from
    that commit, and only the digest says how.
    """

    seq: int
    commit: str
    digest: str
    channel: str

    def __post_init__(self) -> None:
        if not 1 <= self.seq <= MAX_SEQ or not is_commit(self.commit) or not is_channel(self.channel):
            raise ValueError("seq, commit or channel is out of range")

    @property
    def revision(self) -> str:
        """`<seq>-g<commit7>-<digest12>`: what every decision and record names."""
        return f"{self.seq}-g{self.commit[:7]}-{self.digest[:12]}"

    def member(self) -> Member:
        """The `.manifest` file, byte for byte as `opa build` writes it."""
        text = json.dumps(
            {
                "revision": self.revision,
                "roots": [ROOT],
                "rego_version": REGO_VERSION,
                "metadata": {
                    "channel": self.channel,
                    "commit": self.commit,
                    "schema": SCHEMA,
                    "seq": self.seq,
                },
            },
            separators=(",", ":"),
        )
        return member(MANIFEST, f"{text}\n".encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle's bytes (`content`, gzipped tar) and what they say.

    `revision`, `seq`, `commit`, `channel` come from its manifest, `digest` (64 hex) is computed from its
    content. `keyid` is the key of its signature, None where it has none. Only `verify` gives one whose
    signature was checked.
    """

    content: bytes = field(repr=False)
    revision: str
    seq: int
    commit: str
    digest: str
    channel: str
    keyid: str | None = None


def of_manifest(manifest: Manifest, content: bytes, keyid: str | None) -> Bundle:
    """The bundle of a manifest that was checked."""
    return Bundle(
        content=content,
        revision=manifest.revision,
        seq=manifest.seq,
        commit=manifest.commit,
        digest=manifest.digest,
        channel=manifest.channel,
        keyid=keyid,
    )


def open_archive(content: bytes) -> dict[str, Member]:
    """Step 1 of `verify`: the files by name, each once, of a well-formed archive within the limits."""
    try:
        return {one.name: one for one in unpack(content)}
    except ArchiveRefused as error:
        raise BundleRefused(1, str(error)) from error


def read_manifest(members: dict[str, Member]) -> Manifest:
    """Steps 7 and 8 of `verify`: a manifest that is exactly ours, and a revision that fits the content."""
    if MANIFEST not in members:
        raise BundleRefused(7, "it has no .manifest")
    try:
        found = strict_json(members[MANIFEST].data)
    except NotStrictJSON as error:
        raise BundleRefused(7, f".manifest: {error}") from error
    metadata = _fields(found, {"revision", "roots", "rego_version", "metadata"}, "the manifest")
    if metadata["roots"] != [ROOT]:
        raise BundleRefused(7, f'its roots are not exactly ["{ROOT}"]')
    if not _is_int(metadata["rego_version"]) or metadata["rego_version"] != REGO_VERSION:
        raise BundleRefused(7, f"its rego_version is not {REGO_VERSION}")
    about = _fields(metadata["metadata"], {"seq", "commit", "schema", "channel"}, "its metadata")
    if not _is_int(about["schema"]) or not 1 <= about["schema"] <= SCHEMA:
        raise BundleRefused(7, f"its decision contract is not one this program knows (1 to {SCHEMA})")
    digest = content_digest(members.values())
    if not (_is_int(about["seq"]) and isinstance(about["commit"], str) and isinstance(about["channel"], str)):
        raise BundleRefused(7, "its metadata has a field of the wrong type")
    try:
        manifest = Manifest(seq=about["seq"], commit=about["commit"], digest=digest, channel=about["channel"])
    except ValueError as error:
        raise BundleRefused(7, "its metadata is out of range") from error
    if manifest.revision != metadata["revision"]:
        raise BundleRefused(8, f"its revision does not fit its content (which is {manifest.revision})")
    return manifest


def _fields(value: Any, names: set[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        raise BundleRefused(7, f"{what} does not have exactly the fields {', '.join(sorted(names))}")
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
