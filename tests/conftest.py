"""What every test may use: the real OPA, and short-lived directories with short paths for sockets."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dataplane.inspection import compiled
from dataplane.opa.cache import default_cache
from dataplane.opa.install import ensure_opa

ROOT = Path(__file__).resolve().parent.parent
LONG = {name: place for place, name in enumerate(("deploy", "docs", "e2e", "policies", "authoring", "cli"))}
"""Folders by what their longest tests take: those of the others take less than a second."""

# How long an example takes says how busy the machine is, nothing else.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure() -> None:
    """Where Python is told to keep nothing of what it compiles, tests keep it in the environment: each
    of some hundred commands that they start would compile the whole program else, for seconds."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(Path(sys.prefix) / "pycache")
        sys.dont_write_bytecode = False
    # As the program does: every process that runs tests would compile the shipped patterns else.
    compiled.keep_in(default_cache(os.environ) / "patterns")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that no worker is left with one when the others are done. Those of a folder stay
    together, and so on one worker's shared gateways."""
    items.sort(key=lambda item: LONG.get(item.path.parent.name, len(LONG)))


def pytest_collection_finish() -> None:
    """Modules and some thousand tests stay until the end: collections of garbage need not walk through them
    again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def opa_binary() -> Path:
    """The OPA that the project pins, built on first use."""
    configured = os.environ.get("REGOGATE_OPA")
    return ensure_opa(Path(configured) if configured else None, None, lambda _: None)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A fresh directory with a path short enough for unix sockets; removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="rg-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
