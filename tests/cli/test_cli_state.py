"""Where commands find an installation, and that none is made where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplane.cli.state import open_state, state_document
from dataplane.config import build
from dataplane.errors import ConfigError
from dataplane.installation import installation_key, write_json

PASSWORD = "hunter2"


def test_a_directory_where_no_gateway_ran_is_told_and_left_alone(tmp_path: Path) -> None:
    for directory in (tmp_path / "none", tmp_path):
        with pytest.raises(
            ConfigError, match="no gateway has run here; start 'regogate dev' or give --config"
        ):
            open_state(None, directory)
    assert list(tmp_path.iterdir()) == []


def test_both_places_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not both"):
        open_state(tmp_path / "f.yaml", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'{"database_url":"sqlite:////x","hash_key":5}',
        b'{"database_url":"x","hash_key":{"a":1}}',
    ],
)
def test_a_state_that_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"state\.json: "):
        open_state(None, tmp_path)


def test_a_dev_directory_gives_its_database_and_key(tmp_path: Path) -> None:
    settings = build({"data_dir": str(tmp_path)}, tmp_path)
    write_json(tmp_path / "state.json", state_document(settings))
    state = open_state(None, tmp_path)
    assert state.database_url == f"sqlite:///{tmp_path}/regogate.db"
    assert state.installation_key == installation_key(tmp_path, None)
    assert state.data_dir == tmp_path


def test_a_key_kept_elsewhere_is_found_there(tmp_path: Path) -> None:
    """As with `regogate dev --set audit.hash_key={file: key}`: keys made now must work there."""
    (tmp_path / "key").write_text("ab" * 32)
    (tmp_path / "data").mkdir()
    settings = build({"audit": {"hash_key": {"file": "key"}}, "data_dir": "data"}, tmp_path)
    write_json(tmp_path / "data/state.json", state_document(settings))
    assert open_state(None, tmp_path / "data").installation_key == b"\xab" * 32
    assert not (tmp_path / "data/installation.key").exists()


def test_a_deployment_gives_what_its_file_says(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("cd" * 32)
    config = tmp_path / "regogate.yaml"
    config.write_text(
        f"audit: {{database: 'postgresql://u:{PASSWORD}@h/d', hash_key: {{file: key}}}}\ndata_dir: data\n"
    )
    state = open_state(config, None)
    assert state.database_url == f"postgresql://u:{PASSWORD}@h/d"
    assert state.installation_key == b"\xcd" * 32
    assert state.data_dir == tmp_path / "data"
    assert not state.data_dir.exists()


def test_the_state_shows_no_secret(tmp_path: Path) -> None:
    write_json(tmp_path / "state.json", {"database_url": f"postgresql://u:{PASSWORD}@h/d"})
    state = open_state(None, tmp_path)
    assert PASSWORD not in repr(state)
    assert state.installation_key.hex() not in repr(state)
    assert repr(state.installation_key) not in repr(state)


def test_without_either_the_directory_of_dev_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"{tmp_path}/\.regogate: no gateway"):
        open_state(None, None)
