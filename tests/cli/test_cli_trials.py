"""`regogate shadow` and `regogate canary`: what is refused, written, waited for and told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from dataplane.audit.floors import Floors
from dataplane.audit.log import DurableLog
from dataplane.audit.migrate import migrate
from dataplane.audit.trials import TrialTable
from dataplane.bundle.archive import member, pack
from dataplane.bundle.digests import content_digest
from dataplane.bundle.keys import ensure_dev_keys, keygen, load_signing_key
from dataplane.bundle.model import NO_COMMIT, Bundle, Manifest, of_manifest
from dataplane.bundle.sign import sign
from dataplane.bundle.store import publish, read
from dataplane.cli import canary, shadow
from dataplane.database import Database
from dataplane.domain import AuditLevel, Decision, Verdict
from dataplane.installation import write_json
from dataplane.trial import ShadowDifference, Trial, TrialReport, TrialState

REVISION = "1-g0000000-0123456789ab"


def bundle_of(channel: str, seq: int, text: str = "package regogate.x") -> Bundle:
    """An unsigned bundle with one line of Rego."""
    members = [member("data.json", b'{"regogate":{}}'), member("regogate/x.rego", text.encode())]
    manifest = Manifest(seq=seq, commit=NO_COMMIT, digest=content_digest(members), channel=channel)
    return of_manifest(manifest, pack([*members, manifest.member()]), None)


class Site:
    """A `dev` directory whose gateway ran once, and files of bundles beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.data.mkdir(mode=0o700)
        self.url = f"sqlite:///{self.data}/regogate.db"
        self.key = load_signing_key(ensure_dev_keys(self.data).private, keyid="dev")
        write_json(self.data / "state.json", {"database_url": self.url})
        self.on(migrate)

    def on(self, work: Callable[[Database], Any]) -> Any:
        async def main() -> Any:
            database = Database(self.url)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(main())

    def file(self, bundle: Bundle, name: str = "candidate.tar.gz") -> str:
        path = self.root / name
        path.write_bytes(bundle.content)
        return str(path)

    def candidate(self, seq: int = 7, channel: str = "canary") -> str:
        return self.file(sign(bundle_of(channel, seq), self.key), f"c{seq}.tar.gz")

    def run(self, app: Any, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, f"--data-dir={self.data}"])

    def told(self, app: Any, *words: str) -> dict[str, Any]:
        result = self.run(app, *words, "--json")
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    def refused(self, app: Any, *words: str) -> str:
        result = self.run(app, *words, "--json")
        assert result.exit_code == 1, result.output
        found = json.loads(result.stdout)
        assert found["ok"] is False
        return str(found["error"])

    def notes(self) -> list[dict[str, Any]]:
        """The records that commands wrote."""
        from dataplane.audit import read as reading

        async def work(database: Database) -> list[dict[str, Any]]:
            return [reading.told(row) async for row in reading.tail(database, 0)]

        return [one for one in self.on(work) if one["kind"] == "bundle"]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


BOTH = pytest.mark.parametrize("app", [shadow.app, canary.app])


@BOTH
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give exactly one of --bundle and --channel"),
        (["--bundle", "x", "--channel", "y"], "give exactly one"),
        (["--channel", "y", "--share", "0"], "a share is above 0 and at most 1"),
        (["--channel", "y", "--share", "1.1"], "a share is above 0"),
        (["--channel", "y", "--share", "nan"], "a share is above 0"),
    ],
)
def test_wrong_usage_says_what_is_right(site: Site, app: Any, words: list[str], said: str) -> None:
    result = site.run(app, "start", *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("\u2502", " ").split())


@BOTH
def test_a_candidate_that_no_listed_key_signed_is_refused(site: Site, app: Any) -> None:
    unsigned = site.file(bundle_of("canary", 7))
    assert site.refused(app, "start", "--bundle", unsigned) == "bundle refused at step 2: it is not signed"
    stranger = load_signing_key(keygen(site.root / "k", keyid="other").private, keyid="other")
    foreign = site.file(sign(bundle_of("canary", 7), stranger))
    assert "the key 'other' is not listed" in site.refused(app, "start", "--bundle", foreign)
    assert "cannot be read" in site.refused(app, "start", "--bundle", str(site.root / "missing"))
    assert "publishes nothing" in site.refused(app, "start", "--channel", "staging")
    assert site.told(app, "status")["trial"] is None
    assert site.notes() == []


@BOTH
def test_a_directory_where_no_gateway_ran_is_named(tmp_path: Path, app: Any) -> None:
    result = CliRunner().invoke(app, ["status", f"--data-dir={tmp_path}"])
    assert result.exit_code == 1
    assert "no gateway has run here" in result.stderr


