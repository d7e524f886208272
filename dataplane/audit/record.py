"""A call told as records. What is recorded is decided here, one function a kind.

At level `hash` (the one that stores least) a record leaves out or hides whatever describes the person
behind a call; what a replay needs stays, sealed, because every decision must be replayable. Level
`full` keeps the texts of request and answer, too, sealed, with personal data and secrets hidden.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from dataplane.audit.canonical import Fields, Value, flat, json_text
from dataplane.audit.draft import KINDS, RESERVED, Draft, draft, rfc3339
from dataplane.audit.sealing import Sealer
from dataplane.domain import AuditLevel, CallState, Decision, Outcome, Verdict
from dataplane.errors import Refused
from dataplane.findings import Finding
from dataplane.inspection_ports import Question
from dataplane.quantities import Limit
from dataplane.trial import ShadowDifference

PATH_MAX_CHARS: Final = 1024
METHOD_MAX_CHARS: Final = 32
"""Of what a caller chose before anything judged it; the rest of a longer one is left out."""

REMEMBERED: Final = 1024
"""Limits written before: a client's calls mostly get the same ones."""

REQUEST_STAGE: Final = "request"
"""The stage of policy that decided; `tool_call` and `response` are others."""

_TEXT: Final = {word: word.value for words in (Verdict, AuditLevel, Outcome) for word in words}
"""An enumeration's `value` is a call, this is not."""


