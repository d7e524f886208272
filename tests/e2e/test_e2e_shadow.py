"""A candidate beside the active policy in a whole gateway: watched in its shadow, then deciding for some
clients, then for all; and what is left where it is killed, refused, stopped or restarted."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from e2e_gateway import POLICIES, Gateway, alive, opa_children, spare_dir
from e2e_load import Load
from e2e_upstream import MockUpstream, until
from typer.testing import CliRunner

from dataplane.audit import trials
from dataplane.audit.trials import Candidate
from dataplane.bundle.build import build, restamp
from dataplane.bundle.keys import load_signing_key
from dataplane.bundle.model import Bundle
from dataplane.bundle.sign import sign
from dataplane.cli import canary, shadow
from dataplane.database import Database
from dataplane.identity.store import KeyStore
from dataplane.installation import installation_key
from dataplane.opa.supervise import NICENESS
from dataplane.policy.canary import takes
from dataplane.shipped import shipped
from dataplane.trial import Trial, TrialKind

CLIENTS = [f"team-{number}" for number in range(8)]
TIERS = """
demo:
  models: ["demo*", gpt-4o-mini]
  operations: [chat.completions.*, models.*]
  tools: {allow: [], otherwise: strip}
  max_tokens: 100
"""
STRICTER = TIERS.replace(", gpt-4o-mini]", "]").replace("100", "50")
"""Blocks gpt-4o-mini, caps the answers of demo lower, and answers a list of models otherwise."""
HALF = 500_000


@dataclass
class Shop:
    """A gateway with clients, and candidates beside its policies."""

    gateway: Gateway
    opa: Path
    keys: dict[str, str]
    place: Path

    def candidate(self, seq: int, *, signed: bool = True) -> Path:
        """A bundle file of the policies with stricter tiers."""
        bundle = restamp(self.stricter, seq=seq, channel="next")
        if signed:
            bundle = sign(bundle, load_signing_key(self.gateway.data_dir / "keys/dev.key.pem", keyid="dev"))
        return self.written(bundle)

    @cached_property
    def stricter(self) -> Bundle:
        policies = self.place / "stricter"
        shutil.copytree(self.place / "policies", policies)
        (policies / "data/tiers.yaml").write_text(STRICTER)
        capabilities = shipped("opa/capabilities.json")
        return asyncio.run(build(policies, self.opa, capabilities, seq=1, channel="next"))

    def written(self, bundle: Bundle) -> Path:
        path = self.place / f"{bundle.revision}-{bundle.keyid}.tar.gz"
        path.write_bytes(bundle.content)
        return path

    def run(self, app: Any, *words: str, status: int = 0) -> dict[str, Any]:
        """What a command answers."""
        result = CliRunner().invoke(app, [*words, "--json", f"--data-dir={self.gateway.data_dir}"])
        assert result.exit_code == status, result.output
        found = json.loads(result.stdout)
        assert found["ok"] is (status == 0)
        return dict(found)

    def ask(self, client: str, model: str = "demo") -> httpx2.Response:
        message = {"role": "user", "content": "hello"}
        with httpx2.Client(timeout=20) as http:
            return http.post(
                f"{self.gateway.base_url}/chat/completions",
                json={"model": model, "messages": [message]},
                headers={"Authorization": f"Bearer {self.keys[client]}"},
            )

    def opas(self) -> list[int]:
        return opa_children(self.gateway.process.pid)

    def other_opa(self, active: int) -> int:
        """The candidate's OPA, once there is one."""
        until(lambda: len(self.opas()) == 2)
        [found] = set(self.opas()) - {active}
        return found

    def state(self, kind: str) -> str:
        """What the gateway says of a trial on its admin address; empty where there is none."""
        told = [one["state"] for one in self.gateway.readyz()["trials"] if one["kind"] == kind]
        return told[0] if told else ""


@pytest.fixture(scope="module")
def shop(opa_binary: Path, upstream: MockUpstream) -> Iterator[Shop]:
    place = spare_dir()
    shutil.copytree(POLICIES, place / "policies")
    (place / "policies/data/tiers.yaml").write_text(TIERS)
    rows = [f"{client}: {{tier: demo}}\n" for client in [*CLIENTS, "demo"]]
    (place / "policies/data/clients.yaml").write_text("".join(rows))
    gateway = Gateway(opa_binary, f"--upstream={upstream.url}", f"--policies={place / 'policies'}")
    one = Shop(gateway, opa_binary, {}, place)
    try:
        gateway.wait_ready()
        one.keys = made_keys(gateway)
        yield one
        one.gateway.stop()
    finally:
        one.gateway.discard()  # a test restarts it
        shutil.rmtree(place, ignore_errors=True)


def made_keys(gateway: Gateway) -> dict[str, str]:
    async def main() -> dict[str, str]:
        database = Database(f"sqlite:///{gateway.database}")
        store = KeyStore(database, installation_key(gateway.data_dir, None))
        try:
            return {client: (await store.create(client))[0].text for client in CLIENTS}
        finally:
            await database.close()

    return asyncio.run(main())


