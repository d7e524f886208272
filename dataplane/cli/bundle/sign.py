"""`regogate bundle sign`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataplane.bundle.keys import load_signing_key
from dataplane.bundle.sign import sign as sign_bundle
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.cli.bundle.answers import CODES, fields, refusals, show
from dataplane.cli.bundle.options import FileArgument, JsonOption, KeyidOption
from dataplane.cli.bundle.targets import read, write

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle sign prod.tar.gz --key keys/prod.key.pem --keyid prod-2026
  regogate bundle sign unsigned.tar.gz --key keys/prod.key.pem -o prod.tar.gz
\b
{CODES}
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
    with refusals(as_json):
        bundle = sign_bundle(inspect_bundle(read(file)), load_signing_key(key, keyid=keyid))
        write(output or file, bundle.content)
        show({"file": str(output or file), **fields(bundle)}, as_json)
