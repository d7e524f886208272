"""`regogate admin`: tokens of the admin API. Works on the database, whether the gateway runs or not."""

from __future__ import annotations

import json
from typing import Annotated, get_args

import typer

from dataplane.cli.durations import duration_us
from dataplane.cli.installation_work import Installation, work_on
from dataplane.cli.keys.told import JsonOption, print_columns
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.domain import AdminRole
from dataplane.identity.admin_tokens import SCHEME, AdminToken
from dataplane.identity.store import now_us
from dataplane.identity.told import time_text, token_fields

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, help="Make, list and revoke tokens of the admin API."
)


@app.command(name="create-token")
def create_token(
    role: Annotated[
        str,
        typer.Option("--role", help="viewer, operator, admin or break-glass; see docs/guide-admin-api.md."),
    ],
    name: Annotated[str, typer.Option("--name", help="Who or what uses it; up to 64 characters.")],
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DURATION", help="Such as 30d; else 90d, of break-glass 1h."),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Make a token and print it, this once: only a digest of it is kept.

    A viewer reads; an operator rotates and revokes keys, too; an admin also makes keys and tokens. A
    break-glass token may do everything, gives a reason with each call, and each use is recorded.

    \b
    Examples:
      regogate admin create-token --role operator --name on-call --expires 30d --config regogate.yaml
      regogate admin create-token --role break-glass --name incident-42 --config regogate.yaml
    """
    known: dict[str, AdminRole] = {one: one for one in get_args(AdminRole)}
    if role not in known:
        raise typer.BadParameter(f"{role[:40]!r} is not one of {', '.join(known)}", param_hint="--role")
    lifetime_us = None if expires is None else duration_us(expires)

    async def work(at: Installation) -> tuple[str, AdminToken]:
        return await at.recorded_tokens.create(name, known[role], lifetime_us=lifetime_us)

    text, token = work_on(config, data_dir, work)
    if as_json:
        typer.echo(json.dumps({"token": text} | token_fields(token, now_us())))
        return
    about = f"{token.name}, role {token.role}, expires {time_text(token.expires_us)}"
    typer.echo(f"Token {SCHEME}{token.id} for {about}. It is shown this once:", err=True)
    typer.echo(text)


@app.command(name="list-tokens")
def list_tokens(
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None
) -> None:
    """List tokens, oldest first, with their state: active, expired or revoked.

    \b
    Example:
      regogate admin list-tokens --config regogate.yaml
    """

    async def work(at: Installation) -> list[AdminToken]:
        return await at.tokens.list_tokens()

    tokens, now = work_on(config, data_dir, work), now_us()
    if as_json:
        for one in tokens:
            typer.echo(json.dumps(token_fields(one, now)))
        return
    lines = [("TOKEN", "NAME", "ROLE", "CREATED", "EXPIRES", "STATE")]
    for one in tokens:
        created, expires = time_text(one.created_us) or "", time_text(one.expires_us) or ""
        lines.append((SCHEME + one.id, one.name, one.role, created, expires, one.state(now)))
    print_columns(lines)


@app.command(name="revoke-token")
def revoke_token(
    token_id: Annotated[
        str, typer.Option("--id", metavar="ID", help="The token's id, with or without rga_.")
    ],
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the token and recorded.")] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Revoke a token; its next call is refused.

    \b
    Example:
      regogate admin revoke-token --id k3vq7m2xaz --reason "left the team" --config regogate.yaml
    """

    async def work(at: Installation) -> tuple[AdminToken, bool]:
        return await at.recorded_tokens.revoke(token_id, reason=reason)

    token, changed = work_on(config, data_dir, work)
    what = f"{SCHEME}{token.id} of {token.name}"
    typer.echo(f"revoked {what}" if changed else f"nothing to do: {what} was revoked before")
