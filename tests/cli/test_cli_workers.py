"""What `serve --workers` refuses, what one gateway at a time may hold, and what settings a worker gets."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from dataplane.bundle.keys import keygen
from dataplane.cli import app, worker
from dataplane.config import Settings, build, load
from dataplane.database import database_url
from dataplane.errors import ConfigError
from dataplane.inspection import compiled
from dataplane.installation import alone

REGOGATE = str(Path(sys.executable).parent / "regogate")
NEED_POSTGRES = "audit.database: 3 workers need PostgreSQL"
NEED_REDIS = "limits.store: 3 workers need Redis or Valkey"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pair = keygen(tmp_path, name="k", keyid="k")
    path = tmp_path / "regogate.yaml"
    path.write_text(
        f"policy: {{bundle: {{keys: {{k: {pair.public.name}}}}}}}\n"
        "upstreams: {demo: {kind: demo}}\n"
        "server: {bind: '127.0.0.1:0'}\nadmin: {bind: '127.0.0.1:0'}\ndata_dir: data\n"
    )
    return path


def serve(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REGOGATE, "serve", "--config", str(config), *words], capture_output=True, text=True, timeout=60
    )


def check(config: Path, *assignments: str) -> list[str]:
    overrides = [word for one in assignments for word in ("--set", one)]
    done = CliRunner().invoke(app, ["check-config", "--config", str(config), "--json", *overrides])
    problems = json.loads(done.stdout)["problems"]
    assert done.exit_code == bool(problems)
    assert isinstance(problems, list)
    return problems


def test_several_workers_on_sqlite_and_memory_are_refused_naming_both_settings(config: Path) -> None:
    before = sorted(config.parent.iterdir())
    done = serve(config, "--workers", "3")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"error: {NEED_POSTGRES}")
    assert "server.workers to 1" in lines[0]
    assert lines[1].startswith(f"error: {NEED_REDIS}")
    assert sorted(config.parent.iterdir()) == before, "nothing was made"


def test_check_config_says_the_same_of_the_setting(config: Path) -> None:
    problems = check(config, "server.workers=3")
    assert [one.startswith(told) for one, told in zip(problems, (NEED_POSTGRES, NEED_REDIS), strict=True)]
    [left] = check(config, "server.workers=3", 'audit.database="postgresql://u@h/d"')
    assert left.startswith(NEED_REDIS)
    assert check(config, "server.workers=1") == []


@pytest.mark.parametrize("workers", ["0", "-1", "65", "many"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(config: Path, workers: str) -> None:
    done = serve(config, "--workers", workers)
    assert done.returncode in (1, 2)
    assert "workers" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def held(path: Path) -> Iterator[None]:
    """The lock in another process's hands."""
    program = (
        "import sys, pathlib\nfrom dataplane.installation import alone\n"
        "with alone(pathlib.Path(sys.argv[1]), 'taken'):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        assert other.stdin is not None
        other.stdin.close()


def test_a_lock_is_held_by_one_and_free_again_when_it_has_gone(tmp_path: Path) -> None:
    with (
        held(tmp_path / "lock"),
        pytest.raises(ConfigError, match=r"^taken by somebody$"),
        alone(tmp_path / "lock", "taken by somebody"),
    ):
        pass
    with alone(tmp_path / "lock", "taken by somebody"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_second_gateway_on_one_data_directory_or_sqlite_file_is_refused_clearly(
    config: Path, opa_binary: Path
) -> None:
    opa = f"policy.opa.path={opa_binary}"
    (config.parent / "data").mkdir(mode=0o700)
    with held(config.parent / "data/running.lock"):
        done = serve(config, "--set", opa)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: data_dir: another gateway runs in ")
    with held(config.parent / "regogate.db.lock"):
        done = serve(config, "--set", opa, "--set", "data_dir=other")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: audit.database: another gateway writes to ")
    assert "PostgreSQL" in done.stderr


def test_the_database_s_password_may_stand_in_a_file_of_its_own(config: Path) -> None:
    (config.parent / "pw").write_text("p@ss/w:rd\n")
    settings = load(config, ['audit.database="postgresql://u@h:5432/d"', "audit.password={file: pw}"])
    assert database_url(settings.audit) == "postgresql://u:p%40ss%2Fw%3Ard@h:5432/d"
    assert "p@ss" not in repr(settings)
    for database in ("postgresql://u:x@h/d", "postgresql://u@h/d?password=x", "sqlite:///x.db"):
        [problem] = check(config, f'audit.database="{database}"', "audit.password={file: pw}")
        assert problem.startswith("audit.password: ")
        assert "p@ss" not in problem


def test_a_token_for_the_opa_beside_us_needs_one_and_some_length(config: Path) -> None:
    (config.parent / "short").write_text("abc")
    (config.parent / "long").write_text("0123456789abcdef")
    [problem] = check(config, "policy.bundle.token={file: long}")
    assert problem.startswith("policy: bundle.token goes with bundle.url, or with opa.socket")
    beside = "policy.opa={socket: opa.sock}"
    [problem] = check(config, "policy.bundle.token={file: short}", beside)
    assert problem.startswith("policy.bundle.token: must hold at least 16 ")
    assert check(config, "policy.bundle.token={file: long}", beside) == []


def test_settings_come_to_a_worker_as_they_are() -> None:
    raw = {
        "server": {"tls": {"cert": "c.pem", "key": "k.pem"}, "trusted_proxies": ["10.0.0.0/8"], "workers": 4},
        "policy": {"bundle": {"keys": {"a": "a.pem"}}, "canary_channels": ["*"]},
        "audit": {"database": "postgresql://u@h/d", "password": {"file": "pw"}, "hash_key": {"env": "K"}},
        "upstreams": {"main": {"base_url": "https://x/v1", "key": {"file": "key"}, "models": ["a", "b*"]}},
    }
    settings = build(raw, Path("/etc/regogate"))
    sent = orjson.dumps(settings.model_dump(mode="json"))
    assert Settings.model_validate_json(sent) == settings


def test_a_worker_shares_compiled_patterns_with_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each worker, and each one that takes another's place, would compile for seconds else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours, theirs = socket.socketpair()
    ours.close()
    monkeypatch.setattr(compiled, "_places", [])
    assert worker.main(1, theirs.detach()) == 1  # its parent is gone
    compiled.keep("name", b"content")
    assert [path.name for path in (tmp_path / "regogate/patterns").iterdir()] == ["name.patterns"]
