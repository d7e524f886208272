"""Who may approve, what an approval is good for, and what a channel that demands some lets through."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from git_repo import AUTHOR, GitRepo

from dataplane.bundle.approvals import TYPE, approvals, approve, check_approved, statement
from dataplane.bundle.build import restamp
from dataplane.bundle.errors import ApprovalRefused
from dataplane.bundle.keys import SigningKey
from dataplane.bundle.model import Bundle
from dataplane.bundle.pins import Pin, with_pin
from dataplane.bundle.release import check_release


class Scene:
    """Channel prod pins `bundle` and wants two approvals out of Ada (the author), Bob, Cy and Bob's spare."""

    def __init__(self, place: Path, unsigned: Bundle) -> None:
        self.repo = GitRepo(place / "repo")
        self.bundle = restamp(unsigned, seq=7, channel="prod")
        self.bundle = dataclasses.replace(self.bundle, commit="a" * 40, revision=self._pin().revision)
        self.bundles = self.repo.bundles
        people = {"Ada Lovelace": "ada", "Bob": "bob", "Cy": "cy", "Bob ": "spare"}
        self.keys: dict[str, SigningKey] = {}
        lines = ""
        for number, (name, short) in enumerate(people.items()):
            self.keys[short], line = self.repo.approver(f"{name.strip()}{'2' * (number == 3)}")
            lines += line.replace('"Bob2"', '"Bob"')
        self.keys["eve"], _ = self.repo.approver("Eve")
        self.repo.write("prod", f"channel: prod\nafter: staging\napprovals: 2\napprovers:\n{lines}")
        self.pin(self._pin())

    def _pin(self) -> Pin:
        return Pin(channel="prod", seq=7, digest=self.bundle.digest, commit="a" * 40, author=AUTHOR)

    def pin(self, pin: Pin) -> None:
        channel = self.repo.channel("prod")
        channel.path.write_bytes(with_pin(channel, pin))

    def approve(self, who: str) -> Path:
        path, content = approve(self.bundles, self.repo.channel("prod"), self.keys[who])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def check(self, bundle: Bundle | None = None) -> list[str]:
        return check_approved(self.bundles, self.repo.channel("prod"), bundle or self.bundle)

    def forged(self, who: str, **changes: Any) -> Path:
        """An approval by a key as somebody might make it with other tools."""
        pin = self._pin()
        key = self.keys[who]
        payload = changes.pop("payload", statement(pin))
        head = {"kid": changes.pop("kid", key.keyid), "typ": changes.pop("typ", TYPE)}
        token = jwt.PyJWS().encode(payload, key.key, "ES256", headers=head, is_payload_detached=True)
        fields = {"approver": "Bob", "channel": "prod", "seq": 7, "digest": pin.digest, "token": token}
        path = self.bundles / "approvals/prod" / f"7-forged-{who}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**fields, **changes}))
        return path


@pytest.fixture
def scene(tmp_path: Path, unsigned: Bundle) -> Scene:
    return Scene(tmp_path, unsigned)


def test_a_key_that_is_not_listed_cannot_approve(scene: Scene) -> None:
    with pytest.raises(ApprovalRefused, match=r"not listed under 'approvers'.*approve with a listed key"):
        scene.approve("eve")


def test_the_author_cannot_approve_by_name_or_by_address(scene: Scene) -> None:
    with pytest.raises(ApprovalRefused, match=r"Ada Lovelace is the author.*ask another of Bob, Cy"):
        scene.approve("ada")
    text = scene.repo.channel("prod").path.read_text()
    by_address = text.replace('name: "Ada Lovelace"', 'name: "A. L.", email: ADA@example.org')
    scene.repo.write("prod", by_address)
    with pytest.raises(ApprovalRefused, match=r"A. L. is the author"):
        scene.approve("ada")


def test_nobody_approves_twice_not_even_with_another_key(scene: Scene) -> None:
    scene.approve("bob")
    for who in ("bob", "spare"):
        with pytest.raises(ApprovalRefused, match=r"Bob has approved .* already.*counts once"):
            scene.approve(who)


def test_without_enough_approvals_nothing_passes(scene: Scene) -> None:
    with pytest.raises(ApprovalRefused, match=r"has 0 of 2 approvals.*ask Bob, Cy: regogate bundle approve"):
        scene.check()
    scene.approve("bob")
    with pytest.raises(ApprovalRefused, match="has 1 of 2"):
        scene.check()
    scene.forged("spare")
    with pytest.raises(ApprovalRefused, match="Bob has approved already, and each person counts once"):
        scene.check()
    scene.approve("cy")
    assert scene.check() == ["Bob", "Cy"]


