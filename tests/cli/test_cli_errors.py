"""What a person is told who made a mistake: every problem on a line, status 1, no traceback, no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dataplane.bundle.keys import keygen
from dataplane.cli import app, main

SETTINGS = """
policy: {bundle: {keys: {k: KEY}}}
upstreams: {demo: {kind: demo}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file that can be used, beside `junk.pem`, which is no key."""
    pair = keygen(tmp_path, name="k", keyid="k")
    (tmp_path / "junk.pem").write_text("junk")
    path = tmp_path / "regogate.yaml"
    path.write_text(SETTINGS.replace("KEY", pair.public.name))
    return path


def check(config: Path, *assignments: str) -> tuple[int, list[str]]:
    overrides = [word for one in assignments for word in ("--set", one)]
    done = CliRunner().invoke(app, ["check-config", "--config", str(config), "--json", *overrides])
    return done.exit_code, json.loads(done.stdout)["problems"]


@pytest.mark.parametrize(
    ("assignment", "path"),
    [
        ('audit.database="mysql://u:hunter2@h/x"', "audit.database"),
        ("audit.hash_key={file: junk.pem}", "audit.hash_key"),
        ("policy.bundle.keys={}", "policy.bundle.keys"),
        ("policy.bundle.keys={a: junk.pem}", "policy.bundle.keys.a"),
        ('policy.bundle.url="http://bundles.example/x"', "policy.bundle.url"),
        ("policy.opa.path=junk.pem", "policy.opa.path"),
        ("server.tls={cert: junk.pem, key: junk.pem}", "server.tls"),
        ("upstreams={}", "upstreams"),
        ('upstreams.x={base_url: "https://x/v1", models: ["a*b"]}', "upstreams.x.models"),
        ("server.max_body=1", "server.max_body"),
        ("audit.hash_key={file: nowhere}", "audit.hash_key"),
    ],
)
def test_check_config_refuses_what_serve_would(config: Path, assignment: str, path: str) -> None:
    status, problems = check(config, assignment)
    assert status == 1
    assert [one.partition(":")[0] for one in problems] == [path]
    assert "hunter2" not in problems[0]


def test_check_config_names_every_thing_that_cannot_be_used(config: Path) -> None:
    status, problems = check(config, "policy.bundle.keys={a: junk.pem, b: junk.pem}", "upstreams={}")
    assert status == 1
    assert len(problems) == 3


def test_check_config_accepts_and_leaves_nothing_behind(config: Path) -> None:
    before = sorted(config.parent.iterdir())
    assert check(config) == (0, [])
    assert sorted(config.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["dev", "--policies", "nowhere"], 1, "error: --policies nowhere: no such directory\n"),
        (["dev", "--bnd", "x"], 2, "No such option: --bnd"),
        (["serve", "--config", "nowhere.yaml"], 1, "error: nowhere.yaml: No such file or directory\n"),
        (["audit", "tail", "--data-dir", "nowhere"], 1, "no gateway has run here"),
        (["keys", "list", "--config", "a", "--data-dir", "b"], 1, "not both"),
        (["keys", "show", "zzz", "--data-dir", "nowhere"], 1, "no gateway has run here"),
        (["nonsense"], 2, "No such command 'nonsense'"),
    ],
)
def test_mistakes_are_told_on_standard_error(
    arguments: list[str],
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["regogate", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == status
    assert told in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_each_problem_of_the_settings_is_a_line(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--set", "server.max_body=1", "--set", "telemetry.log_level=loud"]
    monkeypatch.setattr("sys.argv", ["regogate", "serve", "--config", str(config), *words])
    with pytest.raises(SystemExit):
        main()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["error", "server.max_body"],
        ["error", "telemetry.log_level"],
    ]


@pytest.mark.parametrize("command", ["check-config", "serve", "dev"])
@pytest.mark.parametrize("word", ["server.workers", "=3", ""])
def test_what_sets_nothing_is_wrong_usage(config: Path, command: str, word: str) -> None:
    place = [] if command == "dev" else ["--config", str(config)]
    done = CliRunner().invoke(app, [command, *place, "--set", word])
    assert done.exit_code == 2
    assert "must be KEY=VALUE" in done.stderr
