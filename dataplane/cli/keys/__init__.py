"""`regogate keys`: the API keys of callers. Works on the database, whether the gateway runs or not."""

from __future__ import annotations

import typer

from dataplane.cli.keys.audit import audit
from dataplane.cli.keys.create import create
from dataplane.cli.keys.listing import list_, show
from dataplane.cli.keys.revoke import revoke
from dataplane.cli.keys.rotate import rotate

app = typer.Typer(
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Create, list, show, rotate, revoke and audit callers' API keys.",
)
app.command()(create)
app.command(name="list")(list_)
app.command()(show)
app.command()(rotate)
app.command()(revoke)
app.command()(audit)
