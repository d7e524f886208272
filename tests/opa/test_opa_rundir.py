from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from dataplane.opa.errors import OpaDirectoryInUse, OpaError
from dataplane.opa.rundir import PREFIX, RunDirectory, sweep


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_directory_of_a_live_owner_is_refused(short_dir: Path) -> None:
    first = RunDirectory(short_dir / "d")
    first.acquire()
    with pytest.raises(OpaDirectoryInUse):
        RunDirectory(short_dir / "d").acquire()
    first.release()
    second = RunDirectory(short_dir / "d")
    second.acquire()
    second.release()


@pytest.mark.parametrize("bits", [0o755, 0o770, 0o701])
def test_a_given_directory_that_others_may_enter_is_refused(short_dir: Path, bits: int) -> None:
    given = short_dir / "d"
    given.mkdir()
    given.chmod(bits)
    with pytest.raises(OpaError, match="ours alone"):
        RunDirectory(given).acquire()


def test_a_link_in_place_of_the_directory_is_refused(short_dir: Path) -> None:
    (short_dir / "real").mkdir(mode=0o700)
    (short_dir / "d").symlink_to(short_dir / "real")
    with pytest.raises(OpaError, match="ours alone"):
        RunDirectory(short_dir / "d").acquire()


def test_a_path_too_long_for_a_socket_is_refused_by_its_length(short_dir: Path) -> None:
    with pytest.raises(OpaError, match="a socket path has at most 103"):
        RunDirectory(short_dir / ("x" * 100)).acquire()


def test_a_directory_that_cannot_be_made_is_refused(short_dir: Path) -> None:
    (short_dir / "file").touch()
    with pytest.raises(OpaError, match="cannot be made"):
        RunDirectory(short_dir / "file" / "d").acquire()


def test_a_fresh_directory_is_private_and_gone_afterwards(short_dir: Path) -> None:
    fresh = RunDirectory(root=short_dir)
    assert not fresh.path.exists()
    old_umask = os.umask(0)
    try:
        fresh.acquire()
        config = fresh.write_config("one")
        assert fresh.write_config("two") == config
    finally:
        os.umask(old_umask)
    assert mode(fresh.path) == 0o700
    assert mode(config) == 0o600
    assert config.read_text() == "two"
    fresh.release()
    fresh.release()
    assert list(short_dir.iterdir()) == []


def test_a_given_directory_is_kept_without_its_socket_and_configuration(short_dir: Path) -> None:
    given = RunDirectory(short_dir / "d")
    given.acquire()
    given.write_config("secret")
    given.socket.touch()
    given.release()
    assert [p.name for p in (short_dir / "d").iterdir()] == ["owner.lock"]


def test_a_stale_socket_is_removed(short_dir: Path) -> None:
    (short_dir / "d").mkdir(mode=0o700)
    (short_dir / "d" / "opa.sock").touch()
    given = RunDirectory(short_dir / "d")
    given.acquire()
    assert not given.socket.exists()
    given.release()


def test_what_a_dead_owner_left_is_swept_and_what_is_alive_or_not_ours_is_not(short_dir: Path) -> None:
    alive = RunDirectory(root=short_dir)
    alive.acquire()
    dead = short_dir / f"{PREFIX}dead"
    dead.mkdir()
    (dead / "owner.lock").touch()
    (dead / "opa.json").write_text("token")
    being_made = short_dir / f"{PREFIX}new"
    being_made.mkdir()
    (short_dir / "other").mkdir()
    (short_dir / f"{PREFIX}link").symlink_to(short_dir / "other")
    sweep(short_dir)
    left = {p.name for p in short_dir.iterdir()}
    assert left == {alive.path.name, being_made.name, "other", f"{PREFIX}link"}
    alive.release()
