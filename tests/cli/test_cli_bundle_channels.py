"""Pinning, promoting, approving, rolling back and publishing, as a person and a CI job do it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dataplane.cli.bundle import app

REGO = 'package regogate.request\n\ndecision := {"v": 1, "decision": "BLOCK"}\n'


def git(place: Path, *words: str) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *words], cwd=place, check=True, capture_output=True, text=True, env=env
    ).stdout


def make_repo(place: Path) -> None:
    """A policy repository; prod wants one approval, by Bob."""
    files = {
        "policies/rego/regogate/request/decision.rego": REGO,
        "policies/data/tiers.yaml": "default: {max_tokens: 5}\n",
        "policies/schemas/tables/tiers.schema.json": '{"type": "object"}',
        "bundles/channels/dev.yaml": "channel: dev\n",
        "bundles/channels/prod.yaml": "channel: prod\nafter: dev\napprovals: 1\napprovers:\n"
        "  - {name: Bob, key: approvers/bob.pub.pem}\n",
        ".gitignore": "keys\n*.tar.gz\nsrv\n",
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    for name in ("bob", "eve", "prod"):
        assert invoke("keygen", "--out", str(place / "keys"), "--name", name).exit_code == 0
    (place / "bundles/approvers").mkdir()
    (place / "bundles/approvers/bob.pub.pem").write_text((place / "keys/bob.pub.pem").read_text())
    git(place, "init", "--quiet", "--initial-branch=main")
    git(place, "config", "user.name", "Ada Lovelace")
    git(place, "config", "user.email", "ada@example.org")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "begin")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made") / "repo"
    make_repo(place)
    return place


@pytest.fixture(scope="module")
def made_pinned(made: Path, opa_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with content in prod, built, signed and approved."""
    place = tmp_path_factory.mktemp("pinned") / "repo"
    shutil.copytree(made, place)
    before = Path.cwd()
    os.chdir(place)
    try:
        answer("pin", "dev", "--opa", str(opa_binary))
        answer("promote", "dev", "prod")
        words = ("-o", "prod.tar.gz", "--key", "keys/prod.key.pem", "--keyid", "p1")
        answer("rebuild", "prod", *words, "--opa", str(opa_binary))
    finally:
        os.chdir(before)
    return place


