"""Deployment settings: where things are, never who may do what (that is policy's).

The only reader of configuration files, of secret files they name and of environment variables.
`load` reports every problem at once, each with the dotted path of the setting, what is allowed and,
for an unknown key, the nearest one that exists.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from dataplane.errors import ConfigError

_SECRET_FILE_MAX_BYTES = 65_536


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


def split_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `[V6]:PORT` as a pair; port 0 asks the system for a free one."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return host, int(port)


def _address(text: str) -> str:
    split_address(text)
    return text


def _network(text: str) -> str:
    ipaddress.ip_network(text)
    return text


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-_\[\]:]+(/[!-~]*)?", text):
        raise ValueError("must be an http:// or https:// URL without user, query or fragment")
    return text


def is_loopback_url(url: str) -> bool:
    """Whether a URL names this machine by a loopback address or `localhost`."""
    host = re.sub(r"^https?://", "", url).split("/", 1)[0]
    host = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    host = host.strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Address = Annotated[str, AfterValidator(_address)]
Network = Annotated[str, AfterValidator(_network)]
Url = Annotated[str, AfterValidator(_url)]
FilePath = Annotated[Path, Field(strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class SecretRef(_Settings):
    """Where a secret is kept: `{file: PATH}` or `{env: NAME}`. The value itself is never a setting."""

    file: FilePath | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one(self) -> SecretRef:
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of file, env")
        return self

    def read(self) -> str:
        """The secret without surrounding white space; raises `ConfigError` that names the reference only."""
        if self.env is not None:
            value = os.environ.get(self.env, "").strip()
            if not value:
                raise ConfigError(f"environment variable {self.env} is not set or empty")
            return value
        assert self.file is not None
        try:
            if self.file.stat().st_size > _SECRET_FILE_MAX_BYTES:
                raise ConfigError(f"{self.file}: too large for a secret")
            value = self.file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.file}: {getattr(error, 'strerror', None) or 'not text'}") from None
        if not value:
            raise ConfigError(f"{self.file}: is empty")
        return value


class TlsSettings(_Settings):
    """Certificates of the public listener."""

    cert: FilePath
    key: FilePath
    client_ca: FilePath | None = None
    client_auth: Literal["none", "optional", "required"] = "none"
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"

    @model_validator(mode="after")
    def _ca(self) -> TlsSettings:
        if (self.client_auth == "none") != (self.client_ca is None):
            raise ValueError("client_ca and client_auth (optional, required) go together")
        return self


class ServerSettings(_Settings):
    """The public listener."""

    bind: Address = "127.0.0.1:8080"
    tls: TlsSettings | None = None
    trusted_proxies: tuple[Network, ...] = Field(default=(), strict=False)
    max_body_bytes: int = Field(default=10_000_000, ge=1024, le=1_000_000_000)
    head_timeout_s: float = Field(default=20, gt=0, le=30)
    body_timeout_s: float = Field(default=30, gt=0, le=30)
    write_timeout_s: float = Field(default=60, gt=0)
    keep_alive_s: float = Field(default=75, gt=0)
    graceful_s: float = Field(default=10, ge=0)


class AdminSettings(_Settings):
    """The admin listener: channel server, OPA's status, metrics, health details. Keep it private."""

    bind: Address = "127.0.0.1:8081"


class OpaSettings(_Settings):
    """The policy engine: a binary to run as a child, or the socket of one that runs already."""

    path: FilePath | None = None
    socket: FilePath | None = None

    @model_validator(mode="after")
    def _one(self) -> OpaSettings:
        if self.path is not None and self.socket is not None:
            raise ValueError("give path (run OPA as a child) or socket (OPA runs already), not both")
        return self


class BundleSettings(_Settings):
    """Which signed bundle counts: its channel, the public keys that may sign it, where it comes from.

    Without `url` the gateway's own channel server serves what `regogate bundle publish` put into the
    data directory.
    """

    url: Url | None = None
    token: SecretRef | None = None
    channel: Name = "prod"
    keys: dict[Name, FilePath] = Field(default_factory=dict)


