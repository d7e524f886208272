"""Where the commands that read or change state find it: `--config FILE` or `--data-dir DIR`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from dataplane.config import AuditSettings, KeySettings, SecretRef, Settings, load
from dataplane.database import database_url
from dataplane.errors import ConfigError
from dataplane.installation import installation_key, read_json

DEFAULT_DATA_DIR = Path(".regogate")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The deployment's regogate.yaml.")
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="The data directory of 'regogate dev' (default .regogate)."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a command needs to reach the database of an installation, running or stopped."""

    database_url: str = field(repr=False)
    installation_key: bytes = field(repr=False)
    data_dir: Path
    keys: KeySettings = field(default_factory=KeySettings)


def open_state(config: Path | None, data_dir: Path | None) -> State:
    """The state of a deployment or a `dev` directory. Raises `ConfigError` where there is none."""
    if config is not None and data_dir is not None:
        raise ConfigError("give --config or --data-dir, not both")
    if config is not None:
        settings = load(config)
        return State(
            database_url=database_url(settings.audit),
            installation_key=installation_key(settings.data_dir, settings.audit.hash_key),
            data_dir=settings.data_dir,
            keys=settings.identity.keys,
        )
    directory = (data_dir or DEFAULT_DATA_DIR).absolute()
    state = read_json(directory / "state.json")
    if "database_url" not in state:
        raise ConfigError(f"{directory}: no gateway has run here; start 'regogate dev' or give --config FILE")
    password = _reference(state.get("password"), directory)
    return State(
        database_url=database_url(AuditSettings(database=str(state["database_url"]), password=password)),
        installation_key=installation_key(directory, _reference(state.get("hash_key"), directory)),
        data_dir=directory,
        keys=_key_settings(state.get("keys"), directory),
    )


def _key_settings(written: object, directory: Path) -> KeySettings:
    try:
        return KeySettings() if written is None else KeySettings.model_validate(written)
    except ValidationError:
        raise ConfigError(f"{directory / 'state.json'}: unreadable; start 'regogate dev' again") from None


def _reference(written: object, directory: Path) -> SecretRef | None:
    """Where a secret of `audit` is kept, if the gateway was told a place."""
    try:
        return None if written is None else SecretRef.model_validate(written)
    except ValidationError:
        raise ConfigError(f"{directory / 'state.json'}: unreadable; start 'regogate dev' again") from None


def state_document(settings: Settings) -> dict[str, Any]:
    """What `state.json` holds, for `open_state`: no secret but what stands in the database's URL."""
    audit = settings.audit
    return {
        "database_url": audit.database,
        "password": None if audit.password is None else audit.password.model_dump(mode="json"),
        "hash_key": None if audit.hash_key is None else audit.hash_key.model_dump(mode="json"),
        "keys": settings.identity.keys.model_dump(mode="json"),
    }
