"""One decision, explained by the policy that made it: rules, texts, table values, and how it might change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dataplane.authoring.evaluator import Evaluator, Undecided
from dataplane.authoring.explain_change import Remedies, remedies
from dataplane.authoring.explain_trace import Path, Reads, found_at
from dataplane.authoring.policy_set import STAGES, PolicySet, Rule

Role = Literal["decided", "granted", "applied", "shadow", "off", "overruled"]
"""What a rule that fired came to: it is a reason; it is a grant beside the reasons; its limit or constraint
holds; its mode is shadow or off; the call was blocked by others."""

_ORDER: Final[tuple[Role, ...]] = ("decided", "granted", "applied", "shadow", "off", "overruled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A value of the tables that a rule used; `there` is false where it looked and found nothing."""

    path: Path
    there: bool
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A rule that fired. `rule` is None where METADATA says nothing of the id."""

    id: str
    role: Role
    rule: Rule | None
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a decision is as it is. `answer` is policy's whole answer; `trace` OPA's events, where asked for;
    `remedies` what would let a blocked call pass, None for others."""

    revision: str
    stage: str
    answer: Mapping[str, Any]
    fired: tuple[Fired, ...]
    remedies: Remedies | None
    trace: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def explain(
    evaluator: Evaluator, policy: PolicySet, stage: str, facts: Mapping[str, Any], *, trace: bool = False
) -> Explanation:
    """The explanation of the decision of `policy`, which `evaluator` must have, on the input `facts`.

    Raises `Undecided` where the policy gives no decision, `EvaluationFailed`.
    """
    if stage not in STAGES:
        raise Undecided(f"the input is of no stage of the contract ({', '.join(STAGES)})")
    answer = evaluator.decide(stage, facts)
    events = evaluator.ask(f"regogate.{stage}", "decision", facts, explain="full").get("explanation", [])
    reads = Reads(events, policy.tables)
    fired = sorted(
        (_fired(id_, answer, policy, stage, reads) for id_ in _ids(answer, policy, reads)),
        key=lambda one: (_ORDER.index(one.role), one.id),
    )
    blocked = answer.get("decision") == "BLOCK"
    return Explanation(
        revision=policy.revision,
        stage=stage,
        answer=answer,
        fired=tuple(fired),
        remedies=remedies(evaluator, policy, stage, facts, answer, _paths(fired)) if blocked else None,
        trace=tuple(events) if trace else (),
    )


def _ids(answer: Mapping[str, Any], policy: PolicySet, reads: Reads) -> set[str]:
    told = {*answer.get("reasons", ()), *answer.get("shadow", ())}
    silent = {id_ for id_ in reads.ids() & policy.rules.keys() if policy.rules[id_].kind != "default"}
    return told | silent


def _fired(id_: str, answer: Mapping[str, Any], policy: PolicySet, stage: str, reads: Reads) -> Fired:
    rule = policy.rules.get(id_)
    if rule is not None and rule.kind == "default":
        # It fires because no grant did: what the grants looked at is what it hangs on.
        grants = (one.id for one in policy.rules.values() if (one.kind, one.stage) == ("grant", stage))
        paths = {path for grant in grants for path in reads.of(grant)}
    else:
        paths = reads.of(id_)
    uses = (_use(path, policy.tables) for path in sorted(paths) if _telling(path, policy.tables))
    return Fired(id=id_, role=_role(id_, rule, answer, policy), rule=rule, uses=tuple(uses))


def _role(id_: str, rule: Rule | None, answer: Mapping[str, Any], policy: PolicySet) -> Role:
    if id_ in answer.get("reasons", ()):
        return "decided"
    modes = policy.tables.get("rules")
    mode = modes.get(id_) if isinstance(modes, dict) else None
    if id_ in answer.get("shadow", ()) or mode == "shadow":
        return "shadow"
    if mode == "off" and (rule is None or rule.kind in ("block", "want")):
        return "off"
    if answer.get("decision") == "BLOCK":
        return "overruled"
    return "granted" if rule is not None and rule.kind == "grant" else "applied"


def _use(path: Path, tables: Mapping[str, Any]) -> Use:
    there, value = found_at(tables, path)
    return Use(path=path, there=there, value=value)


def _telling(path: Path, tables: Mapping[str, Any]) -> bool:
    """Not a whole table that was only looked for, nor a pattern of a lookup that no row has."""
    there, _ = found_at(tables, path)
    return (len(path) > 1 or not there) and (there or not path[-1].endswith("*"))


def _paths(fired: list[Fired]) -> dict[str, tuple[Path, ...]]:
    return {one.id: tuple(use.path for use in one.uses) for one in fired if one.role == "decided"}
