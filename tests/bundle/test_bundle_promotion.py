"""Pinning, promoting, rolling back and building again, in a real git repository."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from git_repo import AUTHOR, GitRepo

from dataplane.bundle.build import build
from dataplane.bundle.errors import CheckFailed, PinRefused
from dataplane.bundle.git import Repository, repository
from dataplane.bundle.pins import with_pin
from dataplane.bundle.promotion import Change, apply, history, pin_commit, promote, roll_back
from dataplane.bundle.rebuild import rebuild


class Work:
    """The room's functions on one repository, each in an event loop of its own."""

    def __init__(self, repo: GitRepo, opa: Path, capabilities: Path) -> None:
        self.repo = repo
        self.opa = opa
        self.capabilities = capabilities

    def do(self, plan: Callable[[Repository], Awaitable[Change]], *, commit: bool = True) -> Change:
        async def work() -> Change:
            found = await repository(self.repo.bundles)
            change = await plan(found)
            if change.needed:
                await apply(found, change, commit=commit)
            return change

        return asyncio.run(work())

    def pin(self, channel: str = "dev", commit: str = "HEAD", seq: int | None = None) -> Change:
        file = self.repo.channel(channel)
        return self.do(
            lambda found: pin_commit(
                found, file, commit, author=AUTHOR, opa=self.opa, capabilities=self.capabilities, seq=seq
            )
        )

    def promote(self, source: str, target: str, **options: bool) -> Change:
        first, second = self.repo.channel(source), self.repo.channel(target)
        return self.do(lambda found: promote(found, first, second, author=AUTHOR), **options)

    def roll_back(self, channel: str, to: str | None = None) -> Change:
        file = self.repo.channel(channel)
        return self.do(lambda found: roll_back(found, file, to, author=AUTHOR))

    def history(self, channel: str) -> list[str]:
        async def work() -> list[str]:
            found = await history(await repository(self.repo.bundles), self.repo.channel(channel))
            return [one.pin.revision for one in found]

        return asyncio.run(work())

    def rebuild(self, channel: str) -> str:
        async def work() -> str:
            found = await repository(self.repo.bundles)
            _, bundle = await rebuild(found, self.repo.channel(channel), self.opa, self.capabilities)
            return bundle.revision

        return asyncio.run(work())


@pytest.fixture
def work(tmp_path: Path, opa: Path, capabilities: Path) -> Work:
    return Work(GitRepo(tmp_path / "repo"), opa, capabilities)


def test_outside_of_git_and_without_a_name_nothing_is_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bundles").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(PinRefused, match="git init"):
        asyncio.run(repository(tmp_path / "bundles"))
    with pytest.raises(PinRefused, match="--bundles"):
        asyncio.run(repository(tmp_path / "none"))


def test_what_cannot_be_promoted_is_refused_and_nothing_changes(work: Work) -> None:
    before = work.repo.git("rev-parse", "HEAD")
    with pytest.raises(PinRefused, match="dev pins nothing yet: run 'regogate bundle pin dev'"):
        work.promote("dev", "staging")
    with pytest.raises(PinRefused, match="prod comes after staging, not dev"):
        work.promote("dev", "prod")
    with pytest.raises(PinRefused, match="to itself"):
        work.promote("dev", "dev")
    with pytest.raises(PinRefused, match="staging comes after dev"):
        work.pin("staging")
    with pytest.raises(PinRefused, match="no commit nowhere"):
        work.pin(commit="nowhere")
    with pytest.raises(PinRefused, match="nothing to go back from"):
        work.roll_back("prod")
    with pytest.raises(PinRefused, match="pins nothing yet"):
        work.rebuild("prod")
    assert work.repo.git("rev-parse", "HEAD") == before
    assert work.repo.git("status", "--porcelain") == ""


