from __future__ import annotations

from pathlib import Path

import pytest

from dataplane.opa.errors import OpaError, OpaTooOld
from dataplane.opa.version import MIN_OPA, Version, check_opa, read_version


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("text", ["", "1.2", "1.22.0.1", "one", "1.22.0 2.0.0", "9999999.0.0", "1.22.0-"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.22.0", Version(1, 22, 0)),
        (" v1.21.3\n", Version(1, 21, 3)),
        ("1.21.3-rc.1", Version(1, 21, 3, released=False)),
        ("1.22.0+dirty", Version(1, 22, 0)),
    ],
)
def test_a_version_is_parsed(text: str, expected: Version) -> None:
    assert Version.parse(text) == expected


def test_versions_are_ordered_by_number_and_a_prerelease_comes_before_its_release() -> None:
    texts = ["0.70.0", "1.9.9", "1.21.2", "1.21.3-rc.1", "1.21.3", "1.22.0"]
    assert sorted(texts, key=Version.parse) == texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.26.8 linux/amd64", Version(1, 26, 8)),
        ("go version go1.26 linux/amd64", Version(1, 26, 0)),
        ("go version go1.27rc1 linux/amd64", Version(1, 27, 0, released=False)),
    ],
)
def test_a_go_version_is_parsed(text: str, expected: Version) -> None:
    assert Version.parse_go(text) == expected


@pytest.mark.parametrize("stated", ["0.70.0", "1.21.2", "1.21.3-rc.1"])
def test_an_opa_below_the_minimum_is_refused_by_name_and_number(tmp_path: Path, stated: str) -> None:
    old = script(tmp_path / "opa", f"echo 'Version: {stated}'")
    with pytest.raises(OpaTooOld, match=r"at least 1\.21\.3 is needed") as caught:
        check_opa(old)
    assert str(old) in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo hello", "does not answer"),
        ("echo 'Version: unknown'", "cannot be read"),
        ("exit 3", "exit code 3"),
    ],
)
def test_a_program_that_is_no_opa_is_refused(tmp_path: Path, body: str, reason: str) -> None:
    with pytest.raises(OpaError, match=reason):
        check_opa(script(tmp_path / "opa", body))


def test_a_missing_or_unexecutable_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    for name in ("absent", "plain"):
        with pytest.raises(OpaError, match="cannot be run"):
            check_opa(tmp_path / name)


def test_the_real_binary_is_new_enough(opa_binary: Path) -> None:
    assert check_opa(opa_binary) >= MIN_OPA
    assert read_version(opa_binary).released
