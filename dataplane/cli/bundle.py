"""`regogate bundle`: policy bundles, from a directory of Rego and tables to what a channel publishes."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from dataplane.bundle.archive import MANIFEST, MAX_BUNDLE_BYTES, SIGNATURES, unpack
from dataplane.bundle.build import build as build_bundle
from dataplane.bundle.errors import BundleError, BundleRefused, CheckFailed
from dataplane.bundle.keys import keygen as make_keys
from dataplane.bundle.keys import load_public_key, load_signing_key
from dataplane.bundle.model import MAX_SEQ, Bundle, is_channel, is_commit
from dataplane.bundle.published import bundle_path
from dataplane.bundle.sign import sign as sign_bundle
from dataplane.bundle.store import publish as publish_bundle
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.bundle.verify import tables
from dataplane.bundle.verify import verify as verify_bundle
from dataplane.config import load
from dataplane.errors import RegoGateError
from dataplane.installation import make_private
from dataplane.opa.install import ensure_opa
from dataplane.opa.pins import modules_directory

EXIT_REFUSED: Final = 1

app = typer.Typer(
    help="Build, sign, verify and publish policy bundles.", no_args_is_help=True, rich_markup_mode=None
)

_CODES: Final = "Exit codes: 0 done, 1 refused or invalid, 2 wrong usage."

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


@app.callback()
def group() -> None:
    """Build, sign, verify and publish policy bundles."""


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle keygen --out keys
  regogate bundle keygen --out keys --name prod --keyid prod-2026
\b
{_CODES}
"""
)
def keygen(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to put both files.")],
    name: Annotated[str, typer.Option("--name", help="NAME.key.pem and NAME.pub.pem.")] = "bundle",
    keyid: KeyidOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a P-256 key pair. The private file has mode 0600; nothing is ever overwritten.

    Commit the public file (bundles/ is the place), never the private one.
    """
    if not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise typer.BadParameter("use letters, digits, dot, hyphen and underscore", param_hint="--name")
    with _refusals(as_json):
        pair = make_keys(out, name=name, keyid=keyid)
        found = {"keyid": pair.keyid, "private": str(pair.private), "public": str(pair.public)}
        _show(found, as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle build --policies policies --seq 41 --channel staging -o staging.tar.gz
  regogate bundle build --seq 42 --channel prod -o prod.tar.gz --key keys/prod.key.pem --keyid prod-2026
  regogate bundle build --data-dir .regogate -o dev.tar.gz --key .regogate/keys/dev.key.pem --keyid dev
\b
{_CODES}
"""
)
def build(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The bundle to write.")],
    policies: Annotated[
        Path, typer.Option("--policies", metavar="DIR", help="The directory with rego/, data/, schemas/.")
    ] = Path("policies"),
    seq: Annotated[
        int | None,
        typer.Option(
            "--seq",
            min=1,
            max=MAX_SEQ,
            help="The sequence; left out with --to, --data-dir or --config: the next one there.",
        ),
    ] = None,
    channel: Annotated[str, typer.Option("--channel", help="The channel it is for.")] = "dev",
    key: KeyOption = None,
    keyid: KeyidOption = None,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="SHA", help="Its git commit, where git cannot be asked.")
    ] = None,
    to: ToOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    opa: Annotated[
        Path | None, typer.Option("--opa", metavar="PATH", help="The OPA to build with; found or built else.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a policy directory and build its bundle; signed at once with --key.

    The same directory gives the same digest everywhere. Problems are listed with file and line.
    """
    if not is_channel(channel):
        raise typer.BadParameter("use a-z, 0-9 and inner hyphens", param_hint="--channel")
    if commit is not None and not is_commit(commit):
        raise typer.BadParameter("use the full name, 40 or 64 hex digits", param_hint="--commit")
    if keyid is not None and key is None:
        raise typer.BadParameter("there is no --key that it could name", param_hint="--keyid")
    with _refusals(as_json):
        target = _target(to, data_dir, config)
        if seq is None:
            if target is None:
                raise typer.BadParameter(
                    "give it, or where to look for the last one: --to, --data-dir or --config",
                    param_hint="--seq",
                )
            seq = _next_seq(target[0], channel)
        signing = load_signing_key(key, keyid=keyid) if key else None
        bundle = asyncio.run(
            build_bundle(
                policies,
                ensure_opa(opa, None, _say),
                modules_directory() / "capabilities.json",
                seq=seq,
                channel=channel,
                commit=commit,
            )
        )
        bundle = sign_bundle(bundle, signing) if signing else bundle
        _write(output, bundle.content)
        _show({"file": str(output), **_fields(bundle)}, as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle sign prod.tar.gz --key keys/prod.key.pem --keyid prod-2026
  regogate bundle sign unsigned.tar.gz --key keys/prod.key.pem -o prod.tar.gz
\b
{_CODES}
"""
)
def sign(
    file: FileArgument,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key (PEM, 0600).")],
    keyid: KeyidOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; else in place.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Sign a bundle for the channel it was built for; an older signature is replaced."""
    with _refusals(as_json):
        bundle = sign_bundle(inspect_bundle(_read(file)), load_signing_key(key, keyid=keyid))
        _write(output or file, bundle.content)
        _show({"file": str(output or file), **_fields(bundle)}, as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle verify prod.tar.gz --channel prod --public-key bundles/prod.pub.pem
  regogate bundle verify prod.tar.gz --channel prod --public-key k1=old.pem --public-key k2=new.pem
\b
{_CODES}
"""
)
def verify(
    file: FileArgument,
    channel: Annotated[str, typer.Option("--channel", help="The channel it must have been signed for.")],
    public_key: PublicKeysOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether a gateway of this channel with these keys would take the bundle; if not, why not."""
    with _refusals(as_json):
        content = _read(file)
        keys = _keys(content, public_key, _target(None, data_dir, config))
        bundle = verify_bundle(content, keys=keys, channel=channel)
        _show({"file": str(file), "verified": True, **_fields(bundle)}, as_json)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle inspect prod.tar.gz
  regogate bundle inspect prod.tar.gz --json
\b
{_CODES}
"""
)
def inspect(file: FileArgument, as_json: JsonOption = False) -> None:
    """What a bundle says of itself, its files and tables. Proves nothing about who made it: see verify."""
    with _refusals(as_json):
        content = _read(file)
        bundle = inspect_bundle(content)
        files = [
            {"name": one.name, "bytes": len(one.data)}
            for one in unpack(content)
            if one.name not in (MANIFEST, SIGNATURES)
        ]
        rows = {name: len(table) for name, table in sorted(tables(bundle).items())}
        about = {"file": str(file), "verified": False, **_fields(bundle)}
        if as_json:
            _show({**about, "tables": rows, "files": files}, as_json)
            return
        _show(about, as_json)
        _table(("table", "rows"), [(name, str(count)) for name, count in rows.items()])
        _table(("file", "bytes"), [(str(one["name"]), str(one["bytes"])) for one in files])


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle publish dev.tar.gz --data-dir .regogate
  regogate bundle publish prod.tar.gz --config regogate.yaml
  regogate bundle publish prod.tar.gz --to /srv/bundles --public-key prod-2026=bundles/prod.pub.pem
\b
{_CODES}
"""
)
def publish(
    file: FileArgument,
    to: ToOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    public_key: PublicKeysOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand a signed bundle to a channel server; every OPA that waits for it has it in a moment.

    Refused unless it verifies for its channel and its sequence is above the published one. To roll
    back, build or sign the old content under a new sequence.
    """
    with _refusals(as_json):
        target = _target(to, data_dir, config)
        if target is None:
            raise typer.BadParameter("give one of --to, --data-dir and --config", param_hint="--to")
        content = _read(file)
        channel = inspect_bundle(content).channel
        bundle = publish_bundle(target[0], content, channel, _keys(content, public_key, target))
        _show({"published": str(bundle_path(target[0], channel)), **_fields(bundle)}, as_json)


@contextmanager
def _refusals(as_json: bool) -> Iterator[None]:
    """Turn this program's own errors into one answer and exit code 1."""
    try:
        yield
    except CheckFailed as error:
        if as_json:
            problems = [asdict(problem) for problem in error.problems]
            typer.echo(json.dumps({"ok": False, "error": "check failed", "problems": problems}))
        else:
            for problem in error.problems:
                _say(str(problem))
            _say(f"error: {len(error.problems)} problem{'s' * (len(error.problems) > 1)}; nothing was built")
        raise typer.Exit(EXIT_REFUSED) from None
    except RegoGateError as error:
        if as_json:
            step = {"step": error.step} if isinstance(error, BundleRefused) else {}
            typer.echo(json.dumps({"ok": False, "error": str(error), **step}))
        else:
            _say(f"error: {error}")
        raise typer.Exit(EXIT_REFUSED) from None


Target = tuple[Path, dict[str, str]]
"""The directory of a channel server, and the public keys that its gateway is known to trust."""


def _target(to: Path | None, data_dir: Path | None, config: Path | None) -> Target | None:
    if sum(one is not None for one in (to, data_dir, config)) > 1:
        raise typer.BadParameter("give one of --to, --data-dir and --config", param_hint="--to")
    if to is not None:
        return to, {}
    if data_dir is not None:
        public = data_dir / "keys" / "dev.pub.pem"
        return data_dir / "bundles", dict([load_public_key(public, keyid="dev")]) if public.exists() else {}
    if config is not None:
        settings = load(config)
        listed = settings.policy.bundle.keys.items()
        return make_private(settings.data_dir) / "bundles", dict(
            load_public_key(path, keyid=name) for name, path in listed
        )
    return None


def _keys(content: bytes, given: Sequence[str] | None, target: Target | None) -> dict[str, str]:
    keys = dict(target[1]) if target else {}
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


def _next_seq(directory: Path, channel: str) -> int:
    path = bundle_path(directory, channel)
    return inspect_bundle(_read(path)).seq + 1 if path.exists() else 1


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BUNDLE_BYTES + 1)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BundleError(f"{path} cannot be written: {error.strerror}") from None


def _fields(bundle: Bundle) -> dict[str, Any]:
    names = ("revision", "seq", "commit", "digest", "channel", "keyid")
    return {name: getattr(bundle, name) for name in names} | {"bytes": len(bundle.content)}


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"ok": True, **found}))
    else:
        _table(None, [(name, "none" if value is None else str(value)) for name, value in found.items()])


def _table(headings: tuple[str, str] | None, rows: list[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=headings is not None, pad_edge=False)
    for heading in headings or ("", ""):
        table.add_column(heading, overflow="fold")
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    Console().print(table)


def _say(line: str) -> None:
    typer.echo(line, err=True)