@BOTH
def test_a_second_candidate_is_refused_and_the_same_one_gets_another_share(site: Site, app: Any) -> None:
    first = site.told(app, "start", "--bundle", site.candidate(7), "--share", "0.2")
    assert (first["share"], first["signed_for"], first["running"]) == (0.2, "canary", True)
    assert "run 'regogate " in site.refused(app, "start", "--bundle", site.candidate(8))
    again = site.told(app, "start", "--bundle", site.candidate(7), "--share", "0.4")
    assert (again["trial"], again["share"]) == (first["trial"], 0.4)
    kind = first["kind"]
    assert [(one["event"], one["share"]) for one in site.notes()] == [
        (f"{kind}_started", "0.2"),
        (f"{kind}_share", "0.4"),
    ]


def test_a_candidate_may_be_what_a_channel_publishes(site: Site) -> None:
    content = sign(bundle_of("staging", 4), site.key).content
    publish(site.data / "bundles", content, "staging", {"dev": site.key.public_pem()})
    told = site.told(canary.app, "start", "--channel", "staging")
    assert told["signed_for"] == "staging"
    assert told["candidate"].startswith("4-g")


@pytest.mark.parametrize(
    ("app", "end", "as_"), [(shadow.app, "stop", "stopped"), (canary.app, "withdraw", "withdrawn")]
)
def test_ending_is_recorded_and_ending_again_is_no_error(site: Site, app: Any, end: str, as_: str) -> None:
    assert site.run(app, end).exit_code == 0, "nothing runs, and nothing is to"
    site.told(app, "start", "--bundle", site.candidate())
    assert site.told(app, end)["ended_as"] == as_
    assert site.told(app, end)["ended_as"] == as_
    assert site.notes()[-1]["event"].endswith(f"_{as_}")
    assert len(site.notes()) == 2
    shown = site.run(app, "status").stdout
    assert as_ in shown
    assert "candidate" in shown


# --- with gateways --------------------------------------------------------------------------------


@contextmanager
def gateway(site: Site, name: str, answer: Callable[[Trial], TrialReport]) -> Iterator[None]:
    """What a gateway leaves in the database, with the answers a test gives."""
    up, stop = threading.Event(), threading.Event()

    async def main() -> None:
        database = Database(site.url)
        log = DurableLog(database, key=bytes(32), instance=name)
        await log.start()
        await log.note("bundle", {"event": "activated"})
        await Floors(database, instance=name).raise_floor("dev", 1, REVISION)
        table, seen = TrialTable(database, instance=name), dict[str, Trial]()
        up.set()
        while not stop.is_set():
            running = {one.id: one for one in await table.running("dev")}
            for one in seen.keys() - running.keys():
                await table.report(one, TrialReport(state=TrialState.ENDED, why=None, counts={}))
            for one in running.values():
                await table.report(one.id, answer(one))
            seen = running
            published = read(site.data / "bundles", "dev", {"dev": site.key.public_pem()})
            if published is not None:
                await Floors(database, instance=name).raise_floor("dev", published.seq, published.revision)
            await asyncio.sleep(0.02)
        await log.close()
        await database.close()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        assert up.wait(10)
        yield
    finally:
        stop.set()
        thread.join()


def saying(state: TrialState, why: str | None = None) -> Callable[[Trial], TrialReport]:
    return lambda _: TrialReport(state=state, why=why, counts={"decided": 3})


def test_a_start_that_every_gateway_refuses_is_undone_and_says_why(site: Site) -> None:
    with gateway(site, "g-1", saying(TrialState.REFUSED, "its sequence 7 is below 9")):
        said = site.refused(canary.app, "start", "--bundle", site.candidate())
        assert said == (
            "no gateway takes the candidate, so nothing was started: g-1: its sequence 7 is below 9"
        )
        assert site.told(canary.app, "status")["ended_as"] == "refused"


def test_commands_wait_for_the_gateways_and_tell_what_they_say(site: Site) -> None:
    with gateway(site, "g-1", saying(TrialState.RUNNING)), gateway(site, "g-2", saying(TrialState.RUNNING)):
        told = site.told(canary.app, "start", "--bundle", site.candidate())
        assert [(one["instance"], one["state"]) for one in told["gateways"]] == [
            ("g-1", "running"),
            ("g-2", "running"),
        ]
        assert told["counts"] == {"decided": 6}
        ended = site.told(canary.app, "withdraw")
        assert {one["state"] for one in ended["gateways"]} == {"ended"}


def test_promoting_publishes_the_content_under_the_next_sequence_and_ends_the_canary(site: Site) -> None:
    with gateway(site, "g-1", saying(TrialState.RUNNING)):
        assert site.refused(canary.app, "promote") == "no canary runs beside dev"
        candidate = bundle_of("canary", 40)
        site.told(canary.app, "start", "--bundle", site.candidate(40))
        told = site.told(canary.app, "promote")
        published = read(site.data / "bundles", "dev", {"dev": site.key.public_pem()})
        assert published is not None
        assert (published.digest, published.seq) == (candidate.digest, 2)
        assert (told["published"], told["ended_as"]) == (published.revision, "promoted")
        # The same content once more: nothing new is published.
        site.told(canary.app, "start", "--bundle", site.candidate(40))
        assert site.told(canary.app, "promote")["published"] == published.revision


