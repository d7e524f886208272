"""A worker of `regogate serve --workers N`: `python -m dataplane.cli.worker NUMBER FD`, by its parent only.

What to be it reads from the file descriptor; the settings are the parent's, so that an edited file or an
environment that changed meanwhile makes no worker differ from the others.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys

import orjson

from dataplane.app_workers import WorkerGateway
from dataplane.cli.running import run_until_signal
from dataplane.config import Settings
from dataplane.errors import ConfigError, RegoGateError
from dataplane.inspection import compiled
from dataplane.opa.cache import default_cache
from dataplane.telemetry import AccessLog, configure_logging
from dataplane.workers.report import Report, keep_reporting, read_order

_log = logging.getLogger("regogate.worker")


def main(number: int, fd: int) -> int:
    """Serve until told to stop or the parent is gone; the exit status."""
    compiled.keep_in(default_cache(os.environ) / "patterns")
    wire = socket.socket(fileno=fd)
    try:
        order = read_order(wire)
    except OSError:
        wire.close()
        return 1
    settings = Settings.model_validate_json(orjson.dumps(order["settings"]))
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
    _say_who(number)
    access = AccessLog(sys.stdout, settings.telemetry.log_format)
    try:
        gateway = WorkerGateway(settings, number=number, candidates=order["candidates"], done=access)
        run_until_signal(lambda stop: _work(gateway, wire, stop), service=True)
    except ConfigError as error:
        _log.error("cannot serve", extra={"problems": error.problems})
        return 1
    except RegoGateError as error:
        _log.error("cannot serve", extra={"problems": [str(error)]})
        return 1
    return 0


async def _work(gateway: WorkerGateway, wire: socket.socket, stop: asyncio.Event) -> None:
    def report() -> Report:
        problems = tuple(gateway.problems())
        return Report(serving=gateway.serving, problems=problems, metrics=gateway.metrics.text().decode())

    async def until_alone() -> None:
        await keep_reporting(wire, report)
        os._exit(1)  # the parent is gone, and OPA with it: nothing is left to decide by

    reporting = asyncio.ensure_future(until_alone())
    try:
        await gateway.run(stop)
    finally:
        reporting.cancel()


def _say_who(number: int) -> None:
    """Every log line of this process names its worker."""

    def mark(record: logging.LogRecord) -> bool:
        record.worker = number
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(mark)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
