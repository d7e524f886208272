"""Recorded decisions for backtests: a mixed load, answered by a real OPA, written by the audit writer."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.authoring.evaluator import Evaluator
from dataplane.authoring.policy_set import PolicySet
from dataplane.bundle.published import kept_path
from dataplane.cli.policy.sets import policy_set
from dataplane.database import Database
from dataplane.domain import (
    CallFacts,
    CallState,
    Decision,
    Head,
    Identity,
    Operation,
    Source,
    Verdict,
)
from dataplane.errors import Refused
from dataplane.installation import write_json
from dataplane.opa.temporary import TemporaryOpa
from dataplane.policy.input import build_input

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = bytes(range(32))

CLIENTS = """\
support: {tier: default, tenant: acme, networks: [corp]}
batch: {tier: default, tenant: acme}
lab: {tier: premium, tenant: lab}
gone: {tier: premium, enabled: false}
"""
TIERS = """\
default:
  models: [gpt-4o-mini]
  operations: [chat.completions.*, models.*]
  tools: {allow: [search], otherwise: strip}
  max_tokens: 2000
  limits: {requests_per_minute: 60}
premium:
  models: [gpt-4o-mini, gpt-4o, gpt-4-turbo]
  operations: [chat.completions.*, models.*]
  tools: {allow: [search, get_weather], otherwise: block}
  max_tokens: 8000
  limits: {requests_per_minute: 600}
"""


def write_shipped(place: Path, *, clients: str = CLIENTS, tiers: str = TIERS) -> Path:
    """The shipped policy with these tables, in `place`."""
    shutil.copytree(ROOT / "policies", place)
    (place / "data/clients.yaml").write_text(clients)
    (place / "data/tiers.yaml").write_text(tiers)
    return place


def calls(count: int, seed: int = 4) -> list[CallState]:
    """A mixed load: clients known, disabled and unknown, every operation, models, tools and networks."""
    dice = random.Random(seed)
    found = []
    for number in range(count):
        operation = dice.choice(
            ["chat.completions.create"] * 7 + ["models.list", "models.retrieve", "unknown"]
        )
        client = dice.choice(["support", "support", "batch", "lab", "lab", "gone", "nobody"])
        model = dice.choice(["gpt-4o-mini", "gpt-4o-mini", "gpt-4o", "gpt-4-turbo", "o9 <&> \u00e9"])
        names = dice.sample(["search", "get_weather", "shell"], dice.choice([0, 0, 1, 2]))
        chat = operation.startswith("chat")
        facts = CallFacts(
            model=None if operation in ("models.list", "unknown") else model,
            stream=dice.random() < 0.3 if chat else None,
            max_tokens=dice.choice([None, 50, 1500, 5000, 90000]) if chat else None,
            prompt_tokens_est=dice.choice([40, 431, 3000]) if chat else None,
            messages=dice.randrange(1, 9) if chat else None,
            tools={name: {"type": "function"} for name in names} if chat else {},
            wants_candidates=operation == "models.list",
        )
        head = Head(
            request_id=f"r-{number:05d}",
            method="POST",
            path="/v1/chat/completions",
            query="",
            headers=(),
            http_version="1.1",
            peer_ip="10.1.2.3",
        )
        found.append(
            CallState(
                head=head,
                operation=Operation(id=operation),
                identity=Identity(client_id=client, method="api_key"),
                source=Source(ip=dice.choice(["10.1.2.3", "192.0.2.7", "2001:db8::1"])),
                facts=facts,
                received_ns=(1_790_000_000 + dice.randrange(700_000)) * 10**9,
            )
        )
    return found


def inputs(states: Iterable[CallState], revision: str) -> list[bytes]:
    """What OPA would be asked about the calls."""
    models = ("gpt-4o-mini", "gpt-4o", "gpt-4-turbo")
    return [build_input(state, stage="request", tables_revision=revision, models=models) for state in states]


def decide(state: CallState, asked: bytes, answered: bytes, revision: str) -> None:
    """Put a decision into a call, as the policy engine would."""
    document = orjson.loads(answered)
    state.decision = Decision(
        verdict=Verdict(document["decision"]),
        reasons=tuple(document["reasons"]),
        revision=revision,
        opa_version="1.22.0",
        input=asked,
        result=answered,
        latency_us=150,
    )
    state.verdict, state.reasons = state.decision.verdict, state.decision.reasons


async def write(url: str, states: Sequence[CallState], *, strangers: int = 0, limited: Any = ()) -> None:
    """Record the calls: intents, refusals by policy, refusals by a limit after policy had allowed (the
    request ids of `limited`), and `strangers` who never got as far as policy."""
    database = Database(url)
    await migrate(database)
    log = DurableLog(database, key=KEY, instance="gw", timeout_s=60)
    await log.start()

    async def one(state: CallState) -> None:
        if state.head.request_id in limited and state.verdict is not Verdict.BLOCK:
            await log.deny(state, Refused("gateway.internal", reasons=("limit.requests",)))
        elif state.verdict is Verdict.BLOCK:
            await log.deny(state, Refused("gateway.internal", reasons=state.reasons))
        else:
            await log.intent(state)

    for at in range(0, len(states), 200):
        await asyncio.gather(*map(one, states[at : at + 200]))
    for number in range(strangers):
        head = Head(
            request_id=f"s-{number}",
            method="GET",
            path="/",
            query="",
            headers=(),
            http_version="1.1",
            peer_ip=f"198.51.100.{number}",
        )
        await log.deny(CallState(head=head, source=Source(ip=head.peer_ip)), Refused("gateway.bad_path"))
    assert await log.close() == 0
    await database.close()


def record(
    url: str, states: Sequence[CallState], policy: PolicySet, opa: Path, **more: Any
) -> tuple[list[bytes], list[bytes]]:
    """Have a policy decide the calls and write them; gives inputs and results, in order."""
    asked = inputs(states, policy.revision)
    with TemporaryOpa(opa, policy.bundle) as running, Evaluator(running.url) as evaluator:
        answered = [one or b"" for one in evaluator.decide_many("request", asked, batch=1)]
    for state, question, answer in zip(states, asked, answered, strict=True):
        decide(state, question, answer, policy.revision)
    asyncio.run(write(url, states, **more))
    return asked, answered


def installation(place: Path, url: str, *kept: PolicySet) -> Path:
    """A data directory whose channel keeps these policies' bundles."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_json(place / "state.json", {"database_url": url})
    for one in kept:
        path = kept_path(place / "bundles", "dev", one.revision)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.bundle.read_bytes())
    return place


