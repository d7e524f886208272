"""Which policy a command is asked about: `FILE|DIR|REVISION` -> `PolicySet`.

FILE is a bundle, signed or not. DIR is a policy directory (or one that has it as `policies/`): it is
checked and built. REVISION is looked for among the bundles that an installation keeps: what its channels
publish and published, and OPA's own copy.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.authoring.policy_set import PolicySet, rules_of
from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.build import Overlay, build
from dataplane.bundle.command import TIMEOUT_S
from dataplane.bundle.errors import BundleRefused, ToolFailed
from dataplane.bundle.model import Bundle, is_revision
from dataplane.bundle.published import bundle_path, find
from dataplane.bundle.verify import inspect, tables
from dataplane.cli.state import DEFAULT_DATA_DIR
from dataplane.config import load
from dataplane.errors import ConfigError, RegoGateError
from dataplane.opa.install import ensure_opa
from dataplane.shipped import shipped

DEV_CHANNEL: Final = "dev"
"""What `regogate dev` publishes to."""

BundleOption = Annotated[
    str | None,
    typer.Option("--bundle", metavar="FILE|DIR|REVISION", help="The policy to ask."),
]
OpaOption = Annotated[
    Path | None, typer.Option("--opa", metavar="PATH", help="The OPA to use; found or built else.")
]


class NoSuchPolicy(RegoGateError):
    """Nothing is there under the name that was given; the message says where was looked."""


def opa_binary(path: Path | None = None) -> Path:
    """The OPA that commands evaluate with; what is done to get one is told on stderr."""
    return ensure_opa(path, None, _say)


def policy_set(
    spec: str | None,
    *,
    opa: Path,
    config: Path | None = None,
    data_dir: Path | None = None,
    overlay: Overlay | None = None,
) -> PolicySet:
    """The policy that `spec` names; None is the one at hand (`at_hand`). `overlay` changes the tables of a
    directory, as it does for `build`.

    `PolicySet.bundle` is a copy of the command's own, gone when this process ends: what was read is what
    will be evaluated, whatever is published meanwhile. Raises `NoSuchPolicy`, `BundleError` (`CheckFailed`
    with every problem of a directory), or `ConfigError`.
    """
    spec = at_hand(config, data_dir) if spec is None else spec
    path = Path(spec)
    source: Path | None = None
    if path.is_dir():
        source = _policy_directory(path)
        capabilities = shipped("opa/capabilities.json")
        bundle = asyncio.run(build(source, opa, capabilities, seq=1, channel=DEV_CHANNEL, overlay=overlay))
    elif path.is_file():
        bundle = inspect(_read(path))
    elif is_revision(spec):
        bundle = _kept(spec, _installation(config, data_dir))
    else:
        raise NoSuchPolicy(f"{spec}: no such bundle file or policy directory, and not a revision")
    return _opened(bundle, opa, source)


def at_hand(config: Path | None, data_dir: Path | None) -> str:
    """Which policy is meant where none is named: what the installation of `--config` or `--data-dir`
    publishes where one is given; else `policies/` here; else what `regogate dev` published; else the shipped.
    """
    if config is not None or data_dir is not None:
        folder, channel = _installation(config, data_dir), _channel(config)
        published = bundle_path(folder / "bundles", channel)
        if not published.is_file():
            raise NoSuchPolicy(f"{folder}: nothing is published in the channel {channel}; give --bundle")
        return str(published)
    published = bundle_path(DEFAULT_DATA_DIR / "bundles", DEV_CHANNEL)
    if (Path("policies") / "rego").is_dir():
        return "policies"
    return str(published if published.is_file() else shipped("policies"))


def _installation(config: Path | None, data_dir: Path | None) -> Path:
    if config is not None and data_dir is not None:
        raise ConfigError("give --config or --data-dir, not both")
    return load(config).data_dir if config is not None else (data_dir or DEFAULT_DATA_DIR)


def _channel(config: Path | None) -> str:
    return DEV_CHANNEL if config is None else load(config).policy.bundle.channel


def _policy_directory(path: Path) -> Path:
    nested = path / "policies"
    return nested if not (path / "rego").is_dir() and (nested / "rego").is_dir() else path


def _kept(revision: str, folder: Path) -> Bundle:
    content = find(folder / "bundles", revision)
    if content is not None:
        return inspect(content)
    for path in (folder / "opa").rglob("*.tar.gz"):
        with contextlib.suppress(BundleRefused):  # what is damaged cannot be the one that is sought
            bundle = inspect(_read(path))
            if bundle.revision == revision:
                return bundle
    raise NoSuchPolicy(
        f"the revision {revision} is not kept in {folder}; give its bundle file or its directory, "
        "or --config or --data-dir of the gateway that has it"
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise BundleRefused(1, f"{path} cannot be read: {error.strerror}") from None


def _opened(bundle: Bundle, opa: Path, source: Path | None) -> PolicySet:
    handle, name = tempfile.mkstemp(dir=_workplace(), prefix=f"{bundle.revision}-", suffix=".tar.gz")
    with os.fdopen(handle, "wb") as file:
        file.write(bundle.content)
    about = _inspected(opa, Path(name))
    return PolicySet(
        revision=bundle.revision,
        bundle=Path(name),
        tables=tables(bundle),
        rules=rules_of(about.get("annotations", ()), _located(source)),
    )


def _inspected(opa: Path, bundle: Path) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - the checked binary, no shell
            [opa, "inspect", "-a", "-f", "json", bundle],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={"PATH": os.defpath},
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ToolFailed(f"{opa} inspect failed: {error}") from None
    if not isinstance(found, dict):
        raise ToolFailed(f"{opa} inspect failed: {done.stderr.decode('utf-8', 'replace')[-2000:].strip()}")
    return found


def _located(source: Path | None) -> Callable[[str], str]:
    """From a file's name in a bundle to the one in the author's directory, which may leave out the root."""

    def locate(name: str) -> str:
        if source is None:
            return name
        plain = source / "rego" / name
        return str(plain if plain.exists() else source / "rego" / Path(*Path(name).parts[1:]))

    return locate


@lru_cache(maxsize=1)
def _workplace() -> Path:
    place = Path(tempfile.mkdtemp(prefix="regogate-policy-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def _say(line: str) -> None:
    typer.echo(line, err=True)
