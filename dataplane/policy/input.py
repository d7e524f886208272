"""Facts of a call -> the exact bytes OPA gets (design: the decision contract, v1).

Facts are raw: names, thresholds and grants are applied in Rego, so that a backtest of changed tables
is true. An absent fact is an absent key, never null (`null <= 2000` is true in Rego).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import orjson

from dataplane.domain import CallFacts, CallState, Identity, Source
from dataplane.findings import LEVEL_RANK, Finding, Inspection, Level
from dataplane.inspection_ports import Question

INPUT_VERSION: Final = 1
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def build_input(
    state: CallState,
    *,
    stage: str,
    tables_revision: str,
    models: Iterable[str] = (),
    usage: Mapping[str, float] = MappingProxyType({}),
    about: Question | None = None,
) -> bytes:
    """The input document for `state`; `models` are the candidates where the call asks for them, `usage` what
    is known of the client's use, `about` what a later stage is asked, whose findings then are the signals."""
    request: dict[str, Any] = {
        "id": state.head.request_id,
        "operation": state.operation.id,
        "path": state.head.path,
    }
    if state.correlation_id is not None:
        request["correlation_id"] = state.correlation_id
    if state.facts is not None:
        _add_facts(request, state.facts, state.inspection)
        if state.facts.wants_candidates:
            request["candidates"] = {model: {} for model in models}
    document: dict[str, Any] = {
        "v": INPUT_VERSION,
        "stage": stage,
        "tables_revision": tables_revision,
        "request": request,
        "time": _time(state.received_ns),
    }
    if state.identity is not None:
        document["identity"] = _identity(state.identity)
    if state.source is not None:
        document["source"] = _source(state.source)
    if usage:
        document["usage"] = dict(usage)
    findings = state.inspection.findings
    if about is not None:
        document["call" if about.stage == "tool_call" else "answer"] = about.about
        findings = about.findings
    if findings:
        document["signals"] = signals(findings)
    return orjson.dumps(document)


def signals(findings: Iterable[Finding]) -> dict[str, dict[str, dict[str, Any]]]:
    """Findings by kind and origin: the highest level and score of each, and how many."""
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for finding in findings:
        by_origin = told.setdefault(finding.kind, {})
        one = by_origin.get(finding.origin)
        if one is None:
            by_origin[finding.origin.value] = {
                "level": finding.level.value,
                "score": finding.score,
                "count": 1,
            }
            continue
        one["count"] += 1
        one["score"] = max(one["score"], finding.score)
        if LEVEL_RANK[finding.level] > LEVEL_RANK[Level(one["level"])]:
            one["level"] = finding.level.value
    return told


def _add_facts(request: dict[str, Any], facts: CallFacts, inspection: Inspection) -> None:
    for name in (
        "model",
        "stream",
        "max_tokens",
        "n",
        "prompt_tokens_est",
        "bytes",
        "messages",
        "tool_results",
    ):
        if (value := getattr(facts, name)) is not None:
            request[name] = value
    if facts.uninspected_bytes is not None:
        request["uninspected_bytes"] = facts.uninspected_bytes + inspection.unread_bytes
    if inspection.data_class is not None:
        request["data_class_found"] = inspection.data_class
    if inspection.risk:
        request["risk"] = inspection.risk
    if facts.modalities:
        request["modalities"] = facts.modalities
    if facts.messages is not None:
        request["has_tools"] = bool(facts.tools)
    if facts.tools:
        request["tools"] = facts.tools


def _identity(identity: Identity) -> dict[str, Any]:
    document: dict[str, Any] = {
        "client_id": identity.client_id,
        "method": identity.method,
        "roles": identity.roles,
        "groups": identity.groups,
        "scopes": identity.scopes,
        "cert_bound": identity.cert_bound,
    }
    if identity.subject is not None:
        document["subject"] = identity.subject
    if identity.tenant is not None:
        document["tenant"] = identity.tenant
    if identity.claims:
        document["claims"] = identity.claims
    return document


def _source(source: Source) -> dict[str, Any]:
    document: dict[str, Any] = {"ip": source.ip, "client_cert": source.client_cert}
    if source.tls is not None:
        document["tls"] = source.tls
    return document


def _time(received_ns: int) -> dict[str, Any]:
    seconds = received_ns // 1_000_000_000
    weekday, hour = _weekday_and_hour(seconds // 3600)
    return {"unix": seconds, "weekday": weekday, "hour": hour}


@lru_cache(maxsize=4)
def _weekday_and_hour(hours: int) -> tuple[str, int]:
    """In UTC, of an hour since 1970."""
    then = time.gmtime(hours * 3600)
    return _WEEKDAYS[then.tm_wday], then.tm_hour
