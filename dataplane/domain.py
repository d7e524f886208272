"""The nouns of one call, in the order in which the pipeline learns them.

All are frozen but `CallState`, which is the account of one call as it is told so far. Times are
Unix nanoseconds unless a name says otherwise; money is micro-USD; texts are `str`, bodies `bytes`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from dataplane.findings import NOTHING_FOUND, Finding, Inspection
from dataplane.frozen import quick_init
from dataplane.quantities import UNKNOWN_USAGE, Limit, Price, Usage

JsonScalar = str | int | float | bool | None
Json = JsonScalar | list["Json"] | dict[str, "Json"]
"""A JSON value as the strict reader gives it. A float may be any object whose `bytes()` are its digits."""


# --- 1. guard -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFacts:
    """What the connection proved: protocol such as `TLSv1.3`, and the peer certificate in DER."""

    version: str
    peer_certificate: bytes | None = None


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A request before its body. `path` is the raw path as sent, without query, ASCII only."""

    request_id: str
    method: str
    path: str
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    http_version: str
    peer_ip: str
    tls: TlsFacts | None = None

    def header(self, name: bytes) -> str | None:
        """The first value of a header (lower-case name), or None."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return None


# --- 2. operation -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a method and path mean. `id` is such as `chat.completions.create`, or `unknown`.

    `upstream_path` is what follows the API's version prefix (`/chat/completions`), which is appended
    to an upstream's base; `params` are the variables of the path.
    """

    id: str
    upstream_path: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


UNKNOWN_OPERATION = Operation(id="unknown")


# --- 3. who -------------------------------------------------------------------------------------


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls. `key_id` is the public id of the credential, never the credential.

    `actors` are those who act for the subject by delegation, the one that calls first (RFC 8693, 4.1);
    `claims` are those of a token that policy may see.
    """

    client_id: str
    method: Literal["api_key", "jwt", "mtls"]
    key_id: str | None = None
    subject: str | None = None
    tenant: str | None = None
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    cert_bound: bool = False
    actors: tuple[str, ...] = ()
    claims: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a call comes from: canonical address text, and what the connection proved.

    `certificate` is the caller's own certificate in DER, from its connection or from a proxy that is
    believed; `client_cert` says whether there is one. `certificate_fault` is the reason (of `errors.GROUNDS`)
    for which one that was shown does not count; the call is then refused, whatever else is in it.
    """

    ip: str
    tls: str | None = None
    client_cert: bool = False
    certificate: bytes | None = field(default=None, repr=False)
    certificate_fault: str | None = None


