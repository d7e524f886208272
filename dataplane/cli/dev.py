"""`regogate dev`: everything on embedded defaults, for trying it and for writing policies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.bundle.keys import ensure_dev_keys
from dataplane.cli.assigned import SetOption
from dataplane.cli.state import DEFAULT_DATA_DIR, state_document
from dataplane.config import Settings, accept_plaintext, build, override, unreadable
from dataplane.errors import ConfigError
from dataplane.installation import RUNNING_LOCK, alone, make_private, write_json
from dataplane.opa.install import ensure_opa
from dataplane.shipped import shipped

CHANNEL: Final = "dev"
GRACEFUL_S: Final = 2.0
DEADLINE_MS: Final = 250
"""Five times the default: on the same cores a save runs OPA's check and build, and people their tests."""


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
    set_: SetOption = None,
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
        # Here: whoever asks for --help, or mistyped an option, should not wait for the whole gateway.
        from dataplane.cli.dev_session import run_session
        from dataplane.telemetry import configure_logging

        configure_logging(settings.telemetry.log_level, settings.telemetry.log_format)
        opa = ensure_opa(settings.policy.opa.path, None, lambda line: typer.echo(line, err=True))
        write_json(directory / "state.json", state_document(settings))
        source = (policies or shipped("policies")).absolute()
        run_session(settings, opa, source, channel=CHANNEL, allow_all_models=allow_all_models)


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
        entry: dict[str, Any] = {"kind": "openai", "base_url": upstream}
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
    accept_plaintext(raw)
    settings = build(raw, Path.cwd())
    if problems := unreadable(settings):
        raise ConfigError(problems)
    return settings
