"""`regogate policy eval`: may client X use model Y with tool Z from network N, from flags alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import STAGES, PolicySet
from dataplane.authoring.question import CHAT, DATA_CLASSES, Question, facts_of
from dataplane.cli.policy.sets import BundleOption, OpaOption, opa_binary, policy_set
from dataplane.cli.policy.told import (
    EXIT_FAILED,
    about,
    console,
    decided,
    demands,
    failures,
    indented,
    print_json,
    progress,
    short,
)
from dataplane.cli.state import ConfigOption, DataDirOption
from dataplane.opa.temporary import TemporaryOpa

EXIT_BLOCKED: Final = 1
METHODS: Final = ("api_key", "jwt", "mtls")

PoliciesOption = Annotated[
    Path | None, typer.Option("--policies", metavar="DIR", help="The same as --bundle DIR.")
]


def command(
    client: Annotated[str | None, typer.Option("--client", help="Who asks.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="The model asked for.")] = None,
    operation: Annotated[str, typer.Option("--operation", metavar="ID", help="The operation.")] = CHAT,
    tool: Annotated[
        list[str] | None, typer.Option("--tool", help="A tool offered, or the proposed one; repeat for more.")
    ] = None,
    network: Annotated[
        str | None, typer.Option("--network", metavar="NAME", help="From a network of networks.yaml.")
    ] = None,
    ip: Annotated[str | None, typer.Option("--ip", metavar="ADDRESS", help="From this address.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=0, help="The length asked for.")
    ] = None,
    data_class: Annotated[
        str | None, typer.Option("--data-class", help=f"One of {', '.join(DATA_CLASSES)}.")
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option("--signal", metavar="KIND:ORIGIN=LEVEL", help="A finding, as injection:user=high."),
    ] = None,
    stage: Annotated[str, typer.Option("--stage", help=f"One of {', '.join(STAGES)}.")] = "request",
    tenant: Annotated[str | None, typer.Option("--tenant", help="The tenant the credential names.")] = None,
    role: Annotated[list[str] | None, typer.Option("--role", help="A role of the caller; repeat.")] = None,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="A scope of the token; repeat.")] = None,
    method: Annotated[
        str, typer.Option("--method", help=f"How the caller proved itself: {', '.join(METHODS)}.")
    ] = "api_key",
    time: Annotated[
        datetime | None,
        typer.Option("--time", formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="When, in UTC; now otherwise."),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option("--fact", metavar="PATH=JSON", help="Any fact of the input, as request.stream=true."),
    ] = None,
    bundle: BundleOption = None,
    policies: PoliciesOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
    opa: OpaOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Answer whether a call may be made, from flags alone.

    What is not said is as in a plain chat call by API key, now, from the first network of the client's row
    (else from 127.0.0.1). The policy is --bundle; else what --config or --data-dir publishes; else
    policies/ here; else what 'regogate dev' published in .regogate; else the shipped one.
    Exit codes: 0 ALLOW or CONSTRAIN, 1 BLOCK, 2 wrong usage, 3 the question could not be put.

    \b
    Examples:
      regogate policy eval --client demo --model gpt-4o-mini
      regogate policy eval --client demo --model demo --tool shell --network corp --policies policies
      regogate policy eval --client u1 --method jwt --tenant acme --role analyst --model gpt-4o --json
    """
    _one_of(stage, STAGES, "--stage")
    _one_of(method, METHODS, "--method")
    _one_of(data_class, DATA_CLASSES, "--data-class")
    if network is not None and ip is not None:
        raise typer.BadParameter("give --network or --ip, not both", param_hint="--network")
    if bundle is not None and policies is not None:
        raise typer.BadParameter("give --bundle or --policies, not both", param_hint="--policies")
    question = Question(
        stage=stage,
        client=client,
        model=model,
        operation=operation,
        tools=tool or (),
        network=network,
        ip=ip,
        max_tokens=max_tokens,
        data_class=data_class,
        tenant=tenant,
        roles=role or (),
        scopes=scope or (),
        method=method,
        time=None if time is None else time.replace(tzinfo=UTC),
        signals=_signals(signal or ()),
        facts=_facts(fact or ()),
    )
    with failures(as_json, EXIT_FAILED):
        binary = opa_binary(opa)
        spec = str(policies) if policies is not None else bundle
        policy = policy_set(spec, opa=binary, config=config, data_dir=data_dir)
        facts = facts_of(question, policy.tables, policy.revision)
        with TemporaryOpa(binary, policy.bundle) as server, Evaluator(server.url) as evaluator:
            answer = evaluator.decide(stage, facts)
    if as_json:
        print_json({"ok": True, "revision": policy.revision, "input": facts, "result": answer})
    else:
        _print(policy, facts, answer)
    raise typer.Exit(EXIT_BLOCKED if answer.get("decision") == "BLOCK" else 0)


def _print(policy: PolicySet, facts: dict[str, Any], answer: dict[str, Any]) -> None:
    progress(f"policy {policy.revision}, from {facts['source']['ip']}, {_when(facts)}")
    out = console()
    out.print(decided(answer))
    for id_ in answer.get("reasons", ()):
        rule = policy.rules.get(id_)
        out.print(about(id_, rule))
        if rule is not None and answer.get("decision") == "BLOCK" and rule.remediation:
            out.print(indented(rule.remediation.splitlines()))
    if lines := list(demands(answer)):
        out.print(indented(lines, "  "))


def _when(facts: dict[str, Any]) -> str:
    return f"{facts['time']['weekday']} {facts['time']['hour']}h UTC"


def _one_of(value: str | None, allowed: Sequence[str], hint: str) -> None:
    if value is not None and value not in allowed:
        raise typer.BadParameter(f"{short(value)} is not one of {', '.join(allowed)}", param_hint=hint)


def _signals(given: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in given:
        place, _, level = one.partition("=")
        kind, _, origin = place.partition(":")
        if not (kind and origin and level):
            raise typer.BadParameter(f"{short(one)} is not KIND:ORIGIN=LEVEL", param_hint="--signal")
        found.setdefault(kind, {})[origin] = level
    return found


def _facts(given: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given:
        path, equals, text = one.partition("=")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        names = path.split(".")
        if not equals or not all(names):
            raise typer.BadParameter(f"{short(one)} is not PATH=JSON", param_hint="--fact")
        place = found
        for name in names[:-1]:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise typer.BadParameter(f"{path}: {name} has a value already", param_hint="--fact")
        place[names[-1]] = value
    return found
