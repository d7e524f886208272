"""`regogate bundle keygen`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataplane.bundle.keys import keygen as make_keys
from dataplane.cli.bundle.answers import CODES, refusals, show
from dataplane.cli.bundle.options import JsonOption, KeyidOption

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle keygen --out keys
  regogate bundle keygen --out keys --name prod --keyid prod-2026
\b
{CODES}
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
    with refusals(as_json):
        pair = make_keys(out, name=name, keyid=keyid)
        found = {"keyid": pair.keyid, "private": str(pair.private), "public": str(pair.public)}
        show(found, as_json)