def test_policies_that_do_not_check_are_not_pinned(work: Work) -> None:
    (work.repo.root / "policies/data/tiers.yaml").write_text("default: no\n")
    commit = work.repo.commit("broken")
    with pytest.raises(CheckFailed) as told:
        work.pin()
    problem = told.value.problems[0]
    assert (problem.file, problem.line) == (f"{commit[:12]}:policies/data/tiers.yaml", 1)


def test_a_link_in_the_policies_is_refused(work: Work) -> None:
    (work.repo.root / "policies/data/x.yaml").symlink_to("/etc/passwd")
    work.repo.commit("link")
    with pytest.raises(PinRefused, match=r"data/x\.yaml at .* is no plain file"):
        work.pin()


def test_what_is_not_committed_does_not_count(work: Work) -> None:
    first = work.pin().pin
    (work.repo.root / "policies/data/tiers.yaml").write_text("default: {max_tokens: 9}\n")
    assert work.pin().needed is False
    assert work.rebuild("dev") == first.revision


def test_a_pin_is_what_a_build_of_the_same_files_gives(work: Work) -> None:
    pin = work.pin().pin
    policies = work.repo.root / "policies"
    made = asyncio.run(build(policies, work.opa, work.capabilities, seq=1, channel="dev"))
    assert (pin.seq, pin.digest, pin.commit) == (1, made.digest, work.repo.git("rev-parse", "HEAD~1"))


def test_content_goes_through_the_channels_and_each_change_is_one_commit_of_one_file(work: Work) -> None:
    pins = [work.pin().pin, work.promote("dev", "staging").pin, work.promote("staging", "prod").pin]
    assert len({(pin.digest, pin.commit) for pin in pins}) == 1
    log = work.repo.git("log", "-3", "--format=%s|%an", "--name-only").splitlines()
    assert [line for line in log if line.startswith("bundles/")] == [
        f"bundles/channels/{name}.yaml" for name in ("prod", "staging", "dev")
    ]
    assert f"Promote staging {pins[1].revision} to prod as {pins[2].revision}|Ada Lovelace" in log
    assert work.repo.git("status", "--porcelain") == ""
    assert work.promote("staging", "prod").needed is False
    for name in ("dev", "staging", "prod"):
        assert work.rebuild(name) == work.repo.channel(name).pin.revision  # type: ignore[union-attr]


def test_other_staged_work_stays_out_of_the_commit(work: Work) -> None:
    work.pin()
    (work.repo.root / "notes").write_text("mine")
    work.repo.git("add", "notes")
    work.promote("dev", "staging")
    assert work.repo.git("show", "--format=", "--name-only", "HEAD") == "bundles/channels/staging.yaml"
    assert work.repo.git("status", "--porcelain") == "A  notes"


def test_without_a_commit_the_file_is_staged(work: Work) -> None:
    work.pin()
    work.promote("dev", "staging", commit=False)
    assert work.repo.git("status", "--porcelain") == "M  bundles/channels/staging.yaml"


def test_a_file_that_somebody_is_editing_is_left_alone(work: Work) -> None:
    work.pin()
    path = work.repo.channel("staging").path
    path.write_text(path.read_text() + "approvals: 0\n")
    with pytest.raises(PinRefused, match="not committed"):
        work.promote("dev", "staging")
    assert path.read_text().endswith("approvals: 0\n")


def test_where_git_refuses_the_commit_the_file_is_as_before(work: Work) -> None:
    work.pin()
    hook = work.repo.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2; exit 1\n")
    hook.chmod(0o755)
    before = work.repo.channel("staging").text
    with pytest.raises(PinRefused, match="not today"):
        work.promote("dev", "staging")
    assert work.repo.channel("staging").text == before
    assert work.repo.git("status", "--porcelain") == ""


