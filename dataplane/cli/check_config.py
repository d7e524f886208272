"""`regogate check-config`: every problem of a configuration file at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from dataplane.bundle.keys import load_public_key
from dataplane.cli.assigned import SetOption
from dataplane.config import Settings, UpstreamSettings, load
from dataplane.database import database_url, parse_url
from dataplane.errors import ConfigError, RegoGateError
from dataplane.identity.jwt_issuer import check_issuer
from dataplane.inspection.moderation import moderation
from dataplane.installation import installation_key
from dataplane.opa.options import RemoteService
from dataplane.opa.version import check_opa
from dataplane.server.tls import Tls, TlsFiles
from dataplane.upstream.routing import Router
from dataplane.upstream.settings import openai_provider


def check_config(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The file to check.")] = Path(
        "regogate.yaml"
    ),
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a configuration file without starting anything.

    Unknown keys, wrong values, and files and variables that cannot be read or hold the wrong thing are
    all reported, one line each.
    Exit codes: 0 the file can be used, 1 it cannot, 2 wrong usage.

    \b
    Examples:
      regogate check-config --config regogate.yaml
      regogate check-config --config regogate.yaml --set server.bind=0.0.0.0:8443 --json
    """
    try:
        settings = load(config, set_ or [])
        problems = list(unusable(settings))
    except ConfigError as error:
        problems = error.problems
    if as_json:
        typer.echo(json.dumps({"ok": not problems, "problems": problems}))
    elif problems:
        for problem in problems:
            typer.echo(problem, err=True)
        typer.echo(f"{config}: {len(problems)} problem{'s' * (len(problems) > 1)}", err=True)
    else:
        typer.echo(f"{config}: ok")
    raise typer.Exit(1 if problems else 0)


def unusable(settings: Settings) -> Iterator[str]:
    """What makes `serve` refuse settings that are well-formed and whose references can be read.

    Opens the files they name, connects to nobody and writes nothing.
    """
    if not settings.upstreams:
        yield "upstreams: name at least one upstream"
    policy = settings.policy
    if not policy.bundle.keys and policy.opa.socket is None:
        yield "policy.bundle.keys: name at least one public key that may sign bundles"
    yield from _not_for_several(settings)
    for path, look in _looks(settings):
        try:
            look()
        except RegoGateError as error:
            for text in error.problems if isinstance(error, ConfigError) else [str(error)]:
                yield text if text.startswith(path) else f"{path}: {text}"


def _not_for_several(settings: Settings) -> Iterator[str]:
    """What several processes cannot share: a file that one writes at a time, counts in a process's memory."""
    workers = settings.server.workers
    if workers == 1:
        return
    if settings.audit.database.startswith("sqlite"):
        yield (
            f"audit.database: {workers} workers need PostgreSQL, this is SQLite; set "
            "postgresql://USER:PASSWORD@HOST/NAME, or server.workers to 1"
        )
    if settings.limits.store == "memory":
        yield (
            f"limits.store: {workers} workers need Redis or Valkey, memory counts in each of them alone; set "
            "redis://HOST:PORT, or server.workers to 1"
        )


def _looks(settings: Settings) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each setting that names a thing, and what is done with the thing at start."""
    policy, tls = settings.policy, settings.server.tls
    yield "audit.database", partial(parse_url, settings.audit.database)
    if settings.audit.password is not None:
        yield "audit.password", partial(database_url, settings.audit)
    if policy.bundle.token is not None:
        yield "policy.bundle.token", policy.sidecar_token
    if settings.audit.hash_key is not None:
        yield "audit.hash_key", partial(installation_key, settings.data_dir, settings.audit.hash_key)
    for name, path in policy.bundle.keys.items():
        yield f"policy.bundle.keys.{name}", partial(load_public_key, path, keyid=name)
    if policy.bundle.url is not None:
        yield "policy.bundle.url", partial(RemoteService, url=policy.bundle.url)
    if policy.opa.path is not None:
        yield "policy.opa.path", partial(check_opa, policy.opa.path)
    if tls is not None:
        yield "server.tls", lambda: Tls(TlsFiles(**dict(tls)))
    for number, issuer in enumerate(settings.identity.jwt):
        yield f"identity.jwt.{number}", partial(check_issuer, issuer)
    for name, advisor in settings.inspection.advisors.items():
        yield f"inspection.advisors.{name}", partial(moderation, name, advisor)
    for name, upstream in settings.upstreams.items():
        if upstream.kind == "openai":
            yield f"upstreams.{name}", partial(_route_to, name, upstream)


def _route_to(name: str, upstream: UpstreamSettings) -> None:
    Router([openai_provider(name, upstream)])
