"""What was built is kept by everything it was built of, and what is kept is not believed blindly."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_policy import run

from dataplane.bundle.build import Overlay
from dataplane.bundle.errors import CheckFailed
from dataplane.bundle.kept_builds import KeptBuilds
from dataplane.bundle.keys import KeyPair, load_signing_key
from dataplane.bundle.live import LivePolicy
from dataplane.bundle.model import Bundle
from dataplane.bundle.source import read_source
from dataplane.bundle.store import ChannelStore

CLIENTS = "data/clients.yaml"


class Place:
    """One user's cache and policies; each gateway has a directory of its own."""

    def __init__(self, home: Path, policies: Path, opa: Path, capabilities: Path, pair: KeyPair) -> None:
        self.policies, self.cache = policies, home / "cache"
        self.opa, self.calls = home / "opa", home / "calls"
        self.capabilities = home / "capabilities.json"
        shutil.copy(capabilities, self.capabilities)
        self.opa.write_text(f'#!/bin/sh\necho "$1" >> {self.calls}\nexec {opa} "$@"\n')
        self.opa.chmod(0o755)
        self._home, self._pair = home, pair

    def kept(self, overlay: str = "none") -> KeptBuilds:
        return KeptBuilds(self.cache, overlay=overlay)

    def name(self, overlay: str = "none") -> str:
        return self.kept(overlay).name(read_source(self.policies), self.opa, self.capabilities)

    def asked(self) -> list[str]:
        """What OPA was asked for since the last time."""
        found = self.calls.read_text().split() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return found

    def publish(self, gateway: str, *, overlay: Overlay | None = None, floor: int = 0) -> Bundle:
        live = LivePolicy(
            self.policies,
            opa=self.opa,
            capabilities=self.capabilities,
            key=load_signing_key(self._pair.private, keyid=self._pair.keyid),
            store=ChannelStore(self._home / gateway, {self._pair.keyid: self._pair.public.read_text()}),
            channel="dev",
            overlay=overlay,
            kept=self.kept("none" if overlay is None else "some"),
        )
        return run(live.publish(floor))


@pytest.fixture
def place(tmp_path: Path, policies: Path, opa: Path, capabilities: Path, pair: KeyPair) -> Place:
    return Place(tmp_path, policies, opa, capabilities, pair)


def test_an_unchanged_directory_is_checked_and_built_once_for_all_gateways(place: Place) -> None:
    first = place.publish("a")
    assert place.asked() == ["check", "eval", "build"]
    again, other = place.publish("a"), place.publish("b", floor=41)
    assert place.asked() == []
    assert again.revision == first.revision
    assert (other.seq, other.digest, other.keyid) == (42, first.digest, "k2026")


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize(
    "change",
    [
        lambda place: _append(place.policies / CLIENTS, "# more\n"),
        lambda place: _append(place.policies / "rego/regogate/request/decision.rego", "\n"),
        lambda place: _append(place.policies / "rego/regogate/request/decision_test.rego", "\n"),
        lambda place: _append(place.policies / "schemas/input.json", " "),
        lambda place: (place.policies / "data/site").mkdir() or _append(place.capabilities, "\n"),
        lambda place: place.opa.touch(),
        lambda place: (place.policies / CLIENTS).rename(place.policies / "data/moved.yaml"),
    ],
    ids=["table", "rule", "test", "schema", "capabilities", "opa", "file moved"],
)
def test_whatever_a_build_reads_is_part_of_its_name(place: Place, change: Callable[[Place], object]) -> None:
    before = place.name()
    assert place.name() == before
    change(place)
    assert place.name() != before


def test_what_is_laid_over_the_tables_is_part_of_its_name(place: Place) -> None:
    assert place.name("a") != place.name("b")
    first = place.publish("a")
    assert place.publish("b", overlay=lambda tables: {**tables, "more": {"a": 1}}).digest != first.digest


def test_a_moved_directory_is_the_same(place: Place, tmp_path: Path) -> None:
    before = place.name()
    place.policies = shutil.copytree(place.policies, tmp_path / "copy")
    assert place.name() == before


def test_what_failed_its_check_is_not_kept(place: Place) -> None:
    (place.policies / CLIENTS).write_text("support:\n  tire: default\n")
    for gateway in ("a", "b"):
        with pytest.raises(CheckFailed):
            place.publish(gateway)
        assert "check" in place.asked()
    assert not place.cache.exists()


@pytest.mark.parametrize("wrong", ["half", "no bundle", "open to others"])
def test_a_kept_file_with_a_fault_is_built_anew(place: Place, wrong: str) -> None:
    first = place.publish("a")
    [file] = place.cache.iterdir()
    match wrong:
        case "half":
            file.write_bytes(file.read_bytes()[:-40])
        case "no bundle":
            place.kept()._files.keep(place.name(), b"not gzip")
        case _:
            file.chmod(0o666)
    place.asked()
    assert place.publish("b").digest == first.digest
    assert place.asked() == ["check", "eval", "build"]


def test_a_cache_that_cannot_be_written_costs_only_time(place: Place) -> None:
    place.cache.write_text("a file")
    first, second = place.publish("a"), place.publish("b")
    assert first.digest == second.digest
    assert place.asked().count("build") == 2


def test_a_missing_opa_is_told_before_anything_is_read(place: Place) -> None:
    place.publish("a")
    place.opa.unlink()
    with pytest.raises(OSError, match="opa"):
        asyncio.run(asyncio.to_thread(place.name))