# --- 4. read ------------------------------------------------------------------------------------


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What policy may know of a call's content. Facts are raw; None means absent.

    `tools` maps each offered tool's name to its facts (`{"type": "function"}`); `prompt_tokens_est`
    is an estimate in tokens, `bytes` the size of the body; `max_tokens` the larger of the two fields
    a caller may send. `images` and `audio_ms` (milliseconds, estimated) are what it sends of them; policy
    is not told. `wants_candidates` asks the policy engine to list the model ids it knows. `tools` tells of
    each a `digest` of its definition, too. `conversation_id` names the conversation that the call says it
    goes on with, `first_tool_call_id` is the id of the earliest call of a tool that it quotes.
    """

    model: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    n: int | None = None
    prompt_tokens_est: int | None = None
    bytes: int | None = None
    messages: int | None = None
    modalities: tuple[str, ...] = ()
    tools: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tool_results: int | None = None
    uninspected_bytes: int | None = None
    images: int = 0
    audio_ms: int = 0
    wants_candidates: bool = False
    conversation_id: str | None = None
    first_tool_call_id: str | None = None


# --- 6. ask -------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """BLOCK > CONSTRAIN > ALLOW."""

    ALLOW = "ALLOW"
    CONSTRAIN = "CONSTRAIN"
    BLOCK = "BLOCK"


class AuditLevel(StrEnum):
    """How much a record keeps; `hash` stores least."""

    FULL = "full"
    METADATA = "metadata"
    HASH = "hash"

    def or_less(self, other: AuditLevel) -> AuditLevel:
        """Of two levels the one that stores less."""
        return max(self, other, key=list(AuditLevel).index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whom records and limits are about, as policy resolved it. `id` is such as `client/support`."""

    id: str
    tenant: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a CONSTRAIN demands of the call. None or empty means not demanded.

    `redact` are patterns of findings, as `findings.selects` reads them.
    """

    max_tokens: int | None = None
    strip_tools: frozenset[str] = frozenset()
    model: str | None = None
    delay_ms: int | None = None
    redact: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """The names of the constraints demanded, sorted."""
        given = {
            "delay_ms": self.delay_ms is not None,
            "max_tokens": self.max_tokens is not None,
            "model": self.model is not None,
            "redact": bool(self.redact),
            "strip_tools": bool(self.strip_tools),
        }
        return tuple(name for name, there in given.items() if there)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTerms:
    """What is done with the answer before the caller has it.

    `inspect` are patterns of the findings that are looked for, as `findings.selects` reads them. Where there
    are some, or always, or never, the response stage is asked (`ask`); what is found and nobody is asked
    about is recorded only. `tool_calls`: whether each proposed call of a tool is put to the tool_call stage.
    `restore`: what was redacted in the request stands in the answer again, wherever its placeholder does.
    """

    inspect: tuple[str, ...] = ()
    ask: Literal["never", "findings", "always"] = "never"
    tool_calls: Literal["ask", "pass"] = "pass"
    restore: bool = False

    @property
    def passes(self) -> bool:
        """Whether an answer goes on as it comes: nothing in it is looked at and nobody is asked."""
        asks = self.ask == "always" or self.tool_calls == "ask"
        return not self.inspect and not asks and not self.restore


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Policy's answer, with the revision read from the same OPA answer.

    `input` and `result` are the exact bytes that went to OPA and that came back as `result`, kept
    for replay. `http_status` and `http_code` stand on a BLOCK. `visible` answers `models.list`. `price` and
    `max_output_tokens` are what the tables of the same revision say of the model that is to serve.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    revision: str
    opa_version: str
    input: bytes = field(repr=False)
    result: bytes = field(repr=False)
    latency_us: int
    principal: Principal | None = None
    constraints: Constraints = Constraints()
    limits: tuple[Limit, ...] = ()
    audit: AuditLevel = AuditLevel.HASH
    shadow: tuple[str, ...] = ()
    http_status: int = 403
    http_code: str = "policy_blocked"
    visible: tuple[str, ...] | None = None
    price: Price | None = None
    max_output_tokens: int | None = None
    response: AnswerTerms = AnswerTerms()


# --- beside the calls ---------------------------------------------------------------------------

AdminRole = Literal["viewer", "operator", "admin", "break-glass"]
"""What a token of the admin API may do: read; rotate and revoke keys; also make keys and tokens; everything,
for a short time, with a reason that is recorded."""


# --- 10. forward --------------------------------------------------------------------------------


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """What goes upstream. `model` picks the upstream; `headers` are the caller's that may pass."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    model: str | None
    stream: bool


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamReply:
    """A provider's answer, its body still on the wire. `headers` have lower-case names.

    `provider` names the configured upstream that served; `request_id` is the provider's own. `strike` takes
    our credential out of a text, None where there is none.
    """

    provider: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: AsyncGenerator[bytes, None] = field(repr=False)
    request_id: str | None = None
    strike: Callable[[bytes], bytes] | None = field(default=None, repr=False)

    def header(self, name: str) -> str | None:
        """The first value of a header (lower-case name), or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer to the caller. Header names are lower-case bytes."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = field(repr=False)


# --- the account of one call --------------------------------------------------------------------


class Outcome(StrEnum):
    """How a call that was allowed ended."""

    OK = "ok"
    CLIENT_CLOSED = "client_closed"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_CUT = "upstream_cut"
    LIMIT_CUT = "limit_cut"
    POLICY_CUT = "policy_cut"
    NOT_FORWARDED = "not_forwarded"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class CallState:
    """Everything known of one call so far; the pipeline fills it in, audit writes it down.

    `status` is what the caller was sent (0 while nothing was). `intent_id` is the id of the durable
    intent record. The two SHA-256 digests (of the caller's body, of the bytes sent back) never leave
    the process as they are: audit writes them keyed. `reasons` is the outcome's, which starts as
    policy's and may become `limit.*` or `gateway.*`. `canary` says that a canary's candidate was asked.
    `reserved` and `settled` are parallel to the decision's limits; what they hold counts until `held_us`.
    `limits_mode` says how limits were counted where it was not as promised. `inspection` is of the request's
    texts, `answer_findings` are those of the answer so far, `late_findings` those of either that came while
    the call went on; `redactions` counts the places where another text stands than came. `content` and
    `answer_content` are what a record of level `full` keeps, as `kept_content` gives it. `correlation_id`
    ties the calls of one loop of an agent together. `later_audit` is the level that a later stage lowered
    records to.
    """

    head: Head
    received_ns: int = field(default_factory=time.time_ns)
    started_ns: int = field(default_factory=time.perf_counter_ns)
    operation: Operation = UNKNOWN_OPERATION
    source: Source | None = None
    identity: Identity | None = None
    facts: CallFacts | None = None
    correlation_id: str | None = None
    inspection: Inspection = NOTHING_FOUND
    decision: Decision | None = None
    later_audit: AuditLevel | None = None
    canary: bool = False
    verdict: Verdict = Verdict.BLOCK
    reasons: tuple[str, ...] = ()
    request_sha256: bytes | None = field(default=None, repr=False)
    reserved: tuple[int, ...] = ()
    settled: tuple[int, ...] = ()
    held_us: int | None = None
    limits_mode: str = ""
    limit_headers: tuple[tuple[bytes, bytes], ...] = ()
    intent_id: str | None = None
    attempts: int = 0
    provider: str | None = None
    model_served: str | None = None
    upstream_status: int | None = None
    upstream_request_id: str | None = None
    answer_findings: tuple[Finding, ...] = ()
    late_findings: tuple[Finding, ...] = ()
    redactions: int = 0
    content: str | None = field(default=None, repr=False)
    answer_content: str | None = field(default=None, repr=False)
    usage: Usage = UNKNOWN_USAGE
    response_sha256: bytes | None = field(default=None, repr=False)
    first_byte_ns: int | None = None
    streamed: bool = False
    status: int = 0
    outcome: Outcome | None = None

    @property
    def audit(self) -> AuditLevel:
        """How much records of the call keep from here on. A refusal before any decision has no level of its
        own: nothing asked for less than `metadata`."""
        if self.decision is None:
            return AuditLevel.METADATA
        return self.later_audit or self.decision.audit
