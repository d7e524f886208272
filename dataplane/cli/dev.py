"""`regogate dev`: everything on embedded defaults, for trying it and for writing policies."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.app import Gateway
from dataplane.app_listen import Ready
from dataplane.bundle.errors import BundleError, CheckFailed
from dataplane.bundle.keys import ensure_dev_keys, load_signing_key
from dataplane.bundle.live import LivePolicy
from dataplane.bundle.model import Bundle
from dataplane.cli.dev_demo import demo_key, demo_overlay, snippets
from dataplane.cli.running import run_until_signal
from dataplane.cli.state import DEFAULT_DATA_DIR, state_document
from dataplane.config import Settings, build, override, unreadable
from dataplane.errors import ConfigError
from dataplane.installation import RUNNING_LOCK, alone, make_private, write_json
from dataplane.opa.install import ensure_opa
from dataplane.shipped import shipped
from dataplane.telemetry import AccessLog, configure_logging

CHANNEL: Final = "dev"
GRACEFUL_S: Final = 2.0
DEADLINE_MS: Final = 250
"""Five times the default: on the same cores a save runs OPA's check and build, and people their tests."""
_POLL_S: Final = 0.03


def dev(
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where applications call.")
    ] = "127.0.0.1:8080",
    admin_bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Health, metrics and bundles; keep it private.")
    ] = "127.0.0.1:8081",
    upstream: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An OpenAI-compatible base; the embedded demo model otherwise."),
    ] = None,
    upstream_key_env: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The environment variable that holds the provider's key."),
    ] = None,
    policies: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A policy directory; the shipped one otherwise.")
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where keys, records and bundles are kept.")
    ] = (DEFAULT_DATA_DIR),
    allow_all_models: Annotated[
        bool,
        typer.Option(
            "--allow-all-models", help="Let the demo client use every model and operation, without caps."
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any setting of the configuration file, by its path."
        ),
    ] = None,
) -> None:
    """Run a whole gateway here: OPA, a signed dev bundle, SQLite, a demo client and a demo model.

    A saved change in the policy directory is checked, built, signed and active within a second or two;
    a broken one is reported with file and line, and the last good one stays in force. Ctrl-C stops
    everything.

    \b
    Examples:
      regogate dev
      regogate dev --upstream https://api.openai.com/v1 --upstream-key-env OPENAI_API_KEY
      regogate dev --policies ./policies --set server.max_body_bytes=1000000
    """
    if policies is not None and not policies.is_dir():
        raise ConfigError(f"--policies {policies}: no such directory")
    directory = make_private(data_dir.absolute())
    taken = f"{directory}: another 'regogate dev' runs here; stop it or give another --data-dir"
    with alone(directory / RUNNING_LOCK, taken):
        # What a killed run left behind must not be taken for this one.
        (directory / "ready.json").unlink(missing_ok=True)
        settings = _settings(directory, bind, admin_bind, upstream, upstream_key_env, set_ or [])
        configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
        opa = ensure_opa(settings.policy.opa.path, None, lambda line: typer.echo(line, err=True))
        write_json(directory / "state.json", state_document(settings))
        gateway = Gateway(settings, opa_binary=opa, done=AccessLog(sys.stdout, settings.telemetry.log_format))
        live = LivePolicy(
            (policies or shipped("policies")).absolute(),
            opa=opa,
            capabilities=shipped("opa/capabilities.json"),
            key=load_signing_key(ensure_dev_keys(directory).private, keyid="dev"),
            store=gateway.store,
            channel=CHANNEL,
            overlay=demo_overlay(allow_all_models=allow_all_models),
        )
        run_until_signal(_Session(gateway, live).run)


class _Session:
    """One run of `dev`: first bundle and demo key, ready.json while it serves, policies watched."""

    def __init__(self, gateway: Gateway, live: LivePolicy) -> None:
        self._gateway = gateway
        self._live = live
        self._ready_file = gateway.data_dir / "ready.json"
        self._key = ""

    async def run(self, stop: asyncio.Event) -> None:
        tasks = [
            asyncio.ensure_future(self._tell_ready()),
            asyncio.ensure_future(self._live.watch(stop, self._told)),
        ]
        try:
            await self._gateway.run(stop, self._prepare)
        finally:
            self._ready_file.unlink(missing_ok=True)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        typer.echo("Stopped.")

    async def _prepare(self, floor: int) -> None:
        """Publish the policies as they are, unless they are broken and an older bundle can serve."""
        try:
            await self._live.publish(floor)
        except CheckFailed as error:
            if await self._gateway.store.current(CHANNEL) is None:
                raise
            self._told(error)
        self._key = await demo_key(self._gateway)

    def _told(self, news: Bundle | BundleError) -> None:
        match news:
            case Bundle():
                typer.echo(f"Policy published: {news.revision}")
            case BundleError():
                typer.echo(f"Policy not published, the last good one stays in force:\n{news}", err=True)

    async def _tell_ready(self) -> None:
        """Write ready.json once calls can be made, and again whenever the active revision changes."""
        told: Ready | None = None
        while True:
            ready = self._gateway.ready()
            if ready is not None and ready != told:
                write_json(self._ready_file, self._ready_document(ready))
                if told is None:
                    typer.echo(snippets(ready, self._key, self._gateway.data_dir, self._gateway.settings))
                else:
                    typer.echo(f"Policy active: {ready.revision}")
                told = ready
            await asyncio.sleep(_POLL_S)

    def _ready_document(self, ready: Ready) -> dict[str, Any]:
        return {
            "base_url": ready.base_url,
            "admin_url": ready.admin_url,
            "api_key": self._key,
            "client_id": "demo",
            "policy_revision": ready.revision,
            "database_url": self._gateway.settings.audit.database,
            "pid": os.getpid(),
        }


def _settings(
    directory: Path,
    bind: str,
    admin_bind: str,
    upstream: str | None,
    key_env: str | None,
    assignments: list[str],
) -> Settings:
    if key_env is not None and upstream is None:
        raise ConfigError("--upstream-key-env: needs --upstream URL")
    served: dict[str, Any] = {"demo": {"kind": "demo"}}
    if upstream is not None:
        entry: dict[str, Any] = {"kind": "openai", "base_url": upstream, "allow_plaintext": True}
        if key_env is not None:
            entry["key"] = {"env": key_env}
        served = {"upstream": entry}
    raw: dict[str, Any] = {
        # Ctrl-C must not wait long for a stream that somebody left open.
        "server": {"bind": bind, "graceful_s": GRACEFUL_S},
        "admin": {"bind": admin_bind},
        "policy": {
            "bundle": {"channel": CHANNEL, "keys": {"dev": str(ensure_dev_keys(directory).public)}},
            "deadline_ms": DEADLINE_MS,
            "canary_channels": ["*"],
        },
        "audit": {"database": f"sqlite:///{directory / 'regogate.db'}"},
        "upstreams": served,
        "telemetry": {"log_level": "warning", "log_format": "console"},
        "data_dir": str(directory),
        "instance": "dev",
    }
    override(raw, assignments)
    settings = build(raw, Path.cwd())
    if problems := unreadable(settings):
        raise ConfigError(problems)
    return settings
