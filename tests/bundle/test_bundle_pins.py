"""Channel files: read strictly, and changed in one block only."""

from pathlib import Path

import pytest
from git_repo import AUTHOR, GitRepo

from dataplane.bundle.errors import CheckFailed, PinRefused
from dataplane.bundle.keys import keygen
from dataplane.bundle.pins import Pin, channels, pin_of, read_channel, with_pin

PIN = Pin(channel="prod", seq=4, digest="1" * 64, commit="a" * 40, author=AUTHOR)
BLOCK = f"""\
pin:
  revision: "4-gaaaaaaa-111111111111"
  seq: 4
  digest: "{"1" * 64}"
  commit: "{"a" * 40}"
  author: "{AUTHOR}"
"""
OLD_BLOCK = BLOCK.replace("seq: 4", "seq: 3").replace("4-g", "3-g")


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    (tmp_path / "channels").mkdir()
    pair = keygen(tmp_path / "private", name="bob")
    (tmp_path / "bob.pem").write_text(pair.public.read_text())
    return tmp_path


def write(bundles: Path, text: str, channel: str = "prod") -> Path:
    path = bundles / "channels" / f"{channel}.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("channel: staging\n", 1, "rename it"),
        ("", 0, "'channel' is a required property"),
        ("channel: prod\nchannels: x\n", 2, "did you mean channel"),
        ("channel: prod\nchannel: prod\n", 2, "already on line 1"),
        ("channel: prod\napprovals: yes\n", 2, "different YAML readers"),
        ("channel: prod\napprovals: -1\n", 2, "-1"),
        ("channel: prod\napprovals: 1\n", 2, "0 people are listed"),
        ("channel: prod\nafter: prod\n", 2, "after itself"),
        ("channel: prod\nsource: ../other\n", 2, "source"),
        ("channel: prod\nsource: /etc\n", 2, "source"),
        ("channel: prod\npin:\n  seq: 4\n", 2, "required"),
        ("channel: prod\n" + BLOCK.replace("4-gaaaaaaa", "5-gaaaaaaa"), 3, "which give 4-gaaaaaaa"),
        ("channel: prod\n" + BLOCK.replace("seq: 4", "seq: 5"), 3, "which give 5-gaaaaaaa"),
        ("channel: prod\n" + BLOCK.replace(f'"{"1" * 64}"', "1" * 64), 5, "is beyond"),
        ("channel: prod\n" + BLOCK.replace(AUTHOR, "Ada"), 7, "does not have the form"),
        ("channel: prod\napprovers: [{name: Bob, key: none.pem}]\n", 2, "No such file"),
        ("channel: prod\napprovers: [{name: Bob, key: ../bob.pem}]\n", 2, "form"),
        ("channel: prod\napprovers: [{name: Bob, key: private/bob.key.pem}]\n", 2, "private key"),
        (
            "channel: prod\napprovers:\n  - {name: Bob, key: bob.pem}\n  - {name: Eve, key: bob.pem}\n",
            4,
            "Bob has this key already",
        ),
        (
            "channel: prod\napprovals: 2\napprovers:\n  - {name: Bob, key: bob.pem}\n",
            2,
            "2 approvals, but 1 people",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_line(
    bundles: Path, text: str, line: int, said: str
) -> None:
    path = write(bundles, text)
    with pytest.raises(CheckFailed) as told:
        read_channel(bundles, "prod")
    first = told.value.problems[0]
    assert (first.file, first.line) == (str(path), line)
    assert said in first.message


@pytest.mark.parametrize("name", ["../prod", "Prod", "", "a/b"])
def test_what_is_no_channel_s_name_is_refused(bundles: Path, name: str) -> None:
    with pytest.raises(PinRefused, match="not a channel"):
        read_channel(bundles, name)


def test_a_channel_without_a_file_is_told_with_those_there_are(bundles: Path) -> None:
    write(bundles, "channel: dev\n", "dev")
    with pytest.raises(PinRefused, match=r"no channel prod \(there are: dev\)"):
        read_channel(bundles, "prod")


def test_channels_come_in_the_order_of_promotion(tmp_path: Path) -> None:
    repo = GitRepo(tmp_path / "repo")
    repo.write("canary", "channel: canary\nafter: staging\n")
    repo.write("broken", "after: [")
    assert channels(repo.bundles) == ("broken", "dev", "staging", "canary", "prod")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\nchannel: prod # here\n", f"# mine\nchannel: prod # here\n{BLOCK}"),
        ("channel: prod", f"channel: prod\n{BLOCK}"),
        (
            f"channel: prod\n{OLD_BLOCK}\n# who\napprovals: 0\n",
            f"channel: prod\n{BLOCK}\n# who\napprovals: 0\n",
        ),
    ],
)
def test_only_the_pin_is_written_and_comments_stay(bundles: Path, before: str, after: str) -> None:
    write(bundles, before)
    assert with_pin(read_channel(bundles, "prod"), PIN).decode() == after
    assert pin_of(after.encode(), "prod") == PIN


def test_a_file_in_one_line_is_refused_rather_than_broken(bundles: Path) -> None:
    write(bundles, "{channel: prod}\n")
    with pytest.raises(PinRefused, match="one key a line"):
        with_pin(read_channel(bundles, "prod"), PIN)
