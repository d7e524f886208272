"""`regogate keys revoke`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dataplane.cli.installation_work import Installation, work_on
from dataplane.cli.keys.told import KeyIdArgument, KeyIdOption
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.identity.models import KeyRow
from dataplane.identity.recorded import NotRecorded


def revoke(
    key_id: KeyIdArgument = None,
    id_option: KeyIdOption = None,
    client: Annotated[str | None, typer.Option("--client", help="Revoke every key of this client.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the key and recorded.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also on a terminal.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Revoke a key, or every key of a client; every running gateway refuses it within 2 seconds.

    \b
    Examples:
      regogate keys revoke --id k3vq7m2xaz --reason "left the company" --config regogate.yaml
      regogate keys revoke --client support-team --reason incident-42 --yes --data-dir .regogate
    """
    given = [value for value in (key_id, id_option, client) if value is not None]
    if len(given) != 1:
        raise typer.BadParameter("give exactly one of: a key's id, --client")
    what = f"every key of client {client}" if client is not None else f"key {given[0]}"
    if not yes and sys.stdin.isatty():
        typer.confirm(f"Revoke {what}?", abort=True, err=True)

    async def work(at: Installation) -> None:
        wanted = {"client_id": client} if client is not None else {"key_id": given[0]}
        try:
            rows = await at.keys.revoke(**wanted, reason=reason)
        except NotRecorded as error:
            _tell(error.rows)  # a record that fails must not hide that the keys are shut
            raise
        _tell(rows)
        if not rows:
            typer.echo(f"nothing to do: {what} was revoked before")

    work_on(config, data_dir, work)


def _tell(rows: list[KeyRow]) -> None:
    for row in rows:
        typer.echo(f"revoked {row.prefix} of client {row.client_id}")