def built(place: Path, opa: Path) -> PolicySet:
    return policy_set(str(place), opa=opa)


def recount(asked: Sequence[bytes], then: Sequence[bytes], now: Sequence[bytes | None]) -> Mapping[str, Any]:
    """What a report must say, computed in another way: plain counting over pairs of answers."""
    keys = {"decision": None, "reasons": [], "constraints": {}, "limits": []}
    found: dict[str, Any] = {"pairs": {}, "gained": {}, "lost": {}, "clients": {}, "models": {}, "ids": []}
    found |= {"changed": 0, "new_blocks": 0}
    for question, old, new in zip(asked, then, now, strict=True):
        facts, before = orjson.loads(question), orjson.loads(old)
        after = orjson.loads(new or b"{}")
        pair = (before["decision"], after.get("decision", "NONE"))
        found["pairs"][pair] = found["pairs"].get(pair, 0) + 1
        if all(before.get(key, empty) == after.get(key, empty) for key, empty in keys.items()):
            continue
        found["changed"] += 1
        found["new_blocks"] += pair[0] != "BLOCK" and pair[1] == "BLOCK"
        found["ids"].append(facts["request"]["id"])
        for name, rules in (
            ("gained", set(after["reasons"]) - set(before["reasons"])),
            ("lost", set(before["reasons"]) - set(after["reasons"])),
        ):
            for rule in rules:
                found[name][rule] = found[name].get(rule, 0) + 1
        for name, who in (
            ("clients", facts["identity"]["client_id"]),
            ("models", facts["request"].get("model", "(none)")),
        ):
            found[name][who] = found[name].get(who, 0) + 1
    return found
