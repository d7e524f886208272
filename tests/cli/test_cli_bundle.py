"""`regogate bundle`, as a person and a CI job use it."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dataplane.cli.bundle import app

REGO = """\
package regogate.request

decision := {"v": 1, "decision": "BLOCK"}
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a policy and a key pair, where one stands."""
    files = {
        "policies/rego/regogate/request/decision.rego": REGO,
        "policies/data/tiers.yaml": "default: {max_tokens: 5}\n",
        "policies/schemas/tables/tiers.schema.json": '{"type": "object"}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert invoke("keygen", "--out", "keys", "--keyid", "k1").exit_code == 0
    return tmp_path


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def answer(result: Result) -> dict[str, object]:
    assert result.stdout.count("\n") == 1, result.output
    return json.loads(result.stdout)


def build(opa: Path, *words: str, key: bool = True) -> Result:
    signing = ["--key", "keys/bundle.key.pem", "--keyid", "k1"] if key else []
    return invoke("build", "-o", "b.tar.gz", "--opa", str(opa), *signing, *words)


def test_a_policy_with_problems_is_refused_with_file_and_line(work: Path, opa_binary: Path) -> None:
    (work / "policies/data/tiers.yaml").write_text("default: no\n")
    result = build(opa_binary, "--seq", "1")
    assert result.exit_code == 1
    assert "policies/data/tiers.yaml:1: " in result.stderr
    found = answer(build(opa_binary, "--seq", "1", "--json"))
    assert found["ok"] is False
    assert found["problems"][0]["line"] == 1  # type: ignore[index]
    assert not (work / "b.tar.gz").exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--seq", "0"],
        ["--seq", "x"],
        ["--seq", "1", "--channel", "../x"],
        ["--seq", "1", "--commit", "abc"],
        ["--seq", "1", "--to", "a", "--data-dir", "b"],
    ],
)
def test_wrong_usage_exits_2(work: Path, opa_binary: Path, words: list[str]) -> None:
    assert build(opa_binary, *words).exit_code == 2


def test_keys_are_made_once(work: Path) -> None:
    assert stat.S_IMODE((work / "keys/bundle.key.pem").stat().st_mode) == 0o600
    again = invoke("keygen", "--out", "keys")
    assert again.exit_code == 1
    assert "never overwritten" in again.stderr
    found = answer(invoke("keygen", "--out", "keys", "--name", "other", "--json"))
    assert len(str(found["keyid"])) == 16
    assert invoke("keygen", "--out", "keys", "--name", "../x").exit_code == 2


def test_build_verify_inspect_and_publish(work: Path, opa_binary: Path) -> None:
    built = answer(build(opa_binary, "--seq", "3", "--channel", "prod", "--json"))
    assert str(built["revision"]).startswith("3-g0000000-")
    assert built["keyid"] == "k1"

    public = ("--public-key", "keys/bundle.pub.pem")
    verified = invoke("verify", "b.tar.gz", "--channel", "prod", *public)
    assert verified.exit_code == 0
    assert str(built["revision"]) in verified.stdout
    wrong = invoke("verify", "b.tar.gz", "--channel", "dev", *public, "--json")
    assert (wrong.exit_code, answer(wrong)["step"]) == (1, 5)
    other_id = invoke("verify", "b.tar.gz", "--channel", "prod", "--public-key", "k2=keys/bundle.pub.pem")
    assert other_id.exit_code == 1
    assert "not listed" in other_id.stderr
    private = invoke("verify", "b.tar.gz", "--channel", "prod", "--public-key", "keys/bundle.key.pem")
    assert private.exit_code == 1
    assert "private key" in private.stderr

    assert invoke("inspect", "b.tar.gz").exit_code == 0
    seen = answer(invoke("inspect", "b.tar.gz", "--json"))
    assert seen["tables"] == {"tiers": 1}
    assert [one["name"] for one in seen["files"]] == [  # type: ignore[attr-defined]
        "data.json",
        "regogate/request/decision.rego",
    ]

    assert invoke("publish", "b.tar.gz").exit_code == 2
    assert invoke("publish", "b.tar.gz", "--to", "channels").exit_code == 1
    published = invoke("publish", "b.tar.gz", "--to", "channels", *public, "--json")
    assert answer(published)["published"] == "channels/prod/bundle.tar.gz"
    again = invoke("publish", "b.tar.gz", "--to", "channels", *public)
    assert again.exit_code == 1
    assert "not above 3" in again.stderr

    following = answer(build(opa_binary, "--to", "channels", "--channel", "prod", "--json"))
    assert (following["seq"], following["digest"]) == (4, built["digest"])


def test_sign_an_unsigned_bundle_in_place(work: Path, opa_binary: Path) -> None:
    assert answer(build(opa_binary, "--seq", "1", "--json", key=False))["keyid"] is None
    public = ("--public-key", "k1=keys/bundle.pub.pem")
    assert invoke("verify", "b.tar.gz", "--channel", "dev", *public).exit_code == 1
    assert invoke("sign", "b.tar.gz", "--key", "keys/bundle.key.pem", "--keyid", "k1").exit_code == 0
    assert invoke("verify", "b.tar.gz", "--channel", "dev", *public).exit_code == 0
    assert sorted(path.name for path in work.iterdir()) == ["b.tar.gz", "keys", "policies"]


def test_what_is_no_bundle_is_refused_without_a_traceback(work: Path) -> None:
    (work / "x").write_bytes(b"x")
    for words in (
        ["inspect", "x"],
        ["inspect", "missing"],
        ["sign", "x", "--key", "keys/bundle.key.pem"],
        ["publish", "x", "--to", "d", "--public-key", "keys/bundle.pub.pem"],
        ["verify", "x", "--channel", "dev", "--public-key", "keys/bundle.pub.pem"],
    ):
        result = invoke(*words)
        assert (result.exit_code, result.stderr[:7]) == (1, "error: "), result.output


@pytest.mark.parametrize("command", ["keygen", "build", "sign", "verify", "inspect", "publish"])
def test_every_command_has_examples(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"regogate bundle {command}" in result.stdout
    assert "Exit codes" in result.stdout


def test_publishing_to_a_dev_directory_uses_its_keys(work: Path, opa_binary: Path) -> None:
    assert invoke("keygen", "--out", ".regogate/keys", "--name", "dev", "--keyid", "dev").exit_code == 0
    words = ["--key", ".regogate/keys/dev.key.pem", "--keyid", "dev", "--data-dir", ".regogate"]
    assert build(opa_binary, *words, key=False).exit_code == 0
    assert invoke("publish", "b.tar.gz", "--data-dir", ".regogate").exit_code == 0
    assert (work / ".regogate/bundles/dev/bundle.tar.gz").exists()