def recomputed(opa: Path, bundle: Path, inputs: list[str]) -> list[Any]:
    """What real OPA says to inputs under a bundle, without any of our code."""
    query = "[r | some i in input; r := data.regogate.request.decision with input as i]"
    done = subprocess.run(
        [str(opa), "eval", "--bundle", str(bundle), "--stdin-input", "--format=raw", query],
        input=f"[{','.join(inputs)}]", capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


# --- refused --------------------------------------------------------------------------------------


def test_an_unsigned_candidate_is_refused_before_anything_starts(shop: Shop) -> None:
    for app in (shadow.app, canary.app):
        found = shop.run(app, "start", "--bundle", str(shop.candidate(90, signed=False)), status=1)
        assert found["error"] == "bundle refused at step 2: it is not signed"
    assert len(shop.opas()) == 1
    assert shop.run(shadow.app, "status")["running"] is False


def test_a_candidate_that_only_reached_the_database_is_refused_by_the_gateway_visibly(shop: Shop) -> None:
    """Whoever writes to the database still cannot make a gateway run what no listed key signed."""
    content = shop.candidate(91, signed=False).read_bytes()
    forged = Candidate(revision=shop.gateway.revision, channel="next", content=content)

    async def main() -> None:
        database = Database(f"sqlite:///{shop.gateway.database}")
        for kind in TrialKind:
            await trials.start(database, kind, channel="dev", candidate=forged, share_ppm=1_000_000)
        await database.close()

    asyncio.run(main())
    until(lambda: shop.state("shadow") == shop.state("canary") == "refused")
    for app, end in ((shadow.app, "stop"), (canary.app, "withdraw")):
        [said] = shop.run(app, "status")["gateways"]
        assert said["why"] == "bundle refused at step 2: it is not signed"
        assert shop.ask("team-0").status_code == 200
        shop.run(app, end)
    assert len(shop.opas()) == 1


# --- shadow ---------------------------------------------------------------------------------------


def test_a_shadow_s_report_equals_an_independent_recomputation(shop: Shop) -> None:
    bundle = shop.candidate(92)
    begun = shop.run(shadow.app, "start", "--bundle", str(bundle), "--share", "1")
    assert [one["state"] for one in begun["gateways"]] == ["running"]
    mine = set()
    for client in CLIENTS[:4]:
        for model in ("demo", "gpt-4o-mini", "gpt-4o"):
            mine.add(shop.ask(client, model).headers["x-request-id"])
        raw = openai.OpenAI(base_url=shop.gateway.base_url, api_key=shop.keys[client], max_retries=0)
        mine.add(raw.models.with_raw_response.list().headers["x-request-id"])
        raw.close()
    until(lambda: shop.run(shadow.app, "status")["counts"].get("evaluated") == len(mine))

    records = [
        r for r in shop.gateway.records() if r["request_id"] in mine and r["kind"] in ("intent", "deny")
    ]
    assert len(records) == len(mine)
    results = recomputed(shop.opa, bundle, [record["policy_input"] for record in records])
    expected: Counter[tuple[str, str]] = Counter()
    changed: dict[str, tuple[Any, Any]] = {}
    for record, new in zip(records, results, strict=True):
        old = json.loads(record["policy_result"])
        expected[old["decision"], new["decision"]] += 1
        compared = [
            {name: answer.get(name) for name in ("decision", "reasons", "constraints", "limits")}
            for answer in (old, new)
        ]
        if compared[0] != compared[1]:
            changed[record["request_id"]] = (compared[0], compared[1])
    assert expected["CONSTRAIN", "BLOCK"] == 4, "the load exercises what differs"

    report = shop.run(shadow.app, "report", "--rows", "100")
    assert report["total"] == len(mine)
    assert {(one["old"], one["new"]): one["total"] for one in report["by"]["decision"]} == expected
    assert report["changed"] == len(changed)
    assert report["new_blocks"] == 4
    assert {row["request_id"] for row in report["rows"]} == set(changed)
    for row in report["rows"]:
        old, new = changed[row["request_id"]]
        assert row["old"] == {name: value for name, value in old.items() if value is not None}
        assert row["new"] == {name: value for name, value in new.items() if value is not None}
    assert [row["new"]["decision"] for row in report["rows"][:4]] == ["BLOCK"] * 4, "new blocks come first"
    assert {one["client"]: one["changed"] for one in report["by"]["client"]} == Counter(
        record["client_id"] for record in records if record["request_id"] in changed
    )
    assert set(shop.run(shadow.app, "report", "--rows", "0")["rows"]) == set()
    text = CliRunner().invoke(shadow.app, ["report", f"--data-dir={shop.gateway.data_dir}"]).output
    assert "CONSTRAIN -> BLOCK" in text


def priorities(pid: int) -> set[int]:
    """Those of all its threads."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return {os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in tasks}


def test_a_shadow_that_is_killed_under_load_fails_no_call_and_comes_back(shop: Shop) -> None:
    [active] = [pid for pid in shop.opas() if os.getpriority(os.PRIO_PROCESS, pid) == 0]
    pid = shop.other_opa(active)
    assert priorities(pid) == {NICENESS}, "every thread has a low priority"
    group = Path(f"/proc/{pid}/autogroup")  # where Linux schedules by sessions
    assert not group.exists() or group.read_text().endswith(f"nice {NICENESS}\n")
    assert b"GOMAXPROCS=1" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    with Load(shop.gateway, threads=2, model="demo") as load:
        until(lambda: len(load.answers) > 10)
        os.kill(pid, signal.SIGKILL)
        seen = len(load.answers)
        until(lambda: len(load.answers) > seen + 20)
        until(lambda: shop.state("shadow") == "running")
    assert {answer.status for answer in load.answers} == {200}
    assert {answer.revision for answer in load.answers} == {shop.gateway.revision}
    new = shop.other_opa(active)
    assert new != pid
    until(lambda: priorities(new) == {NICENESS})


def test_a_stopped_shadow_leaves_no_process_and_its_report(shop: Shop) -> None:
    pids = shop.opas()
    told = shop.run(shadow.app, "stop")
    assert (told["running"], told["ended_as"]) == (False, "stopped")
    assert [one["state"] for one in told["gateways"]] == ["ended"]
    assert len(shop.opas()) == 1
    assert sum(alive(pid) for pid in pids) == 1
    assert shop.run(shadow.app, "report")["changed"] > 0
    assert shop.run(shadow.app, "stop")["ended_as"] == "stopped", "stopping again is no error"
    shop.gateway.check_chain()


# --- canary ---------------------------------------------------------------------------------------


def chosen(trial: dict[str, Any]) -> set[str]:
    one = Trial(
        id="", kind=TrialKind.CANARY, channel="dev", revision=trial["candidate"], signed_for="next",
        share_ppm=round(trial["share"] * 1_000_000), begun=True,
    )  # fmt: skip
    return {client for client in CLIENTS if takes(one, client)}


def check_decided(shop: Shop, trial: dict[str, Any]) -> None:
    """Each client's calls are decided by whom the hash says, and the records name the revision that did."""
    for client in CLIENTS:
        answer = shop.ask(client)
        its = client in chosen(trial)
        wanted = trial["candidate"] if its else shop.gateway.revision
        assert (answer.status_code, answer.headers["x-regogate-policy-revision"]) == (200, wanted)
        until(lambda: len(shop.gateway.records(request_id=answer.headers["x-request-id"])) == 2)  # noqa: B023
        for record in shop.gateway.records(request_id=answer.headers["x-request-id"]):
            assert (record["policy_revision"], record.get("canary")) == (wanted, True if its else None)
            if record["kind"] == "intent":
                assert json.loads(record["constraints"]) == {"max_tokens": 50 if its else 100}


def test_a_canary_decides_for_its_clients_fails_closed_survives_a_restart_and_is_promoted(
    shop: Shop,
) -> None:
    # Clients are drawn by the revision: one that draws some of ours, and not all.
    for seq in range(93, 199):
        bundle = shop.candidate(seq)
        trial = {"candidate": bundle.name.rsplit("-", 1)[0], "share": HALF / 1_000_000}
        if 2 <= len(chosen(trial)) <= len(CLIENTS) - 2:
            break
    told = shop.run(canary.app, "start", "--bundle", str(bundle), "--share", "0.5")
    assert (told["candidate"], told["share"]) == (trial["candidate"], 0.5)
    check_decided(shop, trial)

    # Its OPA is stopped: its clients are refused, with a record that is stamped; the others are not.
    [active] = [pid for pid in shop.opas() if pid == min(shop.opas())]
    pid = shop.other_opa(active)
    os.kill(pid, signal.SIGSTOP)
    its, other = (next(c for c in CLIENTS if (c in chosen(trial)) is mine) for mine in (True, False))
    refused = shop.ask(its)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "policy_unavailable")
    assert shop.ask(other).status_code == 200
    record = shop.gateway.wait_record(request_id=refused.headers["x-request-id"])
    assert (record["kind"], record["canary"], record["policy_revision"]) == ("deny", True, None)
    os.kill(pid, signal.SIGCONT)
    until(lambda: shop.ask(its).status_code == 200)

    # A killed and restarted gateway: the canary is in force from the first call.
    before, keys = shop.gateway, shop.keys
    before.kill()
    shop.gateway = Gateway(
        shop.opa, f"--policies={shop.place / 'policies'}", data_dir=before.data_dir
    ).wait_ready()
    shop.keys = keys
    check_decided(shop, trial)

    # Promoted: everybody's, under the channel's next sequence, and nothing is stamped any more.
    told = shop.run(canary.app, "promote")
    assert (told["running"], told["ended_as"]) == (False, "promoted")
    assert told["published"].split("-")[-1] == trial["candidate"].split("-")[-1]
    for client in (its, other):
        answer = shop.ask(client)
        assert answer.headers["x-regogate-policy-revision"] == told["published"]
        [record] = shop.gateway.records(request_id=answer.headers["x-request-id"], kind="intent")
        assert record.get("canary") is None
    assert len(shop.opas()) == 1
    shop.run(canary.app, "promote", status=1)
    shop.gateway.check_chain()