class Recorder:
    """Writes drafts for one writer. `key` (32 bytes or more) is the installation key."""

    def __init__(self, *, key: bytes, writer: str) -> None:
        self._key = key
        self.writer = writer

    def intent(self, state: CallState) -> Draft:
        """What was decided, before it is done."""
        fields: Fields = {"decision": _TEXT[state.verdict], "reasons": list(state.reasons)}
        return self._whole("intent", state, fields, held_us=state.held_us)

    def deny(self, state: CallState, refused: Refused) -> Draft:
        """A refusal; with policy's own answer where policy was asked."""
        fields: Fields = {
            "decision": _TEXT[Verdict.BLOCK],
            "reasons": list(refused.reasons),
            "status": refused.status,
            "latency_us": _since_us(state),
        }
        _add(fields, "fault", refused.fault)
        return self._whole("deny", state, fields)

    def completion(self, state: CallState, outcome: Outcome, intent_id: str | None) -> Draft:
        """How a call that has an intent ended. Who and what in full stand in the intent."""
        fields: Fields = {
            "decision": _TEXT[state.verdict],
            "reasons": list(state.reasons),
            "status": state.status,
            "outcome": _TEXT[outcome],
            "latency_us": _since_us(state),
            "attempts": state.attempts,
            "stream": state.streamed,
        }
        _add(fields, "intent_id", intent_id)
        _add(fields, "provider", state.provider)
        _add(fields, "model_served", state.model_served)
        _add(fields, "upstream_status", state.upstream_status)
        _add(fields, "upstream_request_id", state.upstream_request_id)
        _usage(state, fields)
        _findings(fields, (*state.answer_findings, *state.late_findings))
        _add(fields, "redactions", state.redactions or None)
        if state.settled:
            fields["limits_settled"] = json_text(state.settled)
        if state.first_byte_ns is not None:
            fields["ttfb_us"] = max(0, (state.first_byte_ns - state.started_ns) // 1000)
        sealer = Sealer(self._key, fields)
        if state.answer_content is not None:
            sealer.seal("answer_content", state.answer_content)
        if state.response_sha256 is not None:
            sealer.body("response_digest", state.response_sha256)
        _common(state, fields)
        return draft("completion", self.writer, fields, sealed=sealer.sealed(), held_us=state.held_us)

    def judged(self, state: CallState, question: Question, decision: Decision) -> Draft:
        """What a later stage was asked and said, before any of what it is about is released."""
        fields: Fields = {
            "decision": _TEXT[decision.verdict],
            "reasons": list(decision.reasons),
        }
        _findings(fields, question.findings)
        _add(fields, "intent_id", state.intent_id)
        sealer = Sealer(self._key, fields)
        _common(state, fields)
        fields["policy_revision"] = decision.revision
        _policy(decision, fields, question.stage)
        if question.stage == "tool_call":
            fields["tool"] = question.about["name"]
            _add(fields, "tool_call_id", question.about.get("id"))
        sealer.seal("policy_input", decision.input.decode("utf-8", "replace"))
        sealer.seal("policy_result", decision.result.decode("utf-8", "replace"))
        return draft(question.stage, self.writer, fields, sealed=sealer.sealed())

    def shadow(self, found: ShadowDifference) -> Draft:
        """What a candidate would have decided otherwise. It decided nothing, so the columns that tell what
        became of a call stay empty; it can be read without the call's own records."""
        decision = found.decision
        fields: Fields = {
            "request_id": found.request_id,
            "operation": found.operation,
            "stage": found.stage,
            "trial": found.trial.id,
            "policy_revision": decision.revision,
            "policy_decision": decision.verdict.value,
            "policy_reasons": list(decision.reasons),
            "candidate_revision": found.trial.revision,
            "candidate_decision": found.verdict,
        }
        _add(fields, "client_id", found.client_id)
        _add(fields, "model", found.model)
        sealer = Sealer(self._key, fields)
        sealer.seal("policy_input", decision.input.decode("utf-8", "replace"))
        sealer.seal("policy_result", decision.result.decode("utf-8", "replace"))
        if found.result is not None:
            sealer.seal("candidate_result", found.result.decode("utf-8", "replace"))
        return draft("shadow", self.writer, fields, sealed=sealer.sealed())

    def refusals(self, counts: Mapping[str, int], causes: list[str], since_us: int, until_us: int) -> Draft:
        """One record for refusals that were counted: how many by first reason, when, and why counted."""
        fields: Fields = {
            "decision": _TEXT[Verdict.BLOCK],
            "reasons": sorted(counts),
            "count": sum(counts.values()),
            "counts": json_text(dict(counts)),
            "counted_because": causes,
            "window_start": rfc3339(since_us),
            "window_end": rfc3339(until_us),
        }
        return draft("deny", self.writer, fields)

    def note(self, kind: str, fields: Mapping[str, object]) -> Draft:
        """A record that is about no call. Raises `TypeError` for a value no record holds, `ValueError`
        for an unknown kind or a name that is taken."""
        if kind not in KINDS or not RESERVED.isdisjoint(fields):
            raise ValueError(f"not a record: kind {kind}, fields {sorted(fields)}")
        if max(fields, default="") > "wseq" or not all(map(str.isascii, fields)):
            raise ValueError("a field's name is ASCII and sorts before 'wseq'")
        return draft(kind, self.writer, flat(fields))

    def _whole(self, kind: str, state: CallState, fields: Fields, *, held_us: int | None = None) -> Draft:
        """A record with everything known of who, where from, what and why."""
        source, identity, decision = state.source, state.identity, state.decision
        hashed = decision is not None and decision.audit is AuditLevel.HASH
        sealer = Sealer(self._key, fields)
        _common(state, fields)
        fields["method"] = state.head.method[:METHOD_MAX_CHARS]
        fields["received_us"] = state.received_ns // 1000
        personal = sealer.hide if hashed else sealer.seal
        if source is not None:
            personal("source_ip", source.ip)
            fields["client_cert"] = source.client_cert
            _add(fields, "tls", source.tls)
        if not hashed:
            fields["path"] = state.head.path[:PATH_MAX_CHARS]
        if identity is not None:
            if identity.subject is not None:
                personal("subject", identity.subject)
            if identity.actors:
                personal("actors", json_text(identity.actors))
            if not hashed:
                _add(fields, "key_id", identity.key_id)
                fields["roles"] = list(identity.roles)
                fields["groups"] = list(identity.groups)
        if state.request_sha256 is not None:
            sealer.body("request_digest", state.request_sha256)
        if state.facts is not None:
            _add(fields, "stream", state.facts.stream)
            tools = state.facts.tools
            if tools:
                fields["tools"] = sorted(f"{name}@{tools[name].get('digest', '')}" for name in tools)
        inspection = state.inspection
        _findings(fields, inspection.findings)
        _add(fields, "risk", inspection.risk or None)
        _add(fields, "data_class", inspection.data_class)
        _add(fields, "redactions", state.redactions or None)
        if decision is not None:
            _policy(decision, fields, REQUEST_STAGE)
            if decision.limits:
                told = _limits_text(decision.limits)
                if _names_subject(state, decision):
                    sealer.seal("limits", told)
                else:
                    fields["limits"] = told
            if state.reserved:
                fields["limits_reserved"] = json_text(state.reserved)
            sealer.seal("policy_input", decision.input.decode("utf-8", "replace"))
            sealer.seal("policy_result", decision.result.decode("utf-8", "replace"))
            if state.content is not None:
                sealer.seal("content", state.content)
        return draft(kind, self.writer, fields, sealed=sealer.sealed(), held_us=held_us)


def _common(state: CallState, fields: Fields) -> None:
    """What stands on every record of a call, so that each can be found and read alone."""
    identity, decision = state.identity, state.decision
    fields["request_id"] = state.head.request_id
    fields["operation"] = state.operation.id
    if state.facts is not None:
        _add(fields, "model", state.facts.model)
    _add(fields, "correlation_id", state.correlation_id)
    if state.canary:
        fields["canary"] = True
    if state.limits_mode:
        fields["limits_mode"] = state.limits_mode
    tenant = None
    if identity is not None:
        fields["client_id"] = identity.client_id
        fields["auth_method"] = identity.method
        tenant = identity.tenant
    fields["audit_level"] = _TEXT[state.audit]
    if decision is not None:
        fields["policy_revision"] = decision.revision
        if decision.principal is not None:
            fields["principal"] = decision.principal.id
            _add(fields, "tier", decision.principal.tier)
            tenant = decision.principal.tenant or tenant
    _add(fields, "tenant", tenant)


def _findings(fields: Fields, findings: Sequence[Finding]) -> None:
    """Findings as records tell them: `kind:level:origin:count`, sorted."""
    if findings:
        counts = Counter(f"{one.kind}:{one.level.value}:{one.origin.value}" for one in findings)
        fields["findings"] = sorted(f"{what}:{count}" for what, count in counts.items())


def _policy(decision: Decision, fields: Fields, stage: str) -> None:
    """Policy's own answer, apart from how the call came out."""
    fields["stage"] = stage
    fields["policy_decision"] = _TEXT[decision.verdict]
    fields["policy_reasons"] = list(decision.reasons)
    fields["policy_latency_us"] = decision.latency_us
    fields["opa_version"] = decision.opa_version
    if decision.shadow:
        fields["shadow"] = list(decision.shadow)
    if decision.verdict is Verdict.CONSTRAIN:
        demanded = {name: getattr(decision.constraints, name) for name in decision.constraints.names()}
        if "strip_tools" in demanded:
            demanded["strip_tools"] = sorted(decision.constraints.strip_tools)
        fields["constraints"] = json_text(demanded)


def _usage(state: CallState, fields: Fields) -> None:
    """What was used and what it costs by the prices of the revision that decided."""
    usage = state.usage
    _add(fields, "tokens_in", usage.input_tokens)
    _add(fields, "tokens_out", usage.output_tokens)
    _add(fields, "tokens_cached", usage.cached_input_tokens)
    _add(fields, "tokens_reasoning", usage.reasoning_tokens)
    if usage.counted:
        fields["tokens_counted_by"] = "gateway"
    price = None if state.decision is None else state.decision.price
    if price is not None and (usage.input_tokens is not None or usage.output_tokens is not None):
        fields["cost_microusd"] = price.cost_microusd(usage)


@lru_cache(REMEMBERED)
def _limits_text(limits: tuple[Limit, ...]) -> str:
    return json_text(limits)


def _names_subject(state: CallState, decision: Decision) -> bool:
    """Whether the key of a limit holds the person's name, which stands in no canonical record."""
    subject = None if state.identity is None else state.identity.subject
    return subject is not None and any(subject in limit.key for limit in decision.limits)


def _add(fields: Fields, name: str, value: Value | None) -> None:
    if value is not None:
        fields[name] = value


def _since_us(state: CallState) -> int:
    return (time.perf_counter_ns() - state.started_ns) // 1000