def stand(at: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "repo"
    shutil.copytree(at, place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(place))
    return place


@pytest.fixture
def repo(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy repository of a test's own, where one stands."""
    return stand(made, tmp_path, monkeypatch)


@pytest.fixture
def pinned(made_pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with content in prod that nobody has approved yet, and its bundle `prod.tar.gz`."""
    return stand(made_pinned, tmp_path, monkeypatch)


@pytest.fixture
def approved(pinned: Path) -> Path:
    """One where Bob has approved it."""
    answer("approve", "prod", "--key", "keys/bob.key.pem")
    return pinned


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def answer(*words: str, code: int = 0) -> dict[str, object]:
    result = invoke(*words, "--json")
    assert result.exit_code == code, result.output
    assert result.stdout.count("\n") == 1, result.output
    found: dict[str, object] = json.loads(result.stdout)
    assert found["ok"] is (code == 0)
    return found


def refusal(*words: str) -> str:
    """The message of a refusal, which is one for a person and one in JSON, and no crash."""
    told = invoke(*words)
    assert (told.exit_code, told.stderr[:7]) == (1, "error: "), told.output
    assert "Traceback" not in told.output
    error = answer(*words, code=1)["error"]
    assert f"error: {error}\n" == told.stderr
    return str(error)


PUBLISH = ("publish", "prod.tar.gz", "--to", "srv", "--public-key", "p1=keys/prod.pub.pem")


@pytest.mark.parametrize(
    "words",
    [
        ("promote", "dev"),
        ("promote", "dev", "prod", "--seq", "0"),
        ("rebuild", "prod", "--key", "k.pem"),
        ("rebuild", "prod", "-o", "x", "--keyid", "k"),
        ("approve", "prod"),
        ("status", "--config", "a", "--data-dir", "b"),
        ("publish", "x.tar.gz", "--config", "a", "--data-dir", "b"),
    ],
)
def test_wrong_usage_exits_2(words: tuple[str, ...]) -> None:
    assert invoke(*words).exit_code == 2


def test_wrong_usage_that_only_content_shows_exits_2(approved: Path) -> None:
    assert invoke("promote", "dev", "prod", "--author", "Ada").exit_code == 2
    for words in (
        ("--to", "ftp://h/x"),
        ("--to", "s3://UPPER/x"),
        ("--to", "s3://bucket/../x"),
        ("--to", "oci://host"),
        ("--to", "srv", "--endpoint", "https://h"),
    ):
        told = invoke("publish", "prod.tar.gz", *words, "--public-key", "p1=keys/prod.pub.pem")
        assert told.exit_code == 2, told.output


def test_what_is_not_committed_is_not_pinned_and_that_is_told(repo: Path, opa_binary: Path) -> None:
    pin = ("pin", "dev", "--opa", str(opa_binary))
    assert "note:" not in invoke(*pin).stderr
    (repo / "policies/data/tiers.yaml").write_text("default: {max_tokens: 6}\n")
    told = invoke(*pin)
    assert told.exit_code == 0
    assert "note: policies has changes that are not committed; HEAD is pinned without them\n" in told.stderr
    assert "nothing to do" in told.output


def test_nothing_can_be_done_with_a_channel_that_is_not_there_or_pins_nothing(repo: Path) -> None:
    for words in (
        ("promote", "dev", "canary"),
        ("rollback", "canary"),
        ("history", "../prod"),
        ("pin", "canary"),
        ("rebuild", "canary"),
        ("approve", "canary", "--key", "keys/bob.key.pem"),
        ("approve", "prod", "--key", "keys/bob.key.pem"),
        ("promote", "dev", "prod"),
        ("rollback", "prod"),
    ):
        refusal(*words)
    assert git(repo, "status", "--porcelain") == ""


def test_a_channel_file_that_does_not_fit_is_told_with_its_line(repo: Path) -> None:
    (repo / "bundles/channels/prod.yaml").write_text("channel: prod\naproval: 1\n")
    told = invoke("promote", "dev", "prod")
    assert told.exit_code == 1
    assert "bundles/channels/prod.yaml:2: aproval: unknown field; did you mean approvals" in told.stderr


def test_without_its_approval_a_bundle_is_not_published_and_with_it_it_is(pinned: Path) -> None:
    revision = answer("inspect", "prod.tar.gz")["revision"]
    unchanged = answer("promote", "dev", "prod")
    assert (unchanged["approvals_needed"], unchanged["state"], unchanged["commit"]) == (1, "unchanged", None)
    said = refusal(*PUBLISH)
    assert "has 0 of 1 approvals" in said
    assert "regogate bundle approve prod --key FILE" in said
    assert "leave --unpinned out" in refusal(*PUBLISH, "--unpinned")
    assert not (pinned / "srv").exists()

    assert "not listed under 'approvers'" in refusal("approve", "prod", "--key", "keys/eve.key.pem")
    approved = answer("approve", "prod", "--key", "keys/bob.key.pem")
    assert (approved["approvals"], approved["needed"]) == (["Bob"], 1)
    assert git(pinned, "show", "--format=%s", "--name-only", "HEAD").split("\n\n") == [
        f"Approve {revision} for prod",
        f"{approved['file']}\n",
    ]
    assert "has approved" in refusal("approve", "prod", "--key", "keys/bob.key.pem")

    verify = ("verify", "prod.tar.gz", "--channel", "prod", "--public-key", "p1=keys/prod.pub.pem")
    assert answer(*verify, "--pinned")["approvals"] == ["Bob"]
    published = answer(*PUBLISH)
    assert (published["published"], published["approvals"]) == ("srv/prod/bundle.tar.gz", ["Bob"])
    assert "not above 1" in refusal(*PUBLISH)


def test_from_a_folder_within_the_repository_nothing_passes_unpinned(
    pinned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the channel files were only looked for at one place, a `cd` would be a way around them."""
    monkeypatch.chdir(pinned / "keys")
    words = ("publish", "../prod.tar.gz", "--to", "../srv", "--public-key", "p1=prod.pub.pem")
    assert "has 0 of 1 approvals" in refusal(*words)
    wrong = invoke(*words, "--bundles", "nowhere")
    assert (wrong.exit_code, "no folder channels" in wrong.output) == (2, True)
    assert answer("approve", "prod", "--key", "bob.key.pem")["approvals"] == ["Bob"]
    assert answer(*words)["approvals"] == ["Bob"]


def test_a_bundle_that_is_not_the_pinned_one_is_refused_with_what_to_do(
    approved: Path, opa_binary: Path
) -> None:
    build = (
        "build",
        "-o",
        "prod.tar.gz",
        "--key",
        "keys/prod.key.pem",
        "--keyid",
        "p1",
        "--opa",
        str(opa_binary),
    )
    answer(*build, "--seq", "2", "--channel", "prod")
    assert "sequence 2 is not 1" in refusal(*PUBLISH)
    (approved / "policies/data/tiers.yaml").write_text("default: {max_tokens: 6}\n")
    answer(*build, "--seq", "1", "--channel", "prod")
    said = refusal(*PUBLISH)
    assert "its digest is" in said
    assert "regogate bundle rebuild prod" in said
    answer(*build, "--seq", "1", "--channel", "canary")
    assert "no channel canary" in refusal(*PUBLISH)
    assert answer(*PUBLISH, "--unpinned")["published"] == "srv/canary/bundle.tar.gz"


def test_a_gateway_of_another_channel_is_not_published_to(approved: Path) -> None:
    (approved / "regogate.yaml").write_text(
        "policy: {bundle: {channel: staging, keys: {p1: keys/prod.pub.pem}}}\ndata_dir: data\n"
        "upstreams: {main: {base_url: 'https://u.example'}}\n"
    )
    said = refusal("publish", "prod.tar.gz", "--config", "regogate.yaml")
    assert "is for the channel prod, and the gateway of regogate.yaml follows staging" in said


def test_rolling_back_and_history(repo: Path, opa_binary: Path) -> None:
    first = answer("pin", "dev", "--opa", str(opa_binary))
    (repo / "policies/data/tiers.yaml").write_text("default: {max_tokens: 6}\n")
    git(repo, "commit", "--quiet", "--all", "--message", "more")
    second = answer("pin", "dev", "--opa", str(opa_binary), "--author", "CI <ci@example.org>")
    back = answer("rollback", "dev", "--no-commit")
    assert (back["seq"], back["digest"], back["state"], back["commit"]) == (
        3,
        first["digest"],
        "staged",
        None,
    )
    assert "no revision" in refusal("rollback", "dev", "--to", "nowhere")
    git(repo, "commit", "--quiet", "--message", "Back")
    told = answer("history", "dev")
    rows = told["history"]
    assert isinstance(rows, list)
    assert [(row["revision"], row["author"]) for row in rows] == [
        (back["revision"], "Ada Lovelace <ada@example.org>"),
        (second["revision"], "CI <ci@example.org>"),
        (first["revision"], "Ada Lovelace <ada@example.org>"),
    ]
    lines = invoke("history", "dev").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["revision", *(row["revision"] for row in rows)]


def test_credentials_come_from_the_environment_and_storage_elsewhere_needs_tls(
    approved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    verified = ("--public-key", "p1=keys/prod.pub.pem")
    s3 = ("publish", "prod.tar.gz", "--to", "s3://bucket", *verified)
    assert "set AWS_ACCESS_KEY_ID in the environment" in refusal(*s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    assert "https://" in refusal(*s3, "--endpoint", "http://storage.example:9000")
    monkeypatch.setenv("REGOGATE_OCI_USERNAME", "u")
    oci = (
        "publish",
        "prod.tar.gz",
        "--to",
        "oci://127.0.0.1:1/policies",
        "--public-key",
        "p1=keys/prod.pub.pem",
    )
    assert "set REGOGATE_OCI_PASSWORD" in refusal(*oci)
    monkeypatch.setenv("REGOGATE_OCI_PASSWORD", "canary-word")
    for words in ((*s3, "--endpoint", "http://127.0.0.1:1"), oci):
        told = invoke(*words)
        assert told.exit_code == 1
        assert "cannot be reached" in told.stderr
        assert "canary" not in told.output


def test_status_without_a_gateway_shows_pins_and_approvals(pinned: Path) -> None:
    revision = answer("inspect", "prod.tar.gz")["revision"]
    found = answer("status")
    (dev, prod) = found["channels"]  # type: ignore[misc]
    assert (dev["channel"], prod["channel"]) == ("dev", "prod")
    assert (prod["pinned"], prod["approvals"], prod["approvals_needed"]) == (revision, [], 1)
    assert "0/1" in invoke("status").stdout
    (pinned / "elsewhere").mkdir()
    assert invoke("status", "--bundles", "elsewhere").exit_code == 2
    shutil.rmtree(pinned / "bundles")
    assert "no channel files" in refusal("status")


@pytest.mark.parametrize("command", ["pin", "promote", "rollback", "approve", "history", "status", "rebuild"])
def test_every_command_has_examples(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"regogate bundle {command}" in result.stdout
    assert "Exit codes" in result.stdout
