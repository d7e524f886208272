"""`regogate bundle inspect`."""

from __future__ import annotations

import typer

from dataplane.bundle.archive import MANIFEST, SIGNATURES, unpack
from dataplane.bundle.verify import inspect as inspect_bundle
from dataplane.bundle.verify import tables
from dataplane.cli.bundle.answers import CODES, fields, refusals, show, table
from dataplane.cli.bundle.options import FileArgument, JsonOption
from dataplane.cli.bundle.targets import read

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog=f"""\b
Examples:
  regogate bundle inspect prod.tar.gz
  regogate bundle inspect prod.tar.gz --json
\b
{CODES}
"""
)
def inspect(file: FileArgument, as_json: JsonOption = False) -> None:
    """What a bundle says of itself, its files and tables. Proves nothing about who made it: see verify."""
    with refusals(as_json):
        content = read(file)
        bundle = inspect_bundle(content)
        files = [
            {"name": one.name, "bytes": len(one.data)}
            for one in unpack(content)
            if one.name not in (MANIFEST, SIGNATURES)
        ]
        rows = {name: len(row) for name, row in sorted(tables(bundle).items())}
        about = {"file": str(file), "verified": False, **fields(bundle)}
        if as_json:
            show({**about, "tables": rows, "files": files}, as_json)
            return
        show(about, as_json)
        table(("table", "rows"), [(name, str(count)) for name, count in rows.items()])
        table(("file", "bytes"), [(str(one["name"]), str(one["bytes"])) for one in files])
