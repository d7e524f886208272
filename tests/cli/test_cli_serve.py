"""What `serve` says where it cannot start: every problem on a line, status 1, and nothing is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataplane.bundle.keys import keygen
from dataplane.cli import main


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """The process's logging is put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pair = keygen(tmp_path, name="k", keyid="k")
    path = tmp_path / "regogate.yaml"
    path.write_text(
        f"policy: {{bundle: {{keys: {{k: {pair.public.name}}}}}}}\n"
        "upstreams: {demo: {kind: demo}}\n"
        "server: {bind: '127.0.0.1:0'}\nadmin: {bind: '127.0.0.1:0'}\n"
    )
    return path


def words(config: Path, *assignments: str) -> list[str]:
    return ["serve", "--config", str(config), *(word for one in assignments for word in ("--set", one))]


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        (["upstreams={}"], "upstreams: name at least one upstream"),
        (["policy.bundle.keys={}"], "policy.bundle.keys: name at least one public key that may sign bundles"),
        (["policy.opa.path=regogate.yaml"], "policy.opa.path: "),
        (['audit.database="mysql://h/d"', "upstreams={}"], "audit.database: mysql is not supported"),
        (["policy.opa.path=nowhere"], "policy.opa.path: "),
        (["policy.bundle.keys={k: nowhere}"], "policy.bundle.keys.k: "),
        (["policy.bundle.channel=Prod"], "policy.bundle.channel: must be 1 to 64 of a-z"),
    ],
)
def test_settings_that_cannot_be_used_stop_it_before_anything_is_made(
    config: Path,
    assignments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["regogate", *words(config, *assignments)])
    before = sorted(config.parent.iterdir())
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert told in said.err
    assert "Traceback" not in said.err
    assert sorted(config.parent.iterdir()) == before
