"""`regogate keys create`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dataplane.cli.durations import duration_us
from dataplane.cli.installation_work import Installation, work_on
from dataplane.cli.keys.told import JsonOption, announce
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.config import KeySettings
from dataplane.identity.store import NewKey, now_us
from dataplane.identity.told import key_fields


def create(
    client: Annotated[str, typer.Option("--client", help="Client id, as in the policy's clients table.")],
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="DURATION", help="Such as 90d, 12h or 30m.")
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="What the key is for; one line.")] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            metavar="NAME|CIDR",
            help="Use from this network only: a name of networks.yaml, or a block. Repeat for more.",
        ),
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(
            "--certificate",
            metavar="FINGERPRINT",
            help="Use with this client certificate only: its SHA-256 in hexadecimal.",
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a key and print it, this once: only a digest of it is kept.

    \b
    Examples:
      regogate keys create --client support-team --expires 90d --config regogate.yaml
      regogate keys create --client batch --network corp --network 192.0.2.0/24 --config regogate.yaml
      KEY=$(regogate keys create --client demo --label "load test" --data-dir .regogate)
    """
    lifetime_us = None if expires is None else duration_us(expires)

    async def work(at: Installation) -> tuple[NewKey, KeySettings]:
        made = await at.keys.create(
            client, lifetime_us=lifetime_us, label=label, networks=network or (), certificate=certificate
        )
        return made, at.state.keys

    (key, row), settings = work_on(config, data_dir, work)
    if as_json:
        typer.echo(json.dumps({"key": key.text} | key_fields(row, now_us(), settings)))
        return
    announce(row, settings)
    typer.echo(key.text)
