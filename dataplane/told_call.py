"""What policy, and with it the record, is told of a call of a tool that a model proposes: no matched text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataplane.findings import Finding, Level, Origin, ProposedCall, Text

Facts = Mapping[str, Mapping[str, str | int | float | bool]]


def named_by(call: ProposedCall) -> tuple[Text, Text]:
    """The texts by which a call goes, apart from its arguments: its name and its id."""
    name, call_id = (Text(text=text, origin=Origin.TOOL_ARGUMENTS) for text in (call.name, call.id or ""))
    return name, call_id


def in_call(call: ProposedCall, found: Sequence[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Of what was found in a call's texts and in what it is `named_by` behind them, each apart."""
    texts = len(call.texts)
    findings = tuple(one for one in found if one.spans[0].text < texts)
    return findings, tuple(one for one in found if one.spans[0].text >= texts)


def told_call(call: ProposedCall, findings: Sequence[Finding], named: Sequence[Finding]) -> dict[str, object]:
    """The input's `call`; `findings` and `named` as `in_call` gives them.

    Left out are values in which something was found, and the id. A name in which something was found is no
    name, so that policy knows no tool of it; where it is an argument's, the arguments count as unreadable.
    """
    where = {span.text - len(call.texts) for finding in filter(_counts, named) for span in finding.spans}
    facts = _facts(call, findings)
    told: dict[str, object] = {
        "name": "" if 0 in where else call.name,
        "valid": call.valid and facts is not None,
        "bytes": len(call.arguments.encode("utf-8", "surrogatepass")),
        "arguments": facts or {},
    }
    if call.id is not None and 1 not in where:
        told["id"] = call.id
    return told


def _facts(call: ProposedCall, findings: Sequence[Finding]) -> Facts | None:
    facts = dict(call.facts)
    for finding in filter(_counts, findings):
        for span in finding.spans:
            place = call.texts[span.text].place
            if place is None:
                return None
            name = ".".join(map(str, place))
            if name in facts:
                facts[name] = {key: value for key, value in facts[name].items() if key != "value"}
    return facts


def _counts(finding: Finding) -> bool:
    """Whether it is a detection."""
    return finding.level is not Level.LOW
