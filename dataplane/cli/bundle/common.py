"""What the commands of `regogate bundle` share: options, where bundles go, one shape of answer."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.bundle.archive import MAX_BUNDLE_BYTES
from dataplane.bundle.errors import BundleError, BundleRefused, CheckFailed
from dataplane.bundle.keys import load_public_key
from dataplane.bundle.model import MAX_SEQ, Bundle
from dataplane.bundle.published import bundle_path
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.config import load
from dataplane.errors import RegoGateError
from dataplane.installation import make_private

EXIT_REFUSED: Final = 1

CODES: Final = "Exit codes: 0 done, 1 refused or invalid, 2 wrong usage."

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A bundle.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="The private key to sign with (PEM, 0600).")
]
KeyidOption = Annotated[
    str | None, typer.Option("--keyid", metavar="ID", help="Its id; derived from the key when left out.")
]
PublicKeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key",
        metavar="[ID=]FILE",
        help="A public key that may have signed it; repeat for more. Without ID: for any id.",
    ),
]
ToOption = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="The directory of a channel server.")
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="The data directory of 'regogate dev'.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A deployment's regogate.yaml.")
]
BundlesOption = Annotated[
    Path, typer.Option("--bundles", metavar="DIR", help="The folder with channels/ and approvals/.")
]
AuthorOption = Annotated[
    str | None,
    typer.Option("--author", metavar="'NAME <EMAIL>'", help="Who does it; else who git says you are."),
]
NoCommitOption = Annotated[
    bool, typer.Option("--no-commit", help="Leave the file staged; commit it yourself.")
]
SeqOption = Annotated[
    int | None,
    typer.Option("--seq", min=1, max=MAX_SEQ, help="The sequence; else the next one of the channel."),
]
OpaOption = Annotated[
    Path | None, typer.Option("--opa", metavar="PATH", help="The OPA to build with; found or built else.")
]
BUNDLES: Final = Path("bundles")
"""Where a policy repository keeps its channel files."""


@contextmanager
def refusals(as_json: bool) -> Iterator[None]:
    """Turn this program's own errors into one answer and exit code 1."""
    try:
        yield
    except CheckFailed as error:
        if as_json:
            problems = [asdict(problem) for problem in error.problems]
            typer.echo(json.dumps({"ok": False, "error": "check failed", "problems": problems}))
        else:
            for problem in error.problems:
                say(str(problem))
            say(f"error: {len(error.problems)} problem{'s' * (len(error.problems) > 1)}; nothing was built")
        raise typer.Exit(EXIT_REFUSED) from None
    except RegoGateError as error:
        if as_json:
            step = {"step": error.step} if isinstance(error, BundleRefused) else {}
            typer.echo(json.dumps({"ok": False, "error": str(error), **step}))
        else:
            say(f"error: {error}")
        raise typer.Exit(EXIT_REFUSED) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The directory of a channel server, the public keys that its gateway is known to trust, and the
    channel it is known to follow."""

    directory: Path
    keys: dict[str, str] = field(default_factory=dict)
    channel: str | None = None


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


def fields(bundle: Bundle) -> dict[str, Any]:
    """What every answer tells of a bundle."""
    names = ("revision", "seq", "commit", "digest", "channel", "keyid")
    return {name: getattr(bundle, name) for name in names} | {"bytes": len(bundle.content)}


def show(found: dict[str, Any], as_json: bool) -> None:
    """One answer: a JSON object on one line, or its fields below each other."""
    if as_json:
        typer.echo(json.dumps({"ok": True, **found}))
    else:
        table(None, [(name, _text(value)) for name, value in found.items()])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def table(headings: tuple[str, str] | None, rows: list[tuple[str, str]]) -> None:
    """Print rows in columns; a long value is folded."""
    found = Table(box=None, show_header=headings is not None, pad_edge=False)
    for heading in headings or ("", ""):
        found.add_column(heading, overflow="fold")
    for name, value in rows:
        found.add_row(Text(name, style="bold"), Text(value))
    Console().print(found)


def columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that is as wide as it needs to be, so that a line can be searched and cut."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def say(line: str) -> None:
    """For the person who waits: progress and refusals, on standard error."""
    typer.echo(line, err=True)


def progress(line: str) -> None:
    """Say what takes a while, to a person: a log of CI needs no such line."""
    if sys.stderr.isatty():
        say(line)
