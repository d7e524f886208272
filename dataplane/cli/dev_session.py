"""What `regogate dev` runs: the gateway, and the policies that are published whenever they are saved."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any, Final

import typer

from dataplane.app import Gateway
from dataplane.app_listen import Ready
from dataplane.bundle.errors import BundleError, CheckFailed
from dataplane.bundle.kept_builds import KeptBuilds
from dataplane.bundle.keys import ensure_dev_keys, load_signing_key
from dataplane.bundle.live import LivePolicy
from dataplane.bundle.model import Bundle
from dataplane.cli.dev_demo import demo_key, demo_overlay, snippets
from dataplane.cli.running import run_until_signal
from dataplane.config import Settings
from dataplane.installation import write_json
from dataplane.opa.cache import default_cache
from dataplane.shipped import shipped
from dataplane.telemetry import AccessLog

_POLL_S: Final = 0.03
_LATER_POLL_S: Final = 0.1
"""How often it is looked whether calls can be made, before and after they could first."""


def run_session(
    settings: Settings, opa: Path, policies: Path, *, channel: str, allow_all_models: bool
) -> None:
    """Serve until Ctrl-C, with the policies of a directory in `channel`."""
    gateway = Gateway(settings, opa_binary=opa, done=AccessLog(sys.stdout, settings.telemetry.log_format))
    live = LivePolicy(
        policies,
        opa=opa,
        capabilities=shipped("opa/capabilities.json"),
        key=load_signing_key(ensure_dev_keys(gateway.data_dir).private, keyid="dev"),
        store=gateway.store,
        channel=channel,
        overlay=demo_overlay(allow_all_models=allow_all_models),
        kept=KeptBuilds(default_cache(os.environ) / "bundles", overlay=f"demo {allow_all_models}"),
    )
    run_until_signal(_Session(gateway, live, channel).run)


class _Session:
    """One run of `dev`: first bundle and demo key, ready.json while it serves, policies watched."""

    def __init__(self, gateway: Gateway, live: LivePolicy, channel: str) -> None:
        self._gateway = gateway
        self._live = live
        self._channel = channel
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
            if await self._gateway.store.current(self._channel) is None:
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
            await asyncio.sleep(_POLL_S if told is None else _LATER_POLL_S)

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
