"""A policy directory edited while calls are made: what is saved is what decides, and what is recorded."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from e2e_gateway import POLICIES, Gateway, spare_dir
from e2e_load import Load
from e2e_upstream import MockUpstream, until

TIERS = """
demo:
  models: ["demo*", MODEL]
  operations: [chat.completions.*, models.*]
  tools: {allow: [get_weather, search], otherwise: strip}
  max_tokens: CAP
"""
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}
SITE = "rego/regogate/site/mine.rego"
ACTIVE_S = 6.0
"""A second or two where nothing else runs; here another test does, and OPA compiles the policy twice."""


@dataclass
class Workshop:
    """A gateway on a policy directory of its own, and every bundle it published, by revision."""

    gateway: Gateway
    policies: Path
    bundles: dict[str, Path] = field(default_factory=dict)

    def keep(self) -> str:
        """Keep the bundle that is active now."""
        revision = self.gateway.revision
        kept = self.policies.parent / f"{revision}.tar.gz"
        shutil.copyfile(self.gateway.data_dir / "bundles/dev/bundle.tar.gz", kept)
        self.bundles[revision] = kept
        return revision

    def save(self, text: str, name: str = "data/tiers.yaml") -> str:
        """Save a file as an editor does; the revision that is active because of it."""
        before = self.gateway.revision
        path = self.policies / name
        beside = path.with_name(f".{path.name}.swp")
        beside.write_text(text)
        beside.replace(path)
        until(lambda: self.gateway.revision != before)
        return self.keep()


@pytest.fixture(scope="module")
def shop(opa_binary: Path, upstream: MockUpstream) -> Iterator[Workshop]:
    place = spare_dir()
    policies = place / "policies"
    shutil.copytree(POLICIES, policies)
    (policies / "data/tiers.yaml").write_text(tiers(cap=100))
    gateway = Gateway(opa_binary, f"--upstream={upstream.url}", f"--policies={policies}")
    try:
        gateway.wait_ready()
        workshop = Workshop(gateway, policies)
        workshop.keep()
        yield workshop
        gateway.stop()
    finally:
        gateway.discard()
        shutil.rmtree(place, ignore_errors=True)


def tiers(*, model: str = "gpt-4o-mini", cap: int = 100, more: str = "") -> str:
    return TIERS.replace("MODEL", model).replace("CAP", str(cap)) + more


def replay(opa: Path, bundle: Path, inputs: list[str]) -> list[Any]:
    """What real OPA says to stored inputs under a stored bundle."""
    query = "[r | some i in input; r := data.regogate.request.decision with input as i]"
    done = subprocess.run(
        [str(opa), "eval", "--bundle", str(bundle), "--stdin-input", "--format=raw", query],
        input=f"[{','.join(inputs)}]", capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


def test_switched_back_and_forth_under_load_each_row_names_the_revision_whose_rules_decided(
    shop: Workshop, upstream: MockUpstream, opa_binary: Path
) -> None:
    variants = {100: tiers(cap=100), 0: tiers(model="other"), 250: tiers(cap=250)}
    # What each revision's rules say: the cap on tokens, 0 where they block.
    says = {shop.gateway.revision: 100}
    with Load(shop.gateway, threads=3, max_tokens=1000) as load:
        for cap in (250, 0, 100, 250, 0, 250, 100):
            revision = shop.save(variants[cap])
            assert revision not in says, "each publish has a revision of its own"
            says[revision] = cap
            seen = len(load.answers)
            while len(load.answers) < seen + 12:
                time.sleep(0.01)
    answers = {answer.request_id: answer for answer in load.answers}
    assert {answer.status for answer in load.answers} == {200, 403}
    rows = [r for r in shop.gateway.records() if r["request_id"] in answers and r["kind"] != "completion"]
    assert len(rows) == len(answers)
    for row in rows:
        answer, cap = answers[row["request_id"]], says[row["policy_revision"]]
        assert answer.revision == row["policy_revision"]
        sent = [hit.json["max_tokens"] for hit in upstream.of(row["request_id"])]
        if cap:
            assert (answer.status, row["kind"], row["decision"]) == (200, "intent", "CONSTRAIN")
            assert json.loads(row["constraints"]) == {"max_tokens": cap}
            assert sent == [cap]
        else:
            assert (answer.status, row["kind"], row["decision"], sent) == (403, "deny", "BLOCK", [])
    used = Counter(row["policy_revision"] for row in rows)
    assert set(used) == set(says)
    for revision, bundle in shop.bundles.items():
        decided = [row for row in rows if row["policy_revision"] == revision]
        results = replay(opa_binary, bundle, [row["policy_input"] for row in decided])
        assert results == [json.loads(row["policy_result"]) for row in decided]


def test_a_good_save_is_active_soon(shop: Workshop) -> None:
    took = []
    for cap in (301, 302, 303):
        begun = time.monotonic()
        shop.save(tiers(cap=cap))
        took.append(time.monotonic() - begun)
    assert min(took) < ACTIVE_S
    raw = shop.gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
    assert raw.headers["x-regogate-policy-revision"] == shop.gateway.revision


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("data/tiers.yaml", tiers(more="  max_tokens: 3\n"), 7),
        ("data/tiers.yaml", tiers(more="  modles: [x]\n"), None),
        (SITE, "package regogate.site.mine\n\nrequest_block contains id if {\n\tid :=\n}\n", 5),
        (SITE, 'package regogate.request\n\ngrant contains "mine"\n', 1),
    ],
)
def test_a_broken_save_is_reported_with_file_and_line_and_the_old_revision_stays(
    shop: Workshop, name: str, text: str, line: int | None
) -> None:
    path = shop.policies / name
    before, revision = (path.read_text() if path.exists() else None), shop.gateway.revision
    already = len(shop.gateway.err)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    try:
        until(lambda: "stays in force" in shop.gateway.err[already:])
        until(lambda: f"{path}:{line or ''}" in shop.gateway.err[already:])
        raw = shop.gateway.sdk.chat.completions.with_raw_response.create(**CHAT)
        assert raw.headers["x-regogate-policy-revision"] == revision == shop.gateway.revision
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    # The same content again is no new revision.
    already = len(shop.gateway.out)
    until(lambda: "Policy published" in shop.gateway.out[already:])
    assert shop.gateway.revision == revision


def test_a_request_rate_in_the_tables_is_a_429_with_retry_after(shop: Workshop) -> None:
    shop.save(tiers(more="  limits: {requests_per_minute: 2}\n"))
    for _ in range(2):
        shop.gateway.sdk.chat.completions.create(**CHAT)
    with pytest.raises(openai.RateLimitError) as caught:
        shop.gateway.sdk.chat.completions.create(**CHAT)
    error = caught.value
    assert error.code == "rate_limit_exceeded"
    assert 1 <= int(error.response.headers["retry-after"]) <= 30
    record = shop.gateway.wait_record(request_id=error.request_id)
    assert (record["kind"], record["status"], record["policy_decision"]) == ("deny", 429, "CONSTRAIN")
    assert all(reason.startswith("limit.") for reason in record["reasons"])


@pytest.mark.parametrize("limit", ["tokens_per_hour: 5", "usd_per_day: 0.000001"])
def test_a_call_larger_than_a_whole_limit_is_refused(
    shop: Workshop, upstream: MockUpstream, limit: str
) -> None:
    shop.save(tiers(more=f"  limits: {{{limit}}}\n"))
    with pytest.raises(openai.RateLimitError) as caught:
        shop.gateway.sdk.chat.completions.create(**CHAT)
    assert caught.value.code == "request_exceeds_limit"
    assert upstream.of(caught.value.request_id or "") == []


def test_a_route_and_a_delay_of_the_tables_are_applied(shop: Workshop, upstream: MockUpstream) -> None:
    shop.save(tiers(more="  route_to: demo\n  delay_ms: 150\n"))
    begun = time.monotonic()
    raw = shop.gateway.sdk.chat.completions.with_raw_response.create(**CHAT, max_completion_tokens=5000)
    assert time.monotonic() - begun >= 0.15
    assert raw.headers["x-regogate-decision"] == "CONSTRAIN"
    [hit] = upstream.of(raw.headers["x-request-id"])
    assert (hit.json["model"], hit.json["max_completion_tokens"]) == ("demo", 100)


def test_a_disabled_client_is_refused(shop: Workshop) -> None:
    path = shop.policies / "data/clients.yaml"
    before = path.read_text()
    shop.save("demo: {tier: demo, enabled: false}\n", "data/clients.yaml")
    with pytest.raises(openai.PermissionDeniedError) as caught:
        shop.gateway.sdk.chat.completions.create(**CHAT)
    assert "request.client.disabled" in caught.value.message
    shop.save(before, "data/clients.yaml")