def deployment(site: Site, **bundle: Any) -> str:
    keys = {"dev": str(site.data / "keys/dev.pub.pem")}
    settings = {
        "policy": {"bundle": {"channel": "prod", "keys": keys} | bundle},
        "audit": {"database": site.url},
        "data_dir": str(site.data),
        "upstreams": {"main": {"kind": "demo"}},
    }  # fmt: skip
    path = site.root / "regogate.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return f"--config={path}"


def test_a_deployment_s_promotion_needs_the_key_and_one_of_git_is_told_what_to_run(site: Site) -> None:
    def run(config: str, *words: str) -> Result:
        return CliRunner().invoke(canary.app, [*words, config])

    here, remote = deployment(site), "https://bundles.example/prod.tar.gz"
    assert run(here, "start", "--bundle", site.candidate()).exit_code == 0
    (site.root / "none/channels").mkdir(parents=True)
    nowhere = f"--bundles={site.root / 'none'}"
    result = run(here, "promote", nowhere)
    assert (result.exit_code, result.stderr.count("--key FILE")) == (1, 1)
    (site.root / "bundles/channels").mkdir(parents=True)
    (site.root / "bundles/channels/prod.yaml").write_text("channel: prod\n")
    by_git = run(here, "promote", f"--bundles={site.root / 'bundles'}")
    elsewhere = run(deployment(site, url=remote), "promote", nowhere)
    for result in (by_git, elsewhere):
        assert result.exit_code == 1
        assert "regogate bundle promote canary prod" in result.stderr
    key = site.data / "keys/dev.key.pem"
    done = run(deployment(site), "promote", nowhere, "--key", str(key), "--keyid", "dev", "--json")
    assert done.exit_code == 0, done.output
    found = read(site.data / "bundles", "prod", {"dev": site.key.public_pem()})
    assert found is not None
    assert json.loads(done.stdout)["published"] == found.revision


# --- the report -----------------------------------------------------------------------------------


def found(trial: Trial, number: int, new: bytes | None) -> ShadowDifference:
    old = b'{"v":1,"decision":"ALLOW","reasons":["grant.a"],"constraints":{}}'
    decision = Decision(
        verdict=Verdict.ALLOW, reasons=("grant.a",), revision=REVISION, opa_version="1.22.0",
        input=b'{"v":1,"stage":"request"}', result=old, latency_us=1, audit=AuditLevel.METADATA,
    )  # fmt: skip
    return ShadowDifference(
        trial=trial, stage="request", request_id=f"r-{number}", client_id=f"c-{number % 2}", model="m",
        operation="chat.completions.create", decision=decision, verdict="x", result=new,
    )  # fmt: skip


def test_a_report_counts_what_was_recorded_and_what_was_only_counted_apart(site: Site) -> None:
    assert "no shadow has run beside dev" in site.refused(shadow.app, "report")
    site.told(shadow.app, "start", "--bundle", site.candidate())
    answers = [
        b'{"v":1,"decision":"ALLOW","reasons":["grant.b"],"constraints":{}}',
        b'{"v":1,"decision":"BLOCK","reasons":["request.x"]}',
        None,
        b'{"v":1,"decision":"ALLOW","reasons":["grant.a"],"constraints":{},"audit":"hash"}',
    ]
    counts = {"evaluated": 20, "same": 12, "stored": 4, "not_stored": 4, "dropped": 2, "ALLOW>ALLOW": 14}
    counts |= {"ALLOW>BLOCK": 5, "ALLOW>NONE": 1}

    async def work(database: Database) -> None:
        table = TrialTable(database, instance="g-1")
        [trial] = await table.running("dev")
        await table.report(trial.id, TrialReport(state=TrialState.RUNNING, why=None, counts=counts))
        log = DurableLog(database, key=bytes(32), instance="g-1")
        await log.start()
        for number, answer in enumerate(answers):
            assert log.shadow(found(trial, number, answer))
        await log.close()

    site.on(work)
    report = site.told(shadow.app, "report")
    assert {name: report[name] for name in ("total", "changed", "new_blocks", "dropped", "not_stored")} == {
        "total": 20, "changed": 3, "new_blocks": 2, "dropped": 2, "not_stored": 4,
    }  # fmt: skip
    assert [row["request_id"] for row in report["rows"]] == ["r-1", "r-2", "r-0"]
    assert {(one["old"], one["new"]): (one["total"], one["changed"]) for one in report["by"]["decision"]} == {
        ("ALLOW", "BLOCK"): (5, 1), ("ALLOW", "NONE"): (1, 1), ("ALLOW", "ALLOW"): (14, 1),
    }  # fmt: skip
    assert report["by"]["also"] == {"audit": 1}
    text = site.run(shadow.app, "report").stdout
    assert "20 inputs evaluated" in text
    assert "only in the totals by decision: 4 that differ" in text
    assert text.index("ALLOW -> BLOCK") < text.index("ALLOW -> ALLOW")
