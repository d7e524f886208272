"""`regogate bundle status`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.audit.attempt import describe
from dataplane.audit.fleet import GatewayState, fleet
from dataplane.audit.migrate import database_errors
from dataplane.bundle.approvals import approvals
from dataplane.bundle.errors import BundleError, BundleRefused
from dataplane.bundle.pins import Channel, channels, read_channel
from dataplane.bundle.published import bundle_path
from dataplane.bundle.verify import inspect
from dataplane.cli.bundle.admin import admin_status
from dataplane.cli.bundle.answers import EXIT_REFUSED, columns, refusals
from dataplane.cli.bundle.options import BUNDLES, BundlesOption, ConfigOption, DataDirOption, JsonOption
from dataplane.cli.bundle.targets import read
from dataplane.cli.state import State, open_state
from dataplane.database import Database

SILENT_AFTER_S: Final = 180.0
"""Three times the default of `audit.beat_s`."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(
    epilog="""\b
Examples:
  regogate bundle status
  regogate bundle status --config regogate.yaml
  regogate bundle status --config regogate.yaml --check --json
\b
Exit codes: 0 told (with --check: no drift), 1 drift with --check, or refused, 2 wrong usage.
"""
)
def status(
    bundles: BundlesOption = BUNDLES,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 where a gateway or its store has not what is pinned.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """What each channel pins, what is published, and what each gateway has active.

    Gateways are known from the audit database of --config or --data-dir, where each notes what it
    activates; one that runs here is asked on its admin address, too. Gateways of a channel whose file is
    not here count as drift, those that stopped do not.
    """
    if config is not None and data_dir is not None:
        raise typer.BadParameter("give one of --data-dir and --config", param_hint="--config")
    with refusals(as_json):
        files = [read_channel(bundles, name) for name in channels(bundles)]
        state = open_state(config, data_dir) if config or data_dir else None
        if state is None and not files:
            raise BundleError(
                f"{bundles}/channels has no channel files; give --bundles, --config or --data-dir"
            )
        pinned = [_channel(bundles, one, state) for one in files]
        gateways = [] if state is None else _gateways(state, config, data_dir, files)
        drift = any(row["drift"] for row in (*pinned, *gateways))
        if as_json:
            shown = {"ok": not (check and drift), "drift": drift, "channels": pinned, "gateways": gateways}
            typer.echo(json.dumps(shown))
        else:
            _print(pinned, gateways, asked=state is not None)
        if check and drift:
            raise typer.Exit(EXIT_REFUSED)


def _channel(bundles: Path, channel: Channel, state: State | None) -> dict[str, Any]:
    pin = channel.pin
    published = None if state is None else _published(state.data_dir / "bundles", channel.name)
    given = [one.approver for one in approvals(bundles, channel) if one.refused is None]
    pinned = None if pin is None else pin.revision
    return {
        "channel": channel.name,
        "pinned": pinned,
        "seq": None if pin is None else pin.seq,
        "digest": None if pin is None else pin.digest,
        "author": None if pin is None else pin.author,
        "approvals": given,
        "approvals_needed": channel.approvals,
        "published": published,
        # a store need not hold every channel: what it does not hold has not drifted
        "drift": None if published is None else _drift(published, pinned),
    }


def _published(store: Path, channel: str) -> str | None:
    path = bundle_path(store, channel)
    if not path.exists():
        return None
    try:
        return inspect(read(path)).revision
    except BundleRefused as error:
        raise BundleError(f"{path}: {error}") from None


def _gateways(
    state: State, config: Path | None, data_dir: Path | None, files: Iterable[Channel]
) -> list[dict[str, Any]]:
    pins = {one.name: None if one.pin is None else one.pin.revision for one in files}
    rows = {(one.channel, one.instance): _row(one) for one in _stored(state.database_url)}
    here = admin_status(config, data_dir)
    if here is not None:
        key = (str(here["channel"]), str(here["instance"]))
        row = rows.setdefault(key, {"channel": key[0], "instance": key[1], "since": None, "active": None})
        row |= {
            "active": here["policy_revision"] or row["active"],
            "state": "ready" if here.get("ready") else "not ready",
            "refused": here.get("bundle_refused"),
        }
    for row in rows.values():
        alive = row["state"] != "stopped"
        row["drift"] = _drift(row["active"], pins.get(row["channel"])) if alive else None
    return [rows[key] for key in sorted(rows)]


def _stored(url: str) -> list[GatewayState]:
    async def work() -> list[GatewayState]:
        database = Database(url)
        try:
            return await fleet(database)
        finally:
            await database.close()

    try:
        return asyncio.run(work())
    except database_errors() as error:
        raise BundleError(f"database: {describe(error)}") from None


def _row(one: GatewayState) -> dict[str, Any]:
    if one.stopped:
        living = "stopped"
    elif one.seen_us is None or time.time() - one.seen_us / 1e6 > SILENT_AFTER_S:
        living = "silent"
    else:
        living = "running"
    return {
        "channel": one.channel,
        "instance": one.instance,
        "active": one.revision,
        "since": _time(one.activated_us),
        "seen": None if one.seen_us is None else _time(one.seen_us),
        "state": living,
        "refused": None,
    }


def _drift(revision: str | None, pinned: str | None) -> str | None:
    """How a revision differs from the pinned one, None where it does not."""
    if revision == pinned:
        return None
    if pinned is None:
        return "nothing is pinned here"
    if revision is None:
        return f"nothing is active, pinned is {pinned}"
    seq, wanted = (int(one.split("-", 1)[0]) for one in (revision, pinned))
    if seq == wanted:
        return f"other content than the pinned {pinned}"
    return f"{'behind' if seq < wanted else 'ahead of'} the pinned {pinned}"


def _time(us: int) -> str:
    return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _print(pinned: list[dict[str, Any]], gateways: list[dict[str, Any]], *, asked: bool) -> None:
    heads = ("channel", "pinned", "approvals", "published", "drift")
    rows = [one | {"approvals": f"{len(one['approvals'])}/{one['approvals_needed']}"} for one in pinned]
    columns(heads, [[str(row[name] or "-") for name in heads] for row in rows])
    if not asked:
        return
    typer.echo()
    names = ("gateway", "channel", "active", "since", "state", "drift")
    rows = [one | {"gateway": one["instance"]} for one in gateways]
    columns(names, [[str(row[name] or "-") for name in names] for row in rows])
    for row in gateways:
        if row["refused"]:
            typer.echo(f"{row['instance']} refused a bundle: {row['refused']}")
