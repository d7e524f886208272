"""The reference pages under docs/, written from what the program itself says.

`python -m tests.docs_reference` writes them; `tests/docs` compares the committed pages with `pages()`, so
a setting, reason, command or doubt that is added without this command fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import annotated_types
import typer
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from dataplane.cli import app, dev
from dataplane.config import Address, Name, Network, SecretRef, Settings, Url
from dataplane.server.doubts import DOUBTS
from tests.docs_reasons import reasons_page
from tests.docs_signals import signals_page

ROOT: Final = Path(__file__).resolve().parent.parent

ABOUT: Final[dict[str, str]] = {
    "server.bind": "Where applications call. Port 0 takes a free one.",
    "server.workers": "Processes that take calls. More than one needs PostgreSQL (`audit.database`) and "
    "Redis or Valkey (`limits.store`).",
    "server.tls": "Certificates of the public listener; without it, plain HTTP.",
    "server.tls.cert": "Certificate chain, PEM.",
    "server.tls.key": "Its private key, PEM, not encrypted.",
    "server.tls.client_ca": "Authorities whose client certificates are taken, PEM.",
    "server.tls.client_crl": "Their lists of revoked certificates, PEM: a current one of each authority.",
    "server.tls.client_auth": "Whether callers may or must show a certificate.",
    "server.tls.min_version": "Oldest protocol version taken.",
    "server.trusted_proxies": "Peers whose headers about their callers are believed. Nobody else's are.",
    "server.forwarded.address": "The header in which they name the caller's address. Others have no effect.",
    "server.forwarded.certificate": "The header in which they hand on the caller's certificate: RFC 9440's "
    "or Envoy's (see [Client certificates](guide-mtls.md)).",
    "server.max_body_bytes": "Larger request bodies are refused with 413.",
    "server.head_timeout_s": "Time for a request's head, and for the TLS handshake.",
    "server.body_timeout_s": "Time for the whole body.",
    "server.write_timeout_s": "How long a caller may take nothing of its answer.",
    "server.keep_alive_s": "How long a connection may idle between requests.",
    "server.graceful_s": "What calls under way get to finish when the gateway stops.",
    "admin.bind": "Health with reasons, metrics, channel server. Keep it off public networks.",
    "policy.opa.path": "The OPA to run as a child. Left out: found or built (see `regogate opa install`).",
    "policy.opa.socket": "The unix socket of an OPA that runs already (sidecar). Nothing is spawned.",
    "policy.bundle.url": "Where OPA fetches its bundle; https, or http on loopback. Left out: this "
    "gateway's own channel server, filled by `regogate bundle publish`.",
    "policy.bundle.kind": "What answers at `policy.bundle.url`: `http`, `s3` (requests are signed with "
    "`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and `AWS_REGION` of the environment) "
    "or `oci` (the URL names repository and tag).",
    "policy.bundle.token": "Bearer token for `policy.bundle.url`; for `oci` also `USER:PASSWORD`. "
    "Without a URL, beside `policy.opa.socket`: what that OPA shows at the admin address for bundles and its "
    "status, 16 characters or more.",
    "policy.bundle.channel": "The channel a bundle must have been signed for.",
    "policy.bundle.keys": "Public keys (P-256, PEM) that may sign bundles, by key id. Required unless "
    "`policy.opa.socket` is set.",
    "policy.deadline_ms": "Time for one decision; a later answer is a refusal.",
    "policy.connections": "Connections kept to OPA.",
    "policy.canary_channels": "Channels beside the gateway's own whose bundles may decide as a "
    "canary; `*`: any that the keys signed for.",
    "identity.api_keys": "Take API keys made by `regogate keys create`.",
    "identity.keys.max_age_days": "A key this old is refused, whatever its expiry says. 0: no maximum age.",
    "identity.keys.warn_days": "How long before a key ends it is warned about: in the log, a metric and "
    "`regogate keys list`.",
    "identity.keys.unused_days": "A key without a call for so long is a finding of `regogate keys audit`.",
    "identity.keys.max_stale_s": "How long known keys go on while the database is down and a revocation "
    "cannot be seen; then calls are refused with 503.",
    "identity.jwt": "Issuers whose tokens are taken (see [JWT and OIDC](guide-jwt.md)). N is one's "
    "place, from 0.",
    "identity.jwt.N.issuer": "Its exact name, as in `iss`. Without `jwks_url` and `jwks_file` also its URL: "
    "keys are found by discovery.",
    "identity.jwt.N.audience": "Names of this gateway; `aud` must have one of them.",
    "identity.jwt.N.algorithms": "What its keys may sign with. There are no symmetric ones.",
    "identity.jwt.N.jwks_url": "Where its keys are; https, or http on loopback.",
    "identity.jwt.N.jwks_file": "Its keys in a file, read again when it changes.",
    "identity.jwt.N.types": "What `typ` in a token's header may be; `none`: it may be left out.",
    "identity.jwt.N.require.claims": "Claims that every token must have; else 401.",
    "identity.jwt.N.require.scopes": "Scopes that every token must have; else 403 `insufficient_scope`.",
    "identity.jwt.N.claims.client": "Where the client id stands: the name of a claim or a dotted path; of "
    "several the first that is there. Likewise the next ones.",
    "identity.jwt.N.claims.subject": "The person or account behind the client.",
    "identity.jwt.N.claims.tenant": "The organisation, a key of `tenants.yaml`.",
    "identity.jwt.N.claims.roles": "A list of texts, or one text.",
    "identity.jwt.N.claims.groups": "A list of texts, or one text.",
    "identity.jwt.N.claims.scopes": "A text with spaces between scopes, or a list of texts.",
    "identity.jwt.N.claims.visible": "Claims that policy sees as `input.identity.claims`, by these names.",
    "identity.jwt.N.leeway_s": "How far its clock and ours may differ.",
    "identity.jwt.N.jwks_max_age_s": "How long keys count while they cannot be fetched.",
    "identity.jwt.N.jwks_refresh_s": "Least time between two fetches that unknown keys cause.",
    "identity.jwt.N.introspection": "Ask the issuer about each token, too (RFC 7662).",
    "identity.jwt.N.introspection.url": "Its endpoint; https, or http on loopback.",
    "identity.jwt.N.introspection.client_id": "Who asks.",
    "identity.jwt.N.introspection.client_secret": "The secret of who asks.",
    "identity.jwt.N.introspection.cache_s": "How long an answer holds.",
    "identity.jwt.N.revoked_file": "Tokens that were taken back: a line each, `jti` or `sha256:HEX`.",
    "identity.jwt.N.ca_file": "Authorities to trust instead of the system's, PEM.",
    "identity.jwt.N.allow_plaintext": "Allow plain http to a host that is not loopback.",
    "identity.mtls": "Callers known by their certificate (see [Client certificates](guide-mtls.md)).",
    "identity.mtls.clients": "Names in certificates and who they are; the first that fits. N is one's place, "
    "from 0.",
    "identity.mtls.clients.N.by": "Where the name stands. A SPIFFE ID is a `san_uri`.",
    "identity.mtls.clients.N.pattern": "What the whole name must be; `{client}` and `{tenant}` stand for "
    "letters, digits and `. _ -`, in DNS names for one label.",
    "identity.mtls.clients.N.client": "The client, where the pattern does not give it.",
    "identity.mtls.clients.N.tenant": "The tenant, where the pattern does not give it.",
    "audit.database": "Records and API keys: `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`.",
    "audit.password": "The password of `audit.database`, where the URL has none.",
    "audit.commit_timeout_ms": "How long a call waits for its record before it is refused.",
    "audit.queue": "Calls that may wait for their record at once.",
    "audit.beat_s": "Time between two `beat` records.",
    "audit.hash_key": "At least 32 bytes in hexadecimal; keys the digests of API keys and bodies. Left "
    "out: made in `data_dir`. Give the same to every replica.",
    "limits.store": "Where limits are counted: in this process, or for all processes in one Redis or Valkey, "
    "`redis://[USER@]HOST[:PORT][/DB]`, `rediss://...` (TLS) or `unix:///SOCKET`.",
    "limits.password": "Its password. Read again for each connection.",
    "limits.ca_file": "Authorities of its certificate, PEM. Left out: the system's.",
    "limits.cluster": "The store is a Redis Cluster; the URL names any of its nodes.",
    "limits.timeout_ms": "Time for its answer. After that calls are refused or counted locally, "
    "at once, until it is back.",
    "limits.processes": "How many processes share the limits at least; while the store is away each "
    "counts an equal part of request rates and parallel calls. More are noticed by themselves.",
    "limits.share": "This region's part of every amount, where several regions share limits, each with a "
    "store of its own.",
    "inspection.advisors": "What may judge texts beside the detectors (see [Advisors](guide-advisors.md)), "
    "by the names that `detectors.yaml` calls them. None is asked unless policy says so.",
    "inspection.advisors.NAME.kind": "A moderation service of OpenAI's shape.",
    "inspection.advisors.NAME.base_url": "Base with or without a path such as `/v1`; `/moderations` is "
    "added. https, or http on loopback.",
    "inspection.advisors.NAME.key": "Its key. Left out: none is sent.",
    "inspection.advisors.NAME.model": "The model to ask. Left out: the service's own choice.",
    "inspection.advisors.NAME.timeout_ms": "Time for its opinion of one request or answer, waiting for "
    "others included.",
    "inspection.advisors.NAME.concurrency": "Questions at once; four times as many may wait.",
    "inspection.advisors.NAME.allow_plaintext": "Allow plain http to a host that is not loopback.",
    "inspection.advisors.NAME.ca_file": "Authorities to trust instead of the system's, PEM.",
    "upstreams": "The providers, by a name of your choice. The first that names a model exactly serves "
    "it, else the first whose pattern matches.",
    "upstreams.NAME.kind": "`openai`: an OpenAI-compatible API. `demo`: the embedded model, which takes "
    "no other setting but `models`.",
    "upstreams.NAME.base_url": "Base with or without a path such as `/v1`. Required for `openai`.",
    "upstreams.NAME.key": "The provider's key. Left out: none is sent.",
    "upstreams.NAME.models": "Models it serves; exact, or ending in one `*`.",
    "upstreams.NAME.allow_plaintext": "Allow plain http to a host that is not loopback.",
    "upstreams.NAME.ca_file": "Authorities to trust instead of the system's, PEM.",
    "upstreams.NAME.connect_timeout_s": "Time to connect, TLS included.",
    "upstreams.NAME.head_timeout_s": "Time until the provider's answer begins.",
    "upstreams.NAME.idle_timeout_s": "Longest silence within an answer.",
    "telemetry.log_level": "Least level that is logged.",
    "telemetry.log_format": "`json`: one object a line. `console`: for reading.",
    "data_dir": "Private files of this installation; made with mode 0700.",
    "instance": "Name of this gateway among its replicas; unique.",
}
"""What a setting does, by dotted path. The one thing here that the program does not say itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its dotted path, what it may be, its default as YAML (None: required)."""

    path: str
    kind: str
    default: str | None


def settings(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[Setting]:
    """Every setting, in the order of the file."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        inner = _model(field.annotation)
        if inner is None or inner is SecretRef:
            yield Setting(path=path, kind=_kind(field), default=_default(field))
        elif get_origin(field.annotation) is tuple:
            yield Setting(path=path, kind="list of the settings below", default=_default(field))
            yield from settings(inner, f"{path}.N.")
        elif get_origin(field.annotation) is dict:
            yield Setting(path=path, kind="mapping of NAME to the settings below", default=_default(field))
            yield from settings(inner, f"{path}.NAME.")
        elif _optional(field.annotation):
            yield Setting(path=path, kind="mapping", default=_default(field))
            yield from settings(inner, f"{path}.")
        else:
            yield from settings(inner, f"{path}.")


