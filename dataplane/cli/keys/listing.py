"""`regogate keys list` and `show`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from dataplane.cli.installation_work import Installation, work_on
from dataplane.cli.keys.told import JsonOption, KeyIdArgument, KeyIdOption, print_columns
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.config import KeySettings
from dataplane.identity.key_findings import DAY_US
from dataplane.identity.models import KeyRow
from dataplane.identity.store import now_us
from dataplane.identity.told import key_fields, time_text, warning


def list_(
    client: Annotated[str | None, typer.Option("--client", help="Only the keys of this client.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List keys, oldest first, with their state: active, expired, too_old or revoked.

    ENDS is a key's expiry or its maximum age, whichever is first. LAST USED is right to a minute.

    \b
    Examples:
      regogate keys list --config regogate.yaml
      regogate keys list --client support-team --json --data-dir .regogate
    """

    async def work(at: Installation) -> tuple[list[KeyRow], KeySettings]:
        return await at.store.list_keys(client), at.state.keys

    rows, settings = work_on(config, data_dir, work)
    now = now_us()
    if as_json:
        for row in rows:
            typer.echo(json.dumps(key_fields(row, now, settings)))
        return
    lines = [("KEY", "CLIENT", "CREATED", "ENDS", "LAST USED", "STATE", "LABEL", "WARNING")]
    max_age_us = settings.max_age_days * DAY_US
    for row in rows:
        lines.append(
            (
                row.prefix,
                row.client_id,
                time_text(row.created_us) or "",
                time_text(row.ends_us(max_age_us)) or "never",
                time_text(row.last_used_us) or "never",
                row.state(now, max_age_us),
                row.label or "",
                warning(row, now, settings) or "",
            )
        )
    print_columns(lines)


def show(
    key_id: KeyIdArgument = None,
    id_option: KeyIdOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show what is known of one key; the key itself is not.

    \b
    Example:
      regogate keys show k3vq7m2xaz --config regogate.yaml
    """

    given = [value for value in (key_id, id_option) if value is not None]
    if len(given) != 1:
        raise typer.BadParameter("give the id of one key")
    [wanted] = given

    async def work(at: Installation) -> tuple[KeyRow, KeySettings]:
        return await at.store.show(wanted), at.state.keys

    row, settings = work_on(config, data_dir, work)
    told = key_fields(row, now_us(), settings)
    if as_json:
        typer.echo(json.dumps(told))
        return
    for name, value in told.items():
        if value:
            text = ", ".join(value) if isinstance(value, list) else value
            typer.echo(f"{name + ':':<16}{text}")
