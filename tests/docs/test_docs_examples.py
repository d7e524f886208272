"""What the pages show works: the example configuration, and every console block marked to be run."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import yaml
from markdown_pages import PAGES, ROOT, Block, blocks, name_of

from dataplane.cli.check_config import unusable
from dataplane.config import Settings, load
from tests.docs_reference import ABOUT

EXAMPLE = ROOT / "regogate.example.yaml"
RUN = [page for page in PAGES if any(block.mark == "run" for block in blocks(page.read_text("utf-8")))]


def references(settings: object) -> Iterator[Path]:
    """Every file the example refers to."""
    found = re.findall(r"(?:cert|key|prod-2026|file): ([a-z]+/[a-z.]+)", EXAMPLE.read_text("utf-8"))
    assert found
    yield from (Path(name) for name in found)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example beside the files it refers to."""
    copy = tmp_path / "regogate.yaml"
    shutil.copy(EXAMPLE, copy)
    for name in references(copy):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("placeholder")
    return copy


def test_example_configuration_loads(example: Path) -> None:
    settings = load(example)
    assert settings.server.tls is not None
    assert settings.upstreams["openai"].models == ("gpt-*",)
    assert settings.data_dir == example.parent / "data"


def test_example_configuration_fails_only_for_its_placeholder_files(example: Path) -> None:
    told = list(unusable(load(example)))
    assert [line.split(":")[0] for line in told] == ["policy.bundle.keys.prod-2026", "server.tls"]


def test_example_configuration_names_every_setting() -> None:
    text = EXAMPLE.read_text("utf-8")
    for path in ABOUT:
        name = path.rsplit(".", 1)[-1]
        assert re.search(rf"^[ #]*{name}:", text, re.MULTILINE), path


def test_values_said_to_be_defaults_are() -> None:
    """Every plain value of the example, but those of one deployment, is the default."""
    own = {"server.bind", "server.tls", "server.trusted_proxies", "policy.bundle.keys", "audit.database"}
    own |= {"inspection.advisors", "upstreams", "data_dir"}

    def compare(given: object, default: object, path: str) -> None:
        if path in own:
            return
        if isinstance(given, dict):
            for name, value in given.items():
                compare(value, getattr(default, name), f"{path}.{name}" if path else name)
        else:
            assert given == (list(default) if isinstance(default, tuple) else default), path

    compare(yaml.safe_load(EXAMPLE.read_text("utf-8")), Settings(), "")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_and_yaml_blocks_parse(page: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        match block.language:
            case "python":
                ast.parse(block.text)
            case "yaml":
                list(yaml.safe_load_all(block.text))
            case _:
                pass


def test_the_error_body_shown_is_the_one_that_is_sent() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = next(block for block in blocks(readme) if block.language == "json")
    sent = yaml.safe_load((ROOT / "tests/surfaces/golden/blocked.json").read_text("utf-8"))
    body = sent.get("body", sent)
    assert set(yaml.safe_load(shown.text)["error"]) == set(body["error"])


@pytest.fixture
def reader(tmp_path: Path, opa_binary: Path) -> Iterator[Callable[[str, Path], str]]:
    """Runs a command in a folder as a reader of a page would, and gives what it prints."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/opa").symlink_to(opa_binary)
    path = os.pathsep.join((str(tmp_path / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {"HOME": os.environ.get("HOME", str(tmp_path)), "PATH": path}
    environment |= {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1", "LANG": "C.UTF-8"}

    def run(command: str, folder: Path) -> str:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        ).stdout

    yield run
    for file in tmp_path.rglob("*.pid"):  # what a page starts and leaves running writes its id there
        with suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGTERM)


@pytest.mark.timeout(600)  # a page is many commands, some of which check a whole policy
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_marked_console_blocks_do_what_they_show(
    page: Path, tmp_path: Path, reader: Callable[[str, Path], str]
) -> None:
    """Each `$ command` prints what follows it; `...` stands for anything. `cd` counts until the end."""
    folder = tmp_path
    for block in blocks(with_free_ports(page.read_text("utf-8"))):
        if block.mark.startswith("file "):
            file = tmp_path / block.mark.removeprefix("file ")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, "utf-8")
        elif block.mark == "run":
            for command, expected in steps(block):
                if command.startswith("cd "):
                    folder /= command.removeprefix("cd ")
                    continue
                said = reader(command, folder)
                assert matches(expected, said), f"$ {command}\n{said}"


def with_free_ports(text: str) -> str:
    """A page whose addresses nobody else on this machine listens on."""
    with ExitStack() as held:
        for port in (8080, 8081):
            sock = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{sock.getsockname()[1]}")
    return text


def steps(block: Block) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it is shown to print."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def matches(expected: str, said: str) -> bool:
    """Whether the output is the one shown, trailing white space aside."""
    lines = "\n".join(line.rstrip() for line in said.splitlines()).strip()
    pattern = re.escape(expected.strip()).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, lines, re.DOTALL) is not None


def test_the_matcher_can_fail() -> None:
    assert matches("a ... c\n", "a b c  \n")
    assert not matches("a ... c\n", "a b d\n")
