"""`FILE|DIR|REVISION`: what each names, and what is said where it names nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplane.bundle.errors import BundleRefused, CheckFailed
from dataplane.cli.policy.sets import NoSuchPolicy, at_hand, policy_set
from dataplane.errors import ConfigError

REGO = """\
package regogate.request

decision := {"v": 1, "decision": "BLOCK"} if data.regogate.clients != {}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    (tmp_path / "p" / "rego").mkdir(parents=True)
    (tmp_path / "p" / "rego" / "request.rego").write_text(REGO)
    (tmp_path / "p" / "data").mkdir()
    (tmp_path / "p" / "data" / "clients.yaml").write_text("a: {}\n")
    schemas = tmp_path / "p" / "schemas" / "tables"
    schemas.mkdir(parents=True)
    (schemas / "clients.schema.json").write_text('{"type": "object"}')
    return tmp_path / "p"


def test_what_is_nothing_of_the_three_is_refused(opa_binary: Path) -> None:
    with pytest.raises(NoSuchPolicy, match=r"nothing\.tar\.gz: no such bundle file or policy directory"):
        policy_set("nothing.tar.gz", opa=opa_binary)


def test_a_file_that_is_no_bundle_is_refused(opa_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no bundle")
    with pytest.raises(BundleRefused, match="gzip"):
        policy_set(str(tmp_path / "x"), opa=opa_binary)


def test_a_directory_with_a_fault_is_told_with_file_and_line(opa_binary: Path, policies: Path) -> None:
    (policies / "data" / "clients.yaml").write_text("a: {}\na: {}\n")
    with pytest.raises(CheckFailed, match=r"clients\.yaml:2"):
        policy_set(str(policies), opa=opa_binary)


def test_a_revision_that_nobody_keeps_is_refused(opa_binary: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSuchPolicy, match="7-g1234567-0123456789ab is not kept"):
        policy_set("7-g1234567-0123456789ab", opa=opa_binary, data_dir=tmp_path)


def test_two_installations_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not both"):
        at_hand(tmp_path / "regogate.yaml", tmp_path)


def test_an_installation_that_publishes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoSuchPolicy, match="nothing is published in the channel dev"):
        at_hand(None, tmp_path)


def test_directory_file_and_revision_are_one_policy(
    opa_binary: Path, policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = policy_set(str(policies), opa=opa_binary)
    assert built.tables == {"clients": {"a": {}}}
    monkeypatch.chdir(policies.parent)
    assert policy_set(str(built.bundle), opa=opa_binary).revision == built.revision

    published = tmp_path / "data" / "bundles" / "dev" / "bundle.tar.gz"
    published.parent.mkdir(parents=True)
    published.write_bytes(built.bundle.read_bytes())
    for spec in (built.revision, None):
        found = policy_set(spec, opa=opa_binary, data_dir=tmp_path / "data")
        assert found.revision == built.revision
        assert found.bundle != published
    published.unlink()
    assert found.bundle.is_file(), "the copy is the command's own"


def test_opas_own_copy_is_found_by_its_revision(opa_binary: Path, policies: Path, tmp_path: Path) -> None:
    built = policy_set(str(policies), opa=opa_binary)
    copy = tmp_path / "data" / "opa" / "bundles" / "main" / "bundle.tar.gz"
    copy.parent.mkdir(parents=True)
    (copy.parent / "broken.tar.gz").write_text("no bundle")
    copy.write_bytes(built.bundle.read_bytes())
    found = policy_set(built.revision, opa=opa_binary, data_dir=tmp_path / "data")
    assert found.revision == built.revision


def test_a_repository_is_taken_by_its_policies(
    opa_binary: Path, policies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policies.rename(tmp_path / "policies")
    assert policy_set(str(tmp_path), opa=opa_binary).tables == {"clients": {"a": {}}}
    monkeypatch.chdir(tmp_path)
    assert at_hand(None, None) == "policies"


def test_with_nothing_at_hand_the_shipped_policy_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Path(at_hand(None, None)).name == "policies"