def test_a_rollback_is_old_content_under_a_new_sequence(work: Work) -> None:
    first = work.pin().pin
    work.repo.change_policy(2)
    second = work.pin().pin
    work.repo.change_policy(3)
    third = work.pin().pin
    back = work.roll_back("dev").pin
    assert (back.seq, back.digest, back.commit) == (4, second.digest, second.commit)
    further = work.roll_back("dev").pin
    assert (further.seq, further.digest) == (5, first.digest)
    with pytest.raises(PinRefused, match="no earlier content"):
        work.roll_back("dev")
    named = work.roll_back("dev", third.revision).pin
    assert (named.seq, named.digest) == (6, third.digest)
    assert work.rebuild("dev") == named.revision
    assert work.history("dev") == [pin.revision for pin in (named, further, back, third, second, first)]
    for wrong in ("9-g0000000-000000000000", "main", "--help"):
        with pytest.raises(PinRefused, match="no revision"):
            work.roll_back("dev", wrong)


def test_a_sequence_is_never_given_twice_though_a_promotion_was_reverted(work: Work) -> None:
    work.pin()
    work.repo.change_policy(2)
    assert work.pin().pin.seq == 2
    work.repo.git("revert", "--no-edit", "HEAD")
    assert work.repo.channel("dev").pin.seq == 1  # type: ignore[union-attr]
    assert work.pin().pin.seq == 3
    with pytest.raises(PinRefused, match="sequence 3 is not above 3"):
        work.pin(seq=3)
    assert work.pin(seq=90).pin.seq == 90  # asked for: the store may be ahead of the repository


def test_a_pin_that_its_commit_does_not_give_is_found_out(work: Work) -> None:
    work.pin()
    channel = work.repo.channel("dev")
    assert channel.pin is not None
    forged = dataclasses.replace(channel.pin, digest="0" * 64)
    channel.path.write_bytes(with_pin(channel, forged))
    with pytest.raises(PinRefused, match="do not publish"):
        work.rebuild("dev")
    elsewhere = dataclasses.replace(channel.pin, commit="b" * 40)
    channel.path.write_bytes(with_pin(channel, elsewhere))
    with pytest.raises(PinRefused, match="no commit bbbbbbbb"):
        work.rebuild("dev")


def test_a_squash_merge_keeps_pins_and_a_shallow_clone_says_what_it_lacks(work: Work, tmp_path: Path) -> None:
    work.pin()
    work.repo.change_policy(2)
    work.pin()
    work.repo.git("checkout", "--quiet", "-b", "topic")
    work.promote("dev", "staging")
    work.promote("staging", "prod")
    work.repo.git("checkout", "--quiet", "main")
    work.repo.git("merge", "--squash", "--quiet", "topic")
    work.repo.git("commit", "--quiet", "--message", "Release (#7)")
    assert work.rebuild("prod") == work.repo.channel("prod").pin.revision  # type: ignore[union-attr]

    shallow = tmp_path / "shallow"
    work.repo.git("clone", "--quiet", "--depth=1", f"file://{work.repo.root}", str(shallow))
    other = Work.__new__(Work)
    other.__dict__.update(work.__dict__, repo=GitRepo.__new__(GitRepo))
    other.repo.root, other.repo.bundles = shallow, shallow / "bundles"
    with pytest.raises(PinRefused, match="git fetch --unshallow"):
        other.rebuild("prod")
    with pytest.raises(PinRefused, match="git fetch --unshallow"):
        other.roll_back("dev")


def test_the_repository_s_folder_may_be_below_its_top_and_reached_by_a_link(
    tmp_path: Path, opa: Path, capabilities: Path
) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.root.joinpath("team").mkdir()
    repo.git("mv", "policies", "bundles", "team")
    repo.commit("move")
    (tmp_path / "link").symlink_to(repo.root)
    repo.bundles = tmp_path / "link/team/bundles"
    work = Work(repo, opa, capabilities)
    pin = work.pin().pin
    assert work.promote("dev", "staging").pin.digest == pin.digest
    assert work.history("dev") == [pin.revision]
    assert work.rebuild("staging").endswith(pin.digest[:12])
