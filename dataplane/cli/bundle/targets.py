"""Which channel server the options name, whose keys it trusts, and the files that go there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import BundleError
from dataplane.bundle.keys import load_public_key
from dataplane.bundle.published import bundle_path
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.config import load
from dataplane.installation import make_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The directory of a channel server, the public keys that its gateway is known to trust, the channel it
    is known to follow, and those of its canaries (`*`: any)."""

    directory: Path
    keys: dict[str, str] = field(default_factory=dict)
    channel: str | None = None
    canaries: tuple[str, ...] = ()

    def takes(self, channel: str) -> bool:
        """Whether its gateway has a use for bundles of a channel."""
        return self.channel in (None, channel) or channel in self.canaries or "*" in self.canaries


def target_of(to: Path | None, data_dir: Path | None, config: Path | None) -> Target | None:
    """Where the options say bundles go, None where they say nothing."""
    if sum(one is not None for one in (to, data_dir, config)) > 1:
        raise typer.BadParameter("give one of --to, --data-dir and --config", param_hint="--to")
    if to is not None:
        return Target(directory=to)
    if data_dir is not None:
        public = data_dir / "keys" / "dev.pub.pem"
        keys = dict([load_public_key(public, keyid="dev")]) if public.exists() else {}
        return Target(directory=data_dir / "bundles", keys=keys)
    if config is not None:
        settings = load(config)
        listed = settings.policy.bundle.keys.items()
        return Target(
            directory=make_private(settings.data_dir) / "bundles",
            keys=dict(load_public_key(path, keyid=name) for name, path in listed),
            channel=settings.policy.bundle.channel,
            canaries=settings.policy.canary_channels,
        )
    return None


def keys_of(content: bytes, given: Sequence[str] | None, target: Target | None) -> dict[str, str]:
    """The keys to verify a bundle by: the target's and those given. Raises `BundleError` for none."""
    keys = dict(target.keys) if target else {}
    for one in given or ():
        keyid, named, name = one.partition("=")
        if named:
            keys.update([load_public_key(Path(name), keyid=keyid)])
        else:
            _, pem = load_public_key(Path(one))
            keys.setdefault(inspect_bundle(content).keyid or "", pem)
    if not keys:
        raise BundleError("no public keys to verify with: give --public-key, --data-dir or --config")
    return keys


def next_seq(directory: Path, channel: str) -> int:
    """The sequence above the published one."""
    path = bundle_path(directory, channel)
    return inspect_bundle(read(path)).seq + 1 if path.exists() else 1


def read(path: Path) -> bytes:
    """A bundle's bytes, one more than the limit at most. Raises `BundleError`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None


def write(path: Path, content: bytes) -> None:
    """Replace a file whole. Raises `BundleError`."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BundleError(f"{path} cannot be written: {error.strerror}") from None
