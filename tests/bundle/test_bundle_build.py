"""A build is the same everywhere, and holds nothing but checked policy and tables."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from small_policy import run, write_policies

from dataplane.bundle.archive import tar, unpack
from dataplane.bundle.build import build, restamp
from dataplane.bundle.commit import commit_of
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.model import NO_COMMIT, Bundle
from dataplane.bundle.verify import inspect


def manifest(bundle: Bundle) -> dict[str, object]:
    files = {one.name: one.data for one in unpack(bundle.content)}
    return json.loads(files[".manifest"])


def test_a_problem_stops_the_build(policies: Path, opa: Path, capabilities: Path) -> None:
    (policies / "data/clients.yaml").write_text("support: {tier: default, enabled: yes}\n")
    with pytest.raises(CheckFailed) as caught:
        run(build(policies, opa, capabilities, seq=1, channel="dev"))
    assert "clients.yaml:1" in str(caught.value)


@pytest.mark.parametrize(("seq", "channel"), [(0, "dev"), (2**53, "dev"), (1, "../dev"), (1, "Dev")])
def test_a_sequence_or_channel_out_of_range_is_refused(
    policies: Path, opa: Path, capabilities: Path, seq: int, channel: str
) -> None:
    with pytest.raises(ValueError):
        run(build(policies, opa, capabilities, seq=seq, channel=channel))


def test_the_same_tree_gives_the_same_digest_in_every_directory_channel_and_sequence(
    tmp_path: Path, opa: Path, capabilities: Path, unsigned: Bundle
) -> None:
    elsewhere = write_policies(tmp_path / "a" / "very" / "other place")
    other = run(build(elsewhere, opa, capabilities, seq=9, channel="dev"))
    assert other.digest == unsigned.digest
    assert other.revision != unsigned.revision
    again = run(build(elsewhere, opa, capabilities, seq=7, channel="prod", commit=NO_COMMIT))
    assert again == unsigned
    assert restamp(other, seq=7, channel="prod").digest == unsigned.digest


def test_another_table_value_gives_another_digest(
    policies: Path, opa: Path, capabilities: Path, unsigned: Bundle
) -> None:
    (policies / "data/tiers.yaml").write_text("default:\n  models: [gpt-4o]\n  price: 0.15\n")
    assert run(build(policies, opa, capabilities, seq=7, channel="prod")).digest != unsigned.digest


def test_a_changed_test_changes_no_bundle(
    policies: Path, opa: Path, capabilities: Path, unsigned: Bundle
) -> None:
    test = policies / "rego/regogate/request/decision_test.rego"
    test.write_text(test.read_text() + "\ntest_more if true\n")
    assert run(build(policies, opa, capabilities, seq=7, channel="prod")).digest == unsigned.digest


def test_revision_manifest_and_digest_are_as_promised(unsigned: Bundle) -> None:
    assert unsigned.revision == f"7-g0000000-{unsigned.digest[:12]}"
    assert manifest(unsigned) == {
        "revision": unsigned.revision,
        "roots": ["regogate"],
        "rego_version": 1,
        "metadata": {"seq": 7, "commit": NO_COMMIT, "schema": 1, "channel": "prod"},
    }
    members = [one for one in unpack(unsigned.content) if one.name != ".manifest"]
    assert [one.name for one in members] == ["data.json", "regogate/request/decision.rego"]
    assert unsigned.digest == hashlib.sha256(tar(members)).hexdigest()
    assert inspect(unsigned.content) == unsigned


def test_an_ordinary_tar_reader_sees_the_same_bundle(unsigned: Bundle) -> None:
    with tarfile.open(fileobj=io.BytesIO(unsigned.content), mode="r:gz") as archive:
        names = [one.name for one in archive]
        data = json.load(archive.extractfile("/data.json"))
    assert names == ["/data.json", "/regogate/request/decision.rego", "/.manifest"]
    assert data["regogate"]["tiers"] == {"default": {"models": ["gpt-4o-mini"], "price": 0.15}}
    assert data["regogate"]["clients"]["paused"] == {"tier": "default", "enabled": False}


def test_the_tar_is_the_one_that_opa_build_writes_for_that_revision(
    tmp_path: Path, opa: Path, capabilities: Path, unsigned: Bundle
) -> None:
    """Anyone with OPA alone can build our bytes again."""
    with tarfile.open(fileobj=io.BytesIO(unsigned.content), mode="r:gz") as archive:
        for one in archive:
            target = tmp_path / "stage" / one.name.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            content = archive.extractfile(one)
            assert content is not None
            target.write_bytes(content.read())
    command = [opa, "build", "-b", ".", "-r", unsigned.revision, "--capabilities", capabilities]
    subprocess.run([*command, "-o", tmp_path / "b.tar.gz"], cwd=tmp_path / "stage", check=True)
    theirs = gzip.decompress((tmp_path / "b.tar.gz").read_bytes())
    assert theirs == gzip.decompress(unsigned.content)


def test_a_builtin_outside_the_capabilities_is_refused(policies: Path, opa: Path, capabilities: Path) -> None:
    (policies / "rego/regogate/request/out.rego").write_text(
        "package regogate.request\n\nout := http.send({})\n"
    )
    with pytest.raises(CheckFailed, match=r"http\.send"):
        run(build(policies, opa, capabilities, seq=1, channel="dev"))


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_commit_is_head_and_says_where_the_tree_differs(policies: Path) -> None:
    repository = policies.parent
    git(repository, "init", "-q")
    (repository / ".gitignore").write_text("ignored/\n")
    git(repository, "add", ".gitignore")
    git(repository, "commit", "-q", "-m", "first")
    assert run(commit_of(policies)) == NO_COMMIT, "not in HEAD yet"
    git(repository, "add", "policies")
    git(repository, "commit", "-q", "-m", "second")
    head = git(repository, "rev-parse", "HEAD")
    assert run(commit_of(policies)) == head
    (policies / "data/new.yaml").write_text("a: {}\n")
    assert run(commit_of(policies)) == f"{head}-dirty"
    ignored = write_policies(repository / "ignored")
    assert run(commit_of(ignored)) == NO_COMMIT