class PolicySettings(_Settings):
    """How OPA is asked."""

    opa: OpaSettings = OpaSettings()
    bundle: BundleSettings = BundleSettings()
    deadline_ms: int = Field(default=50, ge=1, le=10_000)
    connections: int = Field(default=32, ge=1, le=1024)


class IdentitySettings(_Settings):
    """How callers prove who they are."""

    api_keys: bool = True


class AuditSettings(_Settings):
    """The record of every call. `hash_key` keys the digests; made in the data directory if not given."""

    database: str = "sqlite:///regogate.db"
    commit_timeout_ms: int = Field(default=2000, ge=10, le=60_000)
    queue: int = Field(default=10_000, ge=1, le=1_000_000)
    beat_s: float = Field(default=60, gt=0)
    hash_key: SecretRef | None = None


class LimitSettings(_Settings):
    """Where quantities are held."""

    store: Literal["memory"] = "memory"


class UpstreamSettings(_Settings):
    """One provider. `kind: demo` is the embedded model and takes no other setting but `models`."""

    kind: Literal["openai", "demo"] = "openai"
    base_url: Url | None = None
    key: SecretRef | None = None
    models: tuple[str, ...] = Field(default=("*",), strict=False)
    allow_plaintext: bool = False
    ca_file: FilePath | None = None
    connect_timeout_s: float = Field(default=5, gt=0)
    head_timeout_s: float = Field(default=600, gt=0)
    idle_timeout_s: float = Field(default=300, gt=0)

    @model_validator(mode="after")
    def _whole(self) -> UpstreamSettings:
        if (self.kind == "demo") != (self.base_url is None):
            raise ValueError("base_url is required for kind openai and has no place in kind demo")
        if (
            self.base_url is not None
            and self.base_url.startswith("http://")
            and not self.allow_plaintext
            and not is_loopback_url(self.base_url)
        ):
            raise ValueError("plain http only to loopback, or with allow_plaintext: true on this upstream")
        return self


