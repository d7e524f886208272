"""`regogate keys rotate`."""

from __future__ import annotations

import json
from typing import Annotated, Final

import typer

from dataplane.cli.durations import duration_us
from dataplane.cli.installation_work import Installation, work_on
from dataplane.cli.keys.told import JsonOption, announce
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.config import KeySettings
from dataplane.identity.store import Rotation, now_us
from dataplane.identity.told import key_fields, time_text

OVERLAP: Final = "24h"
"""A day for the new key to reach every application."""


def rotate(
    id_option: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The key's id, with or without rgk_.")
    ] = None,
    client: Annotated[
        str | None, typer.Option("--client", help="Every key of this client that works and has no successor.")
    ] = None,
    overlap: Annotated[
        str,
        typer.Option(
            "--overlap", metavar="DURATION", help="How long the old key goes on; 0 ends it at once."
        ),
    ] = OVERLAP,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DURATION", help="Of the new key; else as the old one's."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Replace a key: print a new one with the same bindings, and end the old one after the overlap.

    \b
    Examples:
      regogate keys rotate --id k3vq7m2xaz --overlap 24h --config regogate.yaml
      regogate keys rotate --client support-team --json --data-dir .regogate
    """
    if (id_option is None) == (client is None):
        raise typer.BadParameter("give exactly one of --id, --client")
    overlap_us = duration_us(overlap, nothing=True)
    lifetime_us = None if expires is None else duration_us(expires)

    async def work(at: Installation) -> tuple[list[Rotation], KeySettings]:
        rotations = await at.keys.rotate(
            key_id=id_option, client_id=client, overlap_us=overlap_us, lifetime_us=lifetime_us
        )
        return rotations, at.state.keys

    rotations, settings = work_on(config, data_dir, work)
    for one in rotations:
        key, row = one.new
        if as_json:
            about = {"key": key.text, "old_ends": time_text(one.old.expires_us)}
            typer.echo(json.dumps(about | key_fields(row, now_us(), settings)))
            continue
        announce(row, settings)
        typer.echo(key.text)
        typer.echo(f"Key {one.old.prefix} ends {time_text(one.old.expires_us)}.", err=True)