def _parts(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, UnionType):
        return tuple(part for part in get_args(annotation) if part is not type(None))
    return (annotation,)


def _optional(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


def _model(annotation: Any) -> type[BaseModel] | None:
    """The settings model that an annotation holds, alone, optional or as the values of a mapping."""
    if get_origin(annotation) is Annotated:
        return None
    for part in _parts(annotation):
        if get_origin(part) is dict:
            return _model(get_args(part)[1])
        if get_origin(part) is tuple:
            return _model(get_args(part)[0])
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _kind(field: FieldInfo) -> str:
    # pydantic moves the metadata of an outermost Annotated into the field: put it back to compare
    annotation: Any = field.annotation
    if any(isinstance(item, BeforeValidator) for item in field.metadata):
        return "text or list of text"
    metadata = [item for item in field.metadata if type(item).__module__.startswith("pydantic.functional")]
    if metadata:
        annotation = Annotated[annotation, *metadata]
    kind = _named(annotation)
    if annotation is str and any(getattr(item, "pattern", None) for item in field.metadata):
        kind = _named(Name)
    bounds = []
    for item in field.metadata:
        match item:
            case annotated_types.Ge(ge=value):
                bounds.append(f"at least {value}")
            case annotated_types.Gt(gt=value):
                bounds.append(f"above {value}")
            case annotated_types.Le(le=value):
                bounds.append(f"at most {value}")
    return ", ".join([kind, *bounds])


def _named(annotation: Any) -> str:
    names = {
        Address: "`HOST:PORT`",
        Network: "CIDR block",
        Url: "URL",
        Name: "name",
        SecretRef: "`{file: PATH}` or `{env: NAME}`",
        Path: "path",
        bool: "true or false",
        int: "integer",
        float: "number",
        str: "text",
    }
    if (name := next((text for known, text in names.items() if known == annotation), None)) is not None:
        return name
    if _optional(annotation):
        return _named(_parts(annotation)[0])
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _named(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_named(arguments[0])}"
    if origin is dict:
        return f"mapping of {_named(arguments[0])} to {_named(arguments[1])}"
    raise TypeError(f"no words for {annotation}")


def _default(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True)
    match value:
        case None:
            return ""
        case BaseModel():
            return ""
        case tuple() | list():
            return "[" + ", ".join(f'"{item}"' if "*" in str(item) else str(item) for item in value) + "]"
        case dict():
            return "{}"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def settings_page() -> str:
    """docs/reference-settings.md"""
    rows = []
    for one in settings():
        default = "required" if one.default is None else f"`{one.default}`" if one.default else ""
        rows.append((f"`{one.path}`", one.kind, default, ABOUT[one.path]))
    return _page(
        "Settings",
        "Every setting of `regogate.yaml`. `--set PATH=VALUE` of `serve`, `dev` and `check-config` overrides "
        "one; VALUE is YAML. Relative paths, defaults too, are taken from the file's folder. An unknown "
        "key is refused. [regogate.example.yaml](../regogate.example.yaml) has them all with comments. "
        f"`regogate dev` starts with `server.graceful_s` {dev.GRACEFUL_S:g} and `policy.deadline_ms` "
        f"{dev.DEADLINE_MS}.",
        _table(("setting", "value", "default", "what it does"), rows),
    )


def doubts_page() -> str:
    """docs/reference-doubts.md"""
    rows = [(f"`{code}`", str(one.status), one.sentence) for code, one in DOUBTS.items()]
    return _page(
        "Framing faults",
        "What can be wrong with a request's framing. It is refused before anything reads it, recorded as "
        "`gateway.framing` (`gateway.body_too_large` for 413, `gateway.headers_too_large` for 431), and the "
        "connection is closed. With status 400 the code stands in the error body.",
        _table(("code", "status", "message"), rows),
    )


def commands(command: Any = None, name: str = "regogate") -> Iterator[tuple[str, str]]:
    """Every command and its help, in the order in which help lists them."""
    command = typer.main.get_command(app) if command is None else command
    yield name, help_of(command, name)
    if hasattr(command, "list_commands"):
        with command.make_context(name, [], resilient_parsing=True) as context:
            for inner in command.list_commands(context):
                yield from commands(command.get_command(context, inner), f"{name} {inner}")


def help_of(command: Any, name: str) -> str:
    """The text of `NAME --help` at a width of 100 columns, without trailing white space."""
    with command.make_context(
        name, [], resilient_parsing=True, terminal_width=98, max_content_width=100
    ) as context:
        text = str(command.get_help(context))
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def commands_page() -> str:
    """docs/reference-commands.md"""
    parts = [f"## {name}\n\n```text\n{text}```" for name, text in commands()]
    return _page("Commands", "What `regogate COMMAND --help` prints.", *parts)


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _page(title: str, intro: str, *parts: str) -> str:
    note = "<!-- Written by `python -m tests.docs_reference`; edit the source, not this page. -->"
    return "\n\n".join((f"# {title}", note, intro, *parts)) + "\n"


def pages() -> Mapping[Path, str]:
    """Every reference page and its text."""
    return {
        ROOT / "docs/reference-settings.md": settings_page(),
        ROOT / "docs/reference-reasons.md": reasons_page(_page, _table),
        ROOT / "docs/reference-commands.md": commands_page(),
        ROOT / "docs/reference-doubts.md": doubts_page(),
        ROOT / "docs/reference-signals.md": signals_page(_page, _table),
    }


if __name__ == "__main__":
    for page, content in pages().items():
        page.write_text(content, "utf-8")
        print(page.relative_to(ROOT))