class TelemetrySettings(_Settings):
    """Logs of the process."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"


class Settings(_Settings):
    """Everything a deployment sets; `regogate.yaml` has the same shape."""

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    policy: PolicySettings = PolicySettings()
    identity: IdentitySettings = IdentitySettings()
    audit: AuditSettings = AuditSettings()
    limits: LimitSettings = LimitSettings()
    upstreams: dict[Name, UpstreamSettings] = Field(default_factory=dict)
    telemetry: TelemetrySettings = TelemetrySettings()
    data_dir: FilePath = Path("regogate-data")
    instance: Name = "gateway-1"


class _StrictLoader(yaml.SafeLoader):
    """YAML with string keys, no key twice and no aliases (which can expand without bound)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(None, None, "aliases are not allowed", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.MarkedYAMLError(None, None, "keys must be strings", key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=True)


def parse_yaml(text: str, where: str) -> Any:
    """Strict YAML; raises `ConfigError` with `where:line:column`."""
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506  a SafeLoader made stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{where}{at}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigError(f"{where}: not YAML") from None


def _keys_at(path: tuple[str | int, ...]) -> list[str]:
    """The keys allowed at a dotted path of `Settings`."""
    model: type[BaseModel] | None = Settings
    for part in path:
        if model is None:
            return []
        if part in model.model_fields:  # otherwise the NAME in a mapping such as upstreams.NAME
            model = _model_in(_kinds(model.model_fields[str(part)].annotation))
    return list(model.model_fields) if model is not None else []


def _explain(error: ValidationError) -> list[str]:
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        path = tuple(part for part in item["loc"] if part != "[key]")
        dotted = ".".join(str(part) for part in path) or "(top level)"
        match item["type"]:
            case "extra_forbidden":
                allowed = _keys_at(path[:-1])
                near = difflib.get_close_matches(str(path[-1]), allowed, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                problems.append(f"{dotted}: unknown key{hint} (allowed here: {', '.join(allowed)})")
            case "literal_error":
                problems.append(f"{dotted}: must be {item['ctx']['expected']}")
            case _:
                message = item["msg"].removeprefix("Value error, ")
                problems.append(f"{dotted}: {message[:1].lower()}{message[1:]}")
    return problems


def _kinds(annotation: Any) -> set[Any]:
    """Every type that takes part in an annotation, unions, mappings and `Annotated` opened."""
    parts = get_args(annotation)
    return {annotation, get_origin(annotation)} | {kind for part in parts for kind in _kinds(part)}


def _model_in(kinds: set[Any]) -> type[BaseModel] | None:
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _absolute(raw: Any, base: Path, model: type[BaseModel]) -> None:
    """Make every relative path in raw settings relative to the folder of the file they stand in."""
    if not isinstance(raw, dict):
        return
    for name, inner in list(raw.items()):
        field = model.model_fields.get(name)
        if field is None:
            continue
        kinds = _kinds(field.annotation)
        nested = _model_in(kinds)
        match inner:
            case dict() if nested is not None and dict in kinds:
                for entry in inner.values():
                    _absolute(entry, base, nested)
            case dict() if nested is not None:
                _absolute(inner, base, nested)
            case dict() if Path in kinds:
                raw[name] = {k: str(base / v) if isinstance(v, str) else v for k, v in inner.items()}
            case str() if Path in kinds:
                raw[name] = str(base / inner)
            case _:
                pass


def build(raw: Any, base: Path) -> Settings:
    """Settings from parsed YAML; relative paths and SQLite files are taken from `base`."""
    if not isinstance(raw, dict):
        raise ConfigError("(top level): must be a mapping of settings")
    _absolute(raw, base, Settings)
    audit = raw.get("audit")
    url = audit.get("database") if isinstance(audit, dict) else None
    if isinstance(url, str) and re.match(r"sqlite:///[^/]", url):
        raw["audit"]["database"] = f"sqlite:///{base / url.removeprefix('sqlite:///')}"
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def override(raw: dict[str, Any], assignments: Iterable[str]) -> None:
    """Apply `dotted.path=YAML` settings to raw settings in place."""
    for text in assignments:
        path, equals, value = text.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set {path}: must be KEY=VALUE, such as server.max_body_bytes=1000000")
        node = raw
        *parents, last = path.split(".")
        for part in parents:
            inner = node.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {path}: {part} is not a mapping")
            node = inner
        node[last] = parse_yaml(value, f"--set {path}")


def load(path: Path, assignments: Iterable[str] = ()) -> Settings:
    """Settings from a file. Raises `ConfigError` with every problem, unreadable references included."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    raw = parse_yaml(text, str(path))
    if raw is None:
        raw = {}
    if isinstance(raw, dict):
        override(raw, assignments)
    settings = build(raw, path.resolve().parent)
    if problems := unreadable(settings):
        raise ConfigError(problems)
    return settings


def unreadable(settings: Settings) -> list[str]:
    """Every file or variable that settings refer to and that cannot be read, by dotted path."""
    problems: list[str] = []

    def look(value: Any, path: str) -> None:
        match value:
            case SecretRef():
                try:
                    value.read()
                except ConfigError as error:
                    problems.append(f"{path}: {error}")
            case BaseModel():
                for name in type(value).model_fields:
                    look(getattr(value, name), f"{path}.{name}" if path else name)
            case Mapping():
                for name, inner in value.items():
                    look(inner, f"{path}.{name}")
            case Path() if path not in _MADE_BY_US:
                if not value.exists():
                    problems.append(f"{path}: {value}: no such file")
                elif not os.access(value, os.R_OK):
                    problems.append(f"{path}: {value}: permission denied")
            case _:
                pass

    look(settings, "")
    return problems


_MADE_BY_US = frozenset({"data_dir", "policy.opa.socket"})
"""Paths that need not exist when settings are read."""
