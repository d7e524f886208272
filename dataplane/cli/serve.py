"""`regogate serve`: the gateway from a configuration file, in one process or several."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dataplane.cli.assigned import SetOption
from dataplane.config import Settings, load
from dataplane.errors import ConfigError
from dataplane.installation import RUNNING_LOCK, alone, make_private
from dataplane.opa.install import ensure_opa

if TYPE_CHECKING:
    from dataplane.app import Gateway

WORKER: Final = (sys.executable, "-m", "dataplane.cli.worker")

_log = logging.getLogger("regogate.serve")


def serve(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration file.")] = Path(
        "regogate.yaml"
    ),
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            help="Processes that take calls, instead of the file's server.workers. More than one needs "
            "PostgreSQL and Redis or Valkey.",
        ),
    ] = None,
    set_: SetOption = None,
) -> None:
    """Run the gateway for production, from a configuration file.

    Logs go to standard error, one line a call to standard output. SIGTERM drains and stops. Check the
    file first with 'regogate check-config'.

    \b
    Examples:
      regogate serve --config /etc/regogate/regogate.yaml
      regogate serve --config regogate.yaml --workers 4
      regogate serve --config regogate.yaml --set telemetry.log_level=debug
    """
    overrides = [*(set_ or []), *([] if workers is None else [f"server.workers={workers}"])]
    settings = load(config, overrides)
    # Here: whoever asks for --help, or wrote a file that is refused, should not wait for the whole gateway.
    from dataplane.app import Gateway
    from dataplane.app_workers import Instance
    from dataplane.cli.check_config import unusable
    from dataplane.cli.running import run_until_signal
    from dataplane.telemetry import AccessLog, configure_logging

    if problems := list(unusable(settings)):
        raise ConfigError(problems)
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
    opa = None
    if settings.policy.opa.socket is None:
        opa = ensure_opa(settings.policy.opa.path, None, lambda line: _log.info(line))
    with _alone(settings):
        gateway: Gateway
        if settings.server.workers > 1:
            gateway = Instance(settings, opa_binary=opa, program=WORKER)
        else:
            access = AccessLog(sys.stdout, settings.telemetry.log_format)
            gateway = Gateway(settings, opa_binary=opa, done=access)
        run_until_signal(lambda stop: _work(gateway, stop), service=True)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold what one gateway at a time may use: the data directory, and a database that is a file."""
    directory = make_private(settings.data_dir.absolute())
    taken = (
        f"data_dir: another gateway runs in {directory}; stop it, or give each a data_dir and an "
        "instance of its own"
    )
    from dataplane.database import parse_url

    with alone(directory / RUNNING_LOCK, taken):
        url = parse_url(settings.audit.database)
        if url.get_backend_name() != "sqlite":
            yield
            return
        file = Path(url.database or "").absolute()
        file.parent.mkdir(parents=True, exist_ok=True)
        taken = (
            f"audit.database: another gateway writes to {file}; stop it, or use PostgreSQL (and Redis for "
            "limits.store) for several"
        )
        with alone(file.with_name(f"{file.name}.lock"), taken):
            yield


async def _work(gateway: Gateway, stop: asyncio.Event) -> None:
    announce = asyncio.ensure_future(_announce(gateway))
    try:
        await gateway.run(stop)
    finally:
        announce.cancel()


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
