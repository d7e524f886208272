"""Compiled patterns are kept between processes, and what is kept is not believed blindly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dataplane.inspection import compiled
from dataplane.inspection.engine import Engine
from dataplane.inspection.recognizer import Pattern
from dataplane.kept_files import name_of

hyperscan = pytest.importorskip("hyperscan")
from dataplane.inspection import engine_hyperscan  # noqa: E402  it needs hyperscan

NAME = name_of(b"a", b"b")


@pytest.fixture(autouse=True)
def own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where other tests keep databases stays as it is."""
    monkeypatch.setattr(compiled, "_places", [])


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own directory, where all is kept; what this process compiled before is forgotten."""
    monkeypatch.setattr(engine_hyperscan, "KEPT_FROM_S", 0.0)
    directory = tmp_path / "patterns"
    compiled.keep_in(directory)
    engine_hyperscan._compiled.cache_clear()
    yield directory
    engine_hyperscan._compiled.cache_clear()


def engine(regex: str) -> Engine:
    return Engine([Pattern(id="a.b", regex=regex)], hyperscan=True)


def test_without_a_place_nothing_is_kept() -> None:
    compiled.keep_in(None)
    compiled.keep(NAME, b"content")
    assert compiled.read(NAME) is None


def test_names_tell_parts_from_one_another() -> None:
    assert name_of(b"ab", b"c") != name_of(b"a", b"bc")


def test_half_a_file_is_none(place: Path) -> None:
    compiled.keep(NAME, b"content")
    assert compiled.read(NAME) == b"content"
    [file] = place.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert compiled.read(NAME) is None


@pytest.mark.parametrize("which", ["file", "directory"])
def test_what_others_may_write_is_not_read(place: Path, which: str) -> None:
    compiled.keep(NAME, b"content")
    [file] = place.iterdir()
    (file if which == "file" else place).chmod(0o777)
    assert compiled.read(NAME) is None


def test_only_the_latest_are_kept(place: Path) -> None:
    for number in range(compiled.MOST + 3):
        compiled.keep(name_of(b"%d" % number), b"x")
    assert len(list(place.iterdir())) == compiled.MOST


def test_a_directory_that_cannot_be_made_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    compiled.keep_in(tmp_path / "file" / "patterns")
    compiled.keep(NAME, b"content")
    assert compiled.read(NAME) is None


def test_what_is_compiled_at_once_is_not_kept(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_hyperscan, "KEPT_FROM_S", 3600.0)
    assert engine("ab+").scan("xabb") == [("a.b", 1, 4)]
    assert not place.exists()


def test_the_next_process_reads_what_this_one_compiled(place: Path) -> None:
    assert engine("ab+").scan("xabb") == [("a.b", 1, 4)]
    [file] = place.iterdir()
    written = file.stat().st_mtime_ns, file.read_bytes()
    engine_hyperscan._compiled.cache_clear()
    assert engine("ab+").scan("xabb") == [("a.b", 1, 4)]
    assert file.read_bytes() == written[1]
    assert len(list(place.iterdir())) == 1
    engine("cd+")
    assert len(list(place.iterdir())) == 2


def test_a_database_of_another_version_is_compiled_anew(place: Path) -> None:
    engine("ab+")
    [file] = place.iterdir()
    compiled.keep(file.name.removesuffix(".patterns"), b"no database")
    engine_hyperscan._compiled.cache_clear()
    assert engine("ab+").scan("xabb") == [("a.b", 1, 4)]
    assert len(file.read_bytes()) > 100


def test_the_search_for_a_pattern_that_does_not_compile_keeps_nothing(place: Path) -> None:
    fine = Pattern(id="a.fine", regex="ab+")
    huge = Pattern(id="a.huge", regex="(?:.{200}x|.{300}y){9}")
    with pytest.raises(ValueError, match=r"a\.huge: hyperscan"):
        Engine([fine, huge], hyperscan=True)
    assert not place.exists()
