"""`regogate serve`: the gateway from a configuration file."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from dataplane.app import Gateway
from dataplane.cli.check_config import unusable
from dataplane.cli.running import run_until_signal
from dataplane.config import load
from dataplane.errors import ConfigError
from dataplane.opa.install import ensure_opa
from dataplane.telemetry import AccessLog, configure_logging

_log = logging.getLogger("regogate.serve")


def serve(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration file.")] = Path(
        "regogate.yaml"
    ),
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting by its path.")
    ] = None,
) -> None:
    """Run the gateway for production, from a configuration file.

    Logs go to standard error, one line a call to standard output. SIGTERM drains and stops. Check the
    file first with 'regogate check-config'.

    \b
    Examples:
      regogate serve --config /etc/regogate/regogate.yaml
      regogate serve --config regogate.yaml --set telemetry.log_level=debug
    """
    settings = load(config, set_ or [])
    if problems := list(unusable(settings)):
        raise ConfigError(problems)
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
    opa = None
    if settings.policy.opa.socket is None:
        opa = ensure_opa(settings.policy.opa.path, None, lambda line: _log.info(line))
    gateway = Gateway(settings, opa_binary=opa, done=AccessLog(sys.stdout, settings.telemetry.log_format))

    async def work(stop: asyncio.Event) -> None:
        announce = asyncio.ensure_future(_announce(gateway))
        try:
            await gateway.run(stop)
        finally:
            announce.cancel()

    run_until_signal(work)


async def _announce(gateway: Gateway) -> None:
    """Say once that it is ready, and meanwhile now and then why it is not."""
    waited = 0
    while (ready := gateway.ready()) is None:
        await asyncio.sleep(0.1)
        waited += 1
        if waited % 100 == 0:
            _log.warning("not ready", extra={"reasons": gateway.problems()})
    _log.info(
        "ready",
        extra={"base_url": ready.base_url, "admin_url": ready.admin_url, "policy_revision": ready.revision},
    )
