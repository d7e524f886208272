"""`regogate keys audit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dataplane.audit.usage_by_client import used_by_client
from dataplane.cli.durations import duration_us
from dataplane.cli.installation_work import Installation, work_on
from dataplane.cli.keys.told import JsonOption, print_columns
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.errors import RegoGateError
from dataplane.identity.key_findings import DAY_US, Finding, findings
from dataplane.identity.keys import prefix_of
from dataplane.identity.store import now_us
from dataplane.identity.told import finding_fields

EXIT_FOUND = 1


def audit(
    client: Annotated[str | None, typer.Option("--client", help="Only the keys of this client.")] = None,
    unused: Annotated[
        str | None,
        typer.Option(
            "--unused",
            metavar="DURATION",
            help="How long a key may rest, and how far back calls count; else identity.keys.unused_days.",
        ),
    ] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle",
            metavar="FILE|DIR|REVISION",
            help="The policy that grants; else the one published here.",
        ),
    ] = None,
    no_policy: Annotated[
        bool, typer.Option("--no-policy", help="Say nothing of clients, networks and grants.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="End with 1 where anything is found.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List keys that are old, about to end, unused, or granted more than their clients use.

    Grants are the tier's models and operations in the policy's tables; used is what records of the period
    say went ahead. A grant of everything (*) is always listed.
    Exit codes: 0 listed, 1 something was found (--check) or the policy cannot be read, 2 wrong usage.

    \b
    Examples:
      regogate keys audit --config regogate.yaml
      regogate keys audit --unused 90d --check --json --config regogate.yaml
    """
    unused_us = None if unused is None else duration_us(unused)

    async def work(at: Installation) -> list[Finding]:
        settings, now = at.state.keys, now_us()
        since_us = now - (settings.unused_days * DAY_US if unused_us is None else unused_us)
        rows = await at.store.list_keys(client)
        used = None if granted is None else await used_by_client(at.database, since_us)
        return findings(rows, now, settings, unused_us=unused_us, tables=granted, used=used)

    granted = None if no_policy else _tables(bundle, config, data_dir)
    found = work_on(config, data_dir, work)
    if as_json:
        for one in found:
            typer.echo(json.dumps(finding_fields(one)))
    elif found:
        lines = [("KEY", "CLIENT", "FINDING", "DETAIL")]
        lines += [(prefix_of(one.key_id), one.client_id, one.kind, one.detail) for one in found]
        print_columns(lines)
    else:
        typer.echo("nothing found", err=True)
    raise typer.Exit(EXIT_FOUND if check and found else 0)


def _tables(bundle: str | None, config: Path | None, data_dir: Path | None) -> dict[str, Any]:
    """The tables of the policy in force here, or of the one that is named. Ends with 1 where it cannot be
    read."""
    # Here: the other commands about keys know neither bundles nor OPA.
    from dataplane.bundle.verify import inspect, tables
    from dataplane.cli.policy.sets import at_hand, opa_binary, policy_set

    try:
        named = at_hand(config, data_dir) if bundle is None else bundle
        if bundle is None and Path(named).is_file():
            return tables(inspect(Path(named).read_bytes()))
        return dict(policy_set(named, opa=opa_binary(), config=config, data_dir=data_dir).tables)
    except (RegoGateError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        typer.echo("Give --bundle, or --no-policy to look at age and use alone.", err=True)
        raise typer.Exit(1) from None
