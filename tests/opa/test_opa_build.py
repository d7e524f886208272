from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataplane.opa.build import run_long
from dataplane.opa.errors import BuildFailed


def run(tmp_path: Path, body: str, said: list[str]) -> None:
    argv = ["/bin/sh", "-c", body]
    run_long(argv, cwd=tmp_path, env=os.environ, label="tool", say=said.append, every_s=0.02)


def test_a_failing_command_is_reported_with_its_last_lines_and_no_credentials(tmp_path: Path) -> None:
    body = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do echo line-$i; done; echo https://me:pw@host/x; exit 7"
    with pytest.raises(BuildFailed, match="exit code 7") as caught:
        run(tmp_path, body, [])
    text = str(caught.value)
    assert "https://***@host/x" in text
    assert "pw" not in text
    assert "line-13" in text
    assert "line-2\n" not in text


def test_a_command_that_cannot_be_run_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="cannot be run"):
        run_long([str(tmp_path / "no")], cwd=tmp_path, env={}, label="tool", say=print)


def test_a_slow_command_gives_signs_of_life_with_counts(tmp_path: Path) -> None:
    """The command ends when it has been spoken of with both counts, so nothing here waits by the clock."""
    done = tmp_path / "done"
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "1 modules downloaded, 2 packages compiled" in line:
            done.touch()

    body = f"echo go: downloading a v1; echo a/b; echo a/c; while [ ! -e {done} ]; do sleep 0.02; done"
    run_long(["/bin/sh", "-c", body], cwd=tmp_path, env=os.environ, label="tool", say=say, every_s=0.02)
    assert said[-1].startswith("tool: 1 modules downloaded, 2 packages compiled, ")


def test_an_interrupted_build_stops_its_command(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def interrupt(line: str) -> None:
        if pid_file.exists() and pid_file.read_text().strip():
            raise KeyboardInterrupt

    body = f"echo $$ > {pid_file}; exec sleep 60"
    with pytest.raises(KeyboardInterrupt):
        run_long(
            ["/bin/sh", "-c", body], cwd=tmp_path, env=os.environ, label="t", say=interrupt, every_s=0.02
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
