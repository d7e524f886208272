"""Private files stay private, are whole or absent, and are made once."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dataplane.config import SecretRef
from dataplane.errors import ConfigError
from dataplane.installation import (
    installation_key,
    make_private,
    read_json,
    write_json,
    write_private,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    made = make_private(tmp_path / "a" / "b")
    assert mode(made) == 0o700
    assert make_private(made) == made


@pytest.mark.parametrize("open_to", [0o020, 0o002])
def test_a_directory_others_may_write_to_is_refused_with_the_remedy(tmp_path: Path, open_to: int) -> None:
    path = tmp_path / "d"
    path.mkdir()
    path.chmod(0o755 | open_to)
    with pytest.raises(ConfigError, match=f"run 'chmod go-w {path}'"):
        make_private(path)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match="data directory"):
            make_private(path)


def test_a_private_file_is_replaced_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text("old")
    path.chmod(0o644)
    write_json(path, {"a": 1})
    assert read_json(path) == {"a": 1}
    assert mode(path) == 0o600
    assert os.listdir(tmp_path) == ["ready.json"]


def test_a_private_file_that_cannot_be_written_leaves_the_old_one_and_nothing_beside(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_private(tmp_path / "taken", b"x")
    assert os.listdir(tmp_path) == ["taken"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_object_is_told_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="remove it and start again"):
        read_json(path)
    assert read_json(tmp_path / "absent.json") == {}


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    key = installation_key(tmp_path / "data", None)
    assert len(key) == 32
    assert installation_key(tmp_path / "data", None) == key
    assert mode(tmp_path / "data" / "installation.key") == 0o600
    assert os.listdir(tmp_path / "data") == ["installation.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        for attempt in range(10):
            directory = tmp_path / str(attempt)
            keys = list(pool.map(lambda place: installation_key(place, None), [directory] * 16))
            assert len(set(keys)) == 1


def test_a_key_is_taken_from_its_reference(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("ab" * 40 + "\n")
    assert installation_key(tmp_path / "unused", SecretRef(file=path)) == b"\xab" * 40
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("text", ["ab" * 31, "zz" * 32, "a" * 65, "\u0663" * 64])
def test_a_key_that_is_none_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "installation.key"
    path.write_text(text)
    with pytest.raises(ConfigError) as own:
        installation_key(tmp_path, None)
    with pytest.raises(ConfigError) as referred:
        installation_key(tmp_path, SecretRef(file=path))
    assert str(own.value) == f"{path}: must hold at least 32 bytes in hexadecimal"
    assert str(referred.value) == "audit.hash_key: must hold at least 32 bytes in hexadecimal"