@pytest.mark.parametrize(
    ("who", "changes", "said"),
    [
        ("eve", {}, "its key is not listed"),
        ("cy", {}, "says it is by Bob, but its key is Cy's"),
        ("eve", {"kid": "BOB"}, "not Bob's over this channel, sequence and digest"),
        ("bob", {"payload": b"{}"}, "not Bob's over this channel, sequence and digest"),
        ("bob", {"typ": "JWT"}, "is of the type 'JWT'"),
        ("bob", {"channel": "staging"}, "for the channel staging, not prod"),
        ("bob", {"seq": 6}, "for sequence 6, not 7: approve again"),
        ("bob", {"seq": True}, "wrong type"),
        ("bob", {"digest": "0" * 64}, "for the digest 000000000000"),
        ("bob", {"token": "x"}, "cannot be read"),
        ("bob", {"extra": 1}, "exactly the fields"),
        ("ada", {"approver": "Ada Lovelace"}, "an author's approval does not count"),
    ],
)
def test_a_forged_or_stale_approval_does_not_count_and_says_why(
    scene: Scene, who: str, changes: dict[str, Any], said: str
) -> None:
    if changes.get("kid") == "BOB":
        changes = {"kid": scene.keys["bob"].keyid}
    scene.approve("cy")
    path = scene.forged(who, **changes)
    with pytest.raises(ApprovalRefused) as told:
        scene.check()
    assert "has 1 of 2" in str(told.value)
    assert f"{path}: " in str(told.value)
    assert said in str(told.value)


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":1,"a":2}', b"[]", b"\xff", b"x" * 20_000])
def test_a_file_that_is_no_approval_does_not_count(scene: Scene, text: bytes) -> None:
    scene.forged("bob").write_bytes(text)
    (found,) = approvals(scene.bundles, scene.repo.channel("prod"))
    assert found.refused is not None


@pytest.mark.parametrize(
    ("seq", "channel", "said"),
    [
        (6, "prod", "older than 7"),
        (8, "prod", "is not 7"),
        (7, "staging", "is for the channel staging, not prod"),
    ],
)
def test_another_bundle_than_the_pinned_is_refused_however_approved(
    scene: Scene, seq: int, channel: str, said: str
) -> None:
    for who in ("bob", "cy"):
        scene.approve(who)
    with pytest.raises(ApprovalRefused, match=said):
        scene.check(restamp(scene.bundle, seq=seq, channel=channel))


def test_another_digest_or_commit_than_the_pinned_is_refused(scene: Scene) -> None:
    for who in ("bob", "cy"):
        scene.approve(who)
    for changes in ({"digest": "0" * 64}, {"revision": "7-g0000000-000000000000"}):
        with pytest.raises(ApprovalRefused, match="regogate bundle rebuild prod"):
            scene.check(dataclasses.replace(scene.bundle, **changes))


def test_approvals_end_with_the_sequence_they_were_given_for(scene: Scene) -> None:
    """A pin of the same content under a new sequence needs new ones."""
    for who in ("bob", "cy"):
        scene.approve(who)
    assert scene.check() == ["Bob", "Cy"]
    scene.pin(dataclasses.replace(scene._pin(), seq=8))
    with pytest.raises(ApprovalRefused, match=r"has 0 of 2(.|\n)*for sequence 7, not 8"):
        scene.check(at_seq(scene, 8))


def at_seq(scene: Scene, seq: int) -> Bundle:
    pin = dataclasses.replace(scene._pin(), seq=seq)
    return dataclasses.replace(scene.bundle, seq=seq, revision=pin.revision)


def test_a_release_without_channel_files_is_nobody_s_business_and_unpinned_never_skips_approvals(
    scene: Scene, tmp_path: Path, unsigned: Bundle
) -> None:
    assert check_release(tmp_path / "none", unsigned) is None
    with pytest.raises(ApprovalRefused, match="has 0 of 2"):
        check_release(scene.bundles, scene.bundle)
    with pytest.raises(ApprovalRefused, match="leave --unpinned out"):
        check_release(scene.bundles, scene.bundle, unpinned=True)
    other = dataclasses.replace(unsigned, channel="canary")
    with pytest.raises(ApprovalRefused, match=r"no channel canary \(there are: dev, staging, prod\)"):
        check_release(scene.bundles, other)
    assert check_release(scene.bundles, other, unpinned=True) is None
    at_dev = dataclasses.replace(unsigned, channel="dev")
    with pytest.raises(ApprovalRefused, match=r"dev pins nothing yet.*without a pin: --unpinned"):
        check_release(scene.bundles, at_dev)
    assert check_release(scene.bundles, at_dev, unpinned=True) is None
    for who in ("bob", "cy"):
        scene.approve(who)
    release = check_release(scene.bundles, scene.bundle)
    assert release is not None
    assert (release.approvals, release.needed) == (("Bob", "Cy"), 2)
