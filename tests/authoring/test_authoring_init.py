"""A new policy repository: everything or nothing, and its CI calls what there is, pinned."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import typer
import yaml

from dataplane import __version__
from dataplane.authoring.init import TEMPLATES, InitRefused, create, repository_files
from dataplane.bundle.pins import channels, read_channel
from dataplane.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made() -> dict[PurePosixPath, bytes]:
    return repository_files(ROOT / "policies", ROOT / ".regal", __version__)


@pytest.fixture
def repository(made: dict[PurePosixPath, bytes], tmp_path: Path) -> Path:
    create(tmp_path / "new", made)
    return tmp_path / "new"


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(InitRefused, match=r"is not empty \(it has notes\); give a new or an empty folder"):
        create(tmp_path, {PurePosixPath("a"): b""})
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(InitRefused, match="Not a directory"):
        create(tmp_path / "f", {PurePosixPath("a"): b""})


def test_what_cannot_be_written_whole_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InitRefused, match="cannot be written"):
        create(tmp_path / "new", {PurePosixPath("a"): b"", PurePosixPath("a/b"): b""})
    assert not (tmp_path / "new").exists()


def test_an_empty_folder_and_one_with_git_are_taken(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    create(tmp_path, {PurePosixPath("a/b.sh"): b"x"})
    assert (tmp_path / "a" / "b.sh").stat().st_mode & 0o111
    assert (tmp_path / ".git").is_dir()


def test_it_has_what_a_policy_repository_needs(repository: Path) -> None:
    for name in (
        *("policies/rego/regogate/request/merge.rego", "policies/data/tiers.yaml", "policies/budget.yaml"),
        *("policies/schemas/input.request.schema.json", "policies/cases/cases.schema.json"),
        *(".regal/config.yaml", *TEMPLATES.values()),
    ):
        assert (repository / name).is_file(), name
    assert not list(repository.rglob("*.pem"))
    assert b"@VERSION@" not in b"".join(path.read_bytes() for path in repository.rglob("*") if path.is_file())


def test_its_channels_come_one_after_the_other(repository: Path) -> None:
    assert channels(repository / "bundles") == ("dev", "staging", "prod")
    assert [read_channel(repository / "bundles", name).pin for name in ("dev", "staging", "prod")] == [
        None
    ] * 3


def test_actions_are_pinned_by_commit_and_the_image_by_digest(repository: Path) -> None:
    github = (repository / ".github/workflows/policy.yml").read_text()
    uses = re.findall(r"uses: (\S+)", github)
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", one) for one in uses)
    image = yaml.safe_load((repository / ".gitlab-ci.yml").read_text())["default"]["image"]
    assert re.fullmatch(r"python:[\w.-]+@sha256:[0-9a-f]{64}", image)


def test_workflows_check_replay_and_release(repository: Path) -> None:
    github = yaml.safe_load((repository / ".github/workflows/policy.yml").read_text())
    assert set(github["jobs"]) == {"check", "replay", "release"}
    assert github["permissions"] == {"contents": "read"}
    gitlab = yaml.safe_load((repository / ".gitlab-ci.yml").read_text())
    assert {"check", "replay", "release"} <= set(gitlab)
    assert all(isinstance(line, str) for line in gitlab["release"]["script"])
    assert not any("TOKEN}@" in line for line in gitlab["release"]["script"]), "no token in a URL"


def commands() -> Iterator[tuple[str, Any]]:
    def below(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        yield name, command
        if hasattr(command, "list_commands"):
            for inner in command.list_commands(None):
                yield from below(command.get_command(None, inner), f"{name} {inner}")

    return below(typer.main.get_command(app), "regogate")


def test_every_command_and_option_that_the_repository_names_exists(made: dict[PurePosixPath, bytes]) -> None:
    known = dict(commands())
    seen = 0
    for path, data in made.items():
        if path.parts[0] == "policies":
            continue
        text = re.sub(r"\\\n\s*", " ", data.decode())
        for call in re.findall(r"(?:^|[\s`'(])(regogate (?:policy|bundle|audit)[^\n`';&|>)]*)", text):
            words = call.split()
            name = " ".join(words[:3])
            assert name in known, f"{path}: {call}"
            options = {option for parameter in known[name].params for option in parameter.opts}
            used = {word for word in words[3:] if re.fullmatch(r"--?[a-z][a-z-]*", word)} - {"-v"}
            assert used <= options, f"{path}: {call}"
            seen += 1
    assert seen > 10
